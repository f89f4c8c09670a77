/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search for numbers on a line, against meters that answer in memory. */
#include "gateway/adapters/poll_scan.h"
#include "tests/support/unit.h"

static bool fits(const char *number, const char *pattern, char wildcard)
{
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        if (pattern[i] != wildcard && pattern[i] != number[i]) {
            return false;
        }
    }
    return true;
}

/* Probe until the end; every number must be heard alone exactly once. */
static uint32_t search(uint8_t protocol, const char *const *numbers, uint32_t count,
                       uint32_t *alone)
{
    struct gw_scan scan;
    char pattern[MT_NUMBER_MAX + 1];
    char wildcard = protocol == GW_POLL_MBUS_SECONDARY ? 'F' : 'A';
    *alone = 0;
    gw_scan_begin(&scan, protocol);
    while (scan.probe_count < 5000 && gw_scan_next(&scan, pattern)) {
        uint32_t answers = 0;
        for (uint32_t i = 0; i < count; i++) {
            answers += fits(numbers[i], pattern, wildcard);
        }
        *alone += answers == 1;
        gw_scan_heard(&scan, answers == 0   ? GW_SCAN_NOBODY
                             : answers == 1 ? GW_SCAN_ONE
                                            : GW_SCAN_COLLISION);
    }
    CU_ASSERT(scan.done);
    return scan.probe_count;
}

static void an_empty_line_takes_one_probe(void)
{
    uint32_t alone = 0;
    CU_ASSERT_EQUAL(search(GW_POLL_DLT645, NULL, 0, &alone), 1);
    CU_ASSERT_EQUAL(alone, 0);
}

static void colliding_numbers_are_told_apart(void)
{
    /* The same low four digits: two splits of a hundred, after the first probe. */
    static const char *const power[] = {"000012345678", "000099995678"};
    static const char *const water[] = {"12345678", "12345679", "92345678"};
    uint32_t alone = 0;
    CU_ASSERT_EQUAL(search(GW_POLL_DLT645, power, 2, &alone), 1 + 100 + 100 + 100);
    CU_ASSERT_EQUAL(alone, 2);
    /* One split for the first digit, and one for each of the seven that two of them share. */
    CU_ASSERT_EQUAL(search(GW_POLL_MBUS_SECONDARY, water, 3, &alone), 1 + 8 * 10);
    CU_ASSERT_EQUAL(alone, 3);
}

static void what_cannot_be_told_apart_is_counted(void)
{
    struct gw_scan scan;
    char pattern[MT_NUMBER_MAX + 1];
    gw_scan_begin(&scan, GW_POLL_CJT188);
    CU_ASSERT(gw_scan_next(&scan, pattern));
    CU_ASSERT_STRING_EQUAL(pattern, "AAAAAAAAAAAAAA");
    gw_scan_heard(&scan, GW_SCAN_COLLISION);
    CU_ASSERT_FALSE(gw_scan_next(&scan, pattern));
    CU_ASSERT_EQUAL(scan.unresolved_count, 1);
}

static const struct unit_test tests[] = {
    {"an_empty_line_takes_one_probe", an_empty_line_takes_one_probe},
    {"colliding_numbers_are_told_apart", colliding_numbers_are_told_apart},
    {"what_cannot_be_told_apart_is_counted", what_cannot_be_told_apart_is_counted},
};
UNIT_MAIN("poll_scan", tests)
