/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The operator's books when the disk fails: at the 1st, 2nd, ... write until none fails, an order that
 *  was acknowledged is there, one that was not acknowledged can be sent again, and it is done once.
 *
 *  The disk is SQLite's own, behind a layer that fails the n-th write or flush.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/operator/book.h"
#include "sim/operator/writer.h"
#include "tests/support/unit.h"

#define NOW_US 1795462623491265

/* ---- a disk that fails ---------------------------------------------------------------------------- */

static int calls_until_fault; /* 0: never again */
static int faults_hit;

struct faulty_file {
    sqlite3_file base;
    sqlite3_io_methods methods; /* of this layer */
    sqlite3_file *real;
};

static bool fails_now(void)
{
    if (calls_until_fault > 0 && --calls_until_fault == 0) {
        faults_hit++;
        return true;
    }
    return false;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

static int f_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    int rc = real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
    free(real);
    return rc;
}

static int f_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), out, len, at);
}

static int f_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    if (fails_now()) {
        return SQLITE_FULL;
    }
    return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    if (fails_now()) {
        return SQLITE_IOERR_FSYNC;
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int f_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int f_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int f_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int f_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int f_shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs faulty_vfs;

static int f_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    struct faulty_file *faulty = (struct faulty_file *)file;
    (void)vfs;
    faulty->base.pMethods = NULL;
    faulty->real = calloc(1, (size_t)real_vfs->szOsFile);
    if (faulty->real == NULL) {
        return SQLITE_NOMEM;
    }
    int rc = real_vfs->xOpen(real_vfs, name, faulty->real, flags, out_flags);
    if (rc != SQLITE_OK) {
        free(faulty->real);
        return rc;
    }
    faulty->base.pMethods = &faulty_methods;
    return SQLITE_OK;
}

static void install_faulty_disk(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file);
    faulty_vfs.xOpen = f_open;
    (void)sqlite3_vfs_register(&faulty_vfs, 1);
}

/* ---- books in a folder of their own --------------------------------------------------------------- */

static char folder[] = "/tmp/test-operator-book-XXXXXX";
static char path[64];
static struct sim_classes classes;

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[80];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static struct sim_book *open_book(void)
{
    struct sim_book *book = NULL;
    char error[SIM_BOOK_ERROR_BYTES] = "";
    enum gw_status status = sim_book_open(&book, error, path, &classes);
    if (status != GW_OK) {
        printf("    %s\n", error);
    }
    CU_ASSERT_EQUAL_FATAL(status, GW_OK);
    return book;
}

static void add_json(struct sim_book *book, const char *text,
                     void (*add)(struct sim_book *, struct sim_answer *, const json_t *, int64_t))
{
    struct sim_answer answer;
    json_t *json = json_loads(text, 0, NULL);
    add(book, &answer, json, NOW_US);
    CU_ASSERT_EQUAL(answer.http_status, 200);
    free(answer.body);
    json_decref(json);
}

static struct sim_book *new_book(void)
{
    remove_files();
    struct sim_book *book = open_book();
    CU_ASSERT_EQUAL_FATAL(sim_book_begin(book), GW_OK);
    add_json(book, "{\"id\":\"w\",\"class\":\"I\",\"type\":\"personal\",\"balance_fen\":1000}",
             sim_book_add_wallets);
    add_json(book, "{\"id\":\"m\",\"wallet\":\"w\",\"gateway\":\"g\"}", sim_book_add_mandates);
    CU_ASSERT_EQUAL_FATAL(sim_book_commit(book), GW_OK);
    return book;
}

static struct sim_request request_of(enum sim_action action, const char *key, int64_t amount_fen)
{
    struct sim_request request = {.action = action, .gateway = "g", .capture = true};
    (void)snprintf(request.key, sizeof request.key, "%s", key);
    (void)snprintf(request.hash, sizeof request.hash, "%d-%lld", (int)action,
                   (long long)amount_fen);
    request.transfer = (struct sim_transfer){
        .wallet = "w", .mandate = "m", .amount_fen = amount_fen, .part_count = 1};
    request.transfer.parts[0] = (struct gw_order_part){"grid", amount_fen};
    return request;
}

/* One request in a transaction of its own. Returns the commit's status, and the answer's HTTP status. */
static enum gw_status execute(struct sim_book *book, unsigned *http_status,
                              const struct sim_request *request)
{
    struct sim_answer answer;
    enum gw_status status = sim_book_begin(book);
    if (status != GW_OK) {
        return status;
    }
    sim_book_execute(book, &answer, request, NOW_US);
    *http_status = answer.http_status;
    free(answer.body);
    return sim_book_commit(book);
}

static int64_t balance_of(struct sim_book *book)
{
    struct sim_answer answer = {0};
    CU_ASSERT_EQUAL_FATAL(sim_book_wallet(book, &answer, "w"), GW_OK);
    json_t *json = json_loads(answer.body, 0, NULL);
    int64_t balance_fen = json_integer_value(json_object_get(json, "balance_fen"));
    json_decref(json);
    free(answer.body);
    return balance_fen;
}

static bool books_hold(struct sim_book *book)
{
    struct sim_answer answer = {0};
    CU_ASSERT_EQUAL_FATAL(sim_book_check(book, &answer), GW_OK);
    bool hold = strstr(answer.body, "{\"ok\":true") == answer.body;
    if (!hold) {
        printf("    %s\n", answer.body);
    }
    free(answer.body);
    return hold;
}

static bool order_known(struct sim_book *book, const char *key)
{
    struct sim_answer answer = {0};
    CU_ASSERT_EQUAL_FATAL(sim_book_order(book, &answer, "g", key), GW_OK);
    bool known = answer.http_status == 200;
    free(answer.body);
    return known;
}

/* ---- tests ----------------------------------------------------------------------------------------- */

static void a_failed_write_leaves_no_trace_and_the_order_can_be_sent_again(void)
{
    enum gw_status status = GW_IO;
    int nth = 0;
    while (status != GW_OK) {
        unsigned http_status = 0;
        struct sim_book *book = new_book();
        struct sim_request request = request_of(SIM_ACTION_RESERVE, "k", 300);
        calls_until_fault = ++nth;
        status = execute(book, &http_status, &request);
        calls_until_fault = 0;
        CU_ASSERT_EQUAL(order_known(book, "k"), status == GW_OK);
        CU_ASSERT_EQUAL(balance_of(book), status == GW_OK ? 700 : 1000);
        CU_ASSERT_TRUE(books_hold(book));
        CU_ASSERT_EQUAL(execute(book, &http_status, &request), GW_OK);
        CU_ASSERT_EQUAL(http_status, 200);
        CU_ASSERT_EQUAL(balance_of(book), 700);
        CU_ASSERT_TRUE(books_hold(book));
        sim_book_close(book);
    }
    CU_ASSERT_EQUAL(faults_hit, nth - 1);
    CU_ASSERT(nth > 5); /* pages of the log and its flush: ending sooner, an error was ignored */
}

static void a_failed_write_in_a_group_leaves_no_trace_of_any(void)
{
    for (int nth = 1; nth <= 8; nth++) {
        struct sim_answer answer;
        struct sim_book *book = new_book();
        struct sim_request first = request_of(SIM_ACTION_RESERVE, "a", 300);
        struct sim_request second = request_of(SIM_ACTION_REFUND, "b", 100);
        CU_ASSERT_EQUAL(sim_book_begin(book), GW_OK);
        calls_until_fault = nth;
        sim_book_execute(book, &answer, &first, NOW_US);
        free(answer.body);
        sim_book_execute(book, &answer, &second, NOW_US);
        free(answer.body);
        enum gw_status status = sim_book_commit(book);
        calls_until_fault = 0;
        CU_ASSERT_EQUAL(order_known(book, "a"), status == GW_OK);
        CU_ASSERT_EQUAL(order_known(book, "b"), status == GW_OK);
        CU_ASSERT_TRUE(books_hold(book));
        sim_book_close(book);
    }
}

static void after_a_fault_and_a_restart_an_order_is_there_or_not_and_never_twice(void)
{
    for (int nth = 1; nth <= 12; nth++) {
        unsigned http_status = 0;
        struct sim_book *book = new_book();
        struct sim_request request = request_of(SIM_ACTION_RESERVE, "k", 300);
        calls_until_fault = nth;
        enum gw_status status = execute(book, &http_status, &request);
        calls_until_fault = 0;
        sim_book_close(book);
        book = open_book();
        CU_ASSERT_TRUE(status != GW_OK || order_known(book, "k"));
        CU_ASSERT_EQUAL(balance_of(book), order_known(book, "k") ? 700 : 1000);
        CU_ASSERT_EQUAL(execute(book, &http_status, &request), GW_OK);
        CU_ASSERT_EQUAL(balance_of(book), 700);
        CU_ASSERT_TRUE(books_hold(book));
        sim_book_close(book);
    }
}

static void a_broken_list_of_wallets_leaves_the_groups_other_work_alone(void)
{
    struct sim_answer answer;
    unsigned http_status = 0;
    struct sim_book *book = new_book();
    struct sim_request request = request_of(SIM_ACTION_RESERVE, "k", 300);
    json_t *list = json_loads("[{\"id\":\"x\",\"class\":\"I\",\"type\":\"personal\"},"
                              "{\"id\":\"y\",\"class\":\"?\",\"type\":\"personal\"}]",
                              0, NULL);
    CU_ASSERT_EQUAL(sim_book_begin(book), GW_OK);
    sim_book_execute(book, &answer, &request, NOW_US);
    free(answer.body);
    sim_book_add_wallets(book, &answer, list, NOW_US);
    http_status = answer.http_status;
    free(answer.body);
    CU_ASSERT_EQUAL(sim_book_commit(book), GW_OK);
    CU_ASSERT_EQUAL(http_status, 400);
    CU_ASSERT_TRUE(order_known(book, "k"));
    CU_ASSERT_EQUAL(sim_book_wallet(book, &answer, "x"), GW_OK);
    CU_ASSERT_EQUAL(answer.http_status, 404);
    free(answer.body);
    json_decref(list);
    CU_ASSERT_TRUE(books_hold(book));
    sim_book_close(book);
}

static void change_row(const char *sql)
{
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
}

static void the_check_finds_each_kind_of_damage(void)
{
    static const char *const damages[] = {
        "UPDATE account SET balance_fen = balance_fen + 1 WHERE name = 'wallet:w'",
        "UPDATE posting SET amount_fen = amount_fen + 1 WHERE id = 2",
        "UPDATE account SET balance_fen = -1 WHERE name = 'payee:g:grid'",
        "UPDATE orders SET state = 2 WHERE key = 'k'",
        "UPDATE orders SET captured_fen = 299 WHERE key = 'k'",
        "DELETE FROM movement",
        "INSERT INTO movement SELECT NULL, gateway, 'ghost', day, kind, wallet, mandate, "
        "amount_fen,"
        " parts, time_us, ref FROM movement",
        "UPDATE movement SET parts = '[[\"grid\",299]]'",
        "UPDATE mandate SET captured_fen = 301",
        "UPDATE wallet SET day_fen = 299",
        "UPDATE wallet SET year_fen = 301",
        "DELETE FROM request",
    };
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        unsigned http_status = 0;
        struct sim_answer answer = {0};
        struct sim_book *book = new_book();
        struct sim_request request = request_of(SIM_ACTION_RESERVE, "k", 300);
        CU_ASSERT_EQUAL(execute(book, &http_status, &request), GW_OK);
        CU_ASSERT_TRUE(books_hold(book));
        sim_book_close(book);
        change_row(damages[i]);
        book = open_book();
        CU_ASSERT_EQUAL(sim_book_check(book, &answer), GW_OK);
        CU_ASSERT(strstr(answer.body, "{\"ok\":false") == answer.body);
        free(answer.body);
        sim_book_close(book);
    }
}

static void a_database_of_another_program_is_left_alone(void)
{
    char error[SIM_BOOK_ERROR_BYTES] = "";
    struct sim_book *book = NULL;
    remove_files();
    change_row("CREATE TABLE other (x)");
    CU_ASSERT_EQUAL(sim_book_open(&book, error, path, &classes), GW_INVALID);
    CU_ASSERT(strstr(error, "not made by meterpay-operator") != NULL);
    remove_files();
    sim_book_close(new_book());
    change_row("PRAGMA user_version = 2");
    CU_ASSERT_EQUAL(sim_book_open(&book, error, path, &classes), GW_INVALID);
    CU_ASSERT(strstr(error, "another version") != NULL);
    remove_files();
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT(fputs("this is no database, and it is longer than a header would be", file) >= 0);
    CU_ASSERT(fclose(file) == 0);
    CU_ASSERT_EQUAL(sim_book_open(&book, error, path, &classes), GW_IO);
    CU_ASSERT_PTR_NULL(book);
}

static const struct unit_test tests[] = {
    {"a_failed_write_leaves_no_trace_and_the_order_can_be_sent_again",
     a_failed_write_leaves_no_trace_and_the_order_can_be_sent_again},
    {"a_failed_write_in_a_group_leaves_no_trace_of_any",
     a_failed_write_in_a_group_leaves_no_trace_of_any},
    {"after_a_fault_and_a_restart_an_order_is_there_or_not_and_never_twice",
     after_a_fault_and_a_restart_an_order_is_there_or_not_and_never_twice},
    {"a_broken_list_of_wallets_leaves_the_groups_other_work_alone",
     a_broken_list_of_wallets_leaves_the_groups_other_work_alone},
    {"the_check_finds_each_kind_of_damage", the_check_finds_each_kind_of_damage},
    {"a_database_of_another_program_is_left_alone", a_database_of_another_program_is_left_alone},
};

int main(int argc, char **argv)
{
    char error[SIM_CLASSES_ERROR_BYTES];
    if (mkdtemp(folder) == NULL ||
        sim_classes_load(&classes, error, "sim/operator/wallet-classes.yaml") != GW_OK) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/operator.db", folder);
    install_faulty_disk();
    int code = unit_main("operator_book", tests, sizeof tests / sizeof tests[0], argc, argv);
    remove_files();
    (void)rmdir(folder);
    return code;
}
