/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bounded reader and writer. */
#include "meters/cursor.h"
#include "meters/writer.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

static void fields_are_read_in_either_order(void)
{
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09,
                             0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12};
    struct mt_cursor c = mt_cursor_over(guard_end(bytes, sizeof(bytes)), sizeof(bytes));
    CU_ASSERT_EQUAL(mt_cursor_peek(&c), 0x01);
    CU_ASSERT_EQUAL(mt_cursor_u8(&c), 0x01);
    CU_ASSERT_EQUAL(mt_cursor_be(&c, 3), 0x020304);
    CU_ASSERT_EQUAL(mt_cursor_le(&c, 3), 0x070605);
    CU_ASSERT_EQUAL(mt_cursor_le16(&c), 0x0908);
    CU_ASSERT_EQUAL(mt_cursor_le32(&c), 0x0D0C0B0A);
    CU_ASSERT_EQUAL(mt_cursor_left(&c), 5);
    const uint8_t *rest = mt_cursor_take(&c, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    CU_ASSERT_EQUAL(rest[4], 0x12);
    CU_ASSERT_FALSE(c.overrun);
}

static void a_read_past_the_end_yields_zero_and_sets_overrun(void)
{
    const uint8_t bytes[] = {0xFF, 0xFF, 0xFF};
    struct mt_cursor c = mt_cursor_over(guard_end(bytes, sizeof(bytes)), sizeof(bytes));
    CU_ASSERT_EQUAL(mt_cursor_le32(&c), 0);
    CU_ASSERT_TRUE(c.overrun);
    CU_ASSERT_EQUAL(mt_cursor_left(&c), 0);
    CU_ASSERT_EQUAL(mt_cursor_u8(&c), 0);
    CU_ASSERT_EQUAL(mt_cursor_peek(&c), 0);
    CU_ASSERT_PTR_NULL(mt_cursor_take(&c, 1));
}

static void an_absurd_length_does_not_wrap(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct mt_cursor c = mt_cursor_over(bytes, sizeof(bytes));
    CU_ASSERT_PTR_NULL(mt_cursor_take(&c, SIZE_MAX));
    CU_ASSERT_TRUE(c.overrun);
}

static void nothing_at_all_is_a_cursor_too(void)
{
    struct mt_cursor c = mt_cursor_over(NULL, 0);
    CU_ASSERT_EQUAL(mt_cursor_left(&c), 0);
    CU_ASSERT_PTR_NOT_NULL(mt_cursor_take(&c, 0));
    CU_ASSERT_FALSE(c.overrun);
    CU_ASSERT_EQUAL(mt_cursor_u8(&c), 0);
    CU_ASSERT_TRUE(c.overrun);
}

static void what_is_written_is_in_the_order_asked_for(void)
{
    uint8_t zeros[9] = {0};
    uint8_t *out = guard_end(zeros, sizeof(zeros));
    const uint8_t expected[] = {0x01, 0x02, 0x03, 0x06, 0x05, 0x04, 'a', 'b', 'c'};
    struct mt_writer w = mt_writer_into(out, sizeof(zeros));
    mt_writer_u8(&w, 0x01);
    mt_writer_be(&w, 0x0203, 2);
    mt_writer_le(&w, 0x040506, 3);
    mt_writer_bytes(&w, "abc", 3);
    CU_ASSERT_FALSE(w.overflow);
    CU_ASSERT_EQUAL(mt_writer_len(&w), sizeof(expected));
    CU_ASSERT_EQUAL(memcmp(out, expected, sizeof(expected)), 0);
}

static void a_write_that_does_not_fit_writes_nothing_more(void)
{
    uint8_t *out = guard_end("\0\0\0", 3);
    struct mt_writer w = mt_writer_into(out, 3);
    mt_writer_u8(&w, 0xAA);
    mt_writer_le(&w, 0x11223344, 4);
    CU_ASSERT_TRUE(w.overflow);
    mt_writer_u8(&w, 0xBB);
    CU_ASSERT_EQUAL(mt_writer_len(&w), 1);
    CU_ASSERT_EQUAL(memcmp(out, "\xAA\0\0", 3), 0);
    CU_ASSERT_PTR_NULL(mt_writer_reserve(&w, SIZE_MAX));
}

static const struct unit_test tests[] = {
    {"fields_are_read_in_either_order", fields_are_read_in_either_order},
    {"a_read_past_the_end_yields_zero_and_sets_overrun",
     a_read_past_the_end_yields_zero_and_sets_overrun},
    {"an_absurd_length_does_not_wrap", an_absurd_length_does_not_wrap},
    {"nothing_at_all_is_a_cursor_too", nothing_at_all_is_a_cursor_too},
    {"what_is_written_is_in_the_order_asked_for", what_is_written_is_in_the_order_asked_for},
    {"a_write_that_does_not_fit_writes_nothing_more",
     a_write_that_does_not_fit_writes_nothing_more},
};
UNIT_MAIN("cursor", tests)
