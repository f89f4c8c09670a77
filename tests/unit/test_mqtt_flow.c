/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bulk path over a pair of sockets, with the test in libmosquitto's place for other packets. */
#include "gateway/adapters/mqtt_flow.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define RING_BYTES (1u << 20)

static _Alignas(64) uint8_t memory[RING_BYTES];
static struct gw_ring ring;
static struct gw_flow_counters counters;
static struct gw_flow *flow;
static int ends[2]; /* the flow's, the broker's */

static void begin(size_t ring_bytes)
{
    free(flow);
    flow = malloc(sizeof *flow);
    CU_ASSERT_PTR_NOT_NULL_FATAL(flow);
    memset(&counters, 0, sizeof counters);
    gw_ring_init(&ring, memory, ring_bytes, NULL, NULL);
    gw_flow_init(flow, "meterpay/s/", &ring, &counters);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void end(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void broker_sends(const void *bytes, size_t len)
{
    CU_ASSERT_EQUAL_FATAL(write(ends[1], bytes, len), (ssize_t)len);
}

static size_t packet(uint8_t *out, size_t max, const char *topic, const void *payload, size_t len)
{
    const struct gw_wire_publish publish = {
        .topic = topic, .topic_len = strlen(topic), .payload = payload, .payload_len = len};
    size_t put = gw_wire_put(out, max, &publish);
    CU_ASSERT_TRUE_FATAL(put > 0);
    return put;
}

static void broker_publishes(const char *topic, const void *payload, size_t len)
{
    uint8_t bytes[4096];
    broker_sends(bytes, packet(bytes, sizeof bytes, topic, payload, len));
}

static void expect_message(const char *name, const void *payload, size_t len)
{
    struct gw_message got;
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.name_len, strlen(name));
    CU_ASSERT_EQUAL(memcmp(got.name, name, got.name_len), 0);
    CU_ASSERT_EQUAL(got.len, len);
    CU_ASSERT_EQUAL(memcmp(got.bytes, payload, len), 0);
    CU_ASSERT_EQUAL(got.transport, GW_VIA_MQTT);
    CU_ASSERT_PTR_NULL(got.identity);
    gw_inbox_release(&ring);
}

static void expect_nothing(void)
{
    struct gw_message got;
    CU_ASSERT_FALSE(gw_inbox_get(&ring, &got));
}

static void messages_that_came_together_go_together(void)
{
    begin(RING_BYTES);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_IDLE);
    broker_publishes("meterpay/s/pA-1/up", "one", 3);
    broker_publishes("meterpay/s/pA-2/up", "two", 3);
    broker_publishes("other/s/pA-2/up", "x", 1);
    broker_publishes("meterpay/s/pA-3/json", "", 0);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
    expect_message("pA-1", "one", 3);
    expect_message("pA-2", "two", 3);
    expect_message("pA-3", "", 0);
    expect_nothing();
    CU_ASSERT_EQUAL(counters.messages, 3);
    CU_ASSERT_EQUAL(counters.foreign, 1);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_IDLE);
    end();
}

static void another_kind_of_packet_stays_for_the_library(void)
{
    static const uint8_t ping_response[] = {0xD0, 0x00};
    uint8_t got[8];
    begin(RING_BYTES);
    broker_publishes("meterpay/s/pA-1/up", "one", 3);
    broker_sends(ping_response, sizeof ping_response);
    broker_publishes("meterpay/s/pA-2/up", "two", 3);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
    expect_message("pA-1", "one", 3);
    expect_nothing();
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_CONTROL);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_CONTROL);
    CU_ASSERT_EQUAL(read(ends[0], got, 2), 2); /* as libmosquitto would */
    CU_ASSERT_EQUAL(memcmp(got, ping_response, 2), 0);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
    expect_message("pA-2", "two", 3);
    end();
}

static void a_packet_may_come_a_byte_at_a_time(void)
{
    uint8_t bytes[64];
    size_t len = packet(bytes, sizeof bytes, "meterpay/s/pA-1/up", "one", 3);
    begin(RING_BYTES);
    for (size_t i = 0; i < len; i++) {
        expect_nothing();
        broker_sends(bytes + i, 1);
        CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
        CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_IDLE);
    }
    expect_message("pA-1", "one", 3);
    end();
}

static void a_full_ring_stalls_and_loses_nothing(void)
{
    uint8_t payload[100];
    memset(payload, 7, sizeof payload);
    begin(16384);
    for (int i = 0; i < 240; i++) {
        payload[0] = (uint8_t)i;
        payload[1] = (uint8_t)(i >> 8);
        broker_publishes("meterpay/s/pA-1/up", payload, sizeof payload);
    }
    int seen = 0;
    int stalls = 0;
    for (int round = 0; round < 2000 && seen < 240; round++) {
        struct gw_message got;
        stalls += gw_flow_read(flow, ends[0]) == GW_FLOW_STALLED;
        for (int i = 0; i < 3 && gw_inbox_get(&ring, &got); i++) {
            CU_ASSERT_EQUAL(got.bytes[0] | got.bytes[1] << 8, seen);
            seen++;
            gw_inbox_release(&ring);
        }
    }
    CU_ASSERT_EQUAL(seen, 240);
    CU_ASSERT_TRUE(stalls > 10);
    end();
}

static void a_large_packet_is_refused_without_being_held(void)
{
    static uint8_t big[300000]; /* longer than the flow's buffer */
    static const char topic[] = "meterpay/s/pA-1/up";
    const size_t payload = sizeof big - 4 - 2 - (sizeof topic - 1);
    const size_t remaining = sizeof big - 4;
    big[0] = 0x30;
    big[1] = (uint8_t)(remaining % 128 + 128);
    big[2] = (uint8_t)(remaining / 128 % 128 + 128);
    big[3] = (uint8_t)(remaining / 16384);
    big[4] = 0;
    big[5] = sizeof topic - 1;
    memcpy(big + 6, topic, sizeof topic - 1);
    memset(big + 6 + sizeof topic - 1, 0x30, payload); /* looks like packets, is payload */
    begin(RING_BYTES);
    size_t at = 0;
    while (at < sizeof big) {
        size_t n = sizeof big - at < 10007 ? sizeof big - at : 10007;
        broker_sends(big + at, n);
        at += n;
        CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
        CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_IDLE);
        CU_ASSERT_EQUAL(flow->in_len, 0);
    }
    broker_publishes("meterpay/s/pA-2/up", "two", 3);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_AGAIN);
    struct gw_message got;
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.len, GW_MESSAGE_BYTES_MAX + 1);
    gw_inbox_release(&ring);
    expect_message("pA-2", "two", 3);
    CU_ASSERT_EQUAL(counters.oversize, 1);
    end();
}

static void an_end_and_nonsense_end_the_connection(void)
{
    static const uint8_t nonsense[] = {0x30, 0x00};
    begin(RING_BYTES);
    broker_sends(nonsense, sizeof nonsense);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_LOST);
    end();
    begin(RING_BYTES);
    CU_ASSERT_EQUAL(shutdown(ends[1], SHUT_RDWR), 0);
    CU_ASSERT_EQUAL(gw_flow_read(flow, ends[0]), GW_FLOW_LOST);
    end();
}

/* xorshift: the same seed gives the same stream. */
static uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void any_mixture_in_any_pieces_arrives_in_order(void)
{
    enum { STREAM_MAX = 400000 };
    static uint8_t stream[STREAM_MAX + 8192];
    for (uint32_t seed = 1; seed <= 5; seed++) {
        uint32_t state = seed * 2654435761u;
        size_t len = 0;
        uint32_t sent = 0;
        uint32_t controls = 0;
        while (len < STREAM_MAX) {
            if (random_next(&state) % 5 == 0) {
                stream[len++] = 0xD0; /* PINGRESP */
                stream[len++] = 0x00;
                controls++;
                continue;
            }
            uint8_t payload[4000] = {0};
            memcpy(payload, &sent, sizeof sent);
            size_t n = random_next(&state) % 8 == 0 ? 3500 : 4 + random_next(&state) % 200;
            len += packet(stream + len, 5000, "meterpay/s/pA-1/up", payload, n);
            sent++;
        }
        begin(65536);
        size_t at = 0;
        uint32_t seen = 0;
        for (int round = 0; round < 1000000 && (at < len || seen < sent || controls > 0); round++) {
            size_t n = random_next(&state) % 3000;
            n = n < len - at ? n : len - at;
            ssize_t wrote = n > 0 ? write(ends[1], stream + at, n) : 0;
            at += wrote > 0 ? (size_t)wrote : 0;
            uint8_t control[2];
            if (gw_flow_read(flow, ends[0]) == GW_FLOW_CONTROL &&
                recv(ends[0], control, 2, MSG_PEEK) == 2) {
                CU_ASSERT_EQUAL(read(ends[0], control, 2), 2);
                CU_ASSERT_EQUAL(control[0], 0xD0);
                controls--;
            }
            struct gw_message got;
            while (random_next(&state) % 4 != 0 && gw_inbox_get(&ring, &got)) {
                uint32_t number = seen;
                if (got.len <= GW_MESSAGE_BYTES_MAX) {
                    memcpy(&number, got.bytes, sizeof number);
                }
                CU_ASSERT_EQUAL(number, seen);
                seen++;
                gw_inbox_release(&ring);
            }
        }
        CU_ASSERT_EQUAL(seen, sent);
        CU_ASSERT_EQUAL(controls, 0);
        end();
    }
}

static void packets_leave_whole_through_a_socket_that_fills(void)
{
    begin(RING_BYTES);
    const int small = 4096;
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    uint8_t payload[90];
    memset(payload, 1, sizeof payload);
    static uint8_t received[1 << 20];
    size_t got = 0;
    unsigned put = 0;
    bool filled = false;
    while (put < 3000) {
        const struct gw_wire_publish publish = {.topic = "meterpay/s/pA-1/down",
                                                .topic_len = 20,
                                                .payload = payload,
                                                .payload_len = sizeof payload};
        if (gw_flow_put(&flow->out, &publish)) {
            put++;
            continue;
        }
        if (gw_flow_write(&flow->out, ends[0]) == GW_FLOW_AGAIN) {
            filled = true;
            CU_ASSERT_TRUE(gw_flow_write_pending(&flow->out));
            ssize_t n = read(ends[1], received + got, 5000);
            got += n > 0 ? (size_t)n : 0;
        }
    }
    while (gw_flow_write(&flow->out, ends[0]) == GW_FLOW_AGAIN) {
        ssize_t n = read(ends[1], received + got, 5000);
        got += n > 0 ? (size_t)n : 0;
    }
    CU_ASSERT_FALSE(gw_flow_write_pending(&flow->out));
    ssize_t n;
    while ((n = read(ends[1], received + got, sizeof received - got)) > 0) {
        got += (size_t)n;
    }
    CU_ASSERT_TRUE(filled);
    size_t at = 0;
    unsigned seen = 0;
    struct gw_wire_publish publish;
    while (at < got && gw_wire_next(&publish, received + at, got - at) == GW_WIRE_PUBLISH) {
        at += publish.packet_len;
        seen++;
    }
    CU_ASSERT_EQUAL(at, got);
    CU_ASSERT_EQUAL(seen, 3000);
    end();
}

static const struct unit_test tests[] = {
    {"messages_that_came_together_go_together", messages_that_came_together_go_together},
    {"another_kind_of_packet_stays_for_the_library", another_kind_of_packet_stays_for_the_library},
    {"a_packet_may_come_a_byte_at_a_time", a_packet_may_come_a_byte_at_a_time},
    {"a_full_ring_stalls_and_loses_nothing", a_full_ring_stalls_and_loses_nothing},
    {"a_large_packet_is_refused_without_being_held", a_large_packet_is_refused_without_being_held},
    {"an_end_and_nonsense_end_the_connection", an_end_and_nonsense_end_the_connection},
    {"any_mixture_in_any_pieces_arrives_in_order", any_mixture_in_any_pieces_arrives_in_order},
    {"packets_leave_whole_through_a_socket_that_fills",
     packets_leave_whole_through_a_socket_that_fills},
};
UNIT_MAIN("mqtt_flow", tests)
