/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shipped packs and what they cost, as `meterpay rate` computes it. */
#include "gateway/ctl/rate.h"

#include <stdlib.h>

#include "gateway/adapters/tariff_file.h"
#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff;
static struct gw_rate rate;
static char why[GW_YAML_WHY_MAX];

static void load(const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "gateway/tariffs/%s.yaml", name);
    CU_ASSERT_EQUAL_FATAL(gw_tariff_file_load(&tariff, NULL, why, sizeof(why), path), GW_OK);
}

/** The year 2024, of a home without anything special. */
static struct gw_rate_request year_request(int64_t units)
{
    struct gw_rate_request request = {
        .tariff = &tariff,
        .from_day = gw_local_day(fixture_at(2024, 1, 1, 0)),
        .to_day = gw_local_day(fixture_at(2025, 1, 1, 0)),
        .units = units,
        .ladder_months = 12,
    };
    return request;
}

static int64_t amount_fen(const struct gw_rate_request *request)
{
    CU_ASSERT_EQUAL_FATAL(gw_rate_compute(&rate, why, request), GW_OK);
    int64_t ufen = 0;
    for (uint32_t i = 0; i < rate.line_count; i++) {
        ufen += rate.lines[i].ufen;
    }
    int64_t stray_ufen = ufen - rate.amount_fen * 1000000;
    CU_ASSERT(llabs(stray_ufen) <= 500000ll * tariff.payee_count);
    return rate.amount_fen;
}

static void a_year_costs_what_is_published(void)
{
    static const struct {
        const char *pack;
        int64_t units;
        int64_t fen;
    } rows[] = {
        {"zhejiang-power", 2760000, 148488},       {"zhejiang-power", 2761000, 148547},
        {"zhejiang-power", 4800000, 268440},       {"zhejiang-power", 4801000, 268524},
        {"zhejiang-power-shared", 1000000, 55800}, {"qingdao-gas", 228000000, 76380},
        {"qingdao-gas", 348000000, 123540},        {"qingdao-gas", 348500000, 123780},
        {"qingdao-gas", 500000000, 196500},        {"guangzhou-gas", 247000000, 85215},
        {"guangzhou-gas", 398000000, 147729},      {"guangzhou-gas", 400000000, 148765},
        {"beijing-water", 180000000, 90000},       {"beijing-water", 200000000, 104000},
        {"beijing-water", 260000000, 146000},      {"beijing-water", 300000000, 182000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        load(rows[i].pack);
        struct gw_rate_request request = year_request(rows[i].units);
        CU_ASSERT_EQUAL(amount_fen(&request), rows[i].fen);
        /* The last day named instead of the one after it: nothing depends on it here. */
        request.to_day--;
        CU_ASSERT_EQUAL(amount_fen(&request), rows[i].fen);
    }
}

static void given_bands_cost_what_is_published(void)
{
    static const int64_t rows[][3] = {{1500, 1260, 121488},
                                      {2000, 1500, 160500},
                                      {3000, 2000, 244200}};
    load("zhejiang-power");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_rate_request request = year_request((rows[i][0] + rows[i][1]) * KWH_WH);
        request.has_bands = true;
        request.band_units[GW_BAND_PEAK] = rows[i][0] * KWH_WH;
        request.band_units[GW_BAND_VALLEY] = rows[i][1] * KWH_WH;
        CU_ASSERT_EQUAL(amount_fen(&request), rows[i][2]);
        for (uint32_t line = 0; line < rate.line_count; line++) {
            CU_ASSERT(rate.lines[line].band != GW_BAND_FLAT);
        }
    }
}

static void beijings_three_payees_get_their_parts(void)
{
    load("beijing-water");
    struct gw_rate_request request = year_request(300 * M3_ML);
    CU_ASSERT_EQUAL(amount_fen(&request), 182000);
    CU_ASSERT(rate.payee_fen[0] == 94100 && rate.payee_fen[1] == 47100 &&
              rate.payee_fen[2] == 40800 && rate.payee_fen[3] == 0);
}

static void a_day_on_guangdongs_clock_is_spread_over_its_bands(void)
{
    /* 24 kWh on a day of March: 8 valley, 9 flat, 7 peak. 8 x 0.226214 + 9 x 0.5953 + 7 x 1.01201
     * = 1.809712 + 5.3577 + 7.08407 = 14.251482 yuan. On a day of August 3 of the 7 are sharp:
     * 4 x 1.01201 + 3 x 1.2650125 = 7.8430775, so 15.0104895 yuan. */
    load("guangdong-power-tou");
    struct gw_rate_request request = year_request(24 * KWH_WH);
    request.tou = true;
    request.from_day = gw_local_day(fixture_at(2024, 3, 5, 0));
    request.to_day = request.from_day + 1;
    CU_ASSERT_EQUAL(amount_fen(&request), 1425);
    request.from_day = gw_local_day(fixture_at(2024, 8, 5, 0));
    request.to_day = request.from_day + 1;
    CU_ASSERT_EQUAL(amount_fen(&request), 1501);
    request.tou = false;
    CU_ASSERT_EQUAL(amount_fen(&request), 1429); /* 24 x 0.5953 = 14.2872 */
}

static void terms_of_the_home_and_a_ladder_begun_count(void)
{
    load("zhejiang-power");
    struct gw_rate_request request = year_request(100 * KWH_WH);
    request.ladder_units = 2700 * KWH_WH; /* 60 + 40 in block 2: 53.80 + 2 yuan */
    CU_ASSERT_EQUAL(amount_fen(&request), 5580);
    request.people = 5; /* 1,200 kWh more in block 1 */
    CU_ASSERT_EQUAL(amount_fen(&request), 5380);
    request = year_request(200 * KWH_WH);
    request.low_income = true;
    CU_ASSERT_EQUAL(amount_fen(&request), 1076);
    request = year_request(2100 * KWH_WH);
    request.ladder_months = 5;
    CU_ASSERT_EQUAL(amount_fen(&request), 120230);
}

static void two_years_are_two_ladders(void)
{
    /* 731 days: 366 of 2024 and 365 of 2025 of 7,310 kWh: 3,660 and 3,650, each with 900 and 890
     * kWh in block 2: 7,310 x 0.538 + 1,790 x 0.05. */
    load("zhejiang-power");
    struct gw_rate_request request = year_request(7310 * KWH_WH);
    request.to_day = gw_local_day(fixture_at(2026, 1, 1, 0));
    CU_ASSERT_EQUAL(amount_fen(&request), 393278 + 8950);
}

static void what_cannot_be_rated_is_explained(void)
{
    load("zhejiang-power");
    struct gw_rate_request request = year_request(1);
    request.from_day = gw_local_day(fixture_at(2012, 6, 30, 0));
    CU_ASSERT_EQUAL(gw_rate_compute(&rate, why, &request), GW_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "zhejiang-power is in force from 2012-07-01"));
    request.from_day = gw_local_day(fixture_at(2019, 1, 1, 0));
    CU_ASSERT_EQUAL(gw_rate_compute(&rate, why, &request), GW_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "at most 1000000 kWh or m3 over at most 1100 days"));
    request = year_request(5);
    request.has_bands = true;
    request.band_units[GW_BAND_SHARP] = 5;
    CU_ASSERT_EQUAL(gw_rate_compute(&rate, why, &request), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "zhejiang-power has no band 'sharp' in 2024-01");
    load("qingdao-gas");
    request = year_request(5);
    request.tou = true;
    CU_ASSERT_EQUAL(gw_rate_compute(&rate, why, &request), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "qingdao-gas has no time of use in 2024-01");
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct unit_test tests[] = {
    TEST(a_year_costs_what_is_published),
    TEST(given_bands_cost_what_is_published),
    TEST(beijings_three_payees_get_their_parts),
    TEST(a_day_on_guangdongs_clock_is_spread_over_its_bands),
    TEST(terms_of_the_home_and_a_ladder_begun_count),
    TEST(two_years_are_two_ladders),
    TEST(what_cannot_be_rated_is_explained),
};

UNIT_MAIN("rate", tests)
