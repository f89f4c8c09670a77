/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What SQLite does with readings in the usual ways: the yardsticks of the settling bench. */
#include "tests/bench/baseline_sqlite.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/adapters/store_wal.h"

#define PAGE_BYTES 2048 /* as the store's: docs/store.md */
#define STRIDE \
    61803u /* has no divisor in common with BASELINE_METERS, so each meter has its turn */

struct baseline {
    sqlite3 *db;
    struct gw_wal wal;
    sqlite3_stmt *begin, *insert, *update, *commit; /* update: NULL in the journal */
    bool sequence;                                  /* rows carry the meter's sequence number */
    uint64_t frames;
    char path[512];
};

static void need(bool good, const struct baseline *base, const char *doing)
{
    if (!good) {
        fprintf(stderr, "baseline: cannot %s: %s\n", doing, sqlite3_errmsg(base->db));
        exit(1);
    }
}

static void execute(struct baseline *base, const char *sql)
{
    need(sqlite3_exec(base->db, sql, NULL, NULL, NULL) == SQLITE_OK, base, sql);
}

static sqlite3_stmt *prepare(struct baseline *base, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    need(sqlite3_prepare_v3(base->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) ==
             SQLITE_OK,
         base, sql);
    return statement;
}

static int on_commit(void *arg, sqlite3 *db, const char *schema, int frames)
{
    (void)db;
    (void)schema;
    ((struct baseline *)arg)->frames = (uint64_t)frames;
    return SQLITE_OK;
}

static void remove_files(const struct baseline *base)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[sizeof base->path + 8];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", base->path, ends[i]);
        (void)unlink(name); /* it may not be there */
    }
}

static void open_base(struct baseline *base, const char *directory, const char *schema)
{
    char text[128], why[256];
    memset(base, 0, sizeof *base);
    snprintf(base->path, sizeof base->path, "%s/baseline.db", directory);
    remove_files(base);
    need(sqlite3_open(base->path, &base->db) == SQLITE_OK, base, "open");
    snprintf(text, sizeof text, "PRAGMA page_size=%d; PRAGMA journal_mode=WAL", PAGE_BYTES);
    execute(base, text);
    execute(base, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0");
    execute(base, schema);
    (void)sqlite3_wal_hook(base->db, on_commit, base); /* gives the hook before it: none */
    if (gw_wal_open(&base->wal, why, sizeof why, base->path) != GW_OK) {
        fprintf(stderr, "baseline: %s\n", why);
        exit(1);
    }
    base->begin = prepare(base, "BEGIN IMMEDIATE");
    base->commit = prepare(base, "COMMIT");
}

/* Returns the size of the database file with all in it. */
static double close_base(struct baseline *base)
{
    struct stat file;
    gw_wal_close(&base->wal);
    sqlite3_finalize(base->begin);
    sqlite3_finalize(base->insert);
    sqlite3_finalize(base->update);
    sqlite3_finalize(base->commit);
    need(sqlite3_close(base->db) == SQLITE_OK, base, "close");
    double bytes = stat(base->path, &file) == 0 ? (double)file.st_size : 0;
    remove_files(base);
    return bytes;
}

static void step(struct baseline *base, sqlite3_stmt *statement)
{
    need(sqlite3_step(statement) == SQLITE_DONE, base, "step");
    (void)sqlite3_reset(statement); /* its step was good */
}

static void bind(sqlite3_stmt *statement, int count, const int64_t *values)
{
    for (int i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(statement, i + 1, values[i]); /* the statement has this many */
    }
}

static void put_reading(struct baseline *base, uint64_t number)
{
    int64_t meter = (int64_t)(number * STRIDE % BASELINE_METERS);
    int64_t round = (int64_t)(number / BASELINE_METERS);
    int64_t time_us = 1700000000000000 + round * 900000000;
    int64_t total_wh = 12345678 + round * 137 + meter;
    int64_t amount_ufen = 137 * 588300 / 1000;
    if (base->sequence) {
        bind(base->insert, 5, (const int64_t[]){meter, time_us, total_wh, amount_ufen, round});
    } else {
        bind(base->insert, 4, (const int64_t[]){meter, time_us, total_wh, amount_ufen});
    }
    step(base, base->insert);
    if (base->update != NULL) {
        bind(base->update, 3, (const int64_t[]){amount_ufen, total_wh, meter});
        step(base, base->update);
    }
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* this clock is always there */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double run(struct baseline *base, uint64_t readings, uint32_t group)
{
    double from_s = seconds();
    for (uint64_t done = 0; done < readings;) {
        need(gw_wal_enter(&base->wal) == GW_OK, base, "keep the log below its bound");
        step(base, base->begin);
        for (uint32_t i = 0; i < group && done < readings; i++) {
            put_reading(base, done++);
        }
        step(base, base->commit);
        gw_wal_leave(&base->wal, base->frames);
    }
    return (double)readings / (seconds() - from_s);
}

/* ---- the three schemas ------------------------------------------------------------------------- */

static const char journal_schema[] =
    "CREATE TABLE reading (id INTEGER PRIMARY KEY, meter INTEGER NOT NULL,"
    " time_us INTEGER NOT NULL, total_wh INTEGER NOT NULL, amount_ufen INTEGER NOT NULL) STRICT";

static const char journal_insert[] =
    "INSERT INTO reading (meter, time_us, total_wh, amount_ufen) VALUES (?, ?, ?, ?)";

static const char relational_schema[] =
    "CREATE TABLE reading (id INTEGER PRIMARY KEY, meter INTEGER NOT NULL,"
    " time_us INTEGER NOT NULL, total_wh INTEGER NOT NULL, amount_ufen INTEGER NOT NULL,"
    " seq INTEGER NOT NULL, UNIQUE (meter, seq)) STRICT";

static const char relational_insert[] =
    "INSERT INTO reading (meter, time_us, total_wh, amount_ufen, seq) VALUES (?, ?, ?, ?, ?)";

/* No meter comes twice in a group, so writing a balance with its reading or all of them at the end of
 * the group is the same number of the same updates. */
static void add_balances(struct baseline *base)
{
    char fill[256];
    _Static_assert(BASELINE_METERS >= 65536, "no meter comes twice in a group");
    execute(base, "CREATE TABLE balance (meter INTEGER PRIMARY KEY, posted_ufen INTEGER NOT NULL,"
                  " total_wh INTEGER NOT NULL) STRICT");
    snprintf(fill, sizeof fill,
             "WITH RECURSIVE meter(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM meter WHERE n < %u)"
             " INSERT INTO balance SELECT n, 0, 0 FROM meter",
             BASELINE_METERS - 1);
    execute(base, fill);
    base->update = prepare(base, "UPDATE balance SET posted_ufen = posted_ufen + ?, total_wh = ?"
                                 " WHERE meter = ?");
}

static double finish(struct baseline *base, uint64_t readings, uint32_t group,
                     double *bytes_per_reading)
{
    double rate = run(base, readings, group);
    double bytes = close_base(base);
    if (bytes_per_reading != NULL) {
        *bytes_per_reading = bytes / (double)readings;
    }
    return rate;
}

double baseline_append_rate(const char *directory, uint64_t readings, uint32_t group,
                            double *bytes_per_reading)
{
    struct baseline base;
    open_base(&base, directory, journal_schema);
    base.insert = prepare(&base, journal_insert);
    return finish(&base, readings, group, bytes_per_reading);
}

double baseline_balance_rate(const char *directory, uint64_t readings, uint32_t group,
                             double *bytes_per_reading)
{
    struct baseline base;
    open_base(&base, directory, journal_schema);
    base.insert = prepare(&base, journal_insert);
    add_balances(&base);
    return finish(&base, readings, group, bytes_per_reading);
}

double baseline_relational_rate(const char *directory, uint64_t readings, uint32_t group,
                                double *bytes_per_reading)
{
    struct baseline base;
    open_base(&base, directory, relational_schema);
    base.insert = prepare(&base, relational_insert);
    base.sequence = true;
    add_balances(&base);
    return finish(&base, readings, group, bytes_per_reading);
}
