/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The charge of a segment. Its units are first divided once (which are free, how many of each band,
 * how many in each block); charge and explanation then multiply the same parts by the same prices,
 * so that they cannot differ.
 */
#include "gateway/core/tariff.h"

/** A segment's units, divided. */
struct segment_parts {
    uint32_t season;
    int64_t charged_units[GW_BANDS];
    int64_t free_units[GW_BANDS];
    int64_t block_units[GW_TARIFF_BLOCKS_MAX];
};

/* A payee gets at most every component, each at a band price and an adder, of every open segment;
 * twice that must fit, for posted_ufen is of the same size (usage.h).
 */
_Static_assert(GW_SEGMENT_QUANTITY_MAX *GW_TARIFF_PRICE_MAX_UFEN <=
                   INT64_MAX / (2ll * 2 * 4 * GW_TARIFF_COMPONENTS_MAX),
               "the charge of four segments must fit twice");

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

/** Down to a multiple of unit, below zero too. */
static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - (rest >= 0 ? rest : rest + unit);
}

/** floor(value x months / 12) without the product. */
static int64_t twelfths(int64_t value, uint32_t months)
{
    return value / 12 * months + value % 12 * months / 12;
}

/** True when the home's first ladder year, shorter than twelve months, is the one of this month. */
static bool ladder_year_is_short(const struct gw_tariff_version *version,
                                 const struct gw_terms *terms, uint32_t month)
{
    if (version->ladder != GW_LADDER_YEAR || terms->ladder_months >= 12) {
        return false;
    }
    return gw_ladder_id(version, (int32_t)month) == terms->ladder_months_year;
}

static void split_blocks(struct segment_parts *parts, const struct gw_tariff_version *version,
                         const struct gw_terms *terms, uint32_t months, int64_t from, int64_t to)
{
    bool is_large = version->large_people != 0 && terms->people >= version->large_people;
    uint32_t season = version->ladder == GW_LADDER_MONTH ? parts->season : 0;
    int64_t low = INT64_MIN;
    uint32_t last = version->block_count - 1u;
    for (uint32_t i = 0; i <= last; i++) {
        int64_t high = INT64_MAX;
        if (i < last) {
            high = version->block_limit[season][i] + (is_large ? version->large_extra : 0);
            high = months < 12 ? twelfths(high, months) : high;
        }
        parts->block_units[i] = clamp(to, low, high) - clamp(from, low, high);
        low = high;
    }
}

/** Take free_units off the charged ones, from each band in proportion to its units. */
static void free_bands(struct segment_parts *parts, int64_t free_units)
{
    int64_t weight_sum = 0;
    bool is_plain = true;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        weight_sum += parts->charged_units[band];
        is_plain = is_plain && parts->charged_units[band] >= 0;
    }
    if (is_plain && weight_sum > 0) {
        gw_split_fen(parts->free_units, free_units, parts->charged_units, GW_BANDS);
    } else {
        /* A band below zero waits for a correction: there is no proportion to go by. */
        parts->free_units[GW_BAND_FLAT] = free_units;
    }
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        parts->charged_units[band] -= parts->free_units[band];
    }
}

/** Divide the segment that starts at ladder_units. Returns the ladder's units after it. */
static int64_t segment_divide(struct segment_parts *parts, const struct gw_tariff *tariff,
                              const struct gw_terms *terms, int64_t ladder_units,
                              const struct gw_segment *segment)
{
    MT_CHECK(segment->version < tariff->version_count);
    const struct gw_tariff_version *version = &tariff->versions[segment->version];
    int64_t from = ladder_units;
    int64_t to = ladder_units;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        parts->charged_units[band] = segment->units[band];
        parts->free_units[band] = 0;
        to += segment->units[band];
    }
    int64_t after = to;
    parts->season = version->season_of_month[segment->month % 12u];
    if (version->whole_units) {
        from = floor_to(from, tariff->unit_divisor);
        to = floor_to(to, tariff->unit_divisor);
        parts->charged_units[GW_BAND_FLAT] = to - from;
    }
    uint32_t months =
        ladder_year_is_short(version, terms, segment->month) ? terms->ladder_months : 12u;
    if (terms->low_income && version->free_units > 0) {
        int64_t free_limit = twelfths(version->free_units, months);
        int64_t free_units = clamp(to, 0, free_limit) - clamp(from, 0, free_limit);
        if (free_units != 0) {
            free_bands(parts, free_units);
        }
        /* What is free lies at the start of the ladder, and has no adder either. */
        from = from < free_limit ? free_limit : from;
        to = to < free_limit ? free_limit : to;
    }
    split_blocks(parts, version, terms, months, from, to);
    return after;
}

/** units x price / divisor, half up to the ufen, below zero mirrored. */
static int64_t line_ufen(int64_t units, int64_t price_ufen, int64_t divisor)
{
    int64_t product;
    int64_t whole;
    int64_t rest;
    if (!__builtin_mul_overflow(units, price_ufen, &product)) {
        /* Both divisors as constants: a division by a variable is most of a charge's time. */
        whole = divisor == 1000 ? product / 1000 : product / 1000000;
        rest = product - whole * divisor;
    } else {
        __int128 wide = (__int128)units * price_ufen;
        whole = (int64_t)(wide / divisor);
        rest = (int64_t)(wide - (__int128)whole * divisor);
    }
    if (2 * rest >= divisor) {
        whole++;
    } else if (2 * rest <= -divisor) {
        whole--;
    }
    return whole;
}

/** Per kWh or m3, of a segment's units in one band. */
static int64_t band_price(const struct gw_component *component, const struct segment_parts *parts,
                          const struct gw_segment *segment, uint32_t band)
{
    return segment->tou != 0 ? component->band_price_ufen[parts->season][band]
                             : component->flat_price_ufen[parts->season];
}

/** What one component earns by a divided segment. */
static int64_t component_ufen(const struct gw_tariff *tariff, const struct gw_component *component,
                              const struct segment_parts *parts, const struct gw_segment *segment)
{
    int64_t divisor = tariff->unit_divisor;
    uint32_t block_count = tariff->versions[segment->version].block_count;
    int64_t ufen = 0;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        int64_t units = parts->charged_units[band];
        if (units != 0) {
            ufen += line_ufen(units, band_price(component, parts, segment, band), divisor);
        }
    }
    for (uint32_t block = 0; block < block_count; block++) {
        int64_t adder_ufen = component->adder_ufen[block];
        if (adder_ufen != 0 && parts->block_units[block] != 0) {
            ufen += line_ufen(parts->block_units[block], adder_ufen, divisor);
        }
    }
    return ufen;
}

void gw_tariff_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_tariff *tariff,
                      const struct gw_terms *terms, int64_t ladder_units,
                      const struct gw_segment *segments, uint32_t segment_count)
{
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        ufen[payee] = 0;
    }
    for (uint32_t i = 0; i < segment_count; i++) {
        struct segment_parts parts;
        ladder_units = segment_divide(&parts, tariff, terms, ladder_units, &segments[i]);
        const struct gw_tariff_version *version = &tariff->versions[segments[i].version];
        for (uint32_t c = 0; c < version->component_count; c++) {
            const struct gw_component *component = &version->components[c];
            ufen[component->payee] += component_ufen(tariff, component, &parts, &segments[i]);
        }
    }
}

/** Lines are counted beyond the end of the caller's array, but not written there. */
struct line_writer {
    struct gw_charge_line *lines;
    uint32_t line_max;
    uint32_t count;
};

static void line_write(struct line_writer *writer, const struct gw_charge_line *line)
{
    if (writer->count < writer->line_max) {
        writer->lines[writer->count] = *line;
    }
    writer->count++;
}

/** The lines of one component; the same parts and prices as component_ufen, in the same order. */
static void component_lines(struct line_writer *writer, const struct gw_tariff *tariff,
                            const struct gw_charge_line *head, const struct segment_parts *parts,
                            const struct gw_segment *segment)
{
    const struct gw_tariff_version *version = &tariff->versions[head->version];
    const struct gw_component *component = &version->components[head->component];
    struct gw_charge_line line = *head;
    for (uint8_t band = 0; band < GW_BANDS; band++) {
        line.band = band;
        line.block = GW_LINE_NONE;
        line.units = parts->free_units[band];
        line.price_ufen = 0;
        line.ufen = 0;
        if (line.units != 0) {
            line_write(writer, &line);
        }
        line.units = parts->charged_units[band];
        line.price_ufen = band_price(component, parts, segment, band);
        line.ufen = line_ufen(line.units, line.price_ufen, tariff->unit_divisor);
        if (line.units != 0) {
            line_write(writer, &line);
        }
    }
    for (uint8_t block = 0; block < version->block_count; block++) {
        line.band = GW_LINE_NONE;
        line.block = block;
        line.units = parts->block_units[block];
        line.price_ufen = component->adder_ufen[block];
        line.ufen = line_ufen(line.units, line.price_ufen, tariff->unit_divisor);
        if (line.units != 0 && line.price_ufen != 0) {
            line_write(writer, &line);
        }
    }
}

uint32_t gw_tariff_explain(struct gw_charge_line *lines, uint32_t line_max,
                           const struct gw_tariff *tariff, const struct gw_terms *terms,
                           int64_t ladder_units, const struct gw_segment *segment)
{
    struct line_writer writer = {.lines = lines, .line_max = line_max, .count = 0};
    struct segment_parts parts;
    (void)segment_divide(&parts, tariff, terms, ladder_units, segment); /* no segment follows */
    const struct gw_tariff_version *version = &tariff->versions[segment->version];
    for (uint8_t c = 0; c < version->component_count; c++) {
        struct gw_charge_line head = {
            .version = segment->version,
            .month = segment->month,
            .payee = version->components[c].payee,
            .component = c,
            .tou = segment->tou,
        };
        component_lines(&writer, tariff, &head, &parts, segment);
    }
    return writer.count <= line_max ? writer.count : UINT32_MAX;
}
