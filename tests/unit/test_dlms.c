/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DLMS pushes, made by hand from the layouts of IEC 62056-46, -47 and -5-3. Checksums of framed ones
 * come from the writer of HDLC frames; ciphered ones are opened with OpenSSL's GCM as well. */
#include <openssl/evp.h>

#include "meters/checksum.h"
#include "meters/dlms.h"
#include "meters/dlms_list.h"
#include "meters/hdlc.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;
static uint8_t sent[4096];
static size_t sent_len;
static uint8_t key[32];
static size_t key_len;

static enum mt_status decode(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = guard_end(bytes, len),
                             .len = len,
                             .key = key_len > 0 ? key : NULL,
                             .key_len = key_len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_dlms_decode(&frame, &used, &input);
}

static enum mt_status decode_hex(const char *hex)
{
    key_len = 0;
    sent_len = unhex(sent, sizeof(sent), hex);
    return decode(sent, sent_len);
}

#define HEAD "0F 00000001 00 "
#define TOTAL "0906 0100010800FF 06 000186A1 0202 0F00 161E"

static void a_list_of_codes_gives_the_total(void)
{
    CU_ASSERT_EQUAL(decode_hex(HEAD "0102 0203" TOTAL "0202 0906 0000600100FF 0A04 31323334"),
                    MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "1234");
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203" TOTAL), MT_OK); /* the same, flat */
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(decode_hex("E6E700" HEAD "0203" TOTAL), MT_OK);
}

static void a_deviation_is_minutes_to_utc(void)
{
    /* 2024-02-29 05:06:07, -120: two hours east of UTC. */
    CU_ASSERT_EQUAL(decode_hex("0F00000001 0C 07E8021D 04 050607 FF FF88 80 0203" TOTAL), MT_OK);
    CU_ASSERT_TRUE(frame.has_time && frame.has_zone);
    CU_ASSERT_EQUAL(frame.zone_minutes, 120);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1709175967000000));
    CU_ASSERT_EQUAL(decode_hex("0F00000001 0C 07E8021D 04 050607 FF 8000 02 0203" TOTAL), MT_OK);
    CU_ASSERT_FALSE(frame.has_zone);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1709154367000000)); /* UTC+8 */
    CU_ASSERT_EQUAL(frame.flags, MT_FLAG_CLOCK_DOUBT);
    CU_ASSERT_EQUAL(decode_hex("0F00000001 0C FFFFFFFF FF FFFFFF FF 8000 FF 0203" TOTAL), MT_OK);
    CU_ASSERT_FALSE(frame.has_time);
}

static void without_scaler_only_a_known_list_has_a_total(void)
{
    CU_ASSERT_EQUAL(decode_hex(HEAD "0202 0906 0100010800FF 06000186A1"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_STRING_EQUAL(frame.values[0].unit, "");
    /* "Kamstrup_V0001": tens of Wh. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0A0E 4B616D73747275705F5630303031"
                                    "0906 0101010800FF 06000186A1"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 1000010);
    /* A float in it: of what, no list says. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0A0E 4B616D73747275705F5630303031"
                                    "0906 0101010800FF 1747C35080"),
                    MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_STRING_EQUAL(frame.values[0].unit, "");
    /* "KFM_001" by position: energy is the fifteenth of eighteen. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0212 09074B464D5F303031 09083132333435363738 090141"
                                    "0600000001 0600000002 0600000003 0600000004 0600000005"
                                    "0600000006 0600000007 06000008FC 06000008FD 06000008FE"
                                    "090C07E8021D04050607FF800000"
                                    "06000186A1 0600000008 0600000009 060000000A"),
                    MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "12345678");
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "KFM");
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(frame.values[7].mantissa, 2300);
    CU_ASSERT_EQUAL(frame.values[7].exponent, -1);
    CU_ASSERT_STRING_EQUAL(frame.values[7].unit, "V");
}

static void the_push_object_list_names_the_elements(void)
{
    /* Itself, the value of 1.8.0, and its scaler and unit by attribute 3. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0103 0204 120028 0906 0000190900FF 0F02 120000"
                                    "0204 120003 0906 0100010800FF 0F02 120000"
                                    "0204 120003 0906 0100010800FF 0F03 120000"
                                    "06000186A1 0202 0F01 161E"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 1000010);
}

static void scalers_may_stand_apart_from_their_values(void)
{
#define VALUES "0204 120003 0906 0100010800FF 0F02 120000 0204 120003 0906 0100020800FF 0F02 120000"
#define SCALER_OF(obis) "0204 120003 0906 " obis " 0F03 120000"
    /* Two values, then the scaler of the second: it is not the first one's. */
    CU_ASSERT_EQUAL(
        decode_hex(HEAD "0204 0103" VALUES SCALER_OF("0100020800FF") "06000186A1"
                                                                     "0600000007 0202 0F01 161E"),
        MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_STRING_EQUAL(frame.values[0].unit, "");
    CU_ASSERT_EQUAL(frame.values[1].mantissa, 7);
    CU_ASSERT_EQUAL(frame.values[1].exponent, 1);
    /* Both scalers behind both values, crosswise. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0205 0104" VALUES SCALER_OF("0100020800FF") SCALER_OF(
                        "0100010800FF") "06000186A1 0600000007 0202 0F01 161E 0202 0F03 161E"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001000);
    CU_ASSERT_EQUAL(frame.values[1].exponent, 1);
    /* Two for one object: the same is said twice, or nobody knows which. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0205 0104" VALUES SCALER_OF("0100010800FF") SCALER_OF(
                        "0100010800FF") "06000186A1 0600000007 0202 0F00 161E 0202 0F00 161E"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0205 0104" VALUES SCALER_OF("0100010800FF") SCALER_OF(
                        "0100010800FF") "06000186A1 0600000007 0202 0F00 161E 0202 0F03 161E"),
                    MT_BAD_LAYOUT);
}

static void compact_arrays_are_the_arrays_they_stand_for(void)
{
#define REGISTERS "13 0203 09 06 0202 0F16 "
#define FORWARD "06 0100010800FF 000186A1 001E"
    CU_ASSERT_EQUAL(decode_hex(HEAD REGISTERS "1A" FORWARD "06 0100020800FF 00000007 011E"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(frame.values[1].mantissa, 7);
    CU_ASSERT_EQUAL(frame.values[1].exponent, 1);
    /* Inside of a list, in front of more of it. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0202" REGISTERS "0D" FORWARD
                                    "0202 0906 0000600100FF 0A04 31323334"),
                    MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "1234");
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    /* An array of two in each element: its numbers have no code, and are no values. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "13 0202 09 010002 06 0F 06 0100010800FF 00000001 00000002"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 0);
    /* None at all; half an element; a type without bytes; one in another; too deep. */
    CU_ASSERT_EQUAL(decode_hex(HEAD REGISTERS "00"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 0);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 001C" HEAD REGISTERS "0C"
                               "06 0100010800FF 000186A1 00"),
                    MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 0009" HEAD "13 00 00"), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 000B" HEAD "13 13 11 01 00"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 0014" HEAD "13 0201 0201 0201 0201 0201 11 01 00"),
                    MT_TOO_LARGE);
}

static void floats_are_exact_or_refused(void)
{
    /* 100001 in 32 bits; 100.001 kWh in 64, the nearest double to it; with a scaler above six. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 17 47C35080 0202 0F00 161E"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 18 40590010624DD2F2 0202 0F03 161E"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 17 3FC00000 0202 0F07 161E"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 15000000);
    /* No number, infinite, below zero: no total. Of another register it is only not shown. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 17 7FC00000 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 17 FF800000 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 17 C7C35080 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0206" TOTAL "0906 0100200700FF 17 7FC00000 0202 0F00 1623"),
                    MT_OK);
    CU_ASSERT_TRUE(frame.values_cut);
    CU_ASSERT_EQUAL(frame.value_count, 1);
}

static void wide_numbers_and_differences_are_told_apart(void)
{
    /* long64 and long64-unsigned; the largest does not fit; a delta is no register. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 14 00000000000186A1 0202 0F00 161E"),
                    MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 15 FFFFFFFFFFFFFFFF 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 14 FFFFFFFFFFFFFFFF 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 21 000186A1 0202 0F00 161E"), MT_OK);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(frame.value_count, 0);
}

static void a_date_with_parts_that_are_not_specified_is_no_moment(void)
{
    /* Without seconds and hundredths it is one; without minutes, hour or year it is none. */
    CU_ASSERT_EQUAL(decode_hex("0F00000001 0C 07E8021D FF 0506FF FF 8000 FF 0203" TOTAL), MT_OK);
    CU_ASSERT_TRUE(frame.has_time);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1709154360000000));
    CU_ASSERT_EQUAL(frame.flags, 0);
    static const char *const partial[] = {"07E8021D FF 05FF07 FF 8000 00",
                                          "07E8021D FF FF0607 FF 8000 00",
                                          "FFFF021D FF 050607 FF 8000 00",
                                          "07E8FF1D FF 050607 FF 8000 00",
                                          "07E802FD FF 050607 FF 8000 00", /* last but one day */
                                          "07E8021D FF 050607 FF 7FFF 00"};
    for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]); i++) {
        char hex[160];
        snprintf(hex, sizeof(hex), "0F00000001 0C %s 0203" TOTAL, partial[i]);
        CU_ASSERT_EQUAL(decode_hex(hex), MT_OK);
        CU_ASSERT_FALSE(frame.has_time);
        CU_ASSERT_EQUAL(frame.reading.total, 100001);
    }
}

static void what_contradicts_itself_is_refused(void)
{
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 06 000186A1 0202 0F00 161B"),
                    MT_BAD_UNIT);
    CU_ASSERT_EQUAL(frame.value_count, 99);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 05 FFFFFFFF 0202 0F00 161E"),
                    MT_BAD_RANGE);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0206" TOTAL "0906 0100010800FF 0600000001 0202 0F00 161E"),
                    MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex(HEAD "0204" TOTAL), MT_NEED_MORE);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 000A" HEAD "06000186A1"), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 000B" HEAD "06000186A1"), MT_UNSUPPORTED);
    /* A volume is no unit of electricity; a byte behind the message; a head changed on its way. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "0203 0906 0100010800FF 06 000186A1 0202 0F00 160D"),
                    MT_BAD_UNIT);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 001B" HEAD "0203" TOTAL), MT_OK);
    CU_ASSERT_EQUAL(decode_hex("0001 0001 0001 001C" HEAD "0203" TOTAL "00"), MT_BAD_LAYOUT);
    sent_len = MT_HDLC_HEAD + unhex(sent + MT_HDLC_HEAD, 64, "E6E700" HEAD "0203" TOTAL);
    sent_len = mt_hdlc_wrap(sent, sent_len - MT_HDLC_HEAD);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    sent[7] ^= 1;
    uint16_t fcs = mt_crc16_x25(sent + 1, sent_len - 4);
    sent[sent_len - 3] = (uint8_t)fcs;
    sent[sent_len - 2] = (uint8_t)(fcs >> 8);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_BAD_CHECKSUM);
    /* Nested deeper than any list. */
    CU_ASSERT_EQUAL(decode_hex(HEAD "01010101010101010101010101010101010101010100"), MT_TOO_LARGE);
}

static void segments_are_joined(void)
{
    uint8_t body[64];
    uint8_t part[64];
    size_t len = unhex(body, sizeof(body), "E6E700" HEAD "0203" TOTAL);
    sent_len = 0;
    key_len = 0;
    for (size_t at = 0; at < len; at += 12) {
        size_t n = len - at < 12 ? len - at : 12;
        memcpy(part + MT_HDLC_HEAD, body + at, n);
        size_t whole = mt_hdlc_wrap(part, n);
        if (at + n < len) {
            part[1] |= 8; /* more to come; its checksums are made anew */
            uint16_t hcs = mt_crc16_x25(part + 1, 6);
            part[7] = (uint8_t)hcs;
            part[8] = (uint8_t)(hcs >> 8);
            uint16_t fcs = mt_crc16_x25(part + 1, whole - 4);
            part[whole - 3] = (uint8_t)fcs;
            part[whole - 2] = (uint8_t)(fcs >> 8);
        }
        /* Frames share a flag. */
        size_t shared = sent_len > 0 ? 1 : 0;
        memcpy(sent + sent_len - shared, part, whole);
        sent_len += whole - shared;
    }
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(used, sent_len);
    CU_ASSERT_EQUAL(decode(sent, sent_len - 1), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 0);
}

static size_t add_mbus(uint8_t *out, uint8_t ci, const uint8_t *bytes, size_t len)
{
    const uint8_t head[] = {
        0x68, (uint8_t)(len + 5), (uint8_t)(len + 5), 0x68, 0x53, 0xFF, ci, 0x01, 0x67};
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), bytes, len);
    out[sizeof(head) + len] = mt_sum8(out + 4, len + 5);
    out[sizeof(head) + len + 1] = 0x16;
    return sizeof(head) + len + 2;
}

static void mbus_segments_are_joined_in_order(void)
{
    uint8_t body[64];
    size_t len = unhex(body, sizeof(body), HEAD "0203" TOTAL);
    key_len = 0;
    size_t first = add_mbus(sent, 0x00, body, 20);
    size_t second = add_mbus(sent + first, 0x11, body + 20, len - 20);
    CU_ASSERT_EQUAL(decode(sent, first + second), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(used, first + second);
    CU_ASSERT_EQUAL(decode(sent, first), MT_NEED_MORE);
    add_mbus(sent + first, 0x12, body + 20, len - 20);
    CU_ASSERT_EQUAL(decode(sent, first + second), MT_BAD_LAYOUT);
}

static struct mt_sending sending = {.identity = {.medium = MT_POWER, .number = "000012345678"},
                                    .reading = {.time_us = INT64_C(1700000000000000),
                                                .total = 123456789,
                                                .band = {1, 2, 3, 0},
                                                .band_mask = 7},
                                    .counter = 0x01020304};

static void build(size_t with_key)
{
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(7 * i + 1);
    }
    key_len = with_key;
    sending.key = with_key > 0 ? key : NULL;
    sending.key_len = with_key;
    CU_ASSERT_EQUAL_FATAL(mt_dlms_build(sent, &sent_len, sizeof(sent), &sending), MT_OK);
}

static void built_messages_come_back(void)
{
    static const size_t keys[] = {0, 16, 32};
    for (size_t i = 0; i < 3; i++) {
        build(keys[i]);
        CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
        CU_ASSERT_EQUAL(memcmp(&frame.reading, &sending.reading, sizeof(frame.reading)), 0);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, sending.identity.number);
        CU_ASSERT_EQUAL(frame.has_counter, keys[i] > 0);
        CU_ASSERT_EQUAL(frame.counter, keys[i] > 0 ? sending.counter : 0);
        size_t whole = sent_len;
        CU_ASSERT_EQUAL(mt_dlms_build(sent, &sent_len, whole - 1, &sending), MT_TOO_LARGE);
    }
}

static void random_readings_come_back(void)
{
    unsigned seed = 20240229;
    printf("    seed %u\n", seed);
    srandom(seed);
    for (int i = 0; i < 500; i++) {
        struct mt_sending s = {.identity = {.medium = (uint8_t)(i % 4)},
                               .key = i % 3 > 0 ? key : NULL,
                               .key_len = 16u * (unsigned)(i % 3),
                               .counter = (uint32_t)random()};
        snprintf(s.identity.number, sizeof(s.identity.number), "%012ld", random());
        s.reading.total = random() * (random() % 1000);
        s.reading.band_mask = i % 16;
        for (size_t b = 0; b < MT_BANDS; b++) {
            s.reading.band[b] = (i % 16 & 1 << b) != 0 ? random() : 0;
        }
        key_len = s.key_len;
        CU_ASSERT_EQUAL_FATAL(mt_dlms_build(sent, &sent_len, sizeof(sent), &s), MT_OK);
        CU_ASSERT_EQUAL_FATAL(decode(sent, sent_len), MT_OK);
        CU_ASSERT_EQUAL(memcmp(&frame.reading, &s.reading, sizeof(s.reading)), 0);
        CU_ASSERT_EQUAL(frame.identity.medium, s.identity.medium);
    }
}

static void keys_have_verdicts_of_their_own(void)
{
    build(32);
    key_len = 0;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NO_KEY);
    key_len = 16;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NOT_AUTHENTIC); /* the second key is missing */
    key_len = 32;
    key[31] ^= 1;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NOT_AUTHENTIC);
    CU_ASSERT_EQUAL(frame.value_count, 99);
}

/* Another implementation of the cipher makes the message: both with a tag over plain content, and
 * encrypted without any. */
static size_t seal(uint8_t *out, uint8_t control, const char *hex)
{
    uint8_t plain[128];
    uint8_t tag[16];
    uint8_t iv[12] = {'M', 'T', 'Y', 1, 2, 3, 4, 5, 0, 0, 0, 9};
    int n = 0;
    size_t len = unhex(plain, sizeof(plain), hex);
    bool encrypted = (control & 0x20) != 0;
    bool tagged = (control & 0x10) != 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CU_ASSERT_EQUAL(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, key, iv), 1);
    EVP_EncryptUpdate(context, NULL, &n, &control, 1);
    EVP_EncryptUpdate(context, NULL, &n, key + 16, 16);
    memcpy(out + 16, plain, len);
    EVP_EncryptUpdate(context, encrypted ? out + 16 : NULL, &n, plain, (int)len);
    EVP_EncryptFinal_ex(context, tag, &n);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 12, tag);
    EVP_CIPHER_CTX_free(context);
    out[0] = 0xDB;
    out[1] = 8;
    memcpy(out + 2, iv, 8);
    out[10] = (uint8_t)(5 + len + (tagged ? 12 : 0));
    out[11] = control;
    memcpy(out + 12, iv + 8, 4);
    memcpy(out + 16 + len, tag, 12);
    return 16 + len + (tagged ? 12 : 0);
}

static void each_security_control_is_read(void)
{
    build(32);
    sent_len = seal(sent, 0x10, HEAD "0203" TOTAL);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100001);
    CU_ASSERT_EQUAL(frame.counter, 9);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "4D54590102030405"); /* the system title */
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "MTY");
    sent[sent_len - 20] ^= 1;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NOT_AUTHENTIC);
    sent_len = seal(sent, 0x30, HEAD "0203" TOTAL);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    sent_len = seal(sent, 0x20, HEAD "0203" TOTAL);
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_OK);
    key[0] ^= 1;
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_NOT_AUTHENTIC);
    sent_len = seal(sent, 0x32, HEAD "0203" TOTAL); /* suite 2 */
    CU_ASSERT_EQUAL(decode(sent, sent_len), MT_UNSUPPORTED);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {
        .bytes = bytes, .len = len, .key = key_len > 0 ? key : NULL, .key_len = key_len};
    enum mt_status status = mt_dlms_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    build(0);
    expect_every_prefix_refused(accepts, sent, sent_len);
    expect_every_flipped_bit_refused(accepts, sent, sent_len);
    build(32);
    expect_every_prefix_refused(accepts, sent, sent_len);
    expect_every_flipped_bit_refused(accepts, sent, sent_len);
}

static const struct unit_test tests[] = {
    {"a_list_of_codes_gives_the_total", a_list_of_codes_gives_the_total},
    {"a_deviation_is_minutes_to_utc", a_deviation_is_minutes_to_utc},
    {"without_scaler_only_a_known_list_has_a_total", without_scaler_only_a_known_list_has_a_total},
    {"the_push_object_list_names_the_elements", the_push_object_list_names_the_elements},
    {"scalers_may_stand_apart_from_their_values", scalers_may_stand_apart_from_their_values},
    {"compact_arrays_are_the_arrays_they_stand_for", compact_arrays_are_the_arrays_they_stand_for},
    {"floats_are_exact_or_refused", floats_are_exact_or_refused},
    {"wide_numbers_and_differences_are_told_apart", wide_numbers_and_differences_are_told_apart},
    {"a_date_with_parts_that_are_not_specified_is_no_moment",
     a_date_with_parts_that_are_not_specified_is_no_moment},
    {"what_contradicts_itself_is_refused", what_contradicts_itself_is_refused},
    {"segments_are_joined", segments_are_joined},
    {"mbus_segments_are_joined_in_order", mbus_segments_are_joined_in_order},
    {"built_messages_come_back", built_messages_come_back},
    {"random_readings_come_back", random_readings_come_back},
    {"keys_have_verdicts_of_their_own", keys_have_verdicts_of_their_own},
    {"each_security_control_is_read", each_security_control_is_read},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
};
UNIT_MAIN("dlms", tests)
