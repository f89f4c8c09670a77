/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Binary-coded decimals, low byte first. */
#include "meters/bcd.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

static const struct mt_bcd_format unsigned4 = {4, false};
static const struct mt_bcd_format signed4 = {4, true};

struct read_row {
    uint8_t bytes[4];
    bool is_signed;
    enum mt_status status;
    int64_t value;
    bool absent;
};

static void fields_read_as_the_standard_writes_them(void)
{
    static const struct read_row rows[] = {
        {{0x78, 0x56, 0x34, 0x12}, false, MT_OK, 12345678, false},
        {{0x00, 0x00, 0x00, 0x00}, false, MT_OK, 0, false},
        {{0x99, 0x99, 0x99, 0x99}, false, MT_OK, 99999999, false},
        {{0x34, 0x12, 0x00, 0x80}, true, MT_OK, -1234, false},
        {{0x99, 0x99, 0x99, 0x79}, true, MT_OK, 79999999, false},
        {{0x00, 0x00, 0x00, 0x80}, true, MT_OK, 0, false},
        {{0x34, 0x12, 0x00, 0x80}, false, MT_OK, 80001234, false},
        {{0xFF, 0xFF, 0xFF, 0xFF}, false, MT_OK, 0, true},
        {{0xFF, 0xFF, 0xFF, 0xFF}, true, MT_OK, 0, true},
        {{0x0A, 0x00, 0x00, 0x00}, false, MT_BAD_DIGIT, 0, false},
        {{0x00, 0x00, 0x00, 0xA0}, false, MT_BAD_DIGIT, 0, false},
        {{0x00, 0xE0, 0x00, 0x00}, true, MT_BAD_DIGIT, 0, false},
        {{0xFF, 0xFF, 0xFF, 0x00}, false, MT_BAD_DIGIT, 0, false},
        {{0x00, 0x00, 0x00, 0xFA}, true, MT_BAD_DIGIT, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_cursor c = mt_cursor_over(guard_end(rows[i].bytes, 4), 4);
        int64_t value = -7;
        bool absent = true;
        const struct mt_bcd_format *format = rows[i].is_signed ? &signed4 : &unsigned4;
        CU_ASSERT_EQUAL(mt_bcd_read(&value, &absent, &c, format), rows[i].status);
        if (rows[i].status == MT_OK) {
            CU_ASSERT_EQUAL(value, rows[i].value);
            CU_ASSERT_EQUAL(absent, rows[i].absent);
        } else {
            CU_ASSERT_EQUAL(value, -7);
        }
    }
}

static void a_short_field_asks_for_more(void)
{
    const uint8_t bytes[] = {0x11, 0x22, 0x33};
    struct mt_cursor c = mt_cursor_over(guard_end(bytes, 3), 3);
    int64_t value;
    bool absent;
    CU_ASSERT_EQUAL(mt_bcd_read(&value, &absent, &c, &unsigned4), MT_NEED_MORE);
    CU_ASSERT_TRUE(c.overrun);
}

static void expect_written(int64_t value, const struct mt_bcd_format *format, enum mt_status status,
                           const char *bytes)
{
    uint8_t out[MT_BCD_BYTES_MAX] = {0};
    struct mt_writer w = mt_writer_into(out, sizeof(out));
    CU_ASSERT_EQUAL(mt_bcd_write(&w, value, format), status);
    if (status == MT_OK) {
        CU_ASSERT_EQUAL(mt_writer_len(&w), format->bytes);
        CU_ASSERT_EQUAL(memcmp(out, bytes, format->bytes), 0);
    } else {
        CU_ASSERT_EQUAL(mt_writer_len(&w), 0);
    }
}

static void a_value_is_written_or_refused_whole(void)
{
    expect_written(12345678, &unsigned4, MT_OK, "\x78\x56\x34\x12");
    expect_written(99999999, &unsigned4, MT_OK, "\x99\x99\x99\x99");
    expect_written(100000000, &unsigned4, MT_BAD_RANGE, NULL);
    expect_written(-1, &unsigned4, MT_BAD_RANGE, NULL);
    expect_written(-1234, &signed4, MT_OK, "\x34\x12\x00\x80");
    expect_written(79999999, &signed4, MT_OK, "\x99\x99\x99\x79");
    expect_written(80000000, &signed4, MT_BAD_RANGE, NULL);
    expect_written(INT64_MIN, &signed4, MT_BAD_RANGE, NULL);
}

static void an_address_is_text_from_the_highest_byte_on(void)
{
    const uint8_t address[] = {0x78, 0x56, 0x34, 0x12, 0xF0, 0x00};
    char text[13];
    uint8_t back[6];
    mt_bcd_address_text(text, address, sizeof(address));
    CU_ASSERT_STRING_EQUAL(text, "00F012345678");
    CU_ASSERT_EQUAL(mt_bcd_address_parse(back, 6, text), MT_OK);
    CU_ASSERT_EQUAL(memcmp(back, address, 6), 0);
    CU_ASSERT_EQUAL(mt_bcd_address_parse(back, 6, "00F01234567"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(mt_bcd_address_parse(back, 6, "00F0123456789"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(mt_bcd_address_parse(back, 6, "00f012345678"), MT_BAD_DIGIT);
    CU_ASSERT_EQUAL(memcmp(back, address, 6), 0);
}

static const struct unit_test tests[] = {
    {"fields_read_as_the_standard_writes_them", fields_read_as_the_standard_writes_them},
    {"a_short_field_asks_for_more", a_short_field_asks_for_more},
    {"a_value_is_written_or_refused_whole", a_value_is_written_or_refused_whole},
    {"an_address_is_text_from_the_highest_byte_on", an_address_is_text_from_the_highest_byte_on},
};
UNIT_MAIN("bcd", tests)
