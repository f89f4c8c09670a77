/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meter's life as a script of bytes: time, losses, power cuts in the middle of a write, commands, and
 * whatever a stranger sends. A faithful gateway never sees a counter twice or a record changed, and in the end
 * has every record. With a hostile one, or rotting storage, the meter at least never stops. */
#include <string.h>

#include "tests/support/fw_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 40u

static struct fw_world world;

struct script {
    const uint8_t *data;
    size_t left;
};

static uint8_t next(struct script *script)
{
    if (script->left == 0) {
        return 0;
    }
    script->left--;
    return *script->data++;
}

static void revive(void)
{
    if (world.host.dead) {
        world.now_us += FW_US_PER_S;
        enum fw_status st = fw_world_boot(&world);
        MT_CHECK(st == FW_OK);
    }
}

static void command(struct script *script)
{
    uint8_t bytes[FW_DOWN_BYTES_MAX];
    uint8_t which = next(script);
    struct mt_command order = {
        .id = which >> 2,
        .valve = which % 3,
        .expires_us = world.now_us + next(script) * FW_WORLD_MINUTE_US,
    };
    size_t len = fw_world_command(bytes, &world, &order);
    (void)fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world));
}

/* Bytes of a stranger's; or, from a hostile gateway, any plaintext properly sealed. */
static void foreign(struct script *script, bool sealed)
{
    uint8_t plain[FW_DOWN_BYTES_MAX];
    uint8_t bytes[FW_DOWN_BYTES_MAX + MT_COSE_OVERHEAD_MAX];
    size_t len = next(script) % (sealed ? MT_RECEIPT_BYTES_MAX : FW_DOWN_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        plain[i] = next(script);
    }
    if (!sealed) {
        enum fw_down_verdict verdict =
            fw_meter_downlink(&world.meter, plain, len, fw_world_up_us(&world));
        MT_CHECK(verdict != FW_DOWN_RECEIPT && verdict != FW_DOWN_COMMAND);
        return;
    }
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = len,
                                     .counter = world.down_counter += 1 + next(script),
                                     .key = world.down_key,
                                     .identity = &world.config.identity};
    enum mt_status st = mt_cose_seal(bytes, &len, sizeof(bytes), &args);
    MT_CHECK(st == MT_OK);
    (void)fw_meter_downlink(&world.meter, bytes, len, fw_world_up_us(&world));
}

static void step(struct script *script, bool hostile)
{
    uint8_t what = next(script) % 9;
    int64_t until_us = world.now_us + (1 + next(script)) * FW_WORLD_MINUTE_US;
    if (what == 0 || what == 1) {
        fw_world_run(&world, until_us);
    } else if (what == 2) {
        fw_world_pass(&world, until_us);
    } else if (what == 3) {
        fw_world_deliver(&world);
    } else if (what == 4) {
        fw_world_deliver_deaf(&world);
    } else if (what == 5) {
        fw_host_cut_after(&world.host, (uint64_t)next(script) * 3);
    } else if (what == 6) {
        command(script);
    } else if (what == 7) {
        foreign(script, hostile && next(script) % 2 == 0);
    } else if (hostile) {
        size_t at = (size_t)next(script) << 8 | next(script);
        world.host.nv[at % world.host.nv_bytes] ^= (uint8_t)(1u << next(script) % 8);
    } else {
        enum fw_status st = fw_world_boot(&world);
        MT_CHECK(st == FW_OK);
    }
    revive();
}

/* All that was journalled arrives once power and network are good. */
static void settle(void)
{
    fw_host_cut_after(&world.host, FW_HOST_NEVER);
    /* To the middle of a quarter, where nothing is on its way. */
    int64_t until_us = world.now_us + 3 * 60 * FW_WORLD_MINUTE_US;
    until_us += FW_WORLD_QUARTER_US - until_us % FW_WORLD_QUARTER_US + 10 * FW_WORLD_MINUTE_US;
    fw_world_run(&world, until_us);
    MT_CHECK(world.counter_reused == 0);
    MT_CHECK(world.conflicts == 0);
    MT_CHECK(world.rejected == 0);
    MT_CHECK(!fw_journal_pending(&world.meter.journal));
    int64_t last = 0;
    for (uint32_t seq = 1; seq < world.next_seq; seq++) {
        if (world.has_record[seq]) {
            MT_CHECK(world.records[seq].total >= last);
            last = world.records[seq].total;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.data = data, .left = size};
    uint8_t kind = next(&script);
    bool hostile = kind % 4 == 3;
    enum fw_status st = fw_world_init(&world, kind, 8);
    MT_CHECK(st == FW_OK);
    for (unsigned i = 0; i < STEPS_MAX && script.left > 0; i++) {
        step(&script, hostile);
    }
    if (!hostile) {
        settle();
    }
    fw_world_deinit(&world);
    return 0;
}
