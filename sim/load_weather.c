/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The street's season, weather and holidays. */
#include "sim/load.h"

#include "sim/seed.h"

#define DAYS_PER_4_YEARS 1461

/* First days of the Lunar New Year, as days since 1970-01-01; the table ends, the simulation need not. */
static const int32_t new_years[] = {
    20117, /* 2025-01-29 */
    20501, /* 2026-02-17 */
    20855, /* 2027-02-06 */
    21209, /* 2028-01-26 */
    21593, /* 2029-02-13 */
    21948, /* 2030-02-03 */
};

/* 1 January is day 0; a leap year's days after February are one off, which no curve here shows. */
static int32_t day_of_year(int32_t day)
{
    return (int32_t)(((int64_t)day * 4 + 2) % DAYS_PER_4_YEARS / 4);
}

/* A hump of the year: 1000 at its middle, 0 from `half` days on; smooth at both. */
static int32_t hump(int32_t at, int32_t middle, int32_t half)
{
    int32_t away = at > middle ? at - middle : middle - at;
    away = away > 183 ? 365 - away : away;
    if (away >= half) {
        return 0;
    }
    int64_t x = (int64_t)(half - away) * 1000 / half; /* 0..1000 */
    return (int32_t)(x * x * (3000 - 2 * x) / 1000000);
}

static bool holiday(int32_t day)
{
    for (unsigned i = 0; i < sizeof(new_years) / sizeof(new_years[0]); i++) {
        if (day >= new_years[i] - 1 && day <= new_years[i] + 6) {
            return true;
        }
    }
    int32_t at = day_of_year(day);
    return at == 0 || (at >= 120 && at <= 122) || (at >= 273 && at <= 279); /* May, October */
}

void sim_weather_make(struct sim_weather *out, uint64_t seed, int32_t day)
{
    int32_t at = day_of_year(day);
    int64_t whim = sim_between(sim_hash(seed, SIM_WHAT_WEATHER, (uint64_t)day, 0), -180, 180);
    int64_t front =
        sim_between(sim_hash(seed, SIM_WHAT_WEATHER, (uint64_t)(day / 5), 1), -220, 220);
    int64_t heat = hump(at, 205, 130) + (hump(at, 205, 150) > 0 ? whim + front : 0);
    int64_t cold = hump(at, 19, 60) + (hump(at, 19, 75) > 0 ? whim - front : 0);
    out->heat = (int32_t)(heat < 0 ? 0 : heat > 1000 ? 1000 : heat);
    out->cold = (int32_t)(cold < 0 ? 0 : cold > 1000 ? 1000 : cold);
    out->sunset_min = 18 * 60 - 10 + hump(at, 172, 180) * 70 / 1000;
    int32_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday; 0 is Sunday */
    out->weekend = weekday == 0 || weekday == 6 || holiday(day);
}
