/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What one meter used in its open months, cut by the tariff, and what of it was posted.
 *
 *  Only the newest segments stay open (a late reading may still move consumption between them);
 *  older ones are folded into ladder_units, and their charge leaves posted_ufen. So the state of a
 *  meter is small, and the charge of all open segments minus posted_ufen is what is to be posted.
 *
 *  Between two registers consumption is spread evenly over time: the part up to an edge e of
 *  [t0, t1] is floor(delta * (e - t0) / (t1 - t0)), so the parts sum to delta exactly.
 */
#ifndef GATEWAY_CORE_USAGE_H
#define GATEWAY_CORE_USAGE_H

#include "gateway/core/tariff.h"

#define GW_USAGE_SEGMENTS 3u /**< Open segments: this month, the one before, and one change of version. */

struct gw_usage {
    int64_t ladder_units; /**< Wh or ml of the oldest open segment's ladder period before that segment. */
    int64_t posted_ufen[GW_TARIFF_PAYEES_MAX]; /**< Posted for the open segments. */
    uint8_t count;
    struct gw_segment segments[GW_USAGE_SEGMENTS]; /**< Oldest first. */
};

/** A stretch of consumption between two registers. */
struct gw_interval {
    int64_t from_us; /**< Less than to_us. */
    int64_t to_us;
    int64_t units;              /**< Wh or ml of the total register: >= 0. */
    int64_t band_units[GW_BANDS]; /**< With has_bands: of the band registers, >= 0 each. */
    bool has_bands;
    bool doubtful; /**< The clock cannot be trusted: all goes to the lowest band. */
    int8_t sign;   /**< +1 adds the interval, -1 takes it away again (a late reading splits it). */
};

enum gw_usage_verdict {
    GW_USAGE_DONE,
    GW_USAGE_NO_TARIFF, /**< Part of it lies before the first version. */
    GW_USAGE_CLOSED,    /**< Part of it lies in a month already folded. */
};

/** Add or take away an interval. *usage changes only on GW_USAGE_DONE.
 *
 *  Folding: when a segment newer than all is needed and the array is full, the oldest is folded: its
 *  units go to ladder_units (or ladder_units starts at 0 where a new ladder period begins), its
 *  charge is taken from posted_ufen. *folded_ufen (per payee, may be NULL) receives
 *  charge(folded) - the part of posted_ufen that leaves with it, which is zero by construction
 *  when everything up to then was posted.
 */
MT_MUST_USE enum gw_usage_verdict gw_usage_add(struct gw_usage *usage, const struct gw_tariff *tariff,
                                               const struct gw_terms *terms,
                                               const struct gw_interval *interval);

/** The charge of all open segments, per payee, over ladder boundaries. */
void gw_usage_charge(int64_t ufen[GW_TARIFF_PAYEES_MAX], const struct gw_usage *usage,
                     const struct gw_tariff *tariff, const struct gw_terms *terms);

#endif
