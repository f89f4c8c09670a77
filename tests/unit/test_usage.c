/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consumption cut into segments, folded and posted: by hand, and against a meter whose whole history
 * is kept and charged at once.
 */
#include "gateway/core/usage.h"

#include <stdlib.h>

#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff; /* each test builds its own */

static enum gw_usage_verdict add(struct gw_usage *usage, const struct gw_terms *terms,
                                 int64_t from_us, int64_t to_us, int64_t units)
{
    struct gw_interval interval = fixture_interval(from_us, to_us, units);
    return gw_usage_add(usage, &tariff, terms, &interval);
}

/** What is to be posted to a payee, and is then posted. */
static int64_t post(struct gw_usage *usage, const struct gw_terms *terms, uint32_t payee)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_usage_charge(ufen, usage, &tariff, terms);
    int64_t to_post_ufen = ufen[payee] - usage->posted_ufen[payee];
    usage->posted_ufen[payee] += to_post_ufen;
    return to_post_ufen;
}

/** An interval whose peak and valley registers are known too. */
static struct gw_interval banded(int64_t from_us, int64_t to_us, int64_t units, int64_t peak,
                                 int64_t valley)
{
    struct gw_interval interval = fixture_interval(from_us, to_us, units);
    interval.has_bands = true;
    interval.band_units[GW_BAND_PEAK] = peak;
    interval.band_units[GW_BAND_VALLEY] = valley;
    return interval;
}

static void a_year_of_monthly_registers_is_the_published_bill(void)
{
    static const int64_t rows[][2] = {
        {2760, 148488}, {2761, 148547}, {4800, 268440}, {4801, 268524}};
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_usage usage = {0};
        int64_t posted_ufen = 0;
        int64_t register_wh = 0;
        for (int month = 1; month <= 12; month++) {
            int64_t next_wh = rows[i][0] * KWH_WH * month / 12;
            int64_t from_us = gw_local_month_start_us(fixture_month(2024, month));
            int64_t to_us = gw_local_month_start_us(fixture_month(2024, month) + 1);
            CU_ASSERT_EQUAL(add(&usage, &terms, from_us, to_us, next_wh - register_wh),
                            GW_USAGE_DONE);
            register_wh = next_wh;
            posted_ufen += post(&usage, &terms, 0);
        }
        CU_ASSERT_EQUAL(gw_round_fen(posted_ufen, 1), rows[i][1]);
    }
}

static void a_year_offline_is_the_same_bill_from_one_interval(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 1, 1, 0), fixture_at(2025, 1, 1, 0),
                        4801 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, GW_USAGE_SEGMENTS);
    CU_ASSERT_EQUAL(gw_round_fen(post(&usage, &terms, 0), 1), 268524);
    CU_ASSERT_EQUAL(post(&usage, &terms, 0), 0);
}

static void quarter_hours_of_three_watt_hours_are_465_fen(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    int64_t start_us = fixture_at(2024, 3, 1, 0);
    int64_t posted_ufen = 0;
    for (int64_t i = 0; i < 2880; i++) {
        int64_t from_us = start_us + i * 15 * GW_US_PER_MIN;
        CU_ASSERT_EQUAL_FATAL(add(&usage, &terms, from_us, from_us + 15 * GW_US_PER_MIN, 3),
                              GW_USAGE_DONE);
        posted_ufen += post(&usage, &terms, 0);
    }
    CU_ASSERT_EQUAL(gw_round_fen(posted_ufen, 1), 465);
}

static void a_new_year_starts_a_new_ladder_with_the_old_one_open(void)
{
    /* 3,000 kWh in December 2024, 100 in January 2025, none of those in block 2:
     * 1614 + 240 x 0.05 + 53.80 yuan. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 12, 1, 0), fixture_at(2025, 1, 1, 0),
                        3000 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2025, 1, 1, 0), fixture_at(2025, 1, 9, 0),
                        100 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 2);
    CU_ASSERT_EQUAL(gw_round_fen(post(&usage, &terms, 0), 1), 167980);
}

static void a_ladder_year_from_july_goes_on_over_new_year(void)
{
    /* 2,700 kWh in December and 100 in January are one ladder: 2,800 x 0.538 + 40 x 0.05. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].ladder_month = 7;
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 12, 1, 0), fixture_at(2025, 1, 1, 0),
                        2700 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2025, 1, 1, 0), fixture_at(2025, 1, 9, 0),
                        100 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(gw_round_fen(post(&usage, &terms, 0), 1), 150840);
    /* From July on a new one. */
    struct gw_usage july = {0};
    CU_ASSERT_EQUAL(add(&july, &terms, fixture_at(2025, 6, 1, 0), fixture_at(2025, 7, 1, 0),
                        2760 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(add(&july, &terms, fixture_at(2025, 7, 1, 0), fixture_at(2025, 7, 2, 0),
                        100 * KWH_WH),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(gw_round_fen(post(&july, &terms, 0), 1), 148488 + 5380);
}

static void an_interval_over_a_band_edge_is_cut_at_it_to_the_microsecond(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    int64_t eight_us = fixture_at(2024, 3, 5, 8 * 60);
    static const struct {
        int64_t before_us;
        int64_t after_us;
        int64_t wh;
        int64_t valley_wh;
    } rows[] = {
        {15 * GW_US_PER_MIN, 0, 100, 100},                /* ends at the edge: all before */
        {0, 15 * GW_US_PER_MIN, 100, 0},                  /* starts at the edge: none before */
        {15 * GW_US_PER_MIN, 1, 100, 99},                 /* floor(100 x 900000000 / 900000001) */
        {1, 15 * GW_US_PER_MIN, 100, 0},                  /* floor(100 / 900000001) */
        {5 * GW_US_PER_MIN, 10 * GW_US_PER_MIN, 100, 33}, /* floor(100 / 3) */
        {10 * GW_US_PER_MIN, 5 * GW_US_PER_MIN, 100, 66},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_usage usage = {0};
        /* The month's segment is there already, as it mostly is. */
        CU_ASSERT_EQUAL(add(&usage, &terms, eight_us - GW_US_PER_HOUR, eight_us, 0), GW_USAGE_DONE);
        CU_ASSERT_EQUAL(add(&usage, &terms, eight_us - rows[i].before_us,
                            eight_us + rows[i].after_us, rows[i].wh),
                        GW_USAGE_DONE);
        CU_ASSERT_EQUAL(usage.count, 1);
        CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_VALLEY], rows[i].valley_wh);
        CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_PEAK], rows[i].wh - rows[i].valley_wh);
    }
}

static void a_price_that_changes_within_an_interval_splits_it_by_time(void)
{
    /* 10 days of March, 3 of them before the change on the 8th: floor(1,001 x 3 / 10) = 300 Wh at
     * 0.538 and 701 Wh at 0.60: 0.1614 + 0.4206 yuan. */
    fixture_zhejiang(&tariff);
    fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2024, 3, 8, 0));
    tariff.versions[1].components[0].flat_price_ufen[0] = YUAN_UFEN * 60 / 100;
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 5, 0), fixture_at(2024, 3, 15, 0),
                        1001),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 2);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_FLAT], 300);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_FLAT], 701);
    CU_ASSERT_EQUAL(post(&usage, &terms, 0), 16140000 + 42060000);
}

static void joining_time_of_use_within_a_month_makes_two_segments(void)
{
    /* 4 kWh evenly over two days, joined at the second's start: 2 kWh at 0.538; then, of 48 hours,
     * 32 have passed at 08:00 and 46 at 22:00: floor(4000 x 32 / 48) = 2,666 and 3,833 Wh. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    terms.tou_from_day = gw_local_day(fixture_at(2024, 3, 15, 0));
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 14, 0), fixture_at(2024, 3, 16, 0),
                        4000),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 2);
    CU_ASSERT_EQUAL(usage.segments[0].tou, 0);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_FLAT], 2000);
    CU_ASSERT_EQUAL(usage.segments[1].tou, 1);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_VALLEY], 666 + (4000 - 3833));
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_PEAK], 3833 - 2666);
    CU_ASSERT_EQUAL(post(&usage, &terms, 0), 2000 * 53800 + 1167 * 56800 + 833 * 28800);
}

static void consumption_of_doubtful_time_costs_the_lowest_band(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    struct gw_usage usage = {0};
    struct gw_interval noon =
        banded(fixture_at(2024, 3, 31, 23 * 60), fixture_at(2024, 4, 1, 12 * 60), 1300, 1300, 0);
    noon.doubtful = true;
    tariff.versions[0].bands_by_meter = true;
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &noon), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 2);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_VALLEY], 100);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_VALLEY], 1200);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_PEAK], 0);
    terms = fixture_terms();
    struct gw_usage flat = {0};
    CU_ASSERT_EQUAL(gw_usage_add(&flat, &tariff, &terms, &noon), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(flat.segments[0].units[GW_BAND_FLAT], 100);
}

static void the_meters_own_bands_decide_where_the_tariff_says_so(void)
{
    /* All of it was used at night by the clock; the meter says 700 peak, 250 valley of 1,000. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    struct gw_interval night =
        banded(fixture_at(2024, 3, 5, 60), fixture_at(2024, 3, 5, 120), 1000, 700, 250);
    for (int by_meter = 0; by_meter < 2; by_meter++) {
        struct gw_usage usage = {0};
        tariff.versions[0].bands_by_meter = by_meter != 0;
        CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &night), GW_USAGE_DONE);
        const int64_t *units = usage.segments[0].units;
        CU_ASSERT_EQUAL(units[GW_BAND_PEAK], by_meter ? 700 : 0);
        CU_ASSERT_EQUAL(units[GW_BAND_VALLEY], by_meter ? 250 : 1000);
        /* What the band registers leave of the total is flat. */
        CU_ASSERT_EQUAL(units[GW_BAND_FLAT], by_meter ? 50 : 0);
    }
}

static void band_registers_over_a_month_end_are_cut_each_by_itself(void)
{
    /* A third of the time lies in March: floor(1000 / 3) peak, floor(500 / 3) valley, and of the
     * rest of 1,502 - 1,500 nothing. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].bands_by_meter = true;
    struct gw_terms terms = fixture_tou_terms();
    struct gw_usage usage = {0};
    struct gw_interval over =
        banded(fixture_at(2024, 3, 31, 0), fixture_at(2024, 4, 3, 0), 1502, 1000, 500);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &over), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 2);
    static const int64_t expected[2][GW_BANDS] = {{0, 333, 0, 166}, {0, 667, 2, 334}};
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            CU_ASSERT_EQUAL(usage.segments[i].units[band], expected[i][band]);
        }
    }
}

static void band_registers_that_sum_to_more_leave_the_total_as_it_is(void)
{
    /* 10 Wh more in the bands than in the total: flat is 10 below zero, -4 at the month's end. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].bands_by_meter = true;
    struct gw_terms terms = fixture_tou_terms();
    struct gw_usage usage = {0};
    struct gw_interval over =
        banded(fixture_at(2024, 3, 31, 0), fixture_at(2024, 4, 3, 0), 990, 1000, 0);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &over), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_PEAK], 333);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_FLAT], -4);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_PEAK], 667);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_FLAT], -6);
}

static void band_registers_before_joining_count_as_the_total(void)
{
    /* Half before joining. 1,001 Wh: floor 500 flat; then 501 of which the bands say 301 + 200. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].bands_by_meter = true;
    struct gw_terms terms = fixture_terms();
    terms.tou_from_day = gw_local_day(fixture_at(2024, 3, 15, 0));
    struct gw_usage usage = {0};
    struct gw_interval over =
        banded(fixture_at(2024, 3, 14, 0), fixture_at(2024, 3, 16, 0), 1001, 601, 400);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &over), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_FLAT], 500);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_PEAK], 301);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_VALLEY], 200);
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_FLAT], 0);
}

static void older_than_the_oldest_open_segment_is_closed(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 5, 0), fixture_at(2024, 6, 5, 0), 9000),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.segments[0].month, fixture_month(2024, 4));
    struct gw_usage before = usage;
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 8, 0), fixture_at(2024, 3, 9, 0), 5),
                    GW_USAGE_CLOSED);
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 31, 0), fixture_at(2024, 5, 9, 0), 5),
                    GW_USAGE_CLOSED);
    CU_ASSERT_EQUAL(memcmp(&usage, &before, sizeof(usage)), 0);
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 4, 1, 0), fixture_at(2024, 4, 2, 0), 5),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_FLAT],
                    before.segments[0].units[GW_BAND_FLAT] + 5);
}

static void what_cannot_be_taken_changes_nothing(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    int64_t start_us = tariff.versions[0].from_us;
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 1, 7), GW_USAGE_DONE);
    struct gw_usage before = usage;
    int64_t max_wh = GW_SEGMENT_QUANTITY_MAX * KWH_WH;
    int64_t long_us = (int64_t)GW_USAGE_DAYS_MAX * GW_US_PER_DAY;
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us - 1, start_us + 9, 1), GW_USAGE_NO_TARIFF);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, GW_CIVIL_END_US + 1, 1), GW_USAGE_NO_TARIFF);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, INT64_MAX, 1), GW_USAGE_NO_TARIFF);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + long_us + 1, 1), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 9, max_wh + 1), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 9, max_wh - 6), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 9, INT64_MAX), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 700 * GW_US_PER_DAY, max_wh + 1),
                    GW_USAGE_TOO_LARGE);
    struct gw_interval bands = fixture_interval(start_us, start_us + 9, 5);
    bands.has_bands = true;
    bands.band_units[0] = -1;
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &bands), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(memcmp(&usage, &before, sizeof(usage)), 0);
    CU_ASSERT_EQUAL(add(&usage, &terms, start_us, start_us + 9, max_wh - 7), GW_USAGE_DONE);
    CU_ASSERT_EQUAL(add(&before, &terms, start_us, start_us + long_us, 1), GW_USAGE_DONE);
}

static void a_band_takes_what_its_field_of_memory_holds_and_no_more(void)
{
    fixture_zhejiang(&tariff);
    tariff.unit_divisor = 1000000; /* In ml a segment may hold more than a band's field does. */
    tariff.versions[0].bands_by_meter = true;
    struct gw_terms terms = fixture_tou_terms();
    struct gw_usage usage = {0};
    int64_t from_us = fixture_at(2024, 4, 3, 0);
    int64_t most = GW_USAGE_BAND_UNITS_MAX;
    struct gw_interval over = banded(from_us, from_us + GW_US_PER_DAY, most + 1, most + 1, 0);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &over), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(usage.count, 0);
    struct gw_interval fits = banded(from_us, from_us + GW_US_PER_DAY, most, most, 0);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &fits), GW_USAGE_DONE);
    struct gw_interval one = banded(from_us, from_us + GW_US_PER_DAY, 1, 1, 0);
    CU_ASSERT_EQUAL(gw_usage_add(&usage, &tariff, &terms, &one), GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(usage.segments[0].units[GW_BAND_PEAK], most);
}

static void unposted_money_that_would_overflow_is_refused(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {.posted_ufen = {INT64_MIN + 5}};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 5, 0), fixture_at(2024, 5, 5, 0), 9000),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 5, 5, 0), fixture_at(2024, 6, 5, 0), 9000),
                    GW_USAGE_TOO_LARGE);
    CU_ASSERT_EQUAL(usage.count, 3);
}

static void a_segment_between_open_ones_is_put_in_its_place(void)
{
    /* The home joins time of use after the fact, in the older of two open months. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_usage usage = {0};
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 1, 0), fixture_at(2024, 4, 9, 0),
                        39000),
                    GW_USAGE_DONE);
    terms.tou_from_day = gw_local_day(fixture_at(2024, 3, 20, 0));
    CU_ASSERT_EQUAL(add(&usage, &terms, fixture_at(2024, 3, 20, 0), fixture_at(2024, 3, 20, 60),
                        600),
                    GW_USAGE_DONE);
    CU_ASSERT_EQUAL(usage.count, 3);
    CU_ASSERT(usage.segments[0].tou == 0 && usage.segments[0].month == fixture_month(2024, 3));
    CU_ASSERT(usage.segments[1].tou == 1 && usage.segments[1].month == fixture_month(2024, 3));
    CU_ASSERT(usage.segments[2].tou == 0 && usage.segments[2].month == fixture_month(2024, 4));
    CU_ASSERT_EQUAL(usage.segments[1].units[GW_BAND_VALLEY], 600);
}

/* Properties. */

/** Random terms and registers over a tariff with three versions, bands and critical days. */
static void property_tariff(void)
{
    fixture_guangdong(&tariff);
    fixture_zhejiang_version(&tariff, "zj-1", fixture_at(2023, 3, 10, 0));
    fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2023, 11, 1, 0));
    tariff.versions[2].bands_by_meter = true;
    tariff.versions[2].ladder_month = 7;
    tariff.versions[2].components[0].flat_price_ufen[0] = 54321987;
    tariff.versions[2].components[0].band_price_ufen[0][GW_BAND_PEAK] = 61234567;
    for (uint32_t v = 0; v < tariff.version_count; v++) {
        tariff.versions[v].free_units = 30 * KWH_WH;
        tariff.versions[v].large_people = 5;
        tariff.versions[v].large_extra = 70 * KWH_WH;
    }
}

static struct gw_terms property_terms(uint64_t *seed)
{
    struct gw_terms terms = fixture_terms();
    int32_t first_day = gw_local_day(fixture_at(2022, 10, 1, 0));
    terms.tou_from_day = first_day + (int32_t)fixture_below(seed, 700);
    terms.low_income = fixture_below(seed, 2) == 1;
    terms.people = (uint8_t)fixture_below(seed, 8);
    terms.ladder_months = (uint8_t)(1 + fixture_below(seed, 12));
    terms.ladder_months_year = fixture_month(2023, 1);
    return terms;
}

/** A stretch of random length and consumption; with band registers at times. */
static struct gw_interval property_interval(uint64_t *seed, int64_t from_us)
{
    static const int64_t lengths_us[] = {15 * GW_US_PER_MIN, GW_US_PER_DAY, 20 * GW_US_PER_DAY,
                                         100 * GW_US_PER_DAY};
    int64_t length_us = 1 + fixture_below(seed, lengths_us[fixture_below(seed, 4)]);
    struct gw_interval interval =
        fixture_interval(from_us, from_us + length_us, fixture_below(seed, 400 * KWH_WH));
    interval.has_bands = fixture_below(seed, 3) == 0;
    int64_t left = interval.units + fixture_below(seed, 20) - 10;
    for (uint32_t band = 0; interval.has_bands && band < GW_BANDS && left > 0; band++) {
        interval.band_units[band] = fixture_below(seed, left + 1);
        left -= interval.band_units[band];
    }
    interval.doubtful = fixture_below(seed, 10) == 0;
    return interval;
}

#define HISTORY_SEGMENTS 200u

/** All segments of a meter's life. */
struct history {
    uint32_t count;
    struct gw_segment segments[HISTORY_SEGMENTS];
};

static void history_add(struct history *history, const struct gw_terms *terms,
                        const struct gw_interval *interval)
{
    struct gw_segment cut[GW_USAGE_CUT_MAX];
    uint32_t count = 0;
    CU_ASSERT_EQUAL_FATAL(gw_usage_cut(cut, &count, &tariff, terms, interval), GW_USAGE_DONE);
    for (uint32_t i = 0; i < count; i++) {
        struct gw_segment *last = &history->segments[history->count - 1];
        if (history->count > 0 && last->version == cut[i].version && last->month == cut[i].month &&
            last->tou == cut[i].tou) {
            for (uint32_t band = 0; band < GW_BANDS; band++) {
                last->units[band] += cut[i].units[band];
            }
        } else {
            CU_ASSERT_FATAL(history->count < HISTORY_SEGMENTS);
            history->segments[history->count++] = cut[i];
        }
    }
}

/** The charge of a whole life, ladder by ladder; the ladder is told by month and kind, not by the
 *  code under test. */
static int64_t history_charge(const struct history *history, const struct gw_terms *terms)
{
    int64_t sum_ufen = 0;
    int64_t ladder_units = 0;
    int32_t ladder = -1;
    for (uint32_t i = 0; i < history->count; i++) {
        const struct gw_segment *segment = &history->segments[i];
        const struct gw_tariff_version *version = &tariff.versions[segment->version];
        int32_t month = segment->month;
        int32_t year = (month - (version->ladder_month - 1)) / 12;
        int32_t id =
            version->ladder == GW_LADDER_MONTH ? month : 100000 * version->ladder_month + year;
        ladder_units = id == ladder ? ladder_units : 0;
        ladder = id;
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        gw_tariff_charge(ufen, &tariff, terms, ladder_units, segment, 1);
        sum_ufen += ufen[0];
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            ladder_units += segment->units[band];
        }
    }
    return sum_ufen;
}

static void what_was_posted_is_the_charge_of_the_whole_life_however_often_it_was_posted(void)
{
    uint64_t seed = 987654321;
    printf("    seed %llu\n", (unsigned long long)seed);
    property_tariff();
    uint32_t wrong = 0;
    for (uint32_t round = 0; round < 400; round++) {
        struct gw_terms terms = property_terms(&seed);
        struct gw_usage usage = {0};
        struct history history = {.count = 0};
        int64_t at_us = fixture_at(2022, 10, 1, 0) + fixture_below(&seed, 90 * GW_US_PER_DAY);
        int64_t posted_ufen = 0;
        int64_t post_every = 1 + fixture_below(&seed, 8);
        for (uint32_t i = 0; i < 40 && at_us < fixture_at(2025, 1, 1, 0); i++) {
            struct gw_interval interval = property_interval(&seed, at_us);
            CU_ASSERT_EQUAL_FATAL(gw_usage_add(&usage, &tariff, &terms, &interval), GW_USAGE_DONE);
            history_add(&history, &terms, &interval);
            at_us = interval.to_us;
            if (fixture_below(&seed, post_every) == 0) {
                posted_ufen += post(&usage, &terms, 0);
            }
        }
        posted_ufen += post(&usage, &terms, 0);
        wrong += posted_ufen == history_charge(&history, &terms) ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/** Cut an interval at a random point between its registers, as a late reading does. */
static void property_split(struct gw_interval halves[2], const struct gw_interval *whole,
                           uint64_t *seed)
{
    int64_t split_us = whole->from_us + 1 + fixture_below(seed, whole->to_us - whole->from_us - 1);
    halves[0] = halves[1] = *whole;
    halves[0].to_us = halves[1].from_us = split_us;
    halves[0].units = fixture_below(seed, whole->units + 1);
    halves[1].units = whole->units - halves[0].units;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        halves[0].band_units[band] = fixture_below(seed, whole->band_units[band] + 1);
        halves[1].band_units[band] = whole->band_units[band] - halves[0].band_units[band];
    }
}

static int64_t usage_units(const struct gw_usage *usage)
{
    int64_t units = 0;
    for (uint32_t i = 0; i < usage->count; i++) {
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            units += usage->segments[i].units[band];
        }
    }
    return units;
}

static bool usages_equal(const struct gw_usage *a, const struct gw_usage *b)
{
    bool equal = a->count == b->count && a->ladder_units == b->ladder_units &&
                 a->posted_ufen[0] == b->posted_ufen[0];
    for (uint32_t i = 0; equal && i < a->count; i++) {
        equal =
            a->segments[i].month == b->segments[i].month &&
            a->segments[i].version == b->segments[i].version &&
            a->segments[i].tou == b->segments[i].tou &&
            memcmp(a->segments[i].units, b->segments[i].units, sizeof(a->segments[i].units)) == 0;
    }
    return equal;
}

static void a_late_register_in_between_leaves_what_it_would_have_left_in_time(void)
{
    uint64_t seed = 5551212;
    printf("    seed %llu\n", (unsigned long long)seed);
    property_tariff();
    uint32_t wrong = 0;
    uint32_t split_count = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        struct gw_terms terms = property_terms(&seed);
        struct gw_usage late = {0};
        int64_t at_us = fixture_at(2022, 12, 1, 0) + fixture_below(&seed, 500 * GW_US_PER_DAY);
        struct gw_interval first = property_interval(&seed, at_us);
        struct gw_interval whole = property_interval(&seed, first.to_us);
        if (whole.to_us - whole.from_us < 2) {
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(gw_usage_add(&late, &tariff, &terms, &first), GW_USAGE_DONE);
        struct gw_usage in_time = late;
        CU_ASSERT_EQUAL_FATAL(gw_usage_add(&late, &tariff, &terms, &whole), GW_USAGE_DONE);
        struct gw_interval halves[2];
        property_split(halves, &whole, &seed);
        struct gw_usage before = late;
        whole.sign = -1;
        if (gw_usage_add(&late, &tariff, &terms, &whole) != GW_USAGE_DONE) {
            /* Part of it was folded already: nothing may have changed. */
            wrong += usages_equal(&late, &before) ? 0 : 1;
            continue;
        }
        int64_t without = usage_units(&late);
        for (uint32_t i = 0; i < 2; i++) {
            CU_ASSERT_EQUAL_FATAL(gw_usage_add(&late, &tariff, &terms, &halves[i]), GW_USAGE_DONE);
            CU_ASSERT_EQUAL_FATAL(gw_usage_add(&in_time, &tariff, &terms, &halves[i]),
                                  GW_USAGE_DONE);
        }
        split_count++;
        wrong += usages_equal(&late, &in_time) ? 0 : 1;
        wrong += usage_units(&late) == without + whole.units ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(split_count > 1000);
}

/** floor(units x elapsed / whole) in 128 bits. */
static int64_t slow_spread(const struct gw_interval *interval, int64_t at_us)
{
    return (int64_t)((__int128)interval->units * (at_us - interval->from_us) /
                     (interval->to_us - interval->from_us));
}

static void a_cut_is_that_of_a_walk_minute_by_minute(void)
{
    uint64_t seed = 31337;
    printf("    seed %llu\n", (unsigned long long)seed);
    property_tariff();
    uint32_t wrong = 0;
    for (uint32_t round = 0; round < 300; round++) {
        struct gw_terms terms = property_terms(&seed);
        int64_t at_us = fixture_at(2022, 12, 1, 0) + fixture_below(&seed, 500 * GW_US_PER_DAY);
        struct gw_interval interval = property_interval(&seed, at_us);
        interval.to_us =
            interval.from_us + (interval.to_us - interval.from_us) % (9 * GW_US_PER_DAY) + 1;
        interval.has_bands = false;
        interval.doubtful = false;
        struct gw_segment cut[GW_USAGE_CUT_MAX];
        uint32_t count = 0;
        CU_ASSERT_EQUAL_FATAL(gw_usage_cut(cut, &count, &tariff, &terms, &interval), GW_USAGE_DONE);
        /* Every edge lies on a minute: take each minute's part off the segment it belongs to. */
        uint32_t at = 0;
        int64_t reached = 0;
        while (at_us < interval.to_us) {
            struct gw_cell cell;
            bool found = gw_tariff_cell(&cell, &tariff, &terms, at_us);
            int64_t next_us = (at_us / GW_US_PER_MIN + 1) * GW_US_PER_MIN;
            next_us = next_us < interval.to_us ? next_us : interval.to_us;
            while (at < count && (cut[at].month != cell.month || cut[at].version != cell.version ||
                                  cut[at].tou != cell.tou)) {
                at++;
            }
            CU_ASSERT_FATAL(found && at < count);
            cut[at].units[cell.band] -= slow_spread(&interval, next_us) - reached;
            reached = slow_spread(&interval, next_us);
            at_us = next_us;
        }
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t band = 0; band < GW_BANDS; band++) {
                wrong += cut[i].units[band] == 0 ? 0 : 1;
            }
        }
        wrong += at + 1 == count ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void the_longest_interval_with_every_kind_of_edge_fits(void)
{
    fixture_head(&tariff, "edges", MT_POWER);
    for (int v = 0; v < (int)GW_TARIFF_VERSIONS_MAX; v++) {
        const char id[] = {'v', (char)('a' + v), '\0'};
        fixture_zhejiang_version(&tariff, id, fixture_at(2020, 1, 1 + 2 * v, 0));
    }
    struct gw_terms terms = fixture_terms();
    terms.tou_from_day = gw_local_day(fixture_at(2020, 2, 10, 0));
    int64_t from_us = fixture_at(2020, 1, 1, 0);
    struct gw_interval interval =
        fixture_interval(from_us, from_us + (int64_t)GW_USAGE_DAYS_MAX * GW_US_PER_DAY,
                         900000 * KWH_WH);
    struct gw_segment cut[GW_USAGE_CUT_MAX];
    uint32_t count = 0;
    CU_ASSERT_EQUAL(gw_usage_cut(cut, &count, &tariff, &terms, &interval), GW_USAGE_DONE);
    /* 37 months, 15 version starts after the first, one joining. */
    CU_ASSERT_EQUAL(count, 37 + 15 + 1);
    int64_t units = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            units += cut[i].units[band];
        }
    }
    CU_ASSERT_EQUAL(units, interval.units);
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct unit_test tests[] = {
    TEST(a_year_of_monthly_registers_is_the_published_bill),
    TEST(a_year_offline_is_the_same_bill_from_one_interval),
    TEST(quarter_hours_of_three_watt_hours_are_465_fen),
    TEST(a_new_year_starts_a_new_ladder_with_the_old_one_open),
    TEST(a_ladder_year_from_july_goes_on_over_new_year),
    TEST(an_interval_over_a_band_edge_is_cut_at_it_to_the_microsecond),
    TEST(a_price_that_changes_within_an_interval_splits_it_by_time),
    TEST(joining_time_of_use_within_a_month_makes_two_segments),
    TEST(consumption_of_doubtful_time_costs_the_lowest_band),
    TEST(the_meters_own_bands_decide_where_the_tariff_says_so),
    TEST(band_registers_over_a_month_end_are_cut_each_by_itself),
    TEST(band_registers_that_sum_to_more_leave_the_total_as_it_is),
    TEST(band_registers_before_joining_count_as_the_total),
    TEST(older_than_the_oldest_open_segment_is_closed),
    TEST(what_cannot_be_taken_changes_nothing),
    TEST(a_band_takes_what_its_field_of_memory_holds_and_no_more),
    TEST(unposted_money_that_would_overflow_is_refused),
    TEST(a_segment_between_open_ones_is_put_in_its_place),
    TEST(what_was_posted_is_the_charge_of_the_whole_life_however_often_it_was_posted),
    TEST(a_late_register_in_between_leaves_what_it_would_have_left_in_time),
    TEST(a_cut_is_that_of_a_walk_minute_by_minute),
    TEST(the_longest_interval_with_every_kind_of_edge_fits),
};

UNIT_MAIN("usage", tests)
