/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Packets from the broker: taken apart within their bytes, and each written back as it was read. */
#include <string.h>

#include "gateway/adapters/mqtt_topic.h"
#include "gateway/adapters/mqtt_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t written[GW_WIRE_PACKET_MAX + 8];
    struct gw_wire_publish publish;
    struct gw_topic topic;
    size_t at = 0;
    while (at < size) {
        enum gw_wire found = gw_wire_next(&publish, data + at, size - at);
        if (found != GW_WIRE_PUBLISH && found != GW_WIRE_LARGE) {
            break;
        }
        MT_CHECK(publish.packet_len > publish.topic_len + publish.payload_len);
        if (gw_topic_parse(&topic, publish.topic, publish.topic_len, "meterpay/s/")) {
            MT_CHECK(topic.name_len > 0 && topic.name >= publish.topic &&
                     topic.name + topic.name_len <= publish.topic + publish.topic_len);
        }
        if (found == GW_WIRE_LARGE) {
            break; /* its rest is skipped by the caller */
        }
        /* The same but for flags, and for a length written longer than it needs to be. */
        size_t len = gw_wire_put(written, sizeof written, &publish);
        MT_CHECK(len > 0 && len <= publish.packet_len);
        MT_CHECK(
            memcmp(written + len - publish.payload_len, publish.payload, publish.payload_len) == 0);
        at += publish.packet_len;
    }
    return 0;
}
