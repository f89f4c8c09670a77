/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A day of a water meter and of a gas meter. Strengths are thousandths of a ml per hour. */
#include "sim/load.h"

#include "sim/seed.h"

#define LITRE 1000000ll /* thousandths of a ml */
#define SHOWER_MIN 8

static uint64_t ask(const struct sim_home *home, enum sim_what what, int32_t day, uint32_t which)
{
    return sim_hash(home->seed, (uint32_t)what, home->index, (uint64_t)day * 16 + which);
}

/* An amount within a window of time. */
static void use(struct sim_day *out, int32_t from_min, int32_t to_min, int64_t milli)
{
    sim_day_add(out, from_min, to_min, milli * 60 / (to_min - from_min));
}

/* Basins, cistern and sink: litres a head, more or less. */
static void taps(struct sim_day *out, const struct sim_home *home, int32_t day, bool home_by_day)
{
    const int64_t people = home->people;
    int32_t up = (int32_t)sim_between(ask(home, SIM_WHAT_TAP, day, 0), 6 * 60 + 10, 7 * 60 + 20);
    use(out, up, up + 50, people * sim_between(ask(home, SIM_WHAT_TAP, day, 1), 18, 30) * LITRE);
    int32_t dinner = (int32_t)sim_between(ask(home, SIM_WHAT_TAP, day, 2), 17 * 60, 18 * 60 + 30);
    use(out, dinner, dinner + 150,
        people * sim_between(ask(home, SIM_WHAT_TAP, day, 3), 18, 32) * LITRE);
    use(out, 22 * 60, 23 * 60 + 30, people * 7 * LITRE);
    if (home_by_day) {
        use(out, 9 * 60, 14 * 60,
            people * sim_between(ask(home, SIM_WHAT_TAP, day, 4), 12, 30) * LITRE);
    }
}

void sim_day_water(struct sim_day *out, const struct sim_home *home, int32_t day,
                   const struct sim_weather *weather)
{
    if (home->leaks) {
        sim_day_add(out, 0, 24 * 60, 3 * LITRE);
    }
    if (home->people == 0 || sim_home_away(home, day)) {
        return;
    }
    taps(out, home, day, weather->weekend || !home->at_work);
    int32_t start_min[8];
    uint32_t showers = sim_home_showers(start_min, home, day);
    for (uint32_t i = 0; i < showers; i++) {
        int64_t litres = 38 + weather->heat / 100;
        use(out, start_min[i], start_min[i] + SHOWER_MIN, litres * LITRE);
    }
    int32_t wash = sim_home_wash_min(home, day, weather->weekend);
    if (wash >= 0) {
        use(out, wash, wash + 5, 30 * LITRE);
        use(out, wash + 25, wash + 29, 25 * LITRE);
        use(out, wash + 40, wash + 44, 25 * LITRE);
    }
}

void sim_day_gas(struct sim_day *out, const struct sim_home *home, int32_t day,
                 const struct sim_weather *weather)
{
    if (home->people == 0 || sim_home_away(home, day)) {
        return;
    }
    int32_t breakfast =
        (int32_t)sim_between(ask(home, SIM_WHAT_COOK, day, 4), 6 * 60 + 30, 7 * 60 + 15);
    use(out, breakfast, breakfast + 15, 30 * LITRE); /* litres of gas: 0.03 m3 */
    int32_t dinner =
        (int32_t)sim_between(ask(home, SIM_WHAT_COOK, day, 0), 17 * 60 + 30, 19 * 60 + 10);
    use(out, dinner, dinner + 45, (80 + 20 * (int64_t)home->people) * LITRE);
    if (weather->weekend || !home->at_work) {
        int32_t lunch =
            (int32_t)sim_between(ask(home, SIM_WHAT_COOK, day, 2), 11 * 60, 12 * 60 + 20);
        use(out, lunch, lunch + 30, (50 + 12 * (int64_t)home->people) * LITRE);
    }
    if (home->has_gas_heater) {
        int32_t start_min[8];
        uint32_t showers = sim_home_showers(start_min, home, day);
        for (uint32_t i = 0; i < showers; i++) {
            /* 90 litres, a third less in the heat, two thirds more in the cold. */
            int64_t litres = 90 - 30 * weather->heat / 1000 + 60 * weather->cold / 1000;
            use(out, start_min[i], start_min[i] + SHOWER_MIN, litres * LITRE);
        }
    }
}
