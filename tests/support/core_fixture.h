/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A gateway core on a store in memory, with a flat tariff, and meters that speak COSE to it. */
#ifndef TESTS_SUPPORT_CORE_FIXTURE_H
#define TESTS_SUPPORT_CORE_FIXTURE_H

#include "gateway/core/state.h"
#include "tests/support/memory_store.h"

/** 2026-03-02 00:00 local, a Monday: in whole days of local time. */
#define FIXTURE_START_US 1772380800000000ll
#define FIXTURE_KEY_BYTE 0x5a

struct fixture {
    struct memory_store *store;
    struct gw_store_port port;
    struct gw_core_config config;
    struct gw_core *core;
    void *memory;
    int64_t now_us;
    uint64_t counters[16]; /**< Next message counter by meter. */
    uint32_t seqs[16];
    const uint8_t *sign_public; /**< Of the meters that are added next; NULL: none. Borrowed. */
};

/** A core with tariff "flat" for power (0.538 yuan/kWh, one payee "grid"), "tou" (peak 8-22 at 0.568,
 *  else valley 0.288) and "water3" (three payees), loaded. */
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);

/** A core on the fixture's store and configuration as it is now, its tariffs put, not loaded. */
struct gw_core *fixture_make(struct fixture *f, void **memory);

/** Load a second core from the same store. */
struct gw_core *fixture_second(struct fixture *f, void **memory);

/** Add household "home-<n>" and its meter n of a tariff; committed. */
void fixture_add_meter(struct fixture *f, uint32_t n, const char *tariff);
void fixture_bind(struct fixture *f, uint32_t n, const char *wallet, int64_t cap_day_fen);

/** Seal the message of meter n; returns its length. Counter and sequence move on. */
size_t fixture_seal(struct fixture *f, uint32_t n, struct mt_message *message, uint8_t *out,
                    size_t out_max);

/** Hand bytes to the core as meter n's, in the open batch. */
enum gw_verdict fixture_hand(struct fixture *f, uint32_t n, const uint8_t *bytes, size_t len);

/** One reading of meter n, sealed, in a batch of its own, committed. */
enum gw_verdict fixture_read(struct fixture *f, uint32_t n, int64_t time_us, int64_t total);

/** Commit the open batch and begin another. */
enum gw_status fixture_commit(struct fixture *f);

/** True when both cores hold the same durable state. */
bool fixture_same(const struct gw_core *a, const struct gw_core *b);

void fixture_identity(struct mt_identity *identity, uint32_t n, const char *tariff);
int64_t fixture_charged_ufen(const struct fixture *f, uint32_t n);

#endif
