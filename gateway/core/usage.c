/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consumption per segment. Nearly every reading falls into the newest segment as a whole and is one
 * addition; all else is cut first, then merged into a copy that replaces the state when it fits.
 */
#include "gateway/core/usage.h"

#include "gateway/core/civil.h"

/** Version, month and time of use as one number that grows with time. */
static uint64_t cell_key(const struct gw_cell *cell)
{
    return (uint64_t)cell->month << 32 | (uint64_t)cell->version << 8 | cell->tou;
}

static uint64_t segment_key(const struct gw_segment *segment)
{
    return (uint64_t)segment->month << 32 | (uint64_t)segment->version << 8 | segment->tou;
}

static bool segment_in_range(const struct gw_segment *segment, const struct gw_tariff *tariff)
{
    int64_t sum = 0;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        int64_t units = segment->units[band] >= 0 ? segment->units[band] : -segment->units[band];
        if (band != GW_BAND_FLAT && units > GW_USAGE_BAND_UNITS_MAX) {
            return false;
        }
        sum += units;
    }
    return sum <= GW_SEGMENT_QUANTITY_MAX * tariff->unit_divisor;
}

/** floor(units x elapsed / whole), below zero too: what was used up to an edge. */
static int64_t spread_units(int64_t units, int64_t elapsed_us, int64_t whole_us)
{
    if (elapsed_us == whole_us) {
        return units;
    }
    int64_t product;
    int64_t quotient;
    bool is_exact;
    if (!__builtin_mul_overflow(units, elapsed_us, &product)) {
        quotient = product / whole_us;
        is_exact = quotient * whole_us == product;
    } else {
        __int128 wide = (__int128)units * elapsed_us;
        quotient = (int64_t)(wide / whole_us);
        is_exact = (__int128)quotient * whole_us == wide;
    }
    return units < 0 && !is_exact ? quotient - 1 : quotient;
}

/** What of an interval lies before the edge that was reached. */
struct spent {
    int64_t units;
    int64_t band_units[GW_BANDS]; /**< FLAT: with what the bands do not sum up to of the total. */
};

static bool counts_bands(const struct gw_interval *interval, const struct gw_tariff *tariff,
                         const struct gw_cell *cell)
{
    return interval->has_bands && !interval->doubtful && cell->tou != 0 &&
           tariff->versions[cell->version].bands_by_meter;
}

/** What of the interval's bands lies before an edge: each register spread by itself, and the rest of
 *  the total, added to FLAT, by itself too. Its units are the sum.
 */
static struct spent spread_bands(const struct gw_interval *interval, int64_t elapsed_us)
{
    int64_t whole_us = interval->to_us - interval->from_us;
    struct spent reached = {0};
    int64_t rest = interval->units;
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        rest -= interval->band_units[band];
        reached.band_units[band] = spread_units(interval->band_units[band], elapsed_us, whole_us);
    }
    reached.band_units[GW_BAND_FLAT] += spread_units(rest, elapsed_us, whole_us);
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        reached.units += reached.band_units[band];
    }
    return reached;
}

/** Add the part of the interval from what was spent up to edge_us, which all lies in the cell. */
static void segment_take(struct gw_segment *segment, struct spent *spent,
                         const struct gw_tariff *tariff, const struct gw_cell *cell,
                         const struct gw_interval *interval, int64_t edge_us)
{
    int64_t elapsed_us = edge_us - interval->from_us;
    struct spent reached = {0};
    uint8_t band = cell->band;
    if (interval->has_bands) {
        /* Also where the bands do not count, for the cells after this one. */
        reached = spread_bands(interval, elapsed_us);
    }
    int64_t band_part_sum = 0;
    if (counts_bands(interval, tariff, cell)) {
        band = GW_BAND_FLAT;
        for (uint32_t i = 0; i < GW_BANDS; i++) {
            int64_t part = reached.band_units[i] - spent->band_units[i];
            segment->units[i] += interval->sign * part;
            band_part_sum += part;
        }
    } else {
        reached.units =
            spread_units(interval->units, elapsed_us, interval->to_us - interval->from_us);
        band = interval->doubtful ? gw_tariff_lowest_band(tariff, cell) : band;
    }
    /* Of an interval whose bands count throughout nothing is left over here. Where they begin or
     * cease to count within it, the roundings of the two ways differ by a few units.
     */
    segment->units[band] += interval->sign * (reached.units - spent->units - band_part_sum);
    *spent = reached;
}

static void interval_check(const struct gw_interval *interval)
{
    MT_CHECK(interval->from_us < interval->to_us);
    MT_CHECK(interval->sign == 1 || interval->sign == -1);
    MT_CHECK(interval->units >= 0);
}

/** No registers that their medium's meters can show are beyond this; the product of a sum of them
 *  and any price then fits (tariff_charge.c).
 */
static bool interval_in_range(const struct gw_interval *interval, const struct gw_tariff *tariff)
{
    int64_t limit = GW_SEGMENT_QUANTITY_MAX * tariff->unit_divisor;
    if (interval->units > limit) {
        return false;
    }
    for (uint32_t band = 0; interval->has_bands && band < GW_BANDS; band++) {
        if (interval->band_units[band] < 0 || interval->band_units[band] > limit) {
            return false;
        }
    }
    return interval->to_us - interval->from_us <= (int64_t)GW_USAGE_DAYS_MAX * GW_US_PER_DAY;
}

enum gw_usage_verdict gw_usage_cut(struct gw_segment segments[GW_USAGE_CUT_MAX], uint32_t *count,
                                   const struct gw_tariff *tariff, const struct gw_terms *terms,
                                   const struct gw_interval *interval)
{
    interval_check(interval);
    struct gw_cell cell;
    if (interval->to_us > GW_CIVIL_END_US ||
        !gw_tariff_cell(&cell, tariff, terms, interval->from_us)) {
        return GW_USAGE_NO_TARIFF;
    }
    if (!interval_in_range(interval, tariff)) {
        return GW_USAGE_TOO_LARGE;
    }
    struct spent spent = {0};
    uint32_t used = 0;
    int64_t at_us = interval->from_us;
    /* Each round ends at a later edge: at most every span of GW_USAGE_DAYS_MAX days. */
    while (at_us < interval->to_us) {
        /* Only an interval that ends at GW_CIVIL_END_US or before comes here: there is a cell. */
        bool found = gw_tariff_cell(&cell, tariff, terms, at_us);
        MT_CHECK(found && cell.end_us > at_us && used < GW_USAGE_CUT_MAX);
        if (used == 0 || segment_key(&segments[used - 1]) != cell_key(&cell)) {
            segments[used++] =
                (struct gw_segment){.version = cell.version, .month = cell.month, .tou = cell.tou};
        }
        int64_t edge_us = cell.end_us < interval->to_us ? cell.end_us : interval->to_us;
        segment_take(&segments[used - 1], &spent, tariff, &cell, interval, edge_us);
        at_us = edge_us;
    }
    *count = used;
    return GW_USAGE_DONE;
}

/** A usage with room for one segment more, which a fold takes away again. */
struct open_usage {
    int64_t ladder_units;
    int64_t posted_ufen[GW_TARIFF_PAYEES_MAX];
    uint32_t count;
    struct gw_segment segments[GW_USAGE_SEGMENTS + 1u];
};

static bool open_fold(struct open_usage *open, const struct gw_tariff *tariff,
                      const struct gw_terms *terms)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, tariff, terms, open->ladder_units, &open->segments[0], 1);
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        if (__builtin_sub_overflow(open->posted_ufen[payee], ufen[payee],
                                   &open->posted_ufen[payee])) {
            return false;
        }
    }
    open->ladder_units =
        gw_ladder_next(tariff, open->ladder_units, &open->segments[0], &open->segments[1]);
    open->count--;
    for (uint32_t i = 0; i < open->count; i++) {
        open->segments[i] = open->segments[i + 1];
    }
    return true;
}

/** Add one cut segment; part is of either sign. */
static enum gw_usage_verdict open_merge(struct open_usage *open, const struct gw_tariff *tariff,
                                        const struct gw_terms *terms, const struct gw_segment *part)
{
    uint64_t key = segment_key(part);
    if (open->count > 0 && key < segment_key(&open->segments[0])) {
        return GW_USAGE_CLOSED;
    }
    uint32_t at = open->count;
    while (at > 0 && segment_key(&open->segments[at - 1]) >= key) {
        at--;
    }
    if (at == open->count || segment_key(&open->segments[at]) != key) {
        for (uint32_t i = open->count; i > at; i--) {
            open->segments[i] = open->segments[i - 1];
        }
        open->segments[at] = *part;
        open->count++;
    } else {
        for (uint32_t band = 0; band < GW_BANDS; band++) {
            open->segments[at].units[band] += part->units[band];
        }
    }
    if (!segment_in_range(&open->segments[at], tariff)) {
        return GW_USAGE_TOO_LARGE;
    }
    if (open->count > GW_USAGE_SEGMENTS && !open_fold(open, tariff, terms)) {
        return GW_USAGE_TOO_LARGE;
    }
    return GW_USAGE_DONE;
}

static enum gw_usage_verdict add_cut(struct gw_usage *usage, const struct gw_tariff *tariff,
                                     const struct gw_terms *terms,
                                     const struct gw_interval *interval)
{
    struct gw_segment parts[GW_USAGE_CUT_MAX];
    uint32_t part_count;
    enum gw_usage_verdict verdict = gw_usage_cut(parts, &part_count, tariff, terms, interval);
    if (verdict != GW_USAGE_DONE) {
        return verdict;
    }
    struct open_usage open = {.ladder_units = usage->ladder_units, .count = usage->count};
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        open.posted_ufen[payee] = usage->posted_ufen[payee];
    }
    for (uint32_t i = 0; i < usage->count; i++) {
        open.segments[i] = usage->segments[i];
    }
    for (uint32_t i = 0; i < part_count; i++) {
        verdict = open_merge(&open, tariff, terms, &parts[i]);
        if (verdict != GW_USAGE_DONE) {
            return verdict;
        }
    }
    usage->ladder_units = open.ladder_units;
    usage->count = (uint8_t)open.count;
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        usage->posted_ufen[payee] = open.posted_ufen[payee];
    }
    for (uint32_t i = 0; i < open.count; i++) {
        usage->segments[i] = open.segments[i];
    }
    return GW_USAGE_DONE;
}

enum gw_usage_verdict gw_usage_add(struct gw_usage *usage, const struct gw_tariff *tariff,
                                   const struct gw_terms *terms, const struct gw_interval *interval)
{
    interval_check(interval);
    MT_CHECK(usage->count <= GW_USAGE_SEGMENTS);
    struct gw_cell cell;
    if (!gw_tariff_cell(&cell, tariff, terms, interval->from_us)) {
        return GW_USAGE_NO_TARIFF;
    }
    if (usage->count == 0 || interval->to_us > cell.end_us ||
        segment_key(&usage->segments[usage->count - 1]) != cell_key(&cell)) {
        return add_cut(usage, tariff, terms, interval);
    }
    if (!interval_in_range(interval, tariff)) {
        return GW_USAGE_TOO_LARGE;
    }
    struct gw_segment newest = usage->segments[usage->count - 1];
    struct spent spent = {0};
    segment_take(&newest, &spent, tariff, &cell, interval, interval->to_us);
    if (!segment_in_range(&newest, tariff)) {
        return GW_USAGE_TOO_LARGE;
    }
    usage->segments[usage->count - 1] = newest;
    return GW_USAGE_DONE;
}

void gw_usage_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_usage *usage,
                     const struct gw_tariff *tariff, const struct gw_terms *terms)
{
    int64_t ladder_units = usage->ladder_units;
    gw_tariff_charge(ufen, tariff, terms, ladder_units, usage->segments, usage->count > 0 ? 1 : 0);
    for (uint32_t i = 1; i < usage->count; i++) {
        int64_t more_ufen[GW_TARIFF_PAYEES_MAX];
        ladder_units =
            gw_ladder_next(tariff, ladder_units, &usage->segments[i - 1], &usage->segments[i]);
        gw_tariff_charge(more_ufen, tariff, terms, ladder_units, &usage->segments[i], 1);
        for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
            ufen[payee] += more_ufen[payee];
        }
    }
}
