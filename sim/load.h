/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What homes use: power, water and gas, as registers that only rise.
 *
 *  A day of a home is a list of blocks: an appliance that uses so much from this minute to that. The
 *  register at any moment is the sum of all days before and of the parts of this day's blocks, so it
 *  is a pure function of (seed, home, medium, time), the same on every machine. Integers only.
 *
 *      register(t) = start value + sum of the blocks since SIM_LOAD_EPOCH, each in proportion, in Wh or ml
 *
 *  The shapes are those of Zhanjiang's climate: hot from May to October, cool for some weeks. They are
 *  meant to look like homes, not to forecast one.
 */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "meters/reading.h"

/** 2025-01-01 00:00 local (UTC+8): before it registers stand still. */
#define SIM_LOAD_EPOCH_US 1735660800000000ll
#define SIM_DAY_US 86400000000ll
#define SIM_LOCAL_OFFSET_US 28800000000ll

#define SIM_BLOCKS_MAX 32u

/** One use of one appliance within one day. */
struct sim_block {
    int32_t start_ms; /**< After local midnight, 0 to 86,399,999. */
    int32_t len_ms;   /**< 1 or more; ends by midnight. */
    int64_t milli;    /**< mWh, or thousandths of a ml. */
};

/** One local day of one home and medium. */
struct sim_day {
    uint32_t count;
    struct sim_block blocks[SIM_BLOCKS_MAX];
};

/** Who lives there, and with what. */
struct sim_home {
    uint64_t seed;
    uint32_t index;
    uint8_t people; /**< 0: an empty flat. */
    bool at_work;   /**< Nobody at home on working days. */
    bool has_cooling;
    bool has_heating;    /**< Electric, for the cool weeks. */
    bool has_gas_heater; /**< Hot water by gas; else by electricity. */
    bool has_car;        /**< An electric one, charged at home. */
    bool leaks;          /**< A dripping cistern. */
    int32_t base_mw;     /**< What runs all the time: fridge, router, standby; in milliwatts. */
};

/** The home of a seed. A pure function. */
void sim_home_make(struct sim_home *home, uint64_t seed, uint32_t index);

/** True on days on which the home is empty because all are away. */
bool sim_home_away(const struct sim_home *home, int32_t day);

/** All blocks of a day. day counts from 1970-01-01 local. */
void sim_day_make(struct sim_day *out, const struct sim_home *home, enum mt_medium medium,
                  int32_t day);

/** What a day's blocks used until a moment of it, in thousandths. */
int64_t sim_day_until(const struct sim_day *day, int32_t ms);

/** A register that is asked for rising times is cheap: the days before are kept as one sum. */
struct sim_load {
    struct sim_home home;
    enum mt_medium medium;
    int64_t start_units;  /**< What the register showed at the epoch. */
    int32_t day;          /**< The day in `today`. */
    int64_t before_milli; /**< Used from the epoch to the start of that day. */
    struct sim_day today;
};

void sim_load_init(struct sim_load *load, uint64_t seed, uint32_t home, enum mt_medium medium);

/** The register at a time, in Wh or ml. Any order of times gives the same values; rising ones are fast. */
int64_t sim_load_register(struct sim_load *load, int64_t time_us);

/* ---- for the files of loads only ------------------------------------------------------------------ */

/** What a hash is asked for; one for each kind of decision. */
enum sim_what {
    SIM_WHAT_HOME = 1,
    SIM_WHAT_TRIP = 2,
    SIM_WHAT_WEATHER = 3,
    SIM_WHAT_LIGHT = 4,
    SIM_WHAT_KETTLE = 5,
    SIM_WHAT_COOK = 6,
    SIM_WHAT_SCREEN = 7,
    SIM_WHAT_WASH = 8,
    SIM_WHAT_COOL = 9,
    SIM_WHAT_HEAT = 10,
    SIM_WHAT_CAR = 11,
    SIM_WHAT_SHOWER = 12,
    SIM_WHAT_TAP = 13,
    SIM_WHAT_START = 14,
    SIM_WHAT_BOILER = 15,
    SIM_WHAT_KEY = 20,
    SIM_WHAT_DRIFT = 21,
    SIM_WHAT_REBOOT = 22,
    SIM_WHAT_RADIO = 23,
    SIM_WHAT_BOARD = 24,
    SIM_WHAT_TERMS = 25,
};

/** Season and weather of a day, the same for the whole street. */
struct sim_weather {
    int32_t heat;       /**< 0 (none) to 1000 (the hottest day). */
    int32_t cold;       /**< 0 to 1000. */
    int32_t sunset_min; /**< Minutes after local midnight. */
    bool weekend;       /**< Saturday, Sunday or a public holiday. */
};
void sim_weather_make(struct sim_weather *out, uint64_t seed, int32_t day);

/** Add a block of `watts`-like strength: milli per hour for minutes [from, to). Cut at midnight. */
void sim_day_add(struct sim_day *day, int32_t from_min, int32_t to_min, int64_t milli_per_hour);

/** Washing day: both the power and the water meter see it. Returns the minute it starts, or -1. */
int32_t sim_home_wash_min(const struct sim_home *home, int32_t day, bool weekend);

/** Showers of a day: the minute each starts. Returns how many, at most 8. */
uint32_t sim_home_showers(int32_t start_min[8], const struct sim_home *home, int32_t day);

void sim_day_power(struct sim_day *out, const struct sim_home *home, int32_t day,
                   const struct sim_weather *weather);
void sim_day_water(struct sim_day *out, const struct sim_home *home, int32_t day,
                   const struct sim_weather *weather);
void sim_day_gas(struct sim_day *out, const struct sim_home *home, int32_t day,
                 const struct sim_weather *weather);

#endif
