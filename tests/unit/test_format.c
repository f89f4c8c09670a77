/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integers as people read them. Expected texts are written by hand. */
#include "gateway/app/format.h"
#include "meters/reading.h"
#include "tests/support/unit.h"

static void decimals_are_exact_to_the_ends_of_the_range(void)
{
    static const struct {
        int64_t value;
        uint32_t decimals, keep;
        const char *text;
    } rows[] = {
        {0, 2, 2, "0.00"},
        {5, 2, 2, "0.05"},
        {-5, 2, 2, "-0.05"},
        {12345, 2, 2, "123.45"},
        {1234500000, 8, 2, "12.345"},
        {1, 8, 2, "0.00000001"},
        {100000000, 8, 2, "1.00"},
        {7, 0, 0, "7"},
        {1500, 3, 0, "1.5"},
        {1000, 3, 0, "1"},
        {INT64_MAX, 8, 2, "92233720368.54775807"},
        {INT64_MIN, 8, 2, "-92233720368.54775808"},
        {INT64_MIN, 0, 0, "-9223372036854775808"},
        {1, 12, 12, "0.000000000001"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[GW_FORMAT_MAX];
        gw_format_decimal(text, rows[i].value, rows[i].decimals, rows[i].keep);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void units_are_those_of_the_medium(void)
{
    char text[GW_FORMAT_MAX];
    gw_format_units(text, 210369, MT_POWER);
    CU_ASSERT_STRING_EQUAL(text, "210.369");
    gw_format_units(text, 5136000, MT_WATER);
    CU_ASSERT_STRING_EQUAL(text, "5.136");
    gw_format_units(text, 5136001, MT_GAS);
    CU_ASSERT_STRING_EQUAL(text, "5.136001");
    CU_ASSERT_STRING_EQUAL(gw_unit_name(MT_POWER), "kWh");
    CU_ASSERT_STRING_EQUAL(gw_unit_name(MT_GAS), "m3");
}

static void times_are_local(void)
{
    char text[GW_FORMAT_MAX];
    gw_format_time(text, 0);
    CU_ASSERT_STRING_EQUAL(text, "1970-01-01T08:00:00+08:00");
    /* 2026-02-28 16:00 UTC is midnight of 1 March in UTC+8; 1772294400 by `date -u`. */
    gw_format_time(text, 1772294400ll * 1000000);
    CU_ASSERT_STRING_EQUAL(text, "2026-03-01T00:00:00+08:00");
    gw_format_time(text, 1772294400ll * 1000000 - 1);
    CU_ASSERT_STRING_EQUAL(text, "2026-02-28T23:59:59.999999+08:00");
}

static void days_and_months_go_there_and_back(void)
{
    char text[GW_FORMAT_MAX];
    int32_t day = 0;
    int32_t month = 0;
    CU_ASSERT_TRUE(gw_parse_day(&day, "2028-02-29"));
    gw_format_day(text, day);
    CU_ASSERT_STRING_EQUAL(text, "2028-02-29");
    CU_ASSERT_TRUE(gw_parse_month(&month, "2026-11"));
    CU_ASSERT_EQUAL(month, 56 * 12 + 10);
    gw_format_month(text, month);
    CU_ASSERT_STRING_EQUAL(text, "2026-11");
    CU_ASSERT_TRUE(gw_parse_month(&month, "1970-01"));
    CU_ASSERT_EQUAL(month, 0);
}

static void what_is_no_day_is_refused(void)
{
    static const char *const days[] = {"",           "2026-02-29", "2026-13-01",
                                       "2026-00-10", "2026-1-1",   "2026-11-31",
                                       "1969-12-31", "2200-01-01", "2026-11-23 ",
                                       "2026/11/23", "+026-11-23"};
    static const char *const months[] = {"", "2026-13", "2026-00", "2026-1", "2026-11-01", "26-11"};
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        int32_t day = 77;
        CU_ASSERT_FALSE(gw_parse_day(&day, days[i]));
        CU_ASSERT_EQUAL(day, 77);
    }
    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
        int32_t month = 77;
        CU_ASSERT_FALSE(gw_parse_month(&month, months[i]));
        CU_ASSERT_EQUAL(month, 77);
    }
}

static void hexadecimal_is_read_whole_or_not_at_all(void)
{
    uint8_t bytes[3];
    char text[7];
    CU_ASSERT_TRUE(gw_parse_hex(bytes, 3, "00fFa9"));
    gw_format_hex(text, bytes, 3);
    CU_ASSERT_STRING_EQUAL(text, "00ffa9");
    CU_ASSERT_FALSE(gw_parse_hex(bytes, 3, "00ffa"));
    CU_ASSERT_FALSE(gw_parse_hex(bytes, 3, "00ffa9a"));
    CU_ASSERT_FALSE(gw_parse_hex(bytes, 3, "00ffag"));
}

static const struct unit_test tests[] = {
    {"decimals_are_exact_to_the_ends_of_the_range", decimals_are_exact_to_the_ends_of_the_range},
    {"units_are_those_of_the_medium", units_are_those_of_the_medium},
    {"times_are_local", times_are_local},
    {"days_and_months_go_there_and_back", days_and_months_go_there_and_back},
    {"what_is_no_day_is_refused", what_is_no_day_is_refused},
    {"hexadecimal_is_read_whole_or_not_at_all", hexadecimal_is_read_whole_or_not_at_all},
};
UNIT_MAIN("format", tests)
