/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Meters' names. */
#include "meters/name.h"
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

static enum mt_status parse(struct mt_identity *id, const char *text)
{
    size_t len = strlen(text);
    return mt_name_parse(id, (const char *)guard_end(text, len), len);
}

static void a_name_and_its_identity_say_the_same(void)
{
    static const struct {
        const char *text;
        struct mt_identity identity;
    } rows[] = {
        {"pHXE-000012345678", {MT_POWER, "HXE", "000012345678"}},
        {"wA-1", {MT_WATER, "A", "1"}},
        {"gB2-0000000000000009", {MT_GAS, "B2", "0000000000000009"}},
        {"h123-ZZ", {MT_HEAT, "123", "ZZ"}},
        {"xABC-0123456789ABCDEF", {MT_MEDIUM_OTHER, "ABC", "0123456789ABCDEF"}},
        {"pDZG-0A01445A47000282225E", {MT_POWER, "DZG", "0A01445A47000282225E"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_identity id;
        char text[MT_NAME_MAX + 1];
        CU_ASSERT_EQUAL(parse(&id, rows[i].text), MT_OK);
        CU_ASSERT_TRUE(mt_identity_equal(&id, &rows[i].identity));
        CU_ASSERT_EQUAL(mt_name_format(text, &id), strlen(rows[i].text));
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void other_spellings_are_refused(void)
{
    static const char *const rows[] = {"",
                                       "p",
                                       "pA-",
                                       "p-1",
                                       "PA-1",
                                       "qA-1",
                                       "pA1",
                                       "pABCD-1",
                                       "pa-1",
                                       "pA-1a",
                                       "pA-1 ",
                                       " pA-1",
                                       "pA--1",
                                       "pA-1-2",
                                       "pA_-1",
                                       "pA-123456789012345678901",
                                       "pABC-123456789012345678901",
                                       "pA-1/",
                                       "pA+-1",
                                       "p\xC3\x84-1"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mt_identity id = {.number = "untouched"};
        CU_ASSERT_EQUAL(parse(&id, rows[i]), MT_BAD_LAYOUT);
        CU_ASSERT_STRING_EQUAL(id.number, "untouched");
    }
    struct mt_identity id;
    CU_ASSERT_EQUAL(mt_name_parse(&id, NULL, 0), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(mt_name_parse(&id, "pA-1\0", 5), MT_BAD_LAYOUT);
}

static void leading_zeros_maker_and_medium_make_another_meter(void)
{
    const struct mt_identity a = {MT_POWER, "HXE", "0012"};
    const struct mt_identity others[] = {{MT_POWER, "HXE", "12"},
                                         {MT_POWER, "HX", "0012"},
                                         {MT_WATER, "HXE", "0012"}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CU_ASSERT_FALSE(mt_identity_equal(&a, &others[i]));
    }
    CU_ASSERT_TRUE(mt_identity_equal(&a, &a));
}

static const struct unit_test tests[] = {
    {"a_name_and_its_identity_say_the_same", a_name_and_its_identity_say_the_same},
    {"other_spellings_are_refused", other_spellings_are_refused},
    {"leading_zeros_maker_and_medium_make_another_meter",
     leading_zeros_maker_and_medium_make_another_meter},
};
UNIT_MAIN("name", tests)
