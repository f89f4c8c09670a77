/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Local civil time, UTC+8 without daylight saving, as integers. Pure arithmetic, valid 1970-2200. */
#ifndef GATEWAY_CORE_CIVIL_H
#define GATEWAY_CORE_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_US_PER_S 1000000ll
#define GW_US_PER_MIN (60ll * GW_US_PER_S)
#define GW_US_PER_HOUR (60ll * GW_US_PER_MIN)
#define GW_US_PER_DAY (24ll * GW_US_PER_HOUR)
#define GW_LOCAL_OFFSET_US (8ll * GW_US_PER_HOUR)
/** 2200-01-01 00:00 local: from here on nothing is rated. */
#define GW_CIVIL_END_US 7258089600000000ll

/** A local date. */
struct gw_date {
    int32_t year;
    uint8_t month; /**< 1..12 */
    uint8_t day;   /**< 1..31 */
};

/** Days since 1970-01-01 of the local date that holds at_us; negative before it. */
int32_t gw_local_day(int64_t at_us);
/** The instant at which that local day starts. */
int64_t gw_local_day_start_us(int32_t day);
/** Microseconds since local midnight, [0, GW_US_PER_DAY). */
int64_t gw_local_time_of_day_us(int64_t at_us);
/** The date of a day number, 0 or more. */
struct gw_date gw_date_of_day(int32_t day);
/** The day number of a date that exists (gw_date_valid), 0 or more. */
int32_t gw_day_of_date(struct gw_date date);
/** True when the date exists in the calendar and lies in 1970-2199. */
bool gw_date_valid(struct gw_date date);
/** Read a date written 2024-12-31. Returns false, with *date untouched, when it is none that exists. */
bool gw_date_parse(struct gw_date *date, const char *text, size_t len);
#define GW_DATE_TEXT_BYTES 11u /**< 2024-12-31 and NUL. */
/** Write a valid date in that form, NUL-terminated. */
void gw_date_format(char text[GW_DATE_TEXT_BYTES], struct gw_date date);
/** Months since 1970-01 of the local month that holds at_us, which is not before it (1970-01 is 0). */
int32_t gw_local_month(int64_t at_us);
/** The instant at which that month, 0 or more, starts. */
int64_t gw_local_month_start_us(int32_t month);

#endif
