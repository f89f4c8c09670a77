/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows of an export: RFC 4180 and RFC 8259 by hand. */
#include "gateway/app/row.h"
#include "tests/support/unit.h"

static char bytes[512];

static struct gw_rows begin(bool csv, size_t max)
{
    memset(bytes, 0, sizeof(bytes));
    return (struct gw_rows){.bytes = bytes, .max = max, .csv = csv};
}

static void write_row(struct gw_rows *rows, const char *text)
{
    gw_row_begin(rows);
    gw_row_text(rows, "name", text);
    gw_row_int(rows, "value", -7);
    gw_row_none(rows, "nothing");
    gw_row_end(rows);
}

static void csv_quotes_what_needs_it_only(void)
{
    struct gw_rows rows = begin(true, sizeof(bytes));
    write_row(&rows, "plain");
    write_row(&rows, "a,b");
    write_row(&rows, "say \"x\"");
    write_row(&rows, "two\nlines");
    CU_ASSERT_STRING_EQUAL(bytes, "plain,-7,\r\n\"a,b\",-7,\r\n\"say \"\"x\"\"\",-7,\r\n"
                                  "\"two\nlines\",-7,\r\n");
}

static void the_header_holds_the_names(void)
{
    struct gw_rows rows = begin(true, sizeof(bytes));
    rows.header = true;
    write_row(&rows, "x");
    CU_ASSERT_STRING_EQUAL(bytes, "name,value,nothing\r\n");
}

static void json_lines_escape_what_must_be(void)
{
    struct gw_rows rows = begin(false, sizeof(bytes));
    write_row(&rows, "a\"b\\c\x01");
    CU_ASSERT_STRING_EQUAL(bytes,
                           "{\"name\":\"a\\\"b\\\\c\\u0001\",\"value\":-7,\"nothing\":null}\n");
}

static void what_does_not_fit_is_told_and_not_written_past_the_end(void)
{
    struct gw_rows rows = begin(false, 10);
    write_row(&rows, "a long text that does not fit");
    CU_ASSERT_TRUE(rows.overflow);
    CU_ASSERT(rows.used <= 10);
    CU_ASSERT_EQUAL(bytes[10], 0);
}

static const struct unit_test tests[] = {
    {"csv_quotes_what_needs_it_only", csv_quotes_what_needs_it_only},
    {"the_header_holds_the_names", the_header_holds_the_names},
    {"json_lines_escape_what_must_be", json_lines_escape_what_must_be},
    {"what_does_not_fit_is_told_and_not_written_past_the_end",
     what_does_not_fit_is_told_and_not_written_past_the_end},
};
UNIT_MAIN("row", tests)
