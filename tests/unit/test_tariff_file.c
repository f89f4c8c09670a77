/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tariff packs: what a good one becomes, and what is said about a bad one, with its line. */
#include "gateway/adapters/tariff_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/tariff_fixture.h"
#include "tests/support/unit.h"

#define TARIFFS "gateway/tariffs" /* tests run at the root of the source tree */
#define PACK_BYTES_MAX 8192

static struct gw_tariff tariff;
static struct gw_tariff_note note;
static char why[GW_YAML_WHY_MAX];

/* Line numbers below are those of this text. */
static const char good_pack[] =
    "format: meterpay-tariff-1\n"                                  /* 1 */
    "name: test-power\n"                                           /* 2 */
    "medium: power\n"                                              /* 3 */
    "status: example\n"                                            /* 4 */
    "note: a pack for tests\n"                                     /* 5 */
    "payees: [grid, fund]\n"                                       /* 6 */
    "critical_days: [2024-06-18, 2024-06-20]\n"                    /* 7 */
    "versions:\n"                                                  /* 8 */
    "  - id: one\n"                                                /* 9 */
    "    from: 2024-01-01\n"                                       /* 10 */
    "    round_fen: 10\n"                                          /* 11 */
    "    seasons:\n"                                               /* 12 */
    "      warm: [5, 6, 7, 8, 9, 10]\n"                            /* 13 */
    "      cold: [1, 2, 3, 4, 11, 12]\n"                           /* 14 */
    "    ladder:\n"                                                /* 15 */
    "      period: month\n"                                        /* 16 */
    "      limits: {warm: [260, 600], cold: [200, 400]}\n"         /* 17 */
    "      large_home: {people: 5, extra: 100.5}\n"                /* 18 */
    "      low_income_free: 15\n"                                  /* 19 */
    "    time_of_use:\n"                                           /* 20 */
    "      day:\n"                                                 /* 21 */
    "        warm: {00:00: valley, 08:30: peak}\n"                 /* 22 */
    "      critical_day: {00:00: valley, 11:00: sharp}\n"          /* 23 */
    "      critical_months: [7, 8]\n"                              /* 24 */
    "      bands_from: meter\n"                                    /* 25 */
    "    components:\n"                                            /* 26 */
    "      - label: electricity\n"                                 /* 27 */
    "        payee: grid\n"                                        /* 28 */
    "        price: {warm: 0.5953, cold: 0.6}\n"                   /* 29 */
    "        bands: {warm: {sharp: 1.2, peak: 1, valley: 0.25}}\n" /* 30 */
    "        adders: [0, 0.05, 0.30]\n"                            /* 31 */
    "      - label: fund\n"                                        /* 32 */
    "        payee: fund\n"                                        /* 33 */
    "        price: 0.00000001\n"                                  /* 34 */
    "  - id: two\n"                                                /* 35 */
    "    from: 2025-07-01\n"                                       /* 36 */
    "    ladder: {period: year, start_month: 7, limits: [1000]}\n" /* 37 */
    "    components:\n"                                            /* 38 */
    "      - {label: all, payee: fund, block_prices: [1, 1.2]}\n"; /* 39 */

static enum gw_status parse(const char *text, size_t len)
{
    struct gw_yaml_source source = {.name = "pack", .text = text, .len = len};
    return gw_tariff_file_parse(&tariff, &note, why, sizeof(why), &source);
}

static void every_field_of_a_pack_arrives(void)
{
    CU_ASSERT_EQUAL_FATAL(parse(good_pack, strlen(good_pack)), GW_OK);
    CU_ASSERT_STRING_EQUAL(tariff.name, "test-power");
    CU_ASSERT(note.is_example);
    CU_ASSERT_STRING_EQUAL(note.text, "a pack for tests");
    CU_ASSERT(tariff.medium == MT_POWER && tariff.unit_divisor == 1000);
    CU_ASSERT(tariff.payee_count == 2 && tariff.version_count == 2);
    CU_ASSERT_EQUAL(tariff.critical_day_count, 2);
    CU_ASSERT_EQUAL(tariff.critical_days[1], gw_local_day(fixture_at(2024, 6, 20, 0)));
    const struct gw_tariff_version *one = &tariff.versions[0];
    CU_ASSERT(one->from_us == fixture_at(2024, 1, 1, 0) && one->round_fen == 10);
    CU_ASSERT(one->season_count == 2 && one->season_of_month[4] == 0 &&
              one->season_of_month[3] == 1);
    CU_ASSERT(one->ladder == GW_LADDER_MONTH && one->block_count == 3);
    CU_ASSERT(one->block_limit[0][1] == 600000 && one->block_limit[1][0] == 200000);
    CU_ASSERT_EQUAL(one->block_limit[1][2], INT64_MAX);
    CU_ASSERT(one->large_people == 5 && one->large_extra == 100500 && one->free_units == 15000);
    CU_ASSERT(one->schedule[0].count == 2 && one->schedule[1].count == 0);
    CU_ASSERT(one->schedule[0].spans[1].start_min == 510 &&
              one->schedule[0].spans[1].band == GW_BAND_PEAK);
    CU_ASSERT(one->critical_schedule.count == 2 && one->critical_months == 0xc0);
    CU_ASSERT(one->bands_by_meter && !one->whole_units);
    const struct gw_component *first = &one->components[0];
    CU_ASSERT(first->flat_price_ufen[0] == 59530000 && first->flat_price_ufen[1] == 60000000);
    CU_ASSERT_EQUAL(first->band_price_ufen[0][GW_BAND_SHARP], 120000000);
    CU_ASSERT_EQUAL(first->band_price_ufen[0][GW_BAND_FLAT], 59530000);
    CU_ASSERT_EQUAL(first->band_price_ufen[1][GW_BAND_PEAK], 60000000);
    CU_ASSERT(first->adder_ufen[1] == 5000000 && first->adder_ufen[2] == 30000000);
    CU_ASSERT(one->components[1].payee == 1 && one->components[1].flat_price_ufen[1] == 1);
    const struct gw_tariff_version *two = &tariff.versions[1];
    CU_ASSERT(two->ladder == GW_LADDER_YEAR && two->ladder_month == 7 && two->block_count == 2);
    CU_ASSERT(two->components[0].flat_price_ufen[0] == 100000000 &&
              two->components[0].adder_ufen[1] == 20000000);
    CU_ASSERT(two->round_fen == 1 && two->season_count == 1);
}

/** The good pack with one line replaced. */
static size_t with_line(char text[PACK_BYTES_MAX], uint32_t line, const char *words)
{
    size_t len = 0;
    uint32_t at = 1;
    for (const char *start = good_pack; *start != '\0'; at++) {
        const char *end = strchr(start, '\n') + 1;
        int more = at == line ? snprintf(text + len, PACK_BYTES_MAX - len, "%s\n", words)
                              : snprintf(text + len, PACK_BYTES_MAX - len, "%.*s",
                                         (int)(end - start), start);
        len += (size_t)more;
        start = end;
    }
    return len;
}

/* What stands in which line, and what is said about it and in which line. */
static const struct {
    uint32_t line;
    const char *words;
    const char *complaint;
} mistakes[] = {
    {1, "format: meterpay-tariff-2", "pack:1: 'meterpay-tariff-2' is none of: meterpay-tariff-1"},
    {1, "# above\n%TAG ! x", "pack:2: directives (%) are not accepted: remove the line"},
    {1, "", "pack:2: the key 'format' is missing here"},
    {2, "name: Test", "pack: the name must be 1 to 31 characters of a-z, 0-9 and dash"},
    {2, "name: a-name-of-more-than-thirty-one-characters",
     "pack:2: a tariff's name must have 1 to"},
    {2, "name: [a, b]", "pack:2: a single value is expected here"},
    {2, "name: test\nname: again", "pack:3: the key 'name' is there twice"},
    {2, "nmae: test", "pack:2: unknown key 'nmae'; known here: format, name, medium"},
    {3, "medium: steam", "pack:3: 'steam' is none of: power, water, gas, heat"},
    {4, "status: draft", "pack:4: 'draft' is none of: published, example"},
    {6, "payees: grid", "pack:6: a list [a, b] or a mapping {a: b} is expected here"},
    {6, "payees: []", "pack:6: payees are a list of 1 to 4 codes"},
    {6, "payees: [a, b, c, d, e]", "pack:6: payees are a list of 1 to 4 codes"},
    {6, "payees: [grid, a-code-that-is-too-long]",
     "pack:6: a payee's code must have 1 to 16 bytes"},
    {6, "payees: [grid, fund, grid]", "pack: payee 3: is there twice"},
    {7, "critical_days: [2024-06-20, 2024-06-18]", "pack:7: critical days stand in order"},
    {7, "critical_days: [2024-06-31]", "pack:7: '2024-06-31' is no date"},
    {7, "critical_days: {a: 2024-06-20}", "pack:7: critical_days are a list of dates"},
    {10, "    from: 1.1.2024", "pack:10: '1.1.2024' is no date of 1970 to 2199"},
    {10, "    from: 2025-07-01", "pack:36: a version must begin after the one above it"},
    {11, "    round_fen: 0", "pack:11: 0 cannot be a rounding unit in fen: from 1 to 1000000"},
    {11, "    round_fen: 1.5", "pack:11: 1.5 cannot be a rounding unit in fen"},
    {11, "    whole_units: yes", "pack:11: 'yes' is none of: false, true"},
    {11, "    whole_units: true", "pack:21: whole_units does not go with time of use"},
    {13, "      warm: [5, 6, 7, 8, 9]", "pack:13: month 10 is in no season"},
    {13, "      warm: [5, 6, 7, 8, 9, 10, 11]", "pack:14: month 11 is in two seasons"},
    {13, "      warm: [0, 13]", "pack:13: 0 cannot be a month: from 1 to 12"},
    {13, "      warm: summer", "pack:13: a season is a list of months"},
    {13, "      cold: [5, 6, 7, 8, 9, 10]", "pack:14: the season 'cold' is there twice"},
    {16, "      period: week", "pack:16: 'week' is none of: month, year"},
    {16, "      period: year", "pack:17: a yearly ladder has one list of limits"},
    {16, "      period: month\n      start_month: 3", "pack:17: start_month belongs to a yearly"},
    {17, "      limits: {warm: [260, 600]}", "pack:17: the season 'cold' is missing here"},
    {17, "      limits: {warm: [260, 600], cold: [200]}",
     "pack:17: every season must have the same"},
    {17, "      limits: {warm: [600, 260], cold: [200, 400]}",
     "pack:17: each limit must be higher"},
    {17, "      limits: {warm: [0, 260], cold: [200, 400]}", "pack:17: each limit must be higher"},
    {17, "      limits: {hot: [260, 600], cold: [200, 400]}",
     "pack:17: unknown key 'hot'; known here: warm, cold"},
    {17, "      limits: [1, 2, 3, 4]", "pack:17: 1 to 3 limits are possible"},
    {17, "      limits: 260", "pack:17: limits are a list in kWh or m3"},
    {17, "      limits: [260.0001, 600]",
     "pack:17: 260.0001 cannot be a block's limit in kWh or m3: from 0.000 to 1000000.000, at most "
     "3 decimals"},
    {17, "      limits: [a, b]", "pack:17: 'a' is no number; a block's limit"},
    {18, "      large_home: {people: 5}", "pack:18: the key 'extra' is missing here"},
    {18, "      large_home: {people: 1, extra: 3}", "pack:18: 1 cannot be a number of people"},
    {22, "        warm: {08:30: peak}", "pack:22: the first span of a day starts at 00:00"},
    {22, "        warm: {00:00: valley, 24:00: peak}", "pack:22: '24:00' is no time of day"},
    {22, "        warm: {00:00: valley, 8:00: peak}", "pack:22: '8:00' is no time of day"},
    {22, "        warm: {00:00: valley, 00:00: peak}", "pack:22: each span starts later"},
    {22, "        warm: {00:00: night}", "pack:22: 'night' is none of: sharp, peak, flat, valley"},
    {22, "        warm: {00:00: valley, 08:00: flat}",
     "pack:30: the band 'flat' is in the schedule"},
    {22, "        cold: {00:00: valley}",
     "pack:30: the season 'cold' has a day's schedule, but no prices"},
    {24, "      critical_months: [0]", "pack:24: 0 cannot be a month"},
    {25, "      bands_from: clock", "pack:25: 'clock' is none of: schedule, meter"},
    {28, "        payee: bank", "pack:28: 'bank' is none of: grid, fund"},
    {29, "        price: {warm: 0.5953, cold: -0.6}", "pack:29: -0.6 cannot be a price in yuan"},
    {29, "        price: {warm: 0.5953, cold: 0.123456789}",
     "pack:29: 0.123456789 cannot be a price"},
    {29, "        price: {warm: 0.5953, cold: 1000.00000001}",
     "pack:29: 1000.00000001 cannot be a price in yuan per kWh or m3: from 0.00000000 to "
     "1000.00000000, at most 8 decimals"},
    {29, "        price: {warm: 0.5953, cold: 0,6}",
     "pack:29: unknown key '6'; known here: warm, cold"},
    {29, "        price: 1e400", "pack:29: 1e400 cannot be a price"},
    {29, "        price: .inf", "pack:29: '.inf' is no number"},
    {29, "        block_prices: [1, 2, 3]",
     "pack:27: give either 'price' (and 'adders'), or 'block_prices'"},
    {30, "        bands: {noon: 1}",
     "pack:30: unknown key 'noon'; known here: sharp, peak, flat, valley"},
    {31, "        adders: [0, 0.05]",
     "pack:31: a list of 3 prices is expected: one for each block"},
    {31, "", "pack:27: the ladder has blocks, but no component has adders"},
    {37, "    ladder: {period: year, start_month: 13, limits: [1000]}",
     "pack:37: 13 cannot be a month"},
    {37, "    ladder: {period: year}", "pack:37: the key 'limits' is missing here"},
    {39, "      - {label: all, payee: fund, block_prices: [1.2, 1]}",
     "pack:39: no block may cost less"},
    {39, "      - {label: all, payee: fund, block_prices: [1]}", "pack:39: a list of 2 prices"},
    {39, "      - {label: all, payee: fund, price: 1, bands: {peak: 2}}",
     "pack:39: prices by band need a time_of_use"},
    {39, "      []", "pack:39: components are a list of 1 to 4"},
    {39, "      - {label: &x all, payee: fund, block_prices: [1, 2]}",
     "pack:39: anchors (&) and aliases (*) are not accepted"},
    {39, "      - {label: all, payee: fund, block_prices: [1, 1.2]", "pack:40: this is no YAML"},
    {39, "      - {label: all, payee: fund, block_prices: [1, 1.2]}\n---\na: b",
     "pack:40: a second document starts here"},
    {39, "\t- {label: all}", "pack:39: this is no YAML"},
};

static void each_mistake_is_told_with_its_line_and_what_would_be_right(void)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        char text[PACK_BYTES_MAX];
        size_t len = with_line(text, mistakes[i].line, mistakes[i].words);
        memset(&tariff, 0x5a, sizeof(tariff));
        struct gw_tariff before = tariff;
        CU_ASSERT_EQUAL(parse(text, len), GW_INVALID);
        CU_ASSERT_EQUAL(strncmp(why, mistakes[i].complaint, strlen(mistakes[i].complaint)), 0);
        if (strncmp(why, mistakes[i].complaint, strlen(mistakes[i].complaint)) != 0) {
            printf("    line %u '%s': %s\n", mistakes[i].line, mistakes[i].words, why);
        }
        CU_ASSERT_EQUAL(memcmp(&tariff, &before, sizeof(tariff)), 0);
    }
}

static void text_that_is_no_pack_is_refused(void)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {{"", 0},
                {"\n", 1},
                {"a", 1},
                {"[]", 2},
                {"{}", 2},
                {"\0", 1},
                {"- a", 3},
                {"\xff\xfe\x00", 3},
                {"a: \"\\0\"", 7},
                {"{{a: b}: c}", 11},
                {"# only a comment", 16}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(parse(rows[i].text, rows[i].len), GW_INVALID);
        CU_ASSERT(strlen(why) > 6);
    }
    static const char nul[] = "format: \"meterpay\\0-tariff-1\"";
    CU_ASSERT_EQUAL(parse(nul, strlen(nul)), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "pack:1: a text may not contain the character NUL");
}

static void depth_and_size_are_bounded_before_anything_is_built(void)
{
    char *deep = malloc(GW_YAML_BYTES_MAX + 1);
    memset(deep, '[', GW_YAML_BYTES_MAX + 1);
    CU_ASSERT_EQUAL(parse(deep, GW_YAML_BYTES_MAX), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "pack:1: nested deeper than 12 levels");
    CU_ASSERT_EQUAL(parse(deep, GW_YAML_BYTES_MAX + 1), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "pack: larger than 131072 bytes");
    /* More keys than are compared with each other. */
    size_t len = 0;
    for (int i = 0; i < 5000; i++) {
        len += (size_t)snprintf(deep + len, GW_YAML_BYTES_MAX - len, "k%d: v\n", i);
    }
    CU_ASSERT_EQUAL(parse(deep, len), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(why, "pack:1: more than 256 keys");
    free(deep);
}

static void every_prefix_of_a_pack_is_refused_or_whole(void)
{
    uint32_t taken = 0;
    size_t len = strlen(good_pack);
    for (size_t prefix = 0; prefix < len; prefix++) {
        char *exact = malloc(prefix > 0 ? prefix : 1);
        memcpy(exact, good_pack, prefix);
        enum gw_status status = parse(exact, prefix);
        free(exact);
        /* A pack of the first version alone is one too, with one component or both; all of it is
         * one without the last line's end. */
        CU_ASSERT(status != GW_OK || tariff.version_count == 1 || prefix == len - 1);
        taken += status == GW_OK ? 1 : 0;
    }
    CU_ASSERT(taken > 0 && taken < 25);
}

static void a_complaint_is_cut_to_the_buffer_it_gets(void)
{
    char text[PACK_BYTES_MAX];
    size_t len = with_line(text, 2, "nmae: test");
    struct gw_yaml_source source = {.name = "pack", .text = text, .len = len};
    for (size_t max = 1; max < 60; max++) {
        char *exact = malloc(max);
        CU_ASSERT_EQUAL(gw_tariff_file_parse(&tariff, NULL, exact, max, &source), GW_INVALID);
        CU_ASSERT(strlen(exact) < max);
        free(exact);
    }
}

static void every_shipped_pack_is_taken_and_named_like_its_file(void)
{
    DIR *folder = opendir(TARIFFS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    uint32_t count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0) {
            continue;
        }
        char path[512];
        snprintf(path, sizeof(path), TARIFFS "/%s", entry->d_name);
        CU_ASSERT_EQUAL(gw_tariff_file_load(&tariff, &note, why, sizeof(why), path), GW_OK);
        CU_ASSERT_EQUAL(strlen(tariff.name), (size_t)(dot - entry->d_name));
        CU_ASSERT_EQUAL(strncmp(tariff.name, entry->d_name, strlen(tariff.name)), 0);
        CU_ASSERT(note.text[0] != '\0');
        count++;
    }
    closedir(folder);
    CU_ASSERT(count >= 9);
}

static void the_shipped_zhejiang_pack_is_the_published_tariff(void)
{
    struct gw_tariff expected;
    fixture_zhejiang(&expected);
    CU_ASSERT_EQUAL_FATAL(gw_tariff_file_load(&tariff, &note, why, sizeof(why),
                                              TARIFFS "/zhejiang-power.yaml"),
                          GW_OK);
    CU_ASSERT_FALSE(note.is_example);
    const struct gw_tariff_version *got = &tariff.versions[0];
    const struct gw_tariff_version *want = &expected.versions[0];
    CU_ASSERT_EQUAL(got->from_us, want->from_us);
    CU_ASSERT_EQUAL(memcmp(got->block_limit[0], want->block_limit[0], sizeof(int64_t[3])), 0);
    CU_ASSERT_EQUAL(got->components[0].flat_price_ufen[0], want->components[0].flat_price_ufen[0]);
    CU_ASSERT_EQUAL(memcmp(got->components[0].band_price_ufen[0],
                           want->components[0].band_price_ufen[0], sizeof(int64_t[GW_BANDS])),
                    0);
    CU_ASSERT_EQUAL(memcmp(got->components[0].adder_ufen, want->components[0].adder_ufen,
                           sizeof(int64_t[3])),
                    0);
    CU_ASSERT_EQUAL(memcmp(&got->schedule[0], &want->schedule[0], sizeof(got->schedule[0])), 0);
}

static void a_pack_is_found_by_name_and_by_path(void)
{
    char path[GW_TARIFF_PATH_MAX];
    setenv("METERPAY_TARIFFS", TARIFFS, 1);
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), "qingdao-gas"), GW_OK);
    CU_ASSERT_STRING_EQUAL(path, TARIFFS "/qingdao-gas.yaml");
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), "atlantis-gas"), GW_END);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "no tariff named 'atlantis-gas' in " TARIFFS));
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), ""), GW_END);
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), "./mine.yaml"), GW_OK);
    CU_ASSERT_STRING_EQUAL(path, "./mine.yaml");
    unsetenv("METERPAY_TARIFFS");
    char long_name[GW_TARIFF_PATH_MAX + 2];
    memset(long_name, 'a', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), long_name), GW_END);
    long_name[0] = '/';
    CU_ASSERT_EQUAL(gw_tariff_file_find(path, why, sizeof(why), long_name), GW_END);
}

static void a_file_that_cannot_be_read_is_named(void)
{
    CU_ASSERT_EQUAL(gw_tariff_file_load(&tariff, &note, why, sizeof(why), "./no/such.yaml"), GW_IO);
    CU_ASSERT_STRING_EQUAL(why, "./no/such.yaml: No such file or directory");
    CU_ASSERT_EQUAL(gw_tariff_file_load(&tariff, &note, why, sizeof(why), TARIFFS), GW_IO);
    char path[] = "/tmp/meterpay_test_XXXXXX";
    int handle = mkstemp(path);
    CU_ASSERT_FATAL(handle >= 0);
    CU_ASSERT_EQUAL(ftruncate(handle, 10 * GW_YAML_BYTES_MAX), 0);
    close(handle);
    CU_ASSERT_EQUAL(gw_tariff_file_load(&tariff, &note, why, sizeof(why), path), GW_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "larger than 131072 bytes"));
    unlink(path);
}

#define TEST(name)  \
    {               \
#name, name \
    }
static const struct unit_test tests[] = {
    TEST(every_field_of_a_pack_arrives),
    TEST(each_mistake_is_told_with_its_line_and_what_would_be_right),
    TEST(text_that_is_no_pack_is_refused),
    TEST(depth_and_size_are_bounded_before_anything_is_built),
    TEST(every_prefix_of_a_pack_is_refused_or_whole),
    TEST(a_complaint_is_cut_to_the_buffer_it_gets),
    TEST(every_shipped_pack_is_taken_and_named_like_its_file),
    TEST(the_shipped_zhejiang_pack_is_the_published_tariff),
    TEST(a_pack_is_found_by_name_and_by_path),
    TEST(a_file_that_cannot_be_read_is_named),
};

UNIT_MAIN("tariff_file", tests)
