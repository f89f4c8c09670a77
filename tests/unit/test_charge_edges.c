/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Charges, cuts and bills where numbers are large, below zero, or at the last place of a table. */
#include "gateway/core/bill.h"
#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff;

static int64_t charge_ufen(const struct gw_terms *terms, int64_t ladder_units,
                           const struct gw_segment *segment)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, terms, ladder_units, segment, 1);
    return ufen[0];
}

/* 999,999,999 Wh in 1,000 days: the product with the time is beyond 64 bits. 31/1000 of them are
 * 30,999,999.969 and 59/1000 are 58,999,999.941. */
static void the_largest_interval_is_cut_to_the_watt_hour(void)
{
    struct gw_segment parts[GW_USAGE_CUT_MAX];
    uint32_t count = 0;
    fixture_zhejiang(&tariff);
    int64_t from_us = fixture_at(2026, 1, 1, 0);
    struct gw_interval interval =
        fixture_interval(from_us, from_us + 1000 * GW_US_PER_DAY, 999999999);
    struct gw_terms terms = fixture_terms();
    CU_ASSERT_EQUAL(gw_usage_cut(parts, &count, &tariff, &terms, &interval), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(parts[0].units[GW_BAND_FLAT], 30999999);
    CU_ASSERT_EQUAL(parts[1].units[GW_BAND_FLAT], 28000000);
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += parts[i].units[GW_BAND_FLAT];
    }
    CU_ASSERT_EQUAL(sum, 999999999);
    /* All of it in the peak register and none in the total: flat is as far below zero, and a part of it
     * is cut downwards, to -31,000,000 and -59,000,000. */
    tariff.versions[0].bands_by_meter = true;
    terms = fixture_tou_terms();
    interval.has_bands = true;
    interval.band_units[GW_BAND_PEAK] = 999999999;
    interval.units = 0;
    CU_ASSERT_EQUAL(gw_usage_cut(parts, &count, &tariff, &terms, &interval), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(parts[0].units[GW_BAND_PEAK], 30999999);
    CU_ASSERT_EQUAL(parts[0].units[GW_BAND_FLAT], -31000000);
    CU_ASSERT_EQUAL(parts[1].units[GW_BAND_PEAK], 28000000);
    CU_ASSERT_EQUAL(parts[1].units[GW_BAND_FLAT], -28000000);
}

static void whole_cubic_metres_are_whole_below_zero_too(void)
{
    /* From the ladder's ml by the segment's: whole m3, at 335 fen. */
    static const struct {
        int64_t ladder_ml, ml, fen;
    } rows[] = {{0, -200000, -335},        {0, -1000000, -335}, {1500000, 1000000, 335},
                {1500000, -1600000, -670}, {0, 999999, 0},      {2000000, 3000000, 1005}};
    static const int64_t limits_m3[2] = {228, 348};
    static const int64_t prices_fen[3] = {335, 393, 480};
    fixture_gas(&tariff, limits_m3, prices_fen);
    tariff.versions[0].whole_units = true;
    struct gw_terms terms = fixture_terms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 12), GW_BAND_FLAT, rows[i].ml);
        CU_ASSERT_EQUAL(charge_ufen(&terms, rows[i].ladder_ml, &segment), rows[i].fen * 1000000);
    }
}

/* 20 kWh at peak and 5 below zero at valley, of which 10 are free: with no proportion to go by they
 * are taken off at the flat price. 20 x 56.8 - 5 x 28.8 - 10 x 53.8 = 454 fen. */
static void free_units_beside_a_band_below_zero_are_flat(void)
{
    fixture_zhejiang(&tariff);
    tariff.versions[0].free_units = 10 * KWH_WH;
    struct gw_terms terms = fixture_tou_terms();
    terms.low_income = true;
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_PEAK, 20 * KWH_WH);
    segment.units[GW_BAND_VALLEY] = -5 * KWH_WH;
    CU_ASSERT_EQUAL(charge_ufen(&terms, 0, &segment), 454000000);
    struct gw_charge_line lines[8];
    memset(lines, 0x55, sizeof(lines));
    CU_ASSERT_EQUAL(gw_tariff_explain(lines, 8, &tariff, &terms, 0, &segment), 4);
    /* peak; flat: 10 free, and 10 less to pay; valley */
    CU_ASSERT_EQUAL(lines[0].ufen, 1136000000);
    CU_ASSERT_EQUAL(lines[1].units, 10 * KWH_WH);
    CU_ASSERT_EQUAL(lines[1].price_ufen, 0);
    CU_ASSERT_EQUAL(lines[1].ufen, 0);
    CU_ASSERT_EQUAL(lines[2].ufen, -538000000);
    CU_ASSERT_EQUAL(lines[3].ufen, -144000000);
}

static void lines_beyond_the_callers_room_are_not_written(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_PEAK, 3000 * KWH_WH);
    segment.units[GW_BAND_VALLEY] = 2000 * KWH_WH; /* four lines: two bands, two blocks */
    for (uint32_t room = 0; room < 4; room++) {
        struct gw_charge_line lines[5];
        memset(lines, 0x55, sizeof(lines));
        CU_ASSERT_EQUAL(gw_tariff_explain(lines, room, &tariff, &terms, 0, &segment), UINT32_MAX);
        for (uint32_t i = room; i < 5; i++) {
            CU_ASSERT_EQUAL(lines[i].units, 0x5555555555555555);
        }
    }
}

/* 150 kWh over a first block of 100 by the month: 150 x 53.8 + 50 x 5 fen. */
static void a_monthly_ladder_knows_no_short_year_and_a_home_of_one_may_be_large(void)
{
    fixture_zhejiang(&tariff);
    struct gw_tariff_version *version = &tariff.versions[0];
    version->ladder = GW_LADDER_MONTH;
    fixture_blocks(version, 0, 100 * KWH_WH, 200 * KWH_WH);
    struct gw_terms terms = fixture_terms();
    terms.ladder_months = 6;
    terms.ladder_months_year = gw_ladder_id(version, fixture_month(2024, 3));
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, 150 * KWH_WH);
    CU_ASSERT_EQUAL(charge_ufen(&terms, 0, &segment), 8320000000);
    version->large_people = 1;
    version->large_extra = 50 * KWH_WH;
    CU_ASSERT_EQUAL(charge_ufen(&terms, 0, &segment), 8320000000);
    terms.people = 1;
    CU_ASSERT_EQUAL(charge_ufen(&terms, 0, &segment), 8070000000);
}

static enum gw_bill_verdict add(struct gw_bill *bill, int64_t time_us, int64_t total)
{
    struct gw_bill_reading reading = {.reading = {.time_us = time_us, .total = total},
                                      .verdict = GW_ACCEPTED,
                                      .block = (uint64_t)total + 1u};
    return gw_bill_add(bill, &reading);
}

static void a_register_at_the_months_last_moment_closes_it(void)
{
    static struct gw_bill bill;
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    gw_bill_init(&bill, &tariff, &terms, 0, fixture_month(2026, 2));
    CU_ASSERT_EQUAL(add(&bill, fixture_at(2026, 1, 31, 0), 10), GW_BILL_DONE);
    CU_ASSERT_EQUAL(add(&bill, fixture_at(2026, 3, 1, 0) - 1, 20), GW_BILL_DONE);
    CU_ASSERT_EQUAL(bill.closing.total, 20);
    CU_ASSERT_EQUAL(add(&bill, fixture_at(2026, 3, 1, 0), 30), GW_BILL_DONE);
    CU_ASSERT_EQUAL(add(&bill, fixture_at(2026, 3, 5, 0), 40), GW_BILL_DONE);
    CU_ASSERT_EQUAL(bill.opening.total, 10);
    CU_ASSERT_EQUAL(bill.closing.total, 30);
}

/* A register at the start of each month: 512 months fill the table, and the next is refused whole. */
static void a_bill_over_more_segments_than_it_has_is_refused(void)
{
    static struct gw_bill bill;
    static struct gw_bill_result result;
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    gw_bill_init(&bill, &tariff, &terms, 0, fixture_month(2026, 2));
    for (int i = 0; i <= 512; i++) {
        int64_t at_us = gw_local_month_start_us(fixture_month(2026, 1) + i);
        CU_ASSERT_EQUAL_FATAL(add(&bill, at_us, 100 * KWH_WH * i), GW_BILL_DONE);
    }
    int64_t at_us = gw_local_month_start_us(fixture_month(2026, 1) + 513);
    CU_ASSERT_EQUAL(add(&bill, at_us, 51300 * KWH_WH), GW_BILL_TOO_LARGE);
    CU_ASSERT_EQUAL(gw_bill_finish(&result, &bill), GW_BILL_DONE);
    CU_ASSERT_EQUAL(result.units, 100 * KWH_WH);
    CU_ASSERT_EQUAL(result.ever_ufen,
                    51200 * 53800000ll); /* 1,200 kWh a year: no block but the first */
}

static const struct unit_test tests[] = {
    {"the_largest_interval_is_cut_to_the_watt_hour", the_largest_interval_is_cut_to_the_watt_hour},
    {"whole_cubic_metres_are_whole_below_zero_too", whole_cubic_metres_are_whole_below_zero_too},
    {"free_units_beside_a_band_below_zero_are_flat", free_units_beside_a_band_below_zero_are_flat},
    {"lines_beyond_the_callers_room_are_not_written",
     lines_beyond_the_callers_room_are_not_written},
    {"a_monthly_ladder_knows_no_short_year_and_a_home_of_one_may_be_large",
     a_monthly_ladder_knows_no_short_year_and_a_home_of_one_may_be_large},
    {"a_register_at_the_months_last_moment_closes_it",
     a_register_at_the_months_last_moment_closes_it},
    {"a_bill_over_more_segments_than_it_has_is_refused",
     a_bill_over_more_segments_than_it_has_is_refused},
};

UNIT_MAIN("charge_edges", tests)
