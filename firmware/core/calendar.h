/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Local days, and which band register a moment belongs to.
 *
 *  Local time is UTC+8 without daylight saving. Bands are half-open [start, end): what is consumed up to
 *  a switch belongs to the band before it. The meter knows no prices and no announced days.
 */
#ifndef FIRMWARE_CORE_CALENDAR_H
#define FIRMWARE_CORE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/core/limits.h"
#include "meters/check.h"
#include "meters/reading.h"

/** One change of band in the local day. */
struct fw_switch {
    uint16_t minute; /**< Minutes after local midnight, 0 to 1439; rising within a season. */
    uint8_t band;    /**< Index of the band register, 0 to MT_BANDS - 1. */
};

/** The days of some months. */
struct fw_season {
    uint16_t month_mask;  /**< Bit m - 1: the season holds in month m. */
    uint8_t switch_count; /**< 1 to FW_CALENDAR_SWITCHES_MAX; the first is at minute 0. */
    struct fw_switch switches[FW_CALENDAR_SWITCHES_MAX];
};

/** All seasons together name each month exactly once. No season at all: a meter without bands. */
struct fw_calendar {
    uint8_t season_count;
    struct fw_season seasons[FW_CALENDAR_SEASONS_MAX];
    uint8_t band_unknown; /**< Band of what was counted while the time was not known. */
};

/** True when the rules in the comments above hold. */
bool fw_calendar_valid(const struct fw_calendar *calendar);

/** True when the meter keeps band registers. */
bool fw_calendar_has_bands(const struct fw_calendar *calendar);

/** Which band registers the calendar uses: bit i for band i. 0 without bands. */
uint8_t fw_calendar_mask(const struct fw_calendar *calendar);

/** Band in force at a moment, 0 to MT_BANDS - 1. The calendar has bands. */
uint8_t fw_calendar_band(const struct fw_calendar *calendar, int64_t time_us);

/** The local date of a moment, as yyyymmdd. Valid from 1970 to 2200. */
uint32_t fw_local_date(int64_t time_us);

/** True when a local day starts exactly then. */
bool fw_local_midnight(int64_t time_us);

#endif
