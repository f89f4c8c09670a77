/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One meter on a board of memory, and a gateway made of nothing but the message library.
 *
 *  The gateway here is a second implementation of the receiving side: it opens what the meter sends,
 *  remembers each record by its number, and refuses a counter that carries two different messages.
 */
#ifndef TESTS_SUPPORT_FW_WORLD_H
#define TESTS_SUPPORT_FW_WORLD_H

#include "firmware/core/meter.h"
#include "firmware/port/host/host.h"

#define FW_WORLD_RECORDS_MAX 4096u
#define FW_WORLD_COUNTERS_MAX 65536u
#define FW_WORLD_OUT_MAX 64u
#define FW_WORLD_MINUTE_US (60 * FW_US_PER_S)
#define FW_WORLD_QUARTER_US (15 * FW_WORLD_MINUTE_US)

struct fw_world_frame {
    enum fw_frame frame;
    size_t len;
    uint8_t bytes[FW_FRAME_BYTES_MAX];
};

struct fw_world {
    struct fw_config config;
    struct fw_host host;
    struct fw_meter meter;
    struct fw_work work;
    int64_t now_us;  /* gateway's time, the true one */
    int64_t boot_us; /* true time at which the uptime was 0 */
    int64_t rtc_error_us;
    bool no_rtc;
    bool link_down;
    int64_t units_per_min;
    int64_t zero_us; /* the register is units_per_min since then */

    /* What the meter handed to the link and nobody delivered yet. */
    struct fw_world_frame out[FW_WORLD_OUT_MAX];
    uint32_t out_count;

    /* The gateway. */
    uint8_t up_key[MT_KEY_BYTES];
    uint8_t down_key[MT_KEY_BYTES];
    uint8_t sign_public[MT_SIGN_PUBLIC_BYTES];
    uint32_t next_seq;
    bool has_record[FW_WORLD_RECORDS_MAX];
    struct mt_reading records[FW_WORLD_RECORDS_MAX];
    uint32_t digest_of_counter[FW_WORLD_COUNTERS_MAX]; /* CRC of the message; 0: not seen */
    uint64_t down_counter;
    uint32_t messages;
    uint32_t repeated;       /* messages that came with a known counter and the same bytes */
    uint32_t counter_reused; /* ... with other bytes: must never happen */
    uint32_t rejected;       /* not authentic, not decodable */
    uint32_t conflicts;      /* a record that came again with another value */
    uint32_t snapshots;
    struct mt_snapshot last_snapshot;
    uint32_t proofs;
    uint32_t proof_id;
    uint8_t proof_state;
};

/** 2026-01-14 00:00 local: a Wednesday without anything special. */
#define FW_WORLD_START_US (1768320000ll * FW_US_PER_S)

/** A power meter with small sectors (7 records each), so that rings go round early. Starts the meter.
 *  Returns the status of fw_meter_init. */
enum fw_status fw_world_init(struct fw_world *world, uint64_t seed, uint32_t sector_count);
void fw_world_deinit(struct fw_world *world);

/** Uptime of the meter now. */
int64_t fw_world_up_us(const struct fw_world *world);

/** Start the meter (again) with its uptime at 0. */
enum fw_status fw_world_boot(struct fw_world *world);

/** Let time pass until a moment, with all that the meter does, and without delivering anything. Stops
 *  early when the power went. */
void fw_world_pass(struct fw_world *world, int64_t until_us);

/** Hand everything that is out to the gateway, and its receipts to the meter. */
void fw_world_deliver(struct fw_world *world);

/** The same without receipts: they got lost. */
void fw_world_deliver_deaf(struct fw_world *world);

/** pass() and deliver() in steps of one second at most around each message. */
void fw_world_run(struct fw_world *world, int64_t until_us);

/** Build a receipt as the gateway would. Returns its length. */
size_t fw_world_receipt(uint8_t bytes[FW_DOWN_BYTES_MAX], struct fw_world *world);

/** Build a command as the gateway would, with the next counter. Returns its length. */
size_t fw_world_command(uint8_t bytes[FW_DOWN_BYTES_MAX], struct fw_world *world,
                        const struct mt_command *command);

/** Register that the meter should show at a time. */
int64_t fw_world_register(const struct fw_world *world, int64_t time_us);

#endif
