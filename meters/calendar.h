/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Meters' local clocks (UTC+8, no daylight saving) and microseconds since 1970 UTC. */
#ifndef METERS_CALENDAR_H
#define METERS_CALENDAR_H

#include "meters/check.h"
#include "meters/reading.h"

/** A local date and time of day. */
struct mt_calendar {
    int32_t year;   /**< 2000 to 2199. */
    int32_t month;  /**< 1 to 12 */
    int32_t day;    /**< 1 to 31 */
    int32_t hour;   /**< 0 to 23 */
    int32_t minute; /**< 0 to 59 */
    int32_t second; /**< 0 to 59 */
};

/** To microseconds since 1970 UTC. Returns MT_OK, or MT_BAD_RANGE with *time_us untouched when there
 *  is no such moment. */
MT_MUST_USE enum mt_status mt_calendar_to_us(int64_t *time_us, const struct mt_calendar *local);

/** From microseconds since 1970 UTC; the part of a second is cut off.
 *
 *  Returns: MT_OK, or MT_BAD_RANGE with *local untouched outside of 2000 to 2199.
 */
MT_MUST_USE enum mt_status mt_calendar_from_us(struct mt_calendar *local, int64_t time_us);

#endif
