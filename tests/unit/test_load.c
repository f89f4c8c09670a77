/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What simulated homes use: registers that only rise, the same in any order, and like a home's. */
#include "tests/support/unit.h"

#include "sim/load.h"
#include "sim/seed.h"

#define HOUR_US 3600000000ll
#define QUARTER_US (HOUR_US / 4)
/* 2026-01-01 00:00 local */
#define YEAR_US 1767196800000000ll
#define SEED 20260101u

static int64_t used(struct sim_load *load, int64_t from_us, int64_t to_us)
{
    int64_t before = sim_load_register(load, from_us);
    return sim_load_register(load, to_us) - before;
}

static void a_register_never_falls(void)
{
    for (uint32_t home = 0; home < 6; home++) {
        for (unsigned medium = MT_POWER; medium <= MT_GAS; medium++) {
            struct sim_load load;
            sim_load_init(&load, SEED, home, (enum mt_medium)medium);
            int64_t last = 0;
            for (int64_t t = YEAR_US; t < YEAR_US + 20 * SIM_DAY_US; t += QUARTER_US / 3) {
                int64_t now = sim_load_register(&load, t);
                CU_ASSERT(now >= last);
                last = now;
            }
        }
    }
}

static void the_order_of_questions_does_not_matter(void)
{
    struct sim_load rising;
    struct sim_load any;
    struct sim_random random = {99};
    sim_load_init(&rising, SEED, 3, MT_POWER);
    sim_load_init(&any, SEED, 3, MT_POWER);
    int64_t values[200];
    for (unsigned i = 0; i < 200; i++) {
        values[i] = sim_load_register(&rising, YEAR_US + (int64_t)i * 7 * HOUR_US + 1234567);
    }
    for (unsigned k = 0; k < 100; k++) {
        unsigned i = (unsigned)sim_between(sim_random_next(&random), 0, 199);
        CU_ASSERT_EQUAL(sim_load_register(&any, YEAR_US + (int64_t)i * 7 * HOUR_US + 1234567),
                        values[i]);
    }
}

static void another_seed_is_another_street(void)
{
    struct sim_load one;
    struct sim_load other;
    sim_load_init(&one, SEED, 3, MT_POWER);
    sim_load_init(&other, SEED + 1, 3, MT_POWER);
    CU_ASSERT_NOT_EQUAL(used(&one, YEAR_US, YEAR_US + 30 * SIM_DAY_US),
                        used(&other, YEAR_US, YEAR_US + 30 * SIM_DAY_US));
}

static void every_day_is_the_sum_of_its_blocks(void)
{
    struct sim_home home;
    sim_home_make(&home, SEED, 11);
    for (int32_t day = 20454; day < 20454 + 365; day++) {
        for (unsigned medium = MT_POWER; medium <= MT_GAS; medium++) {
            struct sim_day blocks;
            int64_t sum = 0;
            sim_day_make(&blocks, &home, (enum mt_medium)medium, day);
            for (uint32_t i = 0; i < blocks.count; i++) {
                CU_ASSERT(blocks.blocks[i].start_ms >= 0 && blocks.blocks[i].len_ms > 0);
                CU_ASSERT(blocks.blocks[i].len_ms <= 86400000 - blocks.blocks[i].start_ms);
                CU_ASSERT(blocks.blocks[i].milli > 0);
                sum += blocks.blocks[i].milli;
            }
            CU_ASSERT_EQUAL(sim_day_until(&blocks, 86400000), sum);
            CU_ASSERT_EQUAL(sim_day_until(&blocks, 0), 0);
        }
    }
}

/* A Chinese household of about three uses some 5 to 8 kWh, 300 to 450 litres and 0.4 to 1 m3 a day: the
 * street's average must lie there, over the year. */
static void a_street_uses_what_streets_use(void)
{
    int64_t sums[3] = {0, 0, 0};
    const int64_t homes = 120;
    for (uint32_t home = 0; home < (uint32_t)homes; home++) {
        for (unsigned medium = MT_POWER; medium <= MT_GAS; medium++) {
            struct sim_load load;
            sim_load_init(&load, SEED, home, (enum mt_medium)medium);
            sums[medium] += used(&load, YEAR_US, YEAR_US + 365 * SIM_DAY_US);
        }
    }
    int64_t power_wh = sums[MT_POWER] / homes / 365;
    int64_t water_ml = sums[MT_WATER] / homes / 365;
    int64_t gas_ml = sums[MT_GAS] / homes / 365;
    printf("    a home and day: %lld Wh, %lld l, %lld l of gas\n", (long long)power_wh,
           (long long)water_ml / 1000, (long long)gas_ml / 1000);
    CU_ASSERT(power_wh > 5000 && power_wh < 10000);
    CU_ASSERT(water_ml > 250000 && water_ml < 450000);
    CU_ASSERT(gas_ml > 300000 && gas_ml < 1000000);
}

static void summer_evenings_are_the_peak_and_nights_are_quiet(void)
{
    int64_t evening[2] = {0, 0}; /* of 10 days in July and in April */
    int64_t water_evening = 0;
    int64_t water_night = 0;
    const int64_t starts[2] = {YEAR_US + 190 * SIM_DAY_US, YEAR_US + 95 * SIM_DAY_US};
    for (uint32_t home = 0; home < 60; home++) {
        struct sim_load power;
        struct sim_load water;
        sim_load_init(&power, SEED, home, MT_POWER);
        sim_load_init(&water, SEED, home, MT_WATER);
        for (unsigned season = 0; season < 2; season++) {
            for (int64_t day = 0; day < 10; day++) {
                int64_t at = starts[season] + day * SIM_DAY_US;
                evening[season] += used(&power, at + 20 * HOUR_US, at + 22 * HOUR_US);
                water_evening += used(&water, at + 20 * HOUR_US, at + 22 * HOUR_US);
                water_night += used(&water, at + 2 * HOUR_US, at + 4 * HOUR_US);
            }
        }
    }
    CU_ASSERT(evening[0] > 2 * evening[1]);
    CU_ASSERT(water_evening > 20 * water_night);
}

static void an_empty_flat_uses_next_to_nothing(void)
{
    unsigned empty = 0;
    for (uint32_t index = 0; index < 200; index++) {
        struct sim_home home;
        sim_home_make(&home, SEED, index);
        if (home.people > 0) {
            continue;
        }
        struct sim_load load;
        empty++;
        sim_load_init(&load, SEED, index, MT_POWER);
        CU_ASSERT(used(&load, YEAR_US, YEAR_US + 30 * SIM_DAY_US) < 30 * 24 * 13);
        sim_load_init(&load, SEED, index, MT_GAS);
        CU_ASSERT_EQUAL(used(&load, YEAR_US, YEAR_US + 30 * SIM_DAY_US), 0);
    }
    CU_ASSERT(empty >= 6 && empty <= 30); /* 8 of 100 */
}

static void a_family_on_a_trip_leaves_the_gas_off(void)
{
    unsigned days = 0;
    for (uint32_t index = 0; index < 40; index++) {
        struct sim_home home;
        sim_home_make(&home, SEED, index);
        for (int32_t day = 20454; day < 20454 + 365; day++) {
            if (home.people > 0 && sim_home_away(&home, day)) {
                struct sim_day gas;
                sim_day_make(&gas, &home, MT_GAS, day);
                CU_ASSERT_EQUAL(gas.count, 0);
                days++;
            }
        }
    }
    CU_ASSERT(days > 100); /* some days a year for each */
}

static void before_the_epoch_nothing_was_used(void)
{
    struct sim_load load;
    sim_load_init(&load, SEED, 0, MT_POWER);
    CU_ASSERT_EQUAL(sim_load_register(&load, 0), load.start_units);
    CU_ASSERT_EQUAL(sim_load_register(&load, SIM_LOAD_EPOCH_US), load.start_units);
}

static const struct unit_test tests[] = {
    {"a_register_never_falls", a_register_never_falls},
    {"the_order_of_questions_does_not_matter", the_order_of_questions_does_not_matter},
    {"another_seed_is_another_street", another_seed_is_another_street},
    {"every_day_is_the_sum_of_its_blocks", every_day_is_the_sum_of_its_blocks},
    {"a_street_uses_what_streets_use", a_street_uses_what_streets_use},
    {"summer_evenings_are_the_peak_and_nights_are_quiet",
     summer_evenings_are_the_peak_and_nights_are_quiet},
    {"an_empty_flat_uses_next_to_nothing", an_empty_flat_uses_next_to_nothing},
    {"a_family_on_a_trip_leaves_the_gas_off", a_family_on_a_trip_leaves_the_gas_off},
    {"before_the_epoch_nothing_was_used", before_the_epoch_nothing_was_used},
};

UNIT_MAIN("load", tests)
