/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages in bulk over the socket of a libmosquitto connection: PUBLISH packets at QoS 0, both ways.
 *
 *  Inwards, bytes are looked at (MSG_PEEK) before they are taken: PUBLISH packets at QoS 0 are taken by
 *  the hundred, and where another kind of packet begins, taking stops and libmosquitto reads that one.
 *  Outwards, packets gather in a buffer and go in one write; while part of one is unsent
 *  (gw_flow_write_pending), libmosquitto must not write.
 *
 *  Runs on the MQTT adapter's thread. Never: allocates after init, blocks.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_FLOW_H
#define GATEWAY_ADAPTERS_MQTT_FLOW_H

#include <stdatomic.h>

#include "gateway/adapters/inbox.h"
#include "gateway/adapters/mqtt_topic.h"
#include "gateway/adapters/mqtt_wire.h"

#define GW_FLOW_IN_BYTES (256u * 1024u)
#define GW_FLOW_OUT_BYTES (64u * 1024u)

enum gw_flow_state {
    GW_FLOW_IDLE,    /**< The socket is empty. */
    GW_FLOW_AGAIN,   /**< There may be more: call again. */
    GW_FLOW_CONTROL, /**< Another kind of packet is next: libmosquitto reads it. */
    GW_FLOW_STALLED, /**< The inbound ring is full; nothing was lost. */
    GW_FLOW_LOST,    /**< The connection is over, or what came is no MQTT. */
};

/** Written by the adapter's thread, read by any. */
struct gw_flow_counters {
    _Atomic uint64_t messages;
    _Atomic uint64_t oversize;
    _Atomic uint64_t foreign;
};

/** Packets on their way out. */
struct gw_flow_out {
    size_t start, len; /**< Unsent bytes are [start..len). */
    uint8_t bytes[GW_FLOW_OUT_BYTES];
};

struct gw_flow {
    const char *prefix; /**< "<root>/<site>/"; borrowed. */
    struct gw_ring *inbox;
    struct gw_flow_counters *counters;
    size_t in_len;     /**< Bytes of in: taken from the socket, not processed. */
    size_t skip_bytes; /**< Of a large packet, still to come. */
    uint8_t in[GW_FLOW_IN_BYTES];
    struct gw_flow_out out;
};

/** Begin with a new connection. The three pointers are borrowed for the flow's life. */
void gw_flow_init(struct gw_flow *flow, const char *prefix, struct gw_ring *inbox,
                  struct gw_flow_counters *counters);

/** Take what has come, once; see enum gw_flow_state. fd is a non-blocking stream socket. */
enum gw_flow_state gw_flow_read(struct gw_flow *flow, int fd);

/** Put a message of libmosquitto's own callback (QoS 1) the same way. Returns false: ring full. */
MT_MUST_USE bool gw_flow_deliver(struct gw_flow *flow, const struct gw_wire_publish *publish);

/** Queue one packet. Returns false when the buffer is full: write first. */
MT_MUST_USE bool gw_flow_put(struct gw_flow_out *out, const struct gw_wire_publish *publish);

/** Write what is queued. Returns IDLE (all is written), AGAIN (the socket is full), LOST. */
enum gw_flow_state gw_flow_write(struct gw_flow_out *out, int fd);

/** True while queued bytes are unsent. */
bool gw_flow_write_pending(const struct gw_flow_out *out);

#endif
