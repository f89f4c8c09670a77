/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An append-only log of fixed-size entries in a ring of flash sectors.
 *
 *      sector:  | header 16 | slot 0 | slot 1 | ... |      header: magic, generation, slot size, CRC
 *      slot:    | payload                | CRC 4 |         CRC covers the position and the payload
 *
 *  Positions count slots from the first ever written and never come back, so an old slot cannot be
 *  taken for a new one. The sector of generation g is g modulo the number of sectors. When the ring
 *  is full the oldest sector is erased for the next entries: that is the only way entries vanish.
 *
 *  Power may go at any word. What fw_log_append returned FW_OK for is there afterwards; the entry that
 *  was being written is there whole or not at all. Never: heap, clock, an entry changed in place.
 */
#ifndef FIRMWARE_CORE_LOG_H
#define FIRMWARE_CORE_LOG_H

#include "firmware/hal/hal.h"

#define FW_LOG_SLOT_BYTES_MAX 128u
#define FW_LOG_CRC_BYTES 4u
#define FW_LOG_HEADER_BYTES 16u

/** Where a log lies and what its slots hold. */
struct fw_log_place {
    uint32_t sector_first;
    uint32_t
        sector_count;    /**< Two or more: while one is erased, another keeps the newest entries. */
    uint32_t slot_bytes; /**< Payload and CRC, a multiple of 16, at most FW_LOG_SLOT_BYTES_MAX. */
};

struct fw_log {
    const struct fw_hal *hal; /**< Borrowed. */
    struct fw_log_place place;
    uint32_t slots_per_sector;
    uint32_t oldest; /**< First position that may still be readable. */
    uint32_t end;    /**< Position of the next entry; oldest <= end. */
};

/** Find what is there. A region without a valid sector is an empty log: nothing is written yet.
 *
 *  Returns: FW_OK, FW_IO, FW_INVALID (the place does not fit the board).
 *  Out:     *log; untouched unless FW_OK.
 */
MT_MUST_USE enum fw_status fw_log_open(struct fw_log *log, const struct fw_hal *hal,
                                       const struct fw_log_place *place);

/** Bytes of payload in each slot. */
uint32_t fw_log_payload_bytes(const struct fw_log *log);

/** Write one entry of fw_log_payload_bytes and read it back. Its first byte must not be 0xFF.
 *
 *  A slot that does not hold what was written is left behind and the next one is tried, three times.
 *  Returns: FW_OK, the entry is durable at position end - 1; FW_IO, it is not in the log.
 */
MT_MUST_USE enum fw_status fw_log_append(struct fw_log *log, const uint8_t *payload);

/** Read the entry at a position.
 *
 *  Returns: FW_OK; FW_TORN (step over it); FW_GONE (before oldest, or at end and beyond); FW_IO.
 *  Out:     payload, fw_log_payload_bytes; unspecified unless FW_OK.
 */
MT_MUST_USE enum fw_status fw_log_read(uint8_t *payload, const struct fw_log *log,
                                       uint32_t position);

/** Entries that the log surely holds before the oldest are dropped. */
uint32_t fw_log_capacity(const struct fw_log *log);

#endif
