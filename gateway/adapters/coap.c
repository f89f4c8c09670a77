/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's side of CoAP: the thread, what it serves, and its answers. The header says the rest.
 *
 *  One round of the loop:   answers out -> time (door, late commits) -> sleep -> datagrams in
 */
#include "gateway/adapters/coap_internal.h"

#include <arpa/inet.h>
#include <coap3/coap.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define PENDING_LOOK_MS 200
#define EVENTS_MAX 8
#define BATCHES_MAX 16
#define PACE_WINDOW_MS 5
#define BUSY_PER_MS 20u /* messages */
#define BUSY_PAUSE_US 200
#define HALF_OPEN_MAX 1024u
#define PLAIN_MAX 1024u
#define DATAGRAM_MTU 1400u

static bool stopping(struct gw_coap *coap)
{
    return atomic_load_explicit(&coap->stop, memory_order_seq_cst);
}

/* ---- sessions and keys ------------------------------------------------------------------------ */

static void on_gone(void *self, uint32_t slot, coap_session_t *session)
{
    (void)session;
    struct gw_coap *coap = self;
    for (struct gw_pending *entry = gw_pending_of(&coap->pending, slot); entry != NULL;
         entry = gw_pending_of(&coap->pending, slot)) {
        gw_coap_pending_end(coap, entry);
    }
    gw_observer_end(&coap->observers, slot);
    gw_blocks_forget(&coap->blocks, slot);
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct gw_coap *coap = gw_coap_of(session);
    if (event == COAP_EVENT_SERVER_SESSION_NEW) {
        gw_door_session_made(coap->door, session);
    } else if (event == COAP_EVENT_SERVER_SESSION_DEL) {
        gw_door_session_freed(coap->door, session);
    }
    return 0;
}

static const coap_bin_const_t *on_identity(coap_bin_const_t *identity, coap_session_t *session,
                                           void *self)
{
    struct gw_coap *coap = self;
    (void)session;
    if (!gw_keys_get(coap->psk, &coap->keys, (const char *)identity->s, identity->length)) {
        gw_coap_count(&coap->unknown);
        return NULL;
    }
    coap->psk_view = (coap_bin_const_t){MT_KEY_BYTES, coap->psk}; /* libcoap copies it at once */
    return &coap->psk_view;
}

/* ---- the loop --------------------------------------------------------------------------------- */

static void state_publish(struct gw_coap *coap)
{
    const struct gw_door_counters *door = gw_door_counters(coap->door);
    const memory_order order = memory_order_relaxed;
    atomic_store_explicit(&coap->sessions, door->open, order);
    atomic_store_explicit(&coap->half_open, door->half_open, order);
    atomic_store_explicit(&coap->pendings, coap->pending.count, order);
    atomic_store_explicit(&coap->observings, coap->observers.count, order);
    atomic_store_explicit(&coap->lost, door->lost, order);
    atomic_store_explicit(&coap->restarted, door->restarted, order);
    atomic_store_explicit(&coap->stray, door->stray, order);
    atomic_store_explicit(&coap->evicted, door->evicted, order);
    atomic_store_explicit(&coap->turned_away, door->turned_away, order);
}

static int shorter(int a_ms, int b_ms)
{
    return a_ms < 0 || b_ms < a_ms ? b_ms : a_ms;
}

/* Do messages come so fast that it pays to let them gather? */
static void pace_look(struct gw_coap *coap)
{
    int64_t passed_ms = gw_door_now_ms(coap->door) - coap->window_since_ms;
    if (passed_ms >= PACE_WINDOW_MS) {
        uint64_t messages = atomic_load_explicit(&coap->messages, memory_order_relaxed);
        coap->pressed = messages - coap->window_messages >= (uint64_t)passed_ms * BUSY_PER_MS;
        coap->window_messages = messages;
        coap->window_since_ms += passed_ms;
    }
}

/* Sleep until there is something to do, timeout_ms at most. Returns the events that there are. */
static int wait_for_events(struct gw_coap *coap, struct epoll_event *events, int timeout_ms)
{
    int descriptor = coap_context_get_coap_fd(coap->context);
    if (coap->pressed && timeout_ms != 0) {
        /* Nobody waits on the socket or the bell meanwhile, so neither a datagram nor an answer has to
         * wake this thread: at this pace that is much of what they cost. */
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_US * 1000L};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL); /* shorter is as good */
        return epoll_wait(descriptor, events, EVENTS_MAX, 0);
    }
    gw_bell_arm(&coap->bell);
    if (!gw_ring_empty(&coap->outbound) || stopping(coap)) {
        timeout_ms = 0;
    }
    int count = epoll_wait(descriptor, events, EVENTS_MAX, timeout_ms);
    gw_bell_disarm(&coap->bell);
    return count;
}

/* Sleep, and serve what woke us. Returns true when libcoap's own timer fired. */
static bool wait_and_serve(struct gw_coap *coap, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    bool timer = false;
    int count = wait_for_events(coap, events, timeout_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            timer = true;
            coap_io_do_epoll(coap->context, &events[i], 1); /* it resets its timer */
        } else if (events[i].data.ptr != &coap->bell) {
            /* All that gathered, in as many batches as it takes; then the answers' turn. */
            for (int n = 0; n < BATCHES_MAX && gw_door_serve(coap->door, &events[i]) > 0; n++) {
            }
        }
    }
    return timer;
}

static void *run(void *self)
{
    struct gw_coap *coap = self;
    bool timer = true;
    gw_door_attach(coap->door);
    while (!stopping(coap)) {
        gw_coap_replies(coap);
        gw_coap_late(coap);
        int timeout_ms = gw_door_tick(coap->door, timer);
        if (coap->pending.count > 0) {
            timeout_ms = shorter(timeout_ms, PENDING_LOOK_MS);
        }
        state_publish(coap);
        pace_look(coap);
        timer = wait_and_serve(coap, timeout_ms);
    }
    gw_coap_replies(coap);
    for (struct gw_pending *entry; (entry = gw_pending_oldest(&coap->pending)) != NULL;) {
        gw_coap_pending_end(coap, entry);
    }
    coap_free_context(coap->context); /* says goodbye to each session */
    gw_door_flush(coap->door);
    gw_door_attach(NULL);
    return NULL;
}

/* ---- open and close --------------------------------------------------------------------------- */

static bool address_make(coap_address_t *out, const char *text, uint16_t port)
{
    coap_address_init(out);
    if (inet_pton(AF_INET, text, &out->addr.sin.sin_addr) == 1) {
        out->addr.sin.sin_family = AF_INET;
        out->addr.sin.sin_port = htons(port);
        out->size = sizeof out->addr.sin;
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->addr.sin6.sin6_addr) == 1) {
        out->addr.sin6.sin6_family = AF_INET6;
        out->addr.sin6.sin6_port = htons(port);
        out->size = sizeof out->addr.sin6;
        return true;
    }
    return false;
}

static void explain(char why[GW_COAP_WHY_BYTES], const char *what)
{
    (void)snprintf(why, GW_COAP_WHY_BYTES, "%s", what); /* cut where it must be */
}

static enum gw_status endpoint_open(struct gw_coap *coap, char why[GW_COAP_WHY_BYTES],
                                    const char *address, uint16_t port, coap_proto_t proto)
{
    coap_address_t bound;
    if (address == NULL || !address_make(&bound, address, port)) {
        explain(why, "coap: the address to listen on is no literal address");
        return GW_INVALID;
    }
    coap_endpoint_t *endpoint = gw_door_endpoint(coap->door, &bound, proto);
    if (endpoint == NULL) {
        (void)snprintf(why, GW_COAP_WHY_BYTES, "coap: cannot listen on UDP %.60s port %u: %s",
                       address, (unsigned)port, errno != 0 ? strerror(errno) : "refused");
        return GW_IO;
    }
    coap_endpoint_set_default_mtu(endpoint, DATAGRAM_MTU);
    return GW_OK;
}

static enum gw_status context_make(struct gw_coap *coap, char why[GW_COAP_WHY_BYTES],
                                   const struct gw_coap_config *config)
{
    coap_startup();
    coap_set_log_level(
        LOG_EMERG); /* counters tell what there is to know, and no peer fills a log */
    coap->context = coap_new_context(NULL);
    if (coap->context == NULL) {
        explain(why, "coap: libcoap cannot start");
        return GW_FULL;
    }
    gw_door_set_context(coap->door, coap->context);
    coap_set_app_data(coap->context, coap);
    coap_context_set_block_mode(coap->context, 0); /* coap_block.c does it, within bounds */
    coap_context_set_max_handshake_sessions(coap->context, UINT32_MAX); /* the door limits them */
    unsigned idle_s = (unsigned)(config->idle_us / 1000000);
    coap_context_set_session_timeout(coap->context, idle_s > 0 ? idle_s : 300);
    coap_register_event_handler(coap->context, on_event);
    coap_register_nack_handler(coap->context, gw_coap_on_nack);
    coap_dtls_spsk_t psk = {.version = COAP_DTLS_SPSK_SETUP_VERSION,
                            .validate_id_call_back = on_identity,
                            .id_call_back_arg = coap};
    if (coap_context_set_psk2(coap->context, &psk) == 0 || !gw_coap_resources(coap)) {
        explain(why, "coap: libcoap cannot be set up");
        return GW_FULL;
    }
    enum gw_status status = GW_OK;
    if (config->port != 0) {
        status = endpoint_open(coap, why, config->address, config->port, COAP_PROTO_DTLS);
    }
    if (status == GW_OK && config->plain_port != 0) {
        status = endpoint_open(coap, why, "127.0.0.1", config->plain_port, COAP_PROTO_UDP);
    }
    struct epoll_event bell = {.events = EPOLLIN, .data.ptr = &coap->bell};
    if (status == GW_OK && epoll_ctl(coap_context_get_coap_fd(coap->context), EPOLL_CTL_ADD,
                                     coap->bell.fd, &bell) != 0) {
        explain(why, "coap: epoll refuses another descriptor");
        status = GW_FULL;
    }
    return status;
}

static enum gw_status tables_make(struct gw_coap *coap, const struct gw_coap_config *config)
{
    const struct gw_door_config door = {.sessions_max = config->sessions_max,
                                        .plain_max = PLAIN_MAX,
                                        .half_open_max = HALF_OPEN_MAX,
                                        .gone = on_gone,
                                        .arg = coap};
    coap->queue_bytes = GW_COAP_QUEUE_BYTES_MIN;
    while (coap->queue_bytes < config->queue_bytes) {
        coap->queue_bytes *= 2;
    }
    coap->inbound_memory = aligned_alloc(64, coap->queue_bytes);
    coap->outbound_memory = aligned_alloc(64, coap->queue_bytes);
    coap->has_keys = gw_keys_init(&coap->keys, config->keys_max);
    if (coap->inbound_memory == NULL || coap->outbound_memory == NULL || !coap->has_keys ||
        gw_door_open(&coap->door, &door) != GW_OK) {
        return GW_FULL;
    }
    uint32_t slots = gw_door_slots(coap->door);
    if (!gw_blocks_init(&coap->blocks) || !gw_observers_init(&coap->observers, slots) ||
        !gw_pending_init(&coap->pending, config->pending_max, slots, config->per_session_max)) {
        return GW_FULL;
    }
    gw_ring_init(&coap->inbound, coap->inbound_memory, coap->queue_bytes, config->filled, NULL);
    gw_ring_init(&coap->outbound, coap->outbound_memory, coap->queue_bytes, &coap->bell, NULL);
    return gw_bell_init(&coap->bell) == GW_OK ? GW_OK : GW_FULL;
}

static void destroy(struct gw_coap *coap)
{
    if (coap->has_keys) {
        gw_keys_deinit(&coap->keys);
    }
    if (coap->door != NULL) {
        gw_door_close(coap->door);
    }
    if (coap->bell.fd >= 0) {
        gw_bell_deinit(&coap->bell);
    }
    gw_pending_deinit(&coap->pending);
    gw_observers_deinit(&coap->observers);
    gw_blocks_deinit(&coap->blocks);
    free(coap->inbound_memory);
    free(coap->outbound_memory);
    mt_key_wipe(coap->psk, sizeof coap->psk);
    free(coap);
}

static void defaults_fill(struct gw_coap_config *config)
{
    config->sessions_max = config->sessions_max != 0 ? config->sessions_max : 10000;
    config->pending_max = config->pending_max != 0 ? config->pending_max : 4096;
    config->per_session_max = config->per_session_max != 0 ? config->per_session_max : 16;
    config->idle_us = config->idle_us != 0 ? config->idle_us : 300000000;
}

static bool config_valid(const struct gw_coap_config *config)
{
    return (config->port != 0 || config->plain_port != 0) && config->port != config->plain_port &&
           config->sessions_max <= GW_COAP_SESSIONS_MAX &&
           config->pending_max <= GW_COAP_PENDING_MAX &&
           config->per_session_max <= GW_COAP_PER_SESSION_MAX && config->keys_max > 0 &&
           config->keys_max <= GW_METERS_MAX && config->idle_us >= 1000000 &&
           config->idle_us <= 86400000000 && config->queue_bytes >= GW_COAP_QUEUE_BYTES_MIN &&
           config->queue_bytes <= GW_COAP_QUEUE_BYTES_MAX;
}

enum gw_status gw_coap_open(struct gw_coap **out, char why[GW_COAP_WHY_BYTES],
                            const struct gw_coap_config *config)
{
    MT_CHECK(config->filled != NULL);
    struct gw_coap_config filled = *config;
    defaults_fill(&filled);
    if (!config_valid(&filled)) {
        explain(why, "coap: a limit or port of the configuration is out of bounds");
        return GW_INVALID;
    }
    struct gw_coap *coap = aligned_alloc(64, (sizeof *coap + 63) & ~(size_t)63);
    if (coap == NULL) {
        explain(why, "coap: no memory");
        return GW_FULL;
    }
    memset(coap, 0, sizeof *coap);
    coap->bell.fd = -1;
    explain(why, "coap: no memory for the tables that the configuration asks for");
    enum gw_status status = tables_make(coap, &filled);
    if (status == GW_OK) {
        gw_door_attach(coap->door);
        status = context_make(coap, why, &filled);
        gw_door_attach(NULL);
    }
    if (status == GW_OK && pthread_create(&coap->thread, NULL, run, coap) != 0) {
        explain(why, "coap: no thread left");
        status = GW_FULL;
    }
    if (status != GW_OK) {
        coap_free_context(coap->context);
        destroy(coap);
        return status;
    }
    *out = coap;
    return GW_OK;
}

void gw_coap_close(struct gw_coap *coap)
{
    atomic_store_explicit(&coap->stop, true, memory_order_seq_cst);
    gw_bell_ring(&coap->bell);
    MT_CHECK(pthread_join(coap->thread, NULL) == 0);
    destroy(coap);
}

/* ---- the core's side -------------------------------------------------------------------------- */

bool gw_coap_add_key(struct gw_coap *coap, const char *name, size_t name_len,
                     const uint8_t psk[MT_KEY_BYTES])
{
    return gw_keys_put(&coap->keys, name, name_len, psk);
}

struct gw_ring *gw_coap_inbox(struct gw_coap *coap)
{
    return &coap->inbound;
}

void gw_coap_reply(struct gw_coap *coap, const struct gw_reply *reply)
{
    MT_CHECK(reply->transport == GW_VIA_COAP && reply->reply != 0);
    if (!gw_outbox_put(&coap->outbound, reply)) {
        gw_coap_count(&coap->left_out);
    }
}

void gw_coap_notify(struct gw_coap *coap, const char *name, size_t name_len, const uint8_t *bytes,
                    size_t len)
{
    struct gw_reply message = {.transport = GW_VIA_COAP};
    MT_CHECK(name_len > 0 && name_len <= MT_NAME_MAX);
    MT_CHECK(len > 0 && len <= sizeof message.receipt);
    memcpy(message.name, name, name_len);
    message.name_len = (uint8_t)name_len;
    memcpy(message.receipt, bytes, len);
    message.receipt_len = (uint8_t)len;
    if (!gw_outbox_put(&coap->outbound, &message)) {
        gw_coap_count(&coap->left_out);
    }
}

void gw_coap_state(struct gw_coap_state *out, struct gw_coap *coap)
{
    *out = (struct gw_coap_state){
        .session_count = atomic_load(&coap->sessions),
        .half_open_count = atomic_load(&coap->half_open),
        .pending_count = atomic_load(&coap->pendings),
        .observer_count = atomic_load(&coap->observings),
        .message_count = atomic_load(&coap->messages),
        .answer_count = atomic_load(&coap->answers),
        .refused_count = atomic_load(&coap->refused),
        .busy_count = atomic_load(&coap->busy),
        .repeated_count = atomic_load(&coap->repeated),
        .expired_count = atomic_load(&coap->expired),
        .late_count = atomic_load(&coap->late),
        .left_out_count = atomic_load(&coap->left_out),
        .unobserved_count = atomic_load(&coap->unobserved),
        .notified_count = atomic_load(&coap->notified),
        .unknown_identity_count = atomic_load(&coap->unknown),
        .handshake_lost_count = atomic_load(&coap->lost),
        .restarted_count = atomic_load(&coap->restarted),
        .stray_count = atomic_load(&coap->stray),
        .evicted_count = atomic_load(&coap->evicted),
        .turned_away_count = atomic_load(&coap->turned_away),
    };
}
