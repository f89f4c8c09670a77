/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the wallet operator's replies mean: plain functions of the order and the bytes that came back.
 *
 *  docs/operator-api.md is the contract. A reply is believed only when it speaks of the order that was
 *  sent, with its key, kind, wallet and amount; anything else is no answer. For the operator's adapter
 *  and its tests only.
 */
#ifndef GATEWAY_ADAPTERS_OPERATOR_REPLY_H
#define GATEWAY_ADAPTERS_OPERATOR_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/adapters/operator_https.h"
#include "gateway/core/order.h"
#include "gateway/core/status.h"
#include "meters/check.h"

/** A reply's meaning. */
struct gw_operator_judgement {
    struct gw_order_result result;
    bool trust;   /**< No answer, because keys or certificates do not fit. */
    bool garbled; /**< No answer, because it contradicts the order or cannot be read. */
    char why[GW_OPERATOR_PROBLEM_BYTES]; /**< With no answer, or a reused key: a sentence. */
};

/** The body of the request that sends an order, as JSON text.
 *
 *  Returns: the text, malloc'ed, the caller's to free; NULL without memory.
 */
MT_MUST_USE char *gw_operator_body(const struct gw_order_request *request);

/** Judge a reply to a request that was sent or asked.
 *
 *  Out: judgement  all of it.
 *  In:  http_status  of the reply; body, len bytes of any kind.
 */
void gw_operator_judge(struct gw_operator_judgement *judgement,
                       const struct gw_order_request *request, long http_status, const char *body,
                       size_t len);

/** The rows and totals of a statement, added up while its lines come in. */
struct gw_statement_sum {
    uint64_t after; /**< Where the fetch began. */
    uint64_t last_seq;
    uint64_t row_count;
    uint64_t count[2]; /**< By enum gw_order_kind. */
    int64_t fen[2];
    bool ended;
};

/** Read one line of a statement.
 *
 *  Returns: GW_OK: a row, in *row, added to *sum; GW_END: the last line, in *end, and all agrees;
 *           GW_CORRUPT: it cannot be read, or contradicts what came before.
 */
MT_MUST_USE enum gw_status gw_statement_line(struct gw_statement_sum *sum,
                                             struct gw_statement_row *row,
                                             struct gw_statement_end *end, const char *line,
                                             size_t len);

#endif
