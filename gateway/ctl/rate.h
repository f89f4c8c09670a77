/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a consumption costs by a tariff, without a daemon: behind `meterpay rate`.
 *
 *  The consumption is spread evenly over the time, cut, and charged by the same functions of the core
 *  that bill a meter. Does no IO.
 */
#ifndef GATEWAY_CTL_RATE_H
#define GATEWAY_CTL_RATE_H

#include "gateway/core/usage.h"

#define GW_RATE_LINES_MAX (GW_USAGE_CUT_MAX * GW_CHARGE_LINES_PER_SEGMENT_MAX)
#define GW_RATE_WHY_MAX 256u

/** A question. */
struct gw_rate_request {
    const struct gw_tariff *tariff; /**< Passed gw_tariff_check. Borrowed for the call. */
    int32_t from_day;               /**< Local days, half-open: [from_day, to_day). */
    int32_t to_day;
    int64_t units; /**< Wh or ml; with has_bands the sum of band_units. */
    int64_t band_units[GW_BANDS];
    bool has_bands; /**< The quantities of the bands are known; the home is on time of use. */
    bool tou;       /**< The home is on time of use. */
    bool low_income;
    uint8_t people;        /**< 0: unknown. */
    uint8_t ladder_months; /**< 1..12: months that the first ladder year counts for. */
    int64_t ladder_units;  /**< Wh or ml used in the ladder period before from_day. */
};

/** The answer. About 200 kB: keep it off the stack. */
struct gw_rate {
    int64_t payee_fen[GW_TARIFF_PAYEES_MAX]; /**< A bill line each, rounded. */
    int64_t amount_fen;                      /**< Their sum. */
    uint32_t line_count;
    struct gw_charge_line lines[GW_RATE_LINES_MAX]; /**< In time order. */
};

/** Rate a request.
 *
 *  Returns: GW_OK, or GW_INVALID with a sentence in why (GW_RATE_WHY_MAX bytes).
 *  Out:     *rate; unspecified unless GW_OK.
 */
MT_MUST_USE enum gw_status gw_rate_compute(struct gw_rate *rate, char why[GW_RATE_WHY_MAX],
                                           const struct gw_rate_request *request);

/** The band's name: "sharp", "peak", "flat", "valley". */
const char *gw_rate_band_name(uint32_t band);

#endif
