/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the meter keeps in its storage, as bytes: journal records and checkpoints.
 *
 *  Fixed layouts, low byte first, without a checksum of their own: the log around them has it.
 */
#ifndef FIRMWARE_CORE_RECORD_H
#define FIRMWARE_CORE_RECORD_H

#include "firmware/core/valve.h"
#include "meters/check.h"
#include "meters/reading.h"

#define FW_RECORD_SLOT_BYTES 64u
#define FW_RECORD_BYTES 60u
#define FW_CHECKPOINT_SLOT_BYTES 128u
#define FW_CHECKPOINT_BYTES 124u

/** One line of the journal: the registers at one moment. */
struct fw_record {
    uint32_t seq;              /**< 1 and up, one for each record, over all power cuts. */
    uint32_t counter_reserved; /**< As in the checkpoint then: the way back when that is lost. */
    struct mt_reading reading; /**< time_us > 0. */
};

void fw_record_encode(uint8_t bytes[FW_RECORD_BYTES], const struct fw_record *record);

/** Returns: true; false when the bytes are of another kind, with *record untouched. */
MT_MUST_USE bool fw_record_decode(struct fw_record *record, const uint8_t bytes[FW_RECORD_BYTES]);

/** All that must survive a power cut, besides the journal. The newest one counts. */
struct fw_checkpoint {
    int64_t total;             /**< Register, Wh or ml. */
    int64_t band[MT_BANDS];    /**< Band registers, Wh or ml. */
    uint32_t next_seq;         /**< Of the next record. */
    uint32_t acked_seq;        /**< Every record below is durable at the gateway. */
    uint32_t counter_reserved; /**< Message counters below this may have been used. */
    uint64_t down_counter;     /**< Highest counter taken from the gateway. */
    int64_t recorded_us;       /**< Time of the newest record; 0: none. */
    int64_t day_proven_us;     /**< Day ends up to here have a delivered snapshot; 0: none. */
    uint32_t boots;
    uint32_t dropped_count; /**< Records overwritten before the gateway had them, ever. */
    struct fw_valve_order valve;
};

void fw_checkpoint_encode(uint8_t bytes[FW_CHECKPOINT_BYTES],
                          const struct fw_checkpoint *checkpoint);

/** Returns: true; false when the bytes are of another kind, with *checkpoint untouched. */
MT_MUST_USE bool fw_checkpoint_decode(struct fw_checkpoint *checkpoint,
                                      const uint8_t bytes[FW_CHECKPOINT_BYTES]);

#endif
