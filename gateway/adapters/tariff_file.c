/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tariff pack, read top to bottom as docs/tariffs.md lists it. The reader is sticky: after the
 * first complaint the functions below run on over nothing, and the end asks once.
 */
#include "gateway/adapters/tariff_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"

#define YUAN_SCALE 8 /* 1 yuan = 10^8 ufen */
#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static const char *const medium_words[] = {"power", "water", "gas", "heat"};
static const char *const band_words[GW_BANDS] = {"sharp", "peak", "flat", "valley"};

/** What is being read, and the names that the version gave its seasons. */
struct pack {
    struct gw_yaml *yaml;
    struct gw_tariff *tariff;
    struct gw_tariff_version *version;
    char season_names[GW_TARIFF_SEASONS_MAX][GW_TARIFF_LABEL_MAX + 1];
    bool has_blocks;
};

/** kWh or m3 to Wh or ml. */
static int64_t read_quantity(const struct pack *pack, const gw_yaml_node *node, const char *what)
{
    struct gw_yaml_number number = {
        .what = what,
        .scale = pack->tariff->unit_divisor == 1000 ? 3 : 6,
        .min = 0,
        .max = GW_SEGMENT_QUANTITY_MAX * pack->tariff->unit_divisor,
    };
    return gw_yaml_decimal(pack->yaml, node, &number);
}

static int64_t read_price(const struct pack *pack, const gw_yaml_node *node)
{
    static const struct gw_yaml_number number = {
        .what = "a price in yuan per kWh or m3",
        .scale = YUAN_SCALE,
        .min = 0,
        .max = GW_TARIFF_PRICE_MAX_UFEN,
    };
    return gw_yaml_decimal(pack->yaml, node, &number);
}

static int64_t read_integer(const struct pack *pack, const gw_yaml_node *node, const char *what,
                            int64_t min, int64_t max)
{
    struct gw_yaml_number number = {.what = what, .scale = 0, .min = min, .max = max};
    return gw_yaml_decimal(pack->yaml, node, &number);
}

/** A mapping of season names: complain about other names, return one season's value or NULL. */
static const gw_yaml_node *season_value(const struct pack *pack, const gw_yaml_node *node,
                                        uint32_t season)
{
    const char *names[GW_TARIFF_SEASONS_MAX];
    for (uint32_t i = 0; i < pack->version->season_count; i++) {
        names[i] = pack->season_names[i];
    }
    gw_yaml_keys(pack->yaml, node, names, pack->version->season_count);
    return gw_yaml_get(pack->yaml, node, pack->season_names[season]);
}

/** A value that may be given once, or for each season by name; this season's, complained if absent. */
static const gw_yaml_node *season_need(const struct pack *pack, const gw_yaml_node *node,
                                       uint32_t season, bool by_season)
{
    if (!by_season) {
        return node;
    }
    const gw_yaml_node *value = season_value(pack, node, season);
    if (value == NULL) {
        gw_yaml_fail(pack->yaml, node, "the season '%s' is missing here",
                     pack->season_names[season]);
    }
    return value;
}

/** True when a mapping's values are mappings themselves: one for each season. */
static bool holds_maps(const struct pack *pack, const gw_yaml_node *node)
{
    return gw_yaml_is_map(node) && gw_yaml_is_map(gw_yaml_item(pack->yaml, node, 0));
}

/** Months of one season; *taken has the bits of months that have one already. */
static void read_months(const struct pack *pack, const gw_yaml_node *node, uint32_t season,
                        uint32_t *taken)
{
    if (node != NULL && !gw_yaml_is_list(node)) {
        gw_yaml_fail(pack->yaml, node, "a season is a list of months, such as [5, 6, 7]");
        return;
    }
    uint32_t count = gw_yaml_count(pack->yaml, node);
    for (uint32_t i = 0; i < count && !gw_yaml_failed(pack->yaml); i++) {
        const gw_yaml_node *item = gw_yaml_item(pack->yaml, node, i);
        uint32_t month = (uint32_t)read_integer(pack, item, "a month", 1, 12);
        if (gw_yaml_failed(pack->yaml)) {
            return;
        }
        if ((*taken >> month & 1u) != 0) {
            gw_yaml_fail(pack->yaml, item, "month %u is in two seasons", month);
        }
        *taken |= 1u << month;
        pack->version->season_of_month[month - 1] = (uint8_t)season;
    }
}

static void read_seasons(struct pack *pack, const gw_yaml_node *node)
{
    struct gw_tariff_version *version = pack->version;
    version->season_count = 1;
    memcpy(pack->season_names[0], "all", sizeof("all"));
    if (node == NULL) {
        return;
    }
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (!gw_yaml_is_map(node) || count < 1 || count > GW_TARIFF_SEASONS_MAX) {
        gw_yaml_fail(pack->yaml, node, "seasons are 1 to %u names, each with its months",
                     GW_TARIFF_SEASONS_MAX);
        return;
    }
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++) {
        gw_yaml_copy(pack->yaml, pack->season_names[i], sizeof(pack->season_names[i]),
                     gw_yaml_key(pack->yaml, node, i), "a season's name");
        read_months(pack, gw_yaml_item(pack->yaml, node, i), i, &taken);
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(pack->season_names[k], pack->season_names[i]) == 0) {
                gw_yaml_fail(pack->yaml, gw_yaml_key(pack->yaml, node, i),
                             "the season '%s' is there twice", pack->season_names[i]);
            }
        }
    }
    version->season_count = (uint8_t)count;
    for (uint32_t month = 1; month <= 12; month++) {
        if ((taken >> month & 1u) == 0) {
            gw_yaml_fail(pack->yaml, node, "month %u is in no season", month);
        }
    }
}

/** The limits of one season's blocks; the last block has none. */
static void read_limits(struct pack *pack, const gw_yaml_node *list, uint32_t season)
{
    struct gw_tariff_version *version = pack->version;
    if (list != NULL && !gw_yaml_is_list(list)) {
        gw_yaml_fail(pack->yaml, list, "limits are a list in kWh or m3, such as [2760, 4800]");
        return;
    }
    uint32_t count = gw_yaml_count(pack->yaml, list);
    if (count < 1 || count >= GW_TARIFF_BLOCKS_MAX) {
        gw_yaml_fail(pack->yaml, list, "1 to %u limits are possible, the last block has none",
                     GW_TARIFF_BLOCKS_MAX - 1);
        return;
    }
    if (season > 0 && count + 1 != version->block_count) {
        gw_yaml_fail(pack->yaml, list, "every season must have the same number of limits");
        return;
    }
    version->block_count = (uint8_t)(count + 1);
    int64_t *limit = version->block_limit[season];
    for (uint32_t i = 0; i < count; i++) {
        const gw_yaml_node *item = gw_yaml_item(pack->yaml, list, i);
        limit[i] = read_quantity(pack, item, "a block's limit in kWh or m3");
        if (limit[i] <= (i > 0 ? limit[i - 1] : 0)) {
            gw_yaml_fail(pack->yaml, item, "each limit must be higher than the one before it");
        }
    }
    limit[count] = INT64_MAX;
}

static void read_large_home(struct pack *pack, const gw_yaml_node *node)
{
    static const char *const keys[] = {"people", "extra"};
    if (node == NULL) {
        return;
    }
    gw_yaml_keys(pack->yaml, node, keys, COUNT_OF(keys));
    pack->version->large_people =
        (uint8_t)read_integer(pack, gw_yaml_need(pack->yaml, node, "people"), "a number of people",
                              2, 100);
    pack->version->large_extra = read_quantity(pack, gw_yaml_need(pack->yaml, node, "extra"),
                                               "the extra of a large home in kWh or m3");
}

static void read_ladder(struct pack *pack, const gw_yaml_node *node)
{
    static const char *const keys[] = {"period", "start_month", "limits", "large_home",
                                       "low_income_free"};
    static const char *const periods[] = {"month", "year"};
    struct gw_tariff_version *version = pack->version;
    struct gw_yaml *yaml = pack->yaml;
    version->ladder = GW_LADDER_NONE;
    version->ladder_month = 1;
    version->block_count = 1;
    for (uint32_t season = 0; season < GW_TARIFF_SEASONS_MAX; season++) {
        version->block_limit[season][0] = INT64_MAX;
    }
    if (node == NULL) {
        return;
    }
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    const gw_yaml_node *period = gw_yaml_need(yaml, node, "period");
    bool is_year = gw_yaml_word(yaml, period, periods, COUNT_OF(periods)) == 1;
    version->ladder = is_year ? GW_LADDER_YEAR : GW_LADDER_MONTH;
    const gw_yaml_node *start = gw_yaml_get(yaml, node, "start_month");
    if (start != NULL) {
        version->ladder_month = (uint8_t)read_integer(pack, start, "a month", 1, 12);
        if (!is_year) {
            gw_yaml_fail(yaml, start, "start_month belongs to a yearly ladder only");
        }
    }
    const gw_yaml_node *limits = gw_yaml_need(yaml, node, "limits");
    if (is_year && gw_yaml_is_map(limits)) {
        gw_yaml_fail(yaml, limits, "a yearly ladder has one list of limits, not one a season");
    }
    for (uint32_t season = 0; season < version->season_count; season++) {
        bool by_season = gw_yaml_is_map(limits);
        read_limits(pack, season_need(pack, limits, season, by_season), season);
    }
    read_large_home(pack, gw_yaml_get(yaml, node, "large_home"));
    version->free_units = read_quantity(pack, gw_yaml_get(yaml, node, "low_income_free"),
                                        "a free quantity in kWh or m3");
}

/** "08:30" as minutes since midnight. */
static uint16_t read_minute(const struct pack *pack, const gw_yaml_node *node)
{
    const char *text = gw_yaml_text(pack->yaml, node);
    bool shaped = strlen(text) == 5 && text[0] >= '0' && text[0] <= '2' && text[1] >= '0' &&
                  text[1] <= '9' && text[2] == ':' && text[3] >= '0' && text[3] <= '5' &&
                  text[4] >= '0' && text[4] <= '9';
    int hour = shaped ? (text[0] - '0') * 10 + (text[1] - '0') : 24;
    if (hour > 23) {
        gw_yaml_fail(pack->yaml, node, "'%.40s' is no time of day from 00:00 to 23:59", text);
        return 0;
    }
    return (uint16_t)(hour * 60 + (text[3] - '0') * 10 + (text[4] - '0'));
}

/** {00:00: valley, 08:00: peak}: from each time on, the band. */
static void read_schedule(const struct pack *pack, struct gw_schedule *schedule,
                          const gw_yaml_node *node)
{
    if (node == NULL) {
        return;
    }
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (!gw_yaml_is_map(node) || count < 1 || count > GW_TARIFF_SPANS_MAX) {
        gw_yaml_fail(pack->yaml, node,
                     "a day is 1 to %u times with the band that begins then, such as "
                     "{00:00: valley, 08:00: peak}",
                     GW_TARIFF_SPANS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const gw_yaml_node *key = gw_yaml_key(pack->yaml, node, i);
        struct gw_span *span = &schedule->spans[i];
        span->start_min = read_minute(pack, key);
        span->band = (uint8_t)gw_yaml_word(pack->yaml, gw_yaml_item(pack->yaml, node, i),
                                           band_words, GW_BANDS);
        if (i == 0 && span->start_min != 0) {
            gw_yaml_fail(pack->yaml, key, "the first span of a day starts at 00:00");
        }
        if (i > 0 && span->start_min <= schedule->spans[i - 1].start_min) {
            gw_yaml_fail(pack->yaml, key, "each span starts later than the one before it");
        }
    }
    schedule->count = (uint8_t)count;
}

static void read_critical_months(struct pack *pack, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(pack->yaml, node);
    for (uint32_t i = 0; i < count && !gw_yaml_failed(pack->yaml); i++) {
        const gw_yaml_node *item = gw_yaml_item(pack->yaml, node, i);
        uint32_t month = (uint32_t)read_integer(pack, item, "a month", 1, 12);
        if (!gw_yaml_failed(pack->yaml)) {
            pack->version->critical_months |= (uint16_t)(1u << (month - 1));
        }
    }
    if (node != NULL && pack->version->critical_schedule.count == 0) {
        gw_yaml_fail(pack->yaml, node, "critical_months need a critical_day beside them");
    }
}

static void read_time_of_use(struct pack *pack, const gw_yaml_node *node)
{
    static const char *const keys[] = {"day", "critical_day", "critical_months", "bands_from"};
    static const char *const sources[] = {"schedule", "meter"};
    struct gw_tariff_version *version = pack->version;
    struct gw_yaml *yaml = pack->yaml;
    if (node == NULL) {
        return;
    }
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    const gw_yaml_node *day = gw_yaml_need(yaml, node, "day");
    bool by_season = holds_maps(pack, day);
    for (uint32_t season = 0; season < version->season_count; season++) {
        /* A season that is left out has no time of use. */
        read_schedule(pack, &version->schedule[season],
                      by_season ? season_value(pack, day, season) : day);
    }
    read_schedule(pack, &version->critical_schedule, gw_yaml_get(yaml, node, "critical_day"));
    read_critical_months(pack, gw_yaml_get(yaml, node, "critical_months"));
    const gw_yaml_node *source = gw_yaml_get(yaml, node, "bands_from");
    version->bands_by_meter = gw_yaml_word(yaml, source, sources, COUNT_OF(sources)) == 1;
}

static void read_bands(struct pack *pack, struct gw_component *component, const gw_yaml_node *node,
                       uint32_t season)
{
    struct gw_yaml *yaml = pack->yaml;
    bool by_season = holds_maps(pack, node);
    const gw_yaml_node *prices = by_season ? season_value(pack, node, season) : node;
    uint32_t needed = gw_tariff_bands(pack->version, season);
    if (by_season && prices == NULL && needed != 0) {
        gw_yaml_fail(yaml, node, "the season '%s' has a day's schedule, but no prices here",
                     pack->season_names[season]);
        return;
    }
    if (prices != NULL) {
        gw_yaml_keys(yaml, prices, band_words, GW_BANDS);
    }
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        const gw_yaml_node *price = gw_yaml_get(yaml, prices, band_words[band]);
        /* A band without a price of its own costs what a home without time of use pays. */
        component->band_price_ufen[season][band] =
            price != NULL ? read_price(pack, price) : component->flat_price_ufen[season];
        if (prices != NULL && price == NULL && (needed >> band & 1u) != 0) {
            gw_yaml_fail(yaml, prices, "the band '%s' is in the schedule, but has no price here",
                         band_words[band]);
        }
    }
}

/** A list with one price for each block. */
static bool blocks_match(struct pack *pack, const gw_yaml_node *list)
{
    uint32_t blocks = pack->version->block_count;
    if (!gw_yaml_is_list(list) || gw_yaml_count(pack->yaml, list) != blocks) {
        gw_yaml_fail(pack->yaml, list, "a list of %u prices is expected: one for each block",
                     blocks);
        return false;
    }
    return true;
}

/** Block prices in full: the first is the price, the others give the adders. */
static void read_block_prices(struct pack *pack, struct gw_component *component,
                              const gw_yaml_node *list)
{
    if (!blocks_match(pack, list)) {
        return;
    }
    int64_t first_ufen = read_price(pack, gw_yaml_item(pack->yaml, list, 0));
    for (uint32_t season = 0; season < pack->version->season_count; season++) {
        component->flat_price_ufen[season] = first_ufen;
    }
    for (uint32_t block = 0; block < pack->version->block_count; block++) {
        const gw_yaml_node *item = gw_yaml_item(pack->yaml, list, block);
        component->adder_ufen[block] = read_price(pack, item) - first_ufen;
        if (component->adder_ufen[block] < 0) {
            gw_yaml_fail(pack->yaml, item, "no block may cost less than the first");
        }
    }
}

static void read_price_and_adders(struct pack *pack, struct gw_component *component,
                                  const gw_yaml_node *node)
{
    const gw_yaml_node *price = gw_yaml_get(pack->yaml, node, "price");
    for (uint32_t season = 0; season < pack->version->season_count; season++) {
        bool by_season = gw_yaml_is_map(price);
        component->flat_price_ufen[season] =
            read_price(pack, season_need(pack, price, season, by_season));
    }
    const gw_yaml_node *adders = gw_yaml_get(pack->yaml, node, "adders");
    if (adders == NULL || !blocks_match(pack, adders)) {
        return;
    }
    for (uint32_t block = 0; block < pack->version->block_count; block++) {
        component->adder_ufen[block] = read_price(pack, gw_yaml_item(pack->yaml, adders, block));
    }
}

static uint8_t find_payee(struct pack *pack, const gw_yaml_node *node)
{
    const char *codes[GW_TARIFF_PAYEES_MAX];
    for (uint32_t i = 0; i < pack->tariff->payee_count; i++) {
        codes[i] = pack->tariff->payees[i];
    }
    return (uint8_t)gw_yaml_word(pack->yaml, node, codes, pack->tariff->payee_count);
}

static void read_component(struct pack *pack, struct gw_component *component,
                           const gw_yaml_node *node)
{
    static const char *const keys[] = {"label",  "payee",        "price",
                                       "adders", "block_prices", "bands"};
    struct gw_yaml *yaml = pack->yaml;
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    gw_yaml_copy(yaml, component->label, sizeof(component->label),
                 gw_yaml_need(yaml, node, "label"), "a label");
    component->payee = find_payee(pack, gw_yaml_need(yaml, node, "payee"));
    const gw_yaml_node *block_prices = gw_yaml_get(yaml, node, "block_prices");
    bool has_price = gw_yaml_get(yaml, node, "price") != NULL;
    bool has_adders = gw_yaml_get(yaml, node, "adders") != NULL;
    if ((block_prices != NULL) == has_price || (block_prices != NULL && has_adders)) {
        gw_yaml_fail(yaml, node,
                     "give either 'price' (and 'adders'), or 'block_prices' without them");
    }
    if (block_prices != NULL) {
        read_block_prices(pack, component, block_prices);
    } else {
        read_price_and_adders(pack, component, node);
    }
    pack->has_blocks = pack->has_blocks || block_prices != NULL || has_adders;
    const gw_yaml_node *bands = gw_yaml_get(yaml, node, "bands");
    bool has_schedule = false;
    for (uint32_t season = 0; season < pack->version->season_count; season++) {
        has_schedule = has_schedule || pack->version->schedule[season].count > 0;
        read_bands(pack, component, bands, season);
    }
    if (bands != NULL && !has_schedule) {
        gw_yaml_fail(yaml, bands, "prices by band need a time_of_use section in this version");
    }
}

static void read_components(struct pack *pack, const gw_yaml_node *node)
{
    struct gw_tariff_version *version = pack->version;
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (node != NULL && (!gw_yaml_is_list(node) || count < 1 || count > GW_TARIFF_COMPONENTS_MAX)) {
        gw_yaml_fail(pack->yaml, node, "components are a list of 1 to %u",
                     GW_TARIFF_COMPONENTS_MAX);
        return;
    }
    version->component_count = (uint8_t)count;
    pack->has_blocks = false;
    for (uint32_t i = 0; i < count && !gw_yaml_failed(pack->yaml); i++) {
        read_component(pack, &version->components[i], gw_yaml_item(pack->yaml, node, i));
    }
    if (version->block_count > 1 && !pack->has_blocks) {
        gw_yaml_fail(pack->yaml, node,
                     "the ladder has blocks, but no component has adders or block_prices");
    }
}

static void read_version(struct pack *pack, const gw_yaml_node *node)
{
    static const char *const keys[] = {"id",      "from",   "round_fen",   "whole_units",
                                       "seasons", "ladder", "time_of_use", "components"};
    struct gw_tariff_version *version = pack->version;
    struct gw_yaml *yaml = pack->yaml;
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    gw_yaml_copy(yaml, version->id, sizeof(version->id), gw_yaml_need(yaml, node, "id"), "an id");
    const gw_yaml_node *from = gw_yaml_need(yaml, node, "from");
    version->from_us = gw_local_day_start_us(gw_yaml_date(yaml, from));
    if (version > pack->tariff->versions && version->from_us <= version[-1].from_us) {
        gw_yaml_fail(yaml, from, "a version must begin after the one above it");
    }
    const gw_yaml_node *round = gw_yaml_get(yaml, node, "round_fen");
    version->round_fen = round == NULL ? 1
                                       : read_integer(pack, round, "a rounding unit in fen", 1,
                                                      GW_TARIFF_ROUND_FEN_MAX);
    version->whole_units = gw_yaml_bool(yaml, gw_yaml_get(yaml, node, "whole_units"));
    read_seasons(pack, gw_yaml_get(yaml, node, "seasons"));
    read_ladder(pack, gw_yaml_get(yaml, node, "ladder"));
    const gw_yaml_node *time_of_use = gw_yaml_get(yaml, node, "time_of_use");
    read_time_of_use(pack, time_of_use);
    if (version->whole_units && time_of_use != NULL) {
        gw_yaml_fail(yaml, time_of_use, "whole_units does not go with time of use");
    }
    read_components(pack, gw_yaml_need(yaml, node, "components"));
}

static void read_versions(struct pack *pack, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (node != NULL && (!gw_yaml_is_list(node) || count < 1 || count > GW_TARIFF_VERSIONS_MAX)) {
        gw_yaml_fail(pack->yaml, node, "versions are a list of 1 to %u", GW_TARIFF_VERSIONS_MAX);
        return;
    }
    pack->tariff->version_count = (uint8_t)count;
    for (uint32_t i = 0; i < count && !gw_yaml_failed(pack->yaml); i++) {
        pack->version = &pack->tariff->versions[i];
        read_version(pack, gw_yaml_item(pack->yaml, node, i));
    }
}

static void read_payees(struct pack *pack, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (node != NULL && (!gw_yaml_is_list(node) || count < 1 || count > GW_TARIFF_PAYEES_MAX)) {
        gw_yaml_fail(pack->yaml, node, "payees are a list of 1 to %u codes", GW_TARIFF_PAYEES_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        gw_yaml_copy(pack->yaml, pack->tariff->payees[i], sizeof(pack->tariff->payees[i]),
                     gw_yaml_item(pack->yaml, node, i), "a payee's code");
    }
    pack->tariff->payee_count = (uint8_t)count;
}

static void read_critical_days(struct pack *pack, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(pack->yaml, node);
    if (count > GW_TARIFF_CRITICAL_DAYS_MAX) {
        gw_yaml_fail(pack->yaml, node, "at most %u critical days", GW_TARIFF_CRITICAL_DAYS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count && !gw_yaml_failed(pack->yaml); i++) {
        const gw_yaml_node *item = gw_yaml_item(pack->yaml, node, i);
        pack->tariff->critical_days[i] = gw_yaml_date(pack->yaml, item);
        if (i > 0 && pack->tariff->critical_days[i] <= pack->tariff->critical_days[i - 1]) {
            gw_yaml_fail(pack->yaml, item, "critical days stand in order, each once");
        }
    }
    pack->tariff->critical_day_count = (uint16_t)count;
}

static void read_pack(struct pack *pack, struct gw_tariff_note *note)
{
    static const char *const keys[] = {"format", "name",   "medium",        "status",
                                       "note",   "payees", "critical_days", "versions"};
    static const char *const formats[] = {GW_TARIFF_FILE_FORMAT};
    static const char *const statuses[] = {"published", "example"};
    struct gw_yaml *yaml = pack->yaml;
    struct gw_tariff *tariff = pack->tariff;
    const gw_yaml_node *root = gw_yaml_root(yaml);
    gw_yaml_keys(yaml, root, keys, COUNT_OF(keys));
    (void)gw_yaml_word(yaml, gw_yaml_need(yaml, root, "format"), formats,
                       COUNT_OF(formats)); /* Only whether it is there and ours matters. */
    gw_yaml_copy(yaml, tariff->name, sizeof(tariff->name), gw_yaml_need(yaml, root, "name"),
                 "a tariff's name");
    tariff->medium = (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, root, "medium"), medium_words,
                                           COUNT_OF(medium_words));
    bool in_m3 = tariff->medium == MT_WATER || tariff->medium == MT_GAS;
    tariff->unit_divisor = in_m3 ? 1000000 : 1000;
    const gw_yaml_node *status = gw_yaml_need(yaml, root, "status");
    note->is_example = gw_yaml_word(yaml, status, statuses, COUNT_OF(statuses)) == 1;
    const gw_yaml_node *text = gw_yaml_get(yaml, root, "note");
    if (text != NULL) {
        gw_yaml_copy(yaml, note->text, sizeof(note->text), text, "a note");
    }
    read_payees(pack, gw_yaml_need(yaml, root, "payees"));
    const gw_yaml_node *days = gw_yaml_get(yaml, root, "critical_days");
    if (days != NULL && !gw_yaml_is_list(days)) {
        gw_yaml_fail(yaml, days, "critical_days are a list of dates");
    }
    read_critical_days(pack, days);
    read_versions(pack, gw_yaml_need(yaml, root, "versions"));
}

enum gw_status gw_tariff_file_parse(struct gw_tariff *tariff, struct gw_tariff_note *note,
                                    char *why, size_t why_max, const struct gw_yaml_source *source)
{
    enum gw_status status = GW_INVALID;
    struct gw_tariff_note read_note = {0};
    struct gw_tariff *read_tariff = calloc(1, sizeof(*read_tariff));
    struct gw_yaml *yaml = gw_yaml_open(why, why_max, source);
    if (read_tariff == NULL || yaml == NULL) {
        (void)snprintf(why, why_max, "%s: out of memory", source->name); /* cut is fine */
        goto undo;
    }
    struct pack pack = {.yaml = yaml, .tariff = read_tariff};
    read_pack(&pack, &read_note);
    char broken[GW_YAML_WHY_MAX];
    if (!gw_yaml_failed(yaml) && gw_tariff_check(read_tariff, broken, sizeof(broken)) != GW_OK) {
        gw_yaml_fail(yaml, NULL, "%s", broken);
    }
    if (gw_yaml_failed(yaml)) {
        goto undo;
    }
    *tariff = *read_tariff;
    if (note != NULL) {
        *note = read_note;
    }
    status = GW_OK;
undo:
    gw_yaml_close(yaml);
    free(read_tariff);
    return status;
}
