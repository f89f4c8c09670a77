/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A meter's readings, the newest first, a page at a time. */
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_views.h"
#include "gateway/app/past.h"

#define PAGE_MAX 5000

struct meter_look {
    const char *name;
    bool found;
    struct gw_meter_view view;
};

static void look_meter(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct meter_look *look = arg;
    (void)app; /* the core knows all of it */
    uint32_t slot = gw_core_find_meter(core, look->name, strlen(look->name));
    look->found = slot != GW_NONE && gw_core_meter(&look->view, core, slot);
}

static json_t *reading_json(const struct gw_entry *entry, uint32_t i, uint8_t medium)
{
    json_t *object = json_object();
    gw_api_put_reading(object, &entry->readings[i], medium);
    gw_api_put_int(object, "block", (int64_t)entry->block);
    gw_api_put_time(object, "received", entry->block_time_us);
    gw_api_put_text(object, "transport", gw_transport_name(entry->transport));
    gw_api_put_text(object, "form", gw_form_name(entry->form));
    return object;
}

/* Whole blocks, until there are enough: so a page ends where the next one can begin. */
static enum gw_status collect(json_t *list, uint64_t *next, struct gw_past *past,
                              const struct gw_meter_view *view, size_t limit)
{
    struct gw_history history;
    struct gw_entry *entry = past->entry;
    gw_history_begin(&history, &past->port, past->buffer, GW_BLOCK_BYTES_MAX, view->slot, *next);
    uint64_t block = *next;
    *next = 0;
    for (;;) {
        if (history.block != block && json_array_size(list) >= limit) {
            *next = history.block;
            return GW_OK;
        }
        block = history.block;
        enum gw_status status = gw_history_next(&history, entry);
        if (status != GW_OK) {
            return status == GW_END ? GW_OK : status;
        }
        for (uint32_t i = entry->reading_count; entry->kind == GW_ENTRY_READINGS && i > 0; i--) {
            (void)json_array_append_new(list, reading_json(entry, i - 1, view->identity.medium));
        }
    }
}

void gw_api_readings(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct meter_look look = {.name = request->params[0]};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_meter, .arg = &look};
    struct gw_past past;
    int64_t limit = 96;
    int64_t before = 0;
    if (!gw_api_queries_known(request, reply, "before limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, PAGE_MAX) ||
        !gw_api_query_int(request, reply, "before", &before, 1, INT64_MAX) ||
        !gw_api_call(arg, reply, &call)) {
        return;
    }
    if (!look.found) {
        gw_http_fail(reply, 404, "no_such_meter", "There is no meter %s.", look.name);
        return;
    }
    if (!gw_past_open(&past, arg, reply)) {
        return;
    }
    uint64_t next = before != 0 ? (uint64_t)before : look.view.last_block;
    json_t *list = json_array();
    enum gw_status status = next > look.view.last_block
                                ? GW_CORRUPT
                                : collect(list, &next, &past, &look.view, (size_t)limit);
    gw_past_close(&past);
    if (status != GW_OK && before != 0) {
        json_decref(list);
        gw_http_fail(reply, 400, "bad_parameter",
                     "before must be the `next` of an answer about this meter.");
        return;
    }
    if (status != GW_OK) {
        json_decref(list);
        gw_past_fail(reply, status);
        return;
    }
    reply->json = json_object();
    gw_api_put_text(reply->json, "meter", look.name);
    gw_api_put_text(reply->json, "unit", gw_unit_name(look.view.identity.medium));
    gw_api_put(reply->json, "readings", list);
    gw_api_put(reply->json, "next", next == 0 ? NULL : json_integer((json_int_t)next));
}
