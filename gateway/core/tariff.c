/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where an instant falls in a tariff, and which ladder a month counts in. The cell is asked for at
 * every reading: it is arithmetic and short searches, with no walk over days.
 */
#include "gateway/core/tariff.h"

#include "gateway/core/civil.h"

static bool day_is_critical(const struct gw_tariff *tariff, const struct gw_tariff_version *version,
                            int32_t day, uint32_t month_of_year)
{
    if ((version->critical_months >> month_of_year & 1u) != 0) {
        return true;
    }
    uint32_t low = 0;
    uint32_t high = tariff->critical_day_count;
    /* Readings are mostly of today, which is mostly later than every announced day. */
    if (high == 0 || day > tariff->critical_days[high - 1]) {
        return false;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (tariff->critical_days[middle] < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < tariff->critical_day_count && tariff->critical_days[low] == day;
}

/** The span of the day that holds minute: sets the band, returns the minute at which it ends. */
static uint32_t schedule_span(uint8_t *band, const struct gw_schedule *schedule, uint32_t minute)
{
    uint32_t i = 1;
    while (i < schedule->count && schedule->spans[i].start_min <= minute) {
        i++;
    }
    *band = schedule->spans[i - 1].band;
    return i < schedule->count ? schedule->spans[i].start_min : 24u * 60u;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** First day of the month after the one that holds day. */
static int32_t next_month_day(int32_t day, struct gw_date date)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
    int32_t days = month_days[date.month - 1] + (date.month == 2 && leap ? 1 : 0);
    return day - date.day + 1 + days;
}

bool gw_tariff_cell(struct gw_cell *cell, const struct gw_tariff *tariff,
                    const struct gw_terms *terms, int64_t at_us)
{
    uint32_t v = tariff->version_count;
    while (v > 0 && tariff->versions[v - 1].from_us > at_us) {
        v--;
    }
    if (v == 0 || at_us >= GW_CIVIL_END_US) {
        return false;
    }
    const struct gw_tariff_version *version = &tariff->versions[v - 1];
    int32_t day = gw_local_day(at_us);
    struct gw_date date = gw_date_of_day(day);
    int32_t end_day = next_month_day(day, date);
    const struct gw_schedule *schedule =
        &version->schedule[version->season_of_month[date.month - 1]];
    bool joined = day >= terms->tou_from_day;
    if (!joined && terms->tou_from_day < end_day) {
        end_day = terms->tou_from_day;
    }
    cell->version = (uint16_t)(v - 1);
    cell->month = (uint16_t)((date.year - 1970) * 12 + date.month - 1);
    cell->tou = joined && schedule->count > 0 ? 1 : 0;
    cell->band = GW_BAND_FLAT;
    int64_t end_us = gw_local_day_start_us(end_day);
    if (cell->tou != 0) {
        if (version->critical_schedule.count > 0 &&
            day_is_critical(tariff, version, day, date.month - 1u)) {
            schedule = &version->critical_schedule;
        }
        int64_t day_start_us = gw_local_day_start_us(day);
        uint32_t minute = (uint32_t)((at_us - day_start_us) / GW_US_PER_MIN);
        uint32_t end_min = schedule_span(&cell->band, schedule, minute);
        end_us = day_start_us + (int64_t)end_min * GW_US_PER_MIN;
    }
    if (v < tariff->version_count) {
        end_us = least(end_us, tariff->versions[v].from_us);
    }
    cell->end_us = end_us;
    return true;
}

uint8_t gw_tariff_lowest_band(const struct gw_tariff *tariff, const struct gw_cell *cell)
{
    MT_CHECK(cell->version < tariff->version_count);
    const struct gw_tariff_version *version = &tariff->versions[cell->version];
    uint32_t season = version->season_of_month[cell->month % 12u];
    const struct gw_schedule *schedule = &version->schedule[season];
    if (cell->tou == 0) {
        return GW_BAND_FLAT;
    }
    uint8_t lowest = GW_BAND_FLAT;
    int64_t lowest_ufen = INT64_MAX;
    for (uint32_t i = 0; i < schedule->count; i++) {
        uint8_t band = schedule->spans[i].band;
        int64_t price_ufen = 0;
        for (uint32_t c = 0; c < version->component_count; c++) {
            price_ufen += version->components[c].band_price_ufen[season][band];
        }
        if (price_ufen < lowest_ufen || (price_ufen == lowest_ufen && band < lowest)) {
            lowest = band;
            lowest_ufen = price_ufen;
        }
    }
    return lowest;
}

static uint32_t schedule_bands(const struct gw_schedule *schedule)
{
    uint32_t bands = 0;
    for (uint32_t i = 0; i < schedule->count; i++) {
        bands |= 1u << schedule->spans[i].band;
    }
    return bands;
}

uint32_t gw_tariff_bands(const struct gw_tariff_version *version, uint32_t season)
{
    MT_CHECK(season < version->season_count);
    uint32_t bands = schedule_bands(&version->schedule[season]);
    return bands != 0 ? bands | schedule_bands(&version->critical_schedule) : 0;
}

int32_t gw_ladder_id(const struct gw_tariff_version *version, int32_t month)
{
    switch ((enum gw_ladder_period)version->ladder) {
    case GW_LADDER_NONE:
        return -1;
    case GW_LADDER_MONTH:
        return month;
    case GW_LADDER_YEAR:
        /* Months since the ladder year began: 0..11. */
        return month - (month % 12 - (version->ladder_month - 1) + 12) % 12;
    }
    MT_CHECK(false);
    return -1;
}

bool gw_ladder_same(const struct gw_tariff *tariff, const struct gw_segment *a,
                    const struct gw_segment *b)
{
    const struct gw_tariff_version *version_a = &tariff->versions[a->version];
    const struct gw_tariff_version *version_b = &tariff->versions[b->version];
    return version_a->ladder == version_b->ladder &&
           gw_ladder_id(version_a, a->month) == gw_ladder_id(version_b, b->month);
}

static int64_t segment_units(const struct gw_segment *segment)
{
    return segment->units[GW_BAND_SHARP] + segment->units[GW_BAND_PEAK] +
           segment->units[GW_BAND_FLAT] + segment->units[GW_BAND_VALLEY];
}

int64_t gw_ladder_next(const struct gw_tariff *tariff, int64_t ladder_units,
                       const struct gw_segment *segment, const struct gw_segment *next)
{
    int64_t after = ladder_units + segment_units(segment);
    if (gw_ladder_same(tariff, segment, next)) {
        return after;
    }
    if (tariff->versions[segment->version].whole_units &&
        tariff->versions[next->version].whole_units) {
        int64_t fraction = after % tariff->unit_divisor;
        return fraction >= 0 ? fraction : fraction + tariff->unit_divisor;
    }
    return 0;
}
