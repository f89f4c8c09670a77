/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the API's handlers share: amounts, times and bodies as JSON, calls to the core. Private to api_*.c. */
#ifndef GATEWAY_APP_API_TOOLS_H
#define GATEWAY_APP_API_TOOLS_H

#include "gateway/app/api.h"
#include "gateway/app/app.h"
#include "gateway/app/format.h"

/* ---- writing ---- */

/** Put a value under a name. A NULL value (no memory) or text that is not UTF-8 becomes null. */
void gw_api_put(json_t *object, const char *name, json_t *value);
void gw_api_put_text(json_t *object, const char *name, const char *text);
void gw_api_put_int(json_t *object, const char *name, int64_t value);
/** name: ISO 8601 local, name_us: microseconds; both null for 0 or INT64_MAX (never). */
void gw_api_put_time(json_t *object, const char *name, int64_t time_us);
/** name_ufen and name_yuan. */
void gw_api_put_ufen(json_t *object, const char *name, int64_t ufen);
/** name_fen and name_yuan. */
void gw_api_put_fen(json_t *object, const char *name, int64_t fen);
/** name_units (Wh or ml) and name (decimal text in kWh or m3). */
void gw_api_put_units(json_t *object, const char *name, int64_t units, uint8_t medium);

/* ---- reading ---- */

enum gw_api_type {
    GW_API_TEXT, /**< out: char[max + 1]; min characters at least. */
    GW_API_INT,  /**< out: int64_t within min..max. */
    GW_API_BOOL, /**< out: bool. */
    GW_API_HEX,  /**< out: uint8_t[max], exactly that many bytes. */
};

/** One member of a body. */
struct gw_api_field {
    const char *name;
    enum gw_api_type type;
    bool required;
    void *out; /**< Untouched when the member is missing. */
    int64_t min;
    int64_t max;
    bool *given; /**< Set to true when it was there; NULL: not wanted. */
};

/** Parse the request's body as one JSON object or array. Returns it, owned by the caller, or NULL with a
 *  complaint in reply. */
MT_MUST_USE json_t *gw_api_body(const struct gw_http_request *request, struct gw_http_reply *reply);

/** Read an object's members; one that no field names is refused. Returns false with a sentence in why. */
MT_MUST_USE bool gw_api_read(const json_t *object, char *why, size_t why_max,
                             const struct gw_api_field *fields, uint32_t count);

/** A query parameter as a number. Returns false, with a complaint in reply, when it is there and is no
 *  number within min..max. *value is untouched when it is not there. */
MT_MUST_USE bool gw_api_query_int(const struct gw_http_request *request,
                                  struct gw_http_reply *reply, const char *name, int64_t *value,
                                  int64_t min, int64_t max);

/** Refuse query parameters that the route does not know (known: space-separated names). Returns false
 *  with a complaint. */
MT_MUST_USE bool gw_api_queries_known(const struct gw_http_request *request,
                                      struct gw_http_reply *reply, const char *known);

/* ---- the core ---- */

/** Make the call. Returns false with a complaint in reply when it did not run or is not durable. */
MT_MUST_USE bool gw_api_call(struct gw_app *app, struct gw_http_reply *reply, struct gw_call *call);

/** The status code and short name of a registry verdict that is not GW_REG_DONE. */
unsigned gw_api_registry_status(enum gw_registry_verdict verdict);
const char *gw_api_registry_name(enum gw_registry_verdict verdict);

/** Complain about a registry verdict. */
void gw_api_fail_registry(struct gw_http_reply *reply, enum gw_registry_verdict verdict);

#endif
