/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Foreign devices: which is which meter, and what they said that was refused. */
#include <stdio.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/grants.h"
#include "gateway/app/links.h"

#define PAGE_MAX 1000
#define PASSWORD_MIN 12
#define PASSWORD_MAX 64

/* ---- looking ------------------------------------------------------------------------------------------- */

static json_t *binding_json(const struct gw_binding *binding)
{
    json_t *object = json_object();
    gw_api_put_text(object, "mapping", binding->mapping);
    gw_api_put_text(object, "device", binding->names.device);
    gw_api_put_text(object, "channel", binding->names.channel);
    gw_api_put_text(object, "unit", binding->unit);
    gw_api_put_text(object, "meter", binding->meter);
    gw_api_put_text(object, "user", binding->user);
    return object;
}

static json_t *mappings_json(struct gw_sources *sources)
{
    char name[GW_MAPPING_NAME_MAX + 1];
    json_t *list = json_array();
    for (uint32_t i = 0; gw_sources_mapping(name, sources, i); i++) {
        (void)json_array_append_new(list, json_string(name));
    }
    return list;
}

void gw_api_source_list(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    struct gw_sources *sources = gw_links_sources(app->links);
    struct gw_binding binding;
    int64_t limit = 100;
    int64_t after = 0;
    if (!gw_api_queries_known(request, reply, "after limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX) ||
        !gw_api_query_int(request, reply, "after", &after, 0, UINT32_MAX)) {
        return;
    }
    json_t *list = json_array();
    uint32_t at = (uint32_t)after;
    for (; json_array_size(list) < (size_t)limit && gw_sources_binding(&binding, sources, at);
         at++) {
        (void)json_array_append_new(list, binding_json(&binding));
    }
    bool more = gw_sources_binding(&binding, sources, at);
    reply->json = json_object();
    gw_api_put(reply->json, "sources", list);
    gw_api_put(reply->json, "next", more ? json_integer(at) : NULL);
    gw_api_put(reply->json, "mappings", mappings_json(sources));
}

void gw_api_source_refusals(void *arg, const struct gw_http_request *request,
                            struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    struct gw_source_refusal refusal;
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; gw_sources_refusal(&refusal, gw_links_sources(app->links), i); i++) {
        bool unbound = refusal.verdict == GW_MAPPING_DONE;
        json_t *row = json_object();
        gw_api_put_time(row, "time", refusal.time_us);
        gw_api_put_text(row, "mapping", refusal.mapping);
        gw_api_put_text(row, "device", refusal.names.device);
        gw_api_put_text(row, "channel", refusal.names.channel);
        gw_api_put_text(row, "verdict",
                        unbound ? "unbound" : gw_mapping_verdict_name(refusal.verdict));
        gw_api_put_text(row, "why", refusal.why);
        gw_api_put_text(row, "advice",
                        unbound ? "Bind it to a meter: meterpay source add."
                                : gw_mapping_verdict_advice(refusal.verdict));
        (void)json_array_append_new(list, row);
    }
    reply->json = json_object();
    gw_api_put(reply->json, "refusals", list);
}

/* ---- changing ------------------------------------------------------------------------------------------ */

struct meter_look {
    const char *name;
    bool found;
    bool by_carrier;
};

static void look_meter(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct meter_look *look = arg;
    struct gw_meter_view view;
    uint32_t slot = gw_core_find_meter(core, look->name, strlen(look->name));
    (void)app; /* the core knows all of it */
    look->found = slot != GW_NONE && gw_core_meter(&view, core, slot);
    look->by_carrier = look->found && (view.accept & GW_ACCEPT_CARRIER) != 0;
}

/* What is wrong with a line, without the file's name and number: nobody wrote that line yet. */
static const char *bare(const char *why)
{
    const char *at = strstr(why, ".new:");
    const char *colon = at != NULL ? strstr(at + 5, ": ") : NULL;
    return colon != NULL ? colon + 2 : why;
}

static void fail_change(struct gw_http_reply *reply, enum gw_status status, const char *why)
{
    if (status == GW_INVALID) {
        gw_http_fail(reply, 422, "invalid", "Not bound: %s.", bare(why));
    } else {
        gw_http_fail(reply, 503, "store_failed", "Not bound: %s.", why);
    }
}

/* The broker follows. A binding without its grant is harmless, and the alarm says that it lacks it. */
static void tell_broker(struct gw_app *app, const char *user, const char *password)
{
    char why[GW_BROKER_WHY_BYTES] = "";
    enum gw_status status = gw_grants_write(app, why, user, password);
    gw_alarm_set(&app->alarms, GW_ALARM_BROKER_GRANTS, gw_clock_now_us(&app->clock),
                 status != GW_OK, why);
    gw_links_sources_changed(app->links);
}

static bool read_source(struct gw_binding *binding, char password[PASSWORD_MAX + 1],
                        struct gw_http_reply *reply, const json_t *body)
{
    char why[GW_HTTP_PROBLEM_BYTES] = "";
    const struct gw_api_field fields[] = {
        {"mapping", GW_API_TEXT, true, binding->mapping, 1, GW_MAPPING_NAME_MAX, NULL},
        {"device", GW_API_TEXT, true, binding->names.device, 1, GW_MAPPING_DEVICE_MAX, NULL},
        {"meter", GW_API_TEXT, true, binding->meter, 1, MT_NAME_MAX, NULL},
        {"channel", GW_API_TEXT, false, binding->names.channel, 0, GW_MAPPING_CHANNEL_MAX, NULL},
        {"unit", GW_API_TEXT, false, binding->unit, 0, GW_SOURCE_UNIT_MAX, NULL},
        {"user", GW_API_TEXT, false, binding->user, 0, GW_SOURCE_USER_MAX, NULL},
        {"password", GW_API_TEXT, false, password, PASSWORD_MIN, PASSWORD_MAX, NULL},
    };
    if (!gw_api_read(body, why, sizeof(why), fields, sizeof(fields) / sizeof(fields[0]))) {
        gw_http_fail(reply, 422, "invalid", "%s.", why);
        return false;
    }
    if (password[0] != '\0' && binding->user[0] == '\0') {
        gw_http_fail(reply, 422, "invalid", "A password needs the user whose it is.");
        return false;
    }
    return true;
}

static bool check_meter(struct gw_app *app, struct gw_http_reply *reply, const char *name)
{
    struct meter_look look = {.name = name};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_meter, .arg = &look};
    if (!gw_api_call(app, reply, &call)) {
        return false;
    }
    if (!look.found) {
        gw_http_fail(reply, 404, "no_such_meter", "There is no meter %s: add it first.", name);
        return false;
    }
    if (!look.by_carrier) {
        gw_http_fail(reply, 409, "accept",
                     "%s takes its own protected messages only: it has to accept its carrier's "
                     "word (meter add --accept carrier).",
                     name);
        return false;
    }
    return true;
}

static void add(struct gw_app *app, struct gw_http_reply *reply, const struct gw_binding *binding,
                const char *password)
{
    char why[GW_SOURCE_WHY_BYTES] = "";
    bool has_password = *password != '\0';
    if (has_password && strcmp(binding->user, app->config.mqtt_username) == 0) {
        gw_http_fail(reply, 422, "invalid", "%s is the gateway's own user.", binding->user);
        return;
    }
    enum gw_status status = gw_sources_add(gw_links_sources(app->links), why, binding);
    if (status != GW_OK) {
        fail_change(reply, status, why);
        return;
    }
    tell_broker(app, has_password ? binding->user : NULL, has_password ? password : NULL);
    reply->status = 201;
    reply->json = binding_json(binding);
}

void gw_api_source_add(void *arg, const struct gw_http_request *request,
                       struct gw_http_reply *reply)
{
    struct gw_binding binding = {.mapping = ""};
    char password[PASSWORD_MAX + 1] = "";
    json_t *body = gw_api_queries_known(request, reply, "") ? gw_api_body(request, reply) : NULL;
    if (body == NULL) {
        return;
    }
    if (read_source(&binding, password, reply, body) && check_meter(arg, reply, binding.meter)) {
        add(arg, reply, &binding, password);
    }
    explicit_bzero(password, sizeof(password));
    json_decref(body);
}

void gw_api_source_remove(void *arg, const struct gw_http_request *request,
                          struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    char why[GW_SOURCE_WHY_BYTES] = "";
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    enum gw_status status =
        gw_sources_remove(gw_links_sources(app->links), why, request->params[0]);
    if (status == GW_END) {
        gw_http_fail(reply, 404, "not_bound", "No device is bound to %s.", request->params[0]);
        return;
    }
    if (status != GW_OK) {
        fail_change(reply, status, why);
        return;
    }
    tell_broker(app, NULL, NULL);
    reply->json = json_object();
    gw_api_put_text(reply->json, "meter", request->params[0]);
}
