/* SPDX-License-Identifier: GPL-3.0-or-later */
/** PUBLISH packets at QoS 0 as they stand on the wire (MQTT 3.1.1, sections 2.2 and 3.3).
 *
 *  All other packets are left to libmosquitto. Pure: bytes in, pointers into them out.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_WIRE_H
#define GATEWAY_ADAPTERS_MQTT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/core/limits.h"
#include "meters/check.h"

/** A packet above this is reported as large: its payload is more than any message of ours. */
#define GW_WIRE_PACKET_MAX (GW_MESSAGE_BYTES_MAX + 512u)

enum gw_wire {
    GW_WIRE_PUBLISH, /**< A whole packet: everything in *out. */
    GW_WIRE_LARGE, /**< Of a packet above GW_WIRE_PACKET_MAX, topic and length; the rest is to skip. */
    GW_WIRE_MORE,  /**< The bytes end before the packet, or before a large one's topic, does. */
    GW_WIRE_OTHER, /**< The first byte begins another kind of packet. */
    GW_WIRE_BAD,   /**< What the standard does not allow: drop the connection. */
};

struct gw_wire_publish {
    const char *topic; /**< Borrowed from the bytes, like the payload. */
    size_t topic_len;
    const uint8_t *payload; /**< NULL of a large one. */
    size_t payload_len;
    size_t packet_len; /**< Of the whole packet, header included. */
};

/** Look at the packet that begins at bytes[0]. *out is valid with PUBLISH and LARGE only. */
enum gw_wire gw_wire_next(struct gw_wire_publish *out, const uint8_t *bytes, size_t len);

/** Write a PUBLISH at QoS 0, not retained.
 *
 *  Returns: bytes written; 0 when it does not fit into max. topic_len up to 65535.
 */
size_t gw_wire_put(uint8_t *out, size_t max, const struct gw_wire_publish *publish);

#endif
