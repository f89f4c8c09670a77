/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An order to a wallet operator, and the states that it passes through.
 *
 *      QUEUED --send--> SENT --done-----> DONE
 *         ^              |----refused---> REFUSED
 *         |              '----no answer-> UNSURE --ask--> ASKED --done----> DONE
 *         |                                  ^              |----refused--> REFUSED
 *         |                                  '--no answer---|
 *         '---------------- the operator never saw the key -'
 *
 *  A lost reply is a state: UNSURE asks by the idempotency key, and nothing is sent anew before the
 *  operator has answered that it does not know the key. The key never changes, so even a request
 *  that was delayed on the way cannot take the money a second time. Whatever a restart finds that is
 *  not final may have been sent, and so starts as UNSURE.
 *
 *  Pure: time and events are arguments; who sends and who stores is elsewhere.
 */
#ifndef GATEWAY_CORE_ORDER_H
#define GATEWAY_CORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "meters/check.h"

#define GW_ORDER_PAYEES_MAX 6u  /**< Payees of one household, and so of one order. */
#define GW_WALLET_ID_MAX 32u    /**< Characters of an operator's wallet id. */
#define GW_MANDATE_ID_MAX 32u   /**< Characters of an operator's mandate id. */
#define GW_OPERATOR_REF_MAX 32u /**< Characters of an operator's own reference. */
#define GW_PAYEE_CODE_MAX 16u   /**< Characters of a payee's code in a tariff pack. */
#define GW_ORDER_KEY_MAX 40u    /**< Characters of an idempotency key. */

enum gw_order_kind { GW_ORDER_DEBIT = 0, GW_ORDER_REFUND = 1 };

enum gw_order_state {
    GW_ORDER_QUEUED,
    GW_ORDER_SENT,
    GW_ORDER_UNSURE,
    GW_ORDER_ASKED,
    GW_ORDER_DONE,
    GW_ORDER_REFUSED,
};

/** What can happen to an order. */
enum gw_order_event {
    GW_ORDER_EV_TIMER,     /**< Its next_try_us has come. */
    GW_ORDER_EV_DONE,      /**< The operator did it, now or before. */
    GW_ORDER_EV_REFUSED,   /**< The operator will not do it, and did not. */
    GW_ORDER_EV_NO_ANSWER, /**< Time-out, broken connection, 5xx: nobody knows. */
    GW_ORDER_EV_UNKNOWN,   /**< The operator does not know the key. */
    GW_ORDER_EV_RESTART,   /**< The gateway was restarted. */
};

/** What the edge asks for. */
enum gw_order_action {
    GW_ORDER_DO_NOTHING,
    GW_ORDER_DO_SEND, /**< POST with the idempotency key. */
    GW_ORDER_DO_ASK,  /**< GET by the idempotency key. */
    GW_ORDER_DO_BOOK_DONE,
    GW_ORDER_DO_BOOK_REFUSED,
    GW_ORDER_DO_WAIT, /**< Set next_try_us by the back-off. */
};

/** Why an operator refused; the operator's wire code maps to these. */
enum gw_refusal {
    GW_REFUSAL_NONE = 0,
    GW_REFUSAL_SHORT = 1, /**< "insufficient_funds" */
    GW_REFUSAL_LIMIT = 2, /**< "limit_exceeded": single, day or year limit of the wallet's class */
    GW_REFUSAL_MANDATE = 3, /**< "mandate_invalid": none, revoked, expired, or over its cap */
    GW_REFUSAL_WALLET = 4,  /**< "wallet_unknown" or closed or frozen */
    GW_REFUSAL_REQUEST =
        5, /**< "request_invalid": signature, amount, key reused with another body */
    GW_REFUSAL_OTHER = 6,
};

struct gw_order_step {
    enum gw_order_state state;
    enum gw_order_action action;
};

/** The next state. Returns true and *step, or false where the pair is not in the table: the event
 *  cannot happen in that state and changes nothing (a late second answer, for example).
 */
MT_MUST_USE bool gw_order_next(struct gw_order_step *step, enum gw_order_state state,
                               enum gw_order_event event);

/** Wait before try number attempt (1, 2, ...): doubled from 1 s to 60 s, plus up to a quarter of
 *  jitter taken from the order's number, in microseconds.
 */
int64_t gw_order_backoff_us(uint32_t attempt, uint64_t order_number);

/** One payee's part of an order. */
struct gw_order_part {
    char payee[GW_PAYEE_CODE_MAX + 1];
    int64_t amount_fen; /**< Parts sum to the order's amount; of its sign. */
};

/** All that the operator is told: a copy that the adapter owns. */
struct gw_order_request {
    uint64_t number;                /**< The gateway's own, unique for ever. */
    char key[GW_ORDER_KEY_MAX + 1]; /**< Idempotency key: gateway id, dash, number. */
    enum gw_order_action action;    /**< GW_ORDER_DO_SEND or GW_ORDER_DO_ASK. */
    enum gw_order_kind kind;
    int64_t amount_fen; /**< Greater than zero. */
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    uint32_t part_count;
    struct gw_order_part parts[GW_ORDER_PAYEES_MAX];
};

/** The operator's answer, on its way to the core. */
struct gw_order_result {
    uint64_t number;
    enum gw_order_event event;                  /**< DONE, REFUSED, NO_ANSWER or UNKNOWN. */
    enum gw_refusal refusal;                    /**< With GW_ORDER_EV_REFUSED. */
    char operator_ref[GW_OPERATOR_REF_MAX + 1]; /**< With GW_ORDER_EV_DONE; empty otherwise. */
};

#endif
