/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DL/T 698.45. APDUs are made by hand from the standard's layout (7.3, annex A); whole frames got their
 * CRCs from a second implementation. */
#include "meters/dlt698.h"
#include "tests/support/decoder.h"
#include "tests/support/frame_values.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

#define NUMBER "000012345678"
#define CLOCK_US INT64_C(1709181296000000) /* 2024-02-29 12:34:56 local */

static struct mt_frame frame;
static size_t used;

static enum mt_status decode_bytes(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_dlt698_decode(&frame, &used, &input);
}

static enum mt_status decode(const char *hex)
{
    uint8_t bytes[1024];
    return decode_bytes(bytes, unhex(bytes, sizeof(bytes), hex));
}

/* Put what is behind HCS into a frame. Returns its length. */
static size_t wrap(uint8_t *out, uint8_t control, const char *hex)
{
    uint8_t apdu[512];
    size_t len = 0;
    const struct mt_dlt698_frame link = {.number = NUMBER,
                                         .control = control,
                                         .client = 0x10,
                                         .apdu = apdu,
                                         .apdu_len = unhex(apdu, sizeof(apdu), hex)};
    CU_ASSERT_EQUAL_FATAL(mt_dlt698_build(out, &len, MT_DLT698_FRAME_MAX, &link), MT_OK);
    return len;
}

static enum mt_status decode_apdu(const char *hex)
{
    uint8_t bytes[MT_DLT698_FRAME_MAX];
    return decode_bytes(bytes, wrap(bytes, 0xC3, hex));
}

static void expect_value(uint32_t index, int64_t mantissa, int8_t exponent, const char *unit,
                         const char *obis)
{
    expect_frame_value(&frame, index, mantissa, exponent, unit, obis);
}

/* Total 9876.54 kWh, tariff 1 100.00, tariff 2 50.00. */
static const char list_hex[] =
    "682A00C30578563412000010A81D8501050010020001010306000F1206060000271006000013880000313E16";
static const char request_hex[] = "681700430578563412000010DEFD0501050010020000520916";
/* 123.45 kWh, every byte behind HCS with 33H added. */
static const char scrambled_hex[] =
    "681E00CB0578563412000010F8AFB834383343353334393333636C3333A95016";

static void forward_active_energy_is_a_reading_with_its_tariffs(void)
{
    CU_ASSERT_EQUAL(decode(list_hex), MT_OK);
    CU_ASSERT_EQUAL(used, strlen(list_hex) / 2);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "dlt698");
    CU_ASSERT_STRING_EQUAL(frame.identity.number, NUMBER);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_EQUAL(frame.data_id, 0x00100200);
    CU_ASSERT_EQUAL(frame.value_count, 3);
    expect_value(0, 987654, -2, "kWh", "1.8.0");
    expect_value(1, 10000, -2, "kWh", "1.8.1");
    expect_value(2, 5000, -2, "kWh", "1.8.2");
    CU_ASSERT_TRUE(frame.has_total && frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 9876540);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 3);
    CU_ASSERT_EQUAL(frame.reading.band[1], 50000);
    CU_ASSERT_FALSE(frame.has_time);
}

static void one_element_is_asked_for_by_its_index(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 06000001F4 0000"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 5000);
    /* Tariff 2 alone is no total. */
    CU_ASSERT_EQUAL(decode_apdu("850105 00100203 01 06000001F4 0000"), MT_OK);
    expect_value(0, 500, -2, "kWh", "1.8.2");
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    /* Phase A is no total either. */
    CU_ASSERT_EQUAL(decode_apdu("850105 00110201 01 06000001F4 0000"), MT_OK);
    expect_value(0, 500, -2, "kWh", "21.8.0");
    CU_ASSERT_FALSE(frame.has_total);
}

static void four_decimals_go_before_two(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850105 00100401 01 150000000000BC614E 0000"), MT_OK);
    expect_value(0, 12345678, -4, "kWh", "1.8.0");
    CU_ASSERT_EQUAL(frame.reading.total, 1234567); /* a part of a Wh is cut off */
    CU_ASSERT_EQUAL(decode_apdu("850205 02 00100201 01 060001E240 00100401 01 "
                                "150000000000BC614E 0000"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 1234567);
}

static void combined_energy_has_a_sign_and_is_never_billed_by_itself(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850105 00000201 01 05FFFFFF9C 0000"), MT_OK);
    expect_value(0, -100, -2, "kWh", "15.8.0");
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_FALSE(frame.has_reading);
    /* Beside forward energy, the frame is about that. */
    CU_ASSERT_EQUAL(decode_apdu("850205 02 00000201 01 0500000001 00100201 01 0600000002 0000"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 20);
    /* A forward register below zero is none. */
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 05FFFFFF9C 0000"), MT_BAD_RANGE);
    CU_ASSERT_EQUAL(frame.value_count, 99);
}

static void phases_and_the_clock_are_shown(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850205 04 20000200 01 0103 1208FC 1208FD 00"
                                "20010200 01 0101 05FFFFFFFF"
                                "20040200 01 0104 0500000064 0500000001 0500000002 0500000003"
                                "40000200 01 1C07E8021D0C2238 0000"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 8);
    expect_value(0, 2300, -1, "V", "32.7.0");
    expect_value(1, 2301, -1, "V", "52.7.0");
    CU_ASSERT_TRUE(frame.values[2].absent);
    expect_value(3, -1, -3, "A", "31.7.0");
    expect_value(4, 100, -1, "W", "16.7.0");
    expect_value(7, 3, -1, "W", "76.7.0");
    CU_ASSERT_TRUE(frame.has_time);
    CU_ASSERT_EQUAL(frame.time_us, CLOCK_US);
    CU_ASSERT_FALSE(frame.has_total);
    /* A fourth phase, or a text for a voltage. */
    CU_ASSERT_EQUAL(decode_apdu("850105 20000200 01 0104 120001 120001 120001 120001 0000"),
                    MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_apdu("850105 20000200 01 0101 090131 0000"), MT_BAD_LAYOUT);
    /* A clock that shows no moment. */
    CU_ASSERT_EQUAL(
        decode_apdu("850205 02 40000200 01 1CFFFFFFFFFFFFFF 00100201 01 0600000001 0000"), MT_OK);
    CU_ASSERT_FALSE(frame.has_time);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_CLOCK_DOUBT);
}

static void demand_and_money_are_the_first_of_their_structures(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850105 10100200 01 0102 0202 0600003039 1C07E8021D0C2238"
                                "0202 0600000001 00 0000"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    expect_value(0, 12345, -4, "kW", "1.6.0");
    expect_value(1, 1, -4, "kW", "1.6.1");
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(decode_apdu("850105 202C0200 01 0202 06000004D2 0600000007 0000"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 1);
    expect_value(0, 1234, -2, "CNY", "");
}

static void a_report_is_read_and_one_that_follows_an_answer_too(void)
{
    CU_ASSERT_EQUAL(decode_apdu("880105 01 00100200 01 0101 06000000C8 0000"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 2000);
    /* Nothing of its own, then a follow-up report and a time tag. */
    CU_ASSERT_EQUAL(decode_apdu("850105 33200200 01 00 01 01 01 00100200 01 0101 06000000C8"
                                "01 07E8021D0C2238 010005"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 2000);
    /* Older terminals leave out what is not there. */
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 06000001F4"), MT_OK);
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 06000001F4 00 00 00"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 06000001F4 02 00"), MT_BAD_LAYOUT);
}

static void stored_values_are_no_reading_of_now(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850305 50040200 02 00 20210200 00 00100200 01 01"
                                "1C07E8021D000000 0102 06000003E8 0600000001 0000"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.data_id, 0x50040200);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    expect_value(0, 1000, -2, "kWh", "1.8.0*1");
    expect_value(1, 1, -2, "kWh", "1.8.1*1");
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading || frame.has_time);
    /* A column with columns of its own has no single name. */
    CU_ASSERT_EQUAL(decode_apdu("850305 50040200 01 01 30130200 01 20220200 01 01 0201 1101 0000"),
                    MT_UNSUPPORTED);
}

static void what_is_not_decoded_is_stepped_over_whatever_it_is_made_of(void)
{
    /* One of each type, in a structure, of an object that is not known. */
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 0217 00 0301 040CFFF0 0502030405 0602030405"
                                "0903010203 0A0141 0C0141 0F80 10FFFF 1101 12FFFF"
                                "140102030405060708 15FF02030405060707 1601"
                                "190102030405060708090A 1A0102030405 1B010203 500010"
                                "5100100200 5200100200 01 00100200 5402000F 55020101 0000"),
                    MT_BAD_RANGE); /* a number beyond 63 bits is none that we can hold */
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 0213 00 0301 040CFFF0 0502030405 0602030405"
                                "0903010203 0A0141 0C0141 0F80 10FFFF 1101 12FFFF"
                                "140102030405060708 1601 190102030405060708090A 1A0102030405"
                                "1B010203 500010 5100100200 0000"),
                    MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 020C 5200100200 01 00100200 5300100200"
                                "5402000F 55020101 560101 570101 58 00 1101 1102 5901FE"
                                "5B 00 00100200 5D 00000001 0101 5E 00000001 0101 0101"
                                "60 02 00 00100200 01 00100200 01 00100200 0000"),
                    MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(frame.data_id, 0x33000200);
    /* A condition, which only requests have; nesting beyond all objects. */
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 5A00 0000"), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 0101010101010101010101010101 00 0000"),
                    MT_TOO_LARGE);
    /* A count beyond what is left, or in five bytes. */
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 017F 00 0000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 09 8500000001 00 0000"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_apdu("850105 33000200 01 09 8101 41 0000"), MT_UNSUPPORTED);
}

static void refusals_are_named_and_beside_values_absent(void)
{
    CU_ASSERT_EQUAL(decode_apdu("850105 00100200 00 06 0000"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    CU_ASSERT_EQUAL(frame.error, 6);
    CU_ASSERT_EQUAL(frame.value_count, 0);
    CU_ASSERT_EQUAL(decode_apdu("850205 02 20000200 00 04 00100201 01 0600000001 0000"), MT_OK);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_TRUE(frame.values[0].absent);
    CU_ASSERT_EQUAL(frame.reading.total, 10);
    CU_ASSERT_EQUAL(decode_apdu("870105 80008200 03 00 0000"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    CU_ASSERT_EQUAL(frame.error, 3);
    CU_ASSERT_EQUAL(decode_apdu("EE0502"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    /* All ones are no register. */
    CU_ASSERT_EQUAL(decode_apdu("850105 00100201 01 06FFFFFFFF 0000"), MT_OK);
    CU_ASSERT_TRUE(frame.values[0].absent);
    CU_ASSERT_FALSE(frame.has_total);
}

static void a_security_response_in_the_clear_is_read(void)
{
    CU_ASSERT_EQUAL(decode_apdu("90 00 0F 850105 00100201 01 0600000064 0000 01 00 04 11223344"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 1000);
    CU_ASSERT_EQUAL(decode_apdu("90 01 10 00112233445566778899AABBCCDDEEFF 01 00 04 11223344"),
                    MT_UNSUPPORTED);
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(decode_apdu("90 02 16"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.error, 0x16);
    CU_ASSERT_EQUAL(decode_apdu("90 00 20 850105"), MT_BAD_LAYOUT);
}

static void requests_and_links_are_named(void)
{
    CU_ASSERT_EQUAL(decode(request_hex), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(frame.data_id, 0x00100200);
    CU_ASSERT_EQUAL(decode_apdu("0100 00 00B4 07E8021D000C2238 0000"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(decode_apdu("810005 80"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_EQUAL(decode_apdu("10 00 09 050105 00100200 00 01 01 04 00000000"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.data_id, 0x00100200);
    CU_ASSERT_EQUAL(decode_apdu(""), MT_NO_READING);
    CU_ASSERT_EQUAL(decode_apdu("77"), MT_UNSUPPORTED);
}

static void scrambled_bytes_are_read(void)
{
    CU_ASSERT_EQUAL(decode(scrambled_hex), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 123450);
}

static void pieces_are_put_together(void)
{
    static const char *const pieces[] = {"0700 850105 0010", "08C0 0201 01 06",
                                         "0940 00003039 0000"};
    uint8_t bytes[512];
    uint8_t one[MT_DLT698_FRAME_MAX];
    size_t lens[3];
    size_t len = 0;
    for (size_t i = 0; i < 3; i++) {
        lens[i] = wrap(one, i == 1 ? 0xEB : 0xE3, pieces[i]); /* the second one scrambled */
        memcpy(bytes + len, one, lens[i]);
        len += lens[i];
    }
    CU_ASSERT_EQUAL(decode_bytes(bytes, len), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 123450);
    CU_ASSERT_EQUAL(used, len);
    /* Cut inside the last: the first is kept too. */
    CU_ASSERT_EQUAL(decode_bytes(bytes, len - 1), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 0);
    /* A piece alone, one that is no first, and a gap between two. */
    CU_ASSERT_EQUAL(decode_bytes(bytes, lens[0]), MT_NO_READING);
    CU_ASSERT_EQUAL(used, lens[0]);
    CU_ASSERT_EQUAL(decode_bytes(bytes + lens[0], lens[1]), MT_NO_READING);
    memmove(bytes + lens[0], bytes + lens[0] + lens[1], lens[2]);
    CU_ASSERT_EQUAL(decode_bytes(bytes, lens[0] + lens[2]), MT_NO_READING);
    CU_ASSERT_FALSE(frame.has_reading);
}

static void addresses_of_every_kind_are_shown(void)
{
    static const struct {
        const char *number;
        const char *shown;
        uint8_t flags;
    } rows[] = {{"AAAAAAAAAAAA", "AAAAAAAAAAAA", 0x40},
                {"AA", "AA", 0xC0},
                {"12345678901234567890", "12345678901234567890", 0x00},
                {"1234567890123456789012", "", 0x00}, /* no name is as long */
                {"12345602", "123456", 0x20},         /* logical address 2, sent first */
                {"01234567890F", "01234567890F", 0x80}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[64];
        size_t len = 0;
        const uint8_t apdu[] = {0xEE, 0, 1};
        const struct mt_dlt698_frame link = {.number = rows[i].number,
                                             .control = 0xC3,
                                             .address_flags = rows[i].flags,
                                             .preamble_count = 4,
                                             .apdu = apdu,
                                             .apdu_len = sizeof(apdu)};
        CU_ASSERT_EQUAL(mt_dlt698_build(out, &len, sizeof(out), &link), MT_OK);
        CU_ASSERT_EQUAL(decode_bytes(out, len), MT_NO_READING);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, rows[i].shown);
    }
}

static void noise_and_impossible_heads_are_stepped_over(void)
{
    char hex[512];
    snprintf(hex, sizeof(hex), "00686868FEFEFE%s%s", list_hex, request_hex);
    CU_ASSERT_EQUAL(decode(hex), MT_OK);
    CU_ASSERT_EQUAL(used, 7 + strlen(list_hex) / 2);
    CU_ASSERT_EQUAL(decode("0068170043"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 1);
    CU_ASSERT_EQUAL(decode("6817004400"), MT_NOT_FOUND); /* no such function */
    CU_ASSERT_EQUAL(decode("6817005300"), MT_NOT_FOUND); /* a reserved bit of C */
    CU_ASSERT_EQUAL(decode("6817804300"), MT_NOT_FOUND); /* a reserved bit of L */
    CU_ASSERT_EQUAL(decode("6810404300"), MT_NOT_FOUND); /* 16 KB: beyond the limit */
    CU_ASSERT_EQUAL(decode("6805004300"), MT_NOT_FOUND); /* shorter than a head */
    /* The last byte of FCS, and of HCS. */
    snprintf(hex, sizeof(hex), "%s", request_hex);
    memcpy(hex + strlen(hex) - 4, "00", 2);
    CU_ASSERT_EQUAL(decode(hex), MT_BAD_CHECKSUM);
    snprintf(hex, sizeof(hex), "%s", request_hex);
    memcpy(hex + 26, "00", 2);
    CU_ASSERT_EQUAL(decode(hex), MT_BAD_CHECKSUM);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    enum mt_status status = mt_dlt698_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    static const char *const rows[] = {list_hex, request_hex, scrambled_hex};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[128];
        size_t len = unhex(bytes, sizeof(bytes), rows[i]);
        expect_every_prefix_refused(accepts, bytes, len);
        expect_every_flipped_bit_refused(accepts, bytes, len);
    }
}

static void every_cut_apdu_is_refused_or_still_whole(void)
{
    /* A frame whose checks are right around an APDU that ends early: no read past it. */
    static const char hex[] =
        "85020502001002000101020600000001060000000240000200011C07E8021D0C22380000";
    size_t whole = strlen(hex) / 2;
    for (size_t len = 0; len < whole - 2; len++) { /* without the tail it is an older terminal's */
        char cut[128];
        snprintf(cut, sizeof(cut), "%.*s", (int)(2 * len), hex);
        enum mt_status status = decode_apdu(cut);
        CU_ASSERT_EQUAL(status, len == 0 ? MT_NO_READING : MT_BAD_LAYOUT);
    }
    CU_ASSERT_EQUAL(decode_apdu(hex), MT_OK);
}

static void frames_are_built_as_by_hand(void)
{
    uint8_t out[MT_DLT698_FRAME_MAX];
    uint8_t expected[128];
    size_t out_len = 0;
    const struct mt_dlt698_query query = {NUMBER, 0x10, 5, 0x00100200};
    CU_ASSERT_EQUAL(mt_dlt698_build_read(out, &out_len, sizeof(out), &query), MT_OK);
    size_t len = unhex(expected, sizeof(expected), request_hex);
    CU_ASSERT_EQUAL(out_len, len);
    CU_ASSERT_EQUAL(memcmp(out, expected, len), 0);
}

static void random_readings_come_back(void)
{
    struct round_trip t = {.protocol = "dlt698",
                           .sending = {.identity = {.medium = MT_POWER, .number = NUMBER}},
                           .total_max = INT64_C(42949672940),
                           .step = 10,
                           .has_bands = true};
    expect_round_trip(&t);
    t.has_time = true;
    expect_round_trip(&t);
}

static void what_cannot_be_built_is_refused(void)
{
    uint8_t out[128];
    size_t len = 77;
    struct mt_sending sending = {.identity = {.medium = MT_POWER, .number = NUMBER}};
    sending.reading.total = INT64_C(42949672950);
    CU_ASSERT_EQUAL(mt_dlt698_build_sending(out, &len, sizeof(out), &sending), MT_BAD_RANGE);
    sending.reading.total = 10;
    for (size_t max = 0; max < 34; max++) {
        CU_ASSERT_EQUAL(mt_dlt698_build_sending(guard_end(out, max), &len, max, &sending),
                        MT_TOO_LARGE);
    }
    sending.identity.medium = MT_WATER;
    CU_ASSERT_EQUAL(mt_dlt698_build_sending(out, &len, sizeof(out), &sending), MT_UNSUPPORTED);
    sending.identity = (struct mt_identity){.medium = MT_POWER, .number = "123"};
    CU_ASSERT_EQUAL(mt_dlt698_build_sending(out, &len, sizeof(out), &sending), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(len, 77);
}

static const struct unit_test tests[] = {
    {"forward_active_energy_is_a_reading_with_its_tariffs",
     forward_active_energy_is_a_reading_with_its_tariffs},
    {"one_element_is_asked_for_by_its_index", one_element_is_asked_for_by_its_index},
    {"four_decimals_go_before_two", four_decimals_go_before_two},
    {"combined_energy_has_a_sign_and_is_never_billed_by_itself",
     combined_energy_has_a_sign_and_is_never_billed_by_itself},
    {"phases_and_the_clock_are_shown", phases_and_the_clock_are_shown},
    {"demand_and_money_are_the_first_of_their_structures",
     demand_and_money_are_the_first_of_their_structures},
    {"a_report_is_read_and_one_that_follows_an_answer_too",
     a_report_is_read_and_one_that_follows_an_answer_too},
    {"stored_values_are_no_reading_of_now", stored_values_are_no_reading_of_now},
    {"what_is_not_decoded_is_stepped_over_whatever_it_is_made_of",
     what_is_not_decoded_is_stepped_over_whatever_it_is_made_of},
    {"refusals_are_named_and_beside_values_absent", refusals_are_named_and_beside_values_absent},
    {"a_security_response_in_the_clear_is_read", a_security_response_in_the_clear_is_read},
    {"requests_and_links_are_named", requests_and_links_are_named},
    {"scrambled_bytes_are_read", scrambled_bytes_are_read},
    {"pieces_are_put_together", pieces_are_put_together},
    {"addresses_of_every_kind_are_shown", addresses_of_every_kind_are_shown},
    {"noise_and_impossible_heads_are_stepped_over", noise_and_impossible_heads_are_stepped_over},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
    {"every_cut_apdu_is_refused_or_still_whole", every_cut_apdu_is_refused_or_still_whole},
    {"frames_are_built_as_by_hand", frames_are_built_as_by_hand},
    {"random_readings_come_back", random_readings_come_back},
    {"what_cannot_be_built_is_refused", what_cannot_be_built_is_refused},
};
UNIT_MAIN("dlt698", tests)
