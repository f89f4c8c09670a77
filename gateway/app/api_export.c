/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Exports: the whole store or a part of it, streamed. */
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/export.h"
#include "gateway/core/civil.h"

struct export_look {
    const char *meter;     /* NULL: all */
    const char *household; /* NULL: all */
    uint32_t meter_slot;
    uint32_t household_slot;
    uint64_t last_block;
};

static void look_export(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct export_look *look = arg;
    struct gw_counters counters;
    (void)app; /* the core knows all of it */
    gw_core_counters(&counters, core);
    look->last_block = counters.block;
    look->meter_slot =
        look->meter == NULL ? GW_NONE : gw_core_find_meter(core, look->meter, strlen(look->meter));
    look->household_slot =
        look->household == NULL
            ? GW_NONE
            : gw_core_find_household(core, look->household, strlen(look->household));
}

static bool read_what(enum gw_export_what *what, struct gw_http_reply *reply, const char *text)
{
    static const char *const names[] = {"readings", "postings", "orders"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(names[i], text) == 0) {
            *what = (enum gw_export_what)i;
            return true;
        }
    }
    gw_http_fail(reply, 404, "no_such_export",
                 "There are exports of readings, postings and orders.");
    return false;
}

static bool read_format(bool *csv, struct gw_http_reply *reply, const char *text)
{
    *csv = text == NULL || strcmp(text, "csv") == 0;
    if (!*csv && strcmp(text, "jsonl") != 0) {
        gw_http_fail(reply, 400, "bad_parameter", "The parameter format must be csv or jsonl.");
        return false;
    }
    return true;
}

static bool read_date(int64_t *time_us, struct gw_http_reply *reply,
                      const struct gw_http_request *request, const char *name)
{
    int32_t day = 0;
    const char *text = gw_http_query(request, name);
    if (text == NULL) {
        return true;
    }
    if (!gw_parse_day(&day, text)) {
        gw_http_fail(reply, 400, "bad_parameter",
                     "The parameter %s must be a day such as 2026-11-23.", name);
        return false;
    }
    *time_us = gw_local_day_start_us(day);
    return true;
}

/* Days become blocks: rows are chosen by when they were received. */
static enum gw_status find_range(struct gw_export_request *export, struct gw_past *past,
                                 int64_t from_us, int64_t to_us)
{
    enum gw_status status = GW_OK;
    uint64_t last = export->last_block;
    if (from_us != 0) {
        status = gw_past_find(past, &export->first_block, last, from_us);
    }
    if (status == GW_OK && to_us != INT64_MAX) {
        uint64_t end = 0;
        status = gw_past_find(past, &end, last, to_us);
        export->last_block = status == GW_OK ? end - 1 : last;
    }
    return status;
}

static void start(struct gw_app *app, struct gw_http_reply *reply, struct gw_export_request *export,
                  int64_t from_us, int64_t to_us)
{
    struct gw_past past;
    if (gw_directory_refresh(&app->directory, &app->calls) != GW_OK) {
        gw_http_fail(reply, 503, "busy", "The gateway waits for its store; ask again.");
        return;
    }
    if (!gw_past_open(&past, app, reply)) {
        return;
    }
    enum gw_status status = find_range(export, &past, from_us, to_us);
    struct gw_export *begun = status == GW_OK ? gw_export_begin(&past, export) : NULL;
    if (begun == NULL) {
        gw_past_close(&past);
        gw_past_fail(reply, status == GW_OK ? GW_FULL : status);
        return;
    }
    reply->stream = (struct gw_http_stream){
        .read = gw_export_read,
        .close = gw_export_end,
        .self = begun,
        .content_type = export->csv ? "text/csv; charset=utf-8" : "application/jsonl",
    };
}

void gw_api_export(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_export_request export = {.first_block = 1};
    int64_t from_us = 0;
    int64_t to_us = INT64_MAX;
    if (!read_what(&export.what, reply, request->params[0]) ||
        !gw_api_queries_known(request, reply, "format meter household from to") ||
        !read_format(&export.csv, reply, gw_http_query(request, "format")) ||
        !read_date(&from_us, reply, request, "from") || !read_date(&to_us, reply, request, "to")) {
        return;
    }
    struct export_look look = {.meter = gw_http_query(request, "meter"),
                               .household = gw_http_query(request, "household")};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_export, .arg = &look};
    if (!gw_api_call(arg, reply, &call)) {
        return;
    }
    if (look.meter != NULL && look.meter_slot == GW_NONE) {
        gw_http_fail(reply, 404, "no_such_meter", "There is no meter %s.", look.meter);
    } else if (look.household != NULL && look.household_slot == GW_NONE) {
        gw_http_fail(reply, 404, "no_such_household", "There is no household %s.", look.household);
    } else {
        export.meter = look.meter_slot;
        export.household = look.household_slot;
        export.last_block = look.last_block;
        start(arg, reply, &export, from_us, to_us);
    }
}
