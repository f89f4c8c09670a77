/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files of the CoAP adapter share: coap.c, coap_request.c, coap_answer.c. For no one else. */
#ifndef GATEWAY_ADAPTERS_COAP_INTERNAL_H
#define GATEWAY_ADAPTERS_COAP_INTERNAL_H

#include <coap3/coap.h>
#include <pthread.h>
#include <string.h>

#include "gateway/adapters/coap.h"
#include "gateway/adapters/coap_block.h"
#include "gateway/adapters/coap_code.h"
#include "gateway/adapters/coap_door.h"
#include "gateway/adapters/coap_keys.h"
#include "gateway/adapters/coap_observe.h"
#include "gateway/adapters/coap_pending.h"

#define GW_COAP_FORMAT_ENCRYPT0 16u /* COSE_Encrypt0: RFC 9052, 11.3 */

struct gw_coap {
    /* shared */
    struct gw_ring inbound, outbound;
    void *inbound_memory, *outbound_memory;
    size_t queue_bytes;
    struct gw_bell bell; /* wakes this thread: a reply came, or the end */
    struct gw_keys keys;
    bool has_keys;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint32_t sessions, half_open, pendings, observings;
    _Atomic uint64_t messages, answers, refused, busy, repeated, expired, late, left_out;
    _Atomic uint64_t unobserved, notified, unknown;
    _Atomic uint64_t lost, restarted, stray, evicted, turned_away;

    /* the thread's own, once it runs */
    struct gw_door *door;
    coap_context_t *context;
    struct gw_pending_table pending;
    struct gw_blocks blocks;
    struct gw_observers observers;
    uint8_t psk[MT_KEY_BYTES];
    coap_bin_const_t psk_view;
    int64_t notify_since_ms; /* confirmable notifications of the last two seconds */
    uint32_t notify_count;
    int64_t window_since_ms;  /* of the messages counted, to know whether they come fast */
    uint64_t window_messages; /* the counter when the window began */
    bool pressed;
};

static inline void gw_coap_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static inline struct gw_coap *gw_coap_of(const coap_session_t *session)
{
    return coap_get_app_data(coap_session_get_context(session));
}

static inline bool gw_coap_session_stands(const coap_session_t *session)
{
    return coap_session_get_state(session) == COAP_SESSION_STATE_ESTABLISHED;
}

/* What is added to a response of ours always fits: the PDU has room for a whole datagram. */
static inline void gw_coap_add_uint(coap_pdu_t *pdu, coap_option_num_t number, uint32_t value)
{
    uint8_t bytes[4];
    (void)coap_add_option(pdu, number, coap_encode_var_safe(bytes, sizeof bytes, value), bytes);
}

static inline void gw_coap_add_text(coap_pdu_t *pdu, const char *text)
{
    (void)coap_add_data(pdu, strlen(text), (const uint8_t *)text);
}

/** Make the resources. Returns false without memory. */
MT_MUST_USE bool gw_coap_resources(struct gw_coap *coap);

/** Send an empty acknowledgement. */
void gw_coap_acknowledge(coap_session_t *session, uint16_t mid);

/** Send the answers and notifications that the core handed over, some at a time. */
void gw_coap_replies(struct gw_coap *coap);

/** Look after requests whose commit takes long: an empty acknowledgement first, at last the end. */
void gw_coap_late(struct gw_coap *coap);

/** Take a request out of the table and give its session back. */
void gw_coap_pending_end(struct gw_coap *coap, struct gw_pending *entry);

/** libcoap: a confirmable notification was rejected or never acknowledged. */
void gw_coap_on_nack(coap_session_t *session, const coap_pdu_t *sent, coap_nack_reason_t reason,
                     coap_mid_t mid);

#endif
