/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tariff's cells in time, against hand calculation and a second, slow implementation that walks
 * minute by minute; and what a tariff must be to be taken. */
#include "gateway/core/tariff.h"

#include <stdlib.h>
#include <time.h>

#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

static struct gw_tariff tariff; /* each test builds its own */

/* Cells. */

static uint8_t band_at(const struct gw_terms *terms, int64_t at_us)
{
    struct gw_cell cell;
    bool found = gw_tariff_cell(&cell, &tariff, terms, at_us);
    CU_ASSERT_FATAL(found);
    return cell.band;
}

static void a_band_ends_one_microsecond_before_the_next_begins(void)
{
    struct gw_terms terms = fixture_tou_terms();
    fixture_zhejiang(&tariff);
    int64_t eight_us = fixture_at(2024, 3, 5, 8 * 60);
    CU_ASSERT_EQUAL(band_at(&terms, eight_us - 1), GW_BAND_VALLEY);
    CU_ASSERT_EQUAL(band_at(&terms, eight_us), GW_BAND_PEAK);
    CU_ASSERT_EQUAL(band_at(&terms, fixture_at(2024, 3, 5, 22 * 60) - 1), GW_BAND_PEAK);
    CU_ASSERT_EQUAL(band_at(&terms, fixture_at(2024, 3, 5, 22 * 60)), GW_BAND_VALLEY);
    CU_ASSERT_EQUAL(band_at(&terms, fixture_at(2024, 3, 6, 0) - 1), GW_BAND_VALLEY);
}

static void a_critical_day_has_its_own_bands_and_only_that_day(void)
{
    struct gw_terms terms = fixture_tou_terms();
    fixture_guangdong(&tariff);
    /* 20 June is announced; July to September need no announcement. */
    tariff.critical_day_count = 2;
    tariff.critical_days[0] = gw_local_day(fixture_at(2024, 6, 18, 0));
    tariff.critical_days[1] = gw_local_day(fixture_at(2024, 6, 20, 0));
    static const struct {
        int month;
        int day;
        int minute;
        uint8_t band;
    } rows[] = {
        {6, 20, 10 * 60, GW_BAND_PEAK},      {6, 20, 11 * 60, GW_BAND_SHARP},
        {6, 20, 12 * 60 - 1, GW_BAND_SHARP}, {6, 20, 12 * 60, GW_BAND_FLAT},
        {6, 20, 15 * 60, GW_BAND_SHARP},     {6, 20, 17 * 60, GW_BAND_PEAK},
        {6, 20, 19 * 60, GW_BAND_FLAT},      {6, 20, 7 * 60, GW_BAND_VALLEY},
        {6, 19, 11 * 60, GW_BAND_PEAK},      {6, 21, 11 * 60, GW_BAND_PEAK},
        {6, 18, 11 * 60, GW_BAND_SHARP},     {6, 17, 11 * 60, GW_BAND_PEAK},
        {7, 1, 11 * 60, GW_BAND_SHARP},      {9, 30, 16 * 60, GW_BAND_SHARP},
        {6, 30, 11 * 60, GW_BAND_PEAK},      {10, 1, 11 * 60, GW_BAND_PEAK},
        {1, 15, 16 * 60, GW_BAND_PEAK},      {1, 15, 13 * 60, GW_BAND_FLAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t at_us = fixture_at(2024, rows[i].month, rows[i].day, rows[i].minute);
        CU_ASSERT_EQUAL(band_at(&terms, at_us), rows[i].band);
    }
}

static void a_critical_hour_costs_a_quarter_more_than_peak(void)
{
    /* 1 kWh from 11 to 12 on 20 June: 1.275 yuan when announced, 1.02 when not. */
    fixture_guangdong(&tariff);
    struct gw_terms terms = fixture_tou_terms();
    struct gw_interval hour = fixture_interval(fixture_at(2024, 6, 20, 11 * 60),
                                               fixture_at(2024, 6, 20, 12 * 60), KWH_WH);
    for (int announced = 0; announced < 2; announced++) {
        tariff.critical_day_count = (uint16_t)announced;
        tariff.critical_days[0] = gw_local_day(hour.from_us);
        struct gw_segment segments[GW_USAGE_CUT_MAX];
        uint32_t count = 0;
        CU_ASSERT_EQUAL(gw_usage_cut(segments, &count, &tariff, &terms, &hour), GW_USAGE_DONE);
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        gw_tariff_charge(ufen, &tariff, &terms, 0, segments, count);
        CU_ASSERT_EQUAL(ufen[0], announced ? 127500000 : 102000000);
    }
}

static void a_home_joins_time_of_use_at_the_midnight_of_its_day(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    int64_t join_us = fixture_at(2024, 3, 15, 0);
    terms.tou_from_day = gw_local_day(join_us);
    struct gw_cell cell;
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, join_us - 1));
    CU_ASSERT(cell.tou == 0 && cell.band == GW_BAND_FLAT && cell.end_us == join_us);
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, join_us));
    CU_ASSERT(cell.tou == 1 && cell.band == GW_BAND_VALLEY);
}

static void before_the_first_version_and_after_2199_there_is_no_cell(void)
{
    fixture_zhejiang(&tariff);
    struct gw_terms terms = fixture_terms();
    struct gw_cell cell = {.end_us = 42};
    CU_ASSERT_FALSE(gw_tariff_cell(&cell, &tariff, &terms, tariff.versions[0].from_us - 1));
    CU_ASSERT_FALSE(gw_tariff_cell(&cell, &tariff, &terms, INT64_MIN));
    CU_ASSERT_FALSE(gw_tariff_cell(&cell, &tariff, &terms, GW_CIVIL_END_US));
    CU_ASSERT_FALSE(gw_tariff_cell(&cell, &tariff, &terms, INT64_MAX));
    CU_ASSERT_EQUAL(cell.end_us, 42);
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, tariff.versions[0].from_us));
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, GW_CIVIL_END_US - 1));
    CU_ASSERT_EQUAL(cell.end_us, GW_CIVIL_END_US);
}

static void the_lowest_band_is_the_cheapest_of_the_days_schedule(void)
{
    struct gw_terms terms = fixture_tou_terms();
    fixture_guangdong(&tariff);
    struct gw_cell cell;
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, fixture_at(2024, 7, 5, 700)));
    CU_ASSERT_EQUAL(gw_tariff_lowest_band(&tariff, &cell), GW_BAND_VALLEY);
    /* A price for a band that no day has does not count. */
    fixture_zhejiang(&tariff);
    tariff.versions[0].components[0].band_price_ufen[0][GW_BAND_FLAT] = 1;
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, fixture_at(2024, 7, 5, 700)));
    CU_ASSERT_EQUAL(gw_tariff_lowest_band(&tariff, &cell), GW_BAND_VALLEY);
    /* All components together decide, and of equals the lower band. */
    tariff.versions[0].component_count = 2;
    struct gw_component *second = &tariff.versions[0].components[1];
    second->band_price_ufen[0][GW_BAND_VALLEY] = YUAN_UFEN * 280 / 1000;
    CU_ASSERT_EQUAL(gw_tariff_lowest_band(&tariff, &cell), GW_BAND_PEAK);
    terms.tou_from_day = INT32_MAX;
    CU_ASSERT(gw_tariff_cell(&cell, &tariff, &terms, fixture_at(2024, 7, 5, 700)));
    CU_ASSERT_EQUAL(gw_tariff_lowest_band(&tariff, &cell), GW_BAND_FLAT);
}

/** The cell of a minute, by the C library's calendar and by looking at everything. */
static struct gw_cell slow_cell(const struct gw_terms *terms, int64_t at_us)
{
    time_t seconds = (time_t)(at_us / 1000000 + 8 * 3600);
    struct tm local;
    gmtime_r(&seconds, &local);
    struct gw_cell cell = {.band = GW_BAND_FLAT};
    for (uint32_t v = 0; v < tariff.version_count; v++) {
        if (tariff.versions[v].from_us <= at_us) {
            cell.version = (uint16_t)v;
        }
    }
    const struct gw_tariff_version *version = &tariff.versions[cell.version];
    int32_t day = (int32_t)(seconds / 86400);
    cell.month = (uint16_t)((local.tm_year - 70) * 12 + local.tm_mon);
    const struct gw_schedule *schedule = &version->schedule[version->season_of_month[local.tm_mon]];
    if (schedule->count == 0 || day < terms->tou_from_day) {
        return cell;
    }
    bool critical = (version->critical_months & (1u << local.tm_mon)) != 0;
    for (uint32_t i = 0; i < tariff.critical_day_count; i++) {
        critical = critical || tariff.critical_days[i] == day;
    }
    if (critical && version->critical_schedule.count > 0) {
        schedule = &version->critical_schedule;
    }
    cell.tou = 1;
    for (uint32_t i = 0; i < schedule->count; i++) {
        if (schedule->spans[i].start_min <= local.tm_hour * 60 + local.tm_min) {
            cell.band = schedule->spans[i].band;
        }
    }
    return cell;
}

static bool cells_equal(const struct gw_cell *a, const struct gw_cell *b)
{
    return a->version == b->version && a->month == b->month && a->tou == b->tou &&
           a->band == b->band;
}

static void cells_are_those_of_a_walk_minute_by_minute(void)
{
    uint64_t seed = 20240917;
    printf("    seed %llu\n", (unsigned long long)seed);
    fixture_guangdong(&tariff);
    fixture_zhejiang_version(&tariff, "later", fixture_at(2023, 2, 28, 0));
    fixture_zhejiang_version(&tariff, "latest", fixture_at(2024, 3, 10, 0));
    tariff.versions[2].schedule[0].count = 0;
    tariff.critical_day_count = 40;
    int32_t first_day = gw_local_day(fixture_at(2021, 10, 1, 0));
    for (int32_t i = 0; i < 40; i++) {
        tariff.critical_days[i] = first_day + 11 * i + i % 3;
    }
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 4000; i++) {
        struct gw_terms terms = fixture_terms();
        terms.tou_from_day = first_day + (int32_t)fixture_below(&seed, 500);
        int64_t at_us = fixture_at(2021, 10, 1, 0) + fixture_below(&seed, 1000ll * GW_US_PER_DAY);
        struct gw_cell cell;
        bool found = gw_tariff_cell(&cell, &tariff, &terms, at_us);
        struct gw_cell expected = slow_cell(&terms, at_us);
        struct gw_cell last = slow_cell(&terms, cell.end_us - 1);
        bool good = found && cells_equal(&cell, &expected) && cell.end_us > at_us &&
                    cells_equal(&cell, &last);
        /* Constant up to its end, on every minute between. */
        for (int64_t t = at_us; good && t < cell.end_us; t += 7 * GW_US_PER_MIN) {
            struct gw_cell between = slow_cell(&terms, t);
            good = cells_equal(&cell, &between);
        }
        wrong += good ? 0 : 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* The check of what comes from outside. */

#define BREAK(name, change)                            \
    static void break_##name(struct gw_tariff *t)      \
    {                                                  \
        struct gw_tariff_version *v = &t->versions[0]; \
        (void)v; /* some changes are elsewhere */      \
        change;                                        \
    }

BREAK(name, t->name[0] = 'Z')
BREAK(name_end, memset(t->name, 'a', sizeof(t->name)))
BREAK(name_empty, t->name[0] = '\0')
BREAK(medium, t->medium = MT_MEDIUM_OTHER)
BREAK(divisor, t->unit_divisor = 100)
BREAK(divisor_medium, t->unit_divisor = 1000000)
BREAK(no_payee, t->payee_count = 0)
BREAK(many_payees, t->payee_count = 5)
BREAK(payee_twice, (t->payee_count = 2, strcpy(t->payees[1], t->payees[0])))
BREAK(payee_text, t->payees[0][1] = '/')
BREAK(no_version, t->version_count = 0)
BREAK(many_versions, t->version_count = GW_TARIFF_VERSIONS_MAX + 1)
BREAK(version_order, (t->version_count = 2, t->versions[1] = *v, t->versions[1].id[0] = 'x'))
BREAK(version_twice,
      (t->version_count = 2, t->versions[1] = *v, t->versions[1].from_us += GW_US_PER_DAY))
BREAK(version_id, v->id[0] = '\n')
BREAK(not_midnight, v->from_us += 1)
BREAK(long_ago, v->from_us = -9 * GW_US_PER_HOUR - 30 * GW_US_PER_DAY)
BREAK(far, v->from_us = GW_CIVIL_END_US)
BREAK(very_far, v->from_us = INT64_MAX)
BREAK(round, v->round_fen = 0)
BREAK(no_season, v->season_count = 0)
BREAK(many_seasons, v->season_count = 5)
BREAK(season_of_month, v->season_of_month[11] = 2)
BREAK(span_band, v->schedule[0].spans[2].band = 4)
BREAK(span_start, v->schedule[0].spans[0].start_min = 1)
BREAK(span_order, v->schedule[1].spans[3].start_min = v->schedule[1].spans[2].start_min)
BREAK(span_late, v->schedule[0].spans[5].start_min = 1440)
BREAK(span_count, v->schedule[0].count = GW_TARIFF_SPANS_MAX + 1)
BREAK(critical_alone, v->schedule[0].count = v->schedule[1].count = 0)
BREAK(critical_span, v->critical_schedule.spans[1].start_min = 0)
BREAK(critical_month, v->critical_months = 1u << 12)
BREAK(critical_bands, v->critical_schedule.count = 0)
BREAK(whole, v->whole_units = true)
BREAK(meter_bands,
      (v->bands_by_meter = true, v->critical_months = 0, v->critical_schedule.count = 0,
       v->schedule[0].count = v->schedule[1].count = 0))
BREAK(ladder, v->ladder = 3)
BREAK(ladder_month, v->ladder_month = 0)
BREAK(ladder_month_13, v->ladder_month = 13)
BREAK(no_block, v->block_count = 0)
BREAK(many_blocks, v->block_count = 5)
BREAK(block_order, v->block_limit[1][1] = v->block_limit[1][0])
BREAK(block_zero, v->block_limit[0][0] = 0)
BREAK(block_large, v->block_limit[0][1] = 1000000001)
BREAK(block_end, v->block_limit[0][2] = 1000000)
BREAK(ladderless, v->ladder = GW_LADDER_NONE)
BREAK(extra, v->large_extra = -1)
BREAK(free, v->free_units = -1)
BREAK(no_component, v->component_count = 0)
BREAK(many_components, v->component_count = 5)
BREAK(label, v->components[0].label[0] = '\0')
BREAK(payee, v->components[0].payee = 1)
BREAK(price, v->components[0].flat_price_ufen[1] = -1)
BREAK(band_price, v->components[0].band_price_ufen[0][3] = GW_TARIFF_PRICE_MAX_UFEN + 1)
BREAK(adder, v->components[0].adder_ufen[2] = -5)
BREAK(day_order, (t->critical_day_count = 2, t->critical_days[0] = t->critical_days[1] = 9000))
BREAK(day_before_1970, (t->critical_day_count = 1, t->critical_days[0] = -1))
BREAK(days, t->critical_day_count = GW_TARIFF_CRITICAL_DAYS_MAX + 1)

static void (*const breaks[])(struct gw_tariff *) = {
    break_name,
    break_name_end,
    break_name_empty,
    break_medium,
    break_divisor,
    break_divisor_medium,
    break_no_payee,
    break_many_payees,
    break_payee_twice,
    break_payee_text,
    break_no_version,
    break_many_versions,
    break_version_order,
    break_version_twice,
    break_version_id,
    break_not_midnight,
    break_long_ago,
    break_far,
    break_very_far,
    break_round,
    break_no_season,
    break_many_seasons,
    break_season_of_month,
    break_span_band,
    break_span_start,
    break_span_order,
    break_span_late,
    break_span_count,
    break_critical_alone,
    break_critical_span,
    break_critical_month,
    break_critical_bands,
    break_whole,
    break_meter_bands,
    break_ladder,
    break_ladder_month,
    break_ladder_month_13,
    break_no_block,
    break_many_blocks,
    break_block_order,
    break_block_zero,
    break_block_large,
    break_block_end,
    break_ladderless,
    break_extra,
    break_free,
    break_no_component,
    break_many_components,
    break_label,
    break_payee,
    break_price,
    break_band_price,
    break_adder,
    break_day_order,
    break_day_before_1970,
    break_days,
};

static void each_broken_field_is_refused_with_a_sentence(void)
{
    char why[200];
    for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
        fixture_guangdong(&tariff);
        CU_ASSERT_EQUAL(gw_tariff_check(&tariff, why, sizeof(why)), GW_OK);
        breaks[i](&tariff);
        why[0] = '\0';
        CU_ASSERT_EQUAL(gw_tariff_check(&tariff, why, sizeof(why)), GW_INVALID);
        CU_ASSERT(strlen(why) > 20);
    }
}

static void a_refusal_names_version_and_field_and_fits_any_buffer(void)
{
    char why[200];
    fixture_guangdong(&tariff);
    tariff.versions[0].components[0].adder_ufen[2] = -5;
    CU_ASSERT_EQUAL(gw_tariff_check(&tariff, why, sizeof(why)), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why,
                           "version 'gd': component 1: prices are 0 to 1,000 yuan per kWh or m3");
    for (size_t max = 0; max < 80; max++) {
        char *exact = malloc(max > 0 ? max : 1);
        CU_ASSERT_EQUAL(gw_tariff_check(&tariff, exact, max), GW_INVALID);
        if (max > 0) {
            CU_ASSERT(strlen(exact) < max && strncmp(exact, why, strlen(exact)) == 0);
        }
        free(exact);
    }
}

#define TEST(name)  \
    {               \
#name, name \
    }

static const struct unit_test tests[] = {
    TEST(a_band_ends_one_microsecond_before_the_next_begins),
    TEST(a_critical_day_has_its_own_bands_and_only_that_day),
    TEST(a_critical_hour_costs_a_quarter_more_than_peak),
    TEST(a_home_joins_time_of_use_at_the_midnight_of_its_day),
    TEST(before_the_first_version_and_after_2199_there_is_no_cell),
    TEST(the_lowest_band_is_the_cheapest_of_the_days_schedule),
    TEST(cells_are_those_of_a_walk_minute_by_minute),
    TEST(each_broken_field_is_refused_with_a_sentence),
    TEST(a_refusal_names_version_and_field_and_fits_any_buffer),
};

UNIT_MAIN("tariff_cells", tests)
