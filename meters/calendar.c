/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local date and time; see the header. */
#include "meters/calendar.h"

#define US_PER_S INT64_C(1000000)
#define S_PER_DAY INT64_C(86400)
#define S_PER_HOUR INT64_C(3600)
#define LOCAL_OFFSET_S (8 * S_PER_HOUR)
#define YEAR_MIN 2000
#define YEAR_MAX 2199
#define DAYS_TO_YEAR_MIN 10957 /* 1970-01-01 to 2000-01-01 */
#define DAYS_PER_400_YEARS 146097

static int32_t days_of_month(int32_t year, int32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int32_t days_of_year(int32_t year)
{
    return days_of_month(year, 2) == 29 ? 366 : 365;
}

static bool is_moment(const struct mt_calendar *c)
{
    return c->year >= YEAR_MIN && c->year <= YEAR_MAX && c->month >= 1 && c->month <= 12 &&
           c->day >= 1 && c->day <= days_of_month(c->year, c->month) && c->hour >= 0 &&
           c->hour <= 23 && c->minute >= 0 && c->minute <= 59 && c->second >= 0 && c->second <= 59;
}

enum mt_status mt_calendar_to_us(int64_t *time_us, const struct mt_calendar *local)
{
    MT_CHECK(time_us != NULL && local != NULL);
    if (!is_moment(local)) {
        return MT_BAD_RANGE;
    }
    int64_t days = DAYS_TO_YEAR_MIN;
    for (int32_t year = YEAR_MIN; year < local->year; year++) {
        days += days_of_year(year);
    }
    for (int32_t month = 1; month < local->month; month++) {
        days += days_of_month(local->year, month);
    }
    days += local->day - 1;
    int64_t seconds =
        days * S_PER_DAY + local->hour * S_PER_HOUR + local->minute * INT64_C(60) + local->second;
    *time_us = (seconds - LOCAL_OFFSET_S) * US_PER_S;
    return MT_OK;
}

enum mt_status mt_calendar_from_us(struct mt_calendar *local, int64_t time_us)
{
    MT_CHECK(local != NULL);
    int64_t seconds = time_us / US_PER_S + LOCAL_OFFSET_S - DAYS_TO_YEAR_MIN * S_PER_DAY;
    if (time_us < 0 || seconds < 0 || seconds / S_PER_DAY >= DAYS_PER_400_YEARS) {
        return MT_BAD_RANGE;
    }
    int32_t days = (int32_t)(seconds / S_PER_DAY);
    int32_t rest = (int32_t)(seconds % S_PER_DAY);
    struct mt_calendar c = {.year = YEAR_MIN,
                            .month = 1,
                            .hour = rest / 3600,
                            .minute = rest / 60 % 60,
                            .second = rest % 60};
    for (; days >= days_of_year(c.year); c.year++) {
        days -= days_of_year(c.year);
    }
    for (; days >= days_of_month(c.year, c.month); c.month++) {
        days -= days_of_month(c.year, c.month);
    }
    c.day = days + 1;
    if (!is_moment(&c)) {
        return MT_BAD_RANGE;
    }
    *local = c;
    return MT_OK;
}
