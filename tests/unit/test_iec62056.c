/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IEC 62056-21. Readouts are made by hand from clause 5; block checks by hand: XOR after STX to ETX. */
#include "meters/iec62056.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode_bytes(const void *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_iec62056_decode(&frame, &used, &input);
}

static enum mt_status decode(const char *text)
{
    return decode_bytes(text, strlen(text));
}

/* A block with its check, made here bit by bit as 5.3.2 says. */
static size_t block(char *out, const char *before, const char *data)
{
    size_t len = (size_t)sprintf(out, "%s\x02%s\x03", before, data);
    char check = 0;
    for (size_t i = strlen(before) + 1; i < len; i++) {
        check ^= out[i];
    }
    out[len] = check;
    return len + 1;
}

static const char data[] =
    "F.F(00)\r\n0.0(      120858)\r\nC.1.0(13647123)\r\n0.9.1(185532)\r\n"
    "0.9.2(26-07-01)\r\n1.8.1(042951.721*kWh)\r\n1.8.2(018609.568*kWh)\r\n"
    "1.8.0(061561.289*kWh)\r\n1.8.0*07(060000.000)\r\n2.8.0(000010.490*kWh)\r\n"
    "36.7.0(-000.82*kW)\r\n56.7.0( 001.67*kW)\r\n!\r\n";

static void a_readout_is_a_reading(void)
{
    char text[1024];
    size_t len = block(text, "/LGZ4ZMF100AC.M26\r\n", data);
    CU_ASSERT_EQUAL(decode_bytes(text, len), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "LGZ");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "13647123");
    CU_ASSERT_TRUE_FATAL(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 61561289);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 3);
    CU_ASSERT_EQUAL(frame.reading.band[0], 42951721);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1782903332000000)); /* 18:55:32 UTC+8 */
    CU_ASSERT_EQUAL(frame.values[3].obis.f, 7);                /* a billing period ago */
    CU_ASSERT_EQUAL(frame.values[5].mantissa, -82);
    CU_ASSERT_EQUAL(frame.values[6].mantissa, 167);
    CU_ASSERT_EQUAL(used, len);
}

static void seven_bits_with_even_parity_read_the_same(void)
{
    char text[1024];
    size_t len = block(text, "/LGZ4ZMF100AC.M26\r\n", data);
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)(text[i] | (__builtin_parity((unsigned)text[i] & 0x7f) != 0 ? 0x80 : 0));
    }
    CU_ASSERT_EQUAL(decode_bytes(text, len), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 61561289);
    text[40] ^= 0x01; /* now one byte has odd parity */
    CU_ASSERT_NOT_EQUAL(decode_bytes(text, len), MT_OK);
}

static void a_push_without_a_block_ends_with_its_mark(void)
{
    CU_ASSERT_EQUAL(decode("/ESY5Q3D V3\r\n\r\n1-0:1.8.0*255(00024234.1010820*kWh)\r\n!\r\n"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.total.mantissa, INT64_C(242341010820));
    CU_ASSERT_EQUAL(frame.total.exponent, -7);
    CU_ASSERT_EQUAL(frame.reading.total, 24234101); /* Wh, the rest cut off */
    CU_ASSERT_EQUAL(decode("/ESY5Q3D V3\r\n\r\n1-0:1.8.0*255(00024234.1*kWh)\r\n"), MT_NEED_MORE);
}

static void gas_water_and_heat_by_their_own_registers(void)
{
    CU_ASSERT_EQUAL(decode("/Els6EK\r\n7-0:3.0.0(00012.345*m3)\r\n!\r\n"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_GAS);
    CU_ASSERT_EQUAL(frame.reading.total, 12345000);
    CU_ASSERT_EQUAL(decode("/ABC6W\r\n8-0:1.0.0(00012.3*m3)\r\n!\r\n"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_EQUAL(decode("/ABC6H\r\n6-0:1.0.0(00012.3*MWh)\r\n!\r\n"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
    CU_ASSERT_EQUAL(frame.reading.total, 12300000);
}

static void units_may_stand_without_an_asterisk_or_not_at_all(void)
{
    CU_ASSERT_EQUAL(decode("/ABC5X\r\n1.8.0(0012.5kWh)\r\n!\r\n"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 12500);
    CU_ASSERT_EQUAL(decode("/ABC5X\r\n1.8.0(0012.5)\r\n!\r\n"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total); /* to be looked at, not to be billed */
    CU_ASSERT_EQUAL(frame.value_count, 1);
}

static void the_readers_own_words_carry_no_register(void)
{
    CU_ASSERT_EQUAL(decode("/?!\r\n"), MT_NO_READING);
    CU_ASSERT_EQUAL(decode("\x06"
                           "051\r\n"),
                    MT_NO_READING);
    CU_ASSERT_EQUAL(decode("\x01"
                           "B0\x03q"),
                    MT_NO_READING); /* 42 ^ 30 ^ 03 = 71 */
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(decode("/?!\r\n/ABC5X\r\n1.8.0(1*kWh)\r\n!"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 1000);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    struct mt_frame got;
    size_t done;
    return mt_iec62056_decode(&got, &done, &input) == MT_OK && got.has_reading;
}

static void no_cut_and_no_flipped_bit_gives_a_reading(void)
{
    char text[1024];
    size_t len = block(text, "", data); /* the check begins behind STX */
    expect_every_prefix_refused(accepts, (const uint8_t *)text, len);
    expect_every_flipped_bit_refused(accepts, (const uint8_t *)text, len);
}

static void what_is_built_is_read_back(void)
{
    expect_text_round_trip("iec62056", "0042");
}

static const struct unit_test tests[] = {
    {"a_readout_is_a_reading", a_readout_is_a_reading},
    {"seven_bits_with_even_parity_read_the_same", seven_bits_with_even_parity_read_the_same},
    {"a_push_without_a_block_ends_with_its_mark", a_push_without_a_block_ends_with_its_mark},
    {"gas_water_and_heat_by_their_own_registers", gas_water_and_heat_by_their_own_registers},
    {"units_may_stand_without_an_asterisk_or_not_at_all",
     units_may_stand_without_an_asterisk_or_not_at_all},
    {"the_readers_own_words_carry_no_register", the_readers_own_words_carry_no_register},
    {"no_cut_and_no_flipped_bit_gives_a_reading", no_cut_and_no_flipped_bit_gives_a_reading},
    {"what_is_built_is_read_back", what_is_built_is_read_back},
};
UNIT_MAIN("iec62056", tests)
