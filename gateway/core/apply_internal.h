/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Shared by the files of apply: what each kind of entry does. Private to them.
 *
 *  Entries are bytes of the store when they are read back: what contradicts the state, or would carry
 *  a sum beyond its limit, is GW_CORRUPT and never a trap. Live the decision made sure of it before.
 */
#ifndef GATEWAY_CORE_APPLY_INTERNAL_H
#define GATEWAY_CORE_APPLY_INTERNAL_H

#include "gateway/core/apply.h"

/** Add to a sum that stays within +-limit. Returns false, with the sum untouched, where it would not. */
MT_MUST_USE static inline bool gw_sum_add(int64_t *sum, int64_t more, int64_t limit)
{
    int64_t after = 0;
    if (__builtin_add_overflow(*sum, more, &after) || after > limit || after < -limit) {
        return false;
    }
    *sum = after;
    return true;
}

enum gw_status gw_apply_order_new(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_order_end(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_household(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_meter(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_bind(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_unbind(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_tariff(struct gw_core *core, const struct gw_entry *entry);
enum gw_status gw_apply_critical_day(struct gw_core *core, const struct gw_entry *entry);

#endif
