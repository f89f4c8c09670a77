/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DSMR P1. Telegrams are made by hand from the P1 companion standard's layout; their CRCs were made
 * with a bit-by-bit CRC-16/ARC in another language. */
#include "meters/p1.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode(const char *text)
{
    size_t len = strlen(text);
    struct mt_input input = {.bytes = guard_end(text, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_p1_decode(&frame, &used, &input);
}

/* Version 5, with a gas meter behind it and a log that carries no register. */
static const char version5[] = "/ABC5\\1-METER\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(260701120000S)\r\n"
                               "0-0:96.1.1(4530303131)\r\n1-0:1.8.1(000100.001*kWh)\r\n"
                               "1-0:1.8.2(000200.022*kWh)\r\n1-0:2.8.1(000000.500*kWh)\r\n"
                               "1-0:99.97.0(1)(0-0:96.7.19)(260101000000W)(0000000240*s)\r\n"
                               "0-1:24.1.0(003)\r\n0-1:96.1.0(4730303232)\r\n"
                               "0-1:24.2.1(260701110000S)(00123.456*m3)\r\n!";
static const char version5_crc[] = "8526";

static char *with_crc(const char *body, const char *crc)
{
    static char text[2048];
    snprintf(text, sizeof(text), "%s%s\r\n", body, crc);
    return text;
}

static void tariffs_add_up_where_the_meter_keeps_no_total(void)
{
    CU_ASSERT_EQUAL(decode(with_crc(version5, version5_crc)), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "ABC");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "E0011");
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_TRUE_FATAL(frame.has_total && frame.has_reading);
    CU_ASSERT_EQUAL(frame.total.mantissa, 300023); /* 100.001 + 200.022 kWh */
    CU_ASSERT_EQUAL(frame.total.exponent, -3);
    CU_ASSERT_EQUAL(frame.reading.total, 300023);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 3);
    CU_ASSERT_EQUAL(frame.reading.band[0], 100001);
    CU_ASSERT_EQUAL(frame.reading.band[1], 200022);
}

static void summer_time_is_two_hours_east(void)
{
    CU_ASSERT_EQUAL(decode(with_crc(version5, version5_crc)), MT_OK);
    CU_ASSERT_TRUE(frame.has_time && frame.has_zone);
    CU_ASSERT_EQUAL(frame.zone_minutes, 120);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1782900000000000)); /* 2026-07-01 10:00:00 UTC */
}

static void a_meter_behind_is_a_value_and_no_part_of_the_total(void)
{
    CU_ASSERT_EQUAL(decode(with_crc(version5, version5_crc)), MT_OK);
    const struct mt_value *gas = &frame.values[frame.value_count - 1];
    CU_ASSERT_STRING_EQUAL(gas->name, "gas volume");
    CU_ASSERT_STRING_EQUAL(gas->unit, "m3");
    CU_ASSERT_EQUAL(gas->mantissa, 123456);
    CU_ASSERT_EQUAL(gas->subunit, 1);
    CU_ASSERT_EQUAL(frame.value_count, 4);
}

static void an_older_telegram_has_no_checksum_and_its_gas_on_the_next_line(void)
{
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n0-0:96.1.1(4B38)\r\n1-0:1.8.1(00185.000*kWh)\r\n"
                           "1-0:1.8.2(00084.000*kWh)\r\n0-1:24.1.0(3)\r\n"
                           "0-1:24.3.0(120517020000)(08)(60)(1)(0-1:24.2.1)(m3)\r\n(00124.477)\r\n"
                           "!\r\n"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.total.mantissa, 269000);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(frame.values[2].mantissa, 124477);
    CU_ASSERT_STRING_EQUAL(frame.values[2].unit, "m3");
}

static void a_telegram_that_names_its_version_needs_its_checksum(void)
{
    CU_ASSERT_EQUAL(decode(version5), MT_NEED_MORE);
    CU_ASSERT_EQUAL(decode(with_crc(version5, "")), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(decode("/ABC5X\r\n\r\n0-0:1.0.0(260701120000S)\r\n1-0:1.8.0(1*kWh)\r\n!"),
                    MT_NEED_MORE);
    CU_ASSERT_EQUAL(decode(with_crc(version5, "0000")), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(frame.value_count, 99);
}

static void a_number_that_is_none_gives_no_reading(void)
{
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(00185.0x0*kWh)\r\n!\r\n"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(00185.*kWh)\r\n!\r\n"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(00185.000*kXh)\r\n!\r\n"), MT_BAD_UNIT);
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(-0185.000*kWh)\r\n!\r\n"), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(00185.000*kWh\r\n!\r\n"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode("/KMP5 OLD\r\n\r\n1-0:1.8.0(1*kWh)\r\n1-0:1.8.0(2*kWh)\r\n!\r\n"),
                    MT_BAD_LAYOUT);
}

static void noise_and_torn_telegrams_before_it_are_stepped_over(void)
{
    CU_ASSERT_EQUAL(
        decode("8.2(00084.000*kWh)\r\n!\r\n/KMP5 OLD\r\n\r\n1-0:1.8.0(5*kWh)\r\n!\r\nrest"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 5000);
    CU_ASSERT_EQUAL(used, 55); /* 23 bytes before it, 32 of its own */
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    struct mt_frame got;
    size_t done;
    bool named = mt_p1_decode(&got, &done, &input) == MT_OK && got.has_reading;
    /* Nor may it pass for a readout that has no check. */
    bool recognised = mt_decode(&got, &done, NULL, &input) == MT_OK && got.has_reading;
    CU_ASSERT_EQUAL(named, recognised);
    return named;
}

static void no_cut_and_no_flipped_bit_gives_a_reading(void)
{
    const char *text = with_crc(version5, version5_crc);
    size_t len = strlen(text) - 2; /* without the line's end, which says nothing */
    expect_every_prefix_refused(accepts, (const uint8_t *)text, len);
    expect_every_flipped_bit_refused(accepts, (const uint8_t *)text, len);
}

static void what_is_built_is_read_back(void)
{
    expect_text_round_trip("p1", "E0042");
}

static const struct unit_test tests[] = {
    {"tariffs_add_up_where_the_meter_keeps_no_total",
     tariffs_add_up_where_the_meter_keeps_no_total},
    {"summer_time_is_two_hours_east", summer_time_is_two_hours_east},
    {"a_meter_behind_is_a_value_and_no_part_of_the_total",
     a_meter_behind_is_a_value_and_no_part_of_the_total},
    {"an_older_telegram_has_no_checksum_and_its_gas_on_the_next_line",
     an_older_telegram_has_no_checksum_and_its_gas_on_the_next_line},
    {"a_telegram_that_names_its_version_needs_its_checksum",
     a_telegram_that_names_its_version_needs_its_checksum},
    {"a_number_that_is_none_gives_no_reading", a_number_that_is_none_gives_no_reading},
    {"noise_and_torn_telegrams_before_it_are_stepped_over",
     noise_and_torn_telegrams_before_it_are_stepped_over},
    {"no_cut_and_no_flipped_bit_gives_a_reading", no_cut_and_no_flipped_bit_gives_a_reading},
    {"what_is_built_is_read_back", what_is_built_is_read_back},
};
UNIT_MAIN("p1", tests)
