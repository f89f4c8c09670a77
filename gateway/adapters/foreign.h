/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Foreign devices at the broker: what smart plugs, zigbee bridges and LoRaWAN servers publish on topics
 *  of their own, handed to the mappings (source.h) and on to the core.
 *
 *  A client of its own beside mqtt.h's, so that a flood of foreign messages leaves our meters alone.
 *  libmosquitto's thread runs it: it connects, and connects again after 1 s, 2 s ... up to a minute. It
 *  subscribes, at QoS 1, to the topics of mappings that have a binding, and to no others.
 *
 *  While the core is behind and the ring is full, its thread waits: the broker keeps what comes for this
 *  client, up to its own limit, and then drops and says so. Registers are cumulative, so the device's
 *  next message makes good for it.
 *
 *  Never: answers a device, decides about a message, logs.
 */
#ifndef GATEWAY_ADAPTERS_FOREIGN_H
#define GATEWAY_ADAPTERS_FOREIGN_H

#include "gateway/adapters/clock.h"
#include "gateway/adapters/inbox.h"
#include "gateway/adapters/source.h"

#define GW_FOREIGN_WHY_BYTES 160u

/** Where the broker is. Texts are borrowed for the call of gw_foreign_open. */
struct gw_foreign_config {
    const char *host; /**< Name, address, or the path of the broker's Unix socket. */
    uint16_t port;    /**< 0: host is a socket's path. */
    const char *username;
    const char *password_file;  /**< Its first line; read again at every connection. NULL: none. */
    const char *client_id;      /**< Unique at this broker. */
    size_t queue_bytes;         /**< Inbound ring, raised to a power of two. */
    struct gw_sources *sources; /**< Outlives the adapter. */
    struct gw_clock *clock;     /**< For the list of refusals. Outlives it, too. */
    struct gw_bell *filled;     /**< The core's bell. Outlives it, too. */
};

struct gw_foreign;

/** Start it; the connection is made in the background.
 *
 *  Returns: GW_OK; GW_INVALID (a field out of bounds); GW_FULL (no memory or thread left).
 *  Out:     *foreign  untouched unless GW_OK; closed by gw_foreign_close.
 */
MT_MUST_USE enum gw_status gw_foreign_open(struct gw_foreign **foreign,
                                           const struct gw_foreign_config *config);

/** Disconnect and end the thread. NULL is allowed. */
void gw_foreign_close(struct gw_foreign *foreign);

/** Messages for the core: gw_inbox_get and gw_inbox_release, on the core's thread. */
struct gw_ring *gw_foreign_inbox(struct gw_foreign *foreign);

/** Bindings were added or removed: subscribe to what is new. Any thread. NULL is allowed. */
void gw_foreign_refresh(struct gw_foreign *foreign);

/** How it is; a moment's look. */
struct gw_foreign_state {
    bool connected;
    int64_t since_us; /**< When that began, by the clock. */
    uint64_t connection_count;
    uint64_t message_count;  /**< That came. */
    uint64_t asked_count;    /**< Births that edge nodes of Sparkplug were asked for. */
    uint64_t oversize_count; /**< Of those, above GW_MAPPING_BODY_BYTES_MAX: not looked at. */
    uint64_t stalled_count;  /**< Times that it waited for room. */
    char why[GW_FOREIGN_WHY_BYTES]; /**< Why it is not connected; empty while it is. */
};
void gw_foreign_state(struct gw_foreign_state *out, struct gw_foreign *foreign);

#endif
