/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/heap.h"

#include "meters/check.h"

#define ABSENT UINT32_MAX

size_t gw_heap_bytes(uint32_t max)
{
    return (size_t)max * (sizeof(int64_t) + 2u * sizeof(uint32_t));
}

void gw_heap_init(struct gw_heap *heap, void *memory, uint32_t max)
{
    heap->keys = memory;
    heap->items = (uint32_t *)(heap->keys + max);
    heap->position = heap->items + max;
    heap->count = 0;
    heap->max = max;
    for (uint32_t i = 0; i < max; i++) {
        heap->position[i] = ABSENT;
    }
}

static void place(struct gw_heap *heap, uint32_t at, uint32_t slot)
{
    heap->items[at] = slot;
    heap->position[slot] = at;
}

static void sift_up(struct gw_heap *heap, uint32_t at)
{
    uint32_t slot = heap->items[at];
    while (at > 0) {
        uint32_t parent = (at - 1u) / 2u;
        if (heap->keys[heap->items[parent]] <= heap->keys[slot]) {
            break;
        }
        place(heap, at, heap->items[parent]);
        at = parent;
    }
    place(heap, at, slot);
}

static void sift_down(struct gw_heap *heap, uint32_t at)
{
    uint32_t slot = heap->items[at];
    for (;;) {
        uint32_t child = 2u * at + 1u;
        if (child >= heap->count) {
            break;
        }
        if (child + 1u < heap->count &&
            heap->keys[heap->items[child + 1u]] < heap->keys[heap->items[child]]) {
            child++;
        }
        if (heap->keys[slot] <= heap->keys[heap->items[child]]) {
            break;
        }
        place(heap, at, heap->items[child]);
        at = child;
    }
    place(heap, at, slot);
}

void gw_heap_set(struct gw_heap *heap, uint32_t slot, int64_t key)
{
    MT_CHECK(slot < heap->max);
    if (heap->position[slot] == ABSENT) {
        MT_CHECK(heap->count < heap->max);
        heap->keys[slot] = key;
        place(heap, heap->count++, slot);
        sift_up(heap, heap->count - 1u);
        return;
    }
    int64_t before = heap->keys[slot];
    heap->keys[slot] = key;
    if (key < before) {
        sift_up(heap, heap->position[slot]);
    } else {
        sift_down(heap, heap->position[slot]);
    }
}

void gw_heap_remove(struct gw_heap *heap, uint32_t slot)
{
    MT_CHECK(slot < heap->max);
    uint32_t at = heap->position[slot];
    if (at == ABSENT) {
        return;
    }
    heap->position[slot] = ABSENT;
    uint32_t last = heap->items[--heap->count];
    if (last == slot) {
        return;
    }
    place(heap, at, last);
    sift_up(heap, at);
    sift_down(heap, heap->position[last]);
}

bool gw_heap_first(uint32_t *slot, int64_t *key, const struct gw_heap *heap)
{
    if (heap->count == 0) {
        return false;
    }
    *slot = heap->items[0];
    *key = heap->keys[heap->items[0]];
    return true;
}
