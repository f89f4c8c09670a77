/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Makers' payloads by tables. Payloads are made by hand from the makers' tables. */
#include "meters/maker_layout.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode(const char *protocol, const char *hex)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    return mt_decode(&frame, &used, mt_protocol_find(protocol, strlen(protocol)), &input);
}

/* A report: valve shut (status 0001), battery 3.600 V, 123.456 m3, 2024-02-29 12:34:56. */
#define REPORT_HEAD "6810341200000000000397000000024603C22C002703060300"
#define REPORT_REST                      \
    "1234567890123450"                   \
    "89860000000000000000"               \
    "0E10A2F71700100002C005A0FFFFFF0001" \
    "0001E240"                           \
    "00000001"                           \
    "00000002"                           \
    "240229123456"                       \
    "0000000000000000"

static size_t report(uint8_t *bytes)
{
    size_t len = unhex(bytes, 128, REPORT_HEAD REPORT_REST);
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum += bytes[i];
    }
    bytes[len++] = (uint8_t)sum;
    bytes[len++] = 0x16;
    return len;
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    enum mt_status status = mt_cat1_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static void a_cat1_report_is_a_reading_and_recognised(void)
{
    uint8_t bytes[128];
    size_t len = report(bytes);
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    CU_ASSERT_EQUAL(mt_decode(&frame, &used, NULL, &input), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "cat1");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "00000000001234");
    CU_ASSERT_EQUAL(frame.total.mantissa, 123456);
    CU_ASSERT_EQUAL(frame.total.exponent, -3);
    CU_ASSERT_EQUAL(frame.reading.total, 123456000);
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1709181296000000));
    CU_ASSERT_EQUAL(frame.flags, MT_FLAG_VALVE_SHUT);
    CU_ASSERT_EQUAL(frame.values[0].mantissa, 3600);
    CU_ASSERT_EQUAL(frame.values[1].mantissa, -94);
    expect_every_prefix_refused(accepts, bytes, len);
    expect_every_flipped_bit_refused(accepts, bytes, len);
    /* Another packet is not guessed at. */
    bytes[16] = 1;
    bytes[len - 2] = (uint8_t)(bytes[len - 2] - 2);
    input.bytes = bytes;
    CU_ASSERT_EQUAL(mt_decode(&frame, &used, NULL, &input), MT_UNSUPPORTED);
    CU_ASSERT_FALSE(frame.has_total);
}

static void a_receipt_of_the_server_is_named(void)
{
    CU_ASSERT_EQUAL(decode("cat1", "6810341200000000000317000000020203AF9216"), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(decode("cat1", "6810341200000000000317000000020203AF8E16"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
}

/* Version 1, 2024-02-29 04:34:56 UTC, low battery, 1.000 m3; 2 l, 3 l, then none. */
static const char axioma_hex[] = "01B009E06504E8030000"
                                 "02C0000000000000000000000000000000000000000000000000000000000000"
                                 "000000000000000000";

static void hourly_volumes_add_up_to_the_volume_now(void)
{
    CU_ASSERT_EQUAL(decode("axioma-lora", axioma_hex), MT_OK);
    CU_ASSERT_EQUAL(frame.total.mantissa, 1005);
    CU_ASSERT_EQUAL(frame.reading.total, 1005000);
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1709181360000000));
    CU_ASSERT_EQUAL(frame.flags, MT_FLAG_LOW_BATTERY);
    CU_ASSERT_TRUE(frame.has_zone && frame.zone_minutes == 0);
}

static void payloads_of_another_kind_are_refused(void)
{
    char hex[128];
    snprintf(hex, sizeof(hex), "%s", axioma_hex);
    hex[1] = '2'; /* the version */
    CU_ASSERT_EQUAL(decode("axioma-lora", hex), MT_UNSUPPORTED);
    hex[1] = '1';
    hex[100] = '4'; /* a multiplier */
    CU_ASSERT_EQUAL(decode("axioma-lora", hex), MT_UNSUPPORTED);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    hex[100] = '\0';
    CU_ASSERT_EQUAL(decode("axioma-lora", hex), MT_NEED_MORE);
    snprintf(hex, sizeof(hex), "%s00", axioma_hex);
    CU_ASSERT_EQUAL(decode("axioma-lora", hex), MT_UNSUPPORTED);
}

static void random_readings_come_back(void)
{
    static const struct round_trip rows[] = {
        {.protocol = "cat1",
         .sending = {.identity = {.medium = MT_WATER, .number = "00001234567890"}},
         .total_max = INT64_C(4294967295000),
         .step = 1000,
         .has_time = true},
        {.protocol = "axioma-lora",
         .sending = {.identity = {.medium = MT_WATER}},
         .total_max = INT64_C(4294967295000),
         .step = 1000,
         .has_time = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_round_trip(&rows[i]);
    }
}

static const struct unit_test tests[] = {
    {"a_cat1_report_is_a_reading_and_recognised", a_cat1_report_is_a_reading_and_recognised},
    {"a_receipt_of_the_server_is_named", a_receipt_of_the_server_is_named},
    {"hourly_volumes_add_up_to_the_volume_now", hourly_volumes_add_up_to_the_volume_now},
    {"payloads_of_another_kind_are_refused", payloads_of_another_kind_are_refused},
    {"random_readings_come_back", random_readings_come_back},
};
UNIT_MAIN("maker_layout", tests)
