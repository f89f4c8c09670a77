/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The edges of numbers and of memory: other limits at the next start, counters and sums near their
 * ends, and meters that send what no honest one does. */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/limits.h"
#include "meters/message.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

static void check_books(const struct gw_core *core)
{
    struct gw_ledger_report report;
    gw_core_ledger_check(&report, core);
    CU_ASSERT_EQUAL(report.broken, 0);
    if (report.broken != 0) {
        printf("    ledger: %s\n", report.first);
    }
}

static enum gw_status load_under(struct fixture *f, const struct gw_limits *limits)
{
    struct gw_limits kept = f->config.limits;
    void *memory = NULL;
    f->config.limits = *limits;
    struct gw_core *core = fixture_make(f, &memory);
    enum gw_status status = gw_core_load(core, f->now_us);
    f->config.limits = kept;
    if (status != GW_OK) {
        free(memory);
        return status;
    }
    check_books(core);
    free(f->memory);
    f->core = core;
    f->memory = memory;
    return GW_OK;
}

/* Every home owes 107 fen, so that each has an order of its own. */
static void open_orders(struct fixture *f, uint32_t homes)
{
    for (uint32_t i = 0; i < homes; i++) {
        fixture_add_meter(f, i, "flat");
        fixture_bind(f, i, "w", INT64_MAX);
        (void)fixture_read(f, i, f->now_us, 0);
    }
    f->now_us += GW_US_PER_HOUR;
    for (uint32_t i = 0; i < homes; i++) {
        CU_ASSERT_EQUAL(fixture_read(f, i, f->now_us, 2000), GW_ACCEPTED);
    }
}

static uint32_t tick(struct fixture *f)
{
    uint32_t count = 0;
    gw_core_begin(f->core, f->now_us);
    (void)gw_core_tick(f->core, 1000);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
    (void)gw_core_requests(f->core, &count);
    return count;
}

static void answer_done(struct fixture *f, uint64_t number)
{
    struct gw_order_result result = {.number = number, .event = GW_ORDER_EV_DONE};
    gw_core_begin(f->core, f->now_us);
    gw_core_order_result(f->core, &result);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
}

static void open_orders_are_found_again_under_another_limit(void)
{
    static const uint32_t limits[] = {127, 5000, 10};
    for (unsigned saved = 0; saved < 6; saved++) {
        struct fixture f;
        fixture_open(&f);
        open_orders(&f, 8);
        /* Numbers 1 and 127 apart would share a slot by the remainder of some limit. */
        f.core->head->order_next = 3;
        CU_ASSERT_EQUAL(tick(&f), 8);
        if (saved % 2 == 1) {
            CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        }
        struct gw_limits other = f.config.limits;
        other.orders_open_max = limits[saved / 2];
        CU_ASSERT_EQUAL(load_under(&f, &other), saved / 2 == 2 ? GW_INVALID : GW_OK);
        struct gw_counters counters;
        gw_core_counters(&counters, f.core);
        CU_ASSERT_EQUAL(counters.orders_open, 8);
        CU_ASSERT_EQUAL(tick(&f), saved / 2 == 2 ? 0 : 8); /* Asked, as after any start. */
        for (uint64_t number = 3; number < 11; number++) {
            answer_done(&f, number);
        }
        gw_core_counters(&counters, f.core);
        CU_ASSERT_EQUAL(counters.orders_open, 0);
        CU_ASSERT_EQUAL(counters.settled_fen, 8 * 107);
        check_books(f.core);
        fixture_close(&f);
    }
}

static void settled_orders_do_not_stand_in_the_way_of_a_smaller_limit(void)
{
    struct fixture f;
    fixture_open(&f);
    open_orders(&f, 8);
    f.core->head->order_next = 100;
    CU_ASSERT_EQUAL(tick(&f), 8);
    for (uint64_t number = 100; number < 108; number++) {
        answer_done(&f, number);
    }
    CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
    struct gw_limits other = f.config.limits;
    other.orders_open_max = 16;
    CU_ASSERT_EQUAL(load_under(&f, &other), GW_OK);
    f.now_us += GW_US_PER_HOUR;
    f.config.limits = other;
    (void)fixture_read(&f, 0, f.now_us, 4000);
    CU_ASSERT_EQUAL(tick(&f), 1);
    uint32_t count = 0;
    CU_ASSERT_EQUAL(gw_core_requests(f.core, &count)->number, GW_ORDERS_OPEN_MAX);
    fixture_close(&f);
}

static void homes_and_meters_need_their_room_and_may_have_more(void)
{
    for (unsigned saved = 0; saved < 2; saved++) {
        struct fixture f;
        fixture_open(&f);
        open_orders(&f, 8);
        CU_ASSERT_EQUAL(tick(&f), 8);
        if (saved == 1) {
            CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        }
        const struct gw_limits enough = {8, 8, 8, 64};
        struct gw_limits less[3] = {enough, enough, enough};
        less[0].meters_max = 7;
        less[1].households_max = 7;
        less[2].bindings_max = 7;
        for (unsigned i = 0; i < 3; i++) {
            CU_ASSERT_EQUAL(load_under(&f, &less[i]), GW_INVALID);
        }
        CU_ASSERT_EQUAL(load_under(&f, &enough), GW_OK);
        const struct gw_limits more = {3000, 3000, 3000, 3000};
        CU_ASSERT_EQUAL(load_under(&f, &more), GW_OK);
        CU_ASSERT_EQUAL(f.core->meters[7].last.total, 2000);
        f.config.limits = more;
        fixture_add_meter(&f, 8, "flat");
        CU_ASSERT_EQUAL(fixture_read(&f, 8, f.now_us, 5), GW_ACCEPTED);
        fixture_close(&f);
    }
}

static uint64_t walk_from;

static enum gw_status (*real_walk)(void *, uint64_t, void *,
                                   enum gw_status (*)(void *, uint64_t, const uint8_t *, size_t));

static enum gw_status noting_walk(void *self, uint64_t from, void *arg,
                                  enum gw_status (*visit)(void *, uint64_t, const uint8_t *,
                                                          size_t))
{
    walk_from = from;
    return real_walk(self, from, arg, visit);
}

/* Images of an older layout stay in the store; they must not cost every later start a full replay. */
static void images_of_an_older_layout_are_left_aside_once(void)
{
    struct fixture f;
    fixture_open(&f);
    open_orders(&f, 4);
    CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
    uint8_t bytes[64] = {1};
    struct gw_chunk old = {.kind = GW_ARRAY_METERS | (GW_STATE_LAYOUT - 1u) << 8,
                           .bytes = bytes,
                           .len = sizeof(bytes)};
    struct gw_block_write write = {.number = f.core->last_number + 1,
                                   .chunks = &old,
                                   .chunk_count = 1};
    static uint8_t block[GW_BLOCK_BYTES_MAX];
    struct gw_block_writer writer;
    for (unsigned layout = GW_STATE_LAYOUT - 1u; layout <= GW_STATE_LAYOUT; layout++) {
        gw_block_begin(&writer, block, sizeof(block), write.number, f.now_us);
        write.bytes = block;
        write.len = gw_block_seal(&writer, write.number + 1, (uint8_t)layout);
        CU_ASSERT_EQUAL(f.port.append(f.port.self, &write), GW_OK);
        write.number++;
        real_walk = f.port.block_walk;
        f.port.block_walk = noting_walk;
        walk_from = 0;
        CU_ASSERT_EQUAL(load_under(&f, &f.config.limits), GW_OK);
        CU_ASSERT_EQUAL(walk_from, layout == GW_STATE_LAYOUT ? 0 : 1);
        CU_ASSERT_EQUAL(f.core->meters[3].last.total, 2000);
        f.port.block_walk = real_walk;
        CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        write.number = f.core->last_number + 1;
    }
    fixture_close(&f);
}

/* A disk that gives back other bytes than were written: the blocks hold everything. */
static void a_damaged_image_costs_a_replay_and_nothing_else(void)
{
    static struct gw_meter before[4];
    struct fixture f;
    struct gw_counters counters;
    fixture_open(&f);
    open_orders(&f, 4);
    for (size_t bit = 0; bit < 40; bit++) {
        CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
        memcpy(before, f.core->meters, sizeof(before));
        memory_store_rot_chunk(f.store, bit, bit * 7919);
        real_walk = f.port.block_walk;
        f.port.block_walk = noting_walk;
        walk_from = 0;
        CU_ASSERT_EQUAL(load_under(&f, &f.config.limits), GW_OK);
        CU_ASSERT_EQUAL(walk_from, 1);
        f.port.block_walk = real_walk;
        CU_ASSERT_EQUAL(memcmp(before, f.core->meters, sizeof(before)), 0);
        gw_core_counters(&counters, f.core);
        CU_ASSERT_EQUAL(counters.images_damaged, 1);
    }
    CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
    CU_ASSERT_EQUAL(load_under(&f, &f.config.limits), GW_OK);
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.images_damaged, 0);
    fixture_close(&f);
}

static size_t seal_one(struct fixture *f, uint8_t *bytes, size_t max, int64_t total)
{
    static struct mt_message message;
    message.count = 1;
    message.readings[0] = (struct mt_reading){.time_us = f->now_us, .total = total};
    return fixture_seal(f, 0, &message, bytes, max);
}

static void the_last_counter_cannot_be_used_again_and_again(void)
{
    struct fixture f;
    uint8_t bytes[256];
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    f.counters[0] = UINT64_MAX;
    size_t len = seal_one(&f, bytes, sizeof(bytes), 5);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_REFUSED_MALFORMED);
    f.counters[0] = UINT64_MAX - 1;
    f.seqs[0] = 1;
    len = seal_one(&f, bytes, sizeof(bytes), 5);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_DUPLICATE);
    CU_ASSERT_EQUAL(f.core->meters[0].counter_top, UINT64_MAX - 1);
    f.counters[0] = 2;
    len = seal_one(&f, bytes, sizeof(bytes), 5);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_REFUSED_REPLAYED);
    fixture_close(&f);
}

static void the_last_sequence_number_is_what_it_says(void)
{
    struct fixture f;
    uint8_t bytes[256];
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    static const struct {
        uint32_t seq;
        enum gw_verdict verdict;
    } rows[] = {{UINT32_MAX - 3, GW_ACCEPTED},
                {UINT32_MAX - 2, GW_REFUSED_MALFORMED},
                {UINT32_MAX - 1, GW_REFUSED_MALFORMED}};
    for (unsigned i = 0; i < 3; i++) {
        f.seqs[0] = rows[i].seq;
        size_t len = seal_one(&f, bytes, sizeof(bytes), 5 + i);
        CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), rows[i].verdict);
        CU_ASSERT_EQUAL(f.core->meters[0].next_seq, UINT32_MAX - 2);
    }
    fixture_close(&f);
}

/* 2,000 Wh are 107,600,000 ufen. */
static void no_sum_is_carried_beyond_its_end(void)
{
    for (unsigned which = 0; which < 6; which++) {
        struct fixture f;
        fixture_open(&f);
        fixture_add_meter(&f, 0, "flat");
        (void)fixture_read(&f, 0, f.now_us, 0);
        f.now_us += GW_US_PER_HOUR;
        int64_t *sums[] = {&f.core->meters[0].charged_ufen, &f.core->head->payee_charged_ufen[0],
                           &f.core->households[0].charged_ufen[0]};
        static const int64_t limits[] = {GW_METER_UFEN_MAX, GW_PAYEE_UFEN_MAX,
                                         GW_HOUSEHOLD_UFEN_MAX};
        bool fits = which >= 3;
        *sums[which % 3] = limits[which % 3] - 107600000 + (fits ? 0 : 1);
        int64_t before = *sums[which % 3];
        CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 2000), fits ? GW_ACCEPTED : GW_REFUSED_RANGE);
        CU_ASSERT_EQUAL(*sums[which % 3], fits ? limits[which % 3] : before);
        CU_ASSERT_EQUAL(f.core->meters[0].last.total, fits ? 2000 : 0);
        CU_ASSERT_EQUAL(f.core->meters[0].refused, fits ? 0 : 1);
        CU_ASSERT_EQUAL(f.core->verdicts[GW_ACCEPTED], fits ? 2 : 1);
        fixture_close(&f);
    }
}

static void registers_at_their_ends_are_read_back(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, MT_REGISTER_MAX), GW_ACCEPTED);
    f.now_us += GW_US_PER_HOUR;
    /* Beyond the meter's own width: no rollover explains it. */
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 0), GW_REFUSED_BACKWARD);
    f.core->meters[0].register_width = MT_REGISTER_MAX;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 0), GW_REFUSED_BACKWARD);
    void *memory = NULL;
    f.core->meters[0].register_width = 1000000000;
    struct gw_core *second = fixture_second(&f, &memory);
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    free(memory);
    fixture_close(&f);
}

static void a_first_reading_before_the_tariff_begins_does_not_hold_up_the_meter(void)
{
    struct fixture f;
    fixture_open(&f);
    f.config.settle.clock_years_us = 20 * 366 * GW_US_PER_DAY;
    f.core->config.settle.clock_years_us = f.config.settle.clock_years_us;
    fixture_add_meter(&f, 0, "flat");
    int64_t early_us = f.core->tariffs[0].versions[0].from_us - 1000000;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, early_us, 100), GW_REFUSED_NO_TARIFF);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 100), GW_ACCEPTED);
    f.now_us += GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 101), GW_ACCEPTED);
    fixture_close(&f);
}

/* A meter that says that its clock is off is given the gateway's time, a second a reading. */
static void given_times_stay_near_the_clock(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    static struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    int64_t total = 0;
    uint32_t refused = 0;
    for (int i = 0; i < 40; i++) {
        message.count = 50;
        for (uint32_t r = 0; r < message.count; r++) {
            message.readings[r] = (struct mt_reading){.time_us = f.now_us - GW_US_PER_HOUR,
                                                      .total = total++,
                                                      .flags = MT_FLAG_CLOCK_DOUBT};
        }
        gw_core_begin(f.core, f.now_us);
        size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
        refused += fixture_hand(&f, 0, bytes, len) == GW_REFUSED_CLOCK;
        CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    }
    CU_ASSERT_TRUE(refused > 0);
    CU_ASSERT_TRUE(f.core->meters[0].last.time_us <= f.now_us + 20 * GW_US_PER_MIN);
    CU_ASSERT_EQUAL((int64_t)f.core->head->newest_us, f.core->meters[0].last.time_us);
    fixture_close(&f);
}

/* Old readings of a meter that has said much: each would be looked for through all of it. */
static void a_hostile_meter_costs_a_batch_only_so_much(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    f.now_us += 20 * GW_US_PER_DAY;
    int64_t start_us = f.now_us - 20 * GW_US_PER_DAY;
    gw_core_begin(f.core, f.now_us);
    static struct mt_message message;
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    for (int i = 0; i < 6000; i++) {
        message.count = 1;
        message.readings[0] =
            (struct mt_reading){.time_us = start_us + i * 2 * GW_US_PER_MIN, .total = i};
        size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
        CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_ACCEPTED);
        if (gw_core_full(f.core) || i % 3 == 0) {
            CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
        }
    }
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    uint32_t taken = 0;
    while (!gw_core_full(f.core)) {
        message.readings[0] =
            (struct mt_reading){.time_us = start_us + GW_US_PER_MIN + taken, .total = 0};
        size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
        CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_REFUSED_TOO_LATE);
        taken++;
    }
    CU_ASSERT_EQUAL(taken, 2);
    CU_ASSERT_TRUE(f.core->walked_bytes < GW_WALK_BATCH_BYTES_MAX + GW_WALK_MESSAGE_BYTES_MAX);
    /* The next batch goes on, and an honest late reading finds its place. */
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    CU_ASSERT_FALSE(gw_core_full(f.core));
    CU_ASSERT_EQUAL(fixture_read(&f, 0, start_us + 5990 * 2 * GW_US_PER_MIN + GW_US_PER_MIN, 5990),
                    GW_ACCEPTED_LATE);
    void *memory = NULL;
    struct gw_core *second = fixture_second(&f, &memory);
    CU_ASSERT_TRUE(fixture_same(f.core, second));
    free(memory);
    fixture_close(&f);
}

/* One block with more entries of a meter than places are remembered. */
static void a_block_full_of_one_meter_is_walked_to_its_start(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    fixture_add_meter(&f, 1, "flat");
    f.now_us += GW_US_PER_DAY;
    int64_t start_us = f.now_us - GW_US_PER_DAY;
    gw_core_begin(f.core, f.now_us);
    static struct mt_message message;
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    for (int i = 0; i < 300; i++) {
        message.count = 1;
        message.readings[0] =
            (struct mt_reading){.time_us = start_us + i * 2 * GW_US_PER_MIN, .total = i};
        size_t len = fixture_seal(&f, (uint32_t)(i % 2), &message, bytes, sizeof(bytes));
        CU_ASSERT_EQUAL(fixture_hand(&f, (uint32_t)(i % 2), bytes, len), GW_ACCEPTED);
    }
    static uint8_t buffer[GW_BLOCK_BYTES_MAX];
    static struct gw_entry entry;
    struct gw_history walk;
    uint64_t number = f.core->number;
    CU_ASSERT_EQUAL(fixture_commit(&f), GW_OK);
    gw_history_begin(&walk, &f.port, buffer, sizeof(buffer), 0, number);
    for (int i = 298; i >= 0; i -= 2) {
        CU_ASSERT_EQUAL_FATAL(gw_history_next(&walk, &entry), GW_OK);
        CU_ASSERT_EQUAL(entry.readings[0].reading.total, i);
    }
    CU_ASSERT_EQUAL(gw_history_next(&walk, &entry), GW_OK);
    CU_ASSERT_EQUAL(entry.kind, GW_ENTRY_METER);
    CU_ASSERT_EQUAL(gw_history_next(&walk, &entry), GW_END);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"open_orders_are_found_again_under_another_limit",
     open_orders_are_found_again_under_another_limit},
    {"settled_orders_do_not_stand_in_the_way_of_a_smaller_limit",
     settled_orders_do_not_stand_in_the_way_of_a_smaller_limit},
    {"homes_and_meters_need_their_room_and_may_have_more",
     homes_and_meters_need_their_room_and_may_have_more},
    {"a_damaged_image_costs_a_replay_and_nothing_else",
     a_damaged_image_costs_a_replay_and_nothing_else},
    {"images_of_an_older_layout_are_left_aside_once",
     images_of_an_older_layout_are_left_aside_once},
    {"the_last_counter_cannot_be_used_again_and_again",
     the_last_counter_cannot_be_used_again_and_again},
    {"the_last_sequence_number_is_what_it_says", the_last_sequence_number_is_what_it_says},
    {"no_sum_is_carried_beyond_its_end", no_sum_is_carried_beyond_its_end},
    {"registers_at_their_ends_are_read_back", registers_at_their_ends_are_read_back},
    {"a_first_reading_before_the_tariff_begins_does_not_hold_up_the_meter",
     a_first_reading_before_the_tariff_begins_does_not_hold_up_the_meter},
    {"given_times_stay_near_the_clock", given_times_stay_near_the_clock},
    {"a_hostile_meter_costs_a_batch_only_so_much", a_hostile_meter_costs_a_batch_only_so_much},
    {"a_block_full_of_one_meter_is_walked_to_its_start",
     a_block_full_of_one_meter_is_walked_to_its_start},
};

UNIT_MAIN("core_limits", tests)
