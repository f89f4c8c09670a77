/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The store alone: how long a block takes to be durable, and what it costs on the disk.
 *
 *      bench_store [directory [blocks]]     default: a new directory in the working directory, 6,000
 *
 *  A block has 15,000 bytes, as 1,024 readings have, and comes with one chunk of 20,000 bytes. The
 *  rates of the baselines are printed below it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/adapters/store_sqlite.h"
#include "tests/bench/baseline_sqlite.h"

enum { BLOCK_BYTES = 15000, CHUNK_BYTES = 20000, CHUNKS = 200, READINGS = 1024 };

static double seconds(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* these clocks are always there */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static struct gw_store_sqlite *open_store(const char *path)
{
    struct gw_store_sqlite *store = NULL;
    char why[512];
    if (gw_store_sqlite_open(&store, path, GW_STORE_READWRITE, why, sizeof why) != GW_OK) {
        fprintf(stderr, "bench_store: %s\n", why);
        exit(1);
    }
    return store;
}

static void remove_store(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[600];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name); /* it may not be there */
    }
}

static void append(const struct gw_store_port *port, const uint8_t *bytes, uint32_t number)
{
    struct gw_chunk chunk = {.kind = 1,
                             .index = number % CHUNKS,
                             .block = number,
                             .bytes = bytes + number % 777,
                             .len = CHUNK_BYTES};
    struct gw_block_write write = {.number = number,
                                   .time_us = number,
                                   .bytes = bytes + number % 999,
                                   .len = BLOCK_BYTES,
                                   .chunks = &chunk,
                                   .chunk_count = 1};
    if (port->append(port->self, &write) != GW_OK) {
        fprintf(stderr, "bench_store: block %u was not written\n", (unsigned)number);
        exit(1);
    }
}

/* One line of the table. */
static void run(const char *name, const char *path, uint32_t blocks, uint64_t wal_start_bytes)
{
    static uint8_t bytes[65536];
    double *took_s = malloc(blocks * sizeof *took_s);
    struct gw_store_health health;
    if (took_s == NULL) {
        fprintf(stderr, "bench_store: no memory\n");
        exit(1);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    }
    remove_store(path);
    struct gw_store_sqlite *store = open_store(path);
    struct gw_store_port port = gw_store_sqlite_port(store);
    gw_store_sqlite_limit_wal(store, wal_start_bytes, UINT64_C(1) << 34, 60000000);
    double from_s = seconds(CLOCK_MONOTONIC), cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < blocks; i++) {
        double before_s = seconds(CLOCK_MONOTONIC);
        append(&port, bytes, i + 1);
        took_s[i] = seconds(CLOCK_MONOTONIC) - before_s;
    }
    double wall_s = seconds(CLOCK_MONOTONIC) - from_s;
    cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_s;
    gw_store_sqlite_health(&health, store);
    gw_store_sqlite_close(store);
    store = open_store(path);
    struct gw_store_health closed;
    gw_store_sqlite_health(&closed, store);
    gw_store_sqlite_close(store);
    qsort(took_s, blocks, sizeof *took_s, by_size);
    printf("%-22s %7.0f %7.2f %7.2f %7.2f %8.2f %9.0f %9.1f %9.1f %11.2f\n", name, blocks / wall_s,
           took_s[blocks / 2] * 1e3, took_s[blocks * 99 / 100] * 1e3,
           took_s[blocks * 999ull / 1000] * 1e3, took_s[blocks - 1] * 1e3, cpu_s / blocks * 1e6,
           (double)health.wal.wal_bytes_highest / 1e6, (double)health.wal.gate_us_max / 1e3,
           ((double)closed.database_bytes - (double)CHUNKS * CHUNK_BYTES) / blocks / READINGS);
    free(took_s);
    remove_store(path);
}

static const struct {
    const char *name;
    double (*rate)(const char *directory, uint64_t readings, uint32_t group, double *bytes);
} baselines[] = {
    {"a row each", baseline_append_rate},
    {"a row each, balances written with the group", baseline_balance_rate},
    {"relational: UNIQUE (meter, seq) and balances", baseline_relational_rate},
};

int main(int argc, char **argv)
{
    char made[] = "bench-store-XXXXXX", path[512];
    const char *directory = argc > 1 ? argv[1] : mkdtemp(made);
    uint32_t blocks = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 6000;
    if (directory == NULL || blocks < 1000) {
        fprintf(stderr, "usage: bench_store [directory [blocks, at least 1000]]\n");
        return 1;
    }
    snprintf(path, sizeof path, "%s/bench.db", directory);
    printf(
        "%u blocks of %d bytes, each with one chunk of %d bytes; durable when append returns\n\n",
        (unsigned)blocks, BLOCK_BYTES, CHUNK_BYTES);
    printf("%-22s %7s %7s %7s %7s %8s %9s %9s %9s %11s\n", "", "blocks", "p50", "p99", "p99.9",
           "max", "processor", "log", "gate", "bytes per");
    printf("%-22s %7s %7s %7s %7s %8s %9s %9s %9s %11s\n", "checkpoints", "per s", "ms", "ms", "ms",
           "ms", "us/block", "MB", "ms max", "reading");
    run("beside (default)", path, blocks, GW_WAL_START_BYTES);
    run("none", path, blocks, UINT64_C(1) << 33);
    run("beside, log of 16 MB", path, blocks, 16u << 20);
    uint64_t readings = (uint64_t)blocks * READINGS;
    readings = readings > 1000000 ? 1000000 : readings;
    printf("\n%llu readings in groups of %d, in rows of their own:\n", (unsigned long long)readings,
           READINGS);
    for (size_t i = 0; i < sizeof baselines / sizeof baselines[0]; i++) {
        double bytes = 0;
        double rate = baselines[i].rate(directory, readings, READINGS, &bytes);
        printf("%-46s %9.0f readings/s %6.1f bytes\n", baselines[i].name, rate, bytes);
    }
    if (argc < 2) {
        (void)rmdir(directory); /* empty unless somebody put something into it */
    }
    return 0;
}
