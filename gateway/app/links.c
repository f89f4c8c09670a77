/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/adapters/coap.h"
#include "gateway/adapters/foreign.h"
#include "gateway/adapters/mqtt.h"
#include "gateway/adapters/operator_https.h"
#include "gateway/adapters/poll.h"
#include "gateway/adapters/shipped.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/log.h"

/* A broker that is restarted comes back within this; longer is worth an alarm. */
#define MQTT_DOWN_US 5000000ll
#define FOREIGN_QUEUE_BYTES ((size_t)1024 * 1024)

enum turn { TURN_MQTT, TURN_COAP, TURN_WIRE, TURN_FOREIGN, TURNS };

struct gw_links {
    struct gw_mqtt *mqtt;
    struct gw_coap *coap;
    struct gw_poll *poller;
    struct gw_sources *sources;
    struct gw_foreign *foreign; /* NULL: MQTT is not enabled */
    struct gw_operator *op;
    struct gw_ring *turns[TURNS]; /* inboxes; NULL: not enabled */
    uint32_t turn;                /* whose message was got last */
    struct gw_ring results;       /* the operator's answers */
    void *results_memory;
    uint32_t waiting;     /* orders handed over and not answered */
    uint32_t waiting_max; /* what the ring of results holds */
    uint64_t trust_seen, garbled_seen, good_seen;
    uint64_t requests_put_off;
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static enum gw_status open_mqtt(struct gw_links *links, char *why, struct gw_app *app)
{
    const struct gw_config *c = &app->config;
    char client_id[32];
    if (!c->mqtt_enabled) {
        return GW_OK;
    }
    snprintf(client_id, sizeof(client_id), "meterpayd-%s", c->gateway_id);
    struct gw_mqtt_config config = {
        .host = c->mqtt_host,
        .port = (uint16_t)c->mqtt_port,
        .unix_socket = *c->mqtt_socket != '\0' ? c->mqtt_socket : NULL,
        .username = *c->mqtt_username != '\0' ? c->mqtt_username : NULL,
        .password_file = *c->mqtt_password_file != '\0' ? c->mqtt_password_file : NULL,
        .site = c->site,
        .client_id = client_id,
        .queue_bytes = (size_t)c->mqtt_queue_bytes,
        .filled = &app->bell,
    };
    enum gw_status status = gw_mqtt_open(&links->mqtt, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "MQTT cannot be started: %s",
                 status == GW_INVALID ? "a field of the section mqtt is out of bounds"
                                      : "there is no memory or thread left");
        return status;
    }
    links->turns[TURN_MQTT] = gw_mqtt_inbox(links->mqtt);
    return GW_OK;
}

/* On the operator's thread. */
static void deliver(void *arg, const struct gw_order_result *result)
{
    struct gw_links *links = arg;
    bool pushed = gw_ring_push(&links->results, result, sizeof(*result));
    MT_CHECK(pushed); /* no more orders are handed over than answers fit */
}

static bool open_results(struct gw_links *links, struct gw_app *app)
{
    const struct gw_config *c = &app->config;
    links->waiting_max = (uint32_t)(c->operator_queue + c->operator_connections);
    size_t record = sizeof(struct gw_order_result) + 16; /* with the ring's header and alignment */
    size_t bytes = 4096;
    while (bytes < 2 * record * links->waiting_max) {
        bytes *= 2;
    }
    links->results_memory = aligned_alloc(64, bytes);
    if (links->results_memory == NULL) {
        return false;
    }
    gw_ring_init(&links->results, links->results_memory, bytes, &app->bell, NULL);
    return true;
}

static enum gw_status open_operator(struct gw_links *links, char *why, struct gw_app *app)
{
    const struct gw_config *c = &app->config;
    char problem[GW_OPERATOR_PROBLEM_BYTES] = "";
    if (!open_results(links, app)) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory for the operator's answers");
        return GW_FULL;
    }
    if (!c->operator_enabled) {
        return GW_OK;
    }
    struct gw_operator_config config = {
        .base_url = c->operator_url,
        .ca_file = c->operator_ca_file,
        .certificate_file = c->operator_certificate_file,
        .key_file = c->operator_key_file,
        .signing_key_file = c->operator_signing_key_file,
        .gateway_id = c->gateway_id,
        .timeout_ms = (uint32_t)(c->operator_timeout_us / 1000),
        .concurrency_max = (uint32_t)c->operator_connections,
        .queue_max = (uint32_t)c->operator_queue,
        .clock = &app->clock,
        .deliver = deliver,
        .deliver_arg = links,
    };
    enum gw_status status = gw_operator_open(&links->op, problem, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "the wallet operator cannot be used: %s", problem);
    }
    return status;
}

static enum gw_status open_coap(struct gw_links *links, char *why, struct gw_app *app)
{
    const struct gw_config *c = &app->config;
    char problem[GW_COAP_WHY_BYTES] = "";
    if (!c->coap_enabled) {
        return GW_OK;
    }
    struct gw_coap_config config = {
        .address = c->coap_address,
        .port = (uint16_t)c->coap_port,
        .plain_port = (uint16_t)c->coap_plain_port,
        .sessions_max = (uint32_t)c->coap_sessions_max,
        .keys_max = (uint32_t)c->meters_max,
        .idle_us = c->coap_idle_us,
        .queue_bytes = (size_t)c->coap_queue_bytes,
        .filled = &app->bell,
    };
    enum gw_status status = gw_coap_open(&links->coap, problem, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "CoAP cannot be started (coap.port %lld): %s",
                 (long long)c->coap_port, problem);
        return status;
    }
    links->turns[TURN_COAP] = gw_coap_inbox(links->coap);
    return GW_OK;
}

static enum gw_status open_poller(struct gw_links *links, char *why, struct gw_app *app)
{
    char problem[GW_YAML_WHY_MAX] = "";
    struct gw_poll_config config = {.dir = app->config.dir,
                                    .clock = &app->clock,
                                    .filled = &app->bell};
    enum gw_status status = gw_poll_open(&links->poller, problem, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "the lines to meters cannot be polled: %s", problem);
        return status;
    }
    links->turns[TURN_WIRE] = links->poller != NULL ? gw_poll_inbox(links->poller) : NULL;
    return GW_OK;
}

static enum gw_status open_sources(struct gw_links *links, char *why, struct gw_app *app)
{
    char shipped[GW_SHIPPED_PATH_MAX];
    char own[GW_SHIPPED_PATH_MAX];
    char bindings[GW_SHIPPED_PATH_MAX];
    char problem[GW_SOURCE_WHY_BYTES] = "";
    int len = snprintf(own, sizeof(own), "%s/mappings", app->config.dir);
    MT_CHECK(len > 0 && (size_t)len < sizeof(own)); /* a configuration's path is shorter */
    (void)snprintf(bindings, sizeof(bindings), "%s/sources.csv", app->config.dir);
    const struct gw_sources_config config = {
        .shipped = gw_shipped_folder(shipped, "mappings") ? shipped : NULL,
        .own = own,
        .bindings = bindings,
    };
    enum gw_status status = gw_sources_open(&links->sources, problem, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "foreign devices cannot be bound: %s", problem);
    }
    return status;
}

static enum gw_status open_foreign(struct gw_links *links, char *why, struct gw_app *app)
{
    const struct gw_config *c = &app->config;
    bool by_socket = *c->mqtt_socket != '\0';
    char client_id[48];
    if (!c->mqtt_enabled) {
        return GW_OK;
    }
    snprintf(client_id, sizeof(client_id), "meterpayd-%s-foreign", c->gateway_id);
    const struct gw_foreign_config config = {
        .host = by_socket ? c->mqtt_socket : c->mqtt_host,
        .port = by_socket ? 0 : (uint16_t)c->mqtt_port,
        .username = c->mqtt_username,
        .password_file = c->mqtt_password_file,
        .client_id = client_id,
        .queue_bytes = FOREIGN_QUEUE_BYTES,
        .sources = links->sources,
        .clock = &app->clock,
        .filled = &app->bell,
    };
    enum gw_status status = gw_foreign_open(&links->foreign, &config);
    if (status != GW_OK) {
        snprintf(why, GW_APP_WHY_BYTES, "foreign devices cannot be listened to: %s",
                 status == GW_INVALID ? "a field of the section mqtt is out of bounds"
                                      : "there is no memory or thread left");
        return status;
    }
    links->turns[TURN_FOREIGN] = gw_foreign_inbox(links->foreign);
    return GW_OK;
}

enum gw_status gw_links_open(struct gw_links **links, char why[GW_APP_WHY_BYTES],
                             struct gw_app *app)
{
    struct gw_links *opened = aligned_alloc(64, (sizeof(*opened) + 63) / 64 * 64);
    if (opened == NULL) {
        snprintf(why, GW_APP_WHY_BYTES, "there is no memory for the adapters");
        return GW_FULL;
    }
    memset(opened, 0, sizeof(*opened));
    enum gw_status status = open_operator(opened, why, app);
    status = status == GW_OK ? open_coap(opened, why, app) : status;
    status = status == GW_OK ? open_mqtt(opened, why, app) : status;
    status = status == GW_OK ? open_poller(opened, why, app) : status;
    status = status == GW_OK ? open_sources(opened, why, app) : status;
    status = status == GW_OK ? open_foreign(opened, why, app) : status;
    if (status != GW_OK) {
        gw_links_close(opened);
        return status;
    }
    *links = opened;
    return GW_OK;
}

void gw_links_close(struct gw_links *links)
{
    if (links == NULL) {
        return;
    }
    if (links->mqtt != NULL) {
        gw_mqtt_close(links->mqtt);
    }
    if (links->coap != NULL) {
        gw_coap_close(links->coap);
    }
    gw_poll_close(links->poller);
    gw_foreign_close(links->foreign);
    gw_sources_close(links->sources);
    gw_operator_close(links->op);
    free(links->results_memory);
    free(links);
}

/* ---- messages -------------------------------------------------------------------------------------------- */

bool gw_links_get(struct gw_links *links, struct gw_message *message, bool up)
{
    for (uint32_t i = 0; i < TURNS; i++) {
        links->turn = (links->turn + 1u) % TURNS;
        bool open = links->turns[links->turn] != NULL && (up || links->turn == TURN_COAP);
        if (open && gw_inbox_get(links->turns[links->turn], message)) {
            return true;
        }
    }
    return false;
}

void gw_links_hint(struct gw_links *links, const struct gw_core *core)
{
    struct gw_message next[GW_HINT_MAX];
    for (uint32_t i = 0; i < TURNS; i++) {
        uint32_t count = 0;
        uint64_t ahead = 0;
        while (links->turns[i] != NULL && count < GW_HINT_MAX &&
               gw_inbox_ahead(links->turns[i], &ahead, &next[count])) {
            count++;
        }
        gw_core_hint(core, next, count);
    }
}

void gw_links_release(struct gw_links *links)
{
    gw_inbox_release(links->turns[links->turn]);
}

void gw_links_reply(struct gw_links *links, const struct gw_reply *reply)
{
    switch ((enum gw_transport)reply->transport) {
    case GW_VIA_MQTT:
        gw_mqtt_reply(links->mqtt, reply);
        break;
    case GW_VIA_COAP:
        gw_coap_reply(links->coap, reply);
        break;
    case GW_VIA_WIRE:
        gw_poll_reply(links->poller, reply);
        break;
    case GW_VIA_HTTP:
    case GW_TRANSPORTS:
        break; /* the call that brought the message answers itself */
    }
}

bool gw_links_empty(struct gw_links *links, bool up)
{
    bool empty = !up || gw_ring_empty(&links->results);
    for (uint32_t i = 0; i < TURNS && empty; i++) {
        bool open = links->turns[i] != NULL && (up || i == TURN_COAP);
        empty = !open || gw_ring_empty(links->turns[i]);
    }
    return empty;
}

struct gw_sources *gw_links_sources(struct gw_links *links)
{
    return links->sources;
}

void gw_links_sources_changed(struct gw_links *links)
{
    gw_foreign_refresh(links->foreign);
}

void gw_links_add_key(struct gw_links *links, const char *name, const uint8_t psk[MT_KEY_BYTES])
{
    if (links->coap != NULL && !gw_coap_add_key(links->coap, name, strlen(name), psk)) {
        gw_log(GW_LOG_ERROR, "coap_key", "meter=%s text=\"there is no room for its key\"", name);
    }
}

/* ---- orders ------------------------------------------------------------------------------------------------ */

bool gw_links_result(struct gw_links *links, struct gw_order_result *result)
{
    size_t len = 0;
    const uint8_t *bytes = gw_ring_peek(&links->results, &len);
    if (bytes == NULL) {
        return false;
    }
    MT_CHECK(len == sizeof(*result));
    memcpy(result, bytes, len);
    gw_ring_release(&links->results);
    links->waiting--;
    return true;
}

bool gw_links_request(struct gw_links *links, const struct gw_order_request *request)
{
    bool taken = links->op != NULL && links->waiting < links->waiting_max &&
                 gw_operator_send(links->op, request) == GW_OK;
    links->waiting += taken;
    links->requests_put_off += !taken;
    return taken;
}

enum gw_status gw_links_statement(struct gw_links *links,
                                  const struct gw_statement_request *request)
{
    return links->op != NULL ? gw_operator_statement(links->op, request) : GW_INVALID;
}

void gw_links_operator_problem(struct gw_links *links, char problem[GW_OPERATOR_PROBLEM_BYTES])
{
    *problem = '\0';
    if (links->op != NULL) {
        gw_operator_problem(links->op, problem);
    }
}

/* ---- looking ------------------------------------------------------------------------------------------------ */

static void watch_mqtt(struct gw_links *links, struct gw_app *app, int64_t now_us)
{
    struct gw_mqtt_state state;
    struct gw_foreign_state foreign;
    struct timespec real;
    if (links->mqtt == NULL) {
        return;
    }
    gw_mqtt_state(&state, links->mqtt);
    gw_foreign_state(&foreign, links->foreign);
    (void)clock_gettime(CLOCK_REALTIME, &real); /* cannot fail for this clock */
    int64_t real_us = (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000;
    int64_t down_us = gw_clock_real_span_us(&app->clock, now_us - foreign.since_us);
    bool down = !state.connected && real_us - state.since_us > MQTT_DOWN_US;
    bool foreign_down = !foreign.connected && down_us > MQTT_DOWN_US;
    gw_alarm_set(&app->alarms, GW_ALARM_MQTT_DOWN, now_us, down || foreign_down,
                 down ? state.why : foreign.why);
}

static void watch_operator(struct gw_links *links, struct gw_app *app, int64_t now_us)
{
    struct gw_operator_counts counts;
    char problem[GW_OPERATOR_PROBLEM_BYTES];
    if (links->op == NULL) {
        return;
    }
    gw_operator_counts(links->op, &counts);
    gw_operator_problem(links->op, problem);
    uint64_t good = counts.done_count + counts.refused_count + counts.unknown_count;
    if (counts.trust_count > links->trust_seen) {
        gw_alarm_raise(&app->alarms, GW_ALARM_OPERATOR_TRUST, now_us, "%s", problem);
    } else if (good > links->good_seen) {
        gw_alarm_clear(&app->alarms, GW_ALARM_OPERATOR_TRUST, now_us);
    }
    if (counts.garbled_count > links->garbled_seen) {
        gw_alarm_raise(&app->alarms, GW_ALARM_OPERATOR_GARBLED, now_us, "%s", problem);
    } else if (good > links->good_seen) {
        gw_alarm_clear(&app->alarms, GW_ALARM_OPERATOR_GARBLED, now_us);
    }
    links->trust_seen = counts.trust_count;
    links->garbled_seen = counts.garbled_count;
    links->good_seen = good;
}

void gw_links_watch(struct gw_links *links, struct gw_app *app, int64_t now_us)
{
    watch_mqtt(links, app, now_us);
    watch_operator(links, app, now_us);
}

static json_t *mqtt_json(struct gw_mqtt *mqtt)
{
    struct gw_mqtt_state state;
    json_t *object = json_object();
    gw_mqtt_state(&state, mqtt);
    gw_api_put(object, "connected", json_boolean(state.connected));
    gw_api_put_time(object, "since", state.since_us);
    gw_api_put_int(object, "connections", (int64_t)state.connection_count);
    gw_api_put_int(object, "messages", (int64_t)state.message_count);
    gw_api_put_int(object, "oversize", (int64_t)state.oversize_count);
    gw_api_put_int(object, "foreign", (int64_t)state.foreign_count);
    gw_api_put_int(object, "stalled", (int64_t)state.stalled_count);
    gw_api_put_int(object, "receipts", (int64_t)state.receipt_count);
    gw_api_put_int(object, "receipts_merged", (int64_t)state.merged_count);
    gw_api_put_int(object, "receipts_left_out", (int64_t)state.left_out_count);
    gw_api_put_text(object, "why", state.why);
    return object;
}

static json_t *refused_json(const uint64_t refused[GW_MAPPING_VERDICTS])
{
    json_t *object = json_object();
    for (int v = GW_MAPPING_ASIDE + 1; v < GW_MAPPING_VERDICTS; v++) {
        gw_api_put_int(object, gw_mapping_verdict_name((enum gw_mapping_verdict)v),
                       (int64_t)refused[v]);
    }
    return object;
}

static json_t *sources_json(struct gw_links *links)
{
    struct gw_sources_state state;
    struct gw_foreign_state broker = {.why = "MQTT is not enabled"};
    json_t *object = json_object();
    gw_sources_state(&state, links->sources);
    if (links->foreign != NULL) {
        gw_foreign_state(&broker, links->foreign);
    }
    gw_api_put(object, "connected", json_boolean(broker.connected));
    gw_api_put_time(object, "since", broker.since_us);
    gw_api_put_int(object, "connections", (int64_t)broker.connection_count);
    gw_api_put_int(object, "stalled", (int64_t)broker.stalled_count);
    gw_api_put_int(object, "births_asked", (int64_t)broker.asked_count);
    gw_api_put_text(object, "why", broker.why);
    gw_api_put_int(object, "mappings", state.mappings);
    gw_api_put_int(object, "bindings", state.bindings);
    gw_api_put_int(object, "messages", (int64_t)state.messages);
    gw_api_put_int(object, "handed_on", (int64_t)state.put);
    gw_api_put_int(object, "aside", (int64_t)state.aside);
    gw_api_put_int(object, "unbound", (int64_t)state.unbound);
    gw_api_put(object, "refused", refused_json(state.refused));
    return object;
}

static json_t *coap_json(struct gw_coap *coap)
{
    struct gw_coap_state state;
    json_t *object = json_object();
    gw_coap_state(&state, coap);
    gw_api_put_int(object, "sessions", state.session_count);
    gw_api_put_int(object, "half_open", state.half_open_count);
    gw_api_put_int(object, "pending", state.pending_count);
    gw_api_put_int(object, "observers", state.observer_count);
    gw_api_put_int(object, "messages", (int64_t)state.message_count);
    gw_api_put_int(object, "answers", (int64_t)state.answer_count);
    gw_api_put_int(object, "refused", (int64_t)state.refused_count);
    gw_api_put_int(object, "busy", (int64_t)state.busy_count);
    gw_api_put_int(object, "repeated", (int64_t)state.repeated_count);
    gw_api_put_int(object, "left_out", (int64_t)state.left_out_count);
    gw_api_put_int(object, "unknown_identity", (int64_t)state.unknown_identity_count);
    gw_api_put_int(object, "handshakes_lost", (int64_t)state.handshake_lost_count);
    gw_api_put_int(object, "restarted", (int64_t)state.restarted_count);
    gw_api_put_int(object, "turned_away", (int64_t)state.turned_away_count);
    return object;
}

static json_t *operator_json(struct gw_links *links)
{
    struct gw_operator_counts counts;
    char problem[GW_OPERATOR_PROBLEM_BYTES];
    json_t *object = json_object();
    gw_operator_counts(links->op, &counts);
    gw_operator_problem(links->op, problem);
    gw_api_put_int(object, "sent", (int64_t)counts.sent_count);
    gw_api_put_int(object, "asked", (int64_t)counts.asked_count);
    gw_api_put_int(object, "done", (int64_t)counts.done_count);
    gw_api_put_int(object, "refused", (int64_t)counts.refused_count);
    gw_api_put_int(object, "unknown", (int64_t)counts.unknown_count);
    gw_api_put_int(object, "no_answer", (int64_t)counts.no_answer_count);
    gw_api_put_int(object, "trust", (int64_t)counts.trust_count);
    gw_api_put_int(object, "garbled", (int64_t)counts.garbled_count);
    gw_api_put_int(object, "queued", counts.queued_count);
    gw_api_put_int(object, "flying", counts.flying_count);
    gw_api_put_text(object, "problem", problem);
    return object;
}

static json_t *lines_json(struct gw_poll *poller)
{
    struct gw_poll_line_view view;
    json_t *list = json_array();
    for (uint32_t i = 0; poller != NULL && gw_poll_line_view(&view, poller, i); i++) {
        json_t *line = json_object();
        gw_api_put_text(line, "line", view.name);
        gw_api_put(line, "open", json_boolean(view.open));
        gw_api_put_int(line, "meters", view.meters);
        gw_api_put_int(line, "silent", view.silent);
        gw_api_put_text(line, "why", view.why);
        (void)json_array_append_new(list, line); /* without memory the line is left out */
    }
    return list;
}

json_t *gw_links_polled(struct gw_links *links)
{
    struct gw_poll_view view;
    json_t *list = json_array();
    for (uint32_t i = 0; links->poller != NULL && gw_poll_view(&view, links->poller, i); i++) {
        json_t *meter = json_object();
        gw_api_put_text(meter, "meter", view.name);
        gw_api_put_text(meter, "line", view.line);
        gw_api_put_text(meter, "protocol", gw_poll_protocol_name(view.protocol));
        gw_api_put_int(meter, "every_s", view.every_us / 1000000);
        gw_api_put(meter, "silent", json_boolean(view.silent));
        gw_api_put_time(meter, "asked", view.asked_us);
        gw_api_put_time(meter, "answered", view.answered_us);
        gw_api_put_time(meter, "next", view.next_us);
        gw_api_put_int(meter, "answers", (int64_t)view.answers);
        gw_api_put_int(meter, "failures", (int64_t)view.failures);
        gw_api_put_int(meter, "foreign", (int64_t)view.foreign);
        gw_api_put_int(meter, "damaged", (int64_t)view.damaged);
        gw_api_put_text(meter, "verdict",
                        view.verdict >= 0 ? gw_verdict_name((enum gw_verdict)view.verdict) : "");
        gw_api_put_text(meter, "why", view.why);
        (void)json_array_append_new(list, meter); /* without memory the meter is left out */
    }
    return list;
}

void gw_links_status(struct gw_links *links, json_t *into)
{
    gw_api_put(into, "mqtt", links->mqtt != NULL ? mqtt_json(links->mqtt) : NULL);
    gw_api_put(into, "lines", lines_json(links->poller));
    gw_api_put(into, "sources", sources_json(links));
    gw_api_put(into, "coap", links->coap != NULL ? coap_json(links->coap) : NULL);
    gw_api_put(into, "operator", links->op != NULL ? operator_json(links) : NULL);
}
