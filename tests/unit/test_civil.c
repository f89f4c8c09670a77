/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Civil time against the C library's calendar, shifted by eight hours. */
#include "gateway/core/civil.h"

#include <time.h>

#include "tests/support/unit.h"

#define DAYS 84006 /* 1970-01-01 to 2200-01-01, by the C library below */

static struct tm library_date(int64_t at_us)
{
    time_t seconds = (time_t)((at_us + GW_LOCAL_OFFSET_US) / GW_US_PER_S);
    struct tm date;
    gmtime_r(&seconds, &date);
    return date;
}

static void every_day_of_1970_to_2199_has_the_date_of_the_c_library(void)
{
    struct tm end = {.tm_year = 2200 - 1900, .tm_mday = 1};
    CU_ASSERT_EQUAL(timegm(&end) / 86400, DAYS);
    CU_ASSERT_EQUAL(gw_local_day_start_us(DAYS), GW_CIVIL_END_US);
    uint32_t wrong = 0;
    for (int32_t day = 0; day < DAYS; day++) {
        struct tm expected = library_date(gw_local_day_start_us(day));
        struct gw_date date = gw_date_of_day(day);
        bool good = date.year == expected.tm_year + 1900 && date.month == expected.tm_mon + 1 &&
                    date.day == expected.tm_mday && gw_day_of_date(date) == day &&
                    gw_date_valid(date);
        wrong += good ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void a_local_day_starts_at_sixteen_hours_utc_of_the_day_before(void)
{
    /* 2024-02-29 00:00 in Beijing is 2024-02-28 16:00:00 UTC, 1709136000 s. */
    int64_t start_us = 1709136000ll * GW_US_PER_S;
    struct gw_date date = {.year = 2024, .month = 2, .day = 29};
    CU_ASSERT_EQUAL(gw_local_day_start_us(gw_day_of_date(date)), start_us);
    CU_ASSERT_EQUAL(gw_local_day(start_us), gw_day_of_date(date));
    CU_ASSERT_EQUAL(gw_local_day(start_us - 1), gw_day_of_date(date) - 1);
    CU_ASSERT_EQUAL(gw_local_time_of_day_us(start_us), 0);
    CU_ASSERT_EQUAL(gw_local_time_of_day_us(start_us - 1), GW_US_PER_DAY - 1);
}

static void days_before_1970_are_negative_not_zero(void)
{
    int64_t first_us = -8 * GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(gw_local_day(first_us), 0);
    CU_ASSERT_EQUAL(gw_local_day(first_us - 1), -1);
    CU_ASSERT_EQUAL(gw_local_day(first_us - GW_US_PER_DAY), -1);
    CU_ASSERT_EQUAL(gw_local_day(first_us - GW_US_PER_DAY - 1), -2);
    CU_ASSERT_EQUAL(gw_local_time_of_day_us(first_us - 1), GW_US_PER_DAY - 1);
}

static void months_count_from_1970_and_change_at_local_midnight(void)
{
    CU_ASSERT_EQUAL(gw_local_month_start_us(0), -8 * GW_US_PER_HOUR);
    uint32_t wrong = 0;
    for (int32_t month = 1; month < 230 * 12; month++) {
        int64_t start_us = gw_local_month_start_us(month);
        struct tm expected = library_date(start_us);
        bool good = expected.tm_mday == 1 && expected.tm_mon == month % 12 &&
                    expected.tm_year == 70 + month / 12 && expected.tm_hour == 0 &&
                    gw_local_month(start_us) == month && gw_local_month(start_us - 1) == month - 1;
        wrong += good ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void a_date_that_does_not_exist_is_not_valid(void)
{
    static const struct {
        struct gw_date date;
        bool valid;
    } rows[] = {
        {{2024, 2, 29}, true},  {{2023, 2, 29}, false},  {{2100, 2, 29}, false},
        {{2000, 2, 29}, true},  {{2024, 4, 31}, false},  {{2024, 4, 30}, true},
        {{2024, 0, 1}, false},  {{2024, 13, 1}, false},  {{2024, 1, 0}, false},
        {{2024, 1, 32}, false}, {{1969, 12, 31}, false}, {{1970, 1, 1}, true},
        {{2199, 12, 31}, true}, {{2200, 1, 1}, false},   {{-5, 1, 1}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(gw_date_valid(rows[i].date), rows[i].valid);
    }
}

static void a_date_is_read_only_as_year_month_day_with_dashes(void)
{
    struct gw_date date = {0};
    CU_ASSERT(gw_date_parse(&date, "2024-12-31", 10));
    CU_ASSERT(date.year == 2024 && date.month == 12 && date.day == 31);
    static const char *const wrong[] = {"2024-12-3",  "2024-12-311", "2024/12/31",
                                        "2024-13-01", "2024-02-30",  "x024-12-31",
                                        "2024-1x-31", "2024-12-+1",  "-024-12-31",
                                        "",           "20241231"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT_FALSE(gw_date_parse(&date, wrong[i], strlen(wrong[i])));
    }
    CU_ASSERT(date.year == 2024 && date.month == 12 && date.day == 31);
    char text[GW_DATE_TEXT_BYTES];
    gw_date_format(text, date);
    CU_ASSERT_STRING_EQUAL(text, "2024-12-31");
    gw_date_format(text, gw_date_of_day(0));
    CU_ASSERT_STRING_EQUAL(text, "1970-01-01");
}

static const struct unit_test tests[] = {
    {"every_day_of_1970_to_2199_has_the_date_of_the_c_library",
     every_day_of_1970_to_2199_has_the_date_of_the_c_library},
    {"a_local_day_starts_at_sixteen_hours_utc_of_the_day_before",
     a_local_day_starts_at_sixteen_hours_utc_of_the_day_before},
    {"days_before_1970_are_negative_not_zero", days_before_1970_are_negative_not_zero},
    {"months_count_from_1970_and_change_at_local_midnight",
     months_count_from_1970_and_change_at_local_midnight},
    {"a_date_that_does_not_exist_is_not_valid", a_date_that_does_not_exist_is_not_valid},
    {"a_date_is_read_only_as_year_month_day_with_dashes",
     a_date_is_read_only_as_year_month_day_with_dashes},
};

UNIT_MAIN("civil", tests)
