/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LwM2M. Messages are made by hand from the layouts of OMA-TS-LightweightM2M, clause 6.4, and from the
 * objects of OMA's registry. */
#include "meters/lwm2m.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;
static const char *path;

static enum mt_status decode_bytes(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len),
                             .len = len,
                             .path = path,
                             .path_len = path != NULL ? strlen(path) : 0};
    frame = (struct mt_frame){.value_count = 99};
    return mt_lwm2m_decode(&frame, &used, &input);
}

static enum mt_status decode_hex(const char *at, const char *hex)
{
    uint8_t bytes[512];
    path = at;
    return decode_bytes(bytes, unhex(bytes, sizeof(bytes), hex));
}

static enum mt_status decode_text(const char *at, const char *text)
{
    path = at;
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

/* Resource 1, eight bytes: 123.456 as the nearest double, 405EDD2F1A9FBE77; resource 5518, four bytes:
 * 1782864000 (2026-07-01 00:00 UTC), 6A445880; resource 13: false. */
static const char water_hex[] = "C80108405EDD2F1A9FBE77E4158E6A445880C10D00";

static void a_water_meter_tells_its_volume(void)
{
    CU_ASSERT_EQUAL(decode_hex("/3424/0", water_hex), MT_OK);
    expect_total(123456, -3, "m3", 123456000);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1782864000000000));
    CU_ASSERT_TRUE(frame.has_zone);
    CU_ASSERT_EQUAL(frame.zone_minutes, 0);
    CU_ASSERT_EQUAL(frame.flags, 0);
    CU_ASSERT_EQUAL(used, strlen(water_hex) / 2);
    CU_ASSERT_EQUAL(frame.value_count, 1);
}

static void singles_are_read_to_their_own_digits(void)
{
    /* 123.456 as the nearest single is 42F6E979; 16777216 Wh is 4B800000; 0.1 is 3DCCCCCD. */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C40142F6E979"), MT_OK);
    expect_total(123456, -3, "m3", 123456000);
    CU_ASSERT_EQUAL(decode_hex("/3421/0", "C4194B800000"), MT_OK);
    expect_total(16777216, 0, "Wh", 16777216);
    CU_ASSERT_EQUAL(decode_hex("3423/0/", "C4013DCCCCCD"), MT_OK);
    expect_total(1, -1, "m3", 100000);
}

static void what_is_finer_than_six_decimals_is_rounded(void)
{
    /* 2.9999999999999996 = 4007FFFFFFFFFFFF, the double below 3; 2^-20 = 0.00000095367.. */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C801084007FFFFFFFFFFFF"), MT_OK);
    expect_total(3000000, -6, "m3", 3000000);
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C801083EB0000000000000"), MT_OK);
    expect_total(1, -6, "m3", 1);
}

static void no_number_and_no_negative_register_is_taken(void)
{
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4017FC00000"), MT_BAD_RANGE); /* NaN */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4017F800000"), MT_BAD_RANGE); /* infinity */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C401FF800000"), MT_BAD_RANGE); /* its negative */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C401BF800000"), MT_BAD_RANGE); /* -1 */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C801087E37E43C8800759C"), MT_BAD_RANGE); /* 1e300 */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4014E6E6B28"), MT_OK);                  /* 1e9 m3 */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4014E6E6B29"), MT_BAD_RANGE);           /* a bit more */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C40180000000"), MT_OK);                  /* -0 is 0 */
    expect_total(0, 0, "m3", 0);
    CU_ASSERT_EQUAL(decode_hex("/10257/0", "C40CC1200000"), MT_OK); /* -10 C is a temperature */
    CU_ASSERT_EQUAL(frame.values[0].mantissa, -10);
    CU_ASSERT_FALSE(frame.has_total);
}

static void instances_are_told_apart(void)
{
    /* Object instance 1 with 2 m3 in it; then 0 and 1, both with a volume. */
    CU_ASSERT_EQUAL(decode_hex("/3424", "0601C40140000000"), MT_OK);
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_EQUAL(frame.total.subunit, 1);
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(decode_hex("/3424", "0600C4013F8000000601C40140000000"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    CU_ASSERT_EQUAL(decode_hex("/3424", "0600C4013F800000"), MT_OK);
    expect_total(1, 0, "m3", 1000000);
    CU_ASSERT_EQUAL(decode_hex("/3424", "C4013F800000"), MT_OK); /* an object of one instance */
    expect_total(1, 0, "m3", 1000000);
}

static void all_phases_go_before_one(void)
{
    static const char text[] = "{\"bn\":\"/\",\"e\":[{\"n\":\"3421/0/25\",\"v\":100},"
                               "{\"n\":\"3421/1/25\",\"v\":200},{\"n\":\"3422/0/17\",\"v\":350.5},"
                               "{\"n\":\"3421/2/25\",\"v\":50.5}]}";
    CU_ASSERT_EQUAL(decode_text(NULL, text), MT_OK);
    expect_total(3505, -1, "Wh", 350);
    CU_ASSERT_EQUAL(frame.value_count, 4);
}

static void ids_and_lengths_of_every_width_are_read(void)
{
    /* 16-bit id 5805; lengths of 8, 16 and 24 bits; a 16-bit instance id. */
    CU_ASSERT_EQUAL(decode_hex("/3305/0", "E416AD447A0000"), MT_OK);
    expect_total(1000, 0, "Wh", 1000);
    CU_ASSERT_EQUAL(decode_hex("/3305/0", "E816AD04447A0000"), MT_OK);
    CU_ASSERT_EQUAL(decode_hex("/3305/0", "F016AD0004447A0000"), MT_OK);
    CU_ASSERT_EQUAL(decode_hex("/3305/0", "F816AD000004447A0000"), MT_OK);
    expect_total(1000, 0, "Wh", 1000);
    CU_ASSERT_EQUAL(decode_hex("/3305", "270100E416AD447A0000"), MT_OK);
    CU_ASSERT_EQUAL(frame.total.subunit, 255); /* 256 and more are shown as 255 */
    /* Several supply voltages of the device: 3800 and 5000 mV. */
    CU_ASSERT_EQUAL(decode_hex("/3/0", "880708 42000ED8 42011388"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    CU_ASSERT_EQUAL(frame.values[1].mantissa, 5000);
    CU_ASSERT_EQUAL(decode_hex("/3/0/7", "42000ED842011388"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 2);
}

static void what_stands_in_a_wrong_place_is_refused(void)
{
    static const char *const wrong[] = {
        "0600C4013F800000",     /* an instance, where the path names it already and another id */
        "0408C4013F8000",       /* a resource that is longer than its instance */
        "86018601C4013F800000", /* several instances inside of several instances */
        "44013F800000",         /* an instance of no resource */
    };
    CU_ASSERT_NOT_EQUAL(decode_hex("/3424/1", wrong[0]), MT_OK);
    for (size_t i = 1; i < 4; i++) {
        CU_ASSERT_NOT_EQUAL(decode_hex("/3424", wrong[i]), MT_OK);
    }
    CU_ASSERT_NOT_EQUAL(decode_hex("/3424/0/2", "C4013F800000"), MT_OK);
    /* Inside of a resource of several instances: another such, and a resource. */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "846382634000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "8463C2630000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("/3424", "06008463C2630000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4013F800000C40140000000"), MT_BAD_LAYOUT); /* twice */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C2013F80"), MT_BAD_LAYOUT); /* a float of two bytes */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C10D02"), MT_BAD_LAYOUT);   /* neither true nor false */
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "860144003F800000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "E4158E80000000"), MT_BAD_RANGE); /* before 1970 */
}

static void warnings_become_flags(void)
{
    CU_ASSERT_EQUAL(decode_hex("/3424/0", "C4013F800000C10D01"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_TAMPER);
    CU_ASSERT_EQUAL(decode_text("/3424/0", "{\"e\":[{\"n\":\"1\",\"v\":1},"
                                           "{\"n\":\"11\",\"bv\":true}]}"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_TAMPER);
}

static void a_unit_of_its_own_is_waited_for(void)
{
    CU_ASSERT_EQUAL(decode_text(NULL, "{\"bn\":\"/3331/0/\",\"e\":[{\"n\":\"5700\",\"v\":12.5},"
                                      "{\"n\":\"5701\",\"sv\":\"kWh\"}]}"),
                    MT_OK);
    expect_total(125, -1, "kWh", 12500);
    /* 5700 = 12.5 as a single, 5701 = "J": shown, not billed. */
    CU_ASSERT_EQUAL(decode_hex("/3331/0", "E4164441480000E116454A"), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.total.unit, "J");
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(decode_hex("/3331/0", "E4164441480000"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(decode_hex("/3331/0", "E4164441480000E1164558"), MT_BAD_UNIT);
}

static void the_newest_of_several_times_is_the_total(void)
{
    static const char text[] = "{\"bn\":\"/3424/0/1\",\"e\":[{\"v\":22.9,\"t\":-30},"
                               "{\"v\":23.4,\"t\":-5},{\"v\":21.1,\"t\":-50}],\"bt\":1782864000}";
    CU_ASSERT_EQUAL(decode_text(NULL, text), MT_OK);
    expect_total(234, -1, "m3", 23400000);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1782863995000000));
    CU_ASSERT_EQUAL(frame.values[0].storage, 1);
    CU_ASSERT_EQUAL(frame.values[1].storage, 0);
    CU_ASSERT_EQUAL(frame.values[2].storage, 1);
    /* Nobody knows which is the newest of these. */
    CU_ASSERT_EQUAL(decode_text(NULL, "{\"bn\":\"/3424/0/1\",\"e\":[{\"v\":1},{\"v\":2}]}"),
                    MT_BAD_LAYOUT);
}

static void json_that_is_another_is_none(void)
{
    static const char *const none[] = {
        "{\"a\":1}",
        "[{\"n\":\"/3424/0/1\",\"v\":1}]",
        "{}",
        "7",
    };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CU_ASSERT_EQUAL(decode_text(NULL, none[i]), MT_NOT_FOUND);
    }
    static const char *const bad[] = {
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":1,\"v\":1}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":1,\"sv\":\"1\"}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\"}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"x\",\"v\":1}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":\"1\"}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"bv\":true}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":1}],\"bver\":5}",
        "{\"bn\":\"/3424/0/1/2/3/\",\"e\":[{\"n\":\"1\",\"v\":1}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":01}]}",
        "{\"bn\":\"/3424/0/\",\"e\":[1]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enum mt_status status = decode_text(NULL, bad[i]);
        CU_ASSERT_TRUE(status < 0 && status != MT_NO_READING && status != MT_UNSUPPORTED);
    }
}

static void text_is_one_resource(void)
{
    CU_ASSERT_EQUAL(decode_text("/3424/0/1", "123.456"), MT_OK);
    expect_total(123456, -3, "m3", 123456000);
    CU_ASSERT_EQUAL(decode_text("/10242/0/41", "7.25"), MT_OK);
    expect_total(725, -2, "kWh", 7250);
    CU_ASSERT_EQUAL(decode_text("/10243/0/14", "1"), MT_OK);
    expect_total(1, 0, "kWh", 1000);
    CU_ASSERT_EQUAL(decode_text("/3424/0/1", "-1"), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_text("/3424/0/1", "12,5"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_text("/3424/0", "123"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_text(NULL, "123"), MT_NOT_FOUND);
}

static void what_is_no_meter_is_told_apart(void)
{
    CU_ASSERT_EQUAL(decode_hex("/1/0", "C10001"), MT_UNSUPPORTED);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "lwm2m");
    CU_ASSERT_EQUAL(decode_hex("/3/0", "C30041424300"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(decode_hex("/3/0", "C300414243"), MT_NO_READING);
    CU_ASSERT_EQUAL(decode_hex("/3/0", "C40D6A445880"), MT_OK);
    CU_ASSERT_TRUE(frame.has_time);
    CU_ASSERT_EQUAL(decode_hex(NULL, water_hex), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(decode_hex("/70000/0", water_hex), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(decode_hex("//0", water_hex), MT_NOT_FOUND);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len, .path = path, .path_len = strlen(path)};
    return mt_lwm2m_decode(&frame, &used, &input) == MT_OK && frame.has_reading && frame.has_time;
}

static void no_part_of_a_message_is_one(void)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), water_hex) - 3; /* it ends with its time */
    path = "/3424/0";
    expect_every_prefix_refused(accepts, bytes, len);
    static const char json[] =
        "{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":1.5}],\"bt\":1782864000}";
    expect_every_prefix_refused(accepts, (const uint8_t *)json, strlen(json));
}

/* No checksum protects it, so a flipped bit may make another number; it never reads beyond. */
static void flipped_bits_are_survived(void)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), water_hex);
    path = "/3424/0";
    for (size_t bit = 0; bit < len * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum mt_status status = decode_bytes(bytes, len);
        CU_ASSERT_TRUE(status != MT_OK || !frame.has_reading || frame.reading.total >= 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void what_is_built_is_read_back(void)
{
    struct round_trip t = {.protocol = "lwm2m", .step = 1, .has_time = true};
    t.total_max = INT64_C(1000000000000000);
    for (uint8_t medium = MT_POWER; medium <= MT_HEAT; medium++) {
        t.sending.identity.medium = medium;
        expect_round_trip(&t);
    }
    uint8_t bytes[128];
    size_t len;
    struct mt_sending s = {.identity = {.medium = MT_MEDIUM_OTHER}};
    CU_ASSERT_EQUAL(mt_lwm2m_build(bytes, &len, sizeof(bytes), &s), MT_UNSUPPORTED);
    s.identity.medium = MT_WATER;
    s.reading.time_us = 1;
    CU_ASSERT_EQUAL(mt_lwm2m_build(bytes, &len, sizeof(bytes), &s), MT_BAD_RANGE);
}

/* The host's own doubles: every volume of a meter with whole litres, or millilitres, comes back. */
static void doubles_at_random_keep_every_digit(void)
{
    uint64_t random = 20261123;
    printf("    seed %llu\n", (unsigned long long)random);
    path = "/3424/0";
    for (unsigned i = 0; i < 2000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t total_ml = (int64_t)(random >> 20) % 1000000000000;
        double m3 = (double)total_ml / 1e6;
        uint64_t bits;
        uint8_t bytes[11] = {0xC8, 0x01, 0x08};
        memcpy(&bits, &m3, sizeof(bits));
        for (size_t b = 0; b < 8; b++) {
            bytes[3 + b] = (uint8_t)(bits >> (56 - 8 * b));
        }
        CU_ASSERT_EQUAL_FATAL(decode_bytes(bytes, sizeof(bytes)), MT_OK);
        CU_ASSERT_EQUAL(frame.reading.total, total_ml);
    }
}

static const struct unit_test tests[] = {
    {"a_water_meter_tells_its_volume", a_water_meter_tells_its_volume},
    {"singles_are_read_to_their_own_digits", singles_are_read_to_their_own_digits},
    {"what_is_finer_than_six_decimals_is_rounded", what_is_finer_than_six_decimals_is_rounded},
    {"no_number_and_no_negative_register_is_taken", no_number_and_no_negative_register_is_taken},
    {"instances_are_told_apart", instances_are_told_apart},
    {"all_phases_go_before_one", all_phases_go_before_one},
    {"ids_and_lengths_of_every_width_are_read", ids_and_lengths_of_every_width_are_read},
    {"what_stands_in_a_wrong_place_is_refused", what_stands_in_a_wrong_place_is_refused},
    {"warnings_become_flags", warnings_become_flags},
    {"a_unit_of_its_own_is_waited_for", a_unit_of_its_own_is_waited_for},
    {"the_newest_of_several_times_is_the_total", the_newest_of_several_times_is_the_total},
    {"json_that_is_another_is_none", json_that_is_another_is_none},
    {"text_is_one_resource", text_is_one_resource},
    {"what_is_no_meter_is_told_apart", what_is_no_meter_is_told_apart},
    {"no_part_of_a_message_is_one", no_part_of_a_message_is_one},
    {"flipped_bits_are_survived", flipped_bits_are_survived},
    {"what_is_built_is_read_back", what_is_built_is_read_back},
    {"doubles_at_random_keep_every_digit", doubles_at_random_keep_every_digit},
};

UNIT_MAIN("lwm2m", tests)
