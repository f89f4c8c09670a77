/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A binary min-heap of slots by time, in the caller's memory: who is due next, in O(log n). */
#ifndef GATEWAY_CORE_HEAP_H
#define GATEWAY_CORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_heap {
    uint32_t *items;    /**< Slots, heap-ordered; count of them. */
    uint32_t *position; /**< By slot: index into items, or UINT32_MAX. */
    int64_t *keys;      /**< By slot; valid while in the heap. */
    uint32_t count, max;
};

/** Bytes for max slots. */
size_t gw_heap_bytes(uint32_t max);
/** Lay out an empty heap; memory is 8-aligned. */
void gw_heap_init(struct gw_heap *heap, void *memory, uint32_t max);
/** Put a slot in, or move it to another key. */
void gw_heap_set(struct gw_heap *heap, uint32_t slot, int64_t key);
/** Take a slot out; nothing happens when it is not in. */
void gw_heap_remove(struct gw_heap *heap, uint32_t slot);
/** The slot with the smallest key, which stays in. Returns false when empty. */
bool gw_heap_first(uint32_t *slot, int64_t *key, const struct gw_heap *heap);

#endif
