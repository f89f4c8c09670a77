/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Households: list, show, add; wallets: bind, unbind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_views.h"

#define PAGE_MAX 1000
#define ADD_MAX 5000u
#define METERS_SHOWN 64u
#define BINDINGS_SHOWN 64u /* A household has no more. */

/* ---- list ------------------------------------------------------------------------------------------- */

struct list_look {
    uint32_t after;
    uint32_t max;
    struct gw_household_view *views;
    uint32_t count;
    uint32_t total;
};

static void look_list(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct list_look *look = arg;
    struct gw_counters counters;
    (void)app; /* the core knows all of it */
    gw_core_counters(&counters, core);
    look->total = counters.households;
    while (look->count < look->max &&
           gw_core_household(&look->views[look->count], core, look->after + look->count)) {
        look->count++;
    }
}

/* What is owed but not taken yet: less than a fen a payee once all is settled. */
static int64_t carried_ufen(const struct gw_household_view *view)
{
    return view->charged_ufen - view->taken_fen * 1000000;
}

static void put_money(json_t *object, const struct gw_household_view *view)
{
    gw_api_put_ufen(object, "charged", view->charged_ufen);
    gw_api_put_fen(object, "taken", view->taken_fen);
    gw_api_put_fen(object, "settled", view->settled_fen);
    gw_api_put_ufen(object, "carried", carried_ufen(view));
}

void gw_api_household_list(void *arg, const struct gw_http_request *request,
                           struct gw_http_reply *reply)
{
    int64_t limit = 100;
    int64_t after = 0;
    if (!gw_api_queries_known(request, reply, "after limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX) ||
        !gw_api_query_int(request, reply, "after", &after, 0, UINT32_MAX)) {
        return;
    }
    struct list_look look = {.after = (uint32_t)after, .max = (uint32_t)limit};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_list, .arg = &look};
    look.views = calloc((size_t)limit, sizeof(*look.views));
    if (look.views == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    if (gw_api_call(arg, reply, &call)) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < look.count; i++) {
            json_t *object = json_object();
            gw_api_put_text(object, "household", look.views[i].id);
            put_money(object, &look.views[i]);
            (void)json_array_append_new(list, object);
        }
        uint32_t next = look.after + look.count;
        reply->json = json_object();
        gw_api_put(reply->json, "households", list);
        gw_api_put(reply->json, "next",
                   look.count > 0 && next < look.total ? json_integer(next) : NULL);
    }
    free(look.views);
}

/* ---- show -------------------------------------------------------------------------------------------- */

struct show_look {
    const char *id;
    bool found;
    struct gw_household_view view;
    struct gw_meter_view meters[METERS_SHOWN];
    uint32_t meter_count;
    bool more_meters;
    struct gw_binding_view bindings[BINDINGS_SHOWN];
    uint32_t binding_count;
};

static void look_household(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct show_look *look = arg;
    (void)app; /* the core knows all of it */
    uint32_t slot = gw_core_find_household(core, look->id, strlen(look->id));
    look->found = slot != GW_NONE && gw_core_household(&look->view, core, slot);
    if (!look->found) {
        return;
    }
    uint32_t meter = look->view.meter_first;
    while (meter != GW_NONE && look->meter_count < METERS_SHOWN &&
           gw_core_meter(&look->meters[look->meter_count], core, meter)) {
        look->meter_count++;
        meter = gw_core_next_meter(core, meter);
    }
    look->more_meters = meter != GW_NONE;
    uint32_t binding = look->view.binding_newest;
    while (binding != GW_NONE && look->binding_count < BINDINGS_SHOWN &&
           gw_core_binding(&look->bindings[look->binding_count], core, binding)) {
        binding = look->bindings[look->binding_count++].older;
    }
}

static json_t *meters_json(const struct show_look *look)
{
    json_t *list = json_array();
    for (uint32_t i = look->meter_count; i > 0; i--) { /* the oldest first */
        const struct gw_meter_view *view = &look->meters[i - 1];
        char name[MT_NAME_MAX + 1];
        json_t *object = json_object();
        (void)mt_name_format(name, &view->identity); /* its length is not needed */
        gw_api_put_text(object, "meter", name);
        gw_api_put_text(object, "medium", gw_medium_name(view->identity.medium));
        gw_api_put_text(object, "tariff", view->tariff);
        gw_api_put_ufen(object, "charged", view->charged_ufen);
        gw_api_put_time(object, "heard", view->heard_us);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static void put_cap(json_t *object, const char *name, int64_t cap_fen)
{
    gw_api_put(object, name, cap_fen == INT64_MAX ? NULL : json_integer(cap_fen));
}

static json_t *bindings_json(const struct show_look *look)
{
    json_t *list = json_array();
    for (uint32_t i = look->binding_count; i > 0; i--) { /* the oldest first: it pays first */
        const struct gw_binding_view *view = &look->bindings[i - 1];
        json_t *object = json_object();
        gw_api_put_text(object, "wallet", view->wallet);
        gw_api_put_text(object, "mandate", view->mandate);
        put_cap(object, "cap_single_fen", view->cap_single_fen);
        put_cap(object, "cap_day_fen", view->cap_day_fen);
        gw_api_put(object, "bound", json_boolean(view->to_us == INT64_MAX));
        gw_api_put_time(object, "from", view->from_us);
        gw_api_put_time(object, "to", view->to_us);
        gw_api_put_fen(object, "taken", view->taken_fen);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *payees_json(const struct gw_household_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->payee_count; i++) {
        json_t *object = json_object();
        gw_api_put_text(object, "payee", view->payees[i].payee);
        gw_api_put_ufen(object, "charged", view->payees[i].charged_ufen);
        gw_api_put_fen(object, "taken", view->payees[i].taken_fen);
        (void)json_array_append_new(list, object);
    }
    return list;
}

void gw_api_household_show(void *arg, const struct gw_http_request *request,
                           struct gw_http_reply *reply)
{
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    struct show_look *look = calloc(1, sizeof(*look));
    if (look == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    look->id = request->params[0];
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_household, .arg = look};
    if (gw_api_call(arg, reply, &call)) {
        reply->json = json_object();
        gw_api_put_text(reply->json, "household", look->view.id);
        put_money(reply->json, &look->view);
        gw_api_put(reply->json, "payees", payees_json(&look->view));
        gw_api_put(reply->json, "open_order",
                   look->view.open_order == 0 ? NULL
                                              : json_integer((json_int_t)look->view.open_order));
        gw_api_put_time(reply->json, "next_order", look->view.next_order_us);
        gw_api_put(reply->json, "meters", meters_json(look));
        gw_api_put(reply->json, "more_meters", json_boolean(look->more_meters));
        gw_api_put(reply->json, "wallets", bindings_json(look));
        if (!look->found) {
            gw_http_fail(reply, 404, "no_such_household",
                         "There is no household %s; `meterpay household add %s` adds it.", look->id,
                         look->id);
        }
    }
    free(look);
}

/* ---- add ---------------------------------------------------------------------------------------------- */

struct add_change {
    char (*ids)[GW_HOUSEHOLD_ID_MAX + 1];
    enum gw_registry_verdict *verdicts;
    uint32_t count;
};

static void add_households(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct add_change *change = arg;
    (void)app; /* the core decides */
    for (uint32_t i = 0; i < change->count; i++) {
        change->verdicts[i] = gw_core_add_household(core, change->ids[i]);
    }
}

static json_t *added_json(const struct add_change *change)
{
    json_t *list = json_array();
    int64_t added = 0;
    for (uint32_t i = 0; i < change->count; i++) {
        json_t *object = json_object();
        added += change->verdicts[i] == GW_REG_DONE;
        gw_api_put_text(object, "household", change->ids[i]);
        gw_api_put_text(object, "verdict", gw_api_registry_name(change->verdicts[i]));
        gw_api_put_text(object, "advice", gw_registry_verdict_advice(change->verdicts[i]));
        (void)json_array_append_new(list, object);
    }
    json_t *object = json_object();
    gw_api_put_int(object, "added", added);
    gw_api_put_int(object, "refused", change->count - added);
    gw_api_put(object, "results", list);
    return object;
}

/* An id that is too long or no text stays empty, and the core refuses it. */
static void read_id(char id[GW_HOUSEHOLD_ID_MAX + 1], const json_t *value)
{
    const char *text = json_string_value(value);
    if (text != NULL && json_string_length(value) <= GW_HOUSEHOLD_ID_MAX) {
        snprintf(id, GW_HOUSEHOLD_ID_MAX + 1, "%s", text);
    }
}

void gw_api_household_add(void *arg, const struct gw_http_request *request,
                          struct gw_http_reply *reply)
{
    json_t *body = gw_api_queries_known(request, reply, "") ? gw_api_body(request, reply) : NULL;
    if (body == NULL) {
        return;
    }
    const json_t *one = json_object_get(body, "household");
    const json_t *list = json_object_get(body, "households");
    size_t count = json_is_array(list) ? json_array_size(list) : one != NULL ? 1 : 0;
    struct add_change change = {.count = (uint32_t)count};
    struct gw_call call = {.kind = GW_CALL_CHANGE, .run = add_households, .arg = &change};
    if (json_object_size(body) != 1 || count < 1 || count > ADD_MAX) {
        gw_http_fail(
            reply, 422, "invalid",
            "Send {\"household\": ID} or {\"households\": [ID, ...]} with 1 to %u of them.",
            ADD_MAX);
        json_decref(body);
        return;
    }
    change.ids = calloc(count, sizeof(*change.ids));
    change.verdicts = calloc(count, sizeof(*change.verdicts));
    for (size_t i = 0; change.ids != NULL && i < count; i++) {
        read_id(change.ids[i], one != NULL ? one : json_array_get(list, i));
    }
    if (change.ids == NULL || change.verdicts == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the request.");
    } else if (!gw_api_call(arg, reply, &call)) {
        /* the complaint is made */
    } else if (one == NULL) {
        reply->json = added_json(&change);
    } else if (change.verdicts[0] != GW_REG_DONE) {
        gw_api_fail_registry(reply, change.verdicts[0]);
    } else {
        reply->status = 201;
        reply->json = json_object();
        gw_api_put_text(reply->json, "household", change.ids[0]);
    }
    free(change.ids);
    free(change.verdicts);
    json_decref(body);
}

/* ---- wallets -------------------------------------------------------------------------------------------- */

struct wallet_change {
    struct gw_bind_spec spec;
    bool unbind;
    enum gw_registry_verdict verdict;
};

static void change_wallet(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct wallet_change *change = arg;
    (void)app; /* the core decides */
    change->verdict = change->unbind
                          ? gw_core_unbind_wallet(core, change->spec.household, change->spec.wallet)
                          : gw_core_bind_wallet(core, &change->spec);
}

static void answer_wallet(struct gw_app *app, struct gw_http_reply *reply,
                          struct wallet_change *change)
{
    struct gw_call call = {.kind = GW_CALL_CHANGE, .run = change_wallet, .arg = change};
    if (!gw_api_call(app, reply, &call)) {
        return;
    }
    if (change->verdict != GW_REG_DONE) {
        gw_api_fail_registry(reply, change->verdict);
        return;
    }
    reply->status = change->unbind ? 200 : 201;
    reply->json = json_object();
    gw_api_put_text(reply->json, "household", change->spec.household);
    gw_api_put_text(reply->json, "wallet", change->spec.wallet);
    gw_api_put(reply->json, "bound", json_boolean(!change->unbind));
}

/* Path parts that are longer than any id name nobody: they stay empty. */
static void copy_part(char *out, size_t max, const char *part)
{
    if (strlen(part) <= max) {
        memcpy(out, part, strlen(part) + 1);
    }
}

void gw_api_wallet_bind(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    struct wallet_change change = {.spec = {.cap_single_fen = INT64_MAX, .cap_day_fen = INT64_MAX}};
    struct gw_bind_spec *spec = &change.spec;
    const struct gw_api_field fields[] = {
        {"wallet", GW_API_TEXT, true, spec->wallet, 1, GW_WALLET_ID_MAX, NULL},
        {"mandate", GW_API_TEXT, true, spec->mandate, 1, GW_MANDATE_ID_MAX, NULL},
        {"cap_single_fen", GW_API_INT, false, &spec->cap_single_fen, 1, INT64_MAX, NULL},
        {"cap_day_fen", GW_API_INT, false, &spec->cap_day_fen, 1, INT64_MAX, NULL},
    };
    char why[160];
    json_t *body = gw_api_queries_known(request, reply, "") ? gw_api_body(request, reply) : NULL;
    if (body == NULL) {
        return;
    }
    copy_part(spec->household, GW_HOUSEHOLD_ID_MAX, request->params[0]);
    if (!gw_api_read(body, why, sizeof(why), fields, sizeof(fields) / sizeof(fields[0]))) {
        gw_http_fail(reply, 422, "invalid", "%s.", why);
    } else {
        answer_wallet(arg, reply, &change);
    }
    json_decref(body);
}

void gw_api_wallet_unbind(void *arg, const struct gw_http_request *request,
                          struct gw_http_reply *reply)
{
    struct wallet_change change = {.unbind = true};
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    copy_part(change.spec.household, GW_HOUSEHOLD_ID_MAX, request->params[0]);
    copy_part(change.spec.wallet, GW_WALLET_ID_MAX, request->params[1]);
    answer_wallet(arg, reply, &change);
}
