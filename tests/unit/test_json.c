/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON tokens (RFC 8259). */
#include "meters/json.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

static struct mt_json over(const char *text)
{
    size_t len = strlen(text);
    const char *at = (const char *)guard_end(text, len);
    return (struct mt_json){.at = at, .end = at + len};
}

static void strings_are_read_with_their_escapes(void)
{
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"1.8.0\"", "1.8.0"},
        {" \n\t\r\"a\"", "a"},
        {"\"m\\/s\"", "m/s"},
        {"\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\b\f\n\r\t"},
        {"\"\\u0031.8\\u002E0\"", "1.8.0"},
        {"\"\\u00e9\\u20AC\"", "\xC3\xA9\xE2\x82\xAC"},
        {"\"\\ud83d\\ude00\"", "\xF0\x9F\x98\x80"},
        {"\"\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char buffer[16];
        struct mt_json_text text;
        struct mt_json j = over(rows[i].json);
        CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, sizeof(buffer)), MT_OK);
        CU_ASSERT_EQUAL(text.len, strlen(rows[i].text));
        CU_ASSERT_EQUAL(memcmp(text.at, rows[i].text, text.len), 0);
        CU_ASSERT_PTR_EQUAL(j.at, j.end);
    }
}

static void what_is_no_string_is_refused(void)
{
    static const char *const rows[] = {"",
                                       "a",
                                       "\"",
                                       "\"a",
                                       "\"\\\"",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\ud83d\"",
                                       "\"\\ude00\"",
                                       "\"\\ud83d\\u0041\"",
                                       "\"\n\"",
                                       "\"\x80\"",
                                       "\"\xC0\xAF\"",
                                       "\"\xC3\"",
                                       "\"\xED\xA0\x80\"",
                                       "\"\xF4\x90\x80\x80\"",
                                       "\"\xE0\x80\x80\"",
                                       "\"\xF0\x80\x80\x80\"",
                                       "\"\xF5\x80\x80\x80\"",
                                       "\"\xE2\x82"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char buffer[16];
        struct mt_json_text text;
        struct mt_json j = over(rows[i]);
        CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, sizeof(buffer)), MT_BAD_LAYOUT);
    }
}

static void an_escaped_string_must_fit_and_a_plain_one_need_not(void)
{
    char buffer[4];
    struct mt_json_text text;
    struct mt_json j = over("\"a\\/bc\"");
    CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, 4), MT_OK);
    j = over("\"a\\/bcd\"");
    CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, 4), MT_TOO_LARGE);
    j = over("\"abcde\\/\"");
    CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, 4), MT_TOO_LARGE);
    j = over("\"abcdefgh\"");
    CU_ASSERT_EQUAL(mt_json_string(&text, &j, buffer, 4), MT_OK);
    CU_ASSERT_EQUAL(text.len, 8);
}

static void any_value_is_stepped_over_whole(void)
{
    static const char *const rows[] = {"true ,",
                                       "false,",
                                       "null,",
                                       "\"a\\u0041\",",
                                       "-1.5e3,",
                                       "[],",
                                       "{},",
                                       "[ ] ,",
                                       "[1,2,[3,{\"a\":[]}],\"b\"],",
                                       "{\"a\":{\"b\":[1,true]},\"c\":null},",
                                       "[[[[[[[[1]]]]]]]],",
                                       "123456789012345678901234567890,"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_json j = over(rows[i]);
        CU_ASSERT_EQUAL(mt_json_skip(&j), MT_OK);
        CU_ASSERT_TRUE(mt_json_take(&j, ','));
        CU_ASSERT_PTR_EQUAL(j.at, j.end);
    }
}

static void broken_values_are_not_stepped_over(void)
{
    static const struct {
        const char *json;
        enum mt_status status;
    } rows[] = {
        {"", MT_BAD_LAYOUT},
        {"tru", MT_BAD_LAYOUT},
        {"01", MT_BAD_LAYOUT},
        {"[1,]", MT_BAD_LAYOUT},
        {"[1 2]", MT_BAD_LAYOUT},
        {"[1}", MT_BAD_LAYOUT},
        {"{\"a\"}", MT_BAD_LAYOUT},
        {"{\"a\":}", MT_BAD_LAYOUT},
        {"{\"a\":1,}", MT_BAD_LAYOUT},
        {"{a:1}", MT_BAD_LAYOUT},
        {"{1:1}", MT_BAD_LAYOUT},
        {"[", MT_BAD_LAYOUT},
        {"{", MT_BAD_LAYOUT},
        {"[1", MT_BAD_LAYOUT},
        {"{\"a\":1", MT_BAD_LAYOUT},
        {"]", MT_BAD_LAYOUT},
        {"NaN", MT_BAD_LAYOUT},
        {"-", MT_BAD_LAYOUT},
        {"[[[[[[[[[1]]]]]]]]]", MT_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_json j = over(rows[i].json);
        CU_ASSERT_EQUAL(mt_json_skip(&j), rows[i].status);
    }
}

static void the_end_is_no_character(void)
{
    struct mt_json j = over(" \n");
    CU_ASSERT_EQUAL(mt_json_peek(&j), '\0');
    CU_ASSERT_FALSE(mt_json_take(&j, '\0'));
    CU_ASSERT_PTR_EQUAL(j.at, j.end);
}

static const struct unit_test tests[] = {
    {"strings_are_read_with_their_escapes", strings_are_read_with_their_escapes},
    {"what_is_no_string_is_refused", what_is_no_string_is_refused},
    {"an_escaped_string_must_fit_and_a_plain_one_need_not",
     an_escaped_string_must_fit_and_a_plain_one_need_not},
    {"any_value_is_stepped_over_whole", any_value_is_stepped_over_whole},
    {"broken_values_are_not_stepped_over", broken_values_are_not_stepped_over},
    {"the_end_is_no_character", the_end_is_no_character},
};
UNIT_MAIN("json", tests)
