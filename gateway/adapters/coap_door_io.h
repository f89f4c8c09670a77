/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The door's hands: datagrams in and out in bulk, under libcoap's own calls. Used by coap_door.c only.
 *
 *  What each datagram means is coap_door.c's to say, in the two functions at the end.
 */
#ifndef GATEWAY_ADAPTERS_COAP_DOOR_IO_H
#define GATEWAY_ADAPTERS_COAP_DOOR_IO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "meters/check.h"

#define GW_DOOR_BATCH 64u          /**< Datagrams a system call. */
#define GW_DOOR_DATAGRAM_MAX 1472u /**< libcoap 4.3 reads no longer ones. */
#define GW_DOOR_SOCKETS_MAX 4u

/** A peer's real address. */
struct gw_peer {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
};

struct gw_door_datagram;

struct gw_door_io {
    struct {
        void *mark; /**< What libcoap has put into its epoll event. */
        int fd;
        bool dtls;
    } endpoints[GW_DOOR_SOCKETS_MAX];
    uint8_t endpoint_count;
    bool expecting, expect_dtls;
    struct gw_door_datagram *in, *out;
    unsigned in_count, in_next, out_count;
    uint8_t in_endpoint;
    uint64_t dropped; /**< Since gw_door_io_end. */
    uint64_t unsent;  /**< Since gw_door_io_flush. */
};

/** Returns false without memory. */
MT_MUST_USE bool gw_door_io_init(struct gw_door_io *io);
void gw_door_io_deinit(struct gw_door_io *io);

/** This thread's libcoap passes through io; NULL: through none. */
void gw_door_io_attach(struct gw_door_io *io);
struct gw_door_io *gw_door_io_attached(void);

/** Between these two, a socket that libcoap adds to its epoll descriptor is an endpoint of ours. */
void gw_door_io_expect(struct gw_door_io *io, bool dtls);
void gw_door_io_expected(struct gw_door_io *io);

/** Which endpoint an event is of; -1: none. */
int gw_door_io_endpoint(const struct gw_door_io *io, const void *mark);

/** Take what the socket has. Returns how many datagrams libcoap can read now, GW_DOOR_BATCH at most. */
unsigned gw_door_io_receive(struct gw_door_io *io, uint8_t endpoint);
/** libcoap has read. Returns the datagrams dropped as longer than any that is read. */
uint64_t gw_door_io_end(struct gw_door_io *io);
/** Send what was gathered. Returns the datagrams that the kernel did not take. */
uint64_t gw_door_io_flush(struct gw_door_io *io);

/** Answer the datagram that is being routed, past libcoap. */
void gw_door_io_answer(struct gw_door_io *io, const uint8_t *bytes, size_t len);

/** To which slot a datagram goes; 0: to none. */
uint32_t gw_door_route(struct gw_door_io *io, const struct gw_peer *peer, uint8_t endpoint,
                       const uint8_t *bytes, size_t len);
/** Where a datagram to an alias goes. Returns false: nowhere. */
bool gw_door_leaving(struct gw_peer *peer, struct gw_door_io *io, uint32_t alias,
                     const uint8_t *bytes, size_t len);

#endif
