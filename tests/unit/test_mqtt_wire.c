/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/mqtt_wire.h"

#include <stdlib.h>

#include "tests/support/unit.h"

/* MQTT 3.1.1, 3.3: type 3, remaining length 7, topic of 3 bytes "a/b", payload "hi". */
static const uint8_t golden[] = {0x30, 0x07, 0x00, 0x03, 'a', '/', 'b', 'h', 'i'};

/* Look at exactly these bytes: the sanitizer sees a look beyond them. */
static enum gw_wire next(struct gw_wire_publish *out, const uint8_t *bytes, size_t len)
{
    static uint8_t *exact;
    free(exact);
    exact = malloc(len > 0 ? len : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
    memcpy(exact, bytes, len);
    return gw_wire_next(out, exact, len);
}

static void the_standards_example_is_taken_apart(void)
{
    struct gw_wire_publish got;
    CU_ASSERT_EQUAL(next(&got, golden, sizeof golden), GW_WIRE_PUBLISH);
    CU_ASSERT_EQUAL(got.topic_len, 3);
    CU_ASSERT_EQUAL(memcmp(got.topic, "a/b", 3), 0);
    CU_ASSERT_EQUAL(got.payload_len, 2);
    CU_ASSERT_EQUAL(memcmp(got.payload, "hi", 2), 0);
    CU_ASSERT_EQUAL(got.packet_len, 9);
}

static void every_prefix_needs_more(void)
{
    struct gw_wire_publish got;
    for (size_t len = 0; len < sizeof golden; len++) {
        CU_ASSERT_EQUAL(next(&got, golden, len), GW_WIRE_MORE);
    }
}

static void other_kinds_and_other_qualities_are_left_to_the_library(void)
{
    struct gw_wire_publish got;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t bytes[sizeof golden];
        memcpy(bytes, golden, sizeof golden);
        bytes[0] = (uint8_t)first;
        /* at QoS 0: 0x30, retained 0x31, and both with the duplicate flag */
        bool plain = first == 0x30 || first == 0x31 || first == 0x38 || first == 0x39;
        CU_ASSERT_EQUAL(next(&got, bytes, sizeof bytes), plain ? GW_WIRE_PUBLISH : GW_WIRE_OTHER);
    }
}

struct bad_row {
    const uint8_t bytes[8];
    size_t len;
};
static const struct bad_row bad_rows[] = {
    {{0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 6}, /* 2.2.3: a length of five bytes */
    {{0x30, 0x00}, 2},                         /* no room for a topic's length */
    {{0x30, 0x01, 0x00}, 3},
    {{0x30, 0x03, 0x00, 0x00, 'x'}, 5}, /* 3.3.2.1: no topic */
    {{0x30, 0x03, 0x00, 0x02, 'x'}, 5}, /* the topic is longer than the packet */
};

static void what_the_standard_forbids_is_bad(void)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        struct gw_wire_publish got;
        CU_ASSERT_EQUAL(next(&got, bad_rows[i].bytes, bad_rows[i].len), GW_WIRE_BAD);
    }
}

static void a_large_packet_is_told_from_its_first_bytes(void)
{
    /* remaining length 268,435,455: the longest there is; topic "t" */
    static const uint8_t bytes[] = {0x30, 0xFF, 0xFF, 0xFF, 0x7F, 0x00, 0x01, 't'};
    struct gw_wire_publish got;
    CU_ASSERT_EQUAL(next(&got, bytes, sizeof bytes), GW_WIRE_LARGE);
    CU_ASSERT_EQUAL(got.packet_len, 268435460u);
    CU_ASSERT_EQUAL(got.payload_len, 268435452u);
    CU_ASSERT_PTR_NULL(got.payload);
    CU_ASSERT_EQUAL(got.topic_len, 1);
    CU_ASSERT_EQUAL(next(&got, bytes, sizeof bytes - 1), GW_WIRE_MORE);
}

/* Lengths around each change of the remaining length's own length, and the limit. */
static const size_t lengths[] = {0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 2304, 2800};

static void what_is_written_is_read_back(void)
{
    static uint8_t payload[4096];
    static uint8_t packet[4200];
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 31 + 1);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        const struct gw_wire_publish publish = {
            .topic = "abc", .topic_len = 3, .payload = payload, .payload_len = lengths[i]};
        struct gw_wire_publish got;
        size_t len = gw_wire_put(packet, sizeof packet, &publish);
        CU_ASSERT_TRUE_FATAL(len > lengths[i]);
        CU_ASSERT_EQUAL(gw_wire_put(packet, len - 1, &publish), 0);
        CU_ASSERT_EQUAL(gw_wire_put(packet, len, &publish), len);
        enum gw_wire found = next(&got, packet, len);
        CU_ASSERT_EQUAL(found, len > GW_WIRE_PACKET_MAX ? GW_WIRE_LARGE : GW_WIRE_PUBLISH);
        CU_ASSERT_EQUAL(got.packet_len, len);
        CU_ASSERT_EQUAL(got.payload_len, lengths[i]);
        if (found == GW_WIRE_PUBLISH) {
            CU_ASSERT_EQUAL(memcmp(got.payload, payload, lengths[i]), 0);
        }
    }
}

static void the_standards_example_is_written(void)
{
    const struct gw_wire_publish publish = {
        .topic = "a/b", .topic_len = 3, .payload = (const uint8_t *)"hi", .payload_len = 2};
    uint8_t packet[16];
    CU_ASSERT_EQUAL(gw_wire_put(packet, sizeof packet, &publish), sizeof golden);
    CU_ASSERT_EQUAL(memcmp(packet, golden, sizeof golden), 0);
}

static const struct unit_test tests[] = {
    {"the_standards_example_is_taken_apart", the_standards_example_is_taken_apart},
    {"every_prefix_needs_more", every_prefix_needs_more},
    {"other_kinds_and_other_qualities_are_left_to_the_library",
     other_kinds_and_other_qualities_are_left_to_the_library},
    {"what_the_standard_forbids_is_bad", what_the_standard_forbids_is_bad},
    {"a_large_packet_is_told_from_its_first_bytes", a_large_packet_is_told_from_its_first_bytes},
    {"what_is_written_is_read_back", what_is_written_is_read_back},
    {"the_standards_example_is_written", the_standards_example_is_written},
};
UNIT_MAIN("mqtt_wire", tests)
