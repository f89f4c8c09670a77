/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Receipts that wait for newer ones of the same meters. */
#include "gateway/adapters/mqtt_gather.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/unit.h"

static struct gw_gather gather;

static struct gw_reply reply_of(unsigned meter, uint8_t text)
{
    struct gw_reply reply = {.receipt_len = 1, .receipt = {text}};
    reply.name_len = (uint8_t)snprintf(reply.name, sizeof reply.name, "pHXE-%u", meter);
    return reply;
}

static void put(unsigned meter, uint8_t text, int64_t now_ms)
{
    struct gw_reply reply = reply_of(meter, text);
    gw_gather_put(&gather, &reply, now_ms);
}

/* What leaves next: its meter's name and text. */
static void expect(unsigned meter, uint8_t text)
{
    struct gw_reply wanted = reply_of(meter, text);
    const struct gw_reply *got = gw_gather_next(&gather);
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_EQUAL(got->name_len, wanted.name_len);
    CU_ASSERT_EQUAL(memcmp(got->name, wanted.name, wanted.name_len), 0);
    CU_ASSERT_EQUAL(got->receipt[0], text);
    gw_gather_sent(&gather);
}

static void expect_end(void)
{
    CU_ASSERT_PTR_NULL(gw_gather_next(&gather));
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 0), -1);
}

static void at_rest_a_receipt_goes_at_once(void)
{
    gw_gather_init(&gather, 1000);
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 1000), -1);
    put(1, 'a', 1000);
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 1000), 0);
    expect(1, 'a');
    expect_end();
}

static void the_newest_receipt_of_a_meter_wins(void)
{
    gw_gather_init(&gather, 0);
    put(1, 'a', 0);
    put(2, 'b', 0);
    put(1, 'c', 0);
    put(1, 'd', 0);
    CU_ASSERT_EQUAL(gather.merged, 2);
    expect(1, 'd');
    expect(2, 'b');
    expect_end();
    put(2, 'e', 1); /* what has left is not merged with */
    CU_ASSERT_EQUAL(gather.merged, 2);
    expect(2, 'e');
    expect_end();
}

/* Messages of 10 ms, and the wait that follows by the header's rule: one millisecond, and the square of a
 * millisecond's messages by 1,200, from ten a millisecond on, 25 at most. */
static void the_wait_grows_with_the_pace(void)
{
    static const struct {
        uint64_t messages;
        int hold_ms;
    } rows[] = {{0, 0},     {99, 0},    {100, 1},   {600, 4}, {950, 8},
                {1500, 19}, {1900, 25}, {9000, 25}, {0, 0}};
    uint64_t messages = 500;
    int64_t now_ms = 70;
    gw_gather_init(&gather, now_ms);
    gw_gather_pace(&gather, messages, now_ms += 1000); /* slow until here */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gw_gather_pace(&gather, messages + 9000, now_ms + 9); /* too early to judge */
        gw_gather_pace(&gather, messages += rows[i].messages, now_ms += 10);
        CU_ASSERT_EQUAL(gather.hold_ms, rows[i].hold_ms);
    }
}

static void while_messages_come_fast_receipts_wait_from_the_oldest_on(void)
{
    gw_gather_init(&gather, 0);
    gw_gather_pace(&gather, 1040, 10); /* 1 + 104 * 104 / 1200 = 10 ms */
    put(1, 'a', 20);
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 20), 10);
    put(1, 'b', 27);
    put(2, 'c', 28);
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 28), 2); /* a newer one does not begin anew */
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 30), 0);
    expect(1, 'b');
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 30), 0); /* begun is finished */
    expect(2, 'c');
    expect_end();
}

static void what_is_being_sent_takes_nothing_new(void)
{
    gw_gather_init(&gather, 0);
    put(1, 'a', 0);
    put(2, 'b', 0);
    expect(1, 'a');
    CU_ASSERT_FALSE(gw_gather_has_room(&gather));
    expect(2, 'b');
    expect_end();
    CU_ASSERT_TRUE(gw_gather_has_room(&gather));
}

static void when_it_is_full_it_is_due(void)
{
    gw_gather_init(&gather, 0);
    gw_gather_pace(&gather, 100000, 10);
    for (unsigned i = 0; i < GW_GATHER_MAX; i++) {
        CU_ASSERT_TRUE(gw_gather_has_room(&gather));
        CU_ASSERT_NOT_EQUAL(gw_gather_due_ms(&gather, 10), 0);
        put(i, (uint8_t)i, 10);
    }
    CU_ASSERT_FALSE(gw_gather_has_room(&gather));
    CU_ASSERT_EQUAL(gw_gather_due_ms(&gather, 10), 0);
    for (unsigned i = 0; i < GW_GATHER_MAX; i++) {
        expect(i, (uint8_t)i);
    }
    expect_end();
}

/* Of 3,200 meters some 300 pairs share one of the 16,384 slots: not all of their receipts are merged, but
 * none overtakes a newer one, and the last that leaves of each meter is its newest. */
static void meters_that_share_a_slot_keep_their_order(void)
{
    enum { METERS = 3200, ROUNDS = 5 };
    static uint8_t newest[METERS];
    static uint8_t left[METERS];
    unsigned meter = 0;
    memset(newest, 0, sizeof newest);
    memset(left, 0, sizeof left);
    gw_gather_init(&gather, 0);
    for (unsigned step = 0; step < ROUNDS * METERS;) {
        while (gw_gather_has_room(&gather) && step < ROUNDS * METERS) {
            meter = step++ * 7919u % METERS; /* a prime: every meter once a round */
            put(meter, ++newest[meter], 0);
        }
        const struct gw_reply *reply;
        while ((reply = gw_gather_next(&gather)) != NULL) {
            CU_ASSERT_EQUAL_FATAL(sscanf(reply->name, "pHXE-%u", &meter), 1);
            CU_ASSERT_TRUE(reply->receipt[0] > left[meter]);
            left[meter] = reply->receipt[0];
            gw_gather_sent(&gather);
        }
    }
    CU_ASSERT_EQUAL(memcmp(newest, left, sizeof newest), 0);
    CU_ASSERT_TRUE(gather.merged > 0);
}

static const struct unit_test tests[] = {
    {"at_rest_a_receipt_goes_at_once", at_rest_a_receipt_goes_at_once},
    {"the_newest_receipt_of_a_meter_wins", the_newest_receipt_of_a_meter_wins},
    {"the_wait_grows_with_the_pace", the_wait_grows_with_the_pace},
    {"while_messages_come_fast_receipts_wait_from_the_oldest_on",
     while_messages_come_fast_receipts_wait_from_the_oldest_on},
    {"what_is_being_sent_takes_nothing_new", what_is_being_sent_takes_nothing_new},
    {"when_it_is_full_it_is_due", when_it_is_full_it_is_due},
    {"meters_that_share_a_slot_keep_their_order", meters_that_share_a_slot_keep_their_order},
};
UNIT_MAIN("mqtt_gather", tests)
