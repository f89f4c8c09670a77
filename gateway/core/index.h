/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Names to slots: open addressing over slots only; the names stay in the items. Never shrinks.
 *
 *  A cell has 9 bits of the hash beside its slot, so that hardly ever an item is looked at that is not
 *  the one: each such look is a miss of the cache. So the cells may be four fifths full.
 *  The hash is keyed, so that nobody who chooses names can choose collisions.
 */
#ifndef GATEWAY_CORE_INDEX_H
#define GATEWAY_CORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_index {
    uint32_t *cells; /**< 9 bits of the hash, 23 bits of slot + 1; 0: empty. */
    uint32_t cell_count;
    uint64_t seed;
};

/** The largest slot that a cell holds. */
#define GW_INDEX_SLOT_MAX ((1u << 23) - 2u)

/** Cells for max names: 5/4 of them, and a few. */
uint32_t gw_index_cells(uint32_t max);
void gw_index_init(struct gw_index *index, uint32_t *cells, uint32_t cell_count, uint64_t seed);
/** Hash of a name under the index's seed. */
uint64_t gw_index_hash(const struct gw_index *index, const void *name, size_t len);
/** Add a slot whose name has this hash; the caller knows that it is new. */
void gw_index_add(struct gw_index *index, uint64_t hash, uint32_t slot);

/** A probe over candidates of a hash. */
struct gw_probe {
    uint32_t cell;
    uint32_t tag;
};
/** Have the memory of a name's cell on its way; nothing is decided by it. */
void gw_index_hint(const struct gw_index *index, uint64_t hash);
/** First or next candidate slot, or UINT32_MAX at the end. The caller compares the name itself. */
uint32_t gw_index_first(struct gw_probe *probe, const struct gw_index *index, uint64_t hash);
uint32_t gw_index_next(struct gw_probe *probe, const struct gw_index *index);

#endif
