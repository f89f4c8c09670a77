/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exact decimals. */
#include "meters/decimal.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

static enum mt_status parse(struct mt_decimal *out, const char *text)
{
    size_t len = strlen(text);
    return mt_decimal_parse(out, (const char *)guard_end(text, len), len);
}

static void numbers_keep_their_digits_and_lose_their_zeros(void)
{
    static const struct {
        const char *text;
        int64_t mantissa;
        int32_t exponent;
    } rows[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"0.000", 0, 0},
        {"0e99999999999999999999", 0, 0},
        {"12.50", 125, -1},
        {"100", 1, 2},
        {"-1.5e3", -15, 2},
        {"1.320078429e+09", 1320078429, 0},
        {"1E-6", 1, -6},
        {"0.00000100", 1, -6},
        {"999999999999999999", 999999999999999999, 0},
        {"1000000000000000000000", 1, 21},
        {"0.5953", 5953, -4},
        {"1e400", 1, 400},
        {"1e-400", 1, -400},
        {"100000000000000001", 100000000000000001, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_decimal d;
        CU_ASSERT_EQUAL(parse(&d, rows[i].text), MT_OK);
        CU_ASSERT_EQUAL(d.mantissa, rows[i].mantissa);
        CU_ASSERT_EQUAL(d.exponent, rows[i].exponent);
    }
}

static void what_is_no_number_is_refused(void)
{
    static const char *const texts[] = {"",    "-",     "+1",   ".5",       "5.",    "01",  "1e",
                                        "1e+", "1.e5",  "1 ",   " 1",       "0x10",  "NaN", "1,5",
                                        "--1", "1.2.3", "1ee5", "Infinity", "1e5.0", "00"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mt_decimal d = {.mantissa = 77};
        CU_ASSERT_EQUAL(parse(&d, texts[i]), MT_BAD_DIGIT);
        CU_ASSERT_EQUAL(d.mantissa, 77);
    }
    struct mt_decimal d;
    CU_ASSERT_EQUAL(mt_decimal_parse(&d, NULL, 0), MT_BAD_DIGIT);
}

static void more_digits_than_are_kept_are_out_of_range(void)
{
    static const char *const texts[] = {"1234567890123456789",
                                        "0.1000000000000000055511151231257827", "1e401", "1e-401",
                                        "9e999999999999999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mt_decimal d;
        CU_ASSERT_EQUAL(parse(&d, texts[i]), MT_BAD_RANGE);
    }
}

struct scale_row {
    struct mt_decimal number;
    int32_t scale;
    enum mt_status status; /* of the exact one */
    int64_t exact;
    int64_t floored; /* valid when that one fits */
};

static void scaling_is_exact_or_refused(void)
{
    static const struct scale_row rows[] = {
        {{5953, -4}, 8, MT_OK, 59530000, 59530000},
        {{12345, -2}, 3, MT_OK, 123450, 123450},
        {{12345, -2}, 1, MT_BAD_RANGE, 0, 1234},
        {{-12345, -2}, 1, MT_BAD_RANGE, 0, -1235},
        {{-12340, -2}, 1, MT_OK, -1234, -1234},
        {{-1, -3}, 0, MT_BAD_RANGE, 0, -1},
        {{-1, -3}, 2, MT_BAD_RANGE, 0, -1},
        {{-10, -2}, 1, MT_OK, -1, -1},
        {{1, -400}, 0, MT_BAD_RANGE, 0, 0},
        {{-1, -400}, 0, MT_BAD_RANGE, 0, -1},
        {{0, -400}, 0, MT_OK, 0, 0},
        {{0, 400}, 0, MT_OK, 0, 0},
        {{9, 18}, 0, MT_OK, INT64_C(9000000000000000000), INT64_C(9000000000000000000)},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = -99;
        CU_ASSERT_EQUAL(mt_decimal_scaled(&out, &rows[i].number, rows[i].scale), rows[i].status);
        CU_ASSERT_EQUAL(out, rows[i].status == MT_OK ? rows[i].exact : -99);
        CU_ASSERT_EQUAL(mt_decimal_floored(&out, &rows[i].number, rows[i].scale), MT_OK);
        CU_ASSERT_EQUAL(out, rows[i].floored);
    }
}

static void what_64_bits_cannot_hold_is_out_of_range(void)
{
    static const struct mt_decimal rows[] = {{10, 18}, {1, 19}, {1, 400}, {-93, 17}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = 5;
        CU_ASSERT_EQUAL(mt_decimal_scaled(&out, &rows[i], 0), MT_BAD_RANGE);
        CU_ASSERT_EQUAL(mt_decimal_floored(&out, &rows[i], 0), MT_BAD_RANGE);
        CU_ASSERT_EQUAL(out, 5);
    }
}

static void text_goes_straight_to_the_smallest_unit(void)
{
    int64_t out = 0;
    CU_ASSERT_EQUAL(mt_decimal_text_scaled(&out, "0.5953", 6, 8), MT_OK);
    CU_ASSERT_EQUAL(out, 59530000);
    CU_ASSERT_EQUAL(mt_decimal_text_scaled(&out, "0.5953", 6, 3), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(mt_decimal_text_scaled(&out, "0.595a", 6, 8), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(out, 59530000);
}

static void numbers_are_written_in_plain_digits(void)
{
    static const struct {
        int64_t mantissa;
        int exponent;
        const char *text;
    } rows[] = {
        {12345, -2, "123.45"},
        {5, -2, "0.05"},
        {-5, -2, "-0.05"},
        {500, -2, "5.00"},
        {0, -2, "0.00"},
        {0, 3, "0"},
        {7, 3, "7000"},
        {INT64_MAX, 0, "9223372036854775807"},
        {INT64_MIN, -18, "-9.223372036854775808"},
        {1, -30, "0.000000000000000000000000000001"},
        {INT64_MIN, 30, "-9223372036854775808000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[MT_DECIMAL_TEXT_MAX];
        size_t len = mt_decimal_format(text, rows[i].mantissa, rows[i].exponent);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
        CU_ASSERT_EQUAL(len, strlen(rows[i].text));
    }
}

static const struct unit_test tests[] = {
    {"numbers_keep_their_digits_and_lose_their_zeros",
     numbers_keep_their_digits_and_lose_their_zeros},
    {"what_is_no_number_is_refused", what_is_no_number_is_refused},
    {"more_digits_than_are_kept_are_out_of_range", more_digits_than_are_kept_are_out_of_range},
    {"scaling_is_exact_or_refused", scaling_is_exact_or_refused},
    {"what_64_bits_cannot_hold_is_out_of_range", what_64_bits_cannot_hold_is_out_of_range},
    {"text_goes_straight_to_the_smallest_unit", text_goes_straight_to_the_smallest_unit},
    {"numbers_are_written_in_plain_digits", numbers_are_written_in_plain_digits},
};
UNIT_MAIN("decimal", tests)
