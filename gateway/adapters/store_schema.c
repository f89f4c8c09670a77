/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables of the SQLite store and the way from each older version of them to the newest. */
#include "gateway/adapters/store_schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Step n leads from version n to n + 1. A released step is never edited: stores exist that ran it.
 *
 * Rows of block are only ever added, in order of their key, so SQLite fills each page before it
 * takes the next. The key of chunk is kind * 2^32 + index: an integer key finds a row of 20 kB
 * without comparing anything else, and WITHOUT ROWID was measured to be no faster. */
static const char *const steps[] = {
    "CREATE TABLE block ("
    " number INTEGER PRIMARY KEY CHECK (number >= 1),"
    " time_us INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE chunk ("
    " id INTEGER PRIMARY KEY,"
    " block INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;",

    "CREATE TABLE document ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " block INTEGER NOT NULL,"
    " text TEXT NOT NULL) STRICT;",

    /* Images from before have no checksum, so the core takes them for damaged, once. */
    "ALTER TABLE chunk ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;",
};

_Static_assert(sizeof steps / sizeof steps[0] == GW_STORE_SCHEMA_VERSION, "one step a version");

/* The system's error number behind an SQLite IO error; 0: none is known. A commit does not pass it on
 * (SQLite 3.40: only statements that run into an error do), but the file that met it remembers. */
static int system_error(sqlite3 *db)
{
    sqlite3_file *file = NULL;
    int error = sqlite3_system_errno(db);
    if (sqlite3_errcode(db) != SQLITE_IOERR || error != 0) {
        return error;
    }
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK &&
        file != NULL && file->pMethods != NULL) {
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    if (error == 0) {
        (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error; /* a layer that knows no such number leaves 0 */
}

enum gw_status gw_store_schema_status(sqlite3 *db)
{
    int code = sqlite3_errcode(db);
    if (code == SQLITE_FULL) {
        return GW_FULL;
    }
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
        return GW_CORRUPT;
    }
    if (code == SQLITE_IOERR) {
        /* A sync, a truncate or the shared index may be what hits the disk's end, not a write. */
        int error = system_error(db);
        return error == ENOSPC || error == EDQUOT || error == EFBIG ? GW_FULL : GW_IO;
    }
    return GW_IO;
}

void gw_store_schema_reason(char *reason, size_t reason_max, sqlite3 *db)
{
    int error = sqlite3_errcode(db) == SQLITE_IOERR || sqlite3_errcode(db) == SQLITE_CANTOPEN
                    ? system_error(db)
                    : 0;
    if (error != 0) {
        snprintf(reason, reason_max, "%s (%s)", sqlite3_errmsg(db), strerror(error));
    } else {
        snprintf(reason, reason_max, "%s", sqlite3_errmsg(db));
    }
}

static enum gw_status failed(char *why, size_t why_max, sqlite3 *db, const char *doing)
{
    char reason[160];
    enum gw_status status = gw_store_schema_status(db);
    gw_store_schema_reason(reason, sizeof reason, db);
    snprintf(why, why_max, "cannot %s: %s", doing, reason);
    return status;
}

/* One number that a query gives. */
static enum gw_status ask(int64_t *number, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK ||
        sqlite3_step(query) != SQLITE_ROW) {
        enum gw_status status = gw_store_schema_status(db);
        sqlite3_finalize(query);
        return status;
    }
    *number = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return GW_OK;
}

/* Out: *version, 0 for an empty database. */
static enum gw_status read_version(int64_t *version, char *why, size_t why_max, sqlite3 *db)
{
    int64_t application = 0, found = 0, tables = 0;
    if (ask(&application, db, "PRAGMA application_id") != GW_OK ||
        ask(&found, db, "PRAGMA user_version") != GW_OK ||
        ask(&tables, db, "SELECT count(*) FROM sqlite_schema") != GW_OK) {
        return failed(why, why_max, db, "read the store's version");
    }
    bool empty = application == 0 && found == 0 && tables == 0;
    if (!empty && application != GW_STORE_APPLICATION_ID) {
        snprintf(why, why_max,
                 "this is an SQLite database of another program, not a meterpay store");
        return GW_INVALID;
    }
    if (found > GW_STORE_SCHEMA_VERSION) {
        snprintf(
            why, why_max,
            "the store was written by a newer meterpay (schema version %lld; this program knows "
            "versions up to %d): install that version again, or restore an older backup",
            (long long)found, GW_STORE_SCHEMA_VERSION);
        return GW_INVALID;
    }
    if (found < 0 || (!empty && found == 0)) {
        snprintf(why, why_max, "the store's schema version %lld is none that ever was",
                 (long long)found);
        return GW_INVALID;
    }
    *version = found;
    return GW_OK;
}

/* A step and its version number are one transaction. */
static bool run_step(sqlite3 *db, int version)
{
    char set[96];
    snprintf(set, sizeof set, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             GW_STORE_APPLICATION_ID, version + 1);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, steps[version], NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, set, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK) {
        return true;
    }
    return false;
}

enum gw_status gw_store_schema_migrate(char *why, size_t why_max, sqlite3 *db)
{
    int64_t version = 0;
    enum gw_status status = read_version(&version, why, why_max, db);
    if (status != GW_OK) {
        return status;
    }
    for (int at = (int)version; at < GW_STORE_SCHEMA_VERSION; at++) {
        if (!run_step(db, at)) {
            char doing[64];
            snprintf(doing, sizeof doing, "bring the store to schema version %d", at + 1);
            status = failed(why, why_max, db, doing);
            if (sqlite3_get_autocommit(db) == 0) {
                /* If this fails too, closing the connection ends the transaction. */
                (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            }
            return status;
        }
    }
    return GW_OK;
}

enum gw_status gw_store_schema_check(char *why, size_t why_max, sqlite3 *db)
{
    int64_t version = 0;
    enum gw_status status = read_version(&version, why, why_max, db);
    if (status != GW_OK) {
        return status;
    }
    if (version != GW_STORE_SCHEMA_VERSION) {
        snprintf(why, why_max,
                 "the store has schema version %lld and this program reads version %d: start "
                 "meterpayd once, it brings the store up to date",
                 (long long)version, GW_STORE_SCHEMA_VERSION);
        return GW_INVALID;
    }
    return GW_OK;
}
