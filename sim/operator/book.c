/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The books' file, its rows and its transactions. See book.h. */
#include "sim/operator/book_internal.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"

#define BOOK_APPLICATION_ID 0x4d504f50 /* "MPOP": no other program's database is taken for ours */
#define BOOK_VERSION 1

/* One wallet has two accounts, free and held money, so that a reservation is a posting too. Windows
 * (day, month, year) are the period's number and what was spent in it. */
static const char schema[] =
    "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  balance_fen INTEGER NOT NULL) STRICT;"
    "INSERT INTO account VALUES (1, 'issuer', 0);"
    "CREATE TABLE wallet (id TEXT PRIMARY KEY, class INTEGER NOT NULL, type INTEGER NOT NULL,"
    "  status INTEGER NOT NULL, account INTEGER NOT NULL, hold INTEGER NOT NULL,"
    "  day INTEGER NOT NULL, day_fen INTEGER NOT NULL,"
    "  year INTEGER NOT NULL, year_fen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE mandate (id TEXT PRIMARY KEY, wallet TEXT NOT NULL, gateway TEXT NOT NULL,"
    "  single_cap_fen INTEGER NOT NULL, day_cap_fen INTEGER NOT NULL,"
    "  month_cap_fen INTEGER NOT NULL, from_day INTEGER NOT NULL, to_day INTEGER NOT NULL,"
    "  revoked INTEGER NOT NULL, captured_fen INTEGER NOT NULL, refunded_fen INTEGER NOT NULL,"
    "  day INTEGER NOT NULL, day_fen INTEGER NOT NULL,"
    "  month INTEGER NOT NULL, month_fen INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE request (gateway TEXT NOT NULL, key TEXT NOT NULL, hash TEXT NOT NULL,"
    "  http_status INTEGER NOT NULL, answer TEXT NOT NULL, time_us INTEGER NOT NULL,"
    "  PRIMARY KEY (gateway, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE orders (seq INTEGER PRIMARY KEY, gateway TEXT NOT NULL, key TEXT NOT NULL,"
    "  kind INTEGER NOT NULL, state INTEGER NOT NULL, code INTEGER NOT NULL, why TEXT NOT NULL,"
    "  wallet TEXT NOT NULL, mandate TEXT NOT NULL, amount_fen INTEGER NOT NULL,"
    "  captured_fen INTEGER NOT NULL, parts TEXT NOT NULL, created_us INTEGER NOT NULL,"
    "  changed_us INTEGER NOT NULL, UNIQUE (gateway, key)) STRICT;"
    "CREATE TABLE movement (seq INTEGER PRIMARY KEY, gateway TEXT NOT NULL, key TEXT NOT NULL,"
    "  day INTEGER NOT NULL, kind INTEGER NOT NULL, wallet TEXT NOT NULL,"
    "  mandate TEXT NOT NULL, amount_fen INTEGER NOT NULL, parts TEXT NOT NULL,"
    "  time_us INTEGER NOT NULL, ref TEXT NOT NULL, UNIQUE (gateway, key)) STRICT;"
    "CREATE INDEX movement_day ON movement (gateway, day, seq);"
    "CREATE TABLE posting (id INTEGER PRIMARY KEY, debit INTEGER NOT NULL,"
    "  credit INTEGER NOT NULL CHECK (credit <> debit),"
    "  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), gateway TEXT NOT NULL,"
    "  key TEXT NOT NULL, time_us INTEGER NOT NULL) STRICT;";

#define WALLET_COLUMNS                                                                       \
    "w.id, w.class, w.type, w.status, w.account, w.hold, a.balance_fen, h.balance_fen, "     \
    "w.day, w.day_fen, w.year, w.year_fen FROM wallet w JOIN account a ON a.id = w.account " \
    "JOIN account h ON h.id = w.hold "
#define MANDATE_COLUMNS                                                                   \
    "id, wallet, gateway, single_cap_fen, day_cap_fen, month_cap_fen, from_day, to_day, " \
    "revoked, captured_fen, refunded_fen, day, day_fen, month, month_fen FROM mandate "
#define ORDER_COLUMNS                                                                      \
    "seq, key, kind, state, code, why, wallet, mandate, amount_fen, captured_fen, parts, " \
    "created_us, changed_us FROM orders "

const char sim_book_wallet_columns[] = WALLET_COLUMNS;
const char sim_book_mandate_columns[] = MANDATE_COLUMNS;
const char sim_book_order_columns[] = ORDER_COLUMNS;

static const char *const sql_texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_REQUEST_GET] =
        "SELECT hash, http_status, answer FROM request WHERE gateway = ?1 AND key = ?2",
    [SQL_REQUEST_PUT] = "INSERT INTO request VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_WALLET_GET] = "SELECT " WALLET_COLUMNS "WHERE w.id = ?1",
    [SQL_WALLET_PUT] = "INSERT INTO wallet VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 0)",
    [SQL_WALLET_SET] = "UPDATE wallet SET status = ?2, day = ?3, day_fen = ?4, year = ?5,"
                       " year_fen = ?6 WHERE id = ?1",
    [SQL_MANDATE_GET] = "SELECT " MANDATE_COLUMNS "WHERE id = ?1",
    [SQL_MANDATE_PUT] = "INSERT INTO mandate VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0,"
                        " 0, 0, 0, 0)",
    [SQL_MANDATE_SET] = "UPDATE mandate SET revoked = ?2, captured_fen = ?3, refunded_fen = ?4,"
                        " day = ?5, day_fen = ?6, month = ?7, month_fen = ?8 WHERE id = ?1",
    [SQL_ORDER_GET] = "SELECT " ORDER_COLUMNS "WHERE gateway = ?1 AND key = ?2",
    [SQL_ORDER_PUT] = "INSERT INTO orders VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                      " ?11, ?12, ?12)",
    [SQL_ORDER_SET] = "UPDATE orders SET state = ?2, captured_fen = ?3, parts = ?4,"
                      " changed_us = ?5 WHERE seq = ?1",
    [SQL_ACCOUNT_GET] = "SELECT id, balance_fen FROM account WHERE name = ?1",
    [SQL_ACCOUNT_PUT] = "INSERT INTO account VALUES (NULL, ?1, 0)",
    [SQL_ACCOUNT_ADD] = "UPDATE account SET balance_fen = balance_fen + ?2 WHERE id = ?1",
    [SQL_POSTING_PUT] = "INSERT INTO posting VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6)",
    [SQL_MOVEMENT_PUT] = "INSERT INTO movement VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                         " ?10)",
};

bool sim_book_fail(struct sim_book *book, int sqlite_code)
{
    if (!book->failed) {
        book->failed = true;
        book->why = (sqlite_code & 0xff) == SQLITE_FULL ? GW_FULL : GW_IO;
        if (!book->complained) { /* once for each trouble, not once for each request */
            (void)fprintf(stderr, "meterpay-operator: the books refuse to be written: %s\n",
                          sqlite3_errmsg(book->writer));
        }
        book->complained = true;
    }
    return false;
}

bool sim_book_run(struct sim_book *book, sqlite3_stmt *stmt)
{
    int rc = book->failed ? SQLITE_ERROR : sqlite3_step(stmt);
    bool done = rc == SQLITE_DONE || sim_book_fail(book, rc);
    (void)sqlite3_reset(stmt); /* repeats the step's code */
    return done;
}

bool sim_book_row(struct sim_book *book, sqlite3_stmt *stmt)
{
    int rc = book->failed ? SQLITE_ERROR : sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        (void)sim_book_fail(book, rc);
    }
    (void)sqlite3_reset(stmt); /* repeats the step's code */
    return false;
}

void sim_book_text(char *text, size_t room, sqlite3_stmt *stmt, int column)
{
    const char *value = (const char *)sqlite3_column_text(stmt, column);
    size_t len = value == NULL ? room : strlen(value);
    text[0] = '\0';
    if (len < room) {
        memcpy(text, value, len + 1);
    }
}

void sim_book_wallet_of_row(struct book_wallet *row, sqlite3_stmt *stmt)
{
    struct sim_wallet *wallet = &row->wallet;
    sim_book_text(wallet->id, sizeof wallet->id, stmt, 0);
    wallet->class_number = (uint8_t)sqlite3_column_int(stmt, 1);
    wallet->type = (enum sim_wallet_type)sqlite3_column_int(stmt, 2);
    wallet->status = (enum sim_wallet_status)sqlite3_column_int(stmt, 3);
    row->account = sqlite3_column_int64(stmt, 4);
    row->hold = sqlite3_column_int64(stmt, 5);
    wallet->balance_fen = sqlite3_column_int64(stmt, 6);
    wallet->held_fen = sqlite3_column_int64(stmt, 7);
    wallet->day.period = sqlite3_column_int(stmt, 8);
    wallet->day.spent_fen = sqlite3_column_int64(stmt, 9);
    wallet->year.period = sqlite3_column_int(stmt, 10);
    wallet->year.spent_fen = sqlite3_column_int64(stmt, 11);
}

void sim_book_mandate_of_row(struct sim_mandate *mandate, sqlite3_stmt *stmt)
{
    sim_book_text(mandate->id, sizeof mandate->id, stmt, 0);
    sim_book_text(mandate->wallet, sizeof mandate->wallet, stmt, 1);
    sim_book_text(mandate->gateway, sizeof mandate->gateway, stmt, 2);
    mandate->single_fen = sqlite3_column_int64(stmt, 3);
    mandate->day_fen = sqlite3_column_int64(stmt, 4);
    mandate->month_fen = sqlite3_column_int64(stmt, 5);
    mandate->from_day = sqlite3_column_int(stmt, 6);
    mandate->to_day = sqlite3_column_int(stmt, 7);
    mandate->revoked = sqlite3_column_int(stmt, 8) != 0;
    mandate->captured_fen = sqlite3_column_int64(stmt, 9);
    mandate->refunded_fen = sqlite3_column_int64(stmt, 10);
    mandate->day.period = sqlite3_column_int(stmt, 11);
    mandate->day.spent_fen = sqlite3_column_int64(stmt, 12);
    mandate->month.period = sqlite3_column_int(stmt, 13);
    mandate->month.spent_fen = sqlite3_column_int64(stmt, 14);
}

void sim_book_order_of_row(struct book_order *row, sqlite3_stmt *stmt)
{
    char parts[BOOK_PARTS_TEXT_BYTES];
    struct sim_transfer *asked = &row->order.asked;
    row->seq = sqlite3_column_int64(stmt, 0);
    sim_book_text(row->key, sizeof row->key, stmt, 1);
    row->order.kind = (enum gw_order_kind)sqlite3_column_int(stmt, 2);
    row->order.state = (enum sim_order_state)sqlite3_column_int(stmt, 3);
    row->code = (enum sim_code)sqlite3_column_int(stmt, 4);
    sim_book_text(row->why, sizeof row->why, stmt, 5);
    sim_book_text(asked->wallet, sizeof asked->wallet, stmt, 6);
    sim_book_text(asked->mandate, sizeof asked->mandate, stmt, 7);
    asked->amount_fen = sqlite3_column_int64(stmt, 8);
    row->order.captured_fen = sqlite3_column_int64(stmt, 9);
    sim_book_text(parts, sizeof parts, stmt, 10);
    sim_book_parts_parse(asked, parts);
    row->order.created_us = sqlite3_column_int64(stmt, 11);
    row->changed_us = sqlite3_column_int64(stmt, 12);
}

bool sim_book_wallet_get(struct sim_book *book, struct book_wallet *row, const char *id)
{
    sqlite3_stmt *stmt = book->sql[SQL_WALLET_GET];
    (void)sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    if (!sim_book_row(book, stmt)) {
        return false;
    }
    sim_book_wallet_of_row(row, stmt);
    (void)sqlite3_reset(stmt);
    return true;
}

bool sim_book_mandate_get(struct sim_book *book, struct sim_mandate *mandate, const char *id)
{
    sqlite3_stmt *stmt = book->sql[SQL_MANDATE_GET];
    (void)sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    if (!sim_book_row(book, stmt)) {
        return false;
    }
    sim_book_mandate_of_row(mandate, stmt);
    (void)sqlite3_reset(stmt);
    return true;
}

bool sim_book_order_get(struct sim_book *book, struct book_order *row, const char *gateway,
                        const char *key)
{
    sqlite3_stmt *stmt = book->sql[SQL_ORDER_GET];
    (void)sqlite3_bind_text(stmt, 1, gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    if (!sim_book_row(book, stmt)) {
        return false;
    }
    sim_book_order_of_row(row, stmt);
    (void)sqlite3_reset(stmt);
    return true;
}

int64_t sim_book_account(struct sim_book *book, int64_t *balance_fen, const char *name)
{
    sqlite3_stmt *get = book->sql[SQL_ACCOUNT_GET];
    sqlite3_stmt *put = book->sql[SQL_ACCOUNT_PUT];
    *balance_fen = 0;
    (void)sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
    if (sim_book_row(book, get)) {
        int64_t id = sqlite3_column_int64(get, 0);
        *balance_fen = sqlite3_column_int64(get, 1);
        (void)sqlite3_reset(get);
        return id;
    }
    (void)sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
    return sim_book_run(book, put) ? sqlite3_last_insert_rowid(book->writer) : 0;
}

static void account_add(struct sim_book *book, int64_t id, int64_t amount_fen)
{
    sqlite3_stmt *stmt = book->sql[SQL_ACCOUNT_ADD];
    (void)sqlite3_bind_int64(stmt, 1, id);
    (void)sqlite3_bind_int64(stmt, 2, amount_fen);
    (void)sim_book_run(book, stmt);
}

void sim_book_post(struct sim_book *book, const struct book_posting *posting)
{
    sqlite3_stmt *stmt = book->sql[SQL_POSTING_PUT];
    MT_CHECK(posting->amount_fen > 0 && posting->debit != posting->credit);
    (void)sqlite3_bind_int64(stmt, 1, posting->debit);
    (void)sqlite3_bind_int64(stmt, 2, posting->credit);
    (void)sqlite3_bind_int64(stmt, 3, posting->amount_fen);
    (void)sqlite3_bind_text(stmt, 4, posting->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 5, posting->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 6, posting->time_us);
    (void)sim_book_run(book, stmt);
    account_add(book, posting->debit, -posting->amount_fen);
    account_add(book, posting->credit, posting->amount_fen);
}

enum gw_status sim_book_begin(struct sim_book *book)
{
    book->failed = false;
    book->why = GW_OK;
    return sim_book_run(book, book->sql[SQL_BEGIN]) ? GW_OK : book->why;
}

enum gw_status sim_book_commit(struct sim_book *book)
{
    if (!book->failed && sim_book_run(book, book->sql[SQL_COMMIT])) {
        book->complained = false;
        return GW_OK;
    }
    /* Some errors have rolled back already; then there is nothing to do. */
    if (sqlite3_get_autocommit(book->writer) == 0) {
        (void)sqlite3_step(book->sql[SQL_ROLLBACK]);
        (void)sqlite3_reset(book->sql[SQL_ROLLBACK]);
    }
    return book->why;
}

int64_t sim_book_last_us(const struct sim_book *book)
{
    return atomic_load(&book->last_us);
}

static int64_t query_number(sqlite3 *db, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    return value;
}

static bool execute(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* A new file becomes ours in one transaction, or stays empty. */
static bool create_schema(sqlite3 *db)
{
    char marks[128];
    (void)snprintf(marks, sizeof marks, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
                   BOOK_APPLICATION_ID, BOOK_VERSION);
    return execute(db, "BEGIN IMMEDIATE") && execute(db, schema) && execute(db, marks);
}

static enum gw_status prepare_file(struct sim_book *book, char *error)
{
    sqlite3 *db = book->writer;
    const char *what = NULL;
    enum gw_status status = GW_INVALID;
    (void)sqlite3_busy_timeout(db, 10000);
    if (!execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "PRAGMA wal_autocheckpoint=4000; PRAGMA foreign_keys=OFF")) {
        what = sqlite3_errmsg(db);
        status = GW_IO;
    } else if (query_number(db, "SELECT count(*) FROM sqlite_schema") == 0 && !create_schema(db)) {
        what = sqlite3_errmsg(db);
        status = GW_IO;
    } else if (query_number(db, "PRAGMA application_id") != BOOK_APPLICATION_ID) {
        what = "this database was not made by meterpay-operator";
    } else if (query_number(db, "PRAGMA user_version") != BOOK_VERSION) {
        what = "this database was made by another version of meterpay-operator";
    }
    if (what != NULL) {
        (void)snprintf(error, SIM_BOOK_ERROR_BYTES, "%.250s: %.200s", book->path, what);
        return status;
    }
    return GW_OK;
}

static enum gw_status prepare_statements(struct sim_book *book, char *error)
{
    for (size_t i = 0; i < SQL_COUNT; i++) {
        if (sqlite3_prepare_v3(book->writer, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &book->sql[i], NULL) != SQLITE_OK) {
            (void)snprintf(error, SIM_BOOK_ERROR_BYTES, "%.250s: %.200s", book->path,
                           sqlite3_errmsg(book->writer));
            return GW_CORRUPT;
        }
    }
    int64_t last_us =
        query_number(book->writer, "SELECT max(coalesce((SELECT max(time_us) FROM posting), 0),"
                                   " coalesce((SELECT max(changed_us) FROM orders), 0))");
    atomic_store(&book->last_us, last_us < 0 ? 0 : last_us);
    return GW_OK;
}

enum gw_status sim_book_open(struct sim_book **book, char error[SIM_BOOK_ERROR_BYTES],
                             const char *path, const struct sim_classes *classes)
{
    MT_CHECK(book != NULL && path != NULL && classes != NULL);
    struct sim_book *opened = calloc(1, sizeof *opened);
    char *copy = strdup(path);
    if (opened == NULL || copy == NULL) {
        free(opened);
        free(copy);
        (void)snprintf(error, SIM_BOOK_ERROR_BYTES, "out of memory");
        return GW_IO;
    }
    opened->path = copy;
    opened->classes = classes;
    (void)pthread_mutex_init(&opened->reader_lock, NULL);
    enum gw_status status = GW_IO;
    /* The writer belongs to one thread at a time and needs no lock of SQLite's. */
    if (sqlite3_open_v2(path, &opened->writer,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        (void)snprintf(error, SIM_BOOK_ERROR_BYTES, "%.250s: %.200s", path,
                       opened->writer == NULL ? "out of memory" : sqlite3_errmsg(opened->writer));
        goto undo;
    }
    status = prepare_file(opened, error);
    if (status == GW_OK) {
        status = prepare_statements(opened, error);
    }
    if (status != GW_OK) {
        goto undo;
    }
    if (sqlite3_open_v2(path, &opened->reader, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        (void)snprintf(error, SIM_BOOK_ERROR_BYTES, "%.250s: cannot be read", path);
        status = GW_IO;
        goto undo;
    }
    (void)sqlite3_busy_timeout(opened->reader, 10000);
    *book = opened;
    return GW_OK;
undo:
    sim_book_close(opened);
    return status;
}

void sim_book_close(struct sim_book *book)
{
    if (book == NULL) {
        return;
    }
    for (size_t i = 0; i < SQL_COUNT; i++) {
        (void)sqlite3_finalize(book->sql[i]);
    }
    (void)sqlite3_close(book->reader);
    (void)sqlite3_close(book->writer);
    (void)pthread_mutex_destroy(&book->reader_lock);
    free(book->path);
    free(book);
}
