/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The rules of the stand-in wallet operator: what may be taken from a wallet, by whom, how often.
 *
 *  Pure: plain functions of wallet, mandate, order, limits and time. What they are given was loaded by
 *  book.c, what they change is saved by book.c. A rule that says no changes nothing.
 *
 *  An order's life:
 *
 *      reserve --capture:true--------> DONE
 *         |----capture:false--> RESERVED --capture--> DONE
 *         |                        '------void-----> VOIDED
 *         '--refused--> REFUSED
 *
 *  A wallet's day and year windows are calendar days and years, UTC+8; a mandate's are day and month.
 *  A window counts when money is reserved, and what is not captured is given back to it while it
 *  lasts. A refund gives nothing back to a window: what was spent on that day was spent.
 */
#ifndef SIM_OPERATOR_RULES_H
#define SIM_OPERATOR_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/order.h"
#include "meters/check.h"

#define SIM_NO_LIMIT INT64_MAX
#define SIM_AMOUNT_FEN_MAX 10000000000000ll /**< 100 billion yuan: sums of 100,000 of them fit. */
#define SIM_GATEWAY_ID_MAX 24u
#define SIM_ACCOUNT_FEN_MAX (INT64_MAX / 2)

/** Every answer that is not "done", as it is named on the wire. */
enum sim_code {
    SIM_CODE_OK,
    SIM_CODE_INSUFFICIENT_FUNDS,
    SIM_CODE_LIMIT_EXCEEDED,
    SIM_CODE_MANDATE_INVALID,
    SIM_CODE_WALLET_UNKNOWN,
    SIM_CODE_WALLET_FROZEN,
    SIM_CODE_WALLET_CLOSED,
    SIM_CODE_REFUND_EXCEEDS_CAPTURED,
    SIM_CODE_REQUEST_INVALID,
    SIM_CODE_STATE_INVALID,
    SIM_CODE_KEY_UNKNOWN,
    SIM_CODE_COUNT,
};

/** A decision: a code and, when it is not SIM_CODE_OK, a sentence that says why. */
struct sim_verdict {
    enum sim_code code;
    const char *why; /**< Static text. */
};

/** What was spent in one calendar period; an older period's spending no longer counts. */
struct sim_window {
    int32_t period;    /**< Number of the day, month or year. */
    int64_t spent_fen; /**< 0 or more. */
};

enum sim_wallet_status { SIM_WALLET_ACTIVE, SIM_WALLET_FROZEN, SIM_WALLET_CLOSED };
enum sim_wallet_type { SIM_WALLET_PERSONAL, SIM_WALLET_CORPORATE };

/** The limits of a wallet's class at a date; SIM_NO_LIMIT where there is none. */
struct sim_limits {
    int64_t balance_fen;
    int64_t single_fen;
    int64_t day_fen;
    int64_t year_fen;
};

struct sim_wallet {
    char id[GW_WALLET_ID_MAX + 1];
    uint8_t class_number; /**< 1..4: class I..IV. */
    enum sim_wallet_type type;
    enum sim_wallet_status status;
    int64_t balance_fen; /**< Free to spend, 0 or more. */
    int64_t held_fen;    /**< Reserved, 0 or more. */
    struct sim_window day;
    struct sim_window year;
};

/** A payer's permission to one gateway. */
struct sim_mandate {
    char id[GW_MANDATE_ID_MAX + 1];
    char wallet[GW_WALLET_ID_MAX + 1];
    char gateway[SIM_GATEWAY_ID_MAX + 1];
    int64_t single_fen; /**< Caps; SIM_NO_LIMIT where there is none. */
    int64_t day_fen;
    int64_t month_fen;
    int32_t from_day; /**< First local day on which it holds. */
    int32_t to_day;   /**< First local day on which it no longer holds; INT32_MAX: open. */
    bool revoked;
    int64_t captured_fen; /**< Taken through it, ever. */
    int64_t refunded_fen; /**< Given back through it, ever; at most captured_fen. */
    struct sim_window day;
    struct sim_window month;
};

enum sim_order_state { SIM_ORDER_DONE, SIM_ORDER_REFUSED, SIM_ORDER_RESERVED, SIM_ORDER_VOIDED };

/** What a gateway asks for. */
struct sim_transfer {
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    int64_t amount_fen;
    uint32_t part_count;
    struct gw_order_part parts[GW_ORDER_PAYEES_MAX];
};

/** What became of it. */
struct sim_order {
    enum gw_order_kind kind;
    enum sim_order_state state;
    struct sim_transfer asked;
    int64_t captured_fen; /**< With SIM_ORDER_DONE; 0 otherwise. */
    int64_t created_us;
};

/** "insufficient_funds" and so on; "ok" for SIM_CODE_OK. */
const char *sim_code_text(enum sim_code code);
const char *sim_order_state_text(enum sim_order_state state);

/** Local calendar periods: days since 1970-01-01, months since 1970-01, the year itself. */
int32_t sim_period_day(int64_t at_us);
int32_t sim_period_month(int64_t at_us);
int32_t sim_period_year(int64_t at_us);

/** What was spent in that period: 0 when the window holds an older one. */
int64_t sim_window_spent_fen(const struct sim_window *window, int32_t period);

/** Is this a request that can be obeyed at all: amount in 1..SIM_AMOUNT_FEN_MAX, 1 to
 *  GW_ORDER_PAYEES_MAX parts, each greater than zero, no payee twice, their sum the amount?
 */
MT_MUST_USE struct sim_verdict sim_transfer_check(const struct sim_transfer *transfer);

/** Take an amount out of the wallet: into held_fen, to be captured or voided.
 *
 *  Returns: SIM_CODE_OK, and wallet and mandate have changed; else a refusal, and nothing has.
 *  In:      wallet, mandate  NULL when the operator has none of that name.
 *           limits           of the wallet's class now.
 *           gateway          who asks.
 */
MT_MUST_USE struct sim_verdict sim_reserve(struct sim_wallet *wallet, struct sim_mandate *mandate,
                                           const struct sim_limits *limits, const char *gateway,
                                           const struct sim_transfer *transfer, int64_t now_us);

/** Capture amount_fen of a reserved order, and give the rest back to the wallet and its windows.
 *
 *  Returns: SIM_CODE_OK; SIM_CODE_STATE_INVALID: it is not reserved; SIM_CODE_REQUEST_INVALID: more than
 *           was reserved, or not more than zero.
 */
MT_MUST_USE struct sim_verdict sim_capture(struct sim_order *order, struct sim_wallet *wallet,
                                           struct sim_mandate *mandate, int64_t amount_fen);

/** Give all of a reserved order back. Returns: SIM_CODE_OK or SIM_CODE_STATE_INVALID. */
MT_MUST_USE struct sim_verdict sim_void(struct sim_order *order, struct sim_wallet *wallet,
                                        struct sim_mandate *mandate);

/** Give back what was taken through the mandate before, never more in sum than that. A revoked or
 *  expired mandate still takes refunds, a frozen wallet too, and the class's balance limit does not
 *  stand in the way: it is the payer's own money.
 *
 *  Returns: SIM_CODE_OK, and wallet and mandate have changed; else a refusal.
 */
MT_MUST_USE struct sim_verdict sim_refund(struct sim_wallet *wallet, struct sim_mandate *mandate,
                                          const char *gateway, const struct sim_transfer *transfer);

/** Load money. Returns: SIM_CODE_OK, or a refusal: closed, amount, or the class's balance limit, which
 *  counts what is held.
 */
MT_MUST_USE struct sim_verdict sim_topup(struct sim_wallet *wallet, const struct sim_limits *limits,
                                         int64_t amount_fen);

enum sim_repeat { SIM_REPEAT_NEW, SIM_REPEAT_SAME, SIM_REPEAT_CONFLICT };

/** Is a request with a known key the same request again? */
enum sim_repeat sim_repeat_of(const char *stored_hash, const char *hash);

#endif
