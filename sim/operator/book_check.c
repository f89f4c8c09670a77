/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The proof of the books: each invariant is a query that counts what contradicts it. See book.h. */
#include "sim/operator/book_internal.h"

#include <stdio.h>
#include <string.h>

/** A promise and the number of rows that break it. */
struct invariant {
    const char *name;
    const char *broken; /**< SELECT count(*) ... */
};

/* kind: 0 debit, 1 refund. state: 0 done, 1 refused, 2 reserved, 3 voided (rules.h). */
static const struct invariant invariants[] = {
    {"all accounts sum to zero",
     "SELECT count(*) FROM (SELECT sum(balance_fen) AS s FROM account) WHERE s <> 0"},
    {"each balance is the sum of its postings",
     "SELECT count(*) FROM account a WHERE a.balance_fen <>"
     " coalesce((SELECT c.s FROM credits c WHERE c.id = a.id), 0)"
     " - coalesce((SELECT d.s FROM debits d WHERE d.id = a.id), 0)"},
    {"no account but the issuer's is negative",
     "SELECT count(*) FROM account WHERE balance_fen < 0 AND id <> 1"},
    {"what is held is what is reserved",
     "SELECT count(*) FROM wallet w JOIN account h ON h.id = w.hold WHERE h.balance_fen <>"
     " coalesce((SELECT r.s FROM reserved r WHERE r.wallet = w.id), 0)"},
    {"each order that is done moved its money once",
     "SELECT count(*) FROM orders o WHERE state = 0 AND 1 <>"
     " (SELECT count(*) FROM movement m WHERE m.gateway = o.gateway AND m.key = o.key"
     "  AND m.amount_fen = o.captured_fen AND m.kind = o.kind AND m.wallet = o.wallet)"},
    {"no money moved without an order that is done",
     "SELECT count(*) FROM movement m WHERE NOT EXISTS"
     " (SELECT 1 FROM orders o WHERE o.gateway = m.gateway AND o.key = m.key AND o.state = 0)"},
    {"each movement's parts sum to its amount",
     "SELECT count(*) FROM movement m WHERE m.amount_fen <>"
     " (SELECT sum(json_extract(p.value, '$[1]')) FROM json_each(m.parts) p)"},
    {"each payee has what was moved to it",
     "SELECT count(*) FROM account a WHERE a.name GLOB 'payee:*' AND a.balance_fen <>"
     " coalesce((SELECT p.s FROM paid p WHERE p.name = a.name), 0)"},
    {"each mandate's sums are those of its movements",
     "SELECT count(*) FROM mandate d WHERE d.captured_fen <> coalesce((SELECT t.taken FROM through "
     "t"
     " WHERE t.mandate = d.id), 0) OR d.refunded_fen <> coalesce((SELECT t.given FROM through t"
     " WHERE t.mandate = d.id), 0) OR d.refunded_fen > d.captured_fen"},
    {"each wallet's day and year count what was spent in them",
     "SELECT count(*) FROM wallet w WHERE"
     " w.day_fen <> coalesce((SELECT sum(s.fen) FROM spent s WHERE s.wallet = w.id"
     "  AND s.day = w.day), 0) OR"
     " w.year_fen <> coalesce((SELECT sum(s.fen) FROM spent s WHERE s.wallet = w.id"
     "  AND s.year = w.year), 0)"},
    {"each order has the answer of its request",
     "SELECT count(*) FROM orders o WHERE NOT EXISTS"
     " (SELECT 1 FROM request r WHERE r.gateway = o.gateway AND r.key = o.key)"},
};

/* Sums that the invariants compare with, made once per check instead of once per row. */
static const char sums[] =
    "CREATE TEMP TABLE credits (id INTEGER PRIMARY KEY, s INTEGER);"
    "INSERT INTO credits SELECT credit, sum(amount_fen) FROM posting GROUP BY credit;"
    "CREATE TEMP TABLE debits (id INTEGER PRIMARY KEY, s INTEGER);"
    "INSERT INTO debits SELECT debit, sum(amount_fen) FROM posting GROUP BY debit;"
    "CREATE TEMP TABLE reserved (wallet TEXT PRIMARY KEY, s INTEGER);"
    "INSERT INTO reserved SELECT wallet, sum(amount_fen) FROM orders WHERE state = 2"
    "  GROUP BY wallet;"
    "CREATE TEMP TABLE paid (name TEXT PRIMARY KEY, s INTEGER);"
    "INSERT INTO paid SELECT 'payee:' || m.gateway || ':' || json_extract(p.value, '$[0]') AS n,"
    "  sum(iif(m.kind = 0, 1, -1) * json_extract(p.value, '$[1]'))"
    "  FROM movement m, json_each(m.parts) p GROUP BY n;"
    "CREATE TEMP TABLE through (mandate TEXT PRIMARY KEY, taken INTEGER, given INTEGER);"
    "INSERT INTO through SELECT mandate, sum(iif(kind = 0, amount_fen, 0)),"
    "  sum(iif(kind = 1, amount_fen, 0)) FROM movement GROUP BY mandate;"
    "CREATE TEMP TABLE spent (wallet TEXT, day INTEGER, year INTEGER, fen INTEGER);"
    "INSERT INTO spent SELECT wallet, (created_us + 28800000000) / 86400000000 AS d,"
    "  CAST(strftime('%Y', created_us / 1000000 + 28800, 'unixepoch') AS INTEGER) AS y,"
    "  sum(iif(state = 0, captured_fen, amount_fen)) FROM orders"
    "  WHERE kind = 0 AND state IN (0, 2) GROUP BY wallet, d, y;"
    "CREATE INDEX temp.spent_wallet ON spent (wallet);";

static int64_t count_broken(sqlite3 *db, const char *text)
{
    sqlite3_stmt *stmt = NULL;
    int64_t count = -1;
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        count = sqlite3_column_int64(stmt, 0);
    } else {
        (void)fprintf(stderr, "meterpay-operator: check: %s\n", sqlite3_errmsg(db));
    }
    (void)sqlite3_finalize(stmt);
    return count;
}

enum gw_status sim_book_check(struct sim_book *book, struct sim_answer *answer)
{
    sqlite3 *db = NULL;
    bool all = true;
    json_t *list = json_array();
    enum gw_status status = GW_IO;
    /* A connection of its own: one snapshot, and nobody who asks for an order waits. */
    if (sqlite3_open_v2(book->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA temp_store=MEMORY; BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, sums, NULL, NULL, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "meterpay-operator: check: %s\n", sqlite3_errmsg(db));
        goto undo;
    }
    for (size_t i = 0; i < sizeof invariants / sizeof invariants[0]; i++) {
        int64_t broken = count_broken(db, invariants[i].broken);
        if (broken < 0) {
            goto undo;
        }
        all = all && broken == 0;
        (void)json_array_append_new(list, json_pack("{s:s, s:b, s:I}", "name", invariants[i].name,
                                                    "holds", (int)(broken == 0), "broken_count",
                                                    (json_int_t)broken));
    }
    sim_book_answer(answer, 200, json_pack("{s:b, s:O}", "ok", (int)all, "invariants", list));
    status = GW_OK;
undo:
    json_decref(list);
    (void)sqlite3_close(db); /* ends the snapshot */
    return status;
}
