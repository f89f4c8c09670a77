/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local days and bands. */
#include "firmware/core/calendar.h"

#include <stddef.h>

#define MINUTES_PER_DAY 1440
#define ALL_MONTHS 0x0FFFu

struct date {
    uint32_t year;
    uint32_t month; /* 1..12 */
    uint32_t day;   /* 1..31 */
};

/* Proleptic Gregorian calendar. A year that starts in March puts the leap day last, so the month
 * follows from the day of the year by one division. */
static struct date date_of_day(uint32_t days_since_1970)
{
    uint32_t z = days_since_1970 + 719468u; /* days since 0000-03-01 */
    uint32_t era = z / 146097u;
    uint32_t day_of_era = z % 146097u;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460u + day_of_era / 36524u - day_of_era / 146096u) / 365u;
    uint32_t day_of_year = day_of_era - (365u * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t march_month = (5 * day_of_year + 2) / 153;
    struct date date;
    date.day = day_of_year - (153 * march_month + 2) / 5 + 1;
    date.month = march_month < 10 ? march_month + 3 : march_month - 9;
    date.year = era * 400 + year_of_era + (date.month <= 2 ? 1 : 0);
    return date;
}

static struct date local_date(int64_t time_us)
{
    MT_CHECK(time_us >= 0);
    return date_of_day((uint32_t)((time_us + FW_LOCAL_OFFSET_US) / FW_US_PER_DAY));
}

uint32_t fw_local_date(int64_t time_us)
{
    struct date date = local_date(time_us);
    return date.year * 10000u + date.month * 100u + date.day;
}

bool fw_local_midnight(int64_t time_us)
{
    return (time_us + FW_LOCAL_OFFSET_US) % FW_US_PER_DAY == 0;
}

static bool season_valid(const struct fw_season *season)
{
    if (season->switch_count == 0 || season->switch_count > FW_CALENDAR_SWITCHES_MAX ||
        season->switches[0].minute != 0) {
        return false;
    }
    for (uint32_t i = 0; i < season->switch_count; i++) {
        const struct fw_switch *at = &season->switches[i];
        if (at->minute >= MINUTES_PER_DAY || at->band >= MT_BANDS) {
            return false;
        }
        if (i > 0 && at->minute <= season->switches[i - 1].minute) {
            return false;
        }
    }
    return true;
}

bool fw_calendar_valid(const struct fw_calendar *calendar)
{
    MT_CHECK(calendar != NULL);
    uint32_t months = 0;
    if (calendar->season_count > FW_CALENDAR_SEASONS_MAX || calendar->band_unknown >= MT_BANDS) {
        return false;
    }
    for (uint32_t i = 0; i < calendar->season_count; i++) {
        const struct fw_season *season = &calendar->seasons[i];
        if (!season_valid(season) || (months & season->month_mask) != 0) {
            return false;
        }
        months |= season->month_mask;
    }
    return calendar->season_count == 0 || months == ALL_MONTHS;
}

bool fw_calendar_has_bands(const struct fw_calendar *calendar)
{
    return calendar->season_count > 0;
}

uint8_t fw_calendar_mask(const struct fw_calendar *calendar)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < calendar->season_count; i++) {
        for (uint32_t j = 0; j < calendar->seasons[i].switch_count; j++) {
            mask |= 1u << calendar->seasons[i].switches[j].band;
        }
    }
    if (mask != 0) {
        mask |= 1u << calendar->band_unknown;
    }
    return (uint8_t)mask;
}

static const struct fw_season *season_of_month(const struct fw_calendar *calendar, uint32_t month)
{
    for (uint32_t i = 0; i < calendar->season_count; i++) {
        if ((calendar->seasons[i].month_mask & (1u << (month - 1))) != 0) {
            return &calendar->seasons[i];
        }
    }
    return NULL;
}

uint8_t fw_calendar_band(const struct fw_calendar *calendar, int64_t time_us)
{
    MT_CHECK(fw_calendar_has_bands(calendar));
    const struct fw_season *season = season_of_month(calendar, local_date(time_us).month);
    MT_CHECK(season != NULL); /* a valid calendar names every month */
    int64_t of_day_us = (time_us + FW_LOCAL_OFFSET_US) % FW_US_PER_DAY;
    uint32_t minute = (uint32_t)(of_day_us / (60 * FW_US_PER_S));
    uint8_t band = season->switches[0].band;
    for (uint32_t i = 1; i < season->switch_count && season->switches[i].minute <= minute; i++) {
        band = season->switches[i].band;
    }
    return band;
}
