/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Steps that tests of the core take again and again, each a batch of its own, on a fixture. */
#ifndef TESTS_SUPPORT_CORE_STEPS_H
#define TESTS_SUPPORT_CORE_STEPS_H

#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

/** One kWh of tariff "flat" costs 53.8 fen: 2,000 Wh are 107.6 fen, above the least order of 100. */
static inline void steps_use_to(struct fixture *f, uint32_t n, int64_t total)
{
    f->now_us += GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(fixture_read(f, n, f->now_us, total), GW_ACCEPTED);
}

/** Let everything that is due happen. Returns the number of requests; *first is set when there is one. */
static inline uint32_t steps_tick(struct fixture *f, struct gw_order_request *first)
{
    uint32_t count = 0;
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_FALSE(gw_core_tick(f->core, 100000));
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
    const struct gw_order_request *requests = gw_core_requests(f->core, &count);
    if (count > 0) {
        *first = requests[0];
    }
    return count;
}

/** The one request that is due now. */
static inline struct gw_order_request steps_request(struct fixture *f)
{
    struct gw_order_request request = {.number = 0};
    CU_ASSERT_EQUAL(steps_tick(f, &request), 1);
    return request;
}

static inline void steps_result(struct fixture *f, const struct gw_order_result *result)
{
    gw_core_begin(f->core, f->now_us);
    gw_core_order_result(f->core, result);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
}

static inline void steps_answer(struct fixture *f, uint64_t number, enum gw_order_event event)
{
    struct gw_order_result result = {.number = number, .event = event};
    if (event == GW_ORDER_EV_REFUSED) {
        result.refusal = GW_REFUSAL_SHORT;
    }
    steps_result(f, &result);
}

/** What is due, done by the operator at once. Returns its amount. */
static inline int64_t steps_settle(struct fixture *f)
{
    struct gw_order_request request = steps_request(f);
    steps_answer(f, request.number, GW_ORDER_EV_DONE);
    return request.amount_fen;
}

/** Tariff "tou": the meter shows 0 at 21:00 and wh at 23:00, which counts half before 22:00 (56.8 fen a
 *  kWh) and half after it (28.8). Returns 22:00: a late 0 there moves all of it to the cheap side. */
static inline int64_t steps_use_over_ten(struct fixture *f, uint32_t n, int64_t wh)
{
    int64_t ten_us = FIXTURE_START_US + 22 * GW_US_PER_HOUR;
    f->now_us = ten_us + GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(fixture_read(f, n, ten_us - GW_US_PER_HOUR, 0), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(f, n, f->now_us, wh), GW_ACCEPTED);
    return ten_us;
}

/** The first entry of a block. */
static inline const struct gw_entry *steps_entry(const struct fixture *f, uint64_t number)
{
    static struct gw_entry entry;
    static uint8_t bytes[GW_BLOCK_BYTES_MAX];
    size_t len = 0;
    struct gw_block_reader reader;
    CU_ASSERT_EQUAL_FATAL(f->port.block_read(f->port.self, number, bytes, &len, sizeof(bytes)),
                          GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_block_open(&reader, bytes, len), GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_block_next(&reader, &entry), GW_OK);
    return &entry;
}

/** Words of the first broken invariant, or "" when the books are good; borrowed until the next call. */
static inline const char *steps_books(const struct gw_core *core)
{
    static struct gw_ledger_report report;
    gw_core_ledger_check(&report, core);
    return report.broken == 0 ? "" : report.first;
}

/** True when a start from the blocks alone finds what the running core has. */
static inline bool steps_replays(struct fixture *f)
{
    void *memory = NULL;
    memory_store_drop_chunks(f->store);
    struct gw_core *second = fixture_second(f, &memory);
    bool same = fixture_same(f->core, second);
    f->core->last_number = second->last_number; /* A start writes a block of its own. */
    free(memory);
    return same;
}

#endif
