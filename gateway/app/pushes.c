/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/pushes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app/api_tools.h"
#include "gateway/app/links.h"

#define HELD_BYTES_MIN 4096u
#define HELD_BYTES_MAX (1024u * 1024u) /* of one push: some 3,000 readings */

/* ---- what a push brings, copied ------------------------------------------------------------------------- */

/* A message in the held bytes: this head, its name, its protocol, its bytes. */
struct head {
    uint8_t form;
    uint8_t name_len;
    uint8_t protocol_len;
    uint32_t len;
};

/* The messages of one push, one behind the other. */
struct push {
    uint8_t *bytes;
    size_t len;
    size_t room;
    size_t taken; /* those before it are with the core */
    bool no_memory;
    bool stopped; /* the core takes nothing now */
};

static bool make_room(struct push *push, size_t more)
{
    if (more > HELD_BYTES_MAX - push->len) {
        return false;
    }
    size_t room = push->room > 0 ? push->room : HELD_BYTES_MIN;
    while (room < push->len + more) {
        room *= 2;
    }
    if (room > push->room) {
        uint8_t *bytes = realloc(push->bytes, room);
        push->no_memory = bytes == NULL;
        if (bytes == NULL) {
            return false;
        }
        push->bytes = bytes;
        push->room = room;
    }
    return true;
}

static void append(struct push *push, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(push->bytes + push->len, bytes, len);
        push->len += len;
    }
}

static bool hold(void *arg, const struct gw_message *message)
{
    struct push *push = arg;
    const struct head head = {.form = (uint8_t)message->form,
                              .name_len = (uint8_t)message->name_len,
                              .protocol_len = (uint8_t)message->protocol_len,
                              .len = (uint32_t)message->len};
    MT_CHECK(message->name_len <= UINT8_MAX && message->protocol_len <= UINT8_MAX &&
             message->len <= GW_MESSAGE_BYTES_MAX);
    if (!make_room(push, sizeof(head) + head.name_len + head.protocol_len + head.len)) {
        return false;
    }
    append(push, &head, sizeof(head));
    append(push, message->name, message->name_len);
    append(push, message->protocol, message->protocol_len);
    append(push, message->bytes, message->len);
    return true;
}

/* ---- into the core -------------------------------------------------------------------------------------- */

/* On the core's thread, within a batch: as many as it has room for. */
static void take(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct push *push = arg;
    (void)app; /* the core decides */
    while (push->taken < push->len && !push->stopped && !gw_core_full(core)) {
        struct head head;
        const uint8_t *at = push->bytes + push->taken;
        memcpy(&head, at, sizeof(head));
        const char *name = (const char *)at + sizeof(head);
        const char *protocol = name + head.name_len;
        const struct gw_message message = {
            .transport = GW_VIA_HTTP,
            .form = head.form,
            .name = name,
            .name_len = head.name_len,
            .protocol = head.protocol_len > 0 ? protocol : NULL,
            .protocol_len = head.protocol_len,
            .bytes = (const uint8_t *)protocol + head.protocol_len,
            .len = head.len,
        };
        push->stopped = gw_core_message(core, &message) == GW_REFUSED_STOPPED;
        if (!push->stopped) {
            push->taken += sizeof(head) + head.name_len + head.protocol_len + head.len;
        }
    }
}

/* True when all of it is durable, or refused for good. What was taken before a failure comes again as a
 * duplicate. */
static bool settle(struct gw_app *app, struct push *push)
{
    while (push->taken < push->len && !push->stopped) {
        struct gw_call call = {.kind = GW_CALL_CHANGE, .run = take, .arg = push};
        if (gw_calls_do(&app->calls, &call) != GW_OK) {
            return false;
        }
    }
    return !push->stopped;
}

static enum gw_webhook_fate deliver(void *arg, const char *hook, const char *body, size_t len)
{
    struct gw_app *app = arg;
    struct push push = {.bytes = NULL};
    struct gw_source_outcome outcome;
    const struct gw_source_message message = {.hook = hook,
                                              .body = body,
                                              .body_len = len,
                                              .time_us = gw_clock_now_us(&app->clock),
                                              .transport = GW_VIA_HTTP};
    gw_sources_message(&outcome, gw_links_sources(app->links), &message, hold, &push);
    enum gw_webhook_fate fate = GW_WEBHOOK_DONE;
    if (outcome.full) {
        fate = push.no_memory ? GW_WEBHOOK_BUSY : GW_WEBHOOK_TOO_MUCH;
    } else if (!settle(app, &push)) {
        fate = GW_WEBHOOK_BUSY;
    }
    free(push.bytes);
    return fate;
}

/* ---- start and stop ------------------------------------------------------------------------------------- */

static const char *given(const char *text)
{
    return *text != '\0' ? text : NULL;
}

enum gw_status gw_pushes_open(struct gw_app *app, char why[GW_APP_WHY_BYTES])
{
    const struct gw_config *c = &app->config;
    char path[GW_APP_WHY_BYTES];
    char problem[GW_WEBHOOK_WHY_BYTES > GW_HOOK_WHY_BYTES ? GW_WEBHOOK_WHY_BYTES
                                                          : GW_HOOK_WHY_BYTES] = "";
    int len = snprintf(path, sizeof(path), "%s/hooks.csv", c->dir);
    MT_CHECK(len > 0 && (size_t)len < sizeof(path)); /* a configuration's path is shorter */
    enum gw_status status = gw_hooks_open(&app->hooks, problem, path);
    if (status == GW_OK && c->webhook_enabled) {
        const struct gw_webhook_config config = {
            .address = c->webhook_address,
            .port = (uint16_t)c->webhook_port,
            .certificate = given(c->webhook_certificate),
            .key = given(c->webhook_key),
            .connections_max = (uint32_t)c->webhook_connections_max,
            .hooks = app->hooks,
            .clock = &app->clock,
            .deliver = deliver,
            .arg = app,
        };
        status = gw_webhook_open(&app->webhook, problem, &config);
    }
    if (status != GW_OK) {
        (void)snprintf(why, GW_APP_WHY_BYTES, "platforms cannot push (section webhook): %s",
                       problem);
    }
    return status;
}

void gw_pushes_close(struct gw_app *app)
{
    gw_webhook_close(app->webhook);
    gw_hooks_close(app->hooks);
}

void gw_pushes_status(struct gw_app *app, json_t *into)
{
    struct gw_webhook_state state = {.port = 0};
    json_t *object = json_object();
    if (app->webhook != NULL) {
        gw_webhook_state(&state, app->webhook);
    }
    gw_api_put(object, "enabled", json_boolean(app->webhook != NULL));
    gw_api_put_int(object, "pushes", (int64_t)state.push_count);
    gw_api_put_int(object, "busy", (int64_t)state.busy_count);
    gw_api_put_int(object, "unsigned", (int64_t)state.refused_count[GW_HOOK_UNSIGNED]);
    gw_api_put_int(object, "forged", (int64_t)state.refused_count[GW_HOOK_FORGED]);
    gw_api_put_int(object, "sealed", (int64_t)state.refused_count[GW_HOOK_SEALED]);
    gw_api_put_int(object, "strangers", (int64_t)state.stranger_count);
    gw_api_put_int(object, "oversize", (int64_t)state.oversize_count);
    if (state.refused_us != 0) {
        gw_api_put_time(object, "last_refused", state.refused_us);
        gw_api_put_text(object, "last_refused_hook", state.refused_hook);
        gw_api_put_text(object, "last_refused_advice", gw_hook_advice(state.refused_verdict));
    }
    gw_api_put(into, "webhook", object);
}
