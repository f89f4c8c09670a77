/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SenML packs as frames. Packs are made by hand from RFC 8428. */
#include "meters/senml_frame.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode_bytes(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    return mt_senml_decode(&frame, &used, &input);
}

static enum mt_status decode(const char *text)
{
    return decode_bytes((const uint8_t *)text, strlen(text));
}

static void expect_total(int64_t mantissa, int exponent, const char *unit, int64_t smallest)
{
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_EQUAL(frame.total.mantissa, mantissa);
    CU_ASSERT_EQUAL(frame.total.exponent, exponent);
    CU_ASSERT_STRING_EQUAL(frame.total.unit, unit);
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, smallest);
}

static void a_register_is_known_by_its_name(void)
{
    CU_ASSERT_EQUAL(decode("[{\"bn\":\"urn:dev:ops:000123AB:\",\"bt\":1782864000,\"n\":\"1.8.0\","
                           "\"u\":\"kWh\",\"v\":120.50},{\"n\":\"1.8.2\",\"u\":\"kWh\",\"v\":20.5},"
                           "{\"n\":\"u\",\"u\":\"V\",\"v\":230.1}]"),
                    MT_OK);
    expect_total(1205, -1, "kWh", 120500);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "000123AB");
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1782864000000000));
    CU_ASSERT_EQUAL(frame.reading.band_mask, 2);
    CU_ASSERT_EQUAL(frame.reading.band[1], 20500);
    CU_ASSERT_EQUAL(frame.value_count, 3);
    CU_ASSERT_STRING_EQUAL(frame.values[2].name, "voltage");
    CU_ASSERT_EQUAL(decode("[{\"n\":\"1.0.0\",\"u\":\"m3\",\"v\":7.125}]"), MT_OK);
    expect_total(7125, -3, "m3", 7125000);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(decode("[{\"n\":\"3.0.0\",\"u\":\"l\",\"v\":7}]"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_GAS);
    CU_ASSERT_EQUAL(decode("[{\"n\":\"1.0.0\",\"u\":\"kWh\",\"v\":7}]"), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
}

static void a_unit_alone_makes_no_register(void)
{
    CU_ASSERT_EQUAL(decode("[{\"n\":\"a\",\"u\":\"m3\",\"v\":7}]"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_STRING_EQUAL(frame.values[0].unit, "m3");
    CU_ASSERT_EQUAL(decode("[{\"n\":\"1.8.0\",\"u\":\"V\",\"v\":7}]"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(decode("[{\"n\":\"1.8.0\",\"v\":7}]"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
}

static void a_sum_over_time_is_cumulative(void)
{
    CU_ASSERT_EQUAL(decode("[{\"bs\":100,\"n\":\"f\",\"u\":\"m3/s\",\"v\":0.001,\"s\":23.5}]"),
                    MT_OK);
    expect_total(1235, -1, "m3", 123500000);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    /* Watts over seconds are joules: shown, no bill is made of them. */
    CU_ASSERT_EQUAL(decode("[{\"n\":\"p\",\"u\":\"W\",\"s\":3600}]"), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.values[0].unit, "J");
    CU_ASSERT_FALSE(frame.has_total);
    /* Cubic metres times seconds are nothing that a meter counts. */
    CU_ASSERT_EQUAL(decode("[{\"n\":\"v\",\"u\":\"m3\",\"s\":3600}]"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
}

static void base_values_are_added_digit_by_digit(void)
{
    CU_ASSERT_EQUAL(
        decode("[{\"bn\":\"A1:\",\"bv\":1000.25,\"bu\":\"Wh\",\"n\":\"1.8.0\",\"v\":3}]"), MT_OK);
    expect_total(100325, -2, "Wh", 1003);
    CU_ASSERT_EQUAL(decode("[{\"bv\":-5,\"u\":\"Wh\",\"n\":\"1.8.0\",\"v\":3}]"), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode("[{\"n\":\"t\",\"u\":\"Cel\",\"v\":-3.5}]"), MT_OK);
    CU_ASSERT_EQUAL(frame.values[0].mantissa, -35);
}

static void the_newest_of_several_times_is_the_total(void)
{
    CU_ASSERT_EQUAL(
        decode("[{\"bn\":\"A1:\",\"bt\":1782864000,\"bu\":\"l\",\"n\":\"1.0.0\",\"t\":-60,"
               "\"v\":10},{\"n\":\"1.0.0\",\"v\":12},{\"n\":\"1.0.0\",\"t\":-30,\"v\":11}]"),
        MT_OK);
    expect_total(12, 0, "l", 12000);
    CU_ASSERT_EQUAL(frame.values[0].storage, 1);
    CU_ASSERT_EQUAL(frame.values[2].storage, 1);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1782864000000000));
    CU_ASSERT_EQUAL(decode("[{\"bu\":\"l\",\"n\":\"1.0.0\",\"v\":10},{\"n\":\"1.0.0\",\"v\":12}]"),
                    MT_BAD_LAYOUT);
    /* Bands of several moments belong to none. */
    CU_ASSERT_EQUAL(decode("[{\"bt\":1782864000,\"bu\":\"Wh\",\"n\":\"1.8.0\",\"v\":10},"
                           "{\"n\":\"1.8.1\",\"t\":-60,\"v\":9}]"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 0);
}

static void two_meters_in_a_pack_have_no_total(void)
{
    CU_ASSERT_EQUAL(decode("[{\"bn\":\"A1:\",\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":10},"
                           "{\"bn\":\"A2:\",\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":11}]"),
                    MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "");
    CU_ASSERT_EQUAL(decode("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":10},"
                           "{\"n\":\"1.0.0\",\"u\":\"m3\",\"v\":11}]"),
                    MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
}

static void names_of_lwm2m_are_its_resources(void)
{
    CU_ASSERT_EQUAL(decode("[{\"bn\":\"/3424/0/\",\"n\":\"1\",\"v\":12.5},"
                           "{\"n\":\"5518\",\"v\":1782864000},{\"n\":\"3\",\"vs\":\"x\"}]"),
                    MT_OK);
    expect_total(125, -1, "m3", 12500000);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1782864000000000));
}

static void what_rfc_8428_forbids_is_refused(void)
{
    static const char *const bad[] = {
        "[{\"n\":\"a\",\"v\":1,\"x_\":2}]", "[{\"v\":1}]",
        "[{\"n\":\"a b\",\"v\":1}]",        "[{\"bver\":11,\"n\":\"a\",\"v\":1}]",
        "[{\"n\":\"a\",\"v\":\"1\"}]",      "[{\"n\":\"a\",\"v\":1}{\"n\":\"b\",\"v\":1}]",
        "[{\"n\":\"a\",\"v\":01}]",         "[{\"n\":\"a\",\"v\":1,\"v\":2}]",
        "[{\"n\":\"a\",\"v\":1e300}]",      "[{\"n\":\"a\",\"v\":1},]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enum mt_status status = decode(bad[i]);
        if (status == MT_OK || status == MT_NO_READING) {
            printf("    %s\n", bad[i]);
        }
        CU_ASSERT_TRUE(status < 0 && status != MT_NO_READING);
    }
    CU_ASSERT_EQUAL(decode("[{\"n\":\"a\",\"vs\":\"on\"}]"), MT_NO_READING);
    CU_ASSERT_EQUAL(decode("[{\"foo\":1}]"), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(decode("[1,2]"), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(decode(""), MT_NOT_FOUND);
}

/* [{n: "1.0.0", u: "m3", v: 123.456 as a double}] in CBOR; the same as a not-a-number. */
static void cbor_is_told_by_its_first_byte(void)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), "81A300 65312E302E30 01626D33 02FB405EDD2F1A9FBE77");
    CU_ASSERT_EQUAL(decode_bytes(bytes, len), MT_OK);
    expect_total(123456, -3, "m3", 123456000);
    CU_ASSERT_EQUAL(used, len);
    len = unhex(bytes, sizeof(bytes), "81A300 65312E302E30 01626D33 02F97E00");
    CU_ASSERT_EQUAL(decode_bytes(bytes, len), MT_BAD_RANGE);
}

/* [{n: "a", v: ..}] with half floats: the largest below the normal ones, 1023 * 2^-24; infinity. */
static void the_smallest_floats_are_read_too(void)
{
    uint8_t bytes[16];
    size_t len = unhex(bytes, sizeof(bytes), "81A2006161 02F903FF");
    CU_ASSERT_EQUAL(decode_bytes(bytes, len), MT_OK);
    CU_ASSERT_EQUAL(frame.values[0].mantissa, 61);
    CU_ASSERT_EQUAL(frame.values[0].exponent, -6);
    len = unhex(bytes, sizeof(bytes), "81A2006161 02F97C00");
    CU_ASSERT_EQUAL(decode_bytes(bytes, len), MT_BAD_RANGE);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    return mt_senml_decode(&frame, &used, &input) == MT_OK;
}

static void no_part_of_a_pack_is_one(void)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), "81A300 65312E302E30 01626D33 02FB405EDD2F1A9FBE77");
    expect_every_prefix_refused(accepts, bytes, len);
    static const char json[] = "[{\"n\":\"1.0.0\",\"u\":\"m3\",\"v\":1.5},{\"n\":\"b\",\"v\":1}]";
    expect_every_prefix_refused(accepts, (const uint8_t *)json, strlen(json));
}

static void flipped_bits_are_survived(void)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), "81A300 65312E302E30 01626D33 02FB405EDD2F1A9FBE77");
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum mt_status status = decode_bytes(bytes, len);
        CU_ASSERT_TRUE(status != MT_OK || !frame.has_reading || frame.reading.total >= 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void what_is_built_is_read_back(void)
{
    for (uint8_t medium = MT_POWER; medium <= MT_HEAT; medium++) {
        struct round_trip t = {.protocol = "senml",
                               .sending = {.identity = {.medium = medium, .number = "0012345X"}},
                               .total_max = INT64_C(1000000000000000),
                               .step = 1,
                               .has_bands = medium == MT_POWER,
                               .has_time = true};
        expect_round_trip(&t);
        t.sending.identity.number[0] = '\0';
        expect_round_trip(&t);
    }
}

static const struct unit_test tests[] = {
    {"a_register_is_known_by_its_name", a_register_is_known_by_its_name},
    {"a_unit_alone_makes_no_register", a_unit_alone_makes_no_register},
    {"a_sum_over_time_is_cumulative", a_sum_over_time_is_cumulative},
    {"base_values_are_added_digit_by_digit", base_values_are_added_digit_by_digit},
    {"the_newest_of_several_times_is_the_total", the_newest_of_several_times_is_the_total},
    {"two_meters_in_a_pack_have_no_total", two_meters_in_a_pack_have_no_total},
    {"names_of_lwm2m_are_its_resources", names_of_lwm2m_are_its_resources},
    {"what_rfc_8428_forbids_is_refused", what_rfc_8428_forbids_is_refused},
    {"cbor_is_told_by_its_first_byte", cbor_is_told_by_its_first_byte},
    {"the_smallest_floats_are_read_too", the_smallest_floats_are_read_too},
    {"no_part_of_a_pack_is_one", no_part_of_a_pack_is_one},
    {"flipped_bits_are_survived", flipped_bits_are_survived},
    {"what_is_built_is_read_back", what_is_built_is_read_back},
};

UNIT_MAIN("senml_frame", tests)
