/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The core's store on SQLite: one block is one row and one transaction, durable when append returns. */
#include "gateway/adapters/store_sqlite.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/adapters/store_file.h"
#include "gateway/adapters/store_schema.h"

/* Another process may hold SQLite's write lock for a moment (somebody with the sqlite3 shell). */
#define BUSY_MS 1000

/* Chosen by measuring: a larger page wastes more of its end on each block (docs/store.md). */
#define PAGE_BYTES 2048

enum statement {
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    BLOCK_INSERT,
    CHUNK_REPLACE,
    DOCUMENT_REPLACE,
    WRITER_STATEMENTS, /* a reader's handle prepares only those after this */
    BLOCK_LAST = WRITER_STATEMENTS,
    BLOCK_GET,
    BLOCK_FROM,
    CHUNK_AFTER,
    DOCUMENT_ALL,
    STATEMENTS,
};

/* Walks take one row a query, so that no snapshot is held from row to row. */
static const char *const sql[STATEMENTS] = {
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [BLOCK_INSERT] = "INSERT INTO block (number, time_us, bytes) VALUES (?1, ?2, ?3)",
    [CHUNK_REPLACE] = "REPLACE INTO chunk (id, block, bytes, crc) VALUES (?1, ?2, ?3, ?4)",
    [DOCUMENT_REPLACE] = "REPLACE INTO document (name, block, text) VALUES (?1, ?2, ?3)",
    [BLOCK_LAST] = "SELECT max(number) FROM block",
    [BLOCK_GET] = "SELECT bytes FROM block WHERE number = ?1",
    [BLOCK_FROM] = "SELECT bytes, number FROM block WHERE number >= ?1 ORDER BY number LIMIT 1",
    [CHUNK_AFTER] = "SELECT bytes, id, block, crc FROM chunk WHERE id > ?1 ORDER BY id LIMIT 1",
    [DOCUMENT_ALL] = "SELECT text, name, block FROM document ORDER BY block, name",
};

struct gw_store_sqlite {
    enum gw_store_mode mode;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS]; /* prepared once */
    uint64_t last_number;                 /* the writer's: newest block */
    uint64_t wal_frames;                  /* as the last commit left it; 0: there was none */
    int lock_fd;                          /* the writer's, else -1 */
    bool wal_open;
    struct gw_wal wal; /* the writer's, with wal_open */
    uint64_t appends_failed;
    char append_failure[160];
    char path[GW_STORE_PATH_MAX + 1];
};

static void store_check(const struct gw_store_sqlite *store)
{
    MT_CHECK(store != NULL);
    MT_CHECK(store->db != NULL);
}

static void writer_check(const struct gw_store_sqlite *store)
{
    store_check(store);
    MT_CHECK(store->mode == GW_STORE_READWRITE);
    MT_CHECK(sqlite3_get_autocommit(store->db) != 0);
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int on_commit(void *arg, sqlite3 *db, const char *schema, int frames)
{
    struct gw_store_sqlite *store = arg;
    (void)db;
    (void)schema;
    store->wal_frames = (uint64_t)frames;
    return SQLITE_OK;
}

/* Run a statement that gives no rows. What was bound is let go: it was borrowed. */
static bool run(struct gw_store_sqlite *store, enum statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = sqlite3_step(statement);
    /* The code of the step is kept by the connection; reset gives the same one again. */
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement); /* it cannot fail */
    return code == SQLITE_DONE;
}

static void bind_bytes(sqlite3_stmt *statement, int at, const uint8_t *bytes, size_t len)
{
    MT_CHECK(len <= GW_STORE_BLOB_BYTES_MAX);
    MT_CHECK(bytes != NULL || len == 0);
    /* A NULL pointer would be stored as NULL, not as nothing. */
    int code = sqlite3_bind_blob(statement, at, len == 0 ? (const void *)"" : bytes, (int)len,
                                 SQLITE_STATIC);
    MT_CHECK(code == SQLITE_OK);
}

static void bind_number(sqlite3_stmt *statement, int at, int64_t number)
{
    MT_CHECK(sqlite3_bind_int64(statement, at, number) == SQLITE_OK);
}

static bool put_block(struct gw_store_sqlite *store, const struct gw_block_write *write)
{
    sqlite3_stmt *statement = store->statements[BLOCK_INSERT];
    bind_number(statement, 1, (int64_t)write->number);
    bind_number(statement, 2, write->time_us);
    bind_bytes(statement, 3, write->bytes, write->len);
    return run(store, BLOCK_INSERT);
}

static bool put_chunk(struct gw_store_sqlite *store, const struct gw_chunk *chunk)
{
    sqlite3_stmt *statement = store->statements[CHUNK_REPLACE];
    MT_CHECK(chunk->kind <= INT32_MAX);
    MT_CHECK(chunk->block <= INT64_MAX);
    bind_number(statement, 1, (int64_t)((uint64_t)chunk->kind << 32 | chunk->index));
    bind_number(statement, 2, (int64_t)chunk->block);
    bind_bytes(statement, 3, chunk->bytes, chunk->len);
    bind_number(statement, 4, chunk->crc);
    return run(store, CHUNK_REPLACE);
}

static bool put_document(struct gw_store_sqlite *store, const struct gw_block_write *write)
{
    sqlite3_stmt *statement = store->statements[DOCUMENT_REPLACE];
    MT_CHECK(write->document_len <= GW_STORE_BLOB_BYTES_MAX);
    MT_CHECK(write->document_text != NULL || write->document_len == 0);
    const char *text = write->document_len == 0 ? "" : write->document_text;
    MT_CHECK(sqlite3_bind_text(statement, 1, write->document_name, -1, SQLITE_STATIC) == SQLITE_OK);
    bind_number(statement, 2, (int64_t)write->number);
    MT_CHECK(sqlite3_bind_text(statement, 3, text, (int)write->document_len, SQLITE_STATIC) ==
             SQLITE_OK);
    return run(store, DOCUMENT_REPLACE);
}

static bool put_all(struct gw_store_sqlite *store, const struct gw_block_write *write)
{
    if (!run(store, BEGIN_WRITE) || !put_block(store, write)) {
        return false;
    }
    for (uint32_t i = 0; i < write->chunk_count; i++) {
        if (!put_chunk(store, &write->chunks[i])) {
            return false;
        }
    }
    if (write->document_name != NULL && !put_document(store, write)) {
        return false;
    }
    return run(store, COMMIT);
}

static enum gw_status note_failure(struct gw_store_sqlite *store, enum gw_status status,
                                   const char *reason)
{
    store->appends_failed++;
    snprintf(store->append_failure, sizeof store->append_failure, "block %llu: %s",
             (unsigned long long)store->last_number + 1, reason);
    return status;
}

static enum gw_status append_failed(struct gw_store_sqlite *store)
{
    /* Read before the rollback, which has a result of its own. */
    enum gw_status status = gw_store_schema_status(store->db);
    char reason[128];
    gw_store_schema_reason(reason, sizeof reason, store->db);
    /* SQLite may have ended the transaction itself. A rollback in the log's mode writes nothing, so
     * it cannot meet the same fault; what it returns is about the pages that it did not read. */
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)run(store, ROLLBACK); /* writer_check sees to it that the transaction ended */
    }
    /* The port knows two ways to fail: a damaged page found while writing is one of the disk. */
    return note_failure(store, status == GW_FULL ? GW_FULL : GW_IO, reason);
}

static enum gw_status store_append(void *self, const struct gw_block_write *write)
{
    struct gw_store_sqlite *store = self;
    writer_check(store);
    MT_CHECK(write->number == store->last_number + 1);
    MT_CHECK(write->chunks != NULL || write->chunk_count == 0);
    if (gw_wal_enter(&store->wal) != GW_OK) {
        return note_failure(store, GW_FULL, "the write-ahead log is at its bound");
    }
    store->wal_frames = 0;
    enum gw_status status = put_all(store, write) ? GW_OK : append_failed(store);
    gw_wal_leave(&store->wal, store->wal_frames);
    if (status == GW_OK) {
        store->last_number = write->number;
    }
    writer_check(store);
    return status;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* Step to a row. Returns GW_OK, GW_END, GW_IO or GW_CORRUPT; except on GW_OK the statement is reset. */
static enum gw_status next_row(struct gw_store_sqlite *store, enum statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return GW_OK;
    }
    enum gw_status status = GW_END;
    if (code != SQLITE_DONE) {
        status = gw_store_schema_status(store->db);
        status = status == GW_FULL ? GW_IO : status; /* reading fills nothing */
    }
    (void)sqlite3_reset(statement); /* the same code again */
    return status;
}

static void row_done(struct gw_store_sqlite *store, enum statement which)
{
    (void)sqlite3_reset(store->statements[which]); /* its step gave a row: there is no error */
}

/* The bytes of column 0. Returns false when SQLite had no memory for them. */
static bool row_bytes(const uint8_t **bytes, size_t *len, struct gw_store_sqlite *store,
                      enum statement which)
{
    static const uint8_t nothing[1];
    sqlite3_stmt *statement = store->statements[which];
    const void *found = sqlite3_column_blob(statement, 0);
    *len = (size_t)sqlite3_column_bytes(statement, 0);
    *bytes = found != NULL ? found : nothing; /* a blob of 0 bytes comes as NULL */
    return found != NULL || sqlite3_errcode(store->db) != SQLITE_NOMEM;
}

static enum gw_status store_last_number(void *self, uint64_t *number)
{
    struct gw_store_sqlite *store = self;
    store_check(store);
    enum gw_status status = next_row(store, BLOCK_LAST);
    if (status == GW_OK) {
        *number = (uint64_t)sqlite3_column_int64(store->statements[BLOCK_LAST], 0);
        row_done(store, BLOCK_LAST);
    }
    return status;
}

static enum gw_status store_block_read(void *self, uint64_t number, uint8_t *bytes, size_t *len,
                                       size_t max)
{
    struct gw_store_sqlite *store = self;
    const uint8_t *found = NULL;
    size_t found_len = 0;
    store_check(store);
    if (number > INT64_MAX) {
        return GW_END;
    }
    bind_number(store->statements[BLOCK_GET], 1, (int64_t)number);
    enum gw_status status = next_row(store, BLOCK_GET);
    if (status != GW_OK) {
        return status;
    }
    if (!row_bytes(&found, &found_len, store, BLOCK_GET)) {
        status = GW_IO;
    } else if (found_len > max) {
        status = GW_FULL;
    } else {
        memcpy(bytes, found, found_len);
        *len = found_len;
    }
    row_done(store, BLOCK_GET);
    return status;
}

static enum gw_status store_block_walk(void *self, uint64_t from_number, void *arg,
                                       enum gw_status (*visit)(void *arg, uint64_t number,
                                                               const uint8_t *bytes, size_t len))
{
    struct gw_store_sqlite *store = self;
    sqlite3_stmt *statement = store->statements[BLOCK_FROM];
    store_check(store);
    /* Numbers ascend, so there are no more turns than rows. */
    for (uint64_t next = from_number; next <= INT64_MAX;) {
        const uint8_t *bytes = NULL;
        size_t len = 0;
        bind_number(statement, 1, (int64_t)next);
        enum gw_status status = next_row(store, BLOCK_FROM);
        if (status != GW_OK) {
            return status == GW_END ? GW_OK : status;
        }
        uint64_t number = (uint64_t)sqlite3_column_int64(statement, 1);
        bool read = row_bytes(&bytes, &len, store, BLOCK_FROM);
        status = read ? visit(arg, number, bytes, len) : GW_IO;
        row_done(store, BLOCK_FROM);
        if (status != GW_OK) {
            return status;
        }
        next = number + 1;
    }
    return GW_OK;
}

static enum gw_status store_chunk_walk(void *self, void *arg,
                                       enum gw_status (*visit)(void *arg,
                                                               const struct gw_chunk *chunk))
{
    struct gw_store_sqlite *store = self;
    sqlite3_stmt *statement = store->statements[CHUNK_AFTER];
    store_check(store);
    for (int64_t after = -1;;) {
        bind_number(statement, 1, after);
        enum gw_status status = next_row(store, CHUNK_AFTER);
        if (status != GW_OK) {
            return status == GW_END ? GW_OK : status;
        }
        after = sqlite3_column_int64(statement, 1);
        struct gw_chunk chunk = {
            .kind = (uint32_t)((uint64_t)after >> 32),
            .index = (uint32_t)after,
            .block = (uint64_t)sqlite3_column_int64(statement, 2),
            .crc = (uint32_t)sqlite3_column_int64(statement, 3),
        };
        bool read = row_bytes(&chunk.bytes, &chunk.len, store, CHUNK_AFTER);
        status = read ? visit(arg, &chunk) : GW_IO;
        row_done(store, CHUNK_AFTER);
        if (status != GW_OK) {
            return status;
        }
    }
}

enum gw_status gw_store_sqlite_documents(struct gw_store_sqlite *store, void *arg,
                                         enum gw_status (*visit)(void *arg, uint64_t block,
                                                                 const char *name, const char *text,
                                                                 size_t text_len))
{
    sqlite3_stmt *statement = store->statements[DOCUMENT_ALL];
    store_check(store);
    /* One query for all: they are few, and read only at the start. */
    for (;;) {
        const uint8_t *text = NULL;
        size_t len = 0;
        enum gw_status status = next_row(store, DOCUMENT_ALL);
        if (status != GW_OK) {
            return status == GW_END ? GW_OK : status;
        }
        const char *name = (const char *)sqlite3_column_text(statement, 1);
        uint64_t block = (uint64_t)sqlite3_column_int64(statement, 2);
        bool read = row_bytes(&text, &len, store, DOCUMENT_ALL) && name != NULL;
        status = read ? visit(arg, block, name, (const char *)text, len) : GW_IO;
        if (status != GW_OK) {
            row_done(store, DOCUMENT_ALL);
            return status;
        }
    }
}

static enum gw_status append_to_reader(void *self, const struct gw_block_write *write)
{
    (void)self;
    (void)write;
    MT_CHECK(!"a reader's handle cannot append");
    return GW_INVALID;
}

struct gw_store_port gw_store_sqlite_port(struct gw_store_sqlite *store)
{
    store_check(store);
    return (struct gw_store_port){
        .self = store,
        .last_number = store_last_number,
        .append = store->mode == GW_STORE_READWRITE ? store_append : append_to_reader,
        .block_read = store_block_read,
        .block_walk = store_block_walk,
        .chunk_walk = store_chunk_walk,
    };
}

/* ---- backup and figures ----------------------------------------------------------------------- */

enum gw_status gw_store_sqlite_backup(struct gw_store_sqlite *store, const char *path, char *why,
                                      size_t why_max)
{
    char part[GW_STORE_PATH_MAX + 8], reason[192];
    sqlite3_stmt *copy = NULL;
    store_check(store);
    if (strlen(path) > GW_STORE_PATH_MAX) {
        snprintf(why, why_max, "backup: the path is longer than %u bytes", GW_STORE_PATH_MAX);
        return GW_INVALID;
    }
    if (access(path, F_OK) == 0) {
        snprintf(why, why_max, "%s: there is something of that name already", path);
        return GW_INVALID;
    }
    snprintf(part, sizeof part, "%s.part", path);
    (void)unlink(part); /* of a backup that was cut off */
    enum gw_status status = gw_store_file_create(part, reason, sizeof reason);
    if (status != GW_OK) {
        snprintf(why, why_max, "%s: %s", path, reason);
        return status;
    }
    if (sqlite3_prepare_v2(store->db, "VACUUM INTO ?1", -1, &copy, NULL) != SQLITE_OK ||
        sqlite3_bind_text(copy, 1, part, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(copy) != SQLITE_DONE) {
        char said[160];
        status = gw_store_schema_status(store->db);
        gw_store_schema_reason(said, sizeof said, store->db);
        snprintf(reason, sizeof reason, "cannot copy the store: %s", said);
    }
    (void)sqlite3_finalize(copy); /* the same code again */
    if (status == GW_OK) {
        status = gw_store_file_publish(part, path, reason, sizeof reason);
    }
    if (status != GW_OK) {
        (void)unlink(part); /* what is left of it is of no use, and overwritten by the next */
        snprintf(why, why_max, "%s: %s", path, reason);
    }
    return status;
}

void gw_store_sqlite_health(struct gw_store_health *health, struct gw_store_sqlite *store)
{
    struct stat file;
    writer_check(store);
    memset(health, 0, sizeof *health);
    gw_wal_read_health(&health->wal, &store->wal);
    health->blocks = store->last_number;
    health->appends_failed = store->appends_failed;
    memcpy(health->append_failure, store->append_failure, sizeof health->append_failure);
    if (stat(store->path, &file) == 0) {
        health->database_bytes = (uint64_t)file.st_size;
    }
}

void gw_store_sqlite_limit_wal(struct gw_store_sqlite *store, uint64_t start_bytes,
                               uint64_t bytes_max, uint64_t wait_us_max)
{
    writer_check(store);
    gw_wal_limit(&store->wal, start_bytes, bytes_max, wait_us_max);
}

/* ---- open and close --------------------------------------------------------------------------- */

void gw_store_sqlite_close(struct gw_store_sqlite *store)
{
    if (store->wal_open) {
        gw_wal_close(&store->wal);
    }
    for (int i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(store->statements[i]); /* the code of its last step, long handled */
    }
    MT_CHECK(sqlite3_close(store->db) == SQLITE_OK);
    if (store->lock_fd >= 0) {
        (void)close(store->lock_fd); /* gives the lock back */
    }
    free(store);
}

/* A sentence of what SQLite says about opening. Returns its status. */
static enum gw_status open_failed(const struct gw_store_sqlite *store, char *why, size_t why_max)
{
    char reason[160];
    if (store->db == NULL) {
        snprintf(why, why_max, "cannot open it: no memory");
        return GW_IO;
    }
    gw_store_schema_reason(reason, sizeof reason, store->db);
    snprintf(why, why_max, "cannot open it: %s", reason);
    return gw_store_schema_status(store->db);
}

static bool set_common(sqlite3 *db)
{
    int now = -1;
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)GW_STORE_BLOB_BYTES_MAX + 4096);
    (void)sqlite3_extended_result_codes(db, 0); /* it cannot fail; the system's number tells more */
    return sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
           sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, &now) == SQLITE_OK &&
           sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, &now) == SQLITE_OK;
}

/* A log that is begun anew is cut to this size, if a reader made it longer in between. */
#define LOG_KEPT_BYTES (2 * (int64_t)GW_WAL_START_BYTES)

static bool set_writer(sqlite3 *db)
{
    char text[256];
    sqlite3_stmt *query = NULL;
    snprintf(text, sizeof text, "PRAGMA page_size=%d", PAGE_BYTES); /* of a new file only */
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &query, NULL) != SQLITE_OK ||
        sqlite3_step(query) != SQLITE_ROW) {
        (void)sqlite3_finalize(query); /* the error is the connection's */
        return false;
    }
    const char *mode = (const char *)sqlite3_column_text(query, 0);
    bool wal = mode != NULL && strcmp(mode, "wal") == 0;
    (void)sqlite3_finalize(query); /* its step gave a row */
    snprintf(text, sizeof text,
             "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=%lld",
             (long long)LOG_KEPT_BYTES);
    return wal && sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool prepare(struct gw_store_sqlite *store)
{
    int first = store->mode == GW_STORE_READWRITE ? 0 : WRITER_STATEMENTS;
    for (int i = first; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK) {
            return false;
        }
    }
    return true;
}

static enum gw_status open_reader(struct gw_store_sqlite *store, char *why, size_t why_max)
{
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (access(store->path, F_OK) != 0) {
        snprintf(why, why_max, "there is no such store; meterpayd creates it when it starts");
        return GW_IO;
    }
    if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK ||
        !set_common(store->db)) {
        return open_failed(store, why, why_max);
    }
    enum gw_status status = gw_store_schema_check(why, why_max, store->db);
    if (status == GW_OK && !prepare(store)) {
        status = open_failed(store, why, why_max);
    }
    return status;
}

static enum gw_status open_writer(struct gw_store_sqlite *store, char *why, size_t why_max)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    enum gw_status status = gw_store_file_lock(&store->lock_fd, store->path, why, why_max);
    if (status == GW_OK) {
        status = gw_store_file_create(store->path, why, why_max);
    }
    if (status != GW_OK) {
        return status;
    }
    if (sqlite3_open_v2(store->path, &store->db, flags, NULL) != SQLITE_OK ||
        !set_common(store->db) || !set_writer(store->db)) {
        return open_failed(store, why, why_max);
    }
    status = gw_store_schema_migrate(why, why_max, store->db);
    if (status != GW_OK) {
        return status;
    }
    if (!prepare(store) || store_last_number(store, &store->last_number) != GW_OK) {
        return open_failed(store, why, why_max);
    }
    (void)sqlite3_wal_hook(store->db, on_commit, store); /* gives the hook before it: none */
    status = gw_wal_open(&store->wal, why, why_max, store->path);
    store->wal_open = status == GW_OK;
    return status;
}

enum gw_status gw_store_sqlite_open(struct gw_store_sqlite **store, const char *path,
                                    enum gw_store_mode mode, char *why, size_t why_max)
{
    char reason[256] = "";
    size_t path_len = strlen(path);
    if (path_len == 0 || path_len > GW_STORE_PATH_MAX - 8) {
        snprintf(why, why_max, "store: the path must have 1 to %u bytes", GW_STORE_PATH_MAX - 8);
        return GW_INVALID;
    }
    struct gw_store_sqlite *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        snprintf(why, why_max, "%s: no memory", path);
        return GW_IO;
    }
    opened->mode = mode;
    opened->lock_fd = -1;
    memcpy(opened->path, path, path_len + 1);
    enum gw_status status = mode == GW_STORE_READWRITE ? open_writer(opened, reason, sizeof reason)
                                                       : open_reader(opened, reason, sizeof reason);
    if (status != GW_OK) {
        snprintf(why, why_max, "%s: %s", path, reason);
        gw_store_sqlite_close(opened);
        return status;
    }
    *store = opened;
    return GW_OK;
}
