/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Meters: list, show, and a message given by hand. */
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_views.h"

#define PAGE_MAX 500

static void fail_no_meter(struct gw_http_reply *reply, const char *name)
{
    gw_http_fail(reply, 404, "no_such_meter",
                 "There is no meter %s. A name looks like pHXE-000012345678; `meterpay meter list` "
                 "shows them.",
                 name);
}

/* ---- list ------------------------------------------------------------------------------------------ */

struct list_look {
    const char *household; /* NULL: all */
    uint32_t after;        /* first slot */
    uint32_t max;
    struct gw_meter_view *views;
    uint32_t count;
    uint32_t next; /* slot to go on with, or GW_NONE */
    bool no_household;
};

static void look_household_meters(struct list_look *look, const struct gw_core *core)
{
    struct gw_household_view household;
    uint32_t slot = gw_core_find_household(core, look->household, strlen(look->household));
    if (!gw_core_household(&household, core, slot)) {
        look->no_household = true;
        return;
    }
    slot = look->after != 0 ? look->after - 1 : household.meter_first;
    while (slot != GW_NONE && look->count < look->max &&
           gw_core_meter(&look->views[look->count], core, slot)) {
        look->count++;
        slot = gw_core_next_meter(core, slot);
    }
    look->next = slot == GW_NONE ? GW_NONE : slot + 1;
}

static void look_list(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct list_look *look = arg;
    (void)app; /* the core knows all of it */
    if (look->household != NULL) {
        look_household_meters(look, core);
        return;
    }
    struct gw_counters counters;
    gw_core_counters(&counters, core);
    uint32_t slot = look->after;
    while (look->count < look->max && gw_core_meter(&look->views[look->count], core, slot)) {
        look->count++;
        slot++;
    }
    look->next = slot < counters.meters ? slot : GW_NONE;
}

void gw_api_meter_list(void *arg, const struct gw_http_request *request,
                       struct gw_http_reply *reply)
{
    int64_t limit = 100;
    int64_t after = 0;
    if (!gw_api_queries_known(request, reply, "household after limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX) ||
        !gw_api_query_int(request, reply, "after", &after, 0, UINT32_MAX)) {
        return;
    }
    struct list_look look = {.household = gw_http_query(request, "household"),
                             .after = (uint32_t)after,
                             .max = (uint32_t)limit,
                             .next = GW_NONE};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_list, .arg = &look};
    look.views = calloc((size_t)limit, sizeof(*look.views));
    if (look.views == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    if (gw_api_call(arg, reply, &call)) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < look.count; i++) {
            (void)json_array_append_new(list, gw_api_meter_json(&look.views[i]));
        }
        reply->json = json_object();
        gw_api_put(reply->json, "meters", list);
        gw_api_put(reply->json, "next", look.next == GW_NONE ? NULL : json_integer(look.next));
        if (look.no_household) {
            gw_http_fail(reply, 404, "no_such_household", "There is no household %s.",
                         look.household);
        }
    }
    free(look.views);
}

/* ---- show ------------------------------------------------------------------------------------------- */

struct show_look {
    const char *name;
    bool found;
    struct gw_meter_view view;
};

static void look_meter(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct show_look *look = arg;
    (void)app; /* the core knows all of it */
    uint32_t slot = gw_core_find_meter(core, look->name, strlen(look->name));
    look->found = slot != GW_NONE && gw_core_meter(&look->view, core, slot);
}

void gw_api_meter_show(void *arg, const struct gw_http_request *request,
                       struct gw_http_reply *reply)
{
    struct show_look look = {.name = request->params[0]};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_meter, .arg = &look};
    if (!gw_api_queries_known(request, reply, "") || !gw_api_call(arg, reply, &call)) {
        return;
    }
    if (!look.found) {
        fail_no_meter(reply, look.name);
        return;
    }
    reply->json = gw_api_meter_json(&look.view);
}

/* ---- a message by hand ---------------------------------------------------------------------------------- */

struct message_change {
    struct gw_message message;
    enum gw_verdict verdict;
    struct gw_reply reply; /* with its receipt */
};

static void take_message(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct message_change *change = arg;
    (void)app; /* the core decides */
    change->message.reply = (uint64_t)(uintptr_t)change;
    change->verdict = gw_core_message(core, &change->message);
}

static void find_reply(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct message_change *change = arg;
    uint32_t count = 0;
    (void)app; /* the core knows all of it */
    const struct gw_reply *replies = gw_core_replies(core, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (replies[i].transport == GW_VIA_HTTP && replies[i].reply == change->message.reply) {
            change->reply = replies[i];
        }
    }
}

static bool read_form(uint8_t *form, const char *text)
{
    for (uint8_t i = 0; text != NULL && i < GW_FORMS; i++) {
        if (strcmp(gw_form_name(i), text) == 0) {
            *form = i;
            return true;
        }
    }
    return false;
}

void gw_api_meter_message(void *arg, const struct gw_http_request *request,
                          struct gw_http_reply *reply)
{
    struct message_change change = {.verdict = GW_REFUSED_STOPPED};
    struct gw_message *message = &change.message;
    struct gw_call call = {
        .kind = GW_CALL_CHANGE, .run = take_message, .after = find_reply, .arg = &change};
    if (!gw_api_queries_known(request, reply, "form protocol")) {
        return;
    }
    if (!read_form(&message->form, gw_http_query(request, "form"))) {
        gw_http_fail(reply, 400, "bad_parameter",
                     "The parameter form must be cose, signed, cbor, json or raw.");
        return;
    }
    message->transport = GW_VIA_HTTP;
    message->name = request->params[0];
    message->name_len = strlen(message->name);
    message->protocol = gw_http_query(request, "protocol");
    message->protocol_len = message->protocol != NULL ? strlen(message->protocol) : 0;
    message->bytes = (const uint8_t *)request->body;
    message->len = request->body_len;
    if (!gw_api_call(arg, reply, &call)) {
        return;
    }
    if (!gw_verdict_is_durable(change.verdict) && change.verdict != GW_DUPLICATE) {
        gw_http_fail(reply, change.verdict == GW_REFUSED_UNKNOWN ? 404 : 422,
                     gw_verdict_name(change.verdict), "%s", gw_verdict_advice(change.verdict));
        return;
    }
    char receipt[2 * sizeof(change.reply.receipt) + 1];
    gw_format_hex(receipt, change.reply.receipt, change.reply.receipt_len);
    reply->json = json_object();
    gw_api_put_text(reply->json, "verdict", gw_verdict_name(change.verdict));
    gw_api_put_text(reply->json, "advice", gw_verdict_advice(change.verdict));
    gw_api_put_text(reply->json, "receipt", receipt);
}
