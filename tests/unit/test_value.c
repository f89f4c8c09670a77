/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of frames and the readings made of them. */
#include "meters/value.h"
#include "tests/support/unit.h"

static void obis_codes_are_written_as_people_write_them(void)
{
    static const struct {
        struct mt_obis obis;
        const char *text;
    } rows[] = {
        {{1, 8, 0, MT_OBIS_CURRENT}, "1.8.0"},
        {{1, 8, 63, 12}, "1.8.63*12"},
        {{255, 100, 10, 254}, "255.100.10*254"},
        {{0, 8, 1, 1}, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[MT_OBIS_TEXT_MAX];
        CU_ASSERT_EQUAL(mt_obis_format(text, &rows[i].obis), strlen(rows[i].text));
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void values_become_the_smallest_unit_exactly_or_not_at_all(void)
{
    static const struct {
        struct mt_value value;
        enum mt_status status;
        int64_t smallest;
    } rows[] = {
        {{.unit = "kWh", .mantissa = 12345, .exponent = -2}, MT_OK, 123450},
        {{.unit = "Wh", .mantissa = 7, .exponent = 0}, MT_OK, 7},
        {{.unit = "MWh", .mantissa = 12, .exponent = -2}, MT_OK, 120000},
        {{.unit = "m3", .mantissa = 12345, .exponent = -3}, MT_OK, 12345000},
        {{.unit = "l", .mantissa = 5, .exponent = -1}, MT_OK, 500},
        {{.unit = "kWh", .mantissa = 19999, .exponent = -4}, MT_OK, 1999},
        {{.unit = "Wh", .mantissa = 9, .exponent = -1}, MT_OK, 0},
        {{.unit = "kWh", .mantissa = -1, .exponent = -2}, MT_BAD_RANGE, 0},
        {{.unit = "kWh", .mantissa = 0, .exponent = -2, .absent = true}, MT_BAD_RANGE, 0},
        {{.unit = "m3", .mantissa = 1000000001, .exponent = 0}, MT_BAD_RANGE, 0},
        {{.unit = "kvarh", .mantissa = 1, .exponent = 0}, MT_BAD_UNIT, 0},
        {{.unit = "", .mantissa = 1, .exponent = 0}, MT_BAD_UNIT, 0},
        {{.unit = "GJ", .mantissa = 1, .exponent = 0}, MT_BAD_UNIT, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t out = -3;
        CU_ASSERT_EQUAL(mt_value_smallest(&out, &rows[i].value), rows[i].status);
        CU_ASSERT_EQUAL(out, rows[i].status == MT_OK ? rows[i].smallest : -3);
    }
}

static struct mt_value energy(int64_t mantissa, uint8_t e, uint8_t f)
{
    return (
        struct mt_value){.unit = "kWh", .mantissa = mantissa, .exponent = -2, .obis = {1, 8, e, f}};
}

static void a_reading_takes_total_bands_clock_and_flags(void)
{
    static struct mt_frame frame;
    frame = (struct mt_frame){.has_time = true,
                              .time_us = 42,
                              .flags = MT_FLAG_TAMPER,
                              .has_total = true,
                              .total = energy(10000, 0, MT_OBIS_CURRENT),
                              .value_count = 5};
    frame.values[0] = frame.total;
    frame.values[1] = energy(1000, 1, MT_OBIS_CURRENT);
    frame.values[2] = energy(777, 2, 1); /* last month's: no band of today */
    frame.values[3] = energy(4000, 4, MT_OBIS_CURRENT);
    frame.values[4] = energy(5000, 5, MT_OBIS_CURRENT); /* a fifth tariff has no band */
    CU_ASSERT_EQUAL(mt_frame_reading(&frame), MT_OK);
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 100000);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 0x9);
    CU_ASSERT_EQUAL(frame.reading.band[0], 10000);
    CU_ASSERT_EQUAL(frame.reading.band[3], 40000);
    CU_ASSERT_EQUAL(frame.reading.time_us, 42);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_TAMPER);
}

static void a_frame_without_a_total_makes_no_reading(void)
{
    static struct mt_frame frame;
    frame = (struct mt_frame){.value_count = 1};
    frame.values[0] = energy(1, 1, MT_OBIS_CURRENT);
    CU_ASSERT_EQUAL(mt_frame_reading(&frame), MT_NO_READING);
    frame.has_total = true;
    frame.total = energy(-1, 0, MT_OBIS_CURRENT);
    CU_ASSERT_EQUAL(mt_frame_reading(&frame), MT_BAD_RANGE);
    CU_ASSERT_FALSE(frame.has_reading);
}

static const struct unit_test tests[] = {
    {"obis_codes_are_written_as_people_write_them", obis_codes_are_written_as_people_write_them},
    {"values_become_the_smallest_unit_exactly_or_not_at_all",
     values_become_the_smallest_unit_exactly_or_not_at_all},
    {"a_reading_takes_total_bands_clock_and_flags", a_reading_takes_total_bands_clock_and_flags},
    {"a_frame_without_a_total_makes_no_reading", a_frame_without_a_total_makes_no_reading},
};
UNIT_MAIN("value", tests)
