/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Registering meters, one or a thousand at a time. Keys come in and never go out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/keys.h"
#include "gateway/app/links.h"

#define METERS_MAX 1000u
#define BROKER_MS 3000 /* How long an answer may wait for the broker. */

/* What a home's meter can measure in an hour, unless it is said: 30 kW, 5 m3 of water, 10 m3 of gas. */
static const int64_t default_per_hour[] = {
    [MT_POWER] = 30000, [MT_WATER] = 5000000,         [MT_GAS] = 10000000,
    [MT_HEAT] = 50000,  [MT_MEDIUM_OTHER] = 10000000,
};

struct row {
    struct gw_meter_spec spec;
    char name[MT_NAME_MAX + 1];
    enum gw_registry_verdict verdict;
    char why[160]; /* Set: it was not tried. */
};

struct add_change {
    struct row *rows;
    uint32_t count;
    bool add_households;
    bool wait; /* for the broker */
};

/* ---- reading ---------------------------------------------------------------------------------------- */

static bool read_accept(struct row *row, const char *text)
{
    static const struct {
        const char *name;
        uint8_t accept;
    } names[] = {{"cose", GW_ACCEPT_COSE},
                 {"carrier", GW_ACCEPT_CARRIER},
                 {"both", GW_ACCEPT_COSE | GW_ACCEPT_CARRIER}};
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, text) == 0) {
            row->spec.accept = names[i].accept;
            return true;
        }
    }
    snprintf(row->why, sizeof(row->why), "accept must be cose, carrier or both");
    return false;
}

/* 16 or 32 bytes, for a meter whose own protocol encrypts. */
static bool read_raw_key(struct row *row, const char *text)
{
    size_t len = strlen(text) / 2;
    struct gw_meter_spec *spec = &row->spec;
    if (len == 0 && *text == '\0') {
        return true;
    }
    if ((len != MT_KEY_BYTES && len != GW_RAW_KEY_MAX) || !gw_parse_hex(spec->raw_key, len, text)) {
        snprintf(row->why, sizeof(row->why), "raw_key must be 32 or 64 hexadecimal digits");
        return false;
    }
    if (spec->accept != GW_ACCEPT_CARRIER) {
        snprintf(row->why, sizeof(row->why),
                 "raw_key is for a meter that accepts carrier, and nothing else");
        return false;
    }
    spec->raw_key_len = (uint8_t)len;
    return true;
}

static bool read_terms(struct row *row, const char *tou_from, const char *ladder_start)
{
    struct gw_terms *terms = &row->spec.terms;
    if (*tou_from != '\0' && !gw_parse_day(&terms->tou_from_day, tou_from)) {
        snprintf(row->why, sizeof(row->why), "tou_from must be a date such as 2026-11-23");
        return false;
    }
    if (*ladder_start != '\0' && !gw_parse_month(&terms->ladder_months_year, ladder_start)) {
        snprintf(row->why, sizeof(row->why), "ladder_start must be a month such as 2026-07");
        return false;
    }
    if (terms->ladder_months < 12 && *ladder_start == '\0') {
        snprintf(row->why, sizeof(row->why),
                 "ladder_months needs ladder_start, the month in which that ladder year begins");
        return false;
    }
    return true;
}

static bool read_identity(struct row *row)
{
    if (mt_name_parse(&row->spec.identity, row->name, strlen(row->name)) != MT_OK) {
        snprintf(row->why, sizeof(row->why),
                 "meter must be a name such as pHXE-000012345678: p, w or g, maker, dash, number");
        return false;
    }
    return true;
}

/* Returns false with row->why set. */
static bool read_row(struct row *row, const json_t *object)
{
    struct gw_meter_spec *spec = &row->spec;
    char accept[8] = "cose";
    char raw_key[2 * GW_RAW_KEY_MAX + 1] = "";
    char tou_from[11] = "";
    char ladder_start[8] = "";
    int64_t people = 0;
    int64_t ladder_months = 12;
    const struct gw_api_field fields[] = {
        {"meter", GW_API_TEXT, true, row->name, 1, MT_NAME_MAX, NULL},
        {"key", GW_API_HEX, true, spec->root_key, 0, MT_KEY_BYTES, NULL},
        {"sign_public", GW_API_HEX, false, spec->sign_public, 0, MT_SIGN_PUBLIC_BYTES,
         &spec->has_sign_public},
        {"raw_key", GW_API_TEXT, false, raw_key, 0, sizeof(raw_key) - 1, NULL},
        {"household", GW_API_TEXT, true, spec->household, 1, GW_HOUSEHOLD_ID_MAX, NULL},
        {"tariff", GW_API_TEXT, true, spec->tariff, 1, GW_TARIFF_NAME_MAX, NULL},
        {"accept", GW_API_TEXT, false, accept, 1, sizeof(accept) - 1, NULL},
        {"max_per_hour_units", GW_API_INT, false, &spec->max_per_hour, 1, 1000000000000, NULL},
        {"register_width_units", GW_API_INT, false, &spec->register_width, 0, 1000000000000000,
         NULL},
        {"tou_from", GW_API_TEXT, false, tou_from, 0, sizeof(tou_from) - 1, NULL},
        {"people", GW_API_INT, false, &people, 0, 255, NULL},
        {"low_income", GW_API_BOOL, false, &spec->terms.low_income, 0, 0, NULL},
        {"ladder_months", GW_API_INT, false, &ladder_months, 1, 12, NULL},
        {"ladder_start", GW_API_TEXT, false, ladder_start, 0, sizeof(ladder_start) - 1, NULL},
    };
    spec->terms.tou_from_day = INT32_MAX;
    if (!gw_api_read(object, row->why, sizeof(row->why), fields,
                     sizeof(fields) / sizeof(fields[0])) ||
        !read_identity(row)) {
        return false;
    }
    spec->terms.people = (uint8_t)people;
    spec->terms.ladder_months = (uint8_t)ladder_months;
    if (spec->max_per_hour == 0) {
        spec->max_per_hour = default_per_hour[spec->identity.medium];
    }
    bool fine = read_accept(row, accept) && read_raw_key(row, raw_key);
    explicit_bzero(raw_key, sizeof(raw_key));
    return fine && read_terms(row, tou_from, ladder_start);
}

/* ---- adding ------------------------------------------------------------------------------------------ */

static void add_rows(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct add_change *change = arg;
    (void)app; /* the core decides */
    for (uint32_t i = 0; i < change->count; i++) {
        struct row *row = &change->rows[i];
        if (row->why[0] != '\0') {
            continue;
        }
        if (change->add_households) {
            (void)gw_core_add_household(core, row->spec.household); /* most exist already */
        }
        row->verdict = gw_core_add_meter(core, &row->spec);
    }
}

/* From now on the meter may connect. */
static void give_keys(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct add_change *change = arg;
    uint8_t psk[MT_KEY_BYTES];
    bool any = false;
    for (uint32_t i = 0; i < change->count; i++) {
        const struct row *row = &change->rows[i];
        uint32_t slot = row->why[0] == '\0' && row->verdict == GW_REG_DONE
                            ? gw_core_find_meter(core, row->name, strlen(row->name))
                            : GW_NONE;
        if (slot != GW_NONE && gw_core_meter_psk(psk, core, slot)) {
            gw_links_add_key(app->links, row->name, psk);
            any = true;
        }
    }
    mt_key_wipe(psk, sizeof(psk));
    if (any) {
        gw_keys_changed(app->keys);
    }
}

static json_t *row_json(const struct row *row)
{
    json_t *object = json_object();
    bool untried = row->why[0] != '\0';
    gw_api_put_text(object, "meter", row->name);
    gw_api_put_text(object, "verdict", untried ? "invalid" : gw_api_registry_name(row->verdict));
    gw_api_put_text(object, "advice",
                    untried ? row->why : gw_registry_verdict_advice(row->verdict));
    return object;
}

static json_t *rows_json(const struct add_change *change)
{
    json_t *list = json_array();
    int64_t added = 0;
    for (uint32_t i = 0; i < change->count; i++) {
        const struct row *row = &change->rows[i];
        added += row->why[0] == '\0' && row->verdict == GW_REG_DONE;
        (void)json_array_append_new(list, row_json(row));
    }
    json_t *object = json_object();
    gw_api_put_int(object, "added", added);
    gw_api_put_int(object, "refused", change->count - added);
    gw_api_put(object, "results", list);
    return object;
}

static void answer_one(struct gw_http_reply *reply, struct gw_app *app, const struct row *row,
                       bool wait)
{
    if (row->why[0] != '\0') {
        gw_http_fail(reply, 422, "invalid", "%s.", row->why);
    } else if (row->verdict != GW_REG_DONE) {
        gw_api_fail_registry(reply, row->verdict);
    } else {
        reply->status = 201;
        reply->json = json_object();
        gw_api_put_text(reply->json, "meter", row->name);
        if (wait) {
            gw_api_put_text(reply->json, "broker",
                            gw_keys_wait(app->keys, BROKER_MS) ? "ready" : "later");
        }
    }
}

/* rows holds the objects of `list`, or the one object itself. */
static void add(struct gw_app *app, struct gw_http_reply *reply, struct add_change *change,
                const json_t *list, const json_t *one)
{
    struct gw_call call = {
        .kind = GW_CALL_CHANGE, .run = add_rows, .after = give_keys, .arg = change};
    for (uint32_t i = 0; i < change->count; i++) {
        const json_t *object = list != NULL ? json_array_get(list, i) : one;
        if (!read_row(&change->rows[i], object) && change->rows[i].why[0] == '\0') {
            snprintf(change->rows[i].why, sizeof(change->rows[i].why), "not understood");
        }
    }
    if (!gw_api_call(app, reply, &call)) {
        return;
    }
    if (list == NULL) {
        answer_one(reply, app, &change->rows[0], change->wait);
    } else {
        reply->json = rows_json(change);
    }
}

void gw_api_meter_add(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct add_change change = {.count = 1};
    if (!gw_api_queries_known(request, reply, "wait")) {
        return;
    }
    const char *wait = gw_http_query(request, "wait");
    change.wait = wait != NULL;
    if (wait != NULL && strcmp(wait, "broker") != 0) {
        gw_http_fail(reply, 400, "bad_parameter", "The parameter wait must be broker.");
        return;
    }
    json_t *body = gw_api_body(request, reply);
    if (body == NULL) {
        return;
    }
    const json_t *list = json_object_get(body, "meters");
    change.add_households = json_is_true(json_object_get(body, "add_households"));
    (void)json_object_del(body, "add_households"); /* a member of both forms */
    if (list != NULL) {
        change.count = (uint32_t)json_array_size(list);
    }
    if (list != NULL && (!json_is_array(list) || json_object_size(body) != 1 ||
                         json_array_size(list) < 1 || json_array_size(list) > METERS_MAX)) {
        gw_http_fail(reply, 422, "invalid",
                     "meters must be a list of 1 to %u meters, and with it only add_households.",
                     METERS_MAX);
    } else if ((change.rows = calloc(change.count, sizeof(*change.rows))) == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the request.");
    } else {
        add(arg, reply, &change, list, body);
        mt_key_wipe(change.rows, change.count * sizeof(*change.rows));
        free(change.rows);
    }
    json_decref(body);
}
