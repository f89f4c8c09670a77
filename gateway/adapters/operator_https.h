/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The wallet operator, over HTTPS: orders out, answers back. docs/operator-api.md is the contract.
 *
 *  A thread of its own drives all connections (libcurl's multi interface): mutual TLS, keep-alive,
 *  every request signed with Ed25519. The core's thread hands over an order and goes on; the answer
 *  arrives by a callback on the operator's thread.
 *
 *  One order handed over gives exactly one answer, unless the adapter is closed first. What is not
 *  known for certain is told as GW_ORDER_EV_NO_ANSWER: a time-out, a broken connection, a 5xx, a reply
 *  that cannot be read, and also 401 and 403, which mean that OUR keys or certificates are wrong and
 *  must not be booked as a refusal of the household (counted as `trust_count`: raise an alarm). A
 *  request whose body may have reached the operator is never sent again by itself, not even by
 *  libcurl: asking is the core's decision.
 *
 *  Never: decides about money, retries, keeps orders over a restart, logs, or shows a secret.
 */
#ifndef GATEWAY_ADAPTERS_OPERATOR_HTTPS_H
#define GATEWAY_ADAPTERS_OPERATOR_HTTPS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/adapters/clock.h"
#include "gateway/core/order.h"
#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_OPERATOR_CONCURRENCY_MAX 256u /**< Connections at a time. */
#define GW_OPERATOR_QUEUE_MAX (1u << 20) /**< Orders waiting for a connection. */
#define GW_OPERATOR_TIMEOUT_MS_MIN 100u
#define GW_OPERATOR_TIMEOUT_MS_MAX 120000u
#define GW_OPERATOR_REPLY_BYTES_MAX 65536u /**< A longer reply is no answer. */
#define GW_OPERATOR_LINE_BYTES_MAX 8192u   /**< One line of a statement. */
#define GW_OPERATOR_GATEWAY_ID_MAX 24u     /**< Characters of a gateway id: A-Z a-z 0-9 and dash. */
#define GW_OPERATOR_PROBLEM_BYTES 256u     /**< Room for a sentence about the last trouble. */

/** One line of the operator's daily statement: money that moved. Valid during the callback. */
struct gw_statement_row {
    uint64_t seq;                   /**< The operator's own order of rows, ascending. */
    char key[GW_ORDER_KEY_MAX + 1]; /**< The order that moved it. */
    enum gw_order_kind kind;
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    int64_t amount_fen; /**< Greater than zero. */
    uint32_t part_count;
    struct gw_order_part parts[GW_ORDER_PAYEES_MAX];
    int64_t time_us; /**< When, by the operator's clock. */
    char operator_ref[GW_OPERATOR_REF_MAX + 1];
};

/** How a statement ended. */
struct gw_statement_end {
    /** GW_OK: complete, and the rows from `after` = 0 add up to the operator's totals. GW_IO: broken
     *  off or no answer; ask again after last_seq. GW_CORRUPT: the rows contradict themselves or the
     *  totals. GW_INVALID: the operator refused the request. */
    enum gw_status status;
    bool closed;          /**< With GW_OK: the day is over, nothing can be added to it. */
    uint64_t last_seq;    /**< The last row delivered, or `after` when there was none. */
    uint64_t debit_count; /**< With GW_OK: the operator's totals of the whole day. */
    int64_t debit_fen;
    uint64_t refund_count;
    int64_t refund_fen;
};

/** A statement to fetch. */
struct gw_statement_request {
    int32_t day;    /**< Local day, days since 1970-01-01 (gateway/core/civil.h). */
    uint64_t after; /**< 0 for all of it, or the last seq seen when going on after a break. */
    /** Called on the operator's thread for each row, then once for the end. */
    void (*row)(void *arg, const struct gw_statement_row *row);
    void (*end)(void *arg, const struct gw_statement_end *end);
    void *arg;
};

/** Where the operator is, who we are. Strings are borrowed for the call of gw_operator_open. */
struct gw_operator_config {
    const char *base_url; /**< "https://host:port", nothing after it. */
    const char *ca_file;  /**< PEM: the only certificates that the operator's may descend from. */
    const char *certificate_file; /**< PEM: ours, its common name is the gateway id. */
    const char *key_file;         /**< PEM, not encrypted, readable by us only. */
    const char *signing_key_file; /**< PEM: Ed25519 private key, not encrypted. */
    const char *gateway_id;       /**< 1..GW_OPERATOR_GATEWAY_ID_MAX of A-Z a-z 0-9 and dash. */
    uint32_t timeout_ms;          /**< For one whole request, real time. */
    uint32_t concurrency_max;     /**< 1..GW_OPERATOR_CONCURRENCY_MAX. */
    uint32_t queue_max;           /**< 1..GW_OPERATOR_QUEUE_MAX orders, 0.5 kB each. */
    struct gw_clock *clock;       /**< For the time of signatures; outlives the adapter. */
    /** Called on the operator's thread, once for each order; must not block for long. */
    void (*deliver)(void *arg, const struct gw_order_result *result);
    void *deliver_arg;
};

/** What happened since open. */
struct gw_operator_counts {
    uint64_t sent_count;  /**< Debits and refunds put on the wire. */
    uint64_t asked_count; /**< Questions by key put on the wire. */
    uint64_t done_count;
    uint64_t refused_count;
    uint64_t unknown_count;   /**< Keys that the operator had never seen. */
    uint64_t no_answer_count; /**< All that nobody knows; contains the next two. */
    uint64_t trust_count;     /**< 401, 403, failed TLS: our or their keys are wrong. Alarm. */
    uint64_t garbled_count;   /**< Replies that contradict the order or cannot be read. Alarm. */
    uint32_t queued_count;    /**< Waiting now. */
    uint32_t flying_count;    /**< On the wire now. */
};

struct gw_operator;

/** Start the adapter. Does not connect: an operator that is down now may be up later.
 *
 *  Returns: GW_OK and *op; GW_INVALID (a value or file of the configuration cannot be used; `problem`
 *           says which and why); GW_FULL (no memory or thread).
 *  Out:     op       owned by the caller, ended by gw_operator_close; untouched on failure.
 *           problem  on failure a sentence for people, never with a secret in it.
 */
MT_MUST_USE enum gw_status gw_operator_open(struct gw_operator **op,
                                            char problem[GW_OPERATOR_PROBLEM_BYTES],
                                            const struct gw_operator_config *config);

/** Hand over an order to be sent (GW_ORDER_DO_SEND) or asked about (GW_ORDER_DO_ASK). Copies it.
 *  From one thread only, the core's. Never blocks.
 *
 *  Returns: GW_OK; GW_FULL: the queue is full, hand it over again later.
 */
MT_MUST_USE enum gw_status gw_operator_send(struct gw_operator *op,
                                            const struct gw_order_request *request);

/** Fetch a day's statement, row by row. One at a time. Any thread.
 *
 *  Returns: GW_OK: the callbacks will follow; GW_BUSY: another one is under way.
 */
MT_MUST_USE enum gw_status gw_operator_statement(struct gw_operator *op,
                                                 const struct gw_statement_request *request);

/** The counters. Any thread. */
void gw_operator_counts(struct gw_operator *op, struct gw_operator_counts *counts);

/** The last trouble in words, empty when there was none. Any thread.
 *
 *  Out: problem  NUL-terminated; names no secret.
 */
void gw_operator_problem(struct gw_operator *op, char problem[GW_OPERATOR_PROBLEM_BYTES]);

/** Stop within a second and free all. Orders not yet answered get no callback: they are found again
 *  as "may have been sent" after a restart, as for a crash. NULL is allowed.
 */
void gw_operator_close(struct gw_operator *op);

#endif
