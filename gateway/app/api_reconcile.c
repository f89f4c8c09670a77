/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Days reconciled with the wallet operator. */
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/reconcile.h"

void gw_api_reconcile_list(void *arg, const struct gw_http_request *request,
                           struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    int64_t limit = 31;
    if (!gw_api_queries_known(request, reply, "limit") ||
        !gw_api_query_int(request, reply, "limit", &limit, 1, GW_RECONCILE_DAYS_MAX)) {
        return;
    }
    reply->json = json_object();
    gw_api_put(reply->json, "days", gw_recon_days(app->recon, (uint32_t)limit));
    gw_api_put(reply->json, "reconcile", gw_recon_status(app->recon));
}

static bool read_day(int32_t *day, struct gw_http_reply *reply,
                     const struct gw_http_request *request)
{
    if (gw_parse_day(day, request->params[0])) {
        return true;
    }
    gw_http_fail(reply, 400, "bad_parameter", "The day must be one such as 2026-11-23.");
    return false;
}

static void fail_missing(struct gw_http_reply *reply, const char *day)
{
    gw_http_fail(reply, 404, "not_reconciled",
                 "%s is not reconciled (yet); `meterpay reconcile` lists the days that are.", day);
}

void gw_api_reconcile_show(void *arg, const struct gw_http_request *request,
                           struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    int32_t day = 0;
    if (!gw_api_queries_known(request, reply, "") || !read_day(&day, reply, request)) {
        return;
    }
    json_t *result = gw_recon_day(app->recon, day);
    if (result == NULL) {
        fail_missing(reply, request->params[0]);
        return;
    }
    reply->json = result;
}

static void accept_day(struct gw_app *app, struct gw_http_reply *reply, const char *text,
                       int32_t day, const char *note)
{
    switch (gw_recon_accept(app->recon, day, note)) {
    case GW_OK:
        reply->json = gw_recon_day(app->recon, day);
        break;
    case GW_END:
        fail_missing(reply, text);
        break;
    case GW_INVALID:
        gw_http_fail(reply, 409, "nothing_to_accept", "%s has no difference to accept.", text);
        break;
    case GW_IO:
    case GW_FULL:
    case GW_CORRUPT:
    case GW_BUSY:
        gw_http_fail(reply, 503, "store_failed", "The note could not be written; ask again.");
        break;
    }
}

static void compare_again(struct gw_app *app, struct gw_http_reply *reply, const char *text,
                          int32_t day)
{
    enum gw_status status = gw_recon_again(app->recon, day);
    if (status == GW_OK) {
        reply->status = 202;
        reply->json = gw_recon_status(app->recon);
    } else if (status == GW_INVALID) {
        gw_http_fail(reply, 409, "day_not_over",
                     "%s is not over, or operator.reconcile_at has not come yet.", text);
    } else {
        gw_http_fail(reply, 409, "no_operator",
                     "No operator is enabled: operator.enabled is false.");
    }
}

void gw_api_reconcile_do(void *arg, const struct gw_http_request *request,
                         struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    char why[160];
    char note[GW_RECONCILE_NOTE_MAX + 1] = "";
    bool again = false;
    int32_t day = 0;
    const struct gw_api_field fields[] = {
        {.name = "again", .type = GW_API_BOOL, .out = &again},
        {.name = "accept",
         .type = GW_API_TEXT,
         .out = note,
         .min = 1,
         .max = GW_RECONCILE_NOTE_MAX},
    };
    if (!gw_api_queries_known(request, reply, "") || !read_day(&day, reply, request)) {
        return;
    }
    json_t *body = gw_api_body(request, reply);
    if (body == NULL) {
        return;
    }
    bool read = gw_api_read(body, why, sizeof(why), fields, 2);
    json_decref(body);
    if (!read) {
        gw_http_fail(reply, 422, "invalid", "%s.", why);
    } else if (again == (*note != '\0')) {
        gw_http_fail(reply, 422, "invalid", "Give either again: true or accept: a note.");
    } else if (again) {
        compare_again(app, reply, request->params[0], day);
    } else {
        accept_day(app, reply, request->params[0], day, note);
    }
}
