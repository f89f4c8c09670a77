/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One libcoap client session for each meter.
 *
 * libcoap walks all sessions of a context at every turn, so sessions are spread over contexts of a few
 * dozen; each context's epoll descriptor is one entry of ours. */
#include "sim/link.h"
#include "sim/virtual.h"

#include <coap3/coap.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SESSIONS_PER_CONTEXT 64u
#define EVENTS_MAX 64
#define FORMAT_ENCRYPT0 16u /* RFC 9052, table 14 */
#define FORMAT_SIGN1 18u
#define FORMAT_RAW 42u
/* A session that was quiet for so long is made anew: the gateway may have ended it, and a datagram into an
 * ended session is met with silence. */
#define QUIET_US_MAX 60000000ll
/* A gateway that runs answers, or acknowledges, within a second (gateway/adapters/coap.h). One that was
 * restarted does not know the session, and libcoap would go on repeating into it for a minute and a half. */
#define SILENT_US_MAX 4000000ll
/* libcoap 4.3.1 frees a session under its own feet when what it repeats holds the last reference
 * (coap_session_delay_pdu). So it repeats once only, as the meter repeats by itself, and a session is given
 * back when that must be over: (2 s + 4 s) x 1.5. */
#define RETRANSMIT_MAX 1u
#define PARTED_US 15000000ll

struct peer {
    struct sim_coap *owner;
    coap_session_t *session; /* NULL: none */
    uint32_t meter;
    bool on;
    bool answered; /* the session, at least once: it stands */
    bool broken;   /* to be released, outside of libcoap's callbacks */
    int64_t used_us;
    int64_t asked_us; /* when the first request was made that nothing has answered since; 0: none */
    char name[MT_NAME_MAX + 1];
    const char *protocol; /* of raw frames; static */
    uint8_t psk[MT_KEY_BYTES];
};

/* A session that its meter has left. */
struct parted {
    coap_session_t *session;
    int64_t until_us;
};

struct sim_coap {
    struct sim_link_events events;
    struct parted *parted; /* owned; the oldest first, from parted_first on */
    size_t parted_first, parted_count, parted_room;
    coap_address_t gateway;
    char host[64];
    int epoll_fd;
    uint32_t meter_count;
    uint32_t context_count;
    coap_context_t **contexts; /* owned; NULL: not needed yet */
    struct peer *peers;        /* owned, by meter index */
    uint32_t broken_count;
    struct sim_link_counts counts;
};

/* ---- what libcoap tells ----------------------------------------------------------------------------- */

static void fail(struct peer *peer, const char *why)
{
    struct sim_coap *coap = peer->owner;
    coap->counts.failures++;
    (void)snprintf(coap->counts.why, sizeof(coap->counts.why), "%s at %s: %s", peer->name,
                   coap->host, why);
    if (!peer->broken) {
        peer->broken = true;
        coap->broken_count++;
    }
}

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent,
                                   const coap_pdu_t *received, const coap_mid_t mid)
{
    struct peer *peer = coap_session_get_app_data(session);
    const uint8_t *data;
    size_t len;
    (void)sent, (void)mid; /* receipts are cumulative: whichever request they answer */
    if (peer == NULL) {
        return COAP_RESPONSE_OK;
    }
    struct sim_coap *coap = peer->owner;
    /* libcoap does not always tell of a finished handshake: the first answer does. */
    coap->counts.connections += peer->answered ? 0 : 1;
    peer->answered = true;
    peer->asked_us = 0;
    coap_pdu_code_t code = coap_pdu_get_code(received);
    bool has_data = coap_get_data(received, &len, &data) != 0 && len > 0;
    if (COAP_RESPONSE_CLASS(code) != 2) {
        coap->counts.refused++;
        (void)snprintf(coap->counts.why, sizeof(coap->counts.why), "%s was answered %d.%02d: %.*s",
                       peer->name, COAP_RESPONSE_CLASS(code), code & 0x1F,
                       has_data && len < 120 ? (int)len : 0, has_data ? (const char *)data : "");
    } else if (has_data) {
        coap->counts.received++;
        coap->events.down(coap->events.owner, peer->meter, data, len);
    }
    return COAP_RESPONSE_OK;
}

static void on_nack(coap_session_t *session, const coap_pdu_t *sent,
                    const coap_nack_reason_t reason, const coap_mid_t mid)
{
    struct peer *peer = coap_session_get_app_data(session);
    (void)sent, (void)mid; /* the meter repeats by itself */
    if (peer != NULL) {
        fail(peer, reason == COAP_NACK_TLS_FAILED         ? "DTLS failed"
                   : reason == COAP_NACK_TOO_MANY_RETRIES ? "no answer"
                   : reason == COAP_NACK_ICMP_ISSUE       ? "nobody listens there"
                                                          : "not delivered");
    }
}

static int on_event(coap_session_t *session, const coap_event_t event)
{
    struct peer *peer = coap_session_get_app_data(session);
    if (peer == NULL) {
        return 0;
    }
    if (event == COAP_EVENT_DTLS_CLOSED || event == COAP_EVENT_DTLS_ERROR) {
        fail(peer, event == COAP_EVENT_DTLS_CLOSED ? "the session was closed" : "DTLS failed");
    }
    return 0;
}

/* ---- sessions that are left ------------------------------------------------------------------------ */

/* Keep the session for a while. Without memory it is never given back, until its context ends. */
static void part(struct sim_coap *coap, coap_session_t *session)
{
    if (coap->parted_first + coap->parted_count == coap->parted_room) {
        memmove(coap->parted, coap->parted + coap->parted_first,
                coap->parted_count * sizeof(*coap->parted));
        coap->parted_first = 0;
    }
    if (coap->parted_count == coap->parted_room) {
        size_t room = 2 * coap->parted_room;
        struct parted *grown = realloc(coap->parted, room * sizeof(*grown));
        if (grown == NULL) {
            return;
        }
        coap->parted = grown;
        coap->parted_room = room;
    }
    coap->parted[coap->parted_first + coap->parted_count++] =
        (struct parted){.session = session, .until_us = sim_link_now_us() + PARTED_US};
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static bool resolve(struct sim_coap *coap, const struct sim_link_config *config, char *why)
{
    char port[8];
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    (void)snprintf(port, sizeof(port), "%u", config->gateway_port);
    int rc = getaddrinfo(config->gateway_host, port, &hints, &found);
    if (rc != 0) {
        (void)snprintf(why, SIM_LINK_WHY_BYTES, "The gateway %s is not found: %s.",
                       config->gateway_host, gai_strerror(rc));
        return false;
    }
    coap_address_init(&coap->gateway);
    coap->gateway.size = found->ai_addrlen;
    memcpy(&coap->gateway.addr, found->ai_addr, found->ai_addrlen);
    (void)snprintf(coap->host, sizeof(coap->host), "%.40s port %u", config->gateway_host,
                   config->gateway_port);
    freeaddrinfo(found);
    return true;
}

bool sim_coap_open(struct sim_coap **coap, const struct sim_link_config *config,
                   uint32_t meter_count, char why[SIM_LINK_WHY_BYTES])
{
    MT_CHECK(coap != NULL && config != NULL && meter_count > 0);
    struct sim_coap *made = calloc(1, sizeof(*made));
    (void)snprintf(why, SIM_LINK_WHY_BYTES, "There is no memory for %u CoAP sessions.",
                   meter_count);
    if (made == NULL) {
        return false;
    }
    made->events = config->events;
    made->meter_count = meter_count;
    made->context_count = (meter_count + SESSIONS_PER_CONTEXT - 1) / SESSIONS_PER_CONTEXT;
    made->contexts = calloc(made->context_count, sizeof(*made->contexts));
    made->peers = calloc(meter_count, sizeof(*made->peers));
    made->parted_room = meter_count;
    made->parted = calloc(made->parted_room, sizeof(*made->parted));
    made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (made->contexts == NULL || made->peers == NULL || made->parted == NULL ||
        made->epoll_fd < 0 || !resolve(made, config, why)) {
        if (made->epoll_fd >= 0) {
            (void)close(made->epoll_fd); /* nothing is in it */
        }
        free(made->contexts);
        free(made->peers);
        free(made->parted);
        free(made);
        return false;
    }
    coap_startup();
    coap_set_log_level(LOG_EMERG); /* failures are counted and told here */
    coap_dtls_set_log_level(LOG_EMERG);
    *coap = made;
    return true;
}

/* Sessions whose time is over, by now_us. */
static void give_back(struct sim_coap *coap, int64_t now_us)
{
    while (coap->parted_count > 0 && coap->parted[coap->parted_first].until_us <= now_us) {
        coap_session_release(coap->parted[coap->parted_first].session);
        coap->parted_first++;
        coap->parted_count--;
    }
    if (coap->parted_count == 0) {
        coap->parted_first = 0;
    }
}

void sim_coap_close(struct sim_coap *coap)
{
    if (coap == NULL) {
        return;
    }
    for (uint32_t i = 0; i < coap->meter_count; i++) {
        sim_coap_stop(coap, i);
        mt_key_wipe(coap->peers[i].psk, sizeof(coap->peers[i].psk));
    }
    give_back(coap, INT64_MAX);
    for (uint32_t i = 0; i < coap->context_count; i++) {
        if (coap->contexts[i] != NULL) {
            coap_free_context(coap->contexts[i]);
        }
    }
    coap_cleanup();
    (void)close(coap->epoll_fd); /* its members are gone */
    free(coap->contexts);
    free(coap->peers);
    free(coap->parted);
    free(coap);
}

int sim_coap_fd(const struct sim_coap *coap)
{
    return coap->epoll_fd;
}

static coap_context_t *context_of(struct sim_coap *coap, uint32_t meter)
{
    uint32_t number = meter / SESSIONS_PER_CONTEXT;
    if (coap->contexts[number] != NULL) {
        return coap->contexts[number];
    }
    coap_context_t *context = coap_new_context(NULL);
    if (context == NULL) {
        return NULL;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(coap->epoll_fd, EPOLL_CTL_ADD, coap_context_get_coap_fd(context), &event) != 0) {
        coap_free_context(context);
        return NULL;
    }
    coap_register_response_handler(context, on_response);
    coap_register_nack_handler(context, on_nack);
    coap_register_event_handler(context, on_event);
    coap->contexts[number] = context;
    return context;
}

/* ---- sessions --------------------------------------------------------------------------------------- */

static void release(struct peer *peer)
{
    if (peer->session != NULL) {
        coap_session_set_app_data(peer->session, NULL); /* what still comes is nobody's */
        part(peer->owner, peer->session);
        peer->session = NULL;
        peer->answered = false;
    }
    peer->asked_us = 0;
    if (peer->broken) {
        peer->broken = false;
        peer->owner->broken_count--;
    }
}

static coap_pdu_t *request(struct peer *peer, coap_pdu_code_t code)
{
    uint8_t token[8];
    size_t token_len = 0;
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, code, peer->session);
    if (pdu == NULL) {
        return NULL;
    }
    coap_session_new_token(peer->session, &token_len, token);
    coap_add_token(pdu, token_len, token);
    return pdu;
}

/* Ask to be told of commands: RFC 7641, observe the meter's own down resource. */
static void observe(struct peer *peer)
{
    uint8_t zero[1];
    coap_pdu_t *pdu = request(peer, COAP_REQUEST_CODE_GET);
    if (pdu == NULL) {
        return;
    }
    coap_add_option(pdu, COAP_OPTION_OBSERVE, coap_encode_var_safe(zero, sizeof(zero), 0), zero);
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 1, (const uint8_t *)"m");
    coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(peer->name), (const uint8_t *)peer->name);
    coap_add_option(pdu, COAP_OPTION_URI_PATH, 4, (const uint8_t *)"down");
    if (coap_send(peer->session, pdu) == COAP_INVALID_MID) {
        fail(peer, "the session takes no request");
    }
}

static bool connect_now(struct peer *peer)
{
    struct sim_coap *coap = peer->owner;
    coap_context_t *context = context_of(coap, peer->meter);
    coap_dtls_cpsk_t setup = {
        .version = COAP_DTLS_CPSK_SETUP_VERSION,
        .psk_info = {.identity = {strlen(peer->name), (const uint8_t *)peer->name},
                     .key = {sizeof(peer->psk), peer->psk}},
    };
    if (context != NULL) {
        /* No local address: the kernel gives each session a fresh port, as a rebooted meter needs. */
        peer->session =
            coap_new_client_session_psk2(context, NULL, &coap->gateway, COAP_PROTO_DTLS, &setup);
    }
    if (peer->session == NULL) {
        coap->counts.failures++;
        (void)snprintf(coap->counts.why, sizeof(coap->counts.why),
                       "%s: no session can be made (too many open files?)", peer->name);
        return false;
    }
    coap_session_set_app_data(peer->session, peer);
    coap_session_set_max_retransmit(peer->session, RETRANSMIT_MAX);
    observe(peer);
    return true;
}

void sim_coap_start(struct sim_coap *coap, const struct sim_spec *spec)
{
    MT_CHECK(coap != NULL && spec->index < coap->meter_count);
    struct peer *peer = &coap->peers[spec->index];
    enum mt_status st = mt_key_derive(peer->psk, spec->root_key, MT_KEY_TRANSPORT, &spec->identity);
    MT_CHECK(st == MT_OK);
    peer->owner = coap;
    peer->meter = spec->index;
    peer->on = true;
    memcpy(peer->name, spec->name, sizeof(peer->name));
    peer->protocol = spec->foreign.protocol != NULL ? spec->foreign.protocol->name : "auto";
}

void sim_coap_stop(struct sim_coap *coap, uint32_t meter)
{
    struct peer *peer = &coap->peers[meter];
    if (peer->on) {
        peer->on = false;
        release(peer);
    }
}

static unsigned format_of(enum fw_frame frame)
{
    return frame == SIM_FRAME_RAW ? FORMAT_RAW
           : frame == FW_FRAME_UP ? FORMAT_ENCRYPT0
                                  : FORMAT_SIGN1;
}

/* Some frames do not say of which protocol they are: ?p=NAME does. */
static bool name_protocol(coap_pdu_t *pdu, const struct peer *peer)
{
    char query[2 + MT_PROTOCOL_NAME_MAX + 1];
    int len = snprintf(query, sizeof(query), "p=%s", peer->protocol);
    return coap_add_option(pdu, COAP_OPTION_URI_QUERY, (size_t)len, (const uint8_t *)query) != 0;
}

bool sim_coap_send(struct sim_coap *coap, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                   size_t len)
{
    struct peer *peer = &coap->peers[meter];
    uint8_t format[2];
    int64_t now_us = sim_link_now_us();
    if (!peer->on) {
        coap->counts.unsent++;
        return false;
    }
    bool quiet = peer->session != NULL && now_us - peer->used_us > QUIET_US_MAX;
    bool silent = peer->asked_us != 0 && now_us - peer->asked_us > SILENT_US_MAX;
    if (peer->broken || quiet || silent) {
        release(peer);
    }
    if (peer->session == NULL && !connect_now(peer)) {
        coap->counts.unsent++;
        return false;
    }
    peer->used_us = now_us;
    coap_pdu_t *pdu = request(peer, COAP_REQUEST_CODE_POST);
    unsigned number = format_of(frame);
    bool made =
        pdu != NULL && coap_add_option(pdu, COAP_OPTION_URI_PATH, 1, (const uint8_t *)"m") &&
        coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(peer->name),
                        (const uint8_t *)peer->name) &&
        coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT,
                        coap_encode_var_safe(format, sizeof(format), number), format) &&
        (frame != SIM_FRAME_RAW || name_protocol(pdu, peer)) && coap_add_data(pdu, len, bytes);
    if (!made && pdu != NULL) {
        coap_delete_pdu(pdu);
    }
    if (!made || coap_send(peer->session, pdu) == COAP_INVALID_MID) {
        coap->counts.unsent++;
        fail(peer, "the session takes no request");
        return false;
    }
    peer->asked_us = peer->asked_us != 0 ? peer->asked_us : now_us;
    coap->counts.sent++;
    return true;
}

static void release_broken(struct sim_coap *coap)
{
    for (uint32_t i = 0; i < coap->meter_count && coap->broken_count > 0; i++) {
        if (coap->peers[i].broken) {
            release(&coap->peers[i]);
        }
    }
}

void sim_coap_work(struct sim_coap *coap)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(coap->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        coap_context_t *context = coap->contexts[events[i].data.u32];
        if (context != NULL && coap_io_process(context, COAP_IO_NO_WAIT) < 0) {
            coap->counts.failures++;
        }
    }
    if (coap->broken_count > 0) {
        release_broken(coap);
    }
    give_back(coap, sim_link_now_us());
}

void sim_coap_counts(struct sim_link_counts *counts, const struct sim_coap *coap)
{
    *counts = coap->counts;
}
