/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A core with many meters on a real store, and their sealed messages: the load of the benches. */
#ifndef TESTS_BENCH_SETTLE_LOAD_H
#define TESTS_BENCH_SETTLE_LOAD_H

#include "gateway/adapters/store_sqlite.h"
#include "gateway/core/core.h"

struct settle_load {
    struct gw_store_sqlite *store;
    struct gw_store_port port;
    struct gw_core *core;
    void *memory;
    size_t memory_bytes;
    uint32_t meters;
    int64_t now_us;
    uint32_t next_meter;
    uint64_t round; /**< Times that every meter has spoken. */
    struct mt_identity *identities;
    uint8_t (*up_keys)[MT_KEY_BYTES];
    uint8_t *messages; /**< GW_BATCH_MAX slots. */
    uint16_t lens[GW_BATCH_MAX];
    uint32_t slots[GW_BATCH_MAX];
    uint64_t refused;
};

/** Open (or reopen) the store in a directory with this many meters, three to a household. Exits with a
 *  message on failure. load_s receives the seconds of gw_core_load. */
void settle_load_open(struct settle_load *load, const char *path, uint32_t meters, double *load_s);
void settle_load_close(struct settle_load *load, bool save);

/** Seal the next batch of messages, one reading each. Not part of what is timed. */
void settle_load_seal(struct settle_load *load, uint32_t count);

/** Hand them over and commit: what is timed. */
void settle_load_commit(struct settle_load *load, uint32_t count);

/** Seconds of the monotonic clock, and of this thread's processor time. */
double bench_wall_s(void);
double bench_cpu_s(void);

#endif
