/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A day of a power meter: what is on, from when to when, with how many milliwatts. */
#include "sim/load.h"

#include "sim/seed.h"

#define W 1000 /* milliwatts */

static uint64_t ask(const struct sim_home *home, enum sim_what what, int32_t day, uint32_t which)
{
    return sim_hash(home->seed, (uint32_t)what, home->index, (uint64_t)day * 16 + which);
}

static void lights(struct sim_day *out, const struct sim_home *home, int32_t day,
                   const struct sim_weather *weather)
{
    int64_t power = (30 + 25 * home->people) * (int64_t)W;
    int32_t on =
        weather->sunset_min + (int32_t)sim_between(ask(home, SIM_WHAT_LIGHT, day, 0), -10, 40);
    int32_t off = (int32_t)sim_between(ask(home, SIM_WHAT_LIGHT, day, 1), 22 * 60, 23 * 60 + 50);
    sim_day_add(out, on, off, power);
    if (weather->sunset_min < 18 * 60 + 20) { /* it is still dark when they get up */
        sim_day_add(out, 6 * 60 + 20, 7 * 60 + 10, power / 2);
    }
}

static void kettle(struct sim_day *out, const struct sim_home *home, int32_t day)
{
    static const int32_t around_min[] = {7 * 60, 18 * 60 + 30, 21 * 60, 12 * 60, 15 * 60};
    uint32_t times = 2u + home->people / 2u;
    for (uint32_t i = 0; i < times && i < 5; i++) {
        int32_t at =
            around_min[i] + (int32_t)sim_between(ask(home, SIM_WHAT_KETTLE, day, i), -40, 40);
        sim_day_add(out, at, at + 4, 1800 * W);
    }
}

static void cooking(struct sim_day *out, const struct sim_home *home, int32_t day,
                    bool home_at_noon)
{
    int32_t dinner =
        (int32_t)sim_between(ask(home, SIM_WHAT_COOK, day, 0), 17 * 60 + 30, 19 * 60 + 10);
    int64_t power = sim_between(ask(home, SIM_WHAT_COOK, day, 1), 600 * W, 1600 * W);
    sim_day_add(out, dinner, dinner + 35, power);
    if (home_at_noon) {
        int32_t lunch =
            (int32_t)sim_between(ask(home, SIM_WHAT_COOK, day, 2), 11 * 60, 12 * 60 + 20);
        sim_day_add(out, lunch, lunch + 25, power * 3 / 4);
    }
}

static void screens(struct sim_day *out, const struct sim_home *home, int32_t day, bool home_by_day)
{
    int64_t power = (50 + 35 * home->people) * (int64_t)W;
    int32_t on = (int32_t)sim_between(ask(home, SIM_WHAT_SCREEN, day, 0), 18 * 60 + 40, 20 * 60);
    int32_t off = (int32_t)sim_between(ask(home, SIM_WHAT_SCREEN, day, 1), 22 * 60, 24 * 60);
    sim_day_add(out, on, off, power);
    if (home_by_day) {
        sim_day_add(out, 9 * 60 + 30, 17 * 60, power / 2);
    }
}

static void washing(struct sim_day *out, const struct sim_home *home, int32_t day, bool weekend)
{
    int32_t at = sim_home_wash_min(home, day, weekend);
    if (at >= 0) {
        sim_day_add(out, at, at + 10, 1600 * W); /* heats */
        sim_day_add(out, at + 10, at + 55, 220 * W);
    }
}

static void cooling(struct sim_day *out, const struct sim_home *home, int32_t day,
                    const struct sim_weather *weather, bool home_by_day)
{
    if (!home->has_cooling || weather->heat < 300) {
        return;
    }
    int64_t rooms = 1 + home->people / 4;
    int64_t power = (220 + weather->heat * 6 / 10) * rooms * W;
    int32_t on = (int32_t)sim_between(ask(home, SIM_WHAT_COOL, day, 0), 19 * 60, 21 * 60);
    int32_t off = (int32_t)sim_between(ask(home, SIM_WHAT_COOL, day, 1), 5 * 60, 7 * 60);
    sim_day_add(out, 0, off, power * 6 / 10); /* asleep */
    sim_day_add(out, on, 24 * 60, power);
    if (home_by_day && weather->heat > 500) {
        sim_day_add(out, 12 * 60 + 30, 17 * 60 + 30, power * 8 / 10);
    }
}

static void heating(struct sim_day *out, const struct sim_home *home, int32_t day,
                    const struct sim_weather *weather)
{
    if (home->has_heating && weather->cold > 250) {
        int32_t on = (int32_t)sim_between(ask(home, SIM_WHAT_HEAT, day, 0), 18 * 60 + 30, 20 * 60);
        sim_day_add(out, on, 23 * 60, (500 + weather->cold) * (int64_t)W);
    }
}

static void hot_water(struct sim_day *out, const struct sim_home *home, int32_t day,
                      const struct sim_weather *weather)
{
    if (!home->has_gas_heater) {
        int32_t on =
            (int32_t)sim_between(ask(home, SIM_WHAT_BOILER, day, 0), 19 * 60, 20 * 60 + 30);
        int32_t lasts = 8 * home->people + 8 * home->people * weather->cold / 1000;
        sim_day_add(out, on, on + lasts, 2200 * W);
    }
}

/* Minutes that the car, plugged in in the evening of a day, charges; 0: it does not. */
static int32_t charge_min(const struct sim_home *home, int32_t day)
{
    if (!home->has_car || !sim_chance(ask(home, SIM_WHAT_CAR, day, 0), 430000)) {
        return 0;
    }
    return (int32_t)sim_between(ask(home, SIM_WHAT_CAR, day, 1), 70, 240);
}

static int32_t plug_in_min(const struct sim_home *home, int32_t day)
{
    return (int32_t)sim_between(ask(home, SIM_WHAT_CAR, day, 2), 21 * 60 + 30, 23 * 60 + 50);
}

/* A charge goes on past midnight, so a day has the end of yesterday's and the beginning of its own. */
static void car(struct sim_day *out, const struct sim_home *home, int32_t day)
{
    int64_t power = home->index % 2 == 0 ? 3300 * W : 6600 * W;
    int32_t yesterday_left = plug_in_min(home, day - 1) + charge_min(home, day - 1) - 24 * 60;
    if (charge_min(home, day - 1) > 0 && yesterday_left > 0) {
        sim_day_add(out, 0, yesterday_left, power);
    }
    if (charge_min(home, day) > 0) {
        sim_day_add(out, plug_in_min(home, day), plug_in_min(home, day) + charge_min(home, day),
                    power);
    }
}

void sim_day_power(struct sim_day *out, const struct sim_home *home, int32_t day,
                   const struct sim_weather *weather)
{
    sim_day_add(out, 0, 24 * 60, home->base_mw);
    if (home->people == 0 || sim_home_away(home, day)) {
        return;
    }
    bool home_by_day = weather->weekend || !home->at_work;
    lights(out, home, day, weather);
    kettle(out, home, day);
    cooking(out, home, day, home_by_day);
    screens(out, home, day, home_by_day);
    washing(out, home, day, weather->weekend);
    cooling(out, home, day, weather, home_by_day);
    heating(out, home, day, weather);
    hot_water(out, home, day, weather);
    car(out, home, day);
}
