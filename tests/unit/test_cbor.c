/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CBOR heads, skipping and writing; examples of RFC 8949, appendix A. */
#include "meters/cbor.h"
#include "meters/limits.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

static struct mt_cbor_item read_one(const char *hex)
{
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_cursor c = mt_cursor_over(guard_end(bytes, len), len);
    return mt_cbor_read(&c);
}

static void heads_read_as_in_the_standards_appendix(void)
{
    static const struct {
        const char *hex;
        uint8_t major;
        uint64_t arg;
        bool shortest;
    } rows[] = {
        {"00", MT_CBOR_UINT, 0, true},
        {"17", MT_CBOR_UINT, 23, true},
        {"1818", MT_CBOR_UINT, 24, true},
        {"1817", MT_CBOR_UINT, 23, false},
        {"1903e8", MT_CBOR_UINT, 1000, true},
        {"1900ff", MT_CBOR_UINT, 255, false},
        {"1a000f4240", MT_CBOR_UINT, 1000000, true},
        {"1a0000ffff", MT_CBOR_UINT, 65535, false},
        {"1b000000e8d4a51000", MT_CBOR_UINT, 1000000000000, true},
        {"1b00000000ffffffff", MT_CBOR_UINT, 4294967295, false},
        {"1bffffffffffffffff", MT_CBOR_UINT, UINT64_MAX, true},
        {"3903e7", MT_CBOR_NINT, 999, true},
        {"4401020304", MT_CBOR_BYTES, 4, true},
        {"6449455446", MT_CBOR_TEXT, 4, true},
        {"83010203", MT_CBOR_ARRAY, 3, true},
        {"a201020304", MT_CBOR_MAP, 2, true},
        {"c1", MT_CBOR_TAG, 1, true},
        {"f6", MT_CBOR_SIMPLE, 22, true},
        {"f90001", MT_CBOR_SIMPLE, 1, false},
        {"fb3ff199999999999a", MT_CBOR_SIMPLE, UINT64_C(0x3FF199999999999A), true},
        {"9f", MT_CBOR_ARRAY, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_cbor_item item = read_one(rows[i].hex);
        CU_ASSERT_EQUAL(item.major, rows[i].major);
        CU_ASSERT_EQUAL(item.arg, rows[i].arg);
        CU_ASSERT_EQUAL(item.shortest, rows[i].shortest);
    }
}

static void reserved_and_cut_heads_are_malformed(void)
{
    static const char *const rows[] = {"",   "18", "1903", "1a000f42", "1b000000e8d4a510",
                                       "1c", "1d", "1e",   "1f",       "3f",
                                       "df", "5c", "fc",   "f81f",     "f800"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(read_one(rows[i]).major, MT_CBOR_MALFORMED);
    }
}

static enum mt_status skip(const char *hex, size_t *left)
{
    uint8_t bytes[256];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_cursor c = mt_cursor_over(guard_end(bytes, len), len);
    struct mt_cbor_item item = mt_cbor_read(&c);
    enum mt_status status = mt_cbor_skip(&c, &item);
    *left = mt_cursor_left(&c);
    return status;
}

static void whole_items_are_stepped_over_and_no_more(void)
{
    static const char *const rows[] = {"00ff",
                                       "3903e7ff",
                                       "4401020304ff",
                                       "6161ff",
                                       "80ff",
                                       "a0ff",
                                       "8301820203820405ff",
                                       "a26161016162820203ff",
                                       "c11a514b67b0ff",
                                       "d818456449455446ff",
                                       "f6ff",
                                       "fb3ff199999999999aff",
                                       "9fffff",
                                       "bfffff",
                                       "9f018202039f0405ffffff",
                                       "bf61610161629f0203ffffff",
                                       "c48221196ab3ff",
                                       "8180ff",
                                       "8181818181818100ff"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t left;
        CU_ASSERT_EQUAL(skip(rows[i], &left), MT_OK);
        CU_ASSERT_EQUAL(left, 1);
    }
}

static void malformed_items_are_not_stepped_over(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"ff", MT_BAD_LAYOUT},
        {"44010203", MT_BAD_LAYOUT},
        {"8301", MT_BAD_LAYOUT},
        {"a1", MT_BAD_LAYOUT},
        {"a101", MT_BAD_LAYOUT},
        {"c1", MT_BAD_LAYOUT},
        {"9f01", MT_BAD_LAYOUT},
        {"bf01ff", MT_BAD_LAYOUT}, /* half a pair */
        {"82ff00", MT_BAD_LAYOUT}, /* a break where none may be */
        {"9bffffffffffffffff00", MT_BAD_LAYOUT},
        {"bbffffffffffffffff00", MT_BAD_LAYOUT},
        {"bb800000000000000000", MT_BAD_LAYOUT}, /* twice the count wraps to 0 */
        {"5bffffffffffffffff00", MT_BAD_LAYOUT},
        {"5f4100ff", MT_UNSUPPORTED},
        {"7f6100ff", MT_UNSUPPORTED},
        {"81818181818181818100", MT_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t left;
        enum mt_status status = skip(rows[i].hex, &left);
        if (status != rows[i].status) {
            printf("    %s: %d\n", rows[i].hex, status);
        }
        CU_ASSERT_EQUAL(status, rows[i].status);
    }
}

static void expect_written(const struct mt_writer *w, const char *hex)
{
    uint8_t expected[64];
    size_t len = unhex(expected, sizeof(expected), hex);
    CU_ASSERT_FALSE(w->overflow);
    CU_ASSERT_EQUAL(mt_writer_len(w), len);
    CU_ASSERT_EQUAL(memcmp(w->first, expected, len), 0);
}

static void integers_take_the_shortest_form(void)
{
    static const struct {
        int64_t value;
        const char *hex;
    } rows[] = {
        {0, "00"},
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {1000, "1903e8"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {1000000, "1a000f4240"},
        {UINT32_MAX, "1affffffff"},
        {INT64_C(4294967296), "1b0000000100000000"},
        {1000000000000, "1b000000e8d4a51000"},
        {-1, "20"},
        {-10, "29"},
        {-100, "3863"},
        {-1000, "3903e7"},
        {INT64_MAX, "1b7fffffffffffffff"},
        {INT64_MIN, "3b7fffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[16];
        struct mt_writer w = mt_writer_into(out, sizeof(out));
        mt_cbor_write_int(&w, rows[i].value);
        expect_written(&w, rows[i].hex);
    }
}

static void strings_and_decimal_fractions_are_written(void)
{
    uint8_t out[64];
    struct mt_writer w = mt_writer_into(out, sizeof(out));
    mt_cbor_write_text(&w, "IETF", 4);
    mt_cbor_write_bytes(&w, (const uint8_t *)"\1\2\3\4", 4);
    mt_cbor_write_decimal(&w, 27315, -2); /* RFC 8949, 3.4.4 */
    expect_written(&w, "6449455446 4401020304 c48221196ab3");
}

static const struct unit_test tests[] = {
    {"heads_read_as_in_the_standards_appendix", heads_read_as_in_the_standards_appendix},
    {"reserved_and_cut_heads_are_malformed", reserved_and_cut_heads_are_malformed},
    {"whole_items_are_stepped_over_and_no_more", whole_items_are_stepped_over_and_no_more},
    {"malformed_items_are_not_stepped_over", malformed_items_are_not_stepped_over},
    {"integers_take_the_shortest_form", integers_take_the_shortest_form},
    {"strings_and_decimal_fractions_are_written", strings_and_decimal_fractions_are_written},
};
UNIT_MAIN("cbor", tests)
