/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the files of the books share: connections, prepared statements, rows. For book*.c only. */
#ifndef SIM_OPERATOR_BOOK_INTERNAL_H
#define SIM_OPERATOR_BOOK_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "sim/operator/book.h"

#define BOOK_PARTS_TEXT_BYTES 512u
#define BOOK_ACCOUNT_NAME_BYTES 64u
#define BOOK_ISSUER_ACCOUNT 1

/** Statements of the writing connection; their text is in book.c. */
enum book_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_REQUEST_GET,
    SQL_REQUEST_PUT,
    SQL_WALLET_GET,
    SQL_WALLET_PUT,
    SQL_WALLET_SET,
    SQL_MANDATE_GET,
    SQL_MANDATE_PUT,
    SQL_MANDATE_SET,
    SQL_ORDER_GET,
    SQL_ORDER_PUT,
    SQL_ORDER_SET,
    SQL_ACCOUNT_GET,
    SQL_ACCOUNT_PUT,
    SQL_ACCOUNT_ADD,
    SQL_POSTING_PUT,
    SQL_MOVEMENT_PUT,
    SQL_COUNT,
};

struct sim_book {
    sqlite3 *writer;
    sqlite3_stmt *sql[SQL_COUNT];
    bool failed;             /**< Of the open transaction. */
    enum gw_status why;      /**< With failed. */
    bool complained;         /**< Since the last transaction that went well. */
    _Atomic int64_t last_us; /**< The newest time written. */
    const struct sim_classes *classes;
    pthread_mutex_t reader_lock;
    sqlite3 *reader; /**< Guarded by reader_lock. */
    char *path;
};

/** A wallet's row: what the rules know of it and where its money is. */
struct book_wallet {
    struct sim_wallet wallet;
    int64_t account; /**< Account ids: free money, held money. */
    int64_t hold;
};

/** An order's row. */
struct book_order {
    struct sim_order order;
    int64_t seq;
    char key[GW_ORDER_KEY_MAX + 1];
    enum sim_code code;
    char why[96];
    int64_t changed_us;
};

/** Note that the open transaction cannot be committed. Always returns false. */
bool sim_book_fail(struct sim_book *book, int sqlite_code);

/** Step a statement that returns no row, and reset it. False: the transaction has failed. */
bool sim_book_run(struct sim_book *book, sqlite3_stmt *stmt);

/** Step a statement to its row. Returns true with a row (reset it after reading), false without. */
bool sim_book_row(struct sim_book *book, sqlite3_stmt *stmt);

/** Copy a text column; longer text than room is a corrupt file and yields "". */
void sim_book_text(char *text, size_t room, sqlite3_stmt *stmt, int column);

/** Load by id. False: there is none (or the transaction has failed). */
bool sim_book_wallet_get(struct sim_book *book, struct book_wallet *row, const char *id);
bool sim_book_mandate_get(struct sim_book *book, struct sim_mandate *mandate, const char *id);
bool sim_book_order_get(struct sim_book *book, struct book_order *row, const char *gateway,
                        const char *key);

/** Read the columns of SQL_WALLET_GET, SQL_MANDATE_GET, SQL_ORDER_GET in the statement's row. */
void sim_book_wallet_of_row(struct book_wallet *row, sqlite3_stmt *stmt);
void sim_book_mandate_of_row(struct sim_mandate *mandate, sqlite3_stmt *stmt);
void sim_book_order_of_row(struct book_order *row, sqlite3_stmt *stmt);
extern const char sim_book_wallet_columns[];
extern const char sim_book_mandate_columns[];
extern const char sim_book_order_columns[];

/** The account of that name, opened when it is new, with its balance. 0 when failed. */
int64_t sim_book_account(struct sim_book *book, int64_t *balance_fen, const char *name);

/** Move money between accounts. gateway and key name the cause; both may be "". */
struct book_posting {
    int64_t debit;  /**< Account that gives. */
    int64_t credit; /**< Account that receives. */
    int64_t amount_fen;
    const char *gateway;
    const char *key;
    int64_t time_us;
};
void sim_book_post(struct sim_book *book, const struct book_posting *posting);

/** `[["water",12],["sewage",3]]` from parts and back. */
void sim_book_parts_format(char text[BOOK_PARTS_TEXT_BYTES], const struct sim_transfer *transfer);
void sim_book_parts_parse(struct sim_transfer *transfer, const char *text);

/** A JSON object for the wire; the caller owns it. */
json_t *sim_book_wallet_json(const struct sim_wallet *wallet);
json_t *sim_book_mandate_json(const struct sim_mandate *mandate);
json_t *sim_book_order_json(const struct book_order *row);

/** The operator's reference of an order, into GW_OPERATOR_REF_MAX + 1 bytes. */
void sim_book_ref(char *ref, int64_t created_us, int64_t seq);

/** Fill an answer from a JSON value, which is consumed. */
void sim_book_answer(struct sim_answer *answer, unsigned http_status, json_t *value);
/** {"code": ..., "message": ...} */
void sim_book_answer_code(struct sim_answer *answer, unsigned http_status, enum sim_code code,
                          const char *message);

#endif
