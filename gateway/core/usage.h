/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What one meter used in its open months, cut by the tariff, and what of it was posted.
 *
 *  Only the newest segments stay open (a late reading may still move consumption between them);
 *  older ones are folded: their units go to ladder_units and their charge is taken off posted_ufen.
 *  So the state of a meter is small, and at any moment
 *
 *      to post = gw_usage_charge - posted_ufen
 *
 *  is the whole amount that was not posted yet, that of folded segments with it; whoever posts it
 *  adds it to posted_ufen. posted_ufen is below zero while folded money waits to be posted.
 *
 *  Between two registers consumption is spread evenly over time: the part up to an edge e of
 *  [t0, t1] is floor(delta * (e - t0) / (t1 - t0)), so the parts sum to delta exactly.
 */
#ifndef GATEWAY_CORE_USAGE_H
#define GATEWAY_CORE_USAGE_H

#include "gateway/core/tariff.h"

/** Open segments: this month, the one before, and one change of version. */
#define GW_USAGE_SEGMENTS 3u
/** Longest interval: the walk over its edges takes at most so many days of spans. */
#define GW_USAGE_DAYS_MAX 1100u
/** Segments of one interval, at most: months, version starts, the day of joining time of use. */
#define GW_USAGE_CUT_MAX (GW_USAGE_DAYS_MAX / 28u + 2u + GW_TARIFF_VERSIONS_MAX + 1u)

/** Wh or ml of one open segment in one of SHARP, PEAK and VALLEY, either way; FLAT has what
 *  GW_SEGMENT_QUANTITY_MAX leaves. Memory has 40 bits for each of them. */
#define GW_USAGE_BAND_UNITS_MAX ((1ll << 39) - 1)

struct gw_usage {
    /** Wh or ml of the oldest open segment's ladder period before that segment. */
    int64_t ladder_units;
    /** Posted so far, less the charge of folded segments. */
    int64_t posted_ufen[GW_TARIFF_PAYEES_MAX];
    uint8_t count;
    struct gw_segment segments[GW_USAGE_SEGMENTS]; /**< Oldest first. */
};

/** A stretch of consumption between two registers.
 *
 *  Band registers count where the tariff's version says bands_by_meter, the home is on time of use
 *  and the interval is not doubtful. What they do not sum up to of the total is FLAT (below zero when
 *  they sum to more): so the total register alone decides the quantity, and nothing depends on how a
 *  stretch is cut. That they agree with the total is for validation to see to. Each band's register
 *  and that rest are then spread by the rule above, each by itself.
 */
struct gw_interval {
    int64_t from_us; /**< Less than to_us. */
    int64_t to_us;
    int64_t units;                /**< Wh or ml of the total register: >= 0. */
    int64_t band_units[GW_BANDS]; /**< With has_bands: of the band registers, >= 0 each. */
    bool has_bands;
    /** The clock cannot be trusted: each segment's part goes to its lowest band. */
    bool doubtful;
    int8_t sign; /**< +1 adds the interval, -1 takes it away again (a late reading splits it). */
};

enum gw_usage_verdict {
    GW_USAGE_DONE,
    GW_USAGE_NO_TARIFF, /**< Part of it lies before the first version or after GW_CIVIL_END_US. */
    GW_USAGE_CLOSED,    /**< Part of it lies before the oldest open segment. */
    GW_USAGE_TOO_LARGE, /**< Longer than GW_USAGE_DAYS_MAX, more than GW_SEGMENT_QUANTITY_MAX in a
                             segment, a band below zero or beyond GW_USAGE_BAND_UNITS_MAX, or unposted money
                             beyond an int64. */
};

/** Cut an interval into the segments that it falls into, in time order; parts of no units too.
 *
 *  Returns: GW_USAGE_DONE, GW_USAGE_NO_TARIFF or GW_USAGE_TOO_LARGE.
 *  Out:     segments, *count only on GW_USAGE_DONE; units are of the interval's sign.
 */
MT_MUST_USE enum gw_usage_verdict gw_usage_cut(struct gw_segment segments[GW_USAGE_CUT_MAX],
                                               uint32_t *count, const struct gw_tariff *tariff,
                                               const struct gw_terms *terms,
                                               const struct gw_interval *interval);

/** Add or take away an interval. *usage changes only on GW_USAGE_DONE.
 *
 *  Folding: when one segment more than GW_USAGE_SEGMENTS is needed, the oldest is folded: its charge
 *  is taken off posted_ufen and its units go to ladder_units (which starts anew where a new ladder
 *  period begins, see gw_ladder_next). An interval of many months folds as it goes; no money is lost
 *  by it, see above.
 */
MT_MUST_USE enum gw_usage_verdict gw_usage_add(struct gw_usage *usage,
                                               const struct gw_tariff *tariff,
                                               const struct gw_terms *terms,
                                               const struct gw_interval *interval);

/** The charge of all open segments, per payee, over ladder boundaries. */
void gw_usage_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_usage *usage,
                     const struct gw_tariff *tariff, const struct gw_terms *terms);

#endif
