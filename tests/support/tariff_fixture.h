/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tariffs for tests, built field by field from the published figures, and times in short.
 *
 *  A file that includes this is a program: its functions are static.
 */
#ifndef TESTS_SUPPORT_TARIFF_FIXTURE_H
#define TESTS_SUPPORT_TARIFF_FIXTURE_H

#include <string.h>

#include "gateway/core/civil.h"
#include "gateway/core/usage.h"

#define YUAN_UFEN 100000000ll
#define KWH_WH 1000ll
#define M3_ML 1000000ll

/** Local midnight, or a time of that day in minutes after it. */
static inline int64_t fixture_at(int year, int month, int day, int minute)
{
    struct gw_date date = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    return gw_local_day_start_us(gw_day_of_date(date)) + minute * GW_US_PER_MIN;
}

static inline uint16_t fixture_month(int year, int month)
{
    return (uint16_t)((year - 1970) * 12 + month - 1);
}

/** A home without anything special. */
static inline struct gw_terms fixture_terms(void)
{
    struct gw_terms terms = {.tou_from_day = INT32_MAX, .ladder_months = 12};
    return terms;
}

/** The same on time of use from the start. */
static inline struct gw_terms fixture_tou_terms(void)
{
    struct gw_terms terms = fixture_terms();
    terms.tou_from_day = 0;
    return terms;
}

/** A version with one season, one payee's component at no price, and no ladder. */
static inline struct gw_tariff_version *fixture_version(struct gw_tariff *tariff, const char *id,
                                                        int64_t from_us)
{
    struct gw_tariff_version *version = &tariff->versions[tariff->version_count++];
    memset(version, 0, sizeof(*version));
    strcpy(version->id, id);
    version->from_us = from_us;
    version->season_count = 1;
    version->ladder = GW_LADDER_NONE;
    version->ladder_month = 1;
    version->block_count = 1;
    for (uint32_t season = 0; season < GW_TARIFF_SEASONS_MAX; season++) {
        version->block_limit[season][0] = INT64_MAX;
    }
    version->round_fen = 1;
    version->component_count = 1;
    strcpy(version->components[0].label, "electricity");
    return version;
}

static inline void fixture_head(struct gw_tariff *tariff, const char *name, uint8_t medium)
{
    memset(tariff, 0, sizeof(*tariff));
    strcpy(tariff->name, name);
    tariff->medium = medium;
    tariff->unit_divisor = medium == MT_POWER ? KWH_WH : M3_ML;
    tariff->payee_count = 1;
    strcpy(tariff->payees[0], "utility");
}

static inline void fixture_blocks(struct gw_tariff_version *version, uint32_t season, int64_t first,
                                  int64_t second)
{
    version->block_count = 3;
    version->block_limit[season][0] = first;
    version->block_limit[season][1] = second;
    version->block_limit[season][2] = INT64_MAX;
}

/** Zhejiang, residents: the published yearly ladder, flat or peak and valley. */
static inline void fixture_zhejiang_version(struct gw_tariff *tariff, const char *id,
                                            int64_t from_us)
{
    struct gw_tariff_version *version = fixture_version(tariff, id, from_us);
    version->ladder = GW_LADDER_YEAR;
    fixture_blocks(version, 0, 2760 * KWH_WH, 4800 * KWH_WH);
    struct gw_component *component = &version->components[0];
    component->flat_price_ufen[0] = YUAN_UFEN * 538 / 1000;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        component->band_price_ufen[0][band] = component->flat_price_ufen[0];
    }
    component->band_price_ufen[0][GW_BAND_PEAK] = YUAN_UFEN * 568 / 1000;
    component->band_price_ufen[0][GW_BAND_VALLEY] = YUAN_UFEN * 288 / 1000;
    component->adder_ufen[1] = YUAN_UFEN * 5 / 100;
    component->adder_ufen[2] = YUAN_UFEN * 30 / 100;
    version->schedule[0] = (struct gw_schedule){
        .count = 3,
        .spans = {{0, GW_BAND_VALLEY}, {8 * 60, GW_BAND_PEAK}, {22 * 60, GW_BAND_VALLEY}}};
}

static inline void fixture_zhejiang(struct gw_tariff *tariff)
{
    fixture_head(tariff, "zhejiang", MT_POWER);
    fixture_zhejiang_version(tariff, "zj", fixture_at(2012, 7, 1, 0));
}

/** A gas tariff of one version: three block prices in fen per m3. */
static inline void fixture_gas(struct gw_tariff *tariff, const int64_t limits_m3[2],
                               const int64_t prices_fen[3])
{
    fixture_head(tariff, "gas", MT_GAS);
    struct gw_tariff_version *version = fixture_version(tariff, "gas-1", fixture_at(2016, 1, 1, 0));
    version->ladder = GW_LADDER_YEAR;
    fixture_blocks(version, 0, limits_m3[0] * M3_ML, limits_m3[1] * M3_ML);
    version->components[0].flat_price_ufen[0] = prices_fen[0] * 1000000;
    for (uint32_t block = 0; block < 3; block++) {
        version->components[0].adder_ufen[block] = (prices_fen[block] - prices_fen[0]) * 1000000;
    }
}

/** Guangdong: monthly ladder by season, five spans, critical days. Flat 0.60, peak 1.02, sharp 1.275,
 *  valley 0.228 yuan: 0.60 at 1.7 : 1 : 0.38, sharp a quarter above peak.
 */
static inline void fixture_guangdong(struct gw_tariff *tariff)
{
    fixture_head(tariff, "guangdong", MT_POWER);
    struct gw_tariff_version *version = fixture_version(tariff, "gd", fixture_at(2021, 10, 1, 0));
    version->ladder = GW_LADDER_MONTH;
    version->season_count = 2;
    for (uint32_t month = 1; month <= 12; month++) {
        version->season_of_month[month - 1] = month >= 5 && month <= 10 ? 0 : 1;
    }
    fixture_blocks(version, 0, 260 * KWH_WH, 600 * KWH_WH);
    fixture_blocks(version, 1, 200 * KWH_WH, 400 * KWH_WH);
    struct gw_component *component = &version->components[0];
    for (uint32_t season = 0; season < 2; season++) {
        component->flat_price_ufen[season] = 60000000;
        component->band_price_ufen[season][GW_BAND_SHARP] = 127500000;
        component->band_price_ufen[season][GW_BAND_PEAK] = 102000000;
        component->band_price_ufen[season][GW_BAND_FLAT] = 60000000;
        component->band_price_ufen[season][GW_BAND_VALLEY] = 22800000;
        version->schedule[season] = (struct gw_schedule){.count = 6,
                                                         .spans = {{0, GW_BAND_VALLEY},
                                                                   {8 * 60, GW_BAND_FLAT},
                                                                   {10 * 60, GW_BAND_PEAK},
                                                                   {12 * 60, GW_BAND_FLAT},
                                                                   {14 * 60, GW_BAND_PEAK},
                                                                   {19 * 60, GW_BAND_FLAT}}};
    }
    component->adder_ufen[1] = YUAN_UFEN * 5 / 100;
    component->adder_ufen[2] = YUAN_UFEN * 30 / 100;
    version->critical_schedule = (struct gw_schedule){.count = 9,
                                                      .spans = {{0, GW_BAND_VALLEY},
                                                                {8 * 60, GW_BAND_FLAT},
                                                                {10 * 60, GW_BAND_PEAK},
                                                                {11 * 60, GW_BAND_SHARP},
                                                                {12 * 60, GW_BAND_FLAT},
                                                                {14 * 60, GW_BAND_PEAK},
                                                                {15 * 60, GW_BAND_SHARP},
                                                                {17 * 60, GW_BAND_PEAK},
                                                                {19 * 60, GW_BAND_FLAT}}};
    version->critical_months = 1u << 6 | 1u << 7 | 1u << 8; /* July, August, September */
}

/** One segment, all in one band. */
static inline struct gw_segment fixture_segment(uint16_t version, uint16_t month, enum gw_band band,
                                                int64_t units)
{
    struct gw_segment segment = {.version = version,
                                 .month = month,
                                 .tou = band == GW_BAND_FLAT ? 0 : 1};
    segment.units[band] = units;
    return segment;
}

/** An interval of consumption, added. */
static inline struct gw_interval fixture_interval(int64_t from_us, int64_t to_us, int64_t units)
{
    struct gw_interval interval = {.from_us = from_us, .to_us = to_us, .units = units, .sign = 1};
    return interval;
}

/** xorshift64*: the same sequence everywhere for one seed. */
static inline uint64_t fixture_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717ull;
}

/** A number in [0, bound). */
static inline int64_t fixture_below(uint64_t *state, int64_t bound)
{
    return (int64_t)(fixture_random(state) % (uint64_t)bound);
}

#endif
