/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Orders to wallets: the open ones, and a household's history. */
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_orders.h"
#include "gateway/app/api_views.h"
#include "gateway/app/past.h"

#define PAGE_MAX 1000

/* ---- open -------------------------------------------------------------------------------------------- */

struct open_look {
    uint32_t max;
    uint32_t count;
    uint32_t total;
    struct open_order {
        struct gw_order_view view;
        char household[GW_HOUSEHOLD_ID_MAX + 1];
        char wallet[GW_WALLET_ID_MAX + 1];
    } * orders;
};

static void look_open(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct open_look *look = arg;
    struct gw_household_view household;
    struct gw_binding_view binding;
    struct gw_counters counters;
    uint32_t cursor = 0;
    (void)app; /* the core knows all of it */
    gw_core_counters(&counters, core);
    look->total = counters.orders_open;
    while (look->count < look->max &&
           gw_core_open_order(&look->orders[look->count].view, core, &cursor)) {
        struct open_order *order = &look->orders[look->count++];
        if (gw_core_household(&household, core, order->view.household)) {
            memcpy(order->household, household.id, sizeof(order->household));
        }
        if (gw_core_binding(&binding, core, order->view.binding)) {
            memcpy(order->wallet, binding.wallet, sizeof(order->wallet));
        }
    }
}

static json_t *open_json(const struct open_order *order)
{
    const struct gw_order_view *view = &order->view;
    json_t *object = json_object();
    gw_api_put_int(object, "order", (int64_t)view->number);
    gw_api_put_text(object, "household", order->household);
    gw_api_put_text(object, "wallet", order->wallet);
    gw_api_put_text(object, "kind", gw_order_kind_name(view->kind));
    gw_api_put_text(object, "state", gw_order_state_name(view->state));
    gw_api_put_fen(object, "amount", view->amount_fen);
    gw_api_put_time(object, "made", view->made_us);
    gw_api_put_time(object, "changed", view->changed_us);
    gw_api_put_time(object, "next_try", view->next_try_us);
    gw_api_put_int(object, "attempts", view->attempts);
    return object;
}

void gw_api_orders_open(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    int64_t limit = 100;
    if (!gw_api_queries_known(request, reply, "limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX)) {
        return;
    }
    struct open_look look = {.max = (uint32_t)limit,
                             .orders = calloc((size_t)limit, sizeof(*look.orders))};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_open, .arg = &look};
    if (look.orders == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    if (gw_api_call(arg, reply, &call)) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < look.count; i++) {
            (void)json_array_append_new(list, open_json(&look.orders[i]));
        }
        reply->json = json_object();
        gw_api_put(reply->json, "orders", list);
        gw_api_put_int(reply->json, "open", look.total);
    }
    free(look.orders);
}

/* ---- history ------------------------------------------------------------------------------------------- */

json_t *gw_api_order_event_json(const struct gw_entry *entry, struct gw_directory *directory)
{
    struct gw_directory_binding binding = {.wallet = ""};
    json_t *object = json_object();
    json_t *parts = json_array();
    (void)gw_directory_binding(&binding, directory, entry->binding); /* empty if not known */
    for (uint32_t i = 0; i < entry->part_count; i++) {
        char payee[GW_PAYEE_CODE_MAX + 1] = "";
        json_t *part = json_object();
        (void)gw_directory_payee(payee, directory, entry->part_payee[i]); /* empty if not known */
        gw_api_put_text(part, "payee", payee);
        gw_api_put_fen(part, "amount", entry->part_fen[i]);
        (void)json_array_append_new(parts, part);
    }
    gw_api_put_int(object, "order", (int64_t)entry->order);
    gw_api_put_text(object, "event", entry->kind == GW_ENTRY_ORDER_NEW ? "made" : "ended");
    gw_api_put_time(object, "time", entry->block_time_us);
    gw_api_put_int(object, "block", (int64_t)entry->block);
    gw_api_put_text(object, "kind", gw_order_kind_name(entry->order_kind));
    gw_api_put_text(object, "state", gw_order_state_name(entry->order_state));
    gw_api_put_text(object, "wallet", binding.wallet);
    gw_api_put_fen(object, "amount", entry->amount_fen);
    gw_api_put(object, "parts", parts);
    gw_api_put_text(object, "refusal", gw_refusal_name(entry->refusal));
    gw_api_put_text(object, "operator_ref", entry->operator_ref);
    return object;
}

struct household_look {
    const char *id;
    bool found;
    struct gw_household_view view;
};

static void look_household(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct household_look *look = arg;
    (void)app; /* the core knows all of it */
    uint32_t slot = gw_core_find_household(core, look->id, strlen(look->id));
    look->found = slot != GW_NONE && gw_core_household(&look->view, core, slot);
}

struct collecting {
    json_t *list;
    struct gw_directory *directory;
};

static bool collect(void *arg, const struct gw_entry *entry)
{
    struct collecting *c = arg;
    (void)json_array_append_new(c->list, gw_api_order_event_json(entry, c->directory));
    return true;
}

void gw_api_orders_of(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    struct household_look look = {.id = request->params[0]};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_household, .arg = &look};
    struct gw_past past;
    int64_t limit = 100;
    int64_t before = 0;
    if (!gw_api_queries_known(request, reply, "before limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX) ||
        !gw_api_query_int(request, reply, "before", &before, 1, INT64_MAX) ||
        !gw_api_call(app, reply, &call)) {
        return;
    }
    if (!look.found) {
        gw_http_fail(reply, 404, "no_such_household", "There is no household %s.", look.id);
        return;
    }
    uint64_t next = before != 0 ? (uint64_t)before : look.view.order_last_block;
    enum gw_status status = gw_directory_refresh(&app->directory, &app->calls);
    if (status != GW_OK) {
        gw_http_fail(reply, 503, "busy", "The gateway waits for its store; ask again.");
        return;
    }
    if (!gw_past_open(&past, app, reply)) {
        return;
    }
    struct collecting c = {.list = json_array(), .directory = &app->directory};
    status = next > look.view.order_last_block
                 ? GW_CORRUPT
                 : gw_past_orders(&past, look.view.slot, &next, (uint32_t)limit, &c, collect);
    gw_past_close(&past);
    if (status != GW_OK) {
        json_decref(c.list);
        if (before != 0) {
            gw_http_fail(reply, 400, "bad_parameter",
                         "before must be the `next` of an answer about this household.");
        } else {
            gw_past_fail(reply, status);
        }
        return;
    }
    reply->json = json_object();
    gw_api_put_text(reply->json, "household", look.id);
    gw_api_put(reply->json, "orders", c.list);
    gw_api_put(reply->json, "next", next == 0 ? NULL : json_integer((json_int_t)next));
}
