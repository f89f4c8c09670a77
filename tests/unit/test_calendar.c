/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local clocks against the C library's calendar, day by day. */
#include <time.h>

#include "meters/calendar.h"
#include "tests/support/unit.h"

#define LOCAL_S (8 * 3600)

static void every_day_of_two_centuries_agrees_with_the_c_library(void)
{
    struct tm first = {.tm_year = 100, .tm_mday = 1};
    struct tm last = {.tm_year = 299, .tm_mon = 11, .tm_mday = 31};
    int64_t end = timegm(&last);
    for (int64_t day = timegm(&first); day <= end; day += 86400) {
        time_t local_s = (time_t)(day + 3723); /* 01:02:03 */
        struct tm tm;
        gmtime_r(&local_s, &tm);
        struct mt_calendar c;
        int64_t at_us = ((int64_t)local_s - LOCAL_S) * 1000000 + 999999;
        CU_ASSERT_EQUAL_FATAL(mt_calendar_from_us(&c, at_us), MT_OK);
        CU_ASSERT_FATAL(c.year == tm.tm_year + 1900 && c.month == tm.tm_mon + 1);
        CU_ASSERT_FATAL(c.day == tm.tm_mday && c.hour == 1 && c.minute == 2 && c.second == 3);
        int64_t back_us;
        CU_ASSERT_EQUAL_FATAL(mt_calendar_to_us(&back_us, &c), MT_OK);
        CU_ASSERT_EQUAL_FATAL(back_us, at_us - 999999);
    }
}

static void moments_that_never_were_are_refused(void)
{
    static const struct mt_calendar rows[] = {
        {1999, 12, 31, 0, 0, 0}, {2200, 1, 1, 0, 0, 0},  {2023, 2, 29, 0, 0, 0},
        {2100, 2, 29, 0, 0, 0},  {2024, 0, 1, 0, 0, 0},  {2024, 13, 1, 0, 0, 0},
        {2024, 4, 31, 0, 0, 0},  {2024, 1, 0, 0, 0, 0},  {2024, 1, 1, 24, 0, 0},
        {2024, 1, 1, 0, 60, 0},  {2024, 1, 1, 0, 0, 60}, {2024, 1, 1, -1, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t at_us = -5;
        CU_ASSERT_EQUAL(mt_calendar_to_us(&at_us, &rows[i]), MT_BAD_RANGE);
        CU_ASSERT_EQUAL(at_us, -5);
    }
    struct mt_calendar c;
    CU_ASSERT_EQUAL(mt_calendar_from_us(&c, -1), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(mt_calendar_from_us(&c, 0), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(mt_calendar_from_us(&c, INT64_MAX), MT_BAD_RANGE);
}

static const struct unit_test tests[] = {
    {"every_day_of_two_centuries_agrees_with_the_c_library",
     every_day_of_two_centuries_agrees_with_the_c_library},
    {"moments_that_never_were_are_refused", moments_that_never_were_are_refused},
};
UNIT_MAIN("calendar", tests)
