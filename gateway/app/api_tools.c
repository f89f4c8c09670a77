/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/api_tools.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64u

/* ---- writing ------------------------------------------------------------------------------------- */

void gw_api_put(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value != NULL ? value : json_null());
}

void gw_api_put_text(json_t *object, const char *name, const char *text)
{
    gw_api_put(object, name, json_string(text));
}

void gw_api_put_int(json_t *object, const char *name, int64_t value)
{
    gw_api_put(object, name, json_integer(value));
}

void gw_api_put_time(json_t *object, const char *name, int64_t time_us)
{
    char name_us[NAME_BYTES];
    char text[GW_FORMAT_MAX];
    snprintf(name_us, sizeof(name_us), "%s_us", name);
    if (time_us == 0 || time_us == INT64_MAX) {
        gw_api_put(object, name, NULL);
        gw_api_put(object, name_us, NULL);
        return;
    }
    gw_format_time(text, time_us);
    gw_api_put_text(object, name, text);
    gw_api_put_int(object, name_us, time_us);
}

static void put_money(json_t *object, const char *name, const char *unit, int64_t value,
                      const char *yuan)
{
    char member[NAME_BYTES];
    snprintf(member, sizeof(member), "%s_%s", name, unit);
    gw_api_put_int(object, member, value);
    snprintf(member, sizeof(member), "%s_yuan", name);
    gw_api_put_text(object, member, yuan);
}

void gw_api_put_ufen(json_t *object, const char *name, int64_t ufen)
{
    char text[GW_FORMAT_MAX];
    gw_format_ufen(text, ufen);
    put_money(object, name, "ufen", ufen, text);
}

void gw_api_put_fen(json_t *object, const char *name, int64_t fen)
{
    char text[GW_FORMAT_MAX];
    gw_format_fen(text, fen);
    put_money(object, name, "fen", fen, text);
}

void gw_api_put_units(json_t *object, const char *name, int64_t units, uint8_t medium)
{
    char member[NAME_BYTES];
    char text[GW_FORMAT_MAX];
    snprintf(member, sizeof(member), "%s_units", name);
    gw_format_units(text, units, medium);
    gw_api_put_text(object, name, text);
    gw_api_put_int(object, member, units);
}

/* ---- reading ------------------------------------------------------------------------------------- */

json_t *gw_api_body(const struct gw_http_request *request, struct gw_http_reply *reply)
{
    json_error_t error;
    if (request->body_len == 0) {
        gw_http_fail(reply, 400, "body_missing",
                     "Send a JSON body; docs/openapi.yaml describes it.");
        return NULL;
    }
    json_t *body = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
    if (body == NULL) {
        gw_http_fail(reply, 400, "not_json", "The body is no JSON: line %d, column %d: %s.",
                     error.line, error.column, error.text);
    }
    return body;
}

static const struct gw_api_field *field_of(const struct gw_api_field *fields, uint32_t count,
                                           const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static bool read_text(char *why, size_t why_max, const struct gw_api_field *field,
                      const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (text == NULL || strlen(text) != len) {
        snprintf(why, why_max, "%s must be a text", field->name);
        return false;
    }
    if (field->type == GW_API_HEX) {
        if (!gw_parse_hex(field->out, (size_t)field->max, text)) {
            snprintf(why, why_max, "%s must be %" PRId64 " hexadecimal digits", field->name,
                     2 * field->max);
            return false;
        }
        return true;
    }
    if (len < (size_t)field->min || len > (size_t)field->max) {
        snprintf(why, why_max, "%s must have %" PRId64 " to %" PRId64 " characters", field->name,
                 field->min, field->max);
        return false;
    }
    memcpy(field->out, text, len + 1);
    return true;
}

static bool read_field(char *why, size_t why_max, const struct gw_api_field *field,
                       const json_t *value)
{
    if (field->given != NULL) {
        *field->given = true;
    }
    switch (field->type) {
    case GW_API_TEXT:
    case GW_API_HEX:
        return read_text(why, why_max, field, value);
    case GW_API_INT: {
        int64_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < field->min || number > field->max) {
            snprintf(why, why_max, "%s must be a whole number from %" PRId64 " to %" PRId64,
                     field->name, field->min, field->max);
            return false;
        }
        *(int64_t *)field->out = number;
        return true;
    }
    case GW_API_BOOL:
        if (!json_is_boolean(value)) {
            snprintf(why, why_max, "%s must be true or false", field->name);
            return false;
        }
        *(bool *)field->out = json_is_true(value);
        return true;
    }
    return false;
}

bool gw_api_read(const json_t *object, char *why, size_t why_max, const struct gw_api_field *fields,
                 uint32_t count)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(object)) {
        snprintf(why, why_max, "an object {...} is expected");
        return false;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        const struct gw_api_field *field = field_of(fields, count, name);
        if (field == NULL) {
            snprintf(why, why_max, "there is no member '%.60s'", name);
            return false;
        }
        if (!json_is_null(value) && !read_field(why, why_max, field, value)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        value = json_object_get(object, fields[i].name);
        if (fields[i].required && (value == NULL || json_is_null(value))) {
            snprintf(why, why_max, "%s is missing", fields[i].name);
            return false;
        }
    }
    return true;
}

bool gw_api_query_int(const struct gw_http_request *request, struct gw_http_reply *reply,
                      const char *name, int64_t *value, int64_t min, int64_t max)
{
    const char *text = gw_http_query(request, name);
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    bool plain = *text >= '0' && *text <= '9' && strlen(text) <= 18 && *end == '\0';
    if (!plain || number < min || number > max) {
        gw_http_fail(reply, 400, "bad_parameter",
                     "The parameter %s must be a number from %" PRId64 " to %" PRId64 ".", name,
                     min, max);
        return false;
    }
    *value = number;
    return true;
}

struct known {
    const char *names;
    char unknown[64];
};

static bool is_known(void *arg, const char *name, const char *value)
{
    struct known *known = arg;
    size_t len = strlen(name);
    (void)value; /* only the name is judged */
    for (const char *p = known->names; *p != '\0'; p += strcspn(p, " "), p += *p == ' ') {
        if (strcspn(p, " ") == len && strncmp(p, name, len) == 0) {
            return true;
        }
    }
    snprintf(known->unknown, sizeof(known->unknown), "%s", name);
    return false;
}

bool gw_api_queries_known(const struct gw_http_request *request, struct gw_http_reply *reply,
                          const char *known)
{
    struct known k = {.names = known};
    if (gw_http_queries(request, &k, is_known)) {
        return true;
    }
    gw_http_fail(reply, 400, "bad_parameter", "There is no parameter '%s' here%s%s.", k.unknown,
                 *known != '\0' ? "; known: " : "", known);
    return false;
}

/* ---- the core ------------------------------------------------------------------------------------ */

bool gw_api_call(struct gw_app *app, struct gw_http_reply *reply, struct gw_call *call)
{
    enum gw_status status = gw_calls_do(&app->calls, call);
    if (status == GW_OK) {
        return true;
    }
    if (status == GW_FULL) {
        gw_http_fail(
            reply, 507, "disk_full",
            "The disk has no room for the store, nothing was changed; make room and ask again.");
    } else if (status == GW_BUSY) {
        gw_http_fail(
            reply, 503, "busy",
            "The gateway starts, stops or waits for its store or its clock; `meterpay status` "
            "says which.");
    } else {
        gw_http_fail(reply, 503, "store_failed",
                     "The store failed, nothing was changed; `meterpay alarms` says why.");
    }
    return false;
}

static const struct {
    const char *name;
    unsigned status;
} registry_texts[] = {
    [GW_REG_DONE] = {"done", 200},
    [GW_REG_EXISTS] = {"exists", 409},
    [GW_REG_NO_METER] = {"no_such_meter", 404},
    [GW_REG_NO_HOUSEHOLD] = {"no_such_household", 404},
    [GW_REG_NO_TARIFF] = {"no_such_tariff", 404},
    [GW_REG_NO_BINDING] = {"no_such_binding", 404},
    [GW_REG_MEDIUM] = {"other_medium", 409},
    [GW_REG_BOUND] = {"bound_already", 409},
    [GW_REG_FULL] = {"limit_reached", 507},
    [GW_REG_INVALID] = {"invalid", 422},
    [GW_REG_PAYEES] = {"too_many_payees", 409},
    [GW_REG_RETROACTIVE] = {"retroactive", 409},
};

unsigned gw_api_registry_status(enum gw_registry_verdict verdict)
{
    return registry_texts[verdict].status;
}

const char *gw_api_registry_name(enum gw_registry_verdict verdict)
{
    return registry_texts[verdict].name;
}

void gw_api_fail_registry(struct gw_http_reply *reply, enum gw_registry_verdict verdict)
{
    gw_http_fail(reply, gw_api_registry_status(verdict), gw_api_registry_name(verdict), "%s",
                 gw_registry_verdict_advice(verdict));
}
