/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Registers from days, and who lives in a home. */
#include "sim/load.h"

#include "meters/check.h"
#include "sim/seed.h"

#define MS_PER_MIN 60000
#define MIN_PER_DAY 1440
#define EPOCH_DAY ((int32_t)((SIM_LOAD_EPOCH_US + SIM_LOCAL_OFFSET_US) / SIM_DAY_US))
#define TRIP_DAYS 11 /* a home takes at most one trip in each span of so many days */

void sim_home_make(struct sim_home *home, uint64_t seed, uint32_t index)
{
    uint64_t bits = sim_hash(seed, SIM_WHAT_HOME, index, 0);
    int64_t kind = sim_between(bits, 0, 99);
    *home = (struct sim_home){.seed = seed, .index = index};
    if (kind >= 8) { /* 8 of 100 flats stand empty */
        home->people =
            (uint8_t)(kind < 35   ? sim_between(sim_hash(seed, SIM_WHAT_HOME, index, 1), 1, 2)
                      : kind < 88 ? sim_between(sim_hash(seed, SIM_WHAT_HOME, index, 2), 2, 4)
                                  : sim_between(sim_hash(seed, SIM_WHAT_HOME, index, 3), 5, 7));
    }
    home->at_work = sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 4), 550000);
    home->has_cooling = sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 5), 880000);
    home->has_heating = sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 6), 250000);
    home->has_gas_heater = sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 7), 700000);
    home->has_car = home->people > 0 && sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 8), 150000);
    home->leaks = sim_chance(sim_hash(seed, SIM_WHAT_HOME, index, 9), 30000);
    uint64_t base = sim_hash(seed, SIM_WHAT_HOME, index, 10);
    home->base_mw = (int32_t)(home->people > 0 ? sim_between(base, 45000, 140000)
                                               : sim_between(base, 2000, 12000));
}

bool sim_home_away(const struct sim_home *home, int32_t day)
{
    uint64_t bits = sim_hash(home->seed, SIM_WHAT_TRIP, home->index, (uint64_t)(day / TRIP_DAYS));
    if (!sim_chance(bits, 70000)) {
        return false;
    }
    uint64_t shape =
        sim_hash(home->seed, SIM_WHAT_TRIP, home->index, 1000000u + (uint64_t)(day / TRIP_DAYS));
    int64_t first = sim_between(shape, 0, 4);
    int64_t days = sim_between(shape << 32, 2, TRIP_DAYS - 5);
    int32_t at = day % TRIP_DAYS;
    return at >= first && at < first + days;
}

int32_t sim_home_wash_min(const struct sim_home *home, int32_t day, bool weekend)
{
    uint64_t bits = sim_hash(home->seed, SIM_WHAT_WASH, home->index, (uint64_t)day);
    uint32_t chance_ppm = 120000u * home->people + (weekend ? 200000u : 0u);
    if (home->people == 0 || !sim_chance(bits, chance_ppm)) {
        return -1;
    }
    return (int32_t)sim_between(bits << 20, weekend ? 8 * 60 : 18 * 60, 20 * 60 + 30);
}

uint32_t sim_home_showers(int32_t start_min[8], const struct sim_home *home, int32_t day)
{
    uint32_t count = home->people < 8 ? home->people : 8;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = sim_hash(home->seed, SIM_WHAT_SHOWER, home->index, (uint64_t)day * 8 + i);
        start_min[i] = (int32_t)sim_between(bits, 20 * 60, 22 * 60 + 50);
    }
    return count;
}

void sim_day_add(struct sim_day *day, int32_t from_min, int32_t to_min, int64_t milli_per_hour)
{
    int32_t from = from_min < 0 ? 0 : from_min;
    int32_t to = to_min > MIN_PER_DAY ? MIN_PER_DAY : to_min;
    if (to <= from || milli_per_hour <= 0) {
        return;
    }
    MT_CHECK(day->count < SIM_BLOCKS_MAX);
    day->blocks[day->count++] = (struct sim_block){
        .start_ms = from * MS_PER_MIN,
        .len_ms = (to - from) * MS_PER_MIN,
        .milli = milli_per_hour * (to - from) / 60,
    };
}

void sim_day_make(struct sim_day *out, const struct sim_home *home, enum mt_medium medium,
                  int32_t day)
{
    struct sim_weather weather;
    sim_weather_make(&weather, home->seed, day);
    out->count = 0;
    if (medium == MT_POWER) {
        sim_day_power(out, home, day, &weather);
    } else if (medium == MT_WATER) {
        sim_day_water(out, home, day, &weather);
    } else {
        sim_day_gas(out, home, day, &weather);
    }
}

int64_t sim_day_until(const struct sim_day *day, int32_t ms)
{
    int64_t milli = 0;
    for (uint32_t i = 0; i < day->count; i++) {
        const struct sim_block *block = &day->blocks[i];
        int64_t into = (int64_t)ms - block->start_ms;
        if (into >= block->len_ms) {
            milli += block->milli;
        } else if (into > 0) {
            milli += block->milli * into / block->len_ms; /* below 2^29 x 10^8: fits */
        }
    }
    return milli;
}

static int64_t day_total(const struct sim_day *day)
{
    return sim_day_until(day, MIN_PER_DAY * MS_PER_MIN);
}

void sim_load_init(struct sim_load *load, uint64_t seed, uint32_t home, enum mt_medium medium)
{
    MT_CHECK(load != NULL && medium <= MT_GAS);
    sim_home_make(&load->home, seed, home);
    load->medium = medium;
    uint64_t bits = sim_hash(seed, SIM_WHAT_START, home, medium);
    /* Meters have been there for some years: up to 30 MWh, 1,000 m3. */
    load->start_units = sim_between(bits, 0, medium == MT_POWER ? 30000000 : 1000000000);
    load->day = EPOCH_DAY;
    load->before_milli = 0;
    sim_day_make(&load->today, &load->home, medium, EPOCH_DAY);
}

int64_t sim_load_register(struct sim_load *load, int64_t time_us)
{
    MT_CHECK(load != NULL);
    if (time_us < SIM_LOAD_EPOCH_US) {
        return load->start_units;
    }
    int64_t local_us = time_us + SIM_LOCAL_OFFSET_US;
    int32_t day = (int32_t)(local_us / SIM_DAY_US);
    if (day < load->day) {
        load->day = EPOCH_DAY;
        load->before_milli = 0;
        sim_day_make(&load->today, &load->home, load->medium, EPOCH_DAY);
    }
    while (load->day < day) {
        load->before_milli += day_total(&load->today);
        load->day++;
        sim_day_make(&load->today, &load->home, load->medium, load->day);
    }
    int32_t ms = (int32_t)(local_us % SIM_DAY_US / 1000);
    return load->start_units + (load->before_milli + sim_day_until(&load->today, ms)) / 1000;
}
