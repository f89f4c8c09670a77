/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SML. Transmissions are built message by message from the standard's layout; their checksums come
 * from mt_crc16_x25(), which is not the code that reads them. */
#include "meters/checksum.h"
#include "meters/sml.h"
#include "meters/sml_crc.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;
static uint8_t sent[MT_SML_BYTES_MAX];
static size_t sent_len;

static enum mt_status decode(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_sml_decode(&frame, &used, &input);
}

/* Append one message: its body's hexadecimal, between the head and a checksum that is right. */
static size_t add_message(uint8_t *at, const char *body)
{
    size_t len = unhex(at, 8, "7605000000016200 ");
    len += unhex(at + len, 2, "6200");
    len += unhex(at + len, 600, body);
    uint16_t crc = mt_crc16_x25(at, len);
    at[len++] = 0x63;
    at[len++] = (uint8_t)crc;
    at[len++] = (uint8_t)(crc >> 8);
    at[len++] = 0;
    return len;
}

/* Put messages into a transmission: start, fill, end, checksum. */
static void send_messages(const uint8_t *messages, size_t len)
{
    sent_len = unhex(sent, 8, "1B1B1B1B01010101");
    memcpy(sent + sent_len, messages, len);
    sent_len += len;
    uint8_t pad = (uint8_t)((4 - len % 4) % 4);
    memset(sent + sent_len, 0, pad);
    sent_len += pad;
    sent_len += unhex(sent + sent_len, 5, "1B1B1B1B1A");
    sent[sent_len++] = pad;
    uint16_t crc = mt_crc16_x25(sent, sent_len);
    sent[sent_len++] = (uint8_t)crc;
    sent[sent_len++] = (uint8_t)(crc >> 8);
}

/* One GetList.Res with the given sensor's time and entries. */
static enum mt_status decode_list(const char *time, const char *count, const char *entries)
{
    char body[1500];
    uint8_t messages[1024];
    snprintf(body, sizeof(body), "72630701 7701 0B0A014D5459000000002A 01 %s %s %s 01 01", time,
             count, entries);
    send_messages(messages, add_message(messages, body));
    return decode(sent, sent_len);
}

#define TOTAL "77070100010800FF0101621E52FF"

static void a_list_gives_the_total_and_its_meter(void)
{
    CU_ASSERT_EQUAL(decode_list("01", "72",
                                TOTAL "650098968001"
                                      "77070100100700FF0101621B5200 53FF38 01"),
                    MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "sml");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "0A014D5459000000002A");
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "MTY");
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_EQUAL_FATAL(frame.value_count, 2);
    CU_ASSERT_TRUE(frame.has_total && frame.has_reading);
    CU_ASSERT_EQUAL(frame.total.mantissa, 10000000);
    CU_ASSERT_EQUAL(frame.total.exponent, -1);
    CU_ASSERT_EQUAL(frame.reading.total, 1000000);
    CU_ASSERT_EQUAL(frame.values[1].mantissa, -200); /* two bytes, with their sign */
    CU_ASSERT_STRING_EQUAL(frame.values[1].unit, "W");
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(used, sent_len);
}

static void only_dates_are_times(void)
{
    CU_ASSERT_EQUAL(decode_list("726201 6500000FFF", "71", TOTAL "620101"), MT_OK);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(decode_list("6500000FFF", "71", TOTAL "620101"), MT_OK); /* Holley */
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(decode_list("726202 65655D4B88", "71", TOTAL "620101"), MT_OK);
    CU_ASSERT_TRUE(frame.has_time && frame.has_zone);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1700613000000000));
    CU_ASSERT_EQUAL(decode_list("726203 7365655D4B88 53003C 53003C", "71", TOTAL "620101"), MT_OK);
    CU_ASSERT_EQUAL(frame.zone_minutes, 120);
}

static void tariffs_without_a_total_are_none(void)
{
    CU_ASSERT_EQUAL(decode_list("01", "71", "77070100010801FF0101621E52FF620501"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    CU_ASSERT_EQUAL(frame.value_count, 1);
}

static void an_impossible_total_refuses_the_frame(void)
{
    CU_ASSERT_EQUAL(decode_list("01", "71", "77070100010800FF0101621B5200620501"), MT_BAD_UNIT);
    CU_ASSERT_EQUAL(frame.value_count, 99);
    CU_ASSERT_EQUAL(decode_list("01", "71", "77070100010800FF0101621E520052FF01"), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_list("01", "71", "77070100010800FF0101621E520069FFFFFFFFFFFFFFFF01"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_list("01", "72", TOTAL "620101" TOTAL "620201"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_list("01", "72", TOTAL "620101" TOTAL "620101"), MT_OK);
    /* One element more, or less, than there are. */
    CU_ASSERT_EQUAL(decode_list("01", "72", TOTAL "620101"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_list("01", "70", TOTAL "620101"), MT_BAD_LAYOUT);
}

static const struct mt_sending sending = {
    .identity = {.medium = MT_POWER, .maker = "MTY", .number = "0A014D54591B1B1B1B00"},
    .reading = {.time_us = INT64_C(1700000000000000),
                .total = 123456789,
                .band = {1, 0x1B1B1B1B, 3, 0},
                .band_mask = 7},
    .counter = 7};

static void built_transmissions_come_back_with_escapes(void)
{
    CU_ASSERT_EQUAL(mt_sml_build(sent, &sent_len, sizeof(sent), &sending), MT_OK);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, sending.identity.number);
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "MTY");
    CU_ASSERT_EQUAL(frame.reading.total, 123456789);
    CU_ASSERT_EQUAL(frame.reading.band[1], 0x1B1B1B1B);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 7);
    CU_ASSERT_EQUAL(frame.reading.time_us, sending.reading.time_us);
    size_t whole = sent_len;
    CU_ASSERT_EQUAL(mt_sml_build(sent, &sent_len, whole - 1, &sending), MT_TOO_LARGE);
    struct mt_sending other = sending;
    memcpy(other.identity.number, "0A0", 4);
    CU_ASSERT_EQUAL(mt_sml_build(sent, &sent_len, sizeof(sent), &other), MT_BAD_DIGIT);
}

static void random_readings_come_back(void)
{
    unsigned seed = 20240229;
    printf("    seed %u\n", seed);
    srandom(seed);
    for (int i = 0; i < 500; i++) {
        struct mt_sending s = {.identity = {.medium = (uint8_t)(i % 4)},
                               .counter = (uint32_t)random()};
        snprintf(s.identity.number, sizeof(s.identity.number), "%012ld", random());
        s.reading.total = random() * (random() % 1000);
        s.reading.band_mask = i % 16;
        for (size_t b = 0; b < MT_BANDS; b++) {
            s.reading.band[b] = (i % 16 & 1 << b) != 0 ? random() : 0;
        }
        CU_ASSERT_EQUAL_FATAL(mt_sml_build(sent, &sent_len, sizeof(sent), &s), MT_OK);
        CU_ASSERT_EQUAL_FATAL(decode(sent, sent_len), MT_OK);
        CU_ASSERT_EQUAL(memcmp(&frame.reading, &s.reading, sizeof(s.reading)), 0);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, s.identity.number);
        CU_ASSERT_EQUAL(frame.identity.medium, s.identity.medium);
    }
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    enum mt_status status = mt_sml_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    CU_ASSERT_EQUAL(mt_sml_build(sent, &sent_len, sizeof(sent), &sending), MT_OK);
    expect_every_prefix_refused(accepts, sent, sent_len);
    expect_every_flipped_bit_refused(accepts, sent, sent_len);
}

static void a_broken_transmission_is_stepped_over(void)
{
    uint8_t stream[2048];
    CU_ASSERT_EQUAL(mt_sml_build(sent, &sent_len, sizeof(sent), &sending), MT_OK);
    size_t torn = sent_len - 40; /* its end is lost, and the next one follows at once */
    memcpy(stream, sent, torn);
    memcpy(stream + torn, sent, sent_len);
    CU_ASSERT_EQUAL(decode(stream, torn + sent_len), MT_OK);
    CU_ASSERT_EQUAL(used, torn + sent_len);
    CU_ASSERT_EQUAL(decode(stream, torn), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 0);
    sent[60] ^= 1;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(used, sent_len);
}

static void each_checksum_and_the_fill_are_looked_at(void)
{
    uint8_t messages[64];
    size_t len = add_message(messages, "72630201 7101");
    send_messages(messages, len);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NO_READING); /* a close response only */
    messages[len - 2] ^= 1;
    send_messages(messages, len);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_BAD_CHECKSUM);
    messages[len - 2] ^= 1;
    /* Bytes were lost, and the checksum is right all the same. */
    send_messages(messages, len);
    size_t end = sent_len - 8;
    memmove(sent + end - 1, sent + end, 8);
    sent_len--;
    sent[sent_len - 3]--;
    uint16_t crc = mt_crc16_x25(sent, sent_len - 2);
    sent[sent_len - 2] = (uint8_t)crc;
    sent[sent_len - 1] = (uint8_t)(crc >> 8);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_BAD_CHECKSUM);
}

static void the_fast_register_is_the_slow_one(void)
{
    CU_ASSERT_EQUAL(mt_sml_crc(MT_SML_CRC_X25, (const uint8_t *)"123456789", 9) ^ 0xFFFFu, 0x906E);
    CU_ASSERT_EQUAL(mt_sml_crc(MT_SML_CRC_KERMIT, (const uint8_t *)"123456789", 9), 0x2189);
}

static const struct unit_test tests[] = {
    {"a_list_gives_the_total_and_its_meter", a_list_gives_the_total_and_its_meter},
    {"only_dates_are_times", only_dates_are_times},
    {"tariffs_without_a_total_are_none", tariffs_without_a_total_are_none},
    {"an_impossible_total_refuses_the_frame", an_impossible_total_refuses_the_frame},
    {"built_transmissions_come_back_with_escapes", built_transmissions_come_back_with_escapes},
    {"random_readings_come_back", random_readings_come_back},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
    {"a_broken_transmission_is_stepped_over", a_broken_transmission_is_stepped_over},
    {"each_checksum_and_the_fill_are_looked_at", each_checksum_and_the_fill_are_looked_at},
    {"the_fast_register_is_the_slow_one", the_fast_register_is_the_slow_one},
};
UNIT_MAIN("sml", tests)
