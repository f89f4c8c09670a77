/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's side of CoAP (RFC 7252): messages from meters to the core, answers after the commit.
 *
 *      POST /m/<meter>         content formats 16 and 18 (COSE), 112 (SenML CBOR), 110 (SenML JSON),
 *                              42 (a raw frame; ?p=dlt645 names its protocol); Block1 (RFC 7959) up to
 *                              GW_MESSAGE_BYTES_MAX. Answer: 2.04 with the receipt (format 16), or an
 *                              error with one sentence for people. It is sent only after the commit.
 *      GET /m/<meter>/down     with Observe (RFC 7641): receipts and commands as they come
 *      GET /.well-known/core   what there is (RFC 6690)
 *
 *  Transport: DTLS 1.2 with each meter's own pre-shared key; the meter's name is its identity. Without
 *  DTLS only formats 16 and 18, which protect themselves, and only on loopback.
 *
 *  One thread of its own runs libcoap (GnuTLS). An answer waits in a table of bounded size; a meter that
 *  sends again meanwhile is not put to the core twice. After a second without a commit the meter gets
 *  an empty acknowledgement and the answer follows by itself (RFC 7252, 5.2.2). Full tables, a full ring
 *  and stopped intake are answered 5.03 with Max-Age; one session with too many open messages 4.29.
 *
 *  Thousands of sessions cost no walk per datagram. A meter that starts anew is served at once, also
 *  from the same address and port: see coap_door.h, which stands between the socket and libcoap.
 *
 *  Threads: open, close, reply, notify and the inbox belong to the core's thread; keys may be added and
 *  state asked by any. Never: decides about a message, logs, waits for the core.
 */
#ifndef GATEWAY_ADAPTERS_COAP_H
#define GATEWAY_ADAPTERS_COAP_H

#include "gateway/adapters/inbox.h"

#define GW_COAP_SESSIONS_MAX 200000u
#define GW_COAP_PENDING_MAX 65536u
#define GW_COAP_PER_SESSION_MAX 1024u
#define GW_COAP_QUEUE_BYTES_MIN ((size_t)64 * 1024)
#define GW_COAP_QUEUE_BYTES_MAX ((size_t)1 << 30)
#define GW_COAP_WHY_BYTES 160u

/** Texts are borrowed for the call of gw_coap_open. A limit of 0 takes the value in brackets. */
struct gw_coap_config {
    const char *address;      /**< To listen on: a literal address, "::" or "0.0.0.0" for all. */
    uint16_t port;            /**< DTLS; the standard's is 5684. 0: none. */
    uint16_t plain_port;      /**< On 127.0.0.1 without DTLS; 0: none. */
    uint32_t sessions_max;    /**< DTLS sessions at a time, 12 kB each [10,000]. */
    uint32_t keys_max;        /**< Meters that may have a key, 56 bytes each; at least 1. */
    uint32_t pending_max;     /**< Messages waiting for their commit [4,096]. */
    uint32_t per_session_max; /**< Of those, of one session [16]. */
    int64_t idle_us;          /**< A session silent for so long is ended; seconds count [300 s]. */
    size_t
        queue_bytes; /**< Inbound ring; raised to a power of two. The outbound one is as large. */
    struct gw_bell
        *filled; /**< The core's bell: rung when a message arrived. Outlives the adapter. */
};

struct gw_coap;

/** Bind and start the thread.
 *
 *  Returns: GW_OK; GW_INVALID (a field out of bounds), GW_IO (address in use or not ours), GW_FULL (no
 *           memory or thread left), each with a sentence in why.
 *  Out:     *coap  untouched unless GW_OK; closed by gw_coap_close.
 */
MT_MUST_USE enum gw_status gw_coap_open(struct gw_coap **coap, char why[GW_COAP_WHY_BYTES],
                                        const struct gw_coap_config *config);

/** End all sessions and the thread. */
void gw_coap_close(struct gw_coap *coap);

/** Give a meter its key, or another one. Sessions that stand are left alone.
 *
 *  Returns: false when keys_max meters have one already, or the name is none.
 */
MT_MUST_USE bool gw_coap_add_key(struct gw_coap *coap, const char *name, size_t name_len,
                                 const uint8_t psk[MT_KEY_BYTES]);

/** Messages for the core: gw_inbox_get and gw_inbox_release, on the core's thread. */
struct gw_ring *gw_coap_inbox(struct gw_coap *coap);

/** Answer a message whose batch was committed, or refused. Does not wait: with the outbound ring full
 *  the answer is left out (left_out_count), and the meter sends again. */
void gw_coap_reply(struct gw_coap *coap, const struct gw_reply *reply);

/** Send a COSE message (a command, a receipt) to the meter that observes its down resource, confirmable.
 *  When none observes it nothing is sent (unobserved_count). At most sizeof gw_reply.receipt bytes. */
void gw_coap_notify(struct gw_coap *coap, const char *name, size_t name_len, const uint8_t *bytes,
                    size_t len);

/** How it is; a moment's look, each number exact by itself. */
struct gw_coap_state {
    uint32_t session_count;   /**< DTLS sessions that stand. */
    uint32_t half_open_count; /**< Handshakes under way. */
    uint32_t pending_count;   /**< Messages waiting for their commit. */
    uint32_t observer_count;
    uint64_t message_count;  /**< Handed to the core. */
    uint64_t answer_count;   /**< Sent after a commit. */
    uint64_t refused_count;  /**< Answered with an error by the adapter itself. */
    uint64_t busy_count;     /**< Of those, 5.03 or 4.29: a ring or table was full. */
    uint64_t repeated_count; /**< Sent again by the meter while its answer was pending. */
    uint64_t expired_count;  /**< Waited in vain for their commit. */
    uint64_t late_count;     /**< Acknowledged empty first, answered later. */
    uint64_t left_out_count; /**< Answers that found the outbound ring full or the session gone. */
    uint64_t unobserved_count;
    uint64_t notified_count;
    uint64_t unknown_identity_count; /**< Handshakes with an identity that has no key. */
    uint64_t
        handshake_lost_count;   /**< Begun and not finished: a wrong key, a lost peer, a flood. */
    uint64_t restarted_count;   /**< Meters that came back from the same address and port. */
    uint64_t stray_count;       /**< Datagrams of no session, dropped at the door. */
    uint64_t evicted_count;     /**< Idle sessions ended early to make room. */
    uint64_t turned_away_count; /**< Handshakes refused: sessions_max reached, none idle. */
};
void gw_coap_state(struct gw_coap_state *out, struct gw_coap *coap);

#endif
