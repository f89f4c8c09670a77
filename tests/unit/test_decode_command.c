/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What `meterpay decode` prints. The frame is made by hand from DL/T 645-2007: forward active energy,
 * DI 00010000, 123.45 kWh, of meter 000012345678. */
#include "gateway/ctl/decode.h"
#include "gateway/ctl/explain.h"
#include "tests/support/unit.h"

#include <stdlib.h>

/* 68 | address, low byte first | 68 | 91 reply | 08 bytes | DI + 33H | data + 33H | sum | 16 */
static const uint8_t good[] = {0x68, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x68, 0x91, 0x08,
                               0x33, 0x33, 0x34, 0x33, 0x78, 0x56, 0x34, 0x33, 0xe7, 0x16};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static json_t *decode(const uint8_t *bytes, size_t len, bool *refused)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    size_t used = 0;
    return gw_decode_json(&used, refused, NULL, &input);
}

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum;
}

static void a_reading_is_printed_with_the_digits_that_were_sent(void)
{
    uint8_t frame[sizeof(good)];
    bool refused = true;
    memcpy(frame, good, sizeof(good));
    frame[18] = sum_of(frame, 18);
    json_t *object = decode(frame, sizeof(frame), &refused);
    const json_t *total = json_object_get(object, "total");
    CU_ASSERT_FALSE(refused);
    CU_ASSERT_STRING_EQUAL(text_of(object, "protocol"), "dlt645");
    CU_ASSERT_STRING_EQUAL(text_of(object, "medium"), "power");
    CU_ASSERT_STRING_EQUAL(text_of(object, "meter"), "000012345678");
    CU_ASSERT_STRING_EQUAL(text_of(total, "value"), "123.45");
    CU_ASSERT_STRING_EQUAL(text_of(total, "unit"), "kWh");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(object, "values")), 1);
    const json_t *value = json_array_get(json_object_get(object, "values"), 0);
    CU_ASSERT_STRING_EQUAL(text_of(value, "obis"), "1.8.0");
    CU_ASSERT_PTR_NULL(json_object_get(object, "error"));
    CU_ASSERT_TRUE(json_is_null(json_object_get(object, "time")));
    json_decref(object);
}

static void every_flipped_bit_is_refused(void)
{
    uint8_t frame[sizeof(good)];
    memcpy(frame, good, sizeof(good));
    frame[18] = sum_of(frame, 18);
    for (size_t bit = 0; bit < 8 * sizeof(frame); bit++) {
        bool refused = false;
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        json_t *object = decode(frame, sizeof(frame), &refused);
        CU_ASSERT_TRUE(refused);
        CU_ASSERT(text_of(object, "error")[0] != '\0' && text_of(object, "reason")[0] != '\0');
        json_decref(object);
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_request_is_understood_and_has_no_value(void)
{
    /* Control 11: read data, DI 00010000. */
    uint8_t frame[] = {0x68, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x68,
                       0x11, 0x04, 0x33, 0x33, 0x34, 0x33, 0x00, 0x16};
    bool refused = true;
    frame[14] = sum_of(frame, 14);
    json_t *object = decode(frame, sizeof(frame), &refused);
    CU_ASSERT_FALSE(refused);
    CU_ASSERT_STRING_EQUAL(text_of(object, "kind"), "request");
    CU_ASSERT_TRUE(json_is_null(json_object_get(object, "total")));
    CU_ASSERT_EQUAL(json_array_size(json_object_get(object, "values")), 0);
    json_decref(object);
}

static void numbers_keep_their_digits(void)
{
    static const struct {
        int64_t mantissa;
        int8_t exponent;
        const char *text;
    } rows[] = {{12340, -2, "123.40"}, {-5, -3, "-0.005"}, {7, 0, "7"},
                {7, 3, "7000"},        {0, 3, "0"},        {0, -2, "0.00"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        gw_decode_number(text, rows[i].mantissa, rows[i].exponent);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void hexadecimal_may_have_spaces_and_nothing_else(void)
{
    uint8_t bytes[4];
    size_t len = 99;
    CU_ASSERT_TRUE(gw_decode_hex(bytes, &len, sizeof(bytes), "68 aB:01"));
    CU_ASSERT_EQUAL(len, 3);
    CU_ASSERT_EQUAL(bytes[1], 0xab);
    CU_ASSERT_FALSE(gw_decode_hex(bytes, &len, sizeof(bytes), "68a"));
    CU_ASSERT_FALSE(gw_decode_hex(bytes, &len, sizeof(bytes), "6 8"));
    CU_ASSERT_FALSE(gw_decode_hex(bytes, &len, sizeof(bytes), "0x68"));
    CU_ASSERT_FALSE(gw_decode_hex(bytes, &len, sizeof(bytes), "0102030405"));
    CU_ASSERT_TRUE(gw_decode_hex(bytes, &len, sizeof(bytes), ""));
    CU_ASSERT_EQUAL(len, 0);
}

/* What --explain prints of the good frame, or of one with a bit flipped. */
static enum mt_status explain(char text[4096], size_t flipped_byte)
{
    uint8_t frame[sizeof(good)];
    memcpy(frame, good, sizeof(good));
    frame[18] = sum_of(frame, 18);
    if (flipped_byte < sizeof(frame)) {
        frame[flipped_byte] ^= 1;
    }
    struct mt_input input = {.bytes = frame, .len = sizeof(frame)};
    memset(text, 0, 4096);
    FILE *out = fmemopen(text, 4095, "w");
    size_t used;
    enum mt_status status = gw_explain(out, &used, NULL, &input);
    fclose(out);
    return status;
}

static void an_explained_frame_shows_each_of_its_bytes_once(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(explain(text, sizeof(good)), MT_OK);
    size_t bytes = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t offset;
        bool row = strlen(line) >= 44 && line[5] >= '0' && line[5] <= '9' && line[6] == ' ';
        if (!row || sscanf(line, "%6zu  ", &offset) != 1) {
            continue; /* the verdict, and what is made from these bytes */
        }
        CU_ASSERT_EQUAL(offset, bytes);
        for (const char *at = line + 8; at[0] != ' '; at += 3) {
            unsigned long byte = strtoul(at, NULL, 16);
            CU_ASSERT_EQUAL(byte, bytes == 18 ? sum_of(good, 18) : good[bytes]);
            bytes++;
        }
    }
    CU_ASSERT_EQUAL(bytes, sizeof(good));
}

static void what_is_refused_is_explained_too(void)
{
    char text[4096];
    CU_ASSERT_EQUAL(explain(text, 14), MT_BAD_CHECKSUM);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "= checksum: "));
}

static const struct unit_test tests[] = {
    {"an_explained_frame_shows_each_of_its_bytes_once",
     an_explained_frame_shows_each_of_its_bytes_once},
    {"what_is_refused_is_explained_too", what_is_refused_is_explained_too},
    {"a_reading_is_printed_with_the_digits_that_were_sent",
     a_reading_is_printed_with_the_digits_that_were_sent},
    {"every_flipped_bit_is_refused", every_flipped_bit_is_refused},
    {"a_request_is_understood_and_has_no_value", a_request_is_understood_and_has_no_value},
    {"numbers_keep_their_digits", numbers_keep_their_digits},
    {"hexadecimal_may_have_spaces_and_nothing_else", hexadecimal_may_have_spaces_and_nothing_else},
};
UNIT_MAIN("decode_command", tests)
