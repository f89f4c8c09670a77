/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The SQLite store: what it keeps and what it refuses, its log, its readers and its backups. Disks that
 *  fail or lose power are in test_store_faults.c.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "gateway/adapters/store_schema.h"
#include "tests/support/store_place.h"

/* ---- what it keeps ----------------------------------------------------------------------------- */

static void a_new_store_is_empty_and_private(void)
{
    struct stat file;
    char name[160];
    start();
    snprintf(path, sizeof path, "%s/new/store.db", directory);
    struct gw_store_sqlite *store = open_writer();
    CU_ASSERT_TRUE(holds(store, 0));
    append_all(store, 1, 1);
    const char *const files[] = {"", "-wal", "-shm", ".lock"};
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", path, files[i]);
        CU_ASSERT_EQUAL_FATAL(stat(name, &file), 0);
        CU_ASSERT_EQUAL(file.st_mode & 07777, 0600);
    }
    snprintf(name, sizeof name, "%s/new", directory);
    CU_ASSERT_EQUAL_FATAL(stat(name, &file), 0);
    CU_ASSERT_EQUAL(file.st_mode & 07777, 0700);
    gw_store_sqlite_close(store);
    memcpy(directory, name, strlen(name) + 1);
    finish();
    *strrchr(directory, '/') = '\0';
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static void a_file_that_others_could_read_is_made_private(void)
{
    struct stat file;
    start();
    gw_store_sqlite_close(open_writer());
    CU_ASSERT_EQUAL(chmod(path, 0644), 0);
    gw_store_sqlite_close(open_writer());
    CU_ASSERT_EQUAL_FATAL(stat(path, &file), 0);
    CU_ASSERT_EQUAL(file.st_mode & 07777, 0600);
    finish();
}

static void what_was_appended_is_there_after_opening_again(void)
{
    start();
    struct gw_store_sqlite *store = open_writer();
    append_all(store, 1, 20);
    CU_ASSERT_TRUE(holds(store, 20));
    gw_store_sqlite_close(store);
    store = open_writer();
    CU_ASSERT_TRUE(holds(store, 20));
    append_all(store, 21, 25);
    CU_ASSERT_TRUE(holds(store, 25));
    gw_store_sqlite_close(store);
    finish();
}

static void a_block_is_read_by_its_number_into_a_buffer_that_is_large_enough(void)
{
    static uint8_t bytes[BYTES_MAX];
    size_t len = 77;
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_port port = gw_store_sqlite_port(store);
    append_all(store, 1, 9);
    CU_ASSERT_EQUAL(port.block_read(port.self, 7, bytes, &len, length_of(7)), GW_OK);
    CU_ASSERT_EQUAL(len, length_of(7));
    CU_ASSERT_TRUE(filled_as(bytes, len, 7));
    bytes[0] = 0xee;
    len = 77;
    CU_ASSERT_EQUAL(port.block_read(port.self, 8, bytes, &len, length_of(8) - 1), GW_FULL);
    CU_ASSERT_EQUAL(port.block_read(port.self, 10, bytes, &len, sizeof bytes), GW_END);
    CU_ASSERT_EQUAL(port.block_read(port.self, 0, bytes, &len, sizeof bytes), GW_END);
    CU_ASSERT_EQUAL(port.block_read(port.self, UINT64_MAX, bytes, &len, sizeof bytes), GW_END);
    CU_ASSERT_EQUAL(bytes[0], 0xee); /* outputs are untouched by a failure */
    CU_ASSERT_EQUAL(len, 77);
    gw_store_sqlite_close(store);
    finish();
}

static enum gw_status stop_at_four(void *arg, uint64_t number, const uint8_t *bytes, size_t len)
{
    uint64_t *seen = arg;
    (void)bytes;
    (void)len;
    *seen = number;
    return number == 4 ? GW_END : GW_OK;
}

static void a_walk_begins_where_asked_and_ends_where_the_visitor_says(void)
{
    uint64_t seen = 0;
    struct seen blocks = {.last_block = 6, .good = true};
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_port port = gw_store_sqlite_port(store);
    append_all(store, 1, 9);
    CU_ASSERT_EQUAL(port.block_walk(port.self, 2, &seen, stop_at_four), GW_END);
    CU_ASSERT_EQUAL(seen, 4);
    CU_ASSERT_EQUAL(port.block_walk(port.self, 7, &blocks, see_block), GW_OK);
    CU_ASSERT_TRUE(blocks.good);
    CU_ASSERT_EQUAL(blocks.count, 3);
    seen = 0;
    CU_ASSERT_EQUAL(port.block_walk(port.self, 10, &seen, stop_at_four), GW_OK);
    CU_ASSERT_EQUAL(port.block_walk(port.self, UINT64_MAX, &seen, stop_at_four), GW_OK);
    CU_ASSERT_EQUAL(seen, 0);
    gw_store_sqlite_close(store);
    finish();
}

/* Rows in the order of (kind, index), with the first and the last of both that there can be. */
static const struct {
    uint32_t kind, index;
} chunk_rows[] = {{0, 0}, {0, UINT32_MAX}, {1, 0}, {7, 123456}, {INT32_MAX, UINT32_MAX}};
enum { CHUNK_ROWS = sizeof chunk_rows / sizeof chunk_rows[0] };

static enum gw_status see_chunk_row(void *arg, const struct gw_chunk *chunk)
{
    size_t *at = arg;
    CU_ASSERT_TRUE_FATAL(*at < CHUNK_ROWS);
    CU_ASSERT_EQUAL(chunk->kind, chunk_rows[*at].kind);
    CU_ASSERT_EQUAL(chunk->index, chunk_rows[*at].index);
    CU_ASSERT_EQUAL(chunk->block, 2);
    CU_ASSERT_EQUAL(chunk->len, *at * 1000); /* the first has no bytes at all */
    CU_ASSERT_TRUE(filled_as(chunk->bytes, chunk->len, *at));
    (*at)++;
    return GW_OK;
}

static void a_chunk_is_replaced_by_its_newer_image_and_no_other(void)
{
    static uint8_t bytes[CHUNK_ROWS][CHUNK_ROWS * 1000];
    struct gw_chunk chunks[CHUNK_ROWS];
    size_t at = 0;
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_port port = gw_store_sqlite_port(store);
    for (uint64_t number = 1; number <= 2; number++) {
        for (size_t i = 0; i < CHUNK_ROWS; i++) {
            size_t len = number == 1 ? 300 : i * 1000;
            fill(bytes[i], len, i);
            chunks[i] = (struct gw_chunk){.kind = chunk_rows[i].kind,
                                          .index = chunk_rows[i].index,
                                          .block = number,
                                          .bytes = len > 0 ? bytes[i] : NULL,
                                          .len = len};
        }
        struct gw_block_write write = {.number = number,
                                       .chunks = chunks,
                                       .chunk_count = CHUNK_ROWS};
        CU_ASSERT_EQUAL_FATAL(port.append(port.self, &write), GW_OK);
    }
    CU_ASSERT_EQUAL(port.chunk_walk(port.self, &at, see_chunk_row), GW_OK);
    CU_ASSERT_EQUAL(at, CHUNK_ROWS);
    gw_store_sqlite_close(store);
    finish();
}

static void the_largest_block_of_the_core_is_kept_whole(void)
{
    enum { LARGE = 2 * 1024 * 1024 }; /* GW_BLOCK_BYTES_MAX of limits.h */
    uint8_t *bytes = malloc(LARGE), *read = malloc(LARGE);
    size_t len = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_port port = gw_store_sqlite_port(store);
    fill(bytes, LARGE, 1);
    struct gw_block_write write = {.number = 1, .bytes = bytes, .len = LARGE};
    CU_ASSERT_EQUAL(port.append(port.self, &write), GW_OK);
    CU_ASSERT_EQUAL(port.block_read(port.self, 1, read, &len, LARGE), GW_OK);
    CU_ASSERT_EQUAL(len, LARGE);
    CU_ASSERT_EQUAL(memcmp(bytes, read, LARGE), 0);
    gw_store_sqlite_close(store);
    free(bytes);
    free(read);
    finish();
}

/* ---- what it refuses ---------------------------------------------------------------------------- */

static void a_second_writer_is_refused_and_told_who_the_first_is(void)
{
    char process[32];
    start();
    struct gw_store_sqlite *store = open_writer();
    snprintf(process, sizeof process, "(process %ld)", (long)getpid());
    refuses(GW_STORE_READWRITE, GW_BUSY, process);
    refuses(GW_STORE_READWRITE, GW_BUSY, "has it open for writing");
    append_all(store, 1, 1);
    gw_store_sqlite_close(store);
    store = open_writer();
    CU_ASSERT_TRUE(holds(store, 1));
    gw_store_sqlite_close(store);
    finish();
}

/* Run SQL on the file without the store. */
static void shell(const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, &message), SQLITE_OK);
    if (message != NULL) {
        printf("    %s: %s\n", sql, message);
    }
    sqlite3_free(message);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static void a_newer_version_is_refused_with_a_sentence_that_helps(void)
{
    start();
    gw_store_sqlite_close(open_writer());
    shell("PRAGMA user_version = 4");
    refuses(GW_STORE_READWRITE, GW_INVALID, "written by a newer meterpay (schema version 4;");
    refuses(GW_STORE_READONLY, GW_INVALID, "written by a newer meterpay (schema version 4;");
    shell("PRAGMA user_version = 3");
    gw_store_sqlite_close(open_writer()); /* nothing was changed by refusing */
    shell("PRAGMA user_version = -1");
    refuses(GW_STORE_READWRITE, GW_INVALID, "none that ever was");
    finish();
}

static void another_programs_file_is_refused_and_left_as_it_is(void)
{
    start();
    shell("CREATE TABLE block (number INTEGER PRIMARY KEY); PRAGMA user_version = 1");
    refuses(GW_STORE_READWRITE, GW_INVALID, "not a meterpay store");
    refuses(GW_STORE_READONLY, GW_INVALID, "not a meterpay store");
    shell("DROP TABLE block"); /* it is still there */
    remove_files();
    FILE *file = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < 2000; i++) {
        CU_ASSERT_TRUE(fputs("this is a letter, and no database at all\n", file) >= 0);
    }
    CU_ASSERT_EQUAL(fclose(file), 0);
    refuses(GW_STORE_READWRITE, GW_CORRUPT, "not a database");
    refuses(GW_STORE_READONLY, GW_CORRUPT, "not a database");
    remove_files();
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    refuses(GW_STORE_READWRITE, GW_IO, "not a regular file");
    CU_ASSERT_EQUAL(rmdir(path), 0);
    finish();
}

static void what_is_missing_is_named(void)
{
    struct gw_store_sqlite *store = NULL;
    static char long_path[2000];
    start();
    refuses(GW_STORE_READONLY, GW_IO, "there is no such store");
    snprintf(path, sizeof path, "%s/no/such/store.db", directory);
    refuses(GW_STORE_READWRITE, GW_IO, "cannot make the directory: No such file or directory");
    memset(long_path, 'x', sizeof long_path - 1);
    CU_ASSERT_EQUAL(gw_store_sqlite_open(&store, long_path, GW_STORE_READWRITE, why, sizeof why),
                    GW_INVALID);
    CU_ASSERT_EQUAL(gw_store_sqlite_open(&store, "", GW_STORE_READWRITE, why, sizeof why),
                    GW_INVALID);
    CU_ASSERT_PTR_NULL(store);
    finish();
}

/* ---- versions ---------------------------------------------------------------------------------- */

/* What the first version wrote: blocks and a chunk, no documents. */
static const char version_1[] =
    "PRAGMA page_size=2048; PRAGMA journal_mode=WAL;"
    "BEGIN;"
    "CREATE TABLE block (number INTEGER PRIMARY KEY CHECK (number >= 1),"
    " time_us INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE chunk (id INTEGER PRIMARY KEY, block INTEGER NOT NULL, bytes BLOB NOT NULL) "
    "STRICT;"
    "PRAGMA application_id = 1836347513; PRAGMA user_version = 1;"
    "INSERT INTO block VALUES (1, 1000000, x'00112233'), (2, 2000000, x'');"
    "INSERT INTO chunk VALUES (12884901893, 2, x'c0ffee');" /* 3 * 2^32 + 5 */
    "COMMIT;";

static enum gw_status see_old_chunk(void *arg, const struct gw_chunk *chunk)
{
    bool *good = arg;
    *good = chunk->kind == 3 && chunk->index == 5 && chunk->block == 2 && chunk->len == 3 &&
            chunk->crc == 0 && memcmp(chunk->bytes, "\xc0\xff\xee", 3) == 0;
    return GW_OK;
}

static void expect_old_contents(struct gw_store_sqlite *store)
{
    uint8_t bytes[16];
    size_t len = 77;
    bool good = false;
    struct gw_store_port port = gw_store_sqlite_port(store);
    CU_ASSERT_EQUAL(last_of(store), 2);
    CU_ASSERT_EQUAL(port.block_read(port.self, 1, bytes, &len, sizeof bytes), GW_OK);
    CU_ASSERT_EQUAL(len, 4);
    CU_ASSERT_EQUAL(memcmp(bytes, "\x00\x11\x22\x33", 4), 0);
    CU_ASSERT_EQUAL(port.block_read(port.self, 2, bytes, &len, sizeof bytes), GW_OK);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(port.chunk_walk(port.self, &good, see_old_chunk), GW_OK);
    CU_ASSERT_TRUE(good);
}

static void a_store_of_version_1_is_brought_up_to_date_with_all_it_holds(void)
{
    start();
    shell(version_1);
    refuses(GW_STORE_READONLY, GW_INVALID, "start meterpayd once");
    struct gw_store_sqlite *store = open_writer();
    expect_old_contents(store);
    CU_ASSERT_EQUAL(append(store, 3), GW_OK); /* with a document */
    gw_store_sqlite_close(store);
    store = open_as(GW_STORE_READONLY);
    struct seen documents = {.good = false};
    CU_ASSERT_EQUAL(gw_store_sqlite_documents(store, &documents, see_document), GW_OK);
    CU_ASSERT_TRUE(documents.good);
    gw_store_sqlite_close(store);
    finish();
}

static void a_migration_that_fails_at_any_call_leaves_the_old_version_or_the_new(void)
{
    for (uint32_t kind = FAULT_IO; kind <= FAULT_CUT; kind++) {
        bool failed = true;
        for (uint32_t nth = 1; failed; nth++) {
            struct gw_store_sqlite *store = NULL;
            start();
            shell(version_1);
            fault_vfs_arm((enum fault_kind)kind, nth, false);
            enum gw_status status =
                gw_store_sqlite_open(&store, path, GW_STORE_READWRITE, why, sizeof why);
            if (status == GW_OK) {
                gw_store_sqlite_close(store);
            } else {
                CU_ASSERT_TRUE(status == (kind == FAULT_NO_ROOM ? GW_FULL : GW_IO) ||
                               status == GW_IO);
            }
            if (kind == FAULT_CUT) {
                failed = fault_vfs_calls() >= nth;
                fault_vfs_settle(nth);
            } else {
                failed = fault_vfs_disarm();
            }
            CU_ASSERT_TRUE(status == GW_OK || failed);
            store = open_writer();
            expect_old_contents(store);
            gw_store_sqlite_close(store);
            finish();
            CU_ASSERT_FATAL(nth < 1000);
        }
    }
}

/* ---- the log ----------------------------------------------------------------------------------- */

static int64_t log_bytes(void)
{
    struct stat file;
    char name[160];
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &file) == 0 ? (int64_t)file.st_size : 0;
}

static void the_log_stays_below_its_bound_whatever_is_written(void)
{
    enum { START = 200000, BOUND = 400000, BLOCKS = 400 };
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_health health;
    gw_store_sqlite_limit_wal(store, START, BOUND, 20000000);
    append_all(store, 1, BLOCKS);
    gw_store_sqlite_health(&health, store);
    /* The bound and one transaction: at most 14 kB of rows, on pages of 2 kB with the tree's own. */
    CU_ASSERT_TRUE(log_bytes() <= BOUND + 40000);
    CU_ASSERT_TRUE(health.wal.wal_bytes_highest <= BOUND + 40000);
    CU_ASSERT_TRUE(health.wal.checkpoints >= 5);
    CU_ASSERT_EQUAL(health.wal.refused, 0);
    CU_ASSERT_EQUAL(health.wal.rounds_failed, 0);
    CU_ASSERT_EQUAL(health.blocks, BLOCKS);
    CU_ASSERT_TRUE(health.database_bytes > 1000000);
    CU_ASSERT_TRUE(holds(store, BLOCKS));
    gw_store_sqlite_close(store);
    CU_ASSERT_EQUAL(log_bytes(), 0); /* a clean close leaves the database file alone */
    finish();
}

static void a_reader_that_never_ends_fills_the_log_and_its_end_frees_it(void)
{
    enum { START = 100000, BOUND = 300000 };
    sqlite3 *held = NULL;
    uint64_t number = 5;
    enum gw_status status = GW_OK;
    start();
    struct gw_store_sqlite *store = open_writer();
    gw_store_sqlite_limit_wal(store, START, BOUND, 1000);
    append_all(store, 1, number);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &held), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(held, "BEGIN; SELECT count(*) FROM block", NULL, NULL, NULL),
                    SQLITE_OK);
    while (status == GW_OK && number < 200) {
        status = append(store, ++number);
    }
    CU_ASSERT_EQUAL(status, GW_FULL);
    CU_ASSERT_TRUE(log_bytes() >= BOUND && log_bytes() <= BOUND + 40000);
    CU_ASSERT_TRUE(holds(store, number - 1));
    struct gw_store_health health;
    gw_store_sqlite_health(&health, store);
    CU_ASSERT_EQUAL(health.wal.refused, 1);
    CU_ASSERT_TRUE(health.wal.rounds_held > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(health.append_failure, "the write-ahead log is at its bound"));
    CU_ASSERT_EQUAL(sqlite3_close_v2(held), SQLITE_OK);
    gw_store_sqlite_limit_wal(store, START, BOUND, 20000000);
    append_all(store, number, number + 50);
    CU_ASSERT_TRUE(holds(store, number + 50));
    CU_ASSERT_TRUE(log_bytes() <= BOUND + 40000);
    gw_store_sqlite_close(store);
    finish();
}

static void checkpoints_that_fail_are_reported_and_do_not_stop_commits(void)
{
    start();
    struct gw_store_sqlite *store = open_writer();
    struct gw_store_health health = {.wal = {.rounds_failed = 0}};
    append_all(store, 1, 10);
    /* The disk is full only for the thread, as no commit is made before it has tried. */
    fault_vfs_arm(FAULT_NO_ROOM, 1, true);
    gw_store_sqlite_limit_wal(store, 1000, 1000000, 1000);
    for (int i = 0; i < 5000 && health.wal.rounds_failed == 0; i++) {
        gw_store_sqlite_health(&health, store);
        usleep(1000);
    }
    CU_ASSERT_TRUE(fault_vfs_disarm());
    CU_ASSERT_TRUE(health.wal.rounds_failed > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(health.wal.failure, "No space left"));
    append_all(store, 11, 60);
    gw_store_sqlite_health(&health, store);
    CU_ASSERT_TRUE(health.wal.checkpoints > 0);
    CU_ASSERT_TRUE(holds(store, 60));
    gw_store_sqlite_close(store);
    finish();
}

/* ---- readers ----------------------------------------------------------------------------------- */

static void a_reader_sees_what_is_committed_and_cannot_change_it(void)
{
    start();
    struct gw_store_sqlite *store = open_writer();
    append_all(store, 1, 5);
    struct gw_store_sqlite *reader = open_as(GW_STORE_READONLY);
    CU_ASSERT_TRUE(holds(reader, 5));
    append_all(store, 6, 9);
    CU_ASSERT_TRUE(holds(reader, 9));
    gw_store_sqlite_close(store);
    CU_ASSERT_TRUE(holds(reader, 9)); /* the writer may go first */
    gw_store_sqlite_close(reader);
    reader = open_as(GW_STORE_READONLY);
    CU_ASSERT_TRUE(holds(reader, 9)); /* and need not be there at all */
    gw_store_sqlite_close(reader);
    finish();
}

struct reading {
    atomic_bool stop;
    uint64_t walks, newest; /* of the thread; read after the join */
    bool good;
};

static void *read_on(void *arg)
{
    struct reading *reading = arg;
    struct gw_store_sqlite *reader = NULL;
    char said[WHY_BYTES];
    reading->good =
        gw_store_sqlite_open(&reader, path, GW_STORE_READONLY, said, sizeof said) == GW_OK;
    if (!reading->good) {
        return NULL;
    }
    struct gw_store_port port = gw_store_sqlite_port(reader);
    bool last_turn = false;
    while (reading->good && !last_turn) {
        struct seen blocks = {.good = true}, chunk = {.good = false};
        last_turn = atomic_load(&reading->stop);
        reading->good = port.block_walk(port.self, 1, &blocks, see_block) == GW_OK && blocks.good &&
                        blocks.count >= reading->newest &&
                        port.chunk_walk(port.self, &chunk, see_chunk) == GW_OK && chunk.good &&
                        chunk.last_block >= blocks.last_block;
        reading->newest = blocks.count;
        reading->walks++;
    }
    gw_store_sqlite_close(reader);
    return NULL;
}

static void readers_on_other_threads_walk_beside_the_writer_and_its_checkpoints(void)
{
    enum { READERS = 2, BLOCKS = 300 };
    struct reading readings[READERS];
    pthread_t threads[READERS];
    start();
    struct gw_store_sqlite *store = open_writer();
    gw_store_sqlite_limit_wal(store, 200000, 100000000, 1000000);
    append_all(store, 1, 1);
    for (int i = 0; i < READERS; i++) {
        readings[i] = (struct reading){.walks = 0};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, read_on, &readings[i]), 0);
    }
    append_all(store, 2, BLOCKS);
    for (int i = 0; i < READERS; i++) {
        atomic_store(&readings[i].stop, true);
    }
    for (int i = 0; i < READERS; i++) {
        CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
        CU_ASSERT_TRUE(readings[i].good);
        CU_ASSERT_TRUE(readings[i].walks > 0);
        CU_ASSERT_EQUAL(readings[i].newest, BLOCKS);
    }
    gw_store_sqlite_close(store);
    finish();
}

/* ---- backup ------------------------------------------------------------------------------------ */

static void a_backup_is_a_store_of_its_own(void)
{
    char copy[160];
    struct stat file;
    start();
    snprintf(copy, sizeof copy, "%s/copy.db", directory);
    struct gw_store_sqlite *store = open_writer();
    append_all(store, 1, 12);
    struct gw_store_sqlite *reader = open_as(GW_STORE_READONLY);
    CU_ASSERT_EQUAL(gw_store_sqlite_backup(reader, copy, why, sizeof why), GW_OK);
    CU_ASSERT_EQUAL(gw_store_sqlite_backup(reader, copy, why, sizeof why), GW_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "there is something of that name already"));
    gw_store_sqlite_close(reader);
    append_all(store, 13, 15);
    gw_store_sqlite_close(store);
    CU_ASSERT_EQUAL_FATAL(stat(copy, &file), 0);
    CU_ASSERT_EQUAL(file.st_mode & 07777, 0600);
    memcpy(path, copy, strlen(copy) + 1);
    reader = open_as(GW_STORE_READONLY);
    CU_ASSERT_TRUE(holds(reader, 12));
    gw_store_sqlite_close(reader);
    store = open_writer();
    CU_ASSERT_TRUE(holds(store, 12));
    append_all(store, 13, 20);
    gw_store_sqlite_close(store);
    finish();
}

static void a_backup_that_fails_at_any_call_leaves_nothing_behind(void)
{
    char copy[160], part[168];
    bool failed = true;
    start();
    snprintf(copy, sizeof copy, "%s/copy.db", directory);
    snprintf(part, sizeof part, "%s.part", copy);
    struct gw_store_sqlite *store = open_writer();
    append_all(store, 1, 6);
    for (uint32_t nth = 1; failed; nth++) {
        fault_vfs_arm(FAULT_NO_ROOM, nth, false);
        enum gw_status status = gw_store_sqlite_backup(store, copy, why, sizeof why);
        failed = fault_vfs_disarm();
        CU_ASSERT_TRUE(failed ? status == GW_FULL || status == GW_IO : status == GW_OK);
        CU_ASSERT_EQUAL(access(copy, F_OK) == 0, !failed);
        CU_ASSERT_NOT_EQUAL(access(part, F_OK), 0);
        CU_ASSERT_FATAL(nth < 1000);
    }
    append_all(store, 7, 8);
    gw_store_sqlite_close(store);
    finish();
}

#define ROW(name)   \
    {               \
#name, name \
    }

static const struct unit_test tests[] = {
    ROW(a_new_store_is_empty_and_private),
    ROW(a_file_that_others_could_read_is_made_private),
    ROW(what_was_appended_is_there_after_opening_again),
    ROW(a_block_is_read_by_its_number_into_a_buffer_that_is_large_enough),
    ROW(a_walk_begins_where_asked_and_ends_where_the_visitor_says),
    ROW(a_chunk_is_replaced_by_its_newer_image_and_no_other),
    ROW(the_largest_block_of_the_core_is_kept_whole),
    ROW(a_second_writer_is_refused_and_told_who_the_first_is),
    ROW(a_newer_version_is_refused_with_a_sentence_that_helps),
    ROW(another_programs_file_is_refused_and_left_as_it_is),
    ROW(what_is_missing_is_named),
    ROW(a_store_of_version_1_is_brought_up_to_date_with_all_it_holds),
    ROW(a_migration_that_fails_at_any_call_leaves_the_old_version_or_the_new),
    ROW(the_log_stays_below_its_bound_whatever_is_written),
    ROW(a_reader_that_never_ends_fills_the_log_and_its_end_frees_it),
    ROW(checkpoints_that_fail_are_reported_and_do_not_stop_commits),
    ROW(a_reader_sees_what_is_committed_and_cannot_change_it),
    ROW(readers_on_other_threads_walk_beside_the_writer_and_its_checkpoints),
    ROW(a_backup_is_a_store_of_its_own),
    ROW(a_backup_that_fails_at_any_call_leaves_nothing_behind),
};
UNIT_MAIN("store_sqlite", tests)
