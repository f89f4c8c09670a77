/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's small rules, each a plain function: calendar, clock, windows, pauses, tables. */
#include "tests/support/unit.h"

#include "firmware/core/calendar.h"
#include "firmware/core/clock.h"
#include "firmware/core/link.h"
#include "firmware/core/record.h"
#include "firmware/core/valve.h"
#include "firmware/core/window.h"

#define S FW_US_PER_S
#define H (3600 * FW_US_PER_S)

/* Instants and local dates from `TZ=Asia/Shanghai date -d @SECONDS`. */
static void local_dates_are_those_of_utc_plus_8(void)
{
    const struct {
        int64_t seconds;
        uint32_t date;
    } rows[] = {
        {0, 19700101},          {57599, 19700101},      {57600, 19700102},
        {951753599, 20000228},  {951753600, 20000229},  {951840000, 20000301},
        {1709135999, 20240228}, {1709136000, 20240229}, {1709222400, 20240301},
        {1767196799, 20251231}, {1767196800, 20260101}, {4102415999, 20991231},
        {4107513600, 21000301},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(fw_local_date(rows[i].seconds * S), rows[i].date);
    }
    CU_ASSERT(fw_local_midnight(1767196800 * S));
    CU_ASSERT_FALSE(fw_local_midnight(1767196800 * S + 1));
    CU_ASSERT_FALSE(fw_local_midnight(1767196800 * S + 15 * 60 * S));
}

static struct fw_calendar two_seasons(void)
{
    return (struct fw_calendar){
        .season_count = 2,
        .band_unknown = 2,
        .seasons = {{.month_mask = 0x01C0, /* July to September */
                     .switch_count = 3,
                     .switches = {{0, 3}, {11 * 60, 0}, {12 * 60, 1}}},
                    {.month_mask = 0x0FFF & ~0x01C0u,
                     .switch_count = 2,
                     .switches = {{0, 3}, {8 * 60, 2}}}},
    };
}

static void a_band_holds_from_its_minute_to_the_next(void)
{
    struct fw_calendar calendar = two_seasons();
    const int64_t july_1 = 1782835200 * S; /* 2026-07-01 00:00 local */
    const int64_t oct_1 = 1790784000 * S;  /* 2026-10-01 00:00 local */
    CU_ASSERT(fw_calendar_valid(&calendar));
    CU_ASSERT_EQUAL(fw_calendar_mask(&calendar), 0x0F);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1), 3);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1 + 11 * H - 1), 3);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1 + 11 * H), 0);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1 + 12 * H), 1);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1 + 24 * H - 1), 1);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, july_1 - 1), 2); /* 30 June, late */
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, oct_1 - 1), 1);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, oct_1), 3);
    CU_ASSERT_EQUAL(fw_calendar_band(&calendar, oct_1 + 8 * H), 2);
}

static void a_calendar_with_holes_is_refused(void)
{
    struct fw_calendar calendar = two_seasons();
    calendar.seasons[1].month_mask &= 0x0FFEu;
    CU_ASSERT_FALSE(fw_calendar_valid(&calendar));
    calendar = two_seasons();
    calendar.seasons[1].month_mask |= 0x0040; /* July twice */
    CU_ASSERT_FALSE(fw_calendar_valid(&calendar));
    calendar = two_seasons();
    calendar.seasons[0].switches[0].minute = 1;
    CU_ASSERT_FALSE(fw_calendar_valid(&calendar));
    calendar = two_seasons();
    calendar.seasons[0].switches[2].minute = 11 * 60;
    CU_ASSERT_FALSE(fw_calendar_valid(&calendar));
    calendar = two_seasons();
    calendar.seasons[0].switches[2].band = 4;
    CU_ASSERT_FALSE(fw_calendar_valid(&calendar));
    calendar = two_seasons();
    calendar.season_count = 0;
    CU_ASSERT(fw_calendar_valid(&calendar));
    CU_ASSERT_FALSE(fw_calendar_has_bands(&calendar));
}

static void the_clock_moves_only_when_the_sample_proves_it_wrong(void)
{
    const int64_t t = 1768320000 * S;
    const struct {
        int64_t error_us; /* of the meter's clock */
        int64_t round_us;
        bool moves;
    } rows[] = {
        {0, 0, false},
        {S / 2, 0, false},
        {S / 2 + 1, 0, true},
        {-S / 2, 0, false},
        {-S / 2 - 1, 0, true},
        {3 * S, 4 * S, true},
        {2 * S, 4 * S, false},
        {-3 * S, 4 * S, true},
        {3600 * S, 30 * S, true},
        {3600 * S, 31 * S, false}, /* too long on the way */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fw_clock clock;
        fw_clock_init(&clock, 30 * S, 1000 * S);
        fw_clock_set(&clock, t, 0);
        /* The truth at the receipt, by the rule: gateway's second, half of it and half the way. */
        int64_t now_us = 100 * S;
        int64_t truth_us = t + now_us - rows[i].error_us;
        struct fw_clock_sample sample = {
            .gateway_us = truth_us - S / 2 - rows[i].round_us / 2,
            .sent_up_us = now_us - rows[i].round_us,
            .now_up_us = now_us,
        };
        int64_t doubt_us = S / 2 + rows[i].round_us / 2;
        int64_t moved_us = rows[i].error_us > 0 ? truth_us + doubt_us : truth_us - doubt_us;
        CU_ASSERT_EQUAL(fw_clock_correct(&clock, &sample), rows[i].moves);
        CU_ASSERT_EQUAL(fw_clock_time(&clock, now_us), rows[i].moves ? moved_us : t + now_us);
    }
}

static void a_clock_is_doubted_when_nobody_confirms_it(void)
{
    struct fw_clock clock;
    fw_clock_init(&clock, 30 * S, 1000 * S);
    CU_ASSERT(fw_clock_doubtful(&clock, 0));
    fw_clock_set(&clock, 1768320000 * S, 0);
    CU_ASSERT_FALSE(fw_clock_doubtful(&clock, 1000 * S));
    CU_ASSERT(fw_clock_doubtful(&clock, 1000 * S + 1));
    struct fw_clock_sample sample = {.gateway_us = 1768320999 * S,
                                     .sent_up_us = 999 * S,
                                     .now_up_us = 1000 * S};
    (void)fw_clock_correct(&clock, &sample);
    CU_ASSERT_FALSE(fw_clock_doubtful(&clock, 2000 * S));
}

static void each_counter_is_taken_once_in_any_order(void)
{
    struct fw_window window;
    fw_window_init(&window, 100);
    CU_ASSERT_FALSE(fw_window_fresh(&window, 100));
    CU_ASSERT_FALSE(fw_window_fresh(&window, 99));
    CU_ASSERT_FALSE(fw_window_fresh(&window, 0));
    CU_ASSERT(fw_window_fresh(&window, 101));
    fw_window_take(&window, 105);
    CU_ASSERT(fw_window_fresh(&window, 101));
    fw_window_take(&window, 101);
    CU_ASSERT_FALSE(fw_window_fresh(&window, 101));
    CU_ASSERT(fw_window_fresh(&window, 104));
    fw_window_take(&window, 168); /* 63 ahead: 105 is at the window's end */
    CU_ASSERT_FALSE(fw_window_fresh(&window, 105));
    CU_ASSERT(fw_window_fresh(&window, 106));
    CU_ASSERT_FALSE(fw_window_fresh(&window, 104)); /* older than the window */
    fw_window_take(&window, UINT64_MAX);
    CU_ASSERT_FALSE(fw_window_fresh(&window, 168));
    CU_ASSERT(fw_window_fresh(&window, UINT64_MAX - 1));
}

static void pauses_double_up_to_the_longest_and_chance_adds_half(void)
{
    const struct {
        uint32_t attempts;
        uint32_t chance;
        int64_t pause_us;
    } rows[] = {
        {1, 0, 32 * S},
        {2, 0, 64 * S},
        {3, 0, 128 * S},
        {8, 0, 3600 * S},
        {UINT32_MAX, 0, 3600 * S},
        {1, 0x8000, 40 * S},
        {1, 0xFFFF8000u, 40 * S},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t pause_us = fw_link_pause_us(rows[i].attempts, 32 * S, 3600 * S, rows[i].chance);
        CU_ASSERT(pause_us >= rows[i].pause_us - S / 100 && pause_us <= rows[i].pause_us);
    }
}

static void the_link_follows_its_picture(void)
{
    const int none = -1;
    /* next state for QUIET, SPREAD, SENT; by event WORK, NOTHING, TIMER, MORE, LAST, GIVE_UP */
    const int expected[3][6] = {
        {FW_LINK_SPREAD, none, none, none, none, none},
        {FW_LINK_SPREAD, FW_LINK_QUIET, FW_LINK_SENT, none, none, none},
        {FW_LINK_SENT, none, FW_LINK_SENT, FW_LINK_SPREAD, FW_LINK_QUIET, FW_LINK_SPREAD},
    };
    for (int state = 0; state < 3; state++) {
        for (int event = 0; event < 6; event++) {
            struct fw_link_edge edge = {.next = FW_LINK_QUIET};
            bool possible =
                fw_link_next(&edge, (enum fw_link_state)state, (enum fw_link_event)event);
            CU_ASSERT_EQUAL(possible, expected[state][event] != none);
            CU_ASSERT(!possible || (int)edge.next == expected[state][event]);
        }
    }
}

static void a_valve_command_follows_its_picture(void)
{
    const int none = -1;
    /* by event COMMAND, REPEAT, MOVED, STUCK, HAND_NEEDED, EXPIRED, PROVEN */
    const int expected[FW_VALVE_STATES][7] = {
        {FW_VALVE_ARMED, FW_VALVE_PROVING, none, none, none, none, none},
        {FW_VALVE_ARMED, FW_VALVE_ARMED, FW_VALVE_PROVING, FW_VALVE_ARMED, FW_VALVE_WAITING,
         FW_VALVE_PROVING, none},
        {FW_VALVE_ARMED, FW_VALVE_WAITING, FW_VALVE_PROVING, FW_VALVE_WAITING, none,
         FW_VALVE_PROVING, none},
        {FW_VALVE_ARMED, FW_VALVE_PROVING, none, none, none, none, FW_VALVE_IDLE},
    };
    for (int state = 0; state < FW_VALVE_STATES; state++) {
        for (int event = 0; event < 7; event++) {
            enum fw_valve_state next = FW_VALVE_IDLE;
            bool possible =
                fw_valve_next(&next, (enum fw_valve_state)state, (enum fw_valve_event)event);
            CU_ASSERT_EQUAL(possible, expected[state][event] != none);
            CU_ASSERT(!possible || (int)next == expected[state][event]);
        }
    }
}

static void records_and_checkpoints_come_back_as_they_were(void)
{
    struct fw_record record = {
        .seq = 0xFFFFFFFE,
        .counter_reserved = 77,
        .reading = {.time_us = INT64_MAX,
                    .total = INT64_MAX - 1,
                    .band = {1, -1, INT64_MAX, 0},
                    .band_mask = 0x0F,
                    .flags = 0xA5},
    };
    uint8_t bytes[FW_RECORD_BYTES];
    struct fw_record back = {0};
    fw_record_encode(bytes, &record);
    CU_ASSERT(fw_record_decode(&back, bytes));
    CU_ASSERT_EQUAL(back.seq, record.seq);
    CU_ASSERT_EQUAL(back.counter_reserved, 77);
    CU_ASSERT_EQUAL(memcmp(&back.reading.band, &record.reading.band, sizeof(record.reading.band)),
                    0);
    CU_ASSERT_EQUAL(back.reading.time_us, INT64_MAX);
    CU_ASSERT_EQUAL(back.reading.total, INT64_MAX - 1);
    CU_ASSERT_EQUAL(back.reading.flags, 0xA5);
    struct fw_checkpoint checkpoint = {
        .total = 5,
        .next_seq = 9,
        .acked_seq = 8,
        .counter_reserved = 256,
        .down_counter = UINT64_MAX,
        .recorded_us = 1,
        .day_proven_us = 2,
        .boots = 3,
        .dropped_count = 4,
        .valve = {FW_VALVE_WAITING, true, FW_VALVE_OPEN, 42, 99, 1ull << 40},
    };
    uint8_t saved[FW_CHECKPOINT_BYTES];
    struct fw_checkpoint read;
    fw_checkpoint_encode(saved, &checkpoint);
    CU_ASSERT(fw_checkpoint_decode(&read, saved));
    CU_ASSERT_EQUAL(read.down_counter, UINT64_MAX);
    CU_ASSERT_EQUAL(read.valve.state, FW_VALVE_WAITING);
    CU_ASSERT_EQUAL(read.valve.id, 42);
    CU_ASSERT_EQUAL(read.valve.counter, 1ull << 40);
    CU_ASSERT_EQUAL(read.dropped_count, 4);
    saved[0] = 1; /* a record is no checkpoint */
    CU_ASSERT_FALSE(fw_checkpoint_decode(&read, saved));
    bytes[0] = 2;
    CU_ASSERT_FALSE(fw_record_decode(&back, bytes));
}

static const struct unit_test tests[] = {
    {"local_dates_are_those_of_utc_plus_8", local_dates_are_those_of_utc_plus_8},
    {"a_band_holds_from_its_minute_to_the_next", a_band_holds_from_its_minute_to_the_next},
    {"a_calendar_with_holes_is_refused", a_calendar_with_holes_is_refused},
    {"the_clock_moves_only_when_the_sample_proves_it_wrong",
     the_clock_moves_only_when_the_sample_proves_it_wrong},
    {"a_clock_is_doubted_when_nobody_confirms_it", a_clock_is_doubted_when_nobody_confirms_it},
    {"each_counter_is_taken_once_in_any_order", each_counter_is_taken_once_in_any_order},
    {"pauses_double_up_to_the_longest_and_chance_adds_half",
     pauses_double_up_to_the_longest_and_chance_adds_half},
    {"the_link_follows_its_picture", the_link_follows_its_picture},
    {"a_valve_command_follows_its_picture", a_valve_command_follows_its_picture},
    {"records_and_checkpoints_come_back_as_they_were",
     records_and_checkpoints_come_back_as_they_were},
};

UNIT_MAIN("fw_rules", tests)
