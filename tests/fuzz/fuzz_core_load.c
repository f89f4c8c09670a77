/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any entries with a good checksum: a start refuses them as contradicting, or goes on from them with
 * books that hold; then operators answer, and the next start finds the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/core_dump.h"
#include "tests/support/core_fixture.h"

#define BLOCKS_MAX 64u
#define BLOCK_BYTES_MAX 70000u

static struct fixture fixture;
static struct gw_core *second;
static void *second_memory;

static void start(void)
{
    fixture_open(&fixture);
    second = fixture_make(&fixture, &second_memory);
}

static void fill_store(const uint8_t *data, size_t size)
{
    static uint8_t block[BLOCK_BYTES_MAX];
    memory_store_close(fixture.store);
    fixture.store = memory_store_open();
    fixture.port = memory_store_port(fixture.store);
    struct core_dump dump = {.data = data, .len = size, .time_us = FIXTURE_START_US};
    size_t len = 0;
    while (dump.number < BLOCKS_MAX && (len = core_dump_block(block, sizeof(block), &dump)) > 0) {
        struct gw_block_write write = {
            .number = dump.number, .time_us = dump.time_us, .bytes = block, .len = len};
        MT_CHECK(fixture.port.append(fixture.port.self, &write) == GW_OK);
    }
    fixture.now_us = dump.time_us;
}

static void check_books(const struct gw_core *core)
{
    struct gw_ledger_report report;
    gw_core_ledger_check(&report, core);
    MT_CHECK(report.broken == 0);
}

static void settle_all(struct gw_core *core)
{
    static struct gw_order_request asked[GW_BATCH_MAX];
    for (int round = 0; round < 3; round++) {
        uint32_t count = 0;
        gw_core_begin(core, fixture.now_us);
        (void)gw_core_tick(core, 64);
        MT_CHECK(gw_core_commit(core) == GW_OK);
        memcpy(asked, gw_core_requests(core, &count), sizeof(asked));
        gw_core_begin(core, fixture.now_us);
        for (uint32_t i = 0; i < count; i++) {
            struct gw_order_result result = {.number = asked[i].number,
                                             .event = i % 3 == 2 ? GW_ORDER_EV_REFUSED
                                                                 : GW_ORDER_EV_DONE,
                                             .refusal = GW_REFUSAL_SHORT};
            gw_core_order_result(core, &result);
        }
        MT_CHECK(gw_core_commit(core) == GW_OK);
        check_books(core);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (second == NULL) {
        start();
    }
    fill_store(data, size);
    enum gw_status status = gw_core_load(fixture.core, fixture.now_us);
    MT_CHECK(status == GW_OK || status == GW_CORRUPT || status == GW_INVALID);
    if (status != GW_OK) {
        return 0;
    }
    check_books(fixture.core);
    for (uint32_t i = 0; i < fixture.core->head->meter_count; i++) {
        struct gw_meter_view view;
        MT_CHECK(gw_core_meter(&view, fixture.core, i));
    }
    settle_all(fixture.core);
    if (fixture.core->head->meter_count > 0 && fixture.core->head->meter_count <= 16) {
        (void)fixture_read(&fixture, 0, fixture.now_us, 123456); /* any verdict */
        check_books(fixture.core);
    }
    MT_CHECK(gw_core_load(second, fixture.now_us) == GW_OK);
    MT_CHECK(fixture_same(fixture.core, second));
    return 0;
}
