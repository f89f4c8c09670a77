/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter as its gateway sees it: readings, repetition, receipts, day ends. */
#include "tests/support/unit.h"

#include "tests/support/fw_world.h"

static struct fw_world world;

static void start(uint32_t sectors)
{
    enum fw_status st = fw_world_init(&world, 7, sectors);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
}

static void a_quarter_hour_is_read_sent_and_acknowledged(void)
{
    start(12);
    fw_world_run(&world, FW_WORLD_START_US + 20 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.rejected, 0);
    CU_ASSERT(world.has_record[1]);
    CU_ASSERT_EQUAL(world.records[1].time_us, FW_WORLD_START_US + FW_WORLD_QUARTER_US);
    CU_ASSERT_EQUAL(world.records[1].total, 105);   /* 15 min at 7 Wh */
    CU_ASSERT_EQUAL(world.records[1].band[3], 105); /* midnight to 8 is valley */
    CU_ASSERT_EQUAL(world.records[1].band_mask, 0x0E);
    CU_ASSERT_EQUAL(world.meter.journal.acked_seq, 2);
    CU_ASSERT_FALSE(fw_journal_pending(&world.meter.journal));
    fw_world_deinit(&world);
}

static void a_day_has_96_records_and_its_bands_add_up(void)
{
    start(24);
    fw_world_run(&world, FW_WORLD_START_US + FW_US_PER_DAY + 10 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.next_seq, 97);
    const struct mt_reading *midnight = &world.records[96];
    CU_ASSERT_EQUAL(midnight->time_us, FW_WORLD_START_US + FW_US_PER_DAY);
    CU_ASSERT_EQUAL(midnight->total, 7 * 1440);
    CU_ASSERT_EQUAL(midnight->band[0], 0);
    CU_ASSERT_EQUAL(midnight->band[1], 7 * 60 * 7); /* peak 10-12 and 14-19: 7 hours */
    CU_ASSERT_EQUAL(midnight->band[2], 7 * 60 * 9); /* flat 8-10, 12-14, 19-24: 9 hours */
    CU_ASSERT_EQUAL(midnight->band[3], 7 * 60 * 8); /* valley 0-8 */
    for (uint32_t seq = 1; seq < world.next_seq; seq++) {
        CU_ASSERT(world.has_record[seq]);
    }
    fw_world_deinit(&world);
}

static void a_day_end_is_proven_with_a_signature(void)
{
    start(24);
    fw_world_run(&world, FW_WORLD_START_US + FW_US_PER_DAY + 10 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.snapshots, 1);
    CU_ASSERT_EQUAL(world.last_snapshot.day, 20260114);
    CU_ASSERT_EQUAL(world.last_snapshot.total, 7 * 1440);
    CU_ASSERT_EQUAL(world.last_snapshot.seq, 96);
    CU_ASSERT_EQUAL(world.last_snapshot.time_us, FW_WORLD_START_US + FW_US_PER_DAY);
    CU_ASSERT_EQUAL(world.meter.stats.snapshots, 1);
    fw_world_run(&world, FW_WORLD_START_US + 2 * FW_US_PER_DAY + 10 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.snapshots, 2);
    CU_ASSERT_EQUAL(world.last_snapshot.day, 20260115);
    fw_world_deinit(&world);
}

static void a_lost_receipt_brings_the_same_bytes_again(void)
{
    start(12);
    fw_world_pass(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    CU_ASSERT_FATAL(world.out_count >= 1);
    uint32_t sent = world.out_count;
    fw_world_deliver_deaf(&world);
    CU_ASSERT_EQUAL(world.repeated, sent - 1);
    fw_world_pass(&world, world.now_us + 5 * FW_WORLD_MINUTE_US);
    CU_ASSERT(world.out_count >= 1);
    fw_world_deliver(&world);
    CU_ASSERT(world.repeated >= sent);
    CU_ASSERT_EQUAL(world.counter_reused, 0);
    CU_ASSERT_FALSE(fw_journal_pending(&world.meter.journal));
    fw_world_deinit(&world);
}

static void the_pauses_between_repetitions_grow_to_the_longest(void)
{
    start(24);
    world.link_down = true;
    int64_t times_us[12];
    unsigned count = 0;
    uint32_t seen = 0;
    while (count < 7) {
        world.now_us += FW_US_PER_S;
        fw_world_pass(&world, world.now_us);
        uint32_t tries = world.meter.stats.sent + world.meter.stats.repeated;
        if (tries != seen) {
            times_us[count++] = world.now_us;
            seen = tries;
        }
    }
    for (unsigned i = 1; i < count; i++) {
        int64_t pause_us = times_us[i] - times_us[i - 1];
        int64_t base_us = world.config.retry_us << (i - 1);
        CU_ASSERT(pause_us >= base_us);
        CU_ASSERT(pause_us <= base_us + base_us / 2 + 2 * FW_US_PER_S);
    }
    fw_world_deinit(&world);
}

static void a_backlog_comes_in_order_and_in_few_messages(void)
{
    start(40);
    world.link_down = true;
    fw_world_pass(&world, FW_WORLD_START_US + 12 * 60 * FW_WORLD_MINUTE_US);
    world.link_down = false;
    fw_meter_link_up(&world.meter, fw_world_up_us(&world));
    fw_world_run(&world, world.now_us + 14 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.next_seq, 49);
    CU_ASSERT(world.messages <= 5);
    CU_ASSERT_EQUAL(world.conflicts, 0);
    for (uint32_t seq = 1; seq < world.next_seq; seq++) {
        CU_ASSERT_EQUAL(world.records[seq].time_us,
                        FW_WORLD_START_US + (int64_t)seq * FW_WORLD_QUARTER_US);
        CU_ASSERT_EQUAL(world.records[seq].total, (int64_t)seq * 105);
    }
    fw_world_deinit(&world);
}

static void a_full_journal_thins_the_oldest_quarters_and_keeps_the_days(void)
{
    start(12); /* 8 profile sectors of 7 records, 2 day sectors */
    world.link_down = true;
    fw_world_pass(&world, FW_WORLD_START_US + 3 * FW_US_PER_DAY + 5 * FW_WORLD_MINUTE_US);
    CU_ASSERT(world.meter.journal.dropped_count > 200);
    world.link_down = false;
    fw_meter_link_up(&world.meter, fw_world_up_us(&world));
    fw_world_run(&world, world.now_us + 8 * FW_WORLD_MINUTE_US);
    CU_ASSERT_FALSE(fw_journal_pending(&world.meter.journal));
    /* All three midnights, the newest record, and at least 7 sectors of quarters. */
    CU_ASSERT(world.has_record[96]);
    CU_ASSERT(world.has_record[192]);
    CU_ASSERT(world.has_record[288]);
    CU_ASSERT_EQUAL(world.records[288].total, 3 * 1440 * 7);
    uint32_t kept = 0;
    for (uint32_t seq = 193; seq < 288; seq++) {
        kept += world.has_record[seq] ? 1 : 0;
    }
    CU_ASSERT(kept >= 49);
    CU_ASSERT(world.has_record[287]);
    CU_ASSERT_EQUAL(world.snapshots, 3);
    fw_world_deinit(&world);
}

static void a_snapshot_that_is_never_answered_does_not_hold_back_readings(void)
{
    start(24);
    fw_world_run(&world, FW_WORLD_START_US + FW_US_PER_DAY - FW_WORLD_MINUTE_US);
    memset(world.sign_public, 0, sizeof(world.sign_public)); /* the gateway does not know the key */
    fw_world_run(&world, FW_WORLD_START_US + FW_US_PER_DAY + 6 * 60 * FW_WORLD_MINUTE_US +
                             5 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.next_seq, 96 + 24 + 1);
    CU_ASSERT(world.rejected > 1);
    CU_ASSERT(world.rejected < 30); /* it backs off */
    enum mt_status st = mt_sign_public(world.sign_public, world.config.sign_secret);
    CU_ASSERT_EQUAL(st, MT_OK);
    fw_world_run(&world, world.now_us + 3 * 60 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.snapshots, 1);
    CU_ASSERT_EQUAL(world.last_snapshot.day, 20260114);
    fw_world_deinit(&world);
}

static void a_replayed_receipt_is_refused(void)
{
    start(12);
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    size_t len = fw_world_receipt(receipt, &world);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_RECEIPT);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_REPLAYED);
    /* Nor after a power cut. */
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_REPLAYED);
    fw_world_deinit(&world);
}

static void every_flipped_bit_and_every_prefix_of_a_receipt_is_refused(void)
{
    start(12);
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    size_t len = fw_world_receipt(receipt, &world);
    for (size_t bit = 0; bit < len * 8; bit++) {
        receipt[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum fw_down_verdict verdict = fw_meter_downlink(&world.meter, receipt, len, 0);
        CU_ASSERT(verdict != FW_DOWN_RECEIPT && verdict != FW_DOWN_COMMAND);
        receipt[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t n = 0; n < len; n++) {
        enum fw_down_verdict verdict = fw_meter_downlink(&world.meter, receipt, n, 0);
        CU_ASSERT(verdict != FW_DOWN_RECEIPT && verdict != FW_DOWN_COMMAND);
    }
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_RECEIPT);
    uint8_t large[FW_DOWN_BYTES_MAX + 1] = {0x83};
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, large, sizeof(large), 0), FW_DOWN_MALFORMED);
    fw_world_deinit(&world);
}

static void another_meters_receipt_is_refused(void)
{
    start(12);
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    world.config.identity.number[11] =
        '9'; /* the gateway seals for a neighbour, by mistake or not */
    size_t len = fw_world_receipt(receipt, &world);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_NOT_AUTHENTIC);
    fw_world_deinit(&world);
}

static void receipts_that_overtake_each_other_are_all_taken(void)
{
    start(12);
    uint8_t first[FW_DOWN_BYTES_MAX];
    uint8_t second[FW_DOWN_BYTES_MAX];
    size_t first_len = fw_world_receipt(first, &world);
    size_t second_len = fw_world_receipt(second, &world);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, second, second_len, 0), FW_DOWN_RECEIPT);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, first, first_len, 0), FW_DOWN_RECEIPT);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, first, first_len, 0), FW_DOWN_REPLAYED);
    fw_world_deinit(&world);
}

static void a_receipt_from_beyond_our_numbers_moves_them_up(void)
{
    start(12);
    world.next_seq = 500; /* the gateway has seen more than this storage remembers */
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    size_t len = fw_world_receipt(receipt, &world);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, 0), FW_DOWN_RECEIPT);
    fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    CU_ASSERT(world.has_record[500]);
    CU_ASSERT_EQUAL(world.next_seq, 501);
    fw_world_deinit(&world);
}

static void a_meter_without_a_clock_asks_for_the_time_and_then_reads(void)
{
    memset(&world, 0, sizeof(world));
    enum fw_status st = fw_world_init(&world, 7, 12);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    world.no_rtc = true;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    int64_t time_us;
    CU_ASSERT_FALSE(fw_meter_time(&time_us, &world.meter, 0));
    fw_world_run(&world, FW_WORLD_START_US + 4 * FW_WORLD_MINUTE_US);
    CU_ASSERT(fw_meter_time(&time_us, &world.meter, fw_world_up_us(&world)));
    int64_t error_us = time_us - world.now_us;
    CU_ASSERT(error_us < FW_US_PER_S && error_us > -FW_US_PER_S);
    CU_ASSERT_EQUAL(world.records[1].flags & MT_FLAG_CLOCK_DOUBT, MT_FLAG_CLOCK_DOUBT);
    fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.records[2].time_us, FW_WORLD_START_US + FW_WORLD_QUARTER_US);
    CU_ASSERT_EQUAL(world.records[2].total, 105);
    CU_ASSERT_EQUAL(world.records[2].flags, 0);
    fw_world_deinit(&world);
}

static void a_clock_that_was_years_ahead_does_not_silence_the_meter(void)
{
    memset(&world, 0, sizeof(world));
    enum fw_status st = fw_world_init(&world, 7, 12);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    world.rtc_error_us = 20ll * 365 * FW_US_PER_DAY;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    fw_world_run(&world, FW_WORLD_START_US + 40 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.meter.stats.clock_moves, 1);
    const struct mt_reading *last = &world.records[world.next_seq - 1];
    CU_ASSERT_EQUAL(last->time_us, FW_WORLD_START_US + 2 * FW_WORLD_QUARTER_US);
    fw_world_deinit(&world);
}

static void a_receipt_that_took_too_long_does_not_set_the_clock(void)
{
    start(12);
    fw_world_pass(&world, FW_WORLD_START_US + 16 * FW_WORLD_MINUTE_US);
    CU_ASSERT_FATAL(world.meter.link == FW_LINK_SENT);
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    world.next_seq = 2;
    world.now_us -= 6 * 3600 * FW_US_PER_S; /* an answer that was held back for hours */
    size_t len = fw_world_receipt(receipt, &world);
    world.now_us += 6 * 3600 * FW_US_PER_S;
    int64_t late_up_us = world.meter.out.sent_up_us + world.config.round_us_max + 1;
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, late_up_us), FW_DOWN_RECEIPT);
    CU_ASSERT_EQUAL(world.meter.stats.clock_moves, 0);
    CU_ASSERT_EQUAL(world.meter.journal.acked_seq, 2); /* the acknowledgement counts all the same */
    fw_world_deinit(&world);
}

/* The answer to the first sending, held back until just after the second, tells a time long gone. */
static void a_late_answer_to_an_earlier_sending_does_not_set_the_clock(void)
{
    start(12);
    fw_world_pass(&world, FW_WORLD_START_US + 16 * FW_WORLD_MINUTE_US);
    CU_ASSERT_FATAL(world.meter.link == FW_LINK_SENT);
    fw_world_deliver_deaf(&world);
    uint8_t receipt[FW_DOWN_BYTES_MAX];
    size_t len = fw_world_receipt(receipt, &world);
    while (world.meter.out.attempts < 4) {
        fw_world_pass(&world, world.now_us + FW_US_PER_S);
    }
    int64_t before_us = 0;
    int64_t after_us = 0;
    int64_t up_us = fw_world_up_us(&world);
    CU_ASSERT(fw_meter_time(&before_us, &world.meter, up_us));
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, receipt, len, up_us), FW_DOWN_RECEIPT);
    CU_ASSERT(fw_meter_time(&after_us, &world.meter, up_us));
    CU_ASSERT_EQUAL(after_us, before_us);
    CU_ASSERT_EQUAL(world.meter.journal.acked_seq, 2);
    fw_world_deinit(&world);
}

static void a_drifting_clock_is_brought_back_by_receipts(void)
{
    memset(&world, 0, sizeof(world));
    enum fw_status st = fw_world_init(&world, 7, 12);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    world.rtc_error_us = 40 * FW_US_PER_S;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    fw_world_run(&world, FW_WORLD_START_US + 31 * FW_WORLD_MINUTE_US);
    int64_t time_us = 0;
    CU_ASSERT(fw_meter_time(&time_us, &world.meter, fw_world_up_us(&world)));
    CU_ASSERT(time_us - world.now_us < FW_US_PER_S && world.now_us - time_us < FW_US_PER_S);
    /* Set back over 12:15 it does not read that quarter twice. */
    CU_ASSERT_EQUAL(world.records[1].time_us, FW_WORLD_START_US + FW_WORLD_QUARTER_US);
    CU_ASSERT_EQUAL(world.records[2].time_us, FW_WORLD_START_US + 2 * FW_WORLD_QUARTER_US);
    CU_ASSERT_EQUAL(world.next_seq, 3);
    fw_world_deinit(&world);
}

static void a_register_at_the_end_of_its_range_stays_there(void)
{
    start(12);
    fw_meter_count(&world.meter, INT64_MAX, 0);
    fw_meter_count(&world.meter, 5, 0);
    CU_ASSERT_EQUAL(world.meter.now.total, INT64_MAX);
    fw_world_deinit(&world);
}

static void what_a_stranger_claims_about_the_configuration_is_checked(void)
{
    start(12);
    struct fw_config wrong = world.config;
    struct fw_meter other;
    wrong.interval_us = 7 * FW_WORLD_MINUTE_US; /* does not divide a day */
    CU_ASSERT_EQUAL(fw_meter_init(&other, &wrong, &world.host.hal, &world.work, 0), FW_INVALID);
    wrong = world.config;
    wrong.calendar.seasons[0].month_mask = 0x0FFE; /* January belongs to no season */
    CU_ASSERT_EQUAL(fw_meter_init(&other, &wrong, &world.host.hal, &world.work, 0), FW_INVALID);
    wrong = world.config;
    wrong.day_sectors = 9; /* leaves one sector for the profile */
    CU_ASSERT_EQUAL(fw_meter_init(&other, &wrong, &world.host.hal, &world.work, 0), FW_INVALID);
    wrong = world.config;
    wrong.identity.number[0] = '\0';
    CU_ASSERT_EQUAL(fw_meter_init(&other, &wrong, &world.host.hal, &world.work, 0), FW_INVALID);
    struct fw_hal hal = world.host.hal;
    hal.nv_prog_bytes = 3;
    CU_ASSERT_EQUAL(fw_meter_init(&other, &world.config, &hal, &world.work, 0), FW_INVALID);
    fw_world_deinit(&world);
}

static const struct unit_test tests[] = {
    {"a_quarter_hour_is_read_sent_and_acknowledged", a_quarter_hour_is_read_sent_and_acknowledged},
    {"a_day_has_96_records_and_its_bands_add_up", a_day_has_96_records_and_its_bands_add_up},
    {"a_day_end_is_proven_with_a_signature", a_day_end_is_proven_with_a_signature},
    {"a_lost_receipt_brings_the_same_bytes_again", a_lost_receipt_brings_the_same_bytes_again},
    {"the_pauses_between_repetitions_grow_to_the_longest",
     the_pauses_between_repetitions_grow_to_the_longest},
    {"a_backlog_comes_in_order_and_in_few_messages", a_backlog_comes_in_order_and_in_few_messages},
    {"a_full_journal_thins_the_oldest_quarters_and_keeps_the_days",
     a_full_journal_thins_the_oldest_quarters_and_keeps_the_days},
    {"a_snapshot_that_is_never_answered_does_not_hold_back_readings",
     a_snapshot_that_is_never_answered_does_not_hold_back_readings},
    {"a_replayed_receipt_is_refused", a_replayed_receipt_is_refused},
    {"every_flipped_bit_and_every_prefix_of_a_receipt_is_refused",
     every_flipped_bit_and_every_prefix_of_a_receipt_is_refused},
    {"another_meters_receipt_is_refused", another_meters_receipt_is_refused},
    {"receipts_that_overtake_each_other_are_all_taken",
     receipts_that_overtake_each_other_are_all_taken},
    {"a_receipt_from_beyond_our_numbers_moves_them_up",
     a_receipt_from_beyond_our_numbers_moves_them_up},
    {"a_meter_without_a_clock_asks_for_the_time_and_then_reads",
     a_meter_without_a_clock_asks_for_the_time_and_then_reads},
    {"a_clock_that_was_years_ahead_does_not_silence_the_meter",
     a_clock_that_was_years_ahead_does_not_silence_the_meter},
    {"a_receipt_that_took_too_long_does_not_set_the_clock",
     a_receipt_that_took_too_long_does_not_set_the_clock},
    {"a_late_answer_to_an_earlier_sending_does_not_set_the_clock",
     a_late_answer_to_an_earlier_sending_does_not_set_the_clock},
    {"a_drifting_clock_is_brought_back_by_receipts", a_drifting_clock_is_brought_back_by_receipts},
    {"a_register_at_the_end_of_its_range_stays_there",
     a_register_at_the_end_of_its_range_stays_there},
    {"what_a_stranger_claims_about_the_configuration_is_checked",
     what_a_stranger_claims_about_the_configuration_is_checked},
};

UNIT_MAIN("fw_meter", tests)
