/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a tariff that came from outside may be rated by: each rule is one row of a function that
 * ends at the first broken one, and the sentence names the version and the field.
 */
#include <string.h>

#include "gateway/core/civil.h"
#include "gateway/core/tariff.h"

/** A sentence under construction, cut where the buffer ends. */
struct sentence {
    char *text;
    size_t max;
    size_t len;
};

static void say(struct sentence *why, const char *words)
{
    for (size_t i = 0; words[i] != '\0' && why->len + 1 < why->max; i++) {
        why->text[why->len++] = words[i];
    }
    if (why->max > 0) {
        why->text[why->len] = '\0';
    }
}

static void say_number(struct sentence *why, uint32_t number)
{
    char digits[11];
    uint32_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    say(why, &digits[at]);
}

/** Where we are in the tariff, for the sentence. */
struct place {
    const struct gw_tariff *tariff;
    const struct gw_tariff_version *version;
    struct sentence *why;
};

static bool refuse(const struct place *at, const char *words)
{
    if (at->version != NULL) {
        say(at->why, "version '");
        say(at->why, at->version->id);
        say(at->why, "': ");
    }
    say(at->why, words);
    return false;
}

static bool refuse_item(const struct place *at, const char *item, uint32_t number,
                        const char *words)
{
    (void)refuse(at, item); /* The start of the sentence; it is false in any case. */
    say(at->why, " ");
    say_number(at->why, number);
    say(at->why, ": ");
    say(at->why, words);
    return false;
}

/** A NUL-terminated text of one character or more, none of them a control character. */
static bool text_good(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    if (end == NULL || end == text) {
        return false;
    }
    for (const char *c = text; c < end; c++) {
        if ((unsigned char)*c < 0x20u || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

/** A code that is safe in paths and topics: lower case, digits and inner dashes. */
static bool code_good(const char *text, size_t size)
{
    if (!text_good(text, size) || text[0] == '-') {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-') {
            return false;
        }
    }
    return true;
}

static bool price_good(int64_t ufen)
{
    return ufen >= 0 && ufen <= GW_TARIFF_PRICE_MAX_UFEN;
}

static bool head_good(const struct place *at)
{
    const struct gw_tariff *tariff = at->tariff;
    if (!code_good(tariff->name, sizeof(tariff->name))) {
        return refuse(at, "the name must be 1 to 31 characters of a-z, 0-9 and dash");
    }
    int64_t divisor =
        tariff->medium == MT_WATER || tariff->medium == MT_GAS ? 1000000 : 1000; /* ml, Wh */
    if (tariff->medium > MT_HEAT) {
        return refuse(at, "the medium must be power, water, gas or heat");
    }
    if (tariff->unit_divisor != divisor) {
        return refuse(at, "the price's unit must be kWh for power and heat, m3 for water and gas");
    }
    if (tariff->payee_count < 1 || tariff->payee_count > GW_TARIFF_PAYEES_MAX) {
        return refuse(at, "there must be 1 to 4 payees");
    }
    for (uint32_t i = 0; i < tariff->payee_count; i++) {
        if (!code_good(tariff->payees[i], sizeof(tariff->payees[i]))) {
            return refuse_item(at, "payee", i + 1,
                               "must be 1 to 16 characters of a-z, 0-9 and dash");
        }
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(tariff->payees[i], tariff->payees[k]) == 0) {
                return refuse_item(at, "payee", i + 1, "is there twice");
            }
        }
    }
    if (tariff->version_count < 1 || tariff->version_count > GW_TARIFF_VERSIONS_MAX) {
        return refuse(at, "there must be 1 to 16 versions");
    }
    return true;
}

static bool days_good(const struct place *at)
{
    const struct gw_tariff *tariff = at->tariff;
    if (tariff->critical_day_count > GW_TARIFF_CRITICAL_DAYS_MAX) {
        return refuse(at, "there may be at most 400 critical days");
    }
    for (uint32_t i = 0; i < tariff->critical_day_count; i++) {
        if (tariff->critical_days[i] < 0 ||
            gw_local_day_start_us(tariff->critical_days[i]) >= GW_CIVIL_END_US) {
            return refuse_item(at, "critical day", i + 1, "is not in 1970-2199");
        }
        if (i > 0 && tariff->critical_days[i] <= tariff->critical_days[i - 1]) {
            return refuse_item(at, "critical day", i + 1, "does not come after the one before it");
        }
    }
    return true;
}

static bool schedule_good(const struct place *at, const struct gw_schedule *schedule)
{
    if (schedule->count > GW_TARIFF_SPANS_MAX) {
        return refuse(at, "a day may have at most 12 spans");
    }
    for (uint32_t i = 0; i < schedule->count; i++) {
        const struct gw_span *span = &schedule->spans[i];
        if (span->band >= GW_BANDS) {
            return refuse_item(at, "span", i + 1, "has no band sharp, peak, flat or valley");
        }
        if (i == 0 ? span->start_min != 0 : span->start_min <= schedule->spans[i - 1].start_min) {
            return refuse_item(at, "span", i + 1,
                               "spans start at 00:00 and each later than the one before");
        }
        if (span->start_min >= 24u * 60u) {
            return refuse_item(at, "span", i + 1, "must start before 24:00");
        }
    }
    return true;
}

static bool ladder_good(const struct place *at)
{
    const struct gw_tariff_version *version = at->version;
    if (version->ladder > GW_LADDER_YEAR) {
        return refuse(at, "the ladder's period must be none, month or year");
    }
    if (version->ladder_month < 1 || version->ladder_month > 12) {
        return refuse(at, "the ladder year must start in month 1 to 12");
    }
    if (version->block_count < 1 || version->block_count > GW_TARIFF_BLOCKS_MAX) {
        return refuse(at, "there must be 1 to 4 blocks");
    }
    if (version->ladder == GW_LADDER_NONE &&
        (version->block_count != 1 || version->free_units != 0 || version->large_people != 0)) {
        return refuse(at, "without a ladder there are no blocks, no large home and nothing free");
    }
    int64_t limit_max = GW_SEGMENT_QUANTITY_MAX * at->tariff->unit_divisor;
    uint32_t seasons = version->ladder == GW_LADDER_MONTH ? version->season_count : 1u;
    for (uint32_t season = 0; season < seasons; season++) {
        const int64_t *limit = version->block_limit[season];
        uint32_t last = version->block_count - 1u;
        for (uint32_t i = 0; i < last; i++) {
            if (limit[i] <= (i > 0 ? limit[i - 1] : 0) || limit[i] > limit_max) {
                return refuse_item(at, "block", i + 1,
                                   "limits ascend from above 0 to 1,000,000 kWh or m3 at most");
            }
        }
        if (limit[last] != INT64_MAX) {
            return refuse_item(at, "block", last + 1, "the last block has no limit");
        }
    }
    if (version->large_extra < 0 || version->large_extra > limit_max) {
        return refuse(at, "the large home's extra must be 0 to 1,000,000 kWh or m3");
    }
    if (version->free_units < 0 || version->free_units > limit_max) {
        return refuse(at, "the free quantity must be 0 to 1,000,000 kWh or m3");
    }
    return true;
}

static bool component_prices_good(const struct gw_component *component,
                                  const struct gw_tariff_version *version)
{
    for (uint32_t season = 0; season < version->season_count; season++) {
        if (!price_good(component->flat_price_ufen[season])) {
            return false;
        }
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            if (!price_good(component->band_price_ufen[season][band])) {
                return false;
            }
        }
    }
    for (uint32_t block = 0; block < version->block_count; block++) {
        if (!price_good(component->adder_ufen[block])) {
            return false;
        }
    }
    return true;
}

static bool components_good(const struct place *at)
{
    const struct gw_tariff_version *version = at->version;
    if (version->component_count < 1 || version->component_count > GW_TARIFF_COMPONENTS_MAX) {
        return refuse(at, "there must be 1 to 4 components");
    }
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct gw_component *component = &version->components[i];
        if (!text_good(component->label, sizeof(component->label))) {
            return refuse_item(at, "component", i + 1, "its label must be 1 to 31 bytes of text");
        }
        if (component->payee >= at->tariff->payee_count) {
            return refuse_item(at, "component", i + 1, "its payee is not among the payees");
        }
        if (!component_prices_good(component, version)) {
            return refuse_item(at, "component", i + 1, "prices are 0 to 1,000 yuan per kWh or m3");
        }
    }
    return true;
}

static bool times_good(const struct place *at)
{
    const struct gw_tariff_version *version = at->version;
    if (version->season_count < 1 || version->season_count > GW_TARIFF_SEASONS_MAX) {
        return refuse(at, "there must be 1 to 4 seasons");
    }
    for (uint32_t month = 0; month < 12; month++) {
        if (version->season_of_month[month] >= version->season_count) {
            return refuse_item(at, "month", month + 1, "is in no season");
        }
    }
    bool has_schedule = false;
    for (uint32_t season = 0; season < version->season_count; season++) {
        if (!schedule_good(at, &version->schedule[season])) {
            return false;
        }
        has_schedule = has_schedule || version->schedule[season].count > 0;
    }
    if (!schedule_good(at, &version->critical_schedule)) {
        return false;
    }
    if (version->critical_schedule.count > 0 && !has_schedule) {
        return refuse(at, "critical days need an ordinary day's schedule too");
    }
    if (version->critical_months > 0xfffu ||
        (version->critical_months != 0 && version->critical_schedule.count == 0)) {
        return refuse(at, "critical months need a critical day's schedule and lie in 1 to 12");
    }
    if (version->bands_by_meter && !has_schedule) {
        return refuse(at, "bands by the meter need a schedule for when it sends none");
    }
    if (version->whole_units && has_schedule) {
        return refuse(at, "billing whole units does not go with time of use");
    }
    return true;
}

static bool version_good(const struct place *at, int64_t previous_us)
{
    const struct gw_tariff_version *version = at->version;
    int64_t from_us = version->from_us;
    if (from_us < gw_local_day_start_us(0) || from_us >= GW_CIVIL_END_US ||
        gw_local_time_of_day_us(from_us) != 0) {
        return refuse(at, "must begin at a local midnight in 1970-2199");
    }
    if (from_us <= previous_us) {
        return refuse(at, "must begin after the version before it");
    }
    if (version->round_fen < 1 || version->round_fen > GW_TARIFF_ROUND_FEN_MAX) {
        return refuse(at, "the rounding unit must be 1 to 1,000,000 fen");
    }
    return times_good(at) && ladder_good(at) && components_good(at);
}

static bool versions_good(struct place *at)
{
    const struct gw_tariff *tariff = at->tariff;
    int64_t previous_us = INT64_MIN;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        at->version = NULL;
        const struct gw_tariff_version *version = &tariff->versions[i];
        if (!text_good(version->id, sizeof(version->id))) {
            return refuse_item(at, "version", i + 1, "its id must be 1 to 31 bytes of text");
        }
        at->version = version;
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(version->id, tariff->versions[k].id) == 0) {
                return refuse(at, "another version has the same id");
            }
        }
        if (!version_good(at, previous_us)) {
            return false;
        }
        previous_us = version->from_us;
    }
    return true;
}

enum gw_status gw_tariff_check(const struct gw_tariff *tariff, char *why, size_t why_max)
{
    struct sentence sentence = {.text = why, .max = why_max, .len = 0};
    struct place at = {.tariff = tariff, .version = NULL, .why = &sentence};
    return head_good(&at) && days_good(&at) && versions_good(&at) ? GW_OK : GW_INVALID;
}
