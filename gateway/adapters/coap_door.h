/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The door between UDP sockets and libcoap: bulk IO, admission, and a meter that starts anew.
 *
 *  libcoap 4.3 reads one datagram a system call, walks all its sessions after each event and for each
 *  unknown peer, keeps a state for every forged ClientHello, and knows one session an address: a meter
 *  that lost its power and comes back from the same port is not answered until its old session times
 *  out. The door mends that from outside, by the linker's --wrap, with no change to the library:
 *
 *      recvmsg                 gives libcoap the next datagram of a batch that recvmmsg took, once the
 *                              door has admitted it; the peer's address is replaced by an alias
 *      sendmsg                 puts the peer's address back and gathers datagrams for one sendmmsg
 *      epoll_ctl               shows the door a new endpoint's descriptor, and sizes its buffers
 *      coap_io_prepare_epoll   the walk over all sessions, let through at most every 20 ms and for at
 *                              most a fiftieth of the time
 *      coap_ticks              counts the monotonic clock: a clock that is set must not end sessions
 *      gnutls_dtls_cookie_verify   answers for cookies of the door's own
 *
 *  The door does the cookie exchange of RFC 6347, 4.2.1 itself, without any state: a ClientHello without
 *  a valid cookie is answered from a keyed hash of its address and its random, and forgotten; libcoap
 *  hears of a peer only when it has returned the cookie, so a forged address costs a hash and nothing
 *  else. The key changes every minute; the one before is honoured.
 *
 *  An alias is 240.x.y.z, the number of a slot; it never reaches a wire. So when a ClientHello with a
 *  valid cookie comes from the address of a session that stands, a new session begins in another slot at
 *  once, and the old one ends: the newcomer has shown that it is there (RFC 6347, 4.2.8), and whoever
 *  merely forges the address ends nothing. The same ClientHello again is known by its random.
 *
 *      FREE -cookie-> HANDSHAKE -first encrypted flight-> OPEN -> FREE
 *
 *  Bounds: slots; handshakes end after 20 s of silence, or, too many at a time, oldest first; they begin
 *  at most 3,000 a second. With all sessions taken, one that was silent for 10 s makes room.
 *
 *  All calls on one thread, the one that attached the door. It relies on libcoap 4.3.1 on GnuTLS (checked
 *  when configured) and on one function that libcoap's headers do not declare.
 */
#ifndef GATEWAY_ADAPTERS_COAP_DOOR_H
#define GATEWAY_ADAPTERS_COAP_DOOR_H

#include <coap3/coap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_DOOR_ENDPOINTS_MAX 4u

struct gw_door_config {
    uint32_t sessions_max; /**< Open DTLS sessions. */
    uint32_t plain_max;    /**< Peers without DTLS. */
    uint32_t half_open_max;
    /** A session ends: forget it, and give back every reference to it. Called before it is freed. */
    void (*gone)(void *arg, uint32_t slot, coap_session_t *session);
    void *arg;
};

struct gw_door_counters {
    uint32_t open, half_open;
    uint64_t lost;        /**< Handshakes that were begun and not finished. */
    uint64_t restarted;   /**< Old sessions that a newcomer from their address ended. */
    uint64_t stray;       /**< Datagrams of no session, truncated or refused. */
    uint64_t evicted;     /**< Idle sessions that made room. */
    uint64_t turned_away; /**< Newcomers refused for want of room or rate. */
    uint64_t unsent;      /**< Datagrams that the kernel did not take. */
};

struct gw_door;

/** Returns GW_OK, GW_FULL (no memory). */
MT_MUST_USE enum gw_status gw_door_open(struct gw_door **door, const struct gw_door_config *config);
/** After the context is freed and the door detached. */
void gw_door_close(struct gw_door *door);

/** From now on this thread's libcoap passes through the door; NULL: through none. */
void gw_door_attach(struct gw_door *door);

/** libcoap's context, for the walk. */
void gw_door_set_context(struct gw_door *door, coap_context_t *context);

/** Make an endpoint whose datagrams pass the door. Returns NULL when it cannot be bound (errno). */
coap_endpoint_t *gw_door_endpoint(struct gw_door *door, const coap_address_t *address,
                                  coap_proto_t proto);

/** Serve an event of libcoap's epoll descriptor. Returns -1 when it is not one of an endpoint; 1 when the
 *  socket may hold more, 0 when it is empty. */
int gw_door_serve(struct gw_door *door, const struct epoll_event *event);

/** Send what was gathered. At the end of each round of the loop. */
void gw_door_flush(struct gw_door *door);

/** Time goes on: end handshakes that are too old and sessions that were replaced, change the
 *  cookies' key, and walk when it is due. urgent: libcoap's own timer fired. Returns milliseconds until the next call, -1: none. */
int gw_door_tick(struct gw_door *door, bool urgent);

/** The slot of a session, 1 to gw_door_slots(); slots are used again after `gone`. */
uint32_t gw_door_slot(const coap_session_t *session);
uint32_t gw_door_slots(const struct gw_door *door);

/** libcoap made or is about to free a session: pass its events on. */
void gw_door_session_made(struct gw_door *door, coap_session_t *session);
void gw_door_session_freed(struct gw_door *door, coap_session_t *session);

/** Now, coarsely: milliseconds of the monotonic clock, of this round. */
int64_t gw_door_now_ms(const struct gw_door *door);

const struct gw_door_counters *gw_door_counters(const struct gw_door *door);

#endif
