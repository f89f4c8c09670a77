/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The operator's own books: wallets, mandates, orders and a double-entry ledger in SQLite.
 *
 *  Every movement of money is a posting between two accounts (issuer, wallet, hold, payee); balances
 *  are kept with the accounts and can be proven from the postings (sim_book_check). WAL with
 *  synchronous=FULL: what was committed survives a power cut.
 *
 *  One thread writes: sim_book_begin, any number of operations, sim_book_commit. An operation whose SQL
 *  fails marks the whole transaction as failed: it goes on without effect, and the commit then
 *  returns an error, so nobody is told of what was not written. Reading goes by connections of its
 *  own and sees what was committed; any thread may read.
 */
#ifndef SIM_OPERATOR_BOOK_H
#define SIM_OPERATOR_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "gateway/core/status.h"
#include "meters/check.h"
#include "sim/operator/classes.h"
#include "sim/operator/rules.h"

#define SIM_BOOK_ERROR_BYTES 512u
#define SIM_LIST_MAX 1000u /**< Rows of one answer to a list request. */

struct sim_book;

/** An HTTP answer to be. */
struct sim_answer {
    unsigned http_status;
    bool repeat; /**< It is the stored answer of an earlier request with this key. */
    char *body;  /**< JSON text, malloc'ed; the one who holds the answer frees it. NULL: none. */
};

enum sim_action { SIM_ACTION_RESERVE, SIM_ACTION_CAPTURE, SIM_ACTION_VOID, SIM_ACTION_REFUND };

/** One authentic and well-formed request of a gateway. */
struct sim_request {
    enum sim_action action;
    char gateway[SIM_GATEWAY_ID_MAX + 1];
    char key[GW_ORDER_KEY_MAX + 1];       /**< Idempotency key of this request. */
    char hash[65];                        /**< SHA-256 in hex over method, target and body. */
    char order_key[GW_ORDER_KEY_MAX + 1]; /**< The order to capture or void. */
    bool capture;                         /**< RESERVE: take at once. */
    struct sim_transfer transfer;         /**< CAPTURE: amount, and parts unless part_count is 0. */
};

/** Open or create the books.
 *
 *  Returns: GW_OK; GW_IO, GW_CORRUPT or GW_INVALID (another program's or a newer file) with `error`.
 *  In:      classes  borrowed until sim_book_close.
 */
MT_MUST_USE enum gw_status sim_book_open(struct sim_book **book, char error[SIM_BOOK_ERROR_BYTES],
                                         const char *path, const struct sim_classes *classes);
void sim_book_close(struct sim_book *book);

/** The latest time in the books: a clock that was set back must not lead to an earlier one. */
int64_t sim_book_last_us(const struct sim_book *book);

/* Writing: the writer's thread only. */

MT_MUST_USE enum gw_status sim_book_begin(struct sim_book *book);
/** Returns: GW_OK: durable; GW_IO or GW_FULL: nothing of the transaction was written. */
MT_MUST_USE enum gw_status sim_book_commit(struct sim_book *book);

/** Obey or refuse a gateway's request, once for each key.
 *
 *  Out: answer  what to say when the transaction has been committed.
 */
void sim_book_execute(struct sim_book *book, struct sim_answer *answer,
                      const struct sim_request *request, int64_t now_us);

/** Create wallets or mandates from a JSON object or an array of them; one that exists with the same
 *  values is left alone. All or none: `answer` names the first that cannot be.
 */
void sim_book_add_wallets(struct sim_book *book, struct sim_answer *answer, const json_t *list,
                          int64_t now_us);
void sim_book_add_mandates(struct sim_book *book, struct sim_answer *answer, const json_t *list,
                           int64_t now_us);
/** Load money. `key`: as an Idempotency-Key, or NULL. */
void sim_book_topup(struct sim_book *book, struct sim_answer *answer, const char *wallet,
                    const char *key, int64_t amount_fen, int64_t now_us);
void sim_book_set_status(struct sim_book *book, struct sim_answer *answer, const char *wallet,
                         enum sim_wallet_status status);
void sim_book_revoke(struct sim_book *book, struct sim_answer *answer, const char *mandate,
                     int64_t now_us);

/* Reading: any thread. Each returns GW_OK, or GW_IO with *answer untouched. */

MT_MUST_USE enum gw_status sim_book_order(struct sim_book *book, struct sim_answer *answer,
                                          const char *gateway, const char *key);
/** One wallet or mandate by id. */
MT_MUST_USE enum gw_status sim_book_wallet(struct sim_book *book, struct sim_answer *answer,
                                           const char *id);
MT_MUST_USE enum gw_status sim_book_mandate(struct sim_book *book, struct sim_answer *answer,
                                            const char *id);

enum sim_list { SIM_LIST_WALLETS, SIM_LIST_MANDATES, SIM_LIST_PAYEES, SIM_LIST_ORDERS };

/** A page of a list: rows after a given one, at most SIM_LIST_MAX; `next` in the answer goes on. */
MT_MUST_USE enum gw_status sim_book_list(struct sim_book *book, struct sim_answer *answer,
                                         enum sim_list what, const char *after, uint32_t limit);

/** Prove the books: every invariant by a query over all of them, in one snapshot. */
MT_MUST_USE enum gw_status sim_book_check(struct sim_book *book, struct sim_answer *answer);

/** A walk over the statement of one gateway and day. */
struct sim_statement {
    char gateway[SIM_GATEWAY_ID_MAX + 1];
    int32_t day;
    uint64_t after; /**< The last row given out. */
    uint64_t up_to; /**< The last row of the day when the walk began: totals and rows agree. */
    uint64_t rows;  /**< Given out so far. */
    bool closed;    /**< The day was over when the walk began. */
    bool ended;     /**< The last line was given out. */
};

/** Begin a walk. Returns GW_OK or GW_IO. */
MT_MUST_USE enum gw_status sim_statement_begin(struct sim_statement *statement,
                                               struct sim_book *book, const char *gateway,
                                               int32_t day, uint64_t after, int64_t now_us);

/** The next lines of the statement: rows, then one line with the totals.
 *
 *  Returns: GW_OK and *len > 0; GW_END after the last line; GW_IO.
 *  Out:     text  whole lines, `room` bytes at most (at least 4,096).
 */
MT_MUST_USE enum gw_status sim_statement_next(struct sim_statement *statement,
                                              struct sim_book *book, char *text, size_t *len,
                                              size_t room);

#endif
