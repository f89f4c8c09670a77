/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LoRaWAN payloads that are M-Bus records in a frame of their maker's; made by hand. */
#include "meters/maker_layout.h"
#include "tests/support/decoder.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode_bytes(const char *protocol, const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    enum mt_status status =
        mt_decode(&frame, &used, mt_protocol_find(protocol, strlen(protocol)), &input);
    CU_ASSERT_TRUE(used <= len);
    return status;
}

static enum mt_status decode(const char *protocol, const char *hex)
{
    uint8_t bytes[256];
    return decode_bytes(protocol, bytes, unhex(bytes, sizeof(bytes), hex));
}

/* 1234.567 MWh, 22.3 m3, number 12345678, no error. */
static const char elvaco_hex[] = "00 0406 87D61200 0414 B6080000 0C78 78563412 02FD17 0000";
/* KAM 12345678: 1234.567 m3 at 17:37 on 25 March 2027, two hours before 1 l and 0 l less. */
static const char kamstrup_hex[] =
    "72 78563412 2D2C 3C 16 2A 00 0000 446D 25317933 4413 87D61200 4D931306 6101 0100 0000";

static void an_elvaco_module_sends_its_energy(void)
{
    CU_ASSERT_EQUAL(decode("elvaco-lora", elvaco_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "elvaco-lora");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "12345678");
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
    CU_ASSERT_EQUAL(frame.reading.total, INT64_C(1234567000));
    CU_ASSERT_EQUAL(frame.value_count, 4);
    /* The number as an address of eight bytes; an energy that has no value. */
    CU_ASSERT_EQUAL(decode("elvaco-lora", "1E 0406 87D61200 0779 78563412 A511 40 04"), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "12345678");
    CU_ASSERT_EQUAL(decode("elvaco-lora", "00 0406 00000080 0C78 78563412"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    CU_ASSERT_TRUE(frame.total_is_void);
}

static void a_kamstrup_meter_sends_what_it_logged(void)
{
    CU_ASSERT_EQUAL(decode("kamstrup-lora", kamstrup_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "12345678");
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "KAM");
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_EQUAL(frame.reading.total, INT64_C(1234567000));
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1805967420000000)); /* local time is UTC+8 */
    CU_ASSERT_EQUAL(frame.value_count, 1);
    /* Short head, no head, a time that is marked as invalid. */
    CU_ASSERT_EQUAL(decode("kamstrup-lora", "7A 2A 00 0000 4413 87D61200"), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "");
    CU_ASSERT_EQUAL(decode("kamstrup-lora", "78 446D A5317933 4413 87D61200 2F2F"), MT_OK);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(frame.reading.total, INT64_C(1234567000));
}

static void what_is_no_volume_is_not_billed(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"78 4413 00000080", MT_NO_READING},               /* the meter says that it has none */
        {"78 4413 00000080 4413 87D61200", MT_NO_READING}, /* and a second one is none either */
        {"78 4413 FFFFFFFF", MT_BAD_RANGE},                /* below zero */
        {"78 0413 87D61200", MT_NO_READING},               /* of now: not what was logged */
        {"78 446D 25317933", MT_NO_READING},
        {"78 4D931306 6101 0100 0000", MT_BAD_LAYOUT}, /* steps from nothing */
        {"7A 2A 00 0005 4413 87D61200", MT_UNSUPPORTED},
        {"79 4413 87D61200", MT_UNSUPPORTED},
        {"78 4413 87D612", MT_BAD_LAYOUT},
        {"7A 2A 00", MT_BAD_LAYOUT},
        {"78", MT_NEED_MORE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(decode("kamstrup-lora", rows[i].hex), rows[i].status);
        CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    }
    CU_ASSERT_EQUAL(decode("elvaco-lora", "00 0C06 A1000000"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(decode("elvaco-lora", "00 0406 87D612"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode("elvaco-lora", "00"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(decode("elvaco-lora", "00 0406 FFFFFFFF"), MT_OK);
    CU_ASSERT_FALSE(frame.has_reading); /* below zero is shown, and not billed */
}

/* These payloads have no checksum: LoRaWAN's is outside of them. What is cut between two records is
 * the register or nothing; cut anywhere else it is refused. */
static void a_prefix_has_the_register_or_none(void)
{
    static const char *const rows[][2] = {{"elvaco-lora", elvaco_hex},
                                          {"kamstrup-lora", kamstrup_hex}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[256];
        size_t len = unhex(bytes, sizeof(bytes), rows[i][1]);
        unsigned read = 0;
        for (size_t n = 0; n <= len; n++) {
            bool has = decode_bytes(rows[i][0], bytes, n) == MT_OK && frame.has_reading;
            CU_ASSERT_TRUE(!has || frame.reading.total == INT64_C(1234567000));
            read += has ? 1 : 0;
        }
        CU_ASSERT_TRUE(read >= 2 && read <= 6);
    }
}

/* A flipped bit of a value is another value; one of a head or a length never reads past the end, and
 * gives no register that is out of range. */
static void a_flipped_bit_gives_nothing_that_is_out_of_range(void)
{
    static const char *const rows[][2] = {{"elvaco-lora", elvaco_hex},
                                          {"kamstrup-lora", kamstrup_hex}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[256];
        size_t len = unhex(bytes, sizeof(bytes), rows[i][1]);
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum mt_status status = decode_bytes(rows[i][0], bytes, len);
            bool has = status == MT_OK && frame.has_reading;
            CU_ASSERT_TRUE(!has || frame.has_total);
            CU_ASSERT_TRUE(!has ||
                           (frame.reading.total >= 0 && frame.reading.total <= MT_REGISTER_MAX));
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void random_readings_come_back(void)
{
    static const struct round_trip rows[] = {
        {.protocol = "elvaco-lora",
         .sending = {.identity = {.medium = MT_HEAT, .number = "12345678"}},
         .total_max = MT_REGISTER_MAX,
         .step = 1,
         .has_time = true},
        {.protocol = "kamstrup-lora",
         .sending = {.identity = {.medium = MT_WATER, .maker = "KAM", .number = "12345678"}},
         .total_max = INT64_C(2147483647000),
         .step = 1000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_round_trip(&rows[i]);
    }
}

static void what_cannot_be_sent_is_not_built(void)
{
    uint8_t bytes[128];
    size_t len;
    struct mt_sending sending = {
        .identity = {.medium = MT_WATER, .maker = "KAM", .number = "12345678"},
        .reading = {.total = 2500, .time_us = INT64_C(1805967455000000)}};
    CU_ASSERT_EQUAL(mt_kamstrup_lora_build(bytes, &len, sizeof(bytes), &sending), MT_OK);
    CU_ASSERT_EQUAL(decode_bytes("kamstrup-lora", bytes, len), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 2000); /* whole litres, whole minutes */
    CU_ASSERT_EQUAL(frame.reading.time_us, INT64_C(1805967420000000));
    CU_ASSERT_EQUAL(mt_elvaco_lora_build(bytes, &len, sizeof(bytes), &sending), MT_UNSUPPORTED);
    sending.reading.total = INT64_C(2147483648000);
    CU_ASSERT_EQUAL(mt_kamstrup_lora_build(bytes, &len, sizeof(bytes), &sending), MT_BAD_RANGE);
    sending.reading.total = 0;
    sending.reading.time_us = INT64_C(4102416000000000); /* the year 2100 */
    CU_ASSERT_EQUAL(mt_kamstrup_lora_build(bytes, &len, sizeof(bytes), &sending), MT_BAD_RANGE);
    sending.reading.time_us = 0;
    strcpy(sending.identity.number, "123");
    CU_ASSERT_EQUAL(mt_kamstrup_lora_build(bytes, &len, sizeof(bytes), &sending), MT_BAD_DIGIT);
    sending.identity.medium = MT_HEAT;
    CU_ASSERT_EQUAL(mt_kamstrup_lora_build(bytes, &len, sizeof(bytes), &sending), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(mt_elvaco_lora_build(bytes, &len, sizeof(bytes), &sending), MT_BAD_DIGIT);
}

static const struct unit_test tests[] = {
    {"an_elvaco_module_sends_its_energy", an_elvaco_module_sends_its_energy},
    {"a_kamstrup_meter_sends_what_it_logged", a_kamstrup_meter_sends_what_it_logged},
    {"what_is_no_volume_is_not_billed", what_is_no_volume_is_not_billed},
    {"a_prefix_has_the_register_or_none", a_prefix_has_the_register_or_none},
    {"a_flipped_bit_gives_nothing_that_is_out_of_range",
     a_flipped_bit_gives_nothing_that_is_out_of_range},
    {"random_readings_come_back", random_readings_come_back},
    {"what_cannot_be_sent_is_not_built", what_cannot_be_sent_is_not_built},
};
UNIT_MAIN("maker_lora", tests)
