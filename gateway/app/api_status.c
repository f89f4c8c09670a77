/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Status, alarms, refusals and the ledger check. */
#include <inttypes.h>
#include <stdlib.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/links.h"
#include "gateway/app/log.h"
#include "gateway/app/pushes.h"
#include "gateway/app/reconcile.h"

static json_t *alarm_json(struct gw_alarms *alarms, enum gw_alarm which)
{
    struct gw_alarm_view view;
    gw_alarm_view(&view, alarms, which);
    json_t *alarm = json_object();
    gw_api_put_text(alarm, "alarm", gw_alarm_name(which));
    gw_api_put(alarm, "raised", json_boolean(view.raised));
    gw_api_put_time(alarm, "since", view.since_us);
    gw_api_put_time(alarm, "cleared", view.cleared_us);
    gw_api_put_int(alarm, "count", (int64_t)view.count);
    gw_api_put_text(alarm, "text", view.text);
    gw_api_put_text(alarm, "advice", gw_alarm_advice(which));
    return alarm;
}

/* Those that stand; with `past`, those that once stood too. */
static json_t *alarms_json(struct gw_alarms *alarms, bool past)
{
    json_t *list = json_array();
    for (int i = 0; i < GW_ALARM_COUNT; i++) {
        json_t *alarm = alarm_json(alarms, (enum gw_alarm)i);
        bool raised = json_is_true(json_object_get(alarm, "raised"));
        if (raised || (past && json_integer_value(json_object_get(alarm, "count")) > 0)) {
            (void)json_array_append_new(list, alarm);
        } else {
            json_decref(alarm);
        }
    }
    return list;
}

void gw_api_alarms(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    reply->json = json_object();
    gw_api_put(reply->json, "alarms", alarms_json(&app->alarms, true));
}

/* ---- status -------------------------------------------------------------------------------------- */

struct status_look {
    struct gw_app_seen seen;
    enum gw_app_state state;
};

static void look_status(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct status_look *look = arg;
    if (core != NULL) {
        gw_core_counters(&app->seen.counters, core);
    }
    look->seen = app->seen;
    look->state = (enum gw_app_state)atomic_load(&app->state);
}

static json_t *messages_json(const struct gw_counters *c)
{
    static const char *const transports[GW_TRANSPORTS] = {"mqtt", "coap", "http", "wire"};
    json_t *object = json_object();
    json_t *by_transport = json_object();
    json_t *by_verdict = json_object();
    uint64_t refused = 0;
    for (int i = 0; i < GW_TRANSPORTS; i++) {
        gw_api_put_int(by_transport, transports[i], (int64_t)c->messages[i]);
    }
    for (int i = 0; i < GW_VERDICT_COUNT; i++) {
        gw_api_put_int(by_verdict, gw_verdict_name((enum gw_verdict)i), (int64_t)c->verdicts[i]);
        refused += i >= GW_REFUSED_BACKWARD ? c->verdicts[i] : 0;
    }
    gw_api_put(object, "by_transport", by_transport);
    gw_api_put(object, "by_verdict", by_verdict);
    gw_api_put_int(object, "refused", (int64_t)refused);
    return object;
}

static json_t *money_json(const struct gw_counters *c)
{
    json_t *object = json_object();
    gw_api_put_ufen(object, "charged", c->charged_ufen);
    gw_api_put_fen(object, "ordered", c->ordered_fen);
    gw_api_put_fen(object, "settled", c->settled_fen);
    return object;
}

static json_t *orders_json(const struct gw_counters *c)
{
    json_t *object = json_object();
    gw_api_put_int(object, "open", c->orders_open);
    gw_api_put_int(object, "unsure", c->orders_unsure);
    gw_api_put_int(object, "done", (int64_t)c->orders_done);
    gw_api_put_int(object, "refused", (int64_t)c->orders_refused);
    return object;
}

static json_t *registry_json(const struct gw_counters *c, const struct gw_config *config)
{
    json_t *object = json_object();
    gw_api_put_int(object, "meters", c->meters);
    gw_api_put_int(object, "meters_max", config->meters_max);
    gw_api_put_int(object, "households", c->households);
    gw_api_put_int(object, "households_max", config->households_max);
    gw_api_put_int(object, "bindings", c->bindings);
    gw_api_put_int(object, "bindings_max", config->bindings_max);
    gw_api_put_int(object, "tariffs", c->tariffs);
    return object;
}

static json_t *store_json(const struct gw_app_seen *seen)
{
    json_t *object = json_object();
    gw_api_put_int(object, "block", (int64_t)seen->counters.block);
    gw_api_put_time(object, "block_time", seen->counters.block_time_us);
    gw_api_put_int(object, "starts", (int64_t)seen->counters.starts);
    gw_api_put_int(object, "commits", (int64_t)seen->commits);
    gw_api_put_int(object, "commits_failed", (int64_t)seen->commits_failed);
    gw_api_put_int(object, "commit_us_max", seen->commit_us_max);
    gw_api_put_int(object, "database_bytes", (int64_t)seen->store.database_bytes);
    gw_api_put_int(object, "log_bytes", (int64_t)seen->store.wal.wal_bytes);
    gw_api_put_int(object, "checkpoints", (int64_t)seen->store.wal.checkpoints);
    gw_api_put_int(object, "disk_free_bytes", (int64_t)seen->disk_free_bytes);
    gw_api_put_int(object, "disk_total_bytes", (int64_t)seen->disk_total_bytes);
    return object;
}

void gw_api_status(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    static const char *const states[] = {"running", "disk_full", "store_failed", "clock_behind"};
    struct gw_app *app = arg;
    struct status_look look;
    struct gw_call call = {.kind = GW_CALL_ALWAYS, .run = look_status, .arg = &look};
    if (!gw_api_queries_known(request, reply, "") || !gw_api_call(app, reply, &call)) {
        return;
    }
    const struct gw_counters *c = &look.seen.counters;
    json_t *status = json_object();
    gw_api_put_text(status, "state", states[look.state]);
    gw_api_put_text(status, "version", METERPAY_VERSION);
    gw_api_put_text(status, "gateway", app->config.gateway_id);
    gw_api_put_text(status, "site", app->config.site);
    gw_api_put_time(status, "time", gw_clock_now_us(&app->clock));
    gw_api_put_time(status, "started", app->started_us);
    gw_api_put_int(status, "clock_speed", app->clock.speed);
    gw_api_put_int(status, "clock_step_us", gw_clock_step_us(&app->clock));
    gw_api_put_int(status, "readings", (int64_t)c->readings);
    gw_api_put(status, "messages", messages_json(c));
    gw_api_put(status, "money", money_json(c));
    gw_api_put(status, "orders", orders_json(c));
    gw_api_put(status, "registry", registry_json(c, &app->config));
    gw_api_put(status, "store", store_json(&look.seen));
    gw_api_put_int(status, "memory_bytes", (int64_t)app->memory_bytes);
    gw_links_status(app->links, status);
    gw_pushes_status(app, status);
    gw_api_put(status, "reconcile", gw_recon_status(app->recon));
    gw_api_put(status, "alarms", alarms_json(&app->alarms, false));
    reply->json = status;
}

void gw_api_clock_accept(void *arg, const struct gw_http_request *request,
                         struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    int64_t before_us = gw_clock_look_us(&app->clock);
    int64_t step_us = gw_clock_step_us(&app->clock);
    gw_clock_accept(&app->clock);
    int64_t now_us = gw_clock_look_us(&app->clock);
    gw_log(GW_LOG_INFO, "clock_accepted", "step_us=%" PRId64, step_us);
    reply->json = json_object();
    gw_api_put_int(reply->json, "step_us", step_us);
    gw_api_put_time(reply->json, "before", before_us);
    gw_api_put_time(reply->json, "time", now_us);
}

/* ---- refusals ------------------------------------------------------------------------------------ */

struct refusals_look {
    struct gw_refusal_view *views;
    uint32_t max;
    uint32_t count;
};

static void look_refusals(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct refusals_look *look = arg;
    (void)app; /* the core knows all of it */
    while (look->count < look->max &&
           gw_core_refusal(&look->views[look->count], core, look->count)) {
        look->count++;
    }
}

void gw_api_refusals(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    static const char *const transports[GW_TRANSPORTS] = {"mqtt", "coap", "http", "wire"};
    int64_t limit = 100;
    if (!gw_api_queries_known(request, reply, "limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, GW_REFUSALS_KEPT)) {
        return;
    }
    struct refusals_look look = {.views = calloc((size_t)limit, sizeof(*look.views)),
                                 .max = (uint32_t)limit};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_refusals, .arg = &look};
    if (look.views == NULL) {
        gw_http_fail(reply, 503, "busy", "There is no memory for the answer.");
        return;
    }
    if (gw_api_call(arg, reply, &call)) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < look.count; i++) {
            const struct gw_refusal_view *view = &look.views[i];
            enum gw_verdict verdict = (enum gw_verdict)view->verdict;
            json_t *row = json_object();
            gw_api_put_time(row, "time", view->time_us);
            gw_api_put_text(row, "meter", view->name);
            gw_api_put_text(row, "transport",
                            view->transport < GW_TRANSPORTS ? transports[view->transport]
                                                            : "other");
            gw_api_put_int(row, "bytes", view->bytes);
            gw_api_put_text(row, "verdict", gw_verdict_name(verdict));
            gw_api_put_text(row, "advice", gw_verdict_advice(verdict));
            (void)json_array_append_new(list, row);
        }
        reply->json = json_object();
        gw_api_put(reply->json, "refusals", list);
    }
    free(look.views);
}

/* ---- ledger check ---------------------------------------------------------------------------------- */

static void look_ledger(void *arg, struct gw_app *app, struct gw_core *core)
{
    (void)app; /* the core knows all of it */
    gw_core_ledger_check(arg, core);
}

void gw_api_ledger_check(void *arg, const struct gw_http_request *request,
                         struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    struct gw_ledger_report report;
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = look_ledger, .arg = &report};
    if (!gw_api_queries_known(request, reply, "") || !gw_api_call(app, reply, &call)) {
        return;
    }
    gw_alarm_set(&app->alarms, GW_ALARM_LEDGER, gw_clock_now_us(&app->clock), report.broken > 0,
                 report.first);
    reply->json = json_object();
    gw_api_put(reply->json, "holds", json_boolean(report.broken == 0));
    gw_api_put_int(reply->json, "accounts", (int64_t)report.accounts);
    gw_api_put_int(reply->json, "entries", (int64_t)report.entries);
    gw_api_put_ufen(reply->json, "debits", report.debits_ufen);
    gw_api_put_ufen(reply->json, "credits", report.credits_ufen);
    gw_api_put_int(reply->json, "broken", (int64_t)report.broken);
    gw_api_put_text(reply->json, "first", report.broken > 0 ? report.first : "");
}
