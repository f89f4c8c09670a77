/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Settling: authentic frame -> decoded, rated, posted, durable, against what SQLite does with plain
 * rows in the same run. Sealing the frames is the meters' work and is not timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/baseline_sqlite.h"
#include "tests/bench/bench_row.h"
#include "tests/bench/settle_load.h"

#define GROUP GW_BATCH_MAX
#define ROUNDS 3

static char directory[64] = "/tmp/meterpay-bench-XXXXXX";
static char path[96];

static void remove_store(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char name[128];
    for (unsigned i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)unlink(name); /* What is not there need not be removed. */
    }
}

static double file_bytes(void)
{
    struct stat status;
    return stat(path, &status) == 0 ? (double)status.st_size : 0.0;
}

/* Settle this many readings; returns readings a second of wall time. */
static double settle(struct settle_load *load, uint64_t readings)
{
    double took_s = 0.0;
    for (uint64_t done = 0; done < readings; done += GROUP) {
        settle_load_seal(load, GROUP);
        double start_s = bench_wall_s();
        settle_load_commit(load, GROUP);
        took_s += bench_wall_s() - start_s;
    }
    if (load->refused != 0) {
        fprintf(stderr, "bench: %llu readings were refused\n", (unsigned long long)load->refused);
        exit(1);
    }
    return (double)readings / took_s;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), by_value);
    return values[count / 2];
}

static double settle_fresh(uint32_t meters, uint64_t readings)
{
    struct settle_load load;
    double load_s = 0.0;
    remove_store();
    settle_load_open(&load, path, meters, &load_s);
    double rate = settle(&load, readings);
    settle_load_close(&load, false);
    remove_store();
    return rate;
}

static void row(const char *what, double figure, const char *against, double other, double ratio,
                double goal)
{
    char a[64];
    char b[96];
    char c[32];
    char d[32];
    snprintf(a, sizeof(a), "%.0f /s", figure);
    snprintf(b, sizeof(b), "%s, %.0f /s", against, other);
    snprintf(c, sizeof(c), "%.2f", ratio);
    snprintf(d, sizeof(d), "at least %.1f", goal);
    bench_row(what, a, b, c, d, ratio >= goal);
}

static void against_rows(void)
{
    double ours[ROUNDS];
    double appended[ROUNDS];
    double ratio[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        bench_say("round %u of %u: a journal row a reading", i + 1, ROUNDS);
        appended[i] = baseline_append_rate(directory, 1500000, GROUP, NULL);
        bench_say("round %u of %u: settling, 100,000 meters", i + 1, ROUNDS);
        ours[i] = settle_fresh(100000, 1500160);
        ratio[i] = ours[i] / appended[i];
    }
    bench_say("relational rows");
    double relational = baseline_relational_rate(directory, 400000, GROUP, NULL);
    bench_say("journal rows with balances");
    double balance = baseline_balance_rate(directory, 600000, GROUP, NULL);
    double mine = median(ours, ROUNDS);
    row("settle, 100k meters, groups of 1,024, one core", mine, "append-only SQLite row a reading",
        median(appended, ROUNDS), median(ratio, ROUNDS), 0.7);
    row("the same", mine, "the journal with each meter's balance saved beside it", balance,
        mine / balance, 0.7);
    row("the same", mine, "relational rows, unique index", relational, mine / relational, 4.0);
}

static void with_ten_million(void)
{
    struct settle_load load;
    double load_s = 0.0;
    remove_store();
    settle_load_open(&load, path, 100000, &load_s);
    double empty = settle(&load, 1000448);
    bench_say("filling up to 10 million readings");
    (void)settle(&load, 4000768);
    settle_load_close(&load,
                      true); /* Every image of state has its place, the log is in the file. */
    double before_bytes = file_bytes();
    settle_load_open(&load, path, 100000, &load_s);
    (void)settle(&load, 5000192);
    double full = settle(&load, 1000448);
    settle_load_close(&load, true);
    double per_reading = (file_bytes() - before_bytes) / (5000192.0 + 1000448.0);
    row("settle with 10M readings stored", full, "itself when empty", empty, full / empty, 0.9);
    char figure[64];
    snprintf(figure, sizeof(figure), "%.1f bytes", per_reading);
    char ratio[32];
    snprintf(ratio, sizeof(ratio), "%.2f", per_reading / 16.0);
    bench_row("disk per settled reading, as the file grows", figure, "16 bytes", ratio,
              "at most 1.0", per_reading <= 16.0);
    remove_store();
}

static void start(void)
{
    struct settle_load load;
    double load_s = 0.0;
    remove_store();
    bench_say("1 million meters, 10 million readings");
    settle_load_open(&load, path, 1000000, &load_s);
    double per_meter = (double)load.memory_bytes / load.meters;
    (void)settle(&load, 10000384);
    settle_load_close(&load, false); /* As if killed: nothing is saved on the way out. */
    double rounds[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        settle_load_open(&load, path, 1000000, &rounds[i]);
        settle_load_close(&load, false);
    }
    load_s = median(rounds, ROUNDS);
    char figure[64];
    char ratio[32];
    snprintf(figure, sizeof(figure), "%.0f bytes", per_meter);
    snprintf(ratio, sizeof(ratio), "%.2f", per_meter / 400.0);
    bench_row("memory per meter, its share of home, index and scratch with it", figure, "400 bytes",
              ratio, "at most 1.0", per_meter <= 400.0);
    snprintf(figure, sizeof(figure), "%.2f s", load_s);
    snprintf(ratio, sizeof(ratio), "%.2f", load_s / 2.0);
    bench_row("start after a kill, 1M meters, 10M readings", figure, "2 s", ratio, "at most 1.0",
              load_s <= 2.0);
    remove_store();
}

int main(void)
{
    if (mkdtemp(directory) == NULL) {
        perror("bench: no directory in /tmp");
        return 1;
    }
    snprintf(path, sizeof(path), "%s/store.db", directory);
    against_rows();
    with_ten_million();
    start();
    return rmdir(directory) == 0 ? 0 : 1;
}
