/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Validation of a meter's readings (VEE) and their consumption: pure but for reading history.
 *
 *  judge decides what a reading is worth; take adds its consumption to the work in progress. When
 *  blocks are read back the verdict is known and only take runs.
 */
#ifndef GATEWAY_CORE_JUDGE_H
#define GATEWAY_CORE_JUDGE_H

#include "gateway/core/apply.h"

/** Where a late reading belongs, kept from one reading of a message to the next. */
struct gw_bracket {
    bool known;
    struct gw_entry_reading before, after;
};

struct gw_case {
    struct gw_core *core;
    uint32_t slot;
    const struct gw_meter *meter;
    const struct gw_entry_reading *done; /**< Readings of this message already judged, by time. */
    uint32_t done_count;
    struct gw_bracket bracket;
    uint64_t walked_bytes; /**< What looking for brackets has cost this message. */
    enum gw_status status; /**< GW_IO or GW_CORRUPT when history could not be read. */
};

/** Judge and take one reading; its time may be replaced by the gateway's. Readings of a message come in
 *  order of time. Returns the verdict; *work changes only on an accepted one. */
enum gw_verdict gw_judge(struct gw_case *c, struct gw_work *work, struct mt_reading *reading);

/** Take a reading whose accepted verdict is recorded, as it stands in a block: bytes from outside.
 *  Returns false when it contradicts the readings before it, or when c->status says why not. */
bool gw_retake(struct gw_case *c, struct gw_work *work, const struct gw_entry_reading *reading);

/** The store's block_read as history sees it (self: the core): of the block that is being written, or
 *  read back, what came before the message in hand. */
MT_MUST_USE enum gw_status gw_core_read_block(void *self, uint64_t number, uint8_t *bytes,
                                              size_t *len, size_t max);

/** True for verdicts of readings that bear on money. */
bool gw_is_accepted(uint8_t verdict);

#endif
