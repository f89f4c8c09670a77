/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Valve commands from the order to the proof. */
#include "tests/support/unit.h"

#include "tests/support/fw_world.h"

static struct fw_world world;

static void start(void)
{
    enum fw_status st = fw_world_init(&world, 11, 12);
    CU_ASSERT_EQUAL_FATAL(st, FW_OK);
}

static enum fw_down_verdict command(uint32_t id, uint8_t valve, int64_t lives_us)
{
    uint8_t bytes[FW_DOWN_BYTES_MAX];
    struct mt_command order = {.id = id, .valve = valve, .expires_us = world.now_us + lives_us};
    size_t len = fw_world_command(bytes, &world, &order);
    return fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world));
}

static enum fw_valve position(void)
{
    return world.host.hal.valve_get(world.host.hal.context);
}

static void a_command_moves_the_valve_and_its_proof_comes_back(void)
{
    start();
    CU_ASSERT_EQUAL(position(), FW_VALVE_OPEN);
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proof_id, 5);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proofs, 1);
    CU_ASSERT_EQUAL(world.meter.now.valve.state, FW_VALVE_IDLE);
    fw_world_run(&world, FW_WORLD_START_US + 17 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(world.records[1].flags, MT_FLAG_VALVE_SHUT);
    fw_world_deinit(&world);
}

static void the_same_command_again_only_repeats_the_proof(void)
{
    start();
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    (void)world.host.hal.valve_set(world.host.hal.context, FW_VALVE_THROTTLE); /* by hand, since */
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_THROTTLE);
    CU_ASSERT_EQUAL(world.proofs, 2);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_THROTTLE); /* the sensor's word, not the order's */
    fw_world_deinit(&world);
}

static void a_command_after_its_time_is_not_carried_out(void)
{
    start();
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, -FW_US_PER_S), FW_DOWN_EXPIRED);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_OPEN);
    CU_ASSERT_EQUAL(world.proofs, 0);
    fw_world_deinit(&world);
}

static void a_stuck_valve_is_tried_until_the_command_expires(void)
{
    start();
    world.host.valve_stuck = true;
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 90 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 3 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_OPEN);
    CU_ASSERT_EQUAL(world.proof_id, 5);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_OPEN); /* the proof says that it did not work */
    fw_world_deinit(&world);
}

static void a_valve_that_comes_free_moves_after_all(void)
{
    start();
    world.host.valve_stuck = true;
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + FW_WORLD_MINUTE_US);
    world.host.valve_stuck = false;
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_SHUT);
    fw_world_deinit(&world);
}

static void a_newer_command_takes_over_and_an_older_one_cannot(void)
{
    uint8_t older[FW_DOWN_BYTES_MAX];
    start();
    struct mt_command order = {.id = 8,
                               .valve = FW_VALVE_OPEN,
                               .expires_us = world.now_us + 3600 * FW_US_PER_S};
    size_t older_len = fw_world_command(older, &world, &order);
    CU_ASSERT_EQUAL(command(9, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    enum fw_down_verdict verdict =
        fw_meter_downlink(&world.meter, older, older_len, fw_world_up_us(&world));
    CU_ASSERT_EQUAL(verdict, FW_DOWN_OUTDATED);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proof_id, 9);
    fw_world_deinit(&world);
}

static void gas_opens_only_with_a_hand_on_the_spot(void)
{
    start();
    world.config.confirm_open = true;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(command(1, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT); /* shutting needs nobody */
    CU_ASSERT_EQUAL(command(2, FW_VALVE_OPEN, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 10 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proof_id, 1);
    /* Waiting survives a power cut. */
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(world.meter.now.valve.state, FW_VALVE_WAITING);
    fw_meter_confirm(&world.meter, fw_world_up_us(&world));
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_OPEN);
    CU_ASSERT_EQUAL(world.proof_id, 2);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_OPEN);
    fw_world_deinit(&world);
}

static void a_hand_that_comes_too_late_opens_nothing(void)
{
    start();
    world.config.confirm_open = true;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(command(1, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(command(2, FW_VALVE_OPEN, 120 * FW_US_PER_S), FW_DOWN_COMMAND);
    fw_world_run(&world, world.now_us + 6 * FW_WORLD_MINUTE_US);
    fw_meter_confirm(&world.meter, fw_world_up_us(&world));
    fw_world_run(&world, world.now_us + 2 * FW_WORLD_MINUTE_US);
    CU_ASSERT_EQUAL(position(), FW_VALVE_SHUT);
    CU_ASSERT_EQUAL(world.proof_id, 2);
    CU_ASSERT_EQUAL(world.proof_state, FW_VALVE_SHUT);
    fw_world_deinit(&world);
}

static void a_replayed_command_is_refused_even_after_a_power_cut(void)
{
    uint8_t bytes[FW_DOWN_BYTES_MAX];
    start();
    struct mt_command order = {.id = 8,
                               .valve = FW_VALVE_SHUT,
                               .expires_us = world.now_us + 3600 * FW_US_PER_S};
    size_t len = fw_world_command(bytes, &world, &order);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world)),
                    FW_DOWN_COMMAND);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world)),
                    FW_DOWN_REPLAYED);
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world)),
                    FW_DOWN_REPLAYED);
    fw_world_deinit(&world);
}

static void without_the_time_no_command_is_taken(void)
{
    start();
    world.no_rtc = true;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_EXPIRED);
    CU_ASSERT_EQUAL(position(), FW_VALVE_OPEN);
    fw_world_deinit(&world);
}

static void a_meter_without_a_valve_says_so(void)
{
    start();
    world.host.hal.valve_set = NULL;
    world.host.hal.valve_get = NULL;
    CU_ASSERT_EQUAL(fw_world_boot(&world), FW_OK);
    CU_ASSERT_EQUAL(command(5, FW_VALVE_SHUT, 3600 * FW_US_PER_S), FW_DOWN_NO_VALVE);
    fw_world_deinit(&world);
}

static const struct unit_test tests[] = {
    {"a_command_moves_the_valve_and_its_proof_comes_back",
     a_command_moves_the_valve_and_its_proof_comes_back},
    {"the_same_command_again_only_repeats_the_proof",
     the_same_command_again_only_repeats_the_proof},
    {"a_command_after_its_time_is_not_carried_out", a_command_after_its_time_is_not_carried_out},
    {"a_stuck_valve_is_tried_until_the_command_expires",
     a_stuck_valve_is_tried_until_the_command_expires},
    {"a_valve_that_comes_free_moves_after_all", a_valve_that_comes_free_moves_after_all},
    {"a_newer_command_takes_over_and_an_older_one_cannot",
     a_newer_command_takes_over_and_an_older_one_cannot},
    {"gas_opens_only_with_a_hand_on_the_spot", gas_opens_only_with_a_hand_on_the_spot},
    {"a_hand_that_comes_too_late_opens_nothing", a_hand_that_comes_too_late_opens_nothing},
    {"a_replayed_command_is_refused_even_after_a_power_cut",
     a_replayed_command_is_refused_even_after_a_power_cut},
    {"without_the_time_no_command_is_taken", without_the_time_no_command_is_taken},
    {"a_meter_without_a_valve_says_so", a_meter_without_a_valve_says_so},
};

UNIT_MAIN("fw_command", tests)
