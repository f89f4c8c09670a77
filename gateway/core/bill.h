/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One meter's bill of a month, computed again from its readings alone.
 *
 *  Given all accepted readings in order of time, consumption between them is cut into segments by the
 *  same rule that intake used (stretch.h, gw_usage_cut), and each segment is charged with the ladder
 *  consumption before it. So the charges of all months sum to what the ledger charged, to the ufen; a
 *  bill that does not is wrong, and whoever shows it must say so.
 *
 *  Pure: no IO, clock or heap; the caller brings readings and memory.
 */
#ifndef GATEWAY_CORE_BILL_H
#define GATEWAY_CORE_BILL_H

#include "gateway/core/history.h"
#include "gateway/core/tariff.h"
#include "gateway/core/usage.h"

/** Segments of one meter, ever: twenty years of months, changes of version and of time of use. */
#define GW_BILL_SEGMENTS_MAX 512u
/** Lines of one month: its segments are months cut by versions and the day of joining time of use. */
#define GW_BILL_LINES_MAX (GW_CHARGE_LINES_PER_SEGMENT_MAX * 8u)

/** An accepted reading, and the block that proves it. */
struct gw_bill_reading {
    struct mt_reading reading;
    uint8_t verdict; /**< enum gw_verdict, accepted. */
    uint64_t block;
};

/** A register that bounds the month. */
struct gw_bill_register {
    bool known;
    int64_t time_us;
    int64_t total; /**< Wh or ml. */
    uint64_t block;
};

enum gw_bill_verdict {
    GW_BILL_DONE,
    GW_BILL_DISORDER,  /**< A reading that is not after the one before, or went down unexplained. */
    GW_BILL_NO_TARIFF, /**< Part of the time lies before the tariff's first version. */
    GW_BILL_TOO_LARGE, /**< More segments, time or units than the limits allow. */
};

/** The work on one bill. About 30 kB. */
struct gw_bill {
    const struct gw_tariff *tariff; /**< Borrowed. */
    struct gw_terms terms;
    int64_t register_width;
    int32_t month;
    int64_t month_start_us, month_end_us;
    uint64_t reading_count;
    struct gw_bill_reading last;
    struct gw_bill_register
        opening; /**< The newest at or before the month's start, else the first ever. */
    struct gw_bill_register closing; /**< The oldest at or after its end, else the newest of all. */
    uint32_t segment_count;
    struct gw_segment segments[GW_BILL_SEGMENTS_MAX];
};

/** Start. In: month: months since 1970, local. tariff is borrowed until the bill is done with. */
void gw_bill_init(struct gw_bill *bill, const struct gw_tariff *tariff,
                  const struct gw_terms *terms, int64_t register_width, int32_t month);

/** Add the next reading in order of time.
 *
 *  Returns: GW_BILL_DONE, or why it cannot be added; the bill is unchanged then.
 */
MT_MUST_USE enum gw_bill_verdict gw_bill_add(struct gw_bill *bill,
                                             const struct gw_bill_reading *reading);

/** What the month costs and why. */
struct gw_bill_result {
    int64_t units;                            /**< Wh or ml used in the month. */
    int64_t month_ufen[GW_TARIFF_PAYEES_MAX]; /**< Of the month, per payee: the sum of its lines. */
    int64_t ever_ufen; /**< Of all months and payees: what the ledger must say. */
    uint32_t line_count;
    struct gw_charge_line lines[GW_BILL_LINES_MAX];
};

/** Finish. Returns GW_BILL_DONE, or GW_BILL_TOO_LARGE when the month has more lines than fit. */
MT_MUST_USE enum gw_bill_verdict gw_bill_finish(struct gw_bill_result *result,
                                                const struct gw_bill *bill);

#endif
