/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a restart finds is what was acknowledged, whatever failed on the way. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/message.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

#define METERS 6u

static uint64_t seed = 987654321;

static uint32_t roll(uint32_t sides)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % sides;
}

struct street {
    struct fixture f;
    int64_t total[METERS];
    int64_t time_us[METERS];
};

static void street_open(struct street *s)
{
    static const char *const tariffs[] = {"flat", "tou", "water3"};
    memset(s, 0, sizeof(*s));
    fixture_open(&s->f);
    for (uint32_t i = 0; i < METERS; i++) {
        fixture_add_meter(&s->f, i, tariffs[i % 3]);
        s->time_us[i] = FIXTURE_START_US;
        if (i < 4) {
            fixture_bind(&s->f, i, i == 1 ? "w-poor" : "w-rich", 5000);
        }
    }
}

static void one_message(struct street *s)
{
    static struct mt_message message;
    uint32_t n = roll(METERS);
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    message.count = 1 + roll(3);
    for (uint32_t i = 0; i < message.count; i++) {
        s->time_us[n] += (int64_t)(1 + roll(40)) * 5 * GW_US_PER_MIN;
        s->total[n] += roll(1200);
        message.readings[i] = (struct mt_reading){.time_us = s->time_us[n], .total = s->total[n]};
    }
    if (roll(8) == 0 && message.count == 3) {
        /* The middle one comes late, in a message of its own. */
        struct mt_reading late = message.readings[1];
        message.readings[1] = message.readings[2];
        message.count = 2;
        size_t len = fixture_seal(&s->f, n, &message, bytes, sizeof(bytes));
        (void)fixture_hand(&s->f, n, bytes, len);
        message.count = 1;
        message.readings[0] = late;
    } else if (roll(10) == 0) {
        message.readings[0].total = roll(2) == 0 ? 0 : message.readings[0].total + 900000000;
    }
    if (s->time_us[n] > s->f.now_us) {
        s->f.now_us = s->time_us[n];
    }
    size_t len = fixture_seal(&s->f, n, &message, bytes, sizeof(bytes));
    (void)fixture_hand(&s->f, n, bytes, len);
    if (roll(6) == 0 && s->f.core->reply_count + 2 < GW_BATCH_MAX) {
        (void)fixture_hand(&s->f, n, bytes, len);
    }
}

/* The operator answers some of what was asked. */
static void answer_some(struct street *s, struct gw_order_request *asked, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++) {
        struct gw_order_result result = {.number = asked[i].number, .event = GW_ORDER_EV_DONE};
        if (strcmp(asked[i].wallet, "w-poor") == 0) {
            result.event = GW_ORDER_EV_REFUSED;
            result.refusal = GW_REFUSAL_SHORT;
        }
        uint32_t luck = roll(4);
        if (luck == 0) {
            result.event = GW_ORDER_EV_NO_ANSWER;
        } else if (luck == 1 && asked[i].action == GW_ORDER_DO_ASK) {
            result.event = GW_ORDER_EV_UNKNOWN;
        }
        gw_core_order_result(s->f.core, &result);
    }
    *count = 0;
}

/* One batch of everything. Returns the commit's status. */
static enum gw_status one_batch(struct street *s, struct gw_order_request *asked, uint32_t *count)
{
    gw_core_begin(s->f.core, s->f.now_us);
    answer_some(s, asked, count);
    uint32_t messages = roll(6);
    for (uint32_t i = 0; i < messages; i++) {
        one_message(s);
    }
    (void)gw_core_tick(s->f.core, 64);
    enum gw_status status = gw_core_commit(s->f.core);
    if (status == GW_OK) {
        const struct gw_order_request *requests = gw_core_requests(s->f.core, count);
        memcpy(asked, requests, *count * sizeof(*asked));
    }
    return status;
}

static void check_books(const struct gw_core *core)
{
    struct gw_ledger_report report;
    gw_core_ledger_check(&report, core);
    CU_ASSERT_EQUAL(report.broken, 0);
    if (report.broken != 0) {
        printf("    ledger: %s\n", report.first);
    }
    CU_ASSERT_EQUAL(report.debits_ufen, report.credits_ufen);
}

static void check_second(struct street *s)
{
    void *memory = NULL;
    s->f.port = memory_store_port(s->f.store);
    struct gw_core *second = fixture_second(&s->f, &memory);
    CU_ASSERT_TRUE(fixture_same(s->f.core, second));
    check_books(second);
    /* The start that the second core wrote is not the first one's block. */
    s->f.core->last_number = second->last_number;
    free(memory);
}

static void a_second_core_finds_the_same_state(void)
{
    printf("    seed %llu\n", (unsigned long long)seed);
    struct street s;
    street_open(&s);
    static struct gw_order_request asked[GW_BATCH_MAX];
    uint32_t count = 0;
    for (int i = 0; i < 600; i++) {
        CU_ASSERT_EQUAL(one_batch(&s, asked, &count), GW_OK);
        if (i % 60 == 59) {
            check_books(s.f.core);
            check_second(&s);
        }
    }
    struct gw_counters counters;
    gw_core_counters(&counters, s.f.core);
    CU_ASSERT_TRUE(counters.orders_done > 20);
    CU_ASSERT_TRUE(counters.orders_refused > 5);
    CU_ASSERT_TRUE(counters.verdicts[GW_ACCEPTED_LATE] > 20);
    memory_store_drop_chunks(s.f.store);
    check_second(&s); /* From the blocks alone. */
    fixture_close(&s.f);
}

static void a_saved_core_has_no_block_to_read_back(void)
{
    struct street s;
    street_open(&s);
    static struct gw_order_request asked[GW_BATCH_MAX];
    uint32_t count = 0;
    for (int i = 0; i < 40; i++) {
        CU_ASSERT_EQUAL(one_batch(&s, asked, &count), GW_OK);
    }
    CU_ASSERT_EQUAL(gw_core_save(s.f.core), GW_OK);
    CU_ASSERT_EQUAL(s.f.core->dirty_count, 0);
    check_second(&s);
    fixture_close(&s.f);
}

/* Fail the nth append; go on after loading again as the daemon does. */
static void a_failed_commit_leaves_nothing_behind(void)
{
    static struct gw_order_request asked[GW_BATCH_MAX];
    for (unsigned nth = 1; nth < 30; nth++) {
        struct street s;
        street_open(&s);
        uint32_t count = 0;
        memory_store_fail(s.f.store, nth, nth % 2 == 0 ? GW_FULL : GW_IO);
        unsigned failed = 0;
        for (int i = 0; i < 60; i++) {
            if (one_batch(&s, asked, &count) == GW_OK) {
                continue;
            }
            failed++;
            count = 0;
            CU_ASSERT_EQUAL(gw_core_load(s.f.core, s.f.now_us), GW_OK);
            check_books(s.f.core);
        }
        CU_ASSERT_EQUAL(failed, 1);
        check_second(&s);
        fixture_close(&s.f);
    }
}

static void downlink_counters_go_up_over_starts(void)
{
    struct street s;
    street_open(&s);
    uint64_t newest = 0;
    for (int i = 0; i < 5; i++) {
        (void)fixture_read(&s.f, 0, s.f.now_us, 0);
        uint32_t count = 0;
        gw_core_begin(s.f.core, s.f.now_us);
        static struct mt_message message;
        message.count = 1;
        message.readings[0] = (struct mt_reading){.time_us = s.f.now_us, .total = 0};
        uint8_t bytes[256];
        size_t len = fixture_seal(&s.f, 0, &message, bytes, sizeof(bytes));
        (void)fixture_hand(&s.f, 0, bytes, len);
        CU_ASSERT_EQUAL(gw_core_commit(s.f.core), GW_OK);
        const struct gw_reply *reply = gw_core_replies(s.f.core, &count);
        CU_ASSERT_EQUAL_FATAL(count, 1);
        struct mt_cose_encrypt0 outer;
        CU_ASSERT_EQUAL(mt_cose_parse(&outer, reply->receipt, reply->receipt_len), MT_OK);
        CU_ASSERT_TRUE(outer.counter > newest);
        newest = outer.counter;
        CU_ASSERT_EQUAL(gw_core_load(s.f.core, s.f.now_us), GW_OK);
    }
    fixture_close(&s.f);
}

static void every_damaged_byte_of_a_block_is_noticed(void)
{
    struct street s;
    street_open(&s);
    (void)fixture_read(&s.f, 0, s.f.now_us, 77);
    static uint8_t block[GW_BLOCK_BYTES_MAX];
    size_t len = 0;
    uint64_t number = s.f.core->last_number;
    CU_ASSERT_EQUAL(s.f.port.block_read(s.f.port.self, number, block, &len, sizeof(block)), GW_OK);
    struct gw_block_reader reader;
    CU_ASSERT_EQUAL(gw_block_open(&reader, block, len), GW_OK);
    for (size_t i = 0; i < len; i++) {
        block[i] ^= 0x10;
        CU_ASSERT_EQUAL(gw_block_open(&reader, block, len), GW_CORRUPT);
        block[i] ^= 0x10;
        CU_ASSERT_EQUAL(gw_block_open(&reader, block, i), GW_CORRUPT);
    }
    fixture_close(&s.f);
}

static const struct unit_test tests[] = {
    {"a_second_core_finds_the_same_state", a_second_core_finds_the_same_state},
    {"a_saved_core_has_no_block_to_read_back", a_saved_core_has_no_block_to_read_back},
    {"a_failed_commit_leaves_nothing_behind", a_failed_commit_leaves_nothing_behind},
    {"downlink_counters_go_up_over_starts", downlink_counters_go_up_over_starts},
    {"every_damaged_byte_of_a_block_is_noticed", every_damaged_byte_of_a_block_is_noticed},
};

UNIT_MAIN("core_replay", tests)
