/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Questions to the books: one order, lists, the daily statement. See book.h. */
#include "sim/operator/book_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "sim/operator/parse.h"

#define STATEMENT_LINE_BYTES_MAX 1024u

/* Take the reading connection and prepare a question; NULL (and the lock given back) on failure. */
static sqlite3_stmt *ask(struct sim_book *book, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    (void)pthread_mutex_lock(&book->reader_lock);
    if (sqlite3_prepare_v2(book->reader, text, -1, &stmt, NULL) == SQLITE_OK) {
        return stmt;
    }
    (void)fprintf(stderr, "meterpay-operator: the books cannot be read: %s\n",
                  sqlite3_errmsg(book->reader));
    (void)pthread_mutex_unlock(&book->reader_lock);
    return NULL;
}

static void asked(struct sim_book *book, sqlite3_stmt *stmt)
{
    (void)sqlite3_finalize(stmt); /* repeats the step's code */
    (void)pthread_mutex_unlock(&book->reader_lock);
}

enum gw_status sim_book_order(struct sim_book *book, struct sim_answer *answer, const char *gateway,
                              const char *key)
{
    char text[512];
    struct book_order row = {0};
    (void)snprintf(text, sizeof text, "SELECT %s WHERE gateway = ?1 AND key = ?2",
                   sim_book_order_columns);
    sqlite3_stmt *stmt = ask(book, text);
    if (stmt == NULL) {
        return GW_IO;
    }
    (void)sqlite3_bind_text(stmt, 1, gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        sim_book_order_of_row(&row, stmt);
        sim_book_answer(answer, 200, sim_book_order_json(&row));
    } else if (rc == SQLITE_DONE) {
        sim_book_answer_code(answer, 404, SIM_CODE_KEY_UNKNOWN, "there is no order with this key");
    }
    asked(book, stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? GW_OK : GW_IO;
}

static json_t *wallet_of(sqlite3_stmt *stmt)
{
    struct book_wallet row;
    sim_book_wallet_of_row(&row, stmt);
    return sim_book_wallet_json(&row.wallet);
}

static json_t *mandate_of(sqlite3_stmt *stmt)
{
    struct sim_mandate mandate;
    sim_book_mandate_of_row(&mandate, stmt);
    return sim_book_mandate_json(&mandate);
}

static json_t *payee_of(sqlite3_stmt *stmt)
{
    return json_pack("{s:s, s:I}", "account", sqlite3_column_text(stmt, 0), "balance_fen",
                     (json_int_t)sqlite3_column_int64(stmt, 1));
}

static json_t *order_of(sqlite3_stmt *stmt)
{
    struct book_order row = {0};
    sim_book_order_of_row(&row, stmt);
    json_t *json = sim_book_order_json(&row);
    (void)json_object_set_new(json, "seq", json_integer(row.seq));
    return json;
}

static enum gw_status one(struct sim_book *book, struct sim_answer *answer, const char *text,
                          const char *id, enum sim_code unknown)
{
    bool wallet = unknown == SIM_CODE_WALLET_UNKNOWN;
    sqlite3_stmt *stmt = ask(book, text);
    if (stmt == NULL) {
        return GW_IO;
    }
    (void)sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        sim_book_answer(answer, 200, wallet ? wallet_of(stmt) : mandate_of(stmt));
    } else if (rc == SQLITE_DONE) {
        sim_book_answer_code(answer, 404, unknown,
                             wallet ? "there is no such wallet" : "there is no such mandate");
    }
    asked(book, stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? GW_OK : GW_IO;
}

enum gw_status sim_book_wallet(struct sim_book *book, struct sim_answer *answer, const char *id)
{
    char text[512];
    (void)snprintf(text, sizeof text, "SELECT %s WHERE w.id = ?1", sim_book_wallet_columns);
    return one(book, answer, text, id, SIM_CODE_WALLET_UNKNOWN);
}

enum gw_status sim_book_mandate(struct sim_book *book, struct sim_answer *answer, const char *id)
{
    char text[512];
    (void)snprintf(text, sizeof text, "SELECT %s WHERE id = ?1", sim_book_mandate_columns);
    return one(book, answer, text, id, SIM_CODE_MANDATE_INVALID);
}

/** A list: its question, how a row becomes JSON, and the field from which the next page goes on. */
struct listing {
    const char *columns;
    const char *rest;
    json_t *(*row)(sqlite3_stmt *stmt);
    const char *next;
    bool by_number;
};

static const struct listing listings[] = {
    [SIM_LIST_WALLETS] = {sim_book_wallet_columns, "WHERE w.id > ?1 ORDER BY w.id LIMIT ?2",
                          wallet_of, "id", false},
    [SIM_LIST_MANDATES] = {sim_book_mandate_columns, "WHERE id > ?1 ORDER BY id LIMIT ?2",
                           mandate_of, "id", false},
    [SIM_LIST_PAYEES] = {"name, balance_fen FROM account ",
                         "WHERE name > ?1 AND name GLOB 'payee:*' ORDER BY name LIMIT ?2", payee_of,
                         "account", false},
    [SIM_LIST_ORDERS] = {sim_book_order_columns, "WHERE seq > ?1 ORDER BY seq LIMIT ?2", order_of,
                         "seq", true},
};

enum gw_status sim_book_list(struct sim_book *book, struct sim_answer *answer, enum sim_list what,
                             const char *after, uint32_t limit)
{
    const struct listing *listing = &listings[what];
    char text[512];
    uint64_t number = 0;
    (void)snprintf(text, sizeof text, "SELECT %s%s", listing->columns, listing->rest);
    if (listing->by_number && !sim_number_parse(&number, after, INT64_MAX)) {
        number = 0;
    }
    sqlite3_stmt *stmt = ask(book, text);
    if (stmt == NULL) {
        return GW_IO;
    }
    if (listing->by_number) {
        (void)sqlite3_bind_int64(stmt, 1, (int64_t)number);
    } else {
        (void)sqlite3_bind_text(stmt, 1, after, -1, SQLITE_STATIC);
    }
    (void)sqlite3_bind_int64(stmt, 2, limit);
    json_t *rows = json_array();
    int rc = sqlite3_step(stmt);
    for (; rc == SQLITE_ROW; rc = sqlite3_step(stmt)) {
        (void)json_array_append_new(rows, listing->row(stmt));
    }
    asked(book, stmt);
    if (rc != SQLITE_DONE) {
        json_decref(rows);
        return GW_IO;
    }
    size_t count = json_array_size(rows);
    json_t *next =
        count == limit ? json_object_get(json_array_get(rows, count - 1), listing->next) : NULL;
    next = next == NULL ? json_null() : json_incref(next);
    sim_book_answer(answer, 200, json_pack("{s:o, s:o}", "rows", rows, "next", next));
    return GW_OK;
}

enum gw_status sim_statement_begin(struct sim_statement *statement, struct sim_book *book,
                                   const char *gateway, int32_t day, uint64_t after, int64_t now_us)
{
    sqlite3_stmt *stmt =
        ask(book, "SELECT coalesce(max(seq), 0) FROM movement WHERE gateway = ?1 AND day = ?2");
    if (stmt == NULL) {
        return GW_IO;
    }
    memset(statement, 0, sizeof *statement);
    (void)snprintf(statement->gateway, sizeof statement->gateway, "%s", gateway);
    statement->day = day;
    statement->after = after;
    /* An order under way now may still be written with a time of before: the day is closed when the
     * books themselves have gone past it, or well after its end. */
    statement->closed = now_us >= gw_local_day_start_us(day + 1);
    (void)sqlite3_bind_text(stmt, 1, gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, day);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        statement->up_to = (uint64_t)sqlite3_column_int64(stmt, 0);
    }
    asked(book, stmt);
    return rc == SQLITE_ROW ? GW_OK : GW_IO;
}

/* One row as a line. The text columns are ids, of characters that need no escape. */
static size_t statement_line(char *text, size_t room, sqlite3_stmt *stmt)
{
    int64_t seq = sqlite3_column_int64(stmt, 0);
    struct sim_transfer transfer;
    char parts[BOOK_PARTS_TEXT_BYTES];
    sim_book_text(parts, sizeof parts, stmt, 6);
    sim_book_parts_parse(&transfer, parts);
    int n = snprintf(text, room,
                     "{\"seq\":%" PRId64 ",\"key\":\"%s\",\"kind\":\"%s\",\"wallet\":\"%s\","
                     "\"mandate\":\"%s\",\"amount_fen\":%lld,\"time_us\":%lld,\"ref\":\"%s\","
                     "\"parts\":[",
                     seq, sqlite3_column_text(stmt, 1),
                     sqlite3_column_int(stmt, 2) == (int)GW_ORDER_DEBIT ? "debit" : "refund",
                     sqlite3_column_text(stmt, 3), sqlite3_column_text(stmt, 4),
                     (long long)sqlite3_column_int64(stmt, 5),
                     (long long)sqlite3_column_int64(stmt, 7), sqlite3_column_text(stmt, 8));
    size_t used = n < 0 ? room : (size_t)n;
    for (uint32_t i = 0; i < transfer.part_count && used < room; i++) {
        n = snprintf(text + used, room - used, "%s{\"payee\":\"%s\",\"amount_fen\":%" PRId64 "}",
                     i > 0 ? "," : "", transfer.parts[i].payee, transfer.parts[i].amount_fen);
        used += n < 0 ? room : (size_t)n;
    }
    if (used < room) {
        n = snprintf(text + used, room - used, "]}\n");
        used += n < 0 ? room : (size_t)n;
    }
    MT_CHECK(used < room); /* STATEMENT_LINE_BYTES_MAX holds the longest ids and six parts */
    return used;
}

static enum gw_status statement_rows(struct sim_statement *statement, struct sim_book *book,
                                     char *text, size_t *len, size_t room)
{
    sqlite3_stmt *stmt = ask(book, "SELECT seq, key, kind, wallet, mandate, amount_fen, parts,"
                                   " time_us, ref FROM movement WHERE gateway = ?1 AND day = ?2"
                                   " AND seq > ?3 AND seq <= ?4 ORDER BY seq LIMIT 256");
    if (stmt == NULL) {
        return GW_IO;
    }
    (void)sqlite3_bind_text(stmt, 1, statement->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, statement->day);
    (void)sqlite3_bind_int64(stmt, 3, (int64_t)statement->after);
    (void)sqlite3_bind_int64(stmt, 4, (int64_t)statement->up_to);
    int rc = SQLITE_DONE;
    size_t used = 0;
    while (room - used >= STATEMENT_LINE_BYTES_MAX && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        used += statement_line(text + used, room - used, stmt);
        statement->after = (uint64_t)sqlite3_column_int64(stmt, 0);
        statement->rows++;
    }
    asked(book, stmt);
    *len = used;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? GW_OK : GW_IO;
}

static enum gw_status statement_totals(struct sim_statement *statement, struct sim_book *book,
                                       char *text, size_t *len, size_t room)
{
    int64_t totals[4] = {0};
    char day[11];
    sqlite3_stmt *stmt =
        ask(book,
            "SELECT coalesce(sum(kind = 0), 0), coalesce(sum(iif(kind = 0, amount_fen, 0)), 0),"
            " coalesce(sum(kind = 1), 0), coalesce(sum(iif(kind = 1, amount_fen, 0)), 0)"
            " FROM movement WHERE gateway = ?1 AND day = ?2 AND seq <= ?3");
    if (stmt == NULL) {
        return GW_IO;
    }
    (void)sqlite3_bind_text(stmt, 1, statement->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, statement->day);
    (void)sqlite3_bind_int64(stmt, 3, (int64_t)statement->up_to);
    int rc = sqlite3_step(stmt);
    for (int i = 0; rc == SQLITE_ROW && i < 4; i++) {
        totals[i] = sqlite3_column_int64(stmt, i);
    }
    asked(book, stmt);
    if (rc != SQLITE_ROW) {
        return GW_IO;
    }
    sim_day_format(day, statement->day);
    int n = snprintf(text, room,
                     "{\"end\":true,\"day\":\"%s\",\"closed\":%s,\"rows\":%" PRIu64
                     ",\"last_seq\":%" PRIu64 ",\"debit_count\":%" PRId64 ",\"debit_fen\":%" PRId64
                     ",\"refund_count\":%" PRId64 ",\"refund_fen\":%" PRId64 "}\n",
                     day, statement->closed ? "true" : "false", statement->rows, statement->after,
                     totals[0], totals[1], totals[2], totals[3]);
    MT_CHECK(n > 0 && (size_t)n < room);
    *len = (size_t)n;
    return GW_OK;
}

enum gw_status sim_statement_next(struct sim_statement *statement, struct sim_book *book,
                                  char *text, size_t *len, size_t room)
{
    MT_CHECK(room >= 4096);
    if (statement->ended) {
        return GW_END;
    }
    enum gw_status status = statement_rows(statement, book, text, len, room);
    if (status == GW_OK && *len == 0) {
        status = statement_totals(statement, book, text, len, room);
        statement->ended = true;
    }
    return status;
}
