/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The only code that changes durable state: live after a decision, and when blocks are read back.
 *
 *  Each entry changes several items (a meter, its household, the totals). When blocks are read
 *  back, an item whose saved image holds the block already is left alone, so every change depends on
 *  the entry and on that one item only.
 */
#ifndef GATEWAY_CORE_APPLY_H
#define GATEWAY_CORE_APPLY_H

#include "gateway/core/state.h"

/** What a meter becomes by an entry; live it is worked out by the decision already. */
struct gw_work {
    bool has_reading;
    uint8_t last_verdict;
    struct mt_reading last;
    struct gw_usage usage;
    struct gw_terms terms; /**< Of the meter, as they were registered: no message changes them. */
};

/** Apply an entry. work is the meter's outcome of a READINGS entry decided live; NULL when read back,
 *  and then it is worked out again (its postings are those recorded).
 *
 *  Returns: GW_OK; GW_CORRUPT when the entry contradicts the state; GW_INVALID when it needs larger
 *           limits or a tariff that was not put; GW_IO.
 */
MT_MUST_USE enum gw_status gw_apply(struct gw_core *core, const struct gw_entry *entry,
                                    const struct gw_work *work);

/** Write the entry to the open block and apply it; it was decided just now and cannot fail. entry->at
 *  is set to where it went. */
void gw_emit(struct gw_core *core, struct gw_entry *entry, const struct gw_work *work);

/** Bring due_us and the heap in step with what the household owes, at now_us. */
void gw_household_schedule(struct gw_core *core, uint32_t slot, int64_t now_us);

/** Add the announced days of a tariff index to a pack's own. Returns false when they do not all fit. */
bool gw_tariff_merge_days(const struct gw_core *core, uint32_t index, struct gw_tariff *tariff);

/** Look at the images that were loaded. Returns GW_OK or GW_CORRUPT. */
MT_MUST_USE enum gw_status gw_images_check(const struct gw_core *core);

/** Give tariff index the pack of that name that was put, its payees and announced days.
 *  Returns GW_OK or GW_INVALID. */
MT_MUST_USE enum gw_status gw_tariff_attach(struct gw_core *core, uint32_t tariff);

#endif
