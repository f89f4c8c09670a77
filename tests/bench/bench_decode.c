/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoding: whole frame -> reading, for every protocol that has a builder, against memcpy of the
 * same bytes and, for SML, against libsml. By the thread's processor time, since a decoder waits for
 * nothing. Each round of a decoder is followed by its opponent's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/foreign.h"
#include "tests/bench/bench_row.h"
#include "tests/bench/decode_libsml.h"

#define FRAMES 256u
#define ROUNDS 7u
#define ROUND_S 0.06
#define RATE_GOAL 1e6

/* What is decoded round and round. */
struct load {
    const struct mt_protocol *protocol; /* NULL: to be recognised */
    uint8_t bytes[FRAMES][SIM_FOREIGN_BYTES_MAX];
    size_t len[FRAMES];
    int64_t total[FRAMES];
    bool encrypted;
    size_t key_len;
};

static struct load load;
static struct load mixed;
static uint8_t key[SIM_FOREIGN_KEY_MAX];

static double processor_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one pass over the frames each -------------------------------------------------------------- */

static void fail(const char *what, unsigned i)
{
    fprintf(stderr, "bench: frame %u is not %s\n", i, what);
    exit(1);
}

static void decode_all(struct load *from)
{
    static struct mt_frame frame;
    for (unsigned i = 0; i < FRAMES; i++) {
        size_t used;
        const struct mt_input input = {.bytes = from->bytes[i],
                                       .len = from->len[i],
                                       .key = from->encrypted ? key : NULL,
                                       .key_len = from->encrypted ? from->key_len : 0};
        enum mt_status status = mt_decode(&frame, &used, from->protocol, &input);
        if (status != MT_OK || !frame.has_reading || frame.reading.total != from->total[i]) {
            fail("decoded to its reading", i);
        }
    }
}

static void copy_all(struct load *from)
{
    static uint8_t to[SIM_FOREIGN_BYTES_MAX];
    for (unsigned i = 0; i < FRAMES; i++) {
        memcpy(to, from->bytes[i], from->len[i]);
        __asm__ volatile("" : : "r"(to) : "memory"); /* it is read, as far as the compiler knows */
    }
}

static void libsml_all(struct load *from)
{
    for (unsigned i = 0; i < FRAMES; i++) {
        int64_t total = -1;
        if (!bench_libsml_total(&total, from->bytes[i], from->len[i]) || total != from->total[i]) {
            fail("read by libsml", i);
        }
    }
}

/* Frames a second of one round. */
static double rate(void (*pass)(struct load *), struct load *from)
{
    uint64_t frames = 0;
    double start_s = processor_s();
    double took_s;
    do {
        pass(from);
        frames += FRAMES;
        took_s = processor_s() - start_s;
    } while (took_s < ROUND_S);
    return (double)frames / took_s;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

/* ---- rows ------------------------------------------------------------------------------------------ */

static size_t mean_len(const struct load *from)
{
    size_t sum = 0;
    for (unsigned i = 0; i < FRAMES; i++) {
        sum += from->len[i];
    }
    return sum / FRAMES;
}

struct opponent {
    const char *name;
    void (*pass)(struct load *);
};

static const struct opponent copying = {"memcpy of the same bytes", copy_all};
static const struct opponent library = {"libsml, which leaves the outer checksum", libsml_all};

/* goal: a rate, or where it is 1 and less a ratio; 0: none. */
static void measure(struct load *from, const char *name, const struct opponent *opponent,
                    double goal)
{
    double ours[ROUNDS];
    double theirs[ROUNDS];
    double ratios[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        ours[i] = rate(decode_all, from);
        theirs[i] = rate(opponent->pass, from);
        ratios[i] = ours[i] / theirs[i];
    }
    char what[80];
    char figure[64];
    char against[96];
    char ratio[32];
    double mine = median(ours);
    double part = median(ratios);
    snprintf(what, sizeof(what), "decode %s, %zu bytes", name, mean_len(from));
    snprintf(figure, sizeof(figure), "%.0f /s", mine);
    snprintf(against, sizeof(against), "%s, %.0f /s", opponent->name, median(theirs));
    snprintf(ratio, sizeof(ratio), part < 0.1 ? "%.3f" : "%.2f", part);
    if (goal > 1) {
        bench_row(what, figure, against, ratio, "at least 1000000 /s", mine >= goal);
    } else if (goal > 0) {
        bench_row(what, figure, against, ratio, "above 1.0", part > goal);
    } else {
        bench_row_seen(what, figure, against, ratio);
    }
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static void fill(struct load *to, const struct sim_foreign *foreign, bool encrypted)
{
    to->protocol = foreign->protocol;
    to->encrypted = encrypted;
    to->key_len = foreign->key_len;
    for (unsigned i = 0; i < FRAMES; i++) {
        struct mt_reading reading = {
            .time_us = INT64_C(1777420800000000) + (int64_t)i * 900000000,
            .total = 1000000 + (int64_t)i * 2310000,
        };
        enum mt_status status = sim_foreign_build(to->bytes[i], &to->len[i], foreign, &reading,
                                                  encrypted ? key : NULL, i + 1);
        if (status != MT_OK) {
            fail(mt_status_text(status), i);
        }
        to->total[i] = reading.total;
    }
}

/* The plain frames of some protocol among the mixed ones; each protocol has its turn. */
static void mix(unsigned turn, unsigned turns)
{
    for (unsigned i = turn; i < FRAMES; i += turns) {
        memcpy(mixed.bytes[i], load.bytes[i], load.len[i]);
        mixed.len[i] = load.len[i];
        mixed.total[i] = load.total[i];
    }
}

static bool is_recognised(void)
{
    struct mt_frame frame;
    size_t used;
    const struct mt_input input = {.bytes = load.bytes[0], .len = load.len[0]};
    return mt_decode(&frame, &used, NULL, &input) == MT_OK && frame.protocol == load.protocol->name;
}

static bool is_fast_by_goal(const char *name)
{
    return strcmp(name, "dlt645") == 0 || strcmp(name, "cjt188") == 0 || strcmp(name, "mbus") == 0;
}

static bool make_foreign(struct sim_foreign *foreign, const struct mt_protocol *protocol)
{
    static const enum mt_medium media[] = {MT_POWER, MT_WATER, MT_GAS, MT_HEAT};
    for (unsigned i = 0; i < sizeof(media) / sizeof(media[0]); i++) {
        /* Water is what most M-Bus meters count. */
        enum mt_medium medium = media[(i + (strstr(protocol->name, "mbus") != NULL ? 1 : 0)) % 4];
        if (sim_foreign_make(foreign, protocol, medium, 12345678)) {
            return true;
        }
    }
    return false;
}

static void libsml_row(void)
{
    if (bench_libsml_is_here()) {
        measure(&load, "sml", &library, 1.0);
    } else {
        bench_row_seen("decode sml", "-", "libsml-dev is not installed", "-");
    }
}

static void protocol_rows(void)
{
    const struct mt_protocol *protocol;
    struct sim_foreign foreign;
    char name[64];
    unsigned turns = 0;
    while (mt_protocol_at(turns) != NULL) {
        turns++;
    }
    for (unsigned i = 0; (protocol = mt_protocol_at(i)) != NULL; i++) {
        if (!make_foreign(&foreign, protocol)) {
            bench_say("%s is only read: there are no frames to measure it with", protocol->name);
            continue;
        }
        fill(&load, &foreign, false);
        measure(&load, protocol->name, &copying, is_fast_by_goal(protocol->name) ? RATE_GOAL : 0);
        if (strcmp(protocol->name, "sml") == 0) {
            libsml_row();
        }
        if (is_recognised()) {
            mix(i, turns);
        }
        if (foreign.key_len > 0) {
            snprintf(name, sizeof(name), "%s, encrypted", protocol->name);
            fill(&load, &foreign, true);
            measure(&load, name, &copying, 0);
        }
    }
}

/* Places that no protocol took hold the frame before them. */
static void mixed_row(void)
{
    for (unsigned i = 1; i < FRAMES; i++) {
        if (mixed.len[i] == 0) {
            memcpy(mixed.bytes[i], mixed.bytes[i - 1], mixed.len[i - 1]);
            mixed.len[i] = mixed.len[i - 1];
            mixed.total[i] = mixed.total[i - 1];
        }
    }
    measure(&mixed, "all of them in turn, recognised", &copying, 0);
}

/* The whole number that stands before these words; 0 when they are not there. */
static unsigned long number_before(const char *line, const char *words)
{
    const char *end = strstr(line, words);
    const char *at = end;
    while (at != NULL && at > line && at[-1] >= '0' && at[-1] <= '9') {
        at--;
    }
    return at != end ? strtoul(at, NULL, 10) : 0;
}

static void size_row(void)
{
    char line[256] = "";
    FILE *output = popen(BENCH_CROSS_COMPILE " " BENCH_CROSS_FOLDER " " BENCH_WOLFSSL_INCLUDE, "r");
    while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
    }
    int status = output != NULL ? pclose(output) : -1;
    unsigned long code = number_before(line, " bytes of code");
    if (status != 0 || code == 0) {
        bench_say("the size for Cortex-M3 is not known: %s", line);
        exit(1);
    }
    unsigned long data = number_before(line, " of data");
    char figure[64];
    snprintf(figure, sizeof(figure), "%lu bytes, and %lu of data", code, data);
    bench_row_seen("code of meters/, all protocols, Cortex-M3 with -Os", figure, "-", "-");
}

int main(void)
{
    memset(key, 0x5A, sizeof(key));
    protocol_rows();
    mixed_row();
    size_row();
    return 0;
}
