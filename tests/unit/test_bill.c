/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bills of a month: by hand, and against what intake would have posted reading by reading. */
#include "gateway/core/bill.h"

#include "gateway/core/stretch.h"
#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff;
static struct gw_terms terms;
static struct gw_bill bill;
static struct gw_bill_result result;

static struct gw_bill_reading reading(int64_t time_us, int64_t total, uint64_t block)
{
    return (struct gw_bill_reading){.reading = {.time_us = time_us, .total = total},
                                    .verdict = GW_ACCEPTED,
                                    .block = block};
}

static void begin(int year, int month)
{
    terms = fixture_terms();
    gw_bill_init(&bill, &tariff, &terms, 0, fixture_month(year, month));
}

static void add(int64_t time_us, int64_t total, uint64_t block)
{
    struct gw_bill_reading r = reading(time_us, total, block);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &r), GW_BILL_DONE);
}

static void finish(void)
{
    CU_ASSERT_EQUAL(gw_bill_finish(&result, &bill), GW_BILL_DONE);
}

static void a_month_is_charged_with_the_ladder_of_the_months_before(void)
{
    /* 2,700 kWh in January; 161 in February, of which 101 beyond 2,760: 161 x 0.538 + 101 x 0.05. */
    fixture_zhejiang(&tariff);
    begin(2026, 2);
    add(fixture_at(2026, 1, 1, 0), 0, 1);
    add(fixture_at(2026, 2, 1, 0), 2700 * KWH_WH, 2);
    add(fixture_at(2026, 3, 1, 0), 2861 * KWH_WH, 3);
    finish();
    CU_ASSERT_EQUAL(result.units, 161 * KWH_WH);
    CU_ASSERT_EQUAL(result.month_ufen[0], 9166800000);
    CU_ASSERT_EQUAL(gw_round_fen(result.month_ufen[0], 1), 9167);
    CU_ASSERT_EQUAL(result.ever_ufen, 9166800000 + 2700 * 53800000ll);
    CU_ASSERT_EQUAL(result.line_count, 2);
    CU_ASSERT_EQUAL(result.lines[0].units, 161 * KWH_WH);
    CU_ASSERT_EQUAL(result.lines[0].ufen, 161 * 53800000ll);
    CU_ASSERT_EQUAL(result.lines[1].block, 1);
    CU_ASSERT_EQUAL(result.lines[1].units, 101 * KWH_WH);
    CU_ASSERT_EQUAL(result.lines[1].ufen, 101 * 5000000ll);
}

static void the_registers_around_the_month_prove_it(void)
{
    fixture_zhejiang(&tariff);
    begin(2026, 2);
    add(fixture_at(2026, 1, 20, 0), 10, 1);
    add(fixture_at(2026, 1, 31, 0), 20, 2);
    add(fixture_at(2026, 2, 1, 0), 30, 3); /* exactly at the start */
    add(fixture_at(2026, 2, 20, 0), 40, 4);
    add(fixture_at(2026, 3, 2, 0), 50, 5);
    add(fixture_at(2026, 3, 9, 0), 60, 6);
    CU_ASSERT_EQUAL(bill.opening.block, 3);
    CU_ASSERT_EQUAL(bill.opening.total, 30);
    CU_ASSERT_EQUAL(bill.closing.block, 5);
    CU_ASSERT_EQUAL(bill.closing.total, 50);
}

static void a_meter_that_came_within_the_month_opens_with_its_first_register(void)
{
    fixture_zhejiang(&tariff);
    begin(2026, 2);
    CU_ASSERT_FALSE(bill.opening.known);
    add(fixture_at(2026, 2, 10, 0), 700, 7);
    add(fixture_at(2026, 2, 12, 0), 900, 8);
    finish();
    CU_ASSERT_EQUAL(bill.opening.block, 7);
    CU_ASSERT_EQUAL(bill.closing.block, 8);
    CU_ASSERT_EQUAL(result.units, 200);
}

static void a_stretch_over_the_months_edge_is_shared_by_time(void)
{
    /* 31 days with 310 kWh: 16 of them in January. */
    fixture_zhejiang(&tariff);
    begin(2026, 1);
    add(fixture_at(2026, 1, 16, 0), 0, 1);
    add(fixture_at(2026, 2, 16, 0), 310 * KWH_WH, 2);
    finish();
    CU_ASSERT_EQUAL(result.units, 160 * KWH_WH);
    CU_ASSERT_EQUAL(result.month_ufen[0], 160 * 53800000ll);
    CU_ASSERT_EQUAL(result.ever_ufen, 310 * 53800000ll);
}

static void a_month_without_use_has_no_lines(void)
{
    fixture_zhejiang(&tariff);
    begin(2026, 5);
    add(fixture_at(2026, 1, 16, 0), 0, 1);
    add(fixture_at(2026, 2, 16, 0), 310 * KWH_WH, 2);
    finish();
    CU_ASSERT_EQUAL(result.line_count, 0);
    CU_ASSERT_EQUAL(result.month_ufen[0], 0);
    CU_ASSERT_EQUAL(result.units, 0);
}

static void a_meter_without_readings_costs_nothing(void)
{
    fixture_zhejiang(&tariff);
    begin(2026, 5);
    finish();
    CU_ASSERT_EQUAL(result.line_count, 0);
    CU_ASSERT_EQUAL(result.ever_ufen, 0);
    CU_ASSERT_FALSE(bill.closing.known);
}

static void a_change_of_price_within_the_month_is_two_versions(void)
{
    /* From 16 February on the price is 0.60: 15 days of 10 kWh, then 13. */
    fixture_zhejiang(&tariff);
    fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2026, 2, 16, 0));
    tariff.versions[1].components[0].flat_price_ufen[0] = YUAN_UFEN * 60 / 100;
    begin(2026, 2);
    add(fixture_at(2026, 2, 1, 0), 0, 1);
    add(fixture_at(2026, 3, 1, 0), 280 * KWH_WH, 2);
    finish();
    CU_ASSERT_EQUAL(result.line_count, 2);
    CU_ASSERT_EQUAL(result.lines[0].version, 0);
    CU_ASSERT_EQUAL(result.lines[1].version, 1);
    CU_ASSERT_EQUAL(result.month_ufen[0], 150 * 53800000ll + 130 * 60000000ll);
}

static void readings_out_of_order_are_refused_and_change_nothing(void)
{
    fixture_zhejiang(&tariff);
    begin(2026, 1);
    add(fixture_at(2026, 1, 16, 0), 500, 1);
    struct gw_bill_reading same = reading(fixture_at(2026, 1, 16, 0), 600, 2);
    struct gw_bill_reading before = reading(fixture_at(2026, 1, 15, 0), 600, 2);
    struct gw_bill_reading down = reading(fixture_at(2026, 1, 17, 0), 400, 2);
    struct gw_bill_reading early = reading(fixture_at(2012, 6, 1, 0), 0, 2);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &same), GW_BILL_DISORDER);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &before), GW_BILL_DISORDER);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &down), GW_BILL_DISORDER);
    CU_ASSERT_EQUAL(bill.reading_count, 1);
    CU_ASSERT_EQUAL(bill.last.block, 1);
    begin(2026, 1);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &early), GW_BILL_DONE);
    same.reading.time_us = fixture_at(2012, 7, 2, 0);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &same), GW_BILL_NO_TARIFF);
    begin(2026, 1);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &same), GW_BILL_DONE);
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &before), GW_BILL_TOO_LARGE); /* thirteen years at once */
}

static void a_rollover_is_followed(void)
{
    fixture_zhejiang(&tariff);
    terms = fixture_terms();
    gw_bill_init(&bill, &tariff, &terms, 1000 * KWH_WH, fixture_month(2026, 1));
    add(fixture_at(2026, 1, 2, 0), 990 * KWH_WH, 1);
    struct gw_bill_reading r = reading(fixture_at(2026, 1, 3, 0), 10 * KWH_WH, 2);
    r.verdict = GW_ACCEPTED_ROLLOVER;
    CU_ASSERT_EQUAL(gw_bill_add(&bill, &r), GW_BILL_DONE);
    finish();
    CU_ASSERT_EQUAL(result.units, 20 * KWH_WH);
}

/* ---- against intake --------------------------------------------------------------------------------- */

#define READINGS 400u

static struct gw_bill_reading walk[READINGS];
static struct gw_usage usage;
static int64_t posted_ufen;

/* What intake does for each accepted reading: take away, add, post the difference. */
static bool take(const struct gw_bill_reading *from, const struct gw_bill_reading *to, int8_t sign)
{
    struct gw_interval interval = gw_stretch(0, &from->reading, &to->reading, to->verdict, sign);
    return gw_usage_add(&usage, &tariff, &terms, &interval) == GW_USAGE_DONE;
}

static void post(void)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_usage_charge(ufen, &usage, &tariff, &terms);
    posted_ufen += ufen[0] - usage.posted_ufen[0];
    usage.posted_ufen[0] = ufen[0];
}

static void make_walk(uint64_t *seed)
{
    int64_t time_us = fixture_at(2024, 11, 3, 0);
    int64_t total = 5;
    for (uint32_t i = 0; i < READINGS; i++) {
        walk[i] = reading(time_us, total, i + 1);
        walk[i].verdict = fixture_below(seed, 20) == 0 ? GW_ACCEPTED_DOUBTFUL : GW_ACCEPTED;
        time_us += 1 + fixture_below(seed, 3 * GW_US_PER_DAY);
        total += fixture_below(seed, 60 * KWH_WH);
    }
}

/* Every now and then a reading is missing when the next one comes, and arrives after it. */
static void live_through(uint64_t *seed)
{
    memset(&usage, 0, sizeof(usage));
    posted_ufen = 0;
    for (uint32_t i = 1; i < READINGS; i++) {
        bool late = i + 1 < READINGS && fixture_below(seed, 5) == 0;
        if (late) {
            walk[i].verdict = GW_ACCEPTED_LATE;
            CU_ASSERT_TRUE(take(&walk[i - 1], &walk[i + 1], 1));
            post();
            CU_ASSERT_TRUE(take(&walk[i - 1], &walk[i], 1));
            CU_ASSERT_TRUE(take(&walk[i], &walk[i + 1], 1));
            CU_ASSERT_TRUE(take(&walk[i - 1], &walk[i + 1], -1));
            i++;
        } else {
            CU_ASSERT_TRUE(take(&walk[i - 1], &walk[i], 1));
        }
        post();
    }
}

static int64_t sum_of_all_months(void)
{
    int64_t sum_ufen = 0;
    int32_t first = gw_local_month(walk[0].reading.time_us);
    int32_t last = gw_local_month(walk[READINGS - 1].reading.time_us);
    for (int32_t month = first; month <= last; month++) {
        gw_bill_init(&bill, &tariff, &terms, 0, month);
        for (uint32_t i = 0; i < READINGS; i++) {
            CU_ASSERT_EQUAL(gw_bill_add(&bill, &walk[i]), GW_BILL_DONE);
        }
        finish();
        sum_ufen += result.month_ufen[0];
        CU_ASSERT_EQUAL(result.ever_ufen, posted_ufen);
    }
    return sum_ufen;
}

static void the_bills_of_all_months_sum_to_what_was_posted(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint64_t state = seed * 7919;
        if (seed % 2 == 0) {
            fixture_guangdong(&tariff);
            terms = fixture_tou_terms();
        } else {
            fixture_zhejiang(&tariff);
            terms = fixture_terms();
            fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2025, 3, 16, 0));
            tariff.versions[1].components[0].flat_price_ufen[0] = 61234567;
        }
        make_walk(&state);
        live_through(&state);
        int64_t sum_ufen = sum_of_all_months();
        if (sum_ufen != posted_ufen) {
            printf("    seed %llu\n", (unsigned long long)seed);
        }
        CU_ASSERT_EQUAL(sum_ufen, posted_ufen);
    }
}

static const struct unit_test tests[] = {
    {"a_month_is_charged_with_the_ladder_of_the_months_before",
     a_month_is_charged_with_the_ladder_of_the_months_before},
    {"the_registers_around_the_month_prove_it", the_registers_around_the_month_prove_it},
    {"a_meter_that_came_within_the_month_opens_with_its_first_register",
     a_meter_that_came_within_the_month_opens_with_its_first_register},
    {"a_stretch_over_the_months_edge_is_shared_by_time",
     a_stretch_over_the_months_edge_is_shared_by_time},
    {"a_month_without_use_has_no_lines", a_month_without_use_has_no_lines},
    {"a_meter_without_readings_costs_nothing", a_meter_without_readings_costs_nothing},
    {"a_change_of_price_within_the_month_is_two_versions",
     a_change_of_price_within_the_month_is_two_versions},
    {"readings_out_of_order_are_refused_and_change_nothing",
     readings_out_of_order_are_refused_and_change_nothing},
    {"a_rollover_is_followed", a_rollover_is_followed},
    {"the_bills_of_all_months_sum_to_what_was_posted",
     the_bills_of_all_months_sum_to_what_was_posted},
};
UNIT_MAIN("bill", tests)
