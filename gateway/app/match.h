/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One day's orders of the operator's statement held against those of our books. No IO, no clock.
 *
 *      gw_match_init -> gw_match_there* -> gw_match_sort -> gw_match_open* -> gw_match_here*
 *                    -> gw_match_elsewhere* while gw_match_left_here > 0 -> gw_match_finish
 *
 *  A day is the operator's: its rows are what must be found in our books, whenever we learned of them
 *  (an answer that was lost is booked later, at times on another day). What we booked on the day and
 *  the day's statement does not hold is looked for in the statements of other days before it is called
 *  a difference. Memory grows with the day's orders, up to GW_MATCH_ORDERS_MAX on each side.
 */
#ifndef GATEWAY_APP_MATCH_H
#define GATEWAY_APP_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/order.h"
#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_MATCH_ORDERS_MAX (4u << 20) /**< Of a day, on one side; about 50 bytes each. */
#define GW_MATCH_LISTED_MAX 1000u /**< Differences that are kept one by one; all are counted. */

/** What came of comparing one order. */
enum gw_match_verdict {
    GW_MATCH_EQUAL,
    GW_MATCH_ONLY_HERE,  /**< Done in our books, in no statement of the operator. */
    GW_MATCH_ONLY_THERE, /**< Money moved there, and our books do not know of it. */
    GW_MATCH_OPEN_HERE,  /**< Money moved there, the order is still open here: it is being asked. */
    GW_MATCH_STATE,      /**< Money moved there, refused here. */
    GW_MATCH_KIND,       /**< A debit on one side, a refund on the other. */
    GW_MATCH_AMOUNT,
    GW_MATCH_DETAILS, /**< Equal amounts of another wallet, or shared otherwise among the payees. */
    GW_MATCH_VERDICTS
};

/** "equal", "only_here" and so on. Never NULL. */
const char *gw_match_verdict_name(enum gw_match_verdict verdict);

/** One side's word of an order. */
struct gw_match_order {
    uint64_t number;    /**< The gateway's; 0: the key is none of ours. */
    int64_t amount_fen; /**< > 0 */
    int64_t time_us;    /**< When it moved (there), when it was booked (here). */
    uint64_t digest;    /**< gw_match_digest of the wallet and the parts. */
    uint64_t place;     /**< The statement's seq (there), the block (here). */
    uint32_t household; /**< Here: slot. */
    uint8_t kind;       /**< enum gw_order_kind */
    uint8_t state;      /**< Here: GW_ORDER_DONE or GW_ORDER_REFUSED. */
};

/** A difference in full. */
struct gw_difference {
    uint8_t verdict; /**< enum gw_match_verdict */
    bool has_here, has_there;
    char key[GW_ORDER_KEY_MAX + 1]; /**< Of a row whose key is none of ours; else empty. */
    struct gw_match_order here, there;
};

/** Money of one side on the day, by enum gw_order_kind. */
struct gw_match_sums {
    uint64_t count[2];
    int64_t fen[2];
};

/** A row of the statement. */
struct gw_match_row {
    struct gw_match_order order;
    bool found;
    bool open;
};

struct gw_match {
    int64_t from_us, to_us; /**< The day. */
    int64_t slack_us;       /**< Clocks may differ by this. */
    struct gw_match_row *rows;
    size_t row_count, row_room, rows_found;
    struct gw_match_order *here; /**< Done here on the day, and not in its statement. */
    size_t here_count, here_room;
    bool here_sorted;
    size_t here_left;
    struct gw_match_sums sums_here, sums_there;
    uint64_t verdicts[GW_MATCH_VERDICTS]; /**< Orders by what came of them. */
    uint64_t other_day;           /**< Booked here on the day, in another day's statement there. */
    uint64_t times_off;           /**< Equal, but there later than here by more than the slack. */
    struct gw_difference *listed; /**< GW_MATCH_LISTED_MAX */
    uint32_t listed_count;
};

/** Begin. Returns GW_OK, or GW_FULL (no memory): *match is then empty, gw_match_deinit allowed. */
MT_MUST_USE enum gw_status gw_match_init(struct gw_match *match, int64_t from_us, int64_t to_us,
                                         int64_t slack_us);
/** Free. Also after a failed gw_match_init, and twice. */
void gw_match_deinit(struct gw_match *match);

/** A row of the day's statement.
 *
 *  Returns: GW_OK; GW_FULL: more than GW_MATCH_ORDERS_MAX, or no memory; GW_CORRUPT: the sums overflow.
 *  In:      key  the row's key, for one that is none of ours (order->number 0).
 */
MT_MUST_USE enum gw_status gw_match_there(struct gw_match *match,
                                          const struct gw_match_order *order, const char *key);
/** All rows are there: from now on they can be looked for. */
void gw_match_sort(struct gw_match *match);
/** The order is open in our books now. */
void gw_match_open(struct gw_match *match, uint64_t number);
/** An order that ended in our books, on the day or later. Returns as gw_match_there. */
MT_MUST_USE enum gw_status gw_match_here(struct gw_match *match,
                                         const struct gw_match_order *order);
/** Rows that are not found in our books yet. */
size_t gw_match_left_there(const struct gw_match *match);
/** Orders done here on the day that no statement was seen to hold yet. */
size_t gw_match_left_here(const struct gw_match *match);
/** A row of another day's statement. */
void gw_match_elsewhere(struct gw_match *match, uint64_t number);
/** Nothing more can be looked at: what is left is only here, only there, or open here. */
void gw_match_finish(struct gw_match *match);

/** The gateway's number in a key "<gateway_id>-<number>"; 0 when it is not such a key. */
uint64_t gw_match_number(const char *key, const char *gateway_id);
/** A digest of what an order says besides kind and amount: equal for parts in any order. */
uint64_t gw_match_digest(const char *wallet, const struct gw_order_part *parts, uint32_t count);

#endif
