/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Power goes at the 1st word that is written, then at the 2nd, until it never goes: each time the meter
 * comes back with all it had promised. */
#include "tests/support/unit.h"

#include "tests/support/fw_world.h"

static struct fw_world world;

#define COMMAND_ID 77u

static size_t put_command(uint8_t bytes[FW_DOWN_BYTES_MAX], uint8_t valve, int64_t expires_us)
{
    struct mt_command command = {.id = COMMAND_ID, .valve = valve, .expires_us = expires_us};
    return fw_world_command(bytes, &world, &command);
}

/* Let time pass; when the power goes it comes back a second later. Returns true when it went. */
static bool run_until(int64_t until_us)
{
    fw_world_run(&world, until_us);
    if (!world.host.dead) {
        return false;
    }
    world.now_us += FW_US_PER_S;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    fw_world_run(&world, until_us);
    CU_ASSERT_FALSE(world.host.dead);
    return true;
}

/* A command, and again under a new counter when the meter did not take it. */
static bool send_command(int64_t expires_us)
{
    uint8_t command[FW_DOWN_BYTES_MAX];
    size_t len = put_command(command, FW_VALVE_SHUT, expires_us);
    int64_t up_us = fw_world_up_us(&world);
    enum fw_down_verdict verdict = fw_meter_downlink(&world.meter, command, len, up_us);
    if (!world.host.dead) {
        CU_ASSERT_EQUAL(verdict, FW_DOWN_COMMAND);
        return false;
    }
    CU_ASSERT_EQUAL(verdict, FW_DOWN_STORAGE);
    world.now_us += FW_US_PER_S;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    len = put_command(command, FW_VALVE_SHUT, expires_us);
    verdict = fw_meter_downlink(&world.meter, command, len, fw_world_up_us(&world));
    CU_ASSERT_EQUAL(verdict, FW_DOWN_COMMAND);
    return true;
}

/* Two and a half hours with records, receipts and a command. Returns true when the power went. */
static bool live_through(void)
{
    const int64_t end_us = FW_WORLD_START_US + 150 * FW_WORLD_MINUTE_US;
    bool went = run_until(FW_WORLD_START_US + 70 * FW_WORLD_MINUTE_US);
    went |= send_command(end_us);
    went |= run_until(end_us);
    went |= run_until(end_us + 10 * FW_WORLD_MINUTE_US);
    return went;
}

/* The world as it must be, whether power went or not. */
static void check_promises(void)
{
    CU_ASSERT_EQUAL(world.counter_reused, 0);
    CU_ASSERT_EQUAL(world.conflicts, 0);
    CU_ASSERT_EQUAL(world.rejected, 0);
    CU_ASSERT_FALSE(fw_journal_pending(&world.meter.journal));
    CU_ASSERT_EQUAL(world.meter.now.valve.state, FW_VALVE_IDLE);
    CU_ASSERT(world.proofs >= 1);
    CU_ASSERT_EQUAL(world.proof_id, COMMAND_ID);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_SHUT);
    int64_t last_us = 0;
    uint32_t count = 0;
    for (uint32_t seq = 1; seq < world.next_seq; seq++) {
        if (!world.has_record[seq]) {
            continue;
        }
        const struct mt_reading *reading = &world.records[seq];
        CU_ASSERT(reading->time_us > last_us);
        CU_ASSERT_EQUAL(reading->total, fw_world_register(&world, reading->time_us));
        last_us = reading->time_us;
        count++;
    }
    /* A cut of a second costs no quarter-hour: its record is written within the grace. */
    CU_ASSERT_EQUAL(count, 10);
    CU_ASSERT_EQUAL(world.next_seq, 11);
}

static uint64_t cut_at_every_word(uint64_t seed)
{
    for (uint64_t nth = 0; nth < 20000; nth++) {
        enum fw_status st = fw_world_init(&world, seed, 8);
        CU_ASSERT_EQUAL_FATAL(st, FW_OK);
        fw_host_cut_after(&world.host, nth);
        bool went = live_through();
        check_promises();
        fw_world_deinit(&world);
        if (!went) {
            return nth;
        }
        if (CU_get_number_of_failure_records() > 0) {
            printf("    first failure with the cut at word %llu, seed %llu\n",
                   (unsigned long long)nth, (unsigned long long)seed);
            return nth;
        }
    }
    return 0;
}

static void a_cut_at_any_word_loses_no_record_and_repeats_no_counter(void)
{
    uint64_t words = cut_at_every_word(1);
    /* By hand: 10 records of 16 words, one checkpoint of 32 for each of 11 receipts and two for the
     * command, and for each sector begun (2 of records, 4 of checkpoints) an erase and 4 words. Fewer
     * would mean that an error was passed over. */
    CU_ASSERT_EQUAL(words, 10 * 16 + 13 * 32 + 6 * 5);
}

/* The same with other torn bits. */
static void torn_words_of_other_shapes_change_nothing(void)
{
    (void)cut_at_every_word(0xC0FFEE);
}

static void the_first_start_can_be_cut_anywhere(void)
{
    for (uint64_t nth = 0; nth < 40; nth++) {
        enum fw_status st = fw_world_init(&world, 3, 8);
        CU_ASSERT_EQUAL_FATAL(st, FW_OK);
        /* A blank board, and the power goes within its first start. */
        memset(world.host.nv, 0xFF, world.host.nv_bytes);
        fw_host_cut_after(&world.host, nth);
        st = fw_meter_init(&world.meter, &world.config, &world.host.hal, &world.work, 0);
        CU_ASSERT(st == FW_OK || st == FW_IO);
        CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
        CU_ASSERT(world.meter.counter >= 1);
        fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
        CU_ASSERT(world.has_record[1]);
        CU_ASSERT_EQUAL(world.counter_reused, 0);
        fw_world_deinit(&world);
    }
}

static void a_power_fail_warning_saves_what_was_counted(void)
{
    enum fw_status st = fw_world_init(&world, 5, 8);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    int64_t before = world.meter.now.total;
    fw_meter_count(&world.meter, 13, fw_world_up_us(&world));
    CU_ASSERT_EQUAL(fw_meter_power_fail(&world.meter), FW_OK);
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(world.meter.now.total, before + 13);
    fw_world_deinit(&world);
}

static void two_hundred_boots_use_no_counter_twice(void)
{
    enum fw_status st = fw_world_init(&world, 5, 8);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    world.zero_us = world.now_us; /* nothing consumed before */
    for (unsigned boot = 0; boot < 200; boot++) {
        fw_world_run(&world, world.now_us + 16 * FW_WORLD_MINUTE_US);
        CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    }
    CU_ASSERT_EQUAL(world.counter_reused, 0);
    CU_ASSERT_EQUAL(world.meter.now.boots, 201);
    CU_ASSERT_EQUAL(world.meter.counter, 1 + 200 * FW_COUNTER_RESERVE);
    fw_world_deinit(&world);
}

static void lost_checkpoints_are_rescued_from_the_newest_record(void)
{
    enum fw_status st = fw_world_init(&world, 5, 8);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    fw_world_run(&world, FW_WORLD_START_US + 62 * FW_WORLD_MINUTE_US);
    uint32_t used = world.meter.counter;
    int64_t total = world.meter.now.total;
    memset(world.host.nv, 0, 2 * 512); /* both checkpoint sectors are destroyed */
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT(world.meter.counter > used + FW_COUNTER_RESERVE);
    CU_ASSERT_EQUAL(world.meter.now.total, total);
    CU_ASSERT_EQUAL(world.meter.journal.next_seq, 5);
    fw_world_deinit(&world);
}

static void a_rotten_checkpoint_brings_no_counter_back(void)
{
    enum fw_status st = fw_world_init(&world, 5, 8);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK); /* sets 256 more counters aside, and uses one */
    fw_world_run(&world, FW_WORLD_START_US + 32 * FW_WORLD_MINUTE_US);
    uint32_t used = world.meter.counter;
    /* Every checkpoint since that boot loses a bit: slots of 128 bytes, three to a sector. */
    for (uint32_t at = world.meter.checkpoints.end - 2; at < world.meter.checkpoints.end; at++) {
        world.host.nv[at / 3 % 2 * 512 + 16 + at % 3 * 128 + 70] ^= 0x04;
    }
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT(world.meter.counter >= used);
    fw_world_run(&world, FW_WORLD_START_US + 47 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.counter_reused, 0);
    fw_world_deinit(&world);
}

static void damaged_records_are_stepped_over(void)
{
    enum fw_status st = fw_world_init(&world, 5, 8);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
    world.link_down = true;
    fw_world_pass(&world, FW_WORLD_START_US + 100 * FW_WORLD_MINUTE_US);
    size_t profile = 4 * 512;                          /* two sectors of checkpoints, two of days */
    world.host.nv[profile + 16 + 2 * 64 + 20] ^= 0x10; /* the third record loses a bit */
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    world.link_down = false;
    fw_world_run(&world, FW_WORLD_START_US + 104 * FW_WORLD_MINUTE_US);
    CU_ASSERT(world.has_record[1] && world.has_record[2]);
    CU_ASSERT_FALSE(world.has_record[3]);
    CU_ASSERT(world.has_record[4] && world.has_record[5] && world.has_record[6]);
    CU_ASSERT_EQUAL(world.conflicts, 0);
    CU_ASSERT_EQUAL(world.meter.journal.acked_seq, 7);
    fw_world_deinit(&world);
}

static const struct unit_test tests[] = {
    {"a_cut_at_any_word_loses_no_record_and_repeats_no_counter",
     a_cut_at_any_word_loses_no_record_and_repeats_no_counter},
    {"torn_words_of_other_shapes_change_nothing", torn_words_of_other_shapes_change_nothing},
    {"the_first_start_can_be_cut_anywhere", the_first_start_can_be_cut_anywhere},
    {"a_power_fail_warning_saves_what_was_counted", a_power_fail_warning_saves_what_was_counted},
    {"two_hundred_boots_use_no_counter_twice", two_hundred_boots_use_no_counter_twice},
    {"lost_checkpoints_are_rescued_from_the_newest_record",
     lost_checkpoints_are_rescued_from_the_newest_record},
    {"a_rotten_checkpoint_brings_no_counter_back", a_rotten_checkpoint_brings_no_counter_back},
    {"damaged_records_are_stepped_over", damaged_records_are_stepped_over},
};

UNIT_MAIN("fw_power", tests)
