/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/inbox.h"

#include <stdlib.h>

#include "tests/support/unit.h"

#define RING_BYTES 16384u

static _Alignas(64) uint8_t memory[RING_BYTES];
static struct gw_ring ring;

static void ring_new(void)
{
    gw_ring_init(&ring, memory, sizeof memory, NULL, NULL);
}

static const struct gw_message whole = {
    .transport = GW_VIA_COAP,
    .form = GW_FORM_RAW,
    .name = "pHXE-000012345678",
    .name_len = 17,
    .identity = "wABC-1",
    .identity_len = 6,
    .protocol = "dlt645",
    .protocol_len = 6,
    .bytes = (const uint8_t *)"\x68\x16",
    .len = 2,
    .reply = UINT64_C(0xFEDCBA9876543210),
};

static void a_message_arrives_as_it_was_put(void)
{
    struct gw_message got;
    ring_new();
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &whole));
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.transport, GW_VIA_COAP);
    CU_ASSERT_EQUAL(got.form, GW_FORM_RAW);
    CU_ASSERT_EQUAL(got.name_len, 17);
    CU_ASSERT_EQUAL(memcmp(got.name, "pHXE-000012345678", 17), 0);
    CU_ASSERT_EQUAL(got.identity_len, 6);
    CU_ASSERT_EQUAL(memcmp(got.identity, "wABC-1", 6), 0);
    CU_ASSERT_EQUAL(got.protocol_len, 6);
    CU_ASSERT_EQUAL(memcmp(got.protocol, "dlt645", 6), 0);
    CU_ASSERT_EQUAL(got.len, 2);
    CU_ASSERT_EQUAL(memcmp(got.bytes, "\x68\x16", 2), 0);
    CU_ASSERT_EQUAL(got.reply, UINT64_C(0xFEDCBA9876543210));
    gw_inbox_release(&ring);
    CU_ASSERT_FALSE(gw_inbox_get(&ring, &got));
}

static void nobody_vouched_and_an_empty_identity_are_different(void)
{
    struct gw_message message = whole;
    struct gw_message got;
    ring_new();
    message.identity = NULL;
    message.protocol = NULL;
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &message));
    message.identity = "";
    message.identity_len = 0;
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &message));
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_PTR_NULL(got.identity);
    CU_ASSERT_PTR_NULL(got.protocol);
    gw_inbox_release(&ring);
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_PTR_NOT_NULL(got.identity);
    CU_ASSERT_EQUAL(got.identity_len, 0);
    gw_inbox_release(&ring);
}

static void the_largest_message_arrives_whole(void)
{
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    struct gw_message message = whole;
    struct gw_message got;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    message.bytes = bytes;
    message.len = sizeof bytes;
    ring_new();
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &message));
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.len, sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(got.bytes, bytes, sizeof bytes), 0);
    gw_inbox_release(&ring);
}

static void a_message_too_large_arrives_as_too_large_without_its_bytes(void)
{
    struct gw_message message = whole;
    struct gw_message got;
    message.len = 1u << 20; /* the two bytes there are would be overrun, were they copied */
    ring_new();
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &message));
    CU_ASSERT_TRUE(gw_ring_used_bytes(&ring) < 256);
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.len, GW_MESSAGE_BYTES_MAX + 1);
    uint8_t all = 0;
    for (size_t i = 0; i < got.len; i++) {
        all |= got.bytes[i]; /* readable to the last */
    }
    CU_ASSERT_EQUAL(all, 0);
    CU_ASSERT_EQUAL(got.reply, whole.reply);
    gw_inbox_release(&ring);
}

static void a_text_too_long_is_cut_to_what_names_nobody(void)
{
    char name[300];
    struct gw_message message = whole;
    struct gw_message got;
    memset(name, 'A', sizeof name);
    message.name = message.identity = message.protocol = name;
    message.name_len = message.identity_len = message.protocol_len = sizeof name;
    ring_new();
    CU_ASSERT_TRUE(gw_inbox_put(&ring, &message));
    CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.name_len, GW_INBOX_TEXT_MAX);
    CU_ASSERT_EQUAL(got.identity_len, GW_INBOX_TEXT_MAX);
    CU_ASSERT_EQUAL(got.protocol_len, GW_INBOX_TEXT_MAX);
    gw_inbox_release(&ring);
}

static void a_full_ring_says_so_and_takes_again_after_a_release(void)
{
    struct gw_message got;
    unsigned put = 0;
    ring_new();
    while (gw_inbox_put(&ring, &whole)) {
        put++;
        CU_ASSERT_TRUE_FATAL(put < RING_BYTES);
    }
    CU_ASSERT_TRUE(put > 100);
    CU_ASSERT_FALSE(gw_inbox_has_room(&ring));
    for (unsigned i = 0; i < put; i++) {
        CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
        CU_ASSERT_EQUAL(got.reply, whole.reply);
        gw_inbox_release(&ring);
    }
    CU_ASSERT_FALSE(gw_inbox_get(&ring, &got));
    CU_ASSERT_TRUE(gw_inbox_has_room(&ring));
}

/* As often as it takes for the records to lie over the ring's end. */
static void looking_ahead_shows_what_will_be_got_and_gets_nothing(void)
{
    ring_new();
    struct gw_message message = whole;
    uint64_t put = 0;
    for (uint64_t taken = 0; taken < 2000; taken++) {
        message.reply = put;
        while (put < taken + 7) {
            CU_ASSERT_TRUE_FATAL(gw_inbox_put(&ring, &message));
            message.reply = ++put;
        }
        struct gw_message got;
        uint64_t ahead = 0;
        for (uint64_t i = taken; i < put; i++) {
            CU_ASSERT_TRUE_FATAL(gw_inbox_ahead(&ring, &ahead, &got));
            CU_ASSERT_EQUAL(got.reply, i);
        }
        CU_ASSERT_FALSE(gw_inbox_ahead(&ring, &ahead, &got));
        CU_ASSERT_TRUE_FATAL(gw_inbox_get(&ring, &got));
        CU_ASSERT_EQUAL(got.reply, taken);
        ahead = 0;
        struct gw_message seen;
        CU_ASSERT_TRUE_FATAL(gw_inbox_ahead(&ring, &ahead, &seen)); /* While one is got. */
        CU_ASSERT_EQUAL(seen.reply, taken);
        gw_inbox_release(&ring);
    }
}

static void a_reply_arrives_as_it_was_put(void)
{
    struct gw_reply reply = {.reply = 77,
                             .transport = GW_VIA_MQTT,
                             .verdict = GW_REFUSED_REPLAYED,
                             .name_len = 6,
                             .name = "gABC-9",
                             .receipt_len = 3,
                             .receipt = {1, 2, 3}};
    struct gw_reply got;
    ring_new();
    CU_ASSERT_FALSE(gw_outbox_get(&ring, &got));
    CU_ASSERT_TRUE(gw_outbox_put(&ring, &reply));
    reply.receipt_len = sizeof reply.receipt;
    reply.receipt[sizeof reply.receipt - 1] = 9;
    CU_ASSERT_TRUE(gw_outbox_put(&ring, &reply));
    CU_ASSERT_TRUE_FATAL(gw_outbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.reply, 77);
    CU_ASSERT_EQUAL(got.verdict, GW_REFUSED_REPLAYED);
    CU_ASSERT_STRING_EQUAL(got.name, "gABC-9");
    CU_ASSERT_EQUAL(got.receipt_len, 3);
    CU_ASSERT_EQUAL(got.receipt[2], 3);
    CU_ASSERT_TRUE_FATAL(gw_outbox_get(&ring, &got));
    CU_ASSERT_EQUAL(got.receipt_len, sizeof got.receipt);
    CU_ASSERT_EQUAL(got.receipt[sizeof got.receipt - 1], 9);
    CU_ASSERT_FALSE(gw_outbox_get(&ring, &got));
}

static const struct unit_test tests[] = {
    {"a_message_arrives_as_it_was_put", a_message_arrives_as_it_was_put},
    {"nobody_vouched_and_an_empty_identity_are_different",
     nobody_vouched_and_an_empty_identity_are_different},
    {"the_largest_message_arrives_whole", the_largest_message_arrives_whole},
    {"a_message_too_large_arrives_as_too_large_without_its_bytes",
     a_message_too_large_arrives_as_too_large_without_its_bytes},
    {"a_text_too_long_is_cut_to_what_names_nobody", a_text_too_long_is_cut_to_what_names_nobody},
    {"a_full_ring_says_so_and_takes_again_after_a_release",
     a_full_ring_says_so_and_takes_again_after_a_release},
    {"looking_ahead_shows_what_will_be_got_and_gets_nothing",
     looking_ahead_shows_what_will_be_got_and_gets_nothing},
    {"a_reply_arrives_as_it_was_put", a_reply_arrives_as_it_was_put},
};
UNIT_MAIN("inbox", tests)
