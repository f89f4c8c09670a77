/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tariffs: list, load, announce a critical-peak day. */
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"

/* ---- list -------------------------------------------------------------------------------------------- */

struct list_look {
    struct gw_tariff tariffs[GW_TARIFFS_MAX];
    uint32_t count;
};

static void look_list(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct list_look *look = arg;
    const struct gw_tariff *tariff = NULL;
    (void)app; /* the core knows all of it */
    while (look->count < GW_TARIFFS_MAX && (tariff = gw_core_tariff(core, look->count)) != NULL) {
        look->tariffs[look->count++] = *tariff;
    }
}

static json_t *tariff_json(const struct gw_tariff *tariff)
{
    char text[GW_FORMAT_MAX];
    json_t *object = json_object();
    json_t *payees = json_array();
    json_t *versions = json_array();
    json_t *days = json_array();
    for (uint32_t i = 0; i < tariff->payee_count; i++) {
        (void)json_array_append_new(payees, json_string(tariff->payees[i]));
    }
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        json_t *version = json_object();
        gw_api_put_text(version, "id", tariff->versions[i].id);
        gw_api_put_time(version, "from", tariff->versions[i].from_us);
        (void)json_array_append_new(versions, version);
    }
    for (uint32_t i = 0; i < tariff->critical_day_count; i++) {
        gw_format_day(text, tariff->critical_days[i]);
        (void)json_array_append_new(days, json_string(text));
    }
    gw_api_put_text(object, "tariff", tariff->name);
    gw_api_put_text(object, "medium", gw_medium_name(tariff->medium));
    gw_api_put(object, "payees", payees);
    gw_api_put(object, "versions", versions);
    gw_api_put(object, "critical_days", days);
    return object;
}

void gw_api_tariff_list(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    struct list_look *look = calloc(1, sizeof(*look));
    if (look == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_list, .arg = look};
    if (gw_api_call(arg, reply, &call)) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < look->count; i++) {
            (void)json_array_append_new(list, tariff_json(&look->tariffs[i]));
        }
        reply->json = json_object();
        gw_api_put(reply->json, "tariffs", list);
    }
    free(look);
}

/* ---- load -------------------------------------------------------------------------------------------- */

struct load_change {
    struct gw_tariff tariff;
    const char *text;
    size_t text_len;
    enum gw_registry_verdict verdict;
};

static void load_tariff(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct load_change *change = arg;
    (void)app; /* the core decides */
    change->verdict = gw_core_load_tariff(core, &change->tariff, change->text, change->text_len);
}

void gw_api_tariff_load(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    char why[GW_YAML_WHY_MAX];
    struct gw_yaml_source source = {.name = "request",
                                    .text = request->body,
                                    .len = request->body_len};
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    struct load_change *change = calloc(1, sizeof(*change));
    if (change == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the request.");
        return;
    }
    change->text = request->body;
    change->text_len = request->body_len;
    struct gw_call call = {.kind = GW_CALL_CHANGE_ALONE, .run = load_tariff, .arg = change};
    if (gw_tariff_file_parse(&change->tariff, NULL, why, sizeof(why), &source) != GW_OK) {
        gw_http_fail(reply, 422, "invalid", "%s", why);
    } else if (!gw_api_call(arg, reply, &call)) {
        /* the complaint is made */
    } else if (change->verdict != GW_REG_DONE) {
        gw_api_fail_registry(reply, change->verdict);
    } else {
        reply->status = 201;
        reply->json = tariff_json(&change->tariff);
    }
    free(change);
}

/* ---- announce ------------------------------------------------------------------------------------------ */

struct announce_change {
    const char *tariff;
    int32_t day;
    enum gw_registry_verdict verdict;
};

static void announce(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct announce_change *change = arg;
    (void)app; /* the core decides */
    change->verdict = gw_core_announce_day(core, change->tariff, change->day);
}

void gw_api_tariff_announce(void *arg, const struct gw_http_request *request,
                            struct gw_http_reply *reply)
{
    char date[11] = "";
    char why[160];
    const struct gw_api_field fields[] = {
        {"date", GW_API_TEXT, true, date, 1, sizeof(date) - 1, NULL}};
    struct announce_change change = {.tariff = request->params[0]};
    struct gw_call call = {.kind = GW_CALL_CHANGE, .run = announce, .arg = &change};
    json_t *body = gw_api_queries_known(request, reply, "") ? gw_api_body(request, reply) : NULL;
    if (body == NULL) {
        return;
    }
    if (!gw_api_read(body, why, sizeof(why), fields, 1)) {
        gw_http_fail(reply, 422, "invalid", "%s.", why);
    } else if (!gw_parse_day(&change.day, date)) {
        gw_http_fail(reply, 422, "invalid", "date must be a day such as 2026-11-23.");
    } else if (!gw_api_call(arg, reply, &call)) {
        /* the complaint is made */
    } else if (change.verdict != GW_REG_DONE) {
        gw_api_fail_registry(reply, change.verdict);
    } else {
        reply->status = 201;
        reply->json = json_object();
        gw_api_put_text(reply->json, "tariff", change.tariff);
        gw_api_put_text(reply->json, "date", date);
    }
    json_decref(body);
}
