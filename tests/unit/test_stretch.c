/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was used between two registers. */
#include "gateway/core/stretch.h"
#include "tests/support/unit.h"

static void a_register_moves_forward_or_passes_its_width(void)
{
    static const struct {
        int64_t from, to, width, step;
    } rows[] = {
        {0, 0, 0, 0},         {5, 7, 0, 2},
        {5, 7, 1000, 2},      {990, 10, 1000, 20}, /* 990 .. 999, 0 .. 10 */
        {990, 10, 0, -1},                          /* no width is known */
        {1000, 10, 1000, -1},                      /* beyond the width: not this register */
        {999, 0, 1000, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(gw_register_step(rows[i].from, rows[i].to, rows[i].width), rows[i].step);
    }
}

static struct mt_reading at(int64_t time_us, int64_t total, const int64_t bands[MT_BANDS])
{
    struct mt_reading reading = {.time_us = time_us, .total = total};
    for (uint32_t b = 0; bands != NULL && b < MT_BANDS; b++) {
        reading.band[b] = bands[b];
        reading.band_mask |= (uint8_t)(1u << b);
    }
    return reading;
}

static void bands_count_when_they_agree_with_the_total(void)
{
    const int64_t first[MT_BANDS] = {0, 100, 200, 300};
    const int64_t agrees[MT_BANDS] = {0, 1100, 1200, 1300};
    const int64_t differs[MT_BANDS] = {0, 1100, 1200, 1500};
    const int64_t went_down[MT_BANDS] = {0, 99, 2301, 1200};
    struct mt_reading from = at(1, 600, first);
    struct mt_reading good = at(2, 3600, agrees);
    struct mt_reading off = at(2, 3600, differs);
    struct mt_reading down = at(2, 3600, went_down);
    struct mt_reading none = at(2, 3600, NULL);
    CU_ASSERT_TRUE(gw_stretch(0, &from, &good, GW_ACCEPTED, 1).has_bands);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &off, GW_ACCEPTED, 1).has_bands);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &down, GW_ACCEPTED, 1).has_bands);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &none, GW_ACCEPTED, 1).has_bands);
    CU_ASSERT_EQUAL(gw_stretch(0, &from, &good, GW_ACCEPTED, 1).band_units[1], 1000);
    CU_ASSERT_EQUAL(gw_stretch(0, &from, &none, GW_ACCEPTED, -1).units, 3000);
    CU_ASSERT_EQUAL(gw_stretch(0, &from, &none, GW_ACCEPTED, -1).sign, -1);
}

static void only_a_doubtful_reading_makes_a_doubtful_stretch(void)
{
    struct mt_reading from = at(1, 0, NULL);
    struct mt_reading to = at(2, 5, NULL);
    CU_ASSERT_TRUE(gw_stretch(0, &from, &to, GW_ACCEPTED_DOUBTFUL, 1).doubtful);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &to, GW_ACCEPTED, 1).doubtful);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &to, GW_ACCEPTED_LATE, 1).doubtful);
    CU_ASSERT_FALSE(gw_stretch(0, &from, &to, GW_ACCEPTED_ROLLOVER, 1).doubtful);
}

static const struct unit_test tests[] = {
    {"a_register_moves_forward_or_passes_its_width", a_register_moves_forward_or_passes_its_width},
    {"bands_count_when_they_agree_with_the_total", bands_count_when_they_agree_with_the_total},
    {"only_a_doubtful_reading_makes_a_doubtful_stretch",
     only_a_doubtful_reading_makes_a_doubtful_stretch},
};
UNIT_MAIN("stretch", tests)
