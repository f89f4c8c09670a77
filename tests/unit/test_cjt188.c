/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CJ/T 188. Frames are made by hand from the standards' layouts. A gas meter's 901F among them: no
 * public capture of a conformant one is known. */
#include "meters/cjt188.h"
#include "tests/support/decoder.h"
#include "tests/support/frame_values.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

#define CLOCK_US INT64_C(1709181296000000) /* 2024-02-29 12:34:56 local */

static struct mt_frame frame;
static size_t used;

static enum mt_status decode(const char *hex)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_cjt188_decode(&frame, &used, &input);
}

static void expect_value(uint32_t index, int64_t mantissa, int8_t exponent, const char *unit)
{
    expect_frame_value(&frame, index, mantissa, exponent, unit, NULL);
}

static const char water_hex[] =
    "6810907856341200008116901F05452301002C000001002C5634122902242005003916";
static const char heat_hex[] =
    "682090785634120000812E901F0500100000054523000005500100001700200100352143"
    "00002C2555001045002301005634122902242004006116";

static void a_water_meter_gives_volume_clock_valve_and_battery(void)
{
    CU_ASSERT_EQUAL(decode(water_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "cjt188");
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "00001234567890");
    CU_ASSERT_EQUAL(frame.data_id, MT_CJT188_CURRENT);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    expect_value(0, 12345, -2, "m3");
    expect_value(1, 10000, -2, "m3");
    CU_ASSERT_EQUAL(frame.values[0].obis.f, MT_OBIS_CURRENT);
    CU_ASSERT_EQUAL(frame.values[1].obis.f, 1);
    CU_ASSERT_TRUE(frame.has_time);
    CU_ASSERT_EQUAL(frame.time_us, CLOCK_US);
    CU_ASSERT_EQUAL(frame.flags, MT_FLAG_VALVE_SHUT | MT_FLAG_LOW_BATTERY);
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 123450000);
    CU_ASSERT_EQUAL(frame.reading.time_us, CLOCK_US);
    CU_ASSERT_EQUAL(frame.reading.flags, frame.flags);
}

static void the_2018_order_and_absent_fields_are_read(void)
{
    CU_ASSERT_EQUAL(
        decode("68109078563412000081161F9005452301002CFFFFFFFF2CFFFFFFFFFFFFFF00001D16"), MT_OK);
    CU_ASSERT_EQUAL(frame.data_id, MT_CJT188_CURRENT);
    CU_ASSERT_EQUAL(frame.reading.total, 123450000);
    CU_ASSERT_TRUE(frame.values[1].absent);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(frame.reading.time_us, 0);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_CLOCK_DOUBT);
}

static void a_gas_meter_is_read_alike(void)
{
    CU_ASSERT_EQUAL(
        decode("6830907856341200008116901F05452301002C000001002C5634122902242000005416"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_GAS);
    CU_ASSERT_EQUAL(frame.total.obis.c, 3);
    CU_ASSERT_EQUAL(frame.reading.total, 123450000);
}

static void a_heat_meter_gives_heat_and_all_beside_it(void)
{
    CU_ASSERT_EQUAL(decode(heat_hex), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
    CU_ASSERT_EQUAL(frame.value_count, 8);
    expect_value(0, 1000, -2, "kWh"); /* at settlement */
    expect_value(1, 2345, -2, "kWh");
    expect_value(2, 150, -2, "kW");
    expect_value(3, 12000, -4, "m3/h");
    expect_value(4, 4321, -2, "m3");
    expect_value(5, 5525, -2, "Cel");
    expect_value(6, 4510, -2, "Cel");
    expect_value(7, 123, 0, "h");
    CU_ASSERT_EQUAL(frame.total.mantissa, 2345);
    CU_ASSERT_EQUAL(frame.reading.total, 23450);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_LOW_BATTERY);
}

static void joules_and_litres_are_shown_and_never_billed(void)
{
    CU_ASSERT_EQUAL(decode(
                        "682090785634120000812E901F0500100000114523000011500100001700200100352143"
                        "00002C2555001045002301005634122902242004007916"),
                    MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.total.unit, "GJ");
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(
        decode("6810907856341200008116901F05452301002900000100295634122902242000002E16"), MT_OK);
    expect_value(0, 12345, -2, "l");
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_FALSE(frame.has_reading);
}

static void makers_variants_are_read(void)
{
    /* Unit before value. */
    CU_ASSERT_EQUAL(
        decode("6810907856341200008116901F052C452301002C000001005634122902242000003416"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 123450000);
    expect_value(1, 10000, -2, "m3");
    CU_ASSERT_EQUAL(frame.time_us, CLOCK_US);
    /* Year first. */
    CU_ASSERT_EQUAL(
        decode("6810907856341200008116901F05452301002C000001002C2024022912345600003416"), MT_OK);
    CU_ASSERT_EQUAL(frame.time_us, CLOCK_US);
    /* Three decimals. */
    CU_ASSERT_EQUAL(
        decode("6810907856341200008116901F05452301002B000001002B5634122902242000003216"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 12345000);
    /* An identifier of no standard is shown, not billed. */
    CU_ASSERT_EQUAL(decode("6810907856341200008108909005452301002C5F16"), MT_OK);
    CU_ASSERT_EQUAL(frame.total.mantissa, 12345);
    CU_ASSERT_FALSE(frame.has_reading);
}

static void a_clock_that_shows_no_moment_is_doubted_only(void)
{
    CU_ASSERT_EQUAL(
        decode("6810907856341200008116901F05452301002C000001002C9999999999999900005816"), MT_OK);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(frame.reading.total, 123450000);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_CLOCK_DOUBT);
}

static void history_is_no_reading_of_now(void)
{
    CU_ASSERT_EQUAL(decode("6810907856341200008108D12205999900002CFB16"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 1);
    expect_value(0, 9999, -2, "m3");
    CU_ASSERT_EQUAL(frame.values[0].obis.f, 3);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
}

static void what_carries_no_register_is_named(void)
{
    CU_ASSERT_EQUAL(decode("6810907856341200000103901F05D416"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(frame.data_id, MT_CJT188_CURRENT);
    CU_ASSERT_EQUAL(decode("681090785634120000C103050200E716"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    CU_ASSERT_EQUAL(frame.error, 0x02);
    CU_ASSERT_EQUAL(decode("6810907856341200008405A0170500006116"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.data_id, 0xA017);
    CU_ASSERT_EQUAL(decode("6810907856341200008303810A053216"), MT_NO_READING);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "00001234567890");
    CU_ASSERT_EQUAL(decode("6810907856341200008109901F054523010000FFC216"), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(frame.value_count, 0);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
}

static void wrong_digits_and_units_yield_nothing(void)
{
    CU_ASSERT_EQUAL(decode(
                        "6810907856341200008116901F050A0000002C000001002C563412290224200000D516"),
                    MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(frame.value_count, 99);
    CU_ASSERT_EQUAL(decode(
                        "6810907856341200008116901F0545230100050000010005563412290224200000E616"),
                    MT_BAD_UNIT);
    CU_ASSERT_EQUAL(frame.value_count, 99);
}

static void prefixes_noise_and_several_frames_are_stepped_through(void)
{
    char hex[256];
    uint8_t bytes[128];
    snprintf(hex, sizeof(hex), "4354524C3A26FEFEFE%s%s", water_hex, heat_hex);
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = bytes, .len = len};
    CU_ASSERT_EQUAL(mt_cjt188_decode(&frame, &used, &input), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_EQUAL(used, 9 + strlen(water_hex) / 2);
    input = (struct mt_input){.bytes = bytes + used, .len = len - used};
    CU_ASSERT_EQUAL(mt_cjt188_decode(&frame, &used, &input), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
    /* A sum over C to DATA only, as one back end computes it, is a wrong one. */
    snprintf(hex, sizeof(hex), "%s", water_hex);
    memcpy(hex + strlen(hex) - 4, "0E", 2);
    CU_ASSERT_EQUAL(decode(hex), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(decode("0068109078"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 1);
    CU_ASSERT_EQUAL(decode("68009078"), MT_NOT_FOUND);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    enum mt_status status = mt_cjt188_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return mt_status_is_told(status);
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    static const char *const rows[] = {water_hex, heat_hex, "6810907856341200000103901F05D416"};
    expect_damage_refused(accepts, rows, sizeof(rows) / sizeof(rows[0]));
}

static void frames_are_built_as_by_hand(void)
{
    uint8_t out[MT_CJT188_FRAME_MAX];
    size_t out_len = 0;
    struct mt_cjt188_frame to = {.type = MT_CJT188_COLD_WATER,
                                 .number = "00001234567890",
                                 .control = MT_CJT188_READ,
                                 .data_id = MT_CJT188_CURRENT,
                                 .serial = 5};
    CU_ASSERT_EQUAL(mt_cjt188_build(out, &out_len, sizeof(out), &to), MT_OK);
    expect_bytes(out, out_len, "6810907856341200000103901F05D416");
    struct mt_cjt188_state state = {.total = 123459999,
                                    .settlement = 100000000,
                                    .time_us = CLOCK_US,
                                    .flags = MT_FLAG_VALVE_SHUT | MT_FLAG_LOW_BATTERY};
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_OK);
    expect_bytes(out, out_len, water_hex);
    to.low_first = true;
    to.preamble_count = 3;
    state = (struct mt_cjt188_state){.total = 123450000, .settlement = -1};
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_OK);
    expect_bytes(out, out_len,
                 "FEFEFE68109078563412000081161F9005452301002CFFFFFFFF2CFFFFFFFFFFFF"
                 "FF00001D16");
}

static void a_built_heat_reply_comes_back(void)
{
    uint8_t out[MT_CJT188_FRAME_MAX];
    size_t out_len = 0;
    const struct mt_cjt188_frame to = {.type = MT_CJT188_HEAT, .number = "99991234567890"};
    const struct mt_cjt188_state state = {.total = 23450,
                                          .settlement = 10000,
                                          .volume = 43210000,
                                          .time_us = CLOCK_US,
                                          .supply_centi_cel = 5525,
                                          .return_centi_cel = 4510,
                                          .hours = 123};
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_OK);
    struct mt_input input = {.bytes = guard_end(out, out_len), .len = out_len};
    CU_ASSERT_EQUAL(mt_cjt188_decode(&frame, &used, &input), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 23450);
    expect_value(0, 1000, -2, "kWh");
    expect_value(4, 4321, -2, "m3");
    expect_value(5, 5525, -2, "Cel");
    expect_value(7, 123, 0, "h");
    CU_ASSERT_EQUAL(frame.time_us, CLOCK_US);
}

static void what_cannot_be_built_is_refused(void)
{
    uint8_t out[MT_CJT188_FRAME_MAX];
    size_t out_len = 77;
    struct mt_cjt188_frame to = {.type = MT_CJT188_GAS, .number = "00001234567890"};
    struct mt_cjt188_state state = {.total = INT64_C(1000000000000), .settlement = 0};
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_BAD_RANGE);
    state = (struct mt_cjt188_state){.total = 1, .time_us = 1};
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_BAD_RANGE);
    state.time_us = 0;
    for (size_t max = 0; max < 35; max++) {
        CU_ASSERT_EQUAL(mt_cjt188_build_state(guard_end(out, max), &out_len, max, &to, &state),
                        MT_TOO_LARGE);
    }
    to.number = "0000123456789";
    CU_ASSERT_EQUAL(mt_cjt188_build_state(out, &out_len, sizeof(out), &to, &state), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(out_len, 77);
}

static void random_readings_come_back(void)
{
    static const struct round_trip rows[] = {
        {.protocol = "cjt188",
         .sending = {.identity = {.medium = MT_WATER, .number = "00001234567890"}},
         .total_max = INT64_C(999999990000),
         .step = 10000,
         .has_time = true},
        {.protocol = "cjt188",
         .sending = {.identity = {.medium = MT_GAS, .number = "99990000000001"}},
         .total_max = INT64_C(999999990000),
         .step = 10000,
         .has_time = true},
        {.protocol = "cjt188",
         .sending = {.identity = {.medium = MT_HEAT, .number = "00001234567890"}},
         .total_max = INT64_C(999999990),
         .step = 10,
         .has_time = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_round_trip(&rows[i]);
    }
}

static const struct unit_test tests[] = {
    {"random_readings_come_back", random_readings_come_back},
    {"a_water_meter_gives_volume_clock_valve_and_battery",
     a_water_meter_gives_volume_clock_valve_and_battery},
    {"the_2018_order_and_absent_fields_are_read", the_2018_order_and_absent_fields_are_read},
    {"a_gas_meter_is_read_alike", a_gas_meter_is_read_alike},
    {"a_heat_meter_gives_heat_and_all_beside_it", a_heat_meter_gives_heat_and_all_beside_it},
    {"joules_and_litres_are_shown_and_never_billed", joules_and_litres_are_shown_and_never_billed},
    {"makers_variants_are_read", makers_variants_are_read},
    {"a_clock_that_shows_no_moment_is_doubted_only", a_clock_that_shows_no_moment_is_doubted_only},
    {"history_is_no_reading_of_now", history_is_no_reading_of_now},
    {"what_carries_no_register_is_named", what_carries_no_register_is_named},
    {"wrong_digits_and_units_yield_nothing", wrong_digits_and_units_yield_nothing},
    {"prefixes_noise_and_several_frames_are_stepped_through",
     prefixes_noise_and_several_frames_are_stepped_through},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
    {"frames_are_built_as_by_hand", frames_are_built_as_by_hand},
    {"a_built_heat_reply_comes_back", a_built_heat_reply_comes_back},
    {"what_cannot_be_built_is_refused", what_cannot_be_built_is_refused},
};
UNIT_MAIN("cjt188", tests)
