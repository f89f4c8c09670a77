/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Web hooks: which platform may push, and how it proves itself. A secret goes in, and never out again. */
#include <stdio.h>
#include <string.h>

#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/links.h"
#include "gateway/app/pushes.h"

#define SCHEME_MAX 16

static json_t *hook_json(const struct gw_hook *hook)
{
    char path[GW_MAPPING_NAME_MAX + 8];
    json_t *object = json_object();
    (void)snprintf(path, sizeof(path), "/hook/%s", hook->name); /* it fits */
    gw_api_put_text(object, "hook", hook->name);
    gw_api_put_text(object, "scheme", gw_hook_scheme_name((enum gw_hook_scheme)hook->scheme));
    gw_api_put_text(object, "header", hook->header);
    gw_api_put_text(object, "path", path);
    return object;
}

void gw_api_hook_list(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    struct gw_hook hook;
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    json_t *list = json_array();
    for (uint32_t i = 0; gw_hooks_at(&hook, app->hooks, i); i++) {
        (void)json_array_append_new(list, hook_json(&hook));
    }
    reply->json = json_object();
    gw_api_put(reply->json, "listening", json_boolean(app->webhook != NULL));
    gw_api_put(reply->json, "hooks", list);
}

static bool read_hook(struct gw_hook *hook, struct gw_http_reply *reply, const json_t *body)
{
    char why[GW_HTTP_PROBLEM_BYTES] = "";
    char scheme[SCHEME_MAX + 1] = "";
    const struct gw_api_field fields[] = {
        {"hook", GW_API_TEXT, true, hook->name, 1, GW_MAPPING_NAME_MAX, NULL},
        {"scheme", GW_API_TEXT, true, scheme, 1, SCHEME_MAX, NULL},
        {"secret", GW_API_TEXT, true, hook->secret, GW_HOOK_SECRET_MIN, GW_HOOK_SECRET_MAX, NULL},
        {"header", GW_API_TEXT, false, hook->header, 0, GW_HOOK_HEADER_MAX, NULL},
    };
    if (!gw_api_read(body, why, sizeof(why), fields, sizeof(fields) / sizeof(fields[0]))) {
        gw_http_fail(reply, 422, "invalid", "%s.", why);
        return false;
    }
    hook->scheme = (uint8_t)gw_hook_scheme_find(scheme);
    return true;
}

static void add(struct gw_app *app, struct gw_http_reply *reply, const struct gw_hook *hook)
{
    char why[GW_HOOK_WHY_BYTES] = "";
    if (!gw_sources_has_hook(gw_links_sources(app->links), hook->name)) {
        gw_http_fail(reply, 422, "no_mapping",
                     "No mapping is for a hook called %s: write one with match: {hook: %s} "
                     "(docs/mappings.md).",
                     hook->name, hook->name);
        return;
    }
    enum gw_status status = gw_hooks_add(app->hooks, why, hook);
    if (status != GW_OK) {
        gw_http_fail(reply, status == GW_INVALID ? 422 : 503,
                     status == GW_INVALID ? "invalid" : "store_failed", "Not added: %s.", why);
        return;
    }
    reply->status = 201;
    reply->json = hook_json(hook);
}

void gw_api_hook_add(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_hook hook = {.name = ""};
    json_t *body = gw_api_queries_known(request, reply, "") ? gw_api_body(request, reply) : NULL;
    if (body == NULL) {
        return;
    }
    if (read_hook(&hook, reply, body)) {
        add(arg, reply, &hook);
    }
    explicit_bzero(&hook, sizeof(hook));
    json_decref(body);
}

void gw_api_hook_remove(void *arg, const struct gw_http_request *request,
                        struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    char why[GW_HOOK_WHY_BYTES] = "";
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    enum gw_status status = gw_hooks_remove(app->hooks, why, request->params[0]);
    if (status == GW_END) {
        gw_http_fail(reply, 404, "no_such_hook", "There is no hook called %s.", request->params[0]);
        return;
    }
    if (status != GW_OK) {
        gw_http_fail(reply, 503, "store_failed", "Not removed: %s.", why);
        return;
    }
    reply->json = json_object();
    gw_api_put_text(reply->json, "hook", request->params[0]);
}
