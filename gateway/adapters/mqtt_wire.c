/* SPDX-License-Identifier: GPL-3.0-or-later */
/** PUBLISH packets at QoS 0 as they stand on the wire (MQTT 3.1.1, sections 2.2 and 3.3). */
#include "gateway/adapters/mqtt_wire.h"

#include <stdbool.h>
#include <string.h>

#define PUBLISH_TYPE 0x30u /* 2.2.1: packet type 3, flags DUP QoS QoS RETAIN */
#define TYPE_AND_QOS 0xF6u
#define LENGTH_BYTES_MAX 4u
#define REMAINING_MAX 268435455u /* 2.2.3 */

/* 2.2.3: seven bits a byte, the lowest first. Returns bytes used, 0: more needed, or -1: too long. */
static int remaining_get(size_t *out, const uint8_t *bytes, size_t len)
{
    size_t value = 0;
    for (unsigned i = 0; i < LENGTH_BYTES_MAX; i++) {
        if (i >= len) {
            return 0;
        }
        value |= (size_t)(bytes[i] & 0x7Fu) << (7 * i);
        if ((bytes[i] & 0x80u) == 0) {
            *out = value;
            return (int)i + 1;
        }
    }
    return -1;
}

enum gw_wire gw_wire_next(struct gw_wire_publish *out, const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return GW_WIRE_MORE;
    }
    if ((bytes[0] & TYPE_AND_QOS) != PUBLISH_TYPE) {
        return GW_WIRE_OTHER;
    }
    size_t remaining = 0;
    int used = remaining_get(&remaining, bytes + 1, len - 1);
    if (used < 0 || (used > 0 && remaining < 2)) {
        return GW_WIRE_BAD;
    }
    size_t head = 1 + (size_t)used;
    if (used == 0 || len - head < 2) {
        return GW_WIRE_MORE;
    }
    size_t topic_len = (size_t)bytes[head] << 8 | bytes[head + 1];
    if (topic_len == 0 || topic_len > remaining - 2) {
        return GW_WIRE_BAD; /* 3.3.2.1: there is a topic, and it is no longer than the packet */
    }
    bool large = head + remaining > GW_WIRE_PACKET_MAX;
    size_t needed = large ? head + 2 + topic_len : head + remaining;
    if (len < needed) {
        return GW_WIRE_MORE;
    }
    const uint8_t *topic = bytes + head + 2;
    *out = (struct gw_wire_publish){
        .topic = (const char *)topic,
        .topic_len = topic_len,
        .payload = large ? NULL : topic + topic_len,
        .payload_len = remaining - 2 - topic_len,
        .packet_len = head + remaining,
    };
    return large ? GW_WIRE_LARGE : GW_WIRE_PUBLISH;
}

size_t gw_wire_put(uint8_t *out, size_t max, const struct gw_wire_publish *publish)
{
    MT_CHECK(publish->topic_len > 0 && publish->topic_len <= UINT16_MAX);
    MT_CHECK(publish->payload_len <= REMAINING_MAX - 2 - UINT16_MAX);
    size_t remaining = 2 + publish->topic_len + publish->payload_len;
    uint8_t head[1 + LENGTH_BYTES_MAX + 2];
    size_t n = 0;
    head[n++] = PUBLISH_TYPE;
    for (size_t left = remaining; left > 0 || n == 1; left >>= 7) {
        head[n++] = (uint8_t)((left & 0x7Fu) | (left > 0x7Fu ? 0x80u : 0));
    }
    head[n++] = (uint8_t)(publish->topic_len >> 8);
    head[n++] = (uint8_t)publish->topic_len;
    size_t total = n + publish->topic_len + publish->payload_len;
    if (total > max) {
        return 0;
    }
    memcpy(out, head, n);
    memcpy(out + n, publish->topic, publish->topic_len);
    if (publish->payload_len > 0) {
        memcpy(out + n + publish->topic_len, publish->payload, publish->payload_len);
    }
    return total;
}
