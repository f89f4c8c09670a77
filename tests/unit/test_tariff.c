/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tariff's ladders and charges, against published bills, hand calculation and a second, slow
 * implementation that counts unit by unit. */
#include "gateway/core/tariff.h"

#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff; /* each test builds its own */

static int64_t charge_fen(const struct gw_terms *terms, int64_t ladder_units,
                          const struct gw_segment *segments, uint32_t count)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, terms, ladder_units, segments, count);
    return gw_round_fen(ufen[0], 1);
}

/* Charges by hand. */

static void zhejiang_flat_bills_are_the_published_ones(void)
{
    static const int64_t rows[][2] = {
        {2760, 148488}, {2761, 148547}, {4800, 268440}, {4801, 268524}, {0, 0}};
    struct gw_terms terms = fixture_terms();
    fixture_zhejiang(&tariff);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, rows[i][0] * KWH_WH);
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i][1]);
    }
}

static void zhejiang_peak_and_valley_bills_are_the_published_ones(void)
{
    static const int64_t rows[][3] = {{1500, 1260, 121488},
                                      {2000, 1500, 160500},
                                      {3000, 2000, 244200}};
    struct gw_terms terms = fixture_tou_terms();
    fixture_zhejiang(&tariff);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 3), GW_BAND_PEAK, rows[i][0] * KWH_WH);
        segment.units[GW_BAND_VALLEY] = rows[i][1] * KWH_WH;
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i][2]);
    }
}

static void qingdao_and_guangzhou_gas_bills_are_the_published_ones(void)
{
    static const struct {
        int64_t limits_m3[2];
        int64_t prices_fen[3];
        int64_t ml;
        int64_t fen;
    } rows[] = {
        {{228, 348}, {335, 393, 480}, 228000000, 76380},
        {{228, 348}, {335, 393, 480}, 348000000, 123540},
        {{228, 348}, {335, 393, 480}, 348500000, 123780},
        {{228, 348}, {335, 393, 480}, 500000000, 196500},
        {{247, 398}, {345, 414, 518}, 247000000, 85215},
        {{247, 398}, {345, 414, 518}, 398000000, 147729},
        {{247, 398}, {345, 414, 518}, 400000000, 148765},
    };
    struct gw_terms terms = fixture_terms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_gas(&tariff, rows[i].limits_m3, rows[i].prices_fen);
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 1), GW_BAND_FLAT, rows[i].ml);
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i].fen);
    }
}

static void three_watt_hours_each_quarter_hour_are_465_fen_and_not_none(void)
{
    struct gw_terms terms = fixture_terms();
    fixture_zhejiang(&tariff);
    struct gw_segment segment = fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, 3 * 2880);
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), 465);
}

static void three_payees_share_one_water_reading(void)
{
    /* 2.07 + 1.57 + 1.36 = 5.00 yuan to 180 m3, the water part 2 yuan more to 260, 4 above. */
    static const int64_t rows[][4] = {{180, 37260, 28260, 24480},
                                      {200, 45400, 31400, 27200},
                                      {300, 94100, 47100, 40800}};
    static const int64_t limits_m3[2] = {180, 260};
    static const int64_t prices_fen[3] = {207, 407, 607};
    fixture_gas(&tariff, limits_m3, prices_fen);
    struct gw_tariff_version *version = &tariff.versions[0];
    tariff.payee_count = 3;
    version->component_count = 3;
    for (uint8_t c = 1; c < 3; c++) {
        version->components[c].payee = c;
        version->components[c].flat_price_ufen[0] = c == 1 ? 157000000 : 136000000;
    }
    struct gw_terms terms = fixture_terms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 1), GW_BAND_FLAT, rows[i][0] * M3_ML);
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        gw_tariff_charge(ufen, &tariff, &terms, 0, &segment, 1);
        for (uint32_t payee = 0; payee < 3; payee++) {
            CU_ASSERT_EQUAL(ufen[payee], rows[i][1 + payee] * 1000000);
        }
        CU_ASSERT_EQUAL(ufen[3], 0);
    }
}

static void a_price_that_changes_goes_on_in_the_same_ladder(void)
{
    /* 2,700 kWh at 0.538, then 100 at 0.60 of which 40 lie in block 2: 1452.60 + 60 + 2 yuan. */
    fixture_zhejiang(&tariff);
    fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2024, 7, 15, 0));
    tariff.versions[1].components[0].flat_price_ufen[0] = YUAN_UFEN * 60 / 100;
    struct gw_terms terms = fixture_terms();
    struct gw_segment segments[] = {
        fixture_segment(0, fixture_month(2024, 7), GW_BAND_FLAT, 2700 * KWH_WH),
        fixture_segment(1, fixture_month(2024, 7), GW_BAND_FLAT, 100 * KWH_WH),
    };
    CU_ASSERT(gw_ladder_same(&tariff, &segments[0], &segments[1]));
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, segments, 2), 151460);
}

static void a_monthly_ladder_has_the_limits_of_the_months_season(void)
{
    /* 250 kWh: April 200/400, so 50 in block 2; May 260/600, so none. 700 kWh in May. */
    static const int64_t rows[][3] = {{4, 250, 15250}, {5, 250, 15000}, {5, 700, 46700}};
    struct gw_terms terms = fixture_terms();
    fixture_guangdong(&tariff);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment = fixture_segment(0, fixture_month(2024, (int)rows[i][0]),
                                                    GW_BAND_FLAT, rows[i][1] * KWH_WH);
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i][2]);
    }
}

static void a_home_of_five_has_larger_blocks_and_one_of_four_has_not(void)
{
    /* 360 and 700 kWh: 420 yuan and 340 x 0.05; else 340 x 0.05 and 100 x 0.30. */
    fixture_guangdong(&tariff);
    tariff.versions[0].large_people = 5;
    tariff.versions[0].large_extra = 100 * KWH_WH;
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 5), GW_BAND_FLAT, 700 * KWH_WH);
    struct gw_terms terms = fixture_terms();
    static const int64_t rows[][2] = {{0, 46700}, {4, 46700}, {5, 43700}, {9, 43700}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        terms.people = (uint8_t)rows[i][0];
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i][1]);
    }
}

static void who_moves_in_for_five_months_has_five_twelfths_of_the_blocks(void)
{
    /* 1,150 and 2,000 kWh; of 2,100 kWh: 1129.80 + 850 x 0.05 + 100 x 0.30 yuan. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    terms.ladder_months = 5;
    terms.ladder_months_year = fixture_month(2024, 1);
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 8), GW_BAND_FLAT, 2100 * KWH_WH);
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), 120230);
    /* Eleven months: 2,530 kWh, so 100 of 2,630 lie in block 2: 1414.94 + 5 yuan. */
    terms.ladder_months = 11;
    segment.units[GW_BAND_FLAT] = 2630 * KWH_WH;
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), 141994);
    terms.ladder_months = 5;
    segment.units[GW_BAND_FLAT] = 2100 * KWH_WH;
    segment.month = fixture_month(2025, 8);
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), 112980);
}

static void a_share_of_a_limit_is_cut_to_whole_units(void)
{
    /* 1,000 kWh x 5 / 12 = 416,666.67 Wh: 416,666 lie in block 1. With 100 kWh more for the large
     * home 1,100 x 5 / 12 = 458,333.33. At 1 yuan a kWh on top a Wh is 100,000 ufen. */
    fixture_zhejiang(&tariff);
    struct gw_tariff_version *version = &tariff.versions[0];
    fixture_blocks(version, 0, 1000 * KWH_WH, 2000 * KWH_WH);
    version->large_people = 5;
    version->large_extra = 100 * KWH_WH;
    version->components[0].flat_price_ufen[0] = 0;
    version->components[0].adder_ufen[1] = YUAN_UFEN;
    struct gw_terms terms = fixture_terms();
    terms.ladder_months = 5;
    terms.ladder_months_year = fixture_month(2024, 1);
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 8), GW_BAND_FLAT, 500 * KWH_WH);
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, &terms, 0, &segment, 1);
    CU_ASSERT_EQUAL(ufen[0], (500000 - 416666) * 100000ll);
    terms.people = 5;
    gw_tariff_charge(ufen, &tariff, &terms, 0, &segment, 1);
    CU_ASSERT_EQUAL(ufen[0], (500000 - 458333) * 100000ll);
}

static void the_first_kilowatt_hours_of_a_low_income_home_cost_nothing(void)
{
    /* 180 kWh free: 20 x 0.538; then 2,820 x 0.538 + 240 x 0.05. */
    static const int64_t rows[][2] = {{100, 0}, {180, 0}, {200, 1076}, {3000, 152916}};
    fixture_zhejiang(&tariff);
    tariff.versions[0].free_units = 180 * KWH_WH;
    struct gw_terms terms = fixture_terms();
    terms.low_income = true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, rows[i][0] * KWH_WH);
        CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), rows[i][1]);
    }
    /* Cut anywhere, the sum is the same: what is free is the start of the ladder. */
    struct gw_segment halves[] = {
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, 100 * KWH_WH),
        fixture_segment(0, fixture_month(2024, 4), GW_BAND_FLAT, 2900 * KWH_WH),
    };
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, halves, 2), 152916);
    /* Who moved in for four months has 60 kWh free: 140 x 0.538 of 200. */
    terms.ladder_months = 4;
    terms.ladder_months_year = fixture_month(2024, 1);
    halves[0].units[GW_BAND_FLAT] = 200 * KWH_WH;
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, halves, 1), 7532);
}

static void free_kilowatt_hours_are_taken_from_the_bands_in_proportion(void)
{
    /* 150 peak and 90 valley, 180 free: 37.5 x 0.568 + 22.5 x 0.288 = 27.78 yuan. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].free_units = 180 * KWH_WH;
    struct gw_terms terms = fixture_tou_terms();
    terms.low_income = true;
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_PEAK, 150 * KWH_WH);
    segment.units[GW_BAND_VALLEY] = 90 * KWH_WH;
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &segment, 1), 2778);
    /* One free Wh of a peak and a valley Wh: equal remainders, so the peak's, which is first. */
    tariff.versions[0].free_units = 1;
    segment.units[GW_BAND_PEAK] = 1;
    segment.units[GW_BAND_VALLEY] = 1;
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, &terms, 0, &segment, 1);
    CU_ASSERT_EQUAL(ufen[0], 28800);
}

static void whole_cubic_metres_are_billed_and_the_fraction_is_carried(void)
{
    static const int64_t limits_m3[2] = {228, 348};
    static const int64_t prices_fen[3] = {335, 393, 480};
    fixture_gas(&tariff, limits_m3, prices_fen);
    tariff.versions[0].whole_units = true;
    struct gw_terms terms = fixture_terms();
    struct gw_segment december =
        fixture_segment(0, fixture_month(2024, 12), GW_BAND_FLAT, 10700000);
    struct gw_segment january = fixture_segment(0, fixture_month(2025, 1), GW_BAND_FLAT, 500000);
    CU_ASSERT_EQUAL(charge_fen(&terms, 0, &december, 1), 3350);
    /* 10.7 m3 were used, 10 billed: 0.7 is carried, and 0.5 more makes one. */
    int64_t carried = gw_ladder_next(&tariff, 0, &december, &january);
    CU_ASSERT_EQUAL(carried, 700000);
    CU_ASSERT_EQUAL(charge_fen(&terms, carried, &january, 1), 335);
    january.units[GW_BAND_FLAT] = 299999;
    CU_ASSERT_EQUAL(charge_fen(&terms, carried, &january, 1), 0);
    tariff.versions[0].whole_units = false;
    CU_ASSERT_EQUAL(gw_ladder_next(&tariff, 0, &december, &january), 0);
}

static void taking_back_consumption_takes_back_its_money_over_a_block_edge(void)
{
    /* 2,762 kWh less 3: 1 x 0.538 and 2 x 0.588 are given back. */
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_segment back = fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, -3 * KWH_WH);
    CU_ASSERT_EQUAL(charge_fen(&terms, 2762 * KWH_WH, &back, 1), -171);
}

static void half_a_ufen_rounds_away_from_zero_on_each_line(void)
{
    /* 1 Wh at 500 and at 499 ufen a kWh. */
    static const int64_t rows[][3] = {{500, 1, 1}, {499, 1, 0}, {500, -1, -1}, {499, -1, 0}};
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tariff.versions[0].components[0].flat_price_ufen[0] = rows[i][0];
        struct gw_segment segment =
            fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, rows[i][1]);
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        gw_tariff_charge(ufen, &tariff, &terms, 100, &segment, 1);
        CU_ASSERT_EQUAL(ufen[0], rows[i][2]);
    }
}

/* Ladders. */

static void a_ladder_year_may_start_in_any_month(void)
{
    fixture_zhejiang(&tariff);
    struct gw_tariff_version *version = &tariff.versions[0];
    static const struct {
        uint8_t start;
        uint16_t year;
        uint8_t month;
        uint16_t id_year;
    } rows[] = {
        {1, 2024, 1, 2024}, {1, 2024, 12, 2024},  {7, 2024, 6, 2023},   {7, 2024, 7, 2024},
        {7, 2025, 6, 2024}, {12, 2024, 11, 2023}, {12, 2024, 12, 2024}, {7, 1970, 8, 1970},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        version->ladder_month = rows[i].start;
        CU_ASSERT_EQUAL(gw_ladder_id(version, fixture_month(rows[i].year, rows[i].month)),
                        fixture_month(rows[i].id_year, rows[i].start));
    }
    version->ladder = GW_LADDER_MONTH;
    CU_ASSERT_EQUAL(gw_ladder_id(version, 650), 650);
    version->ladder = GW_LADDER_NONE;
    CU_ASSERT_EQUAL(gw_ladder_id(version, 650), -1);
}

static void another_kind_of_ladder_starts_anew_in_the_same_month(void)
{
    fixture_zhejiang(&tariff);
    fixture_zhejiang_version(&tariff, "zj-2", fixture_at(2024, 1, 15, 0));
    tariff.versions[1].ladder = GW_LADDER_MONTH;
    struct gw_segment before = fixture_segment(0, fixture_month(2024, 1), GW_BAND_FLAT, 500);
    struct gw_segment after = fixture_segment(1, fixture_month(2024, 1), GW_BAND_FLAT, 700);
    CU_ASSERT_FALSE(gw_ladder_same(&tariff, &before, &after));
    CU_ASSERT_EQUAL(gw_ladder_next(&tariff, 1000, &before, &after), 0);
    tariff.versions[1].ladder = GW_LADDER_YEAR;
    CU_ASSERT_EQUAL(gw_ladder_next(&tariff, 1000, &before, &after), 1500);
}

/* The charge against one that counts unit by unit. */

static __int128 slow_line(int64_t units, int64_t price_ufen)
{
    return ((__int128)2 * units * price_ufen + tariff.unit_divisor) / (2 * tariff.unit_divisor);
}

/** Hand out the free units: whole shares first, then one each by the size of what was cut off. */
static void slow_free(int64_t free_units[GW_BANDS], int64_t whole, const int64_t units[GW_BANDS])
{
    int64_t sum = units[0] + units[1] + units[2] + units[3];
    int64_t given = 0;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        free_units[band] = sum > 0 ? whole * units[band] / sum : 0;
        given += free_units[band];
    }
    bool used[GW_BANDS] = {false};
    for (; given < whole; given++) {
        uint32_t best = GW_BANDS;
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            if (!used[band] &&
                (best == GW_BANDS || whole * units[band] % sum > whole * units[best] % sum)) {
                best = band;
            }
        }
        used[best] = true;
        free_units[best]++;
    }
}

static void slow_segment(__int128 ufen[GW_TARIFF_PAYEES_MAX], const struct gw_terms *terms,
                         int64_t *ladder, const struct gw_segment *segment)
{
    const struct gw_tariff_version *version = &tariff.versions[0];
    int64_t blocks[GW_TARIFF_BLOCKS_MAX] = {0};
    int64_t free_whole = 0;
    int64_t total = segment->units[0] + segment->units[1] + segment->units[2] + segment->units[3];
    for (int64_t i = 0; i < total; i++) {
        ++*ladder;
        if (terms->low_income && *ladder <= version->free_units) {
            free_whole++;
            continue;
        }
        uint32_t block = 0;
        while (block + 1u < version->block_count &&
               *ladder > version->block_limit[0][block] +
                             (terms->people >= 5 ? version->large_extra : 0)) {
            block++;
        }
        blocks[block]++;
    }
    int64_t free_units[GW_BANDS];
    slow_free(free_units, free_whole, segment->units);
    for (uint32_t c = 0; c < version->component_count; c++) {
        const struct gw_component *component = &version->components[c];
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            int64_t price =
                segment->tou ? component->band_price_ufen[0][band] : component->flat_price_ufen[0];
            ufen[component->payee] += slow_line(segment->units[band] - free_units[band], price);
        }
        for (uint32_t block = 0; block < version->block_count; block++) {
            ufen[component->payee] += slow_line(blocks[block], component->adder_ufen[block]);
        }
    }
}

static void random_tariff(uint64_t *seed)
{
    fixture_head(&tariff, "random", MT_POWER);
    struct gw_tariff_version *version = fixture_version(&tariff, "r", fixture_at(2020, 1, 1, 0));
    version->ladder = GW_LADDER_YEAR;
    version->block_count = (uint8_t)(1 + fixture_below(seed, 4));
    int64_t limit = 0;
    for (uint32_t block = 0; block + 1u < version->block_count; block++) {
        limit += 1 + fixture_below(seed, 900);
        version->block_limit[0][block] = limit;
    }
    version->block_limit[0][version->block_count - 1] = INT64_MAX;
    version->free_units = fixture_below(seed, 2) * fixture_below(seed, 700);
    version->large_people = 5;
    version->large_extra = fixture_below(seed, 300);
    tariff.payee_count = 3;
    version->component_count = (uint8_t)(1 + fixture_below(seed, 4));
    for (uint32_t c = 0; c < version->component_count; c++) {
        struct gw_component *component = &version->components[c];
        component->payee = (uint8_t)fixture_below(seed, 3);
        component->flat_price_ufen[0] = fixture_below(seed, GW_TARIFF_PRICE_MAX_UFEN + 1);
        for (uint32_t k = 0; k < 4; k++) {
            component->band_price_ufen[0][k] = fixture_below(seed, 200000000);
            component->adder_ufen[k] = fixture_below(seed, 2) * fixture_below(seed, 90000000);
        }
    }
}

/** Take the lines of a segment off ufen. Returns the units of the first component's bands. */
static int64_t explained_units(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_terms *terms,
                               int64_t position, const struct gw_segment *segment)
{
    struct gw_charge_line lines[GW_CHARGE_LINES_PER_SEGMENT_MAX];
    uint32_t count = gw_tariff_explain(lines, GW_CHARGE_LINES_PER_SEGMENT_MAX, &tariff, terms,
                                       position, segment);
    CU_ASSERT_FATAL(count <= GW_CHARGE_LINES_PER_SEGMENT_MAX);
    int64_t units = 0;
    for (uint32_t i = 0; i < count; i++) {
        ufen[lines[i].payee] -= lines[i].ufen;
        units += lines[i].component == 0 && lines[i].band != GW_LINE_NONE ? lines[i].units : 0;
    }
    return units;
}

static void charges_are_those_of_a_count_unit_by_unit(void)
{
    uint64_t seed = 77001;
    printf("    seed %llu\n", (unsigned long long)seed);
    uint32_t wrong = 0;
    for (uint32_t round = 0; round < 1500; round++) {
        random_tariff(&seed);
        struct gw_terms terms = fixture_terms();
        terms.low_income = fixture_below(&seed, 2) == 1;
        terms.people = (uint8_t)fixture_below(&seed, 9);
        struct gw_segment segments[3];
        int64_t ladder = fixture_below(&seed, 2) * fixture_below(&seed, 1500);
        int64_t start = ladder;
        __int128 expected[GW_TARIFF_PAYEES_MAX] = {0};
        for (uint32_t i = 0; i < 3; i++) {
            bool tou = fixture_below(&seed, 2) == 1;
            segments[i] = fixture_segment(0, (uint16_t)(fixture_month(2024, 1) + i), GW_BAND_FLAT,
                                          fixture_below(&seed, 500));
            segments[i].tou = tou;
            for (uint32_t band = 0; tou && band < GW_BANDS; band++) {
                segments[i].units[band] = fixture_below(&seed, 3) * fixture_below(&seed, 300);
            }
            slow_segment(expected, &terms, &ladder, &segments[i]);
        }
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        gw_tariff_charge(ufen, &tariff, &terms, start, segments, 3);
        for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
            wrong += ufen[payee] == expected[payee] ? 0 : 1;
        }
        /* The explanation sums to the same, and its quantities to the consumption. */
        int64_t position = start;
        int64_t units = 0;
        for (uint32_t i = 0; i < 3; i++) {
            position = i > 0 ? gw_ladder_next(&tariff, position, &segments[i - 1], &segments[i])
                             : position;
            units += explained_units(ufen, &terms, position, &segments[i]);
        }
        wrong += ufen[0] == 0 && ufen[1] == 0 && ufen[2] == 0 && units == ladder - start ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void an_explanation_names_each_band_and_block(void)
{
    /* 3,000 peak and 2,000 valley: 1704 + 576 + 2,040 x 0.05 + 200 x 0.30. */
    static const struct gw_charge_line expected[] = {
        {.band = GW_BAND_PEAK,
         .block = GW_LINE_NONE,
         .units = 3000000,
         .price_ufen = 56800000,
         .ufen = 170400000000},
        {.band = GW_BAND_VALLEY,
         .block = GW_LINE_NONE,
         .units = 2000000,
         .price_ufen = 28800000,
         .ufen = 57600000000},
        {.band = GW_LINE_NONE,
         .block = 1,
         .units = 2040000,
         .price_ufen = 5000000,
         .ufen = 10200000000},
        {.band = GW_LINE_NONE,
         .block = 2,
         .units = 200000,
         .price_ufen = 30000000,
         .ufen = 6000000000},
    };
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_PEAK, 3000 * KWH_WH);
    segment.units[GW_BAND_VALLEY] = 2000 * KWH_WH;
    struct gw_charge_line lines[8];
    CU_ASSERT_EQUAL(gw_tariff_explain(lines, 8, &tariff, &terms, 0, &segment), 4);
    for (uint32_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(lines[i].band, expected[i].band);
        CU_ASSERT_EQUAL(lines[i].block, expected[i].block);
        CU_ASSERT_EQUAL(lines[i].units, expected[i].units);
        CU_ASSERT_EQUAL(lines[i].price_ufen, expected[i].price_ufen);
        CU_ASSERT_EQUAL(lines[i].ufen, expected[i].ufen);
        CU_ASSERT_EQUAL(lines[i].month, fixture_month(2024, 3));
        CU_ASSERT_EQUAL(lines[i].tou, 1);
    }
    CU_ASSERT_EQUAL(gw_tariff_explain(lines, 4, &tariff, &terms, 0, &segment), 4);
    CU_ASSERT_EQUAL(gw_tariff_explain(lines, 3, &tariff, &terms, 0, &segment), UINT32_MAX);
}

static void the_largest_segment_at_the_highest_price_is_charged_exactly(void)
{
    /* A million kWh at 1,000 yuan with an adder of 1,000 yuan: 2 x 10^9 yuan a component. */
    fixture_head(&tariff, "dear", MT_POWER);
    struct gw_tariff_version *version = fixture_version(&tariff, "d", fixture_at(2020, 1, 1, 0));
    version->component_count = 4;
    for (uint32_t c = 0; c < 4; c++) {
        version->components[c].flat_price_ufen[0] = GW_TARIFF_PRICE_MAX_UFEN;
        version->components[c].adder_ufen[0] = GW_TARIFF_PRICE_MAX_UFEN;
    }
    struct gw_terms terms = fixture_terms();
    struct gw_segment segment =
        fixture_segment(0, fixture_month(2024, 3), GW_BAND_FLAT, GW_SEGMENT_QUANTITY_MAX * KWH_WH);
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, &terms, 0, &segment, 1);
    CU_ASSERT_EQUAL(ufen[0], 800000000000000000);
}

/* Rounding and splitting. */

static void a_bill_line_rounds_half_up_and_below_zero_mirrored(void)
{
    static const int64_t rows[][3] = {
        {0, 1, 0},
        {499999, 1, 0},
        {500000, 1, 1},
        {1499999, 1, 1},
        {1500000, 1, 2},
        {-499999, 1, 0},
        {-500000, 1, -1},
        {-1500000, 1, -2},
        {49999999, 100, 0},
        {50000000, 100, 100},
        {-50000000, 100, -100},
        {149999999, 100, 100},
        {INT64_MAX, 1, 9223372036855},
        {INT64_MIN, 1, -9223372036855},
        {INT64_MAX, 1000000, 9223372000000},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(gw_round_fen(rows[i][0], rows[i][1]), rows[i][2]);
    }
}

static void a_discount_over_parts_sums_to_the_whole(void)
{
    /* 5 % off 333 + 333 + 334 is 950: 316.35, 316.35 and 317.30, the first of the larger rests up. */
    static const int64_t weights[] = {333, 333, 334};
    int64_t parts[3];
    gw_split_fen(parts, 950, weights, 3);
    CU_ASSERT(parts[0] == 317 && parts[1] == 316 && parts[2] == 317);
    gw_split_fen(parts, -950, weights, 3);
    CU_ASSERT(parts[0] == -317 && parts[1] == -316 && parts[2] == -317);
    static const int64_t uneven[] = {0, 1, 2};
    gw_split_fen(parts, 100, uneven, 3);
    CU_ASSERT(parts[0] == 0 && parts[1] == 33 && parts[2] == 67);
    static const int64_t equal[] = {7, 7, 7};
    gw_split_fen(parts, 5, equal, 3);
    CU_ASSERT(parts[0] == 2 && parts[1] == 2 && parts[2] == 1);
}

static void a_split_sums_exactly_and_strays_by_less_than_one(void)
{
    uint64_t seed = 4711;
    printf("    seed %llu\n", (unsigned long long)seed);
    uint32_t wrong = 0;
    for (uint32_t round = 0; round < 5000; round++) {
        int64_t weights[16];
        int64_t parts[16];
        uint32_t count = (uint32_t)(1 + fixture_below(&seed, 16));
        __int128 weight_sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            int64_t bound = round % 3 == 0 ? INT64_MAX : 1000;
            weights[i] = fixture_below(&seed, 3) == 0 ? 0 : fixture_below(&seed, bound);
            weight_sum += weights[i];
        }
        if (weight_sum == 0) {
            weight_sum = weights[0] = 1;
        }
        int64_t whole = (int64_t)fixture_random(&seed) >> fixture_below(&seed, 63);
        gw_split_fen(parts, whole, weights, count);
        __int128 sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            __int128 stray = parts[i] * weight_sum - (__int128)whole * weights[i];
            wrong += stray < weight_sum && stray > -weight_sum ? 0 : 1;
            sum += parts[i];
        }
        wrong += sum == whole ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct unit_test tests[] = {
    TEST(zhejiang_flat_bills_are_the_published_ones),
    TEST(zhejiang_peak_and_valley_bills_are_the_published_ones),
    TEST(qingdao_and_guangzhou_gas_bills_are_the_published_ones),
    TEST(three_watt_hours_each_quarter_hour_are_465_fen_and_not_none),
    TEST(three_payees_share_one_water_reading),
    TEST(a_price_that_changes_goes_on_in_the_same_ladder),
    TEST(a_monthly_ladder_has_the_limits_of_the_months_season),
    TEST(a_home_of_five_has_larger_blocks_and_one_of_four_has_not),
    TEST(who_moves_in_for_five_months_has_five_twelfths_of_the_blocks),
    TEST(a_share_of_a_limit_is_cut_to_whole_units),
    TEST(the_first_kilowatt_hours_of_a_low_income_home_cost_nothing),
    TEST(free_kilowatt_hours_are_taken_from_the_bands_in_proportion),
    TEST(whole_cubic_metres_are_billed_and_the_fraction_is_carried),
    TEST(taking_back_consumption_takes_back_its_money_over_a_block_edge),
    TEST(half_a_ufen_rounds_away_from_zero_on_each_line),
    TEST(a_ladder_year_may_start_in_any_month),
    TEST(another_kind_of_ladder_starts_anew_in_the_same_month),
    TEST(charges_are_those_of_a_count_unit_by_unit),
    TEST(an_explanation_names_each_band_and_block),
    TEST(the_largest_segment_at_the_highest_price_is_charged_exactly),
    TEST(a_bill_line_rounds_half_up_and_below_zero_mirrored),
    TEST(a_discount_over_parts_sums_to_the_whole),
    TEST(a_split_sums_exactly_and_strays_by_less_than_one),
};

UNIT_MAIN("tariff", tests)
