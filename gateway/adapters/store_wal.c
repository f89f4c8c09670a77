/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The SQLite store's write-ahead log: kept short by a thread of its own, off the commit path. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "gateway/adapters/store_wal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway/adapters/store_schema.h"

#define FRAME_HEADER_BYTES 24u /* https://www.sqlite.org/fileformat2.html, section 4 */
#define COPIES 2 /* the second copies what was committed during the first and its long sync */
#define GATED_BYTES_MAX (UINT64_C(2) << 20)
#define BUSY_MS 100

static int64_t monotonic_us(void)
{
    struct timespec now;
    MT_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the thread ------------------------------------------------------------------------------- */

enum copy { COPIED_ALL, COPIED_SOME, COPY_FAILED };

/* Copy what the log holds into the database file. Returns how far it came.
 * Out: *left_bytes of the log that are not copied yet. */
static enum copy copy_log(struct gw_wal *wal, uint64_t *left_bytes)
{
    int frames = 0, copied = 0;
    int code =
        sqlite3_wal_checkpoint_v2(wal->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    if (code != SQLITE_OK) {
        return COPY_FAILED;
    }
    MT_CHECK(frames >= 0 && copied >= 0 && copied <= frames);
    *left_bytes = (uint64_t)(frames - copied) * (wal->page_bytes + FRAME_HEADER_BYTES);
    return frames == copied ? COPIED_ALL : COPIED_SOME;
}

/* While the gate is closed no commit can add frames, so this copy may reach the log's end; then the
 * next commit finds nothing that it must keep, and begins anew. */
static enum copy copy_rest_behind_gate(struct gw_wal *wal)
{
    uint64_t left_bytes = 0;
    int64_t from_us = monotonic_us();
    atomic_store(&wal->gate_wanted, true);
    pthread_mutex_lock(&wal->gate);
    enum copy copy = copy_log(wal, &left_bytes);
    if (copy == COPIED_ALL) {
        wal->health.wal_bytes = 0;
        wal->health.checkpoints++;
    }
    int64_t took_us = monotonic_us() - from_us;
    if (took_us > wal->health.gate_us_max) {
        wal->health.gate_us_max = took_us;
    }
    atomic_store(&wal->gate_wanted, false);
    pthread_cond_broadcast(&wal->gate_open);
    pthread_mutex_unlock(&wal->gate);
    return copy;
}

/* SQLite syncs the database file only with the copy that reaches the log's end, and that one is made
 * behind the gate: 25-30 ms for 64 MiB (measured). So what is copied so far is synced before it. */
static bool sync_database(struct gw_wal *wal)
{
    sqlite3_file *file = NULL;
    return sqlite3_file_control(wal->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
           file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) == SQLITE_OK;
}

static enum copy copy_round(struct gw_wal *wal)
{
    uint64_t left_bytes = 0;
    for (int i = 0; i < COPIES; i++) {
        if (copy_log(wal, &left_bytes) == COPY_FAILED || !sync_database(wal)) {
            return COPY_FAILED;
        }
    }
    if (left_bytes > GATED_BYTES_MAX) {
        return COPIED_SOME; /* a reader stands in the way, or the disk is slower than the commits */
    }
    return copy_rest_behind_gate(wal);
}

static void note_round(struct gw_wal *wal, enum copy copy)
{
    switch (copy) {
    case COPIED_ALL:
        wal->trigger_bytes = wal->start_bytes;
        return;
    case COPIED_SOME:
        wal->health.rounds_held++;
        break;
    case COPY_FAILED:
        wal->health.rounds_failed++;
        gw_store_schema_reason(wal->health.failure, sizeof wal->health.failure, wal->db);
        break;
    }
    /* Trying again at once would only burn the processor: wait until the log has grown. */
    wal->trigger_bytes = wal->health.wal_bytes + wal->start_bytes / 4 + 1;
}

static void *thread_main(void *arg)
{
    struct gw_wal *wal = arg;
    pthread_mutex_lock(&wal->gate);
    while (!wal->stop) {
        if (!wal->kicked && wal->health.wal_bytes < wal->trigger_bytes) {
            pthread_cond_wait(&wal->work, &wal->gate);
            continue;
        }
        wal->kicked = false;
        pthread_mutex_unlock(&wal->gate);
        enum copy copy = copy_round(wal);
        pthread_mutex_lock(&wal->gate);
        note_round(wal, copy);
        pthread_cond_broadcast(&wal->gate_open);
    }
    pthread_mutex_unlock(&wal->gate);
    return NULL;
}

/* ---- the writer ------------------------------------------------------------------------------- */

/* At the bound: have the thread try, and wait for it. Returns false when time is up. */
static bool wait_below_bound(struct gw_wal *wal)
{
    int64_t until_us = monotonic_us() + (int64_t)wal->wait_us_max;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    while (wal->health.wal_bytes >= wal->bytes_max || atomic_load(&wal->gate_wanted)) {
        if (wal->health.wal_bytes >= wal->bytes_max) {
            wal->kicked = true;
            pthread_cond_signal(&wal->work);
        }
        if (pthread_cond_timedwait(&wal->gate_open, &wal->gate, &until) != 0) {
            return wal->health.wal_bytes < wal->bytes_max;
        }
    }
    return true;
}

enum gw_status gw_wal_enter(struct gw_wal *wal)
{
    pthread_mutex_lock(&wal->gate);
    while (atomic_load(&wal->gate_wanted)) {
        pthread_cond_wait(&wal->gate_open, &wal->gate);
    }
    if (wal->health.wal_bytes >= wal->bytes_max && !wait_below_bound(wal)) {
        wal->health.refused++;
        pthread_mutex_unlock(&wal->gate);
        return GW_FULL;
    }
    return GW_OK;
}

void gw_wal_leave(struct gw_wal *wal, uint64_t frames)
{
    if (frames > 0) {
        wal->health.wal_bytes = frames * (wal->page_bytes + FRAME_HEADER_BYTES);
        if (wal->health.wal_bytes > wal->health.wal_bytes_highest) {
            wal->health.wal_bytes_highest = wal->health.wal_bytes;
        }
        if (wal->health.wal_bytes >= wal->trigger_bytes) {
            pthread_cond_signal(&wal->work);
        }
    }
    pthread_mutex_unlock(&wal->gate);
}

void gw_wal_limit(struct gw_wal *wal, uint64_t start_bytes, uint64_t bytes_max,
                  uint64_t wait_us_max)
{
    MT_CHECK(start_bytes >= 1 && start_bytes <= bytes_max);
    pthread_mutex_lock(&wal->gate);
    wal->start_bytes = start_bytes;
    wal->bytes_max = bytes_max;
    wal->wait_us_max = wait_us_max;
    wal->trigger_bytes = start_bytes;
    pthread_cond_signal(&wal->work);
    pthread_mutex_unlock(&wal->gate);
}

void gw_wal_read_health(struct gw_wal_health *health, struct gw_wal *wal)
{
    pthread_mutex_lock(&wal->gate);
    *health = wal->health;
    pthread_mutex_unlock(&wal->gate);
}

/* ---- open and close --------------------------------------------------------------------------- */

static bool open_connection(struct gw_wal *wal, const char *path)
{
    sqlite3_stmt *query = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(path, &wal->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(wal->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(wal->db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0", NULL, NULL,
                     NULL) != SQLITE_OK ||
        /* Reading the schema opens the log; a connection that never read cannot copy it. */
        sqlite3_exec(wal->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_prepare_v2(wal->db, "PRAGMA page_size", -1, &query, NULL) != SQLITE_OK) {
        return false;
    }
    bool read = sqlite3_step(query) == SQLITE_ROW;
    if (read) {
        wal->page_bytes = (uint64_t)sqlite3_column_int64(query, 0);
    }
    sqlite3_finalize(query);
    return read;
}

/* Signals belong to the program's own threads: this one is born with all of them blocked. */
static bool start_thread(struct gw_wal *wal)
{
    sigset_t all, before;
    sigfillset(&all);
    MT_CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int code = pthread_create(&wal->thread, NULL, thread_main, wal);
    MT_CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (code == 0) {
        (void)pthread_setname_np(wal->thread, "gw-checkpoint"); /* only seen in ps and debuggers */
    }
    return code == 0;
}

enum gw_status gw_wal_open(struct gw_wal *wal, char *why, size_t why_max, const char *path)
{
    pthread_condattr_t monotonic;
    memset(wal, 0, sizeof *wal);
    atomic_init(&wal->gate_wanted, false);
    wal->start_bytes = GW_WAL_START_BYTES;
    wal->trigger_bytes = GW_WAL_START_BYTES;
    wal->bytes_max = GW_WAL_BYTES_MAX;
    wal->wait_us_max = GW_WAL_WAIT_US_MAX;
    if (!open_connection(wal, path)) {
        snprintf(why, why_max, "cannot open a connection for checkpoints: %s",
                 sqlite3_errmsg(wal->db));
        sqlite3_close(wal->db);
        return GW_IO;
    }
    MT_CHECK(pthread_condattr_init(&monotonic) == 0);
    MT_CHECK(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    MT_CHECK(pthread_cond_init(&wal->gate_open, &monotonic) == 0);
    MT_CHECK(pthread_cond_init(&wal->work, &monotonic) == 0);
    MT_CHECK(pthread_mutex_init(&wal->gate, NULL) == 0);
    pthread_condattr_destroy(&monotonic);
    if (!start_thread(wal)) {
        snprintf(why, why_max, "cannot start the thread for checkpoints");
        pthread_cond_destroy(&wal->gate_open);
        pthread_cond_destroy(&wal->work);
        pthread_mutex_destroy(&wal->gate);
        sqlite3_close(wal->db);
        return GW_IO;
    }
    return GW_OK;
}

void gw_wal_close(struct gw_wal *wal)
{
    pthread_mutex_lock(&wal->gate);
    wal->stop = true;
    pthread_cond_signal(&wal->work);
    pthread_mutex_unlock(&wal->gate);
    MT_CHECK(pthread_join(wal->thread, NULL) == 0);
    pthread_cond_destroy(&wal->gate_open);
    pthread_cond_destroy(&wal->work);
    pthread_mutex_destroy(&wal->gate);
    MT_CHECK(sqlite3_close(wal->db) == SQLITE_OK);
    wal->db = NULL;
}
