/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The store-and-forward journal: every reading the meter took, until the gateway has it.
 *
 *  Two logs share one sequence. The profile log takes the quarter-hours, the day log takes the
 *  records of local midnight. Each is a ring: when the gateway is away for so long that the profile
 *  ring is full, the oldest quarter-hours go first and their day ends stay, so the backlog is thinned
 *  from the old end. The newest record is never the one that goes. Registers are cumulative: what is
 *  thinned costs resolution in time, never money. The gateway sees the gap in the sequence.
 */
#ifndef FIRMWARE_CORE_JOURNAL_H
#define FIRMWARE_CORE_JOURNAL_H

#include "firmware/core/log.h"
#include "firmware/core/record.h"
#include "meters/message.h"

struct fw_journal {
    struct fw_log profile;
    struct fw_log days;
    uint32_t next_seq;   /**< Sequence number of the next record, 1 and up. */
    uint32_t acked_seq;  /**< Every record below is durable at the gateway; <= next_seq. */
    uint32_t profile_at; /**< Position before which nothing is pending. */
    uint32_t days_at;
    uint32_t dropped_count; /**< Records that went before the gateway had them. */
    bool has_newest;
    struct fw_record newest; /**< Valid when has_newest. */
};

/** Where the two logs lie. */
struct fw_journal_place {
    struct fw_log_place profile;
    struct fw_log_place days;
};

/** Find what is there, and what of it the gateway lacks.
 *
 *  In:      saved  the newest checkpoint, or NULL when there is none
 *  Returns: FW_OK, FW_IO, FW_INVALID. *journal is untouched unless FW_OK.
 */
MT_MUST_USE enum fw_status fw_journal_open(struct fw_journal *journal, const struct fw_hal *hal,
                                           const struct fw_journal_place *place,
                                           const struct fw_checkpoint *saved);

/** Write one reading; day_end chooses the day log. It gets the sequence number next_seq.
 *  Returns: FW_OK, it is durable; FW_IO, it is not in the journal and the number is still free. */
MT_MUST_USE enum fw_status fw_journal_append(struct fw_journal *journal,
                                             const struct mt_reading *reading, bool day_end,
                                             uint32_t counter_reserved);

/** The gateway has every record below next_seq. A number beyond our own moves ours up to it: the
 *  gateway has seen records of those numbers, so none may be used twice. */
void fw_journal_acknowledge(struct fw_journal *journal, uint32_t next_seq);

/** True when the gateway lacks a record. */
bool fw_journal_pending(const struct fw_journal *journal);

/** Records at most that the gateway lacks. */
uint32_t fw_journal_pending_max(const struct fw_journal *journal);

/** The oldest pending records whose sequence numbers follow each other.
 *
 *  Out:     message->seq_first, count, readings
 *  Returns: FW_OK (count may be 0: nothing is pending that can be read), or FW_IO.
 */
MT_MUST_USE enum fw_status fw_journal_collect(struct mt_message *message,
                                              const struct fw_journal *journal, uint32_t count_max);

/** The oldest day end after a moment that the gateway has already.
 *
 *  Returns: FW_OK with *record; FW_GONE when there is none; FW_IO.
 */
MT_MUST_USE enum fw_status fw_journal_day_after(struct fw_record *record,
                                                const struct fw_journal *journal, int64_t after_us);

#endif
