/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/index.h"

#include <string.h>

#include "meters/check.h"

#define SLOT_BITS 23u
#define SLOT_MASK ((1u << SLOT_BITS) - 1u)

uint32_t gw_index_cells(uint32_t max)
{
    return max + max / 4u + 16u;
}

void gw_index_init(struct gw_index *index, uint32_t *cells, uint32_t cell_count, uint64_t seed)
{
    index->cells = cells;
    index->cell_count = cell_count;
    index->seed = seed;
    memset(cells, 0, (size_t)cell_count * sizeof(*cells));
}

/* 64 x 64 -> 128 multiplication folded: the mixing step of the wyhash family. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t gw_index_hash(const struct gw_index *index, const void *name, size_t len)
{
    const uint8_t *bytes = name;
    uint64_t hash = index->seed ^ (len * 0x9e3779b97f4a7c15ull);
    while (len > 0) {
        uint64_t word = 0;
        size_t take = len < 8u ? len : 8u;
        memcpy(&word, bytes, take);
        hash = fold(hash ^ word, 0xe7037ed1a0b428dbull ^ index->seed);
        bytes += take;
        len -= take;
    }
    return fold(hash, 0x8ebc6af09c88c6e3ull);
}

/* The upper half of the hash chooses the cell, evenly over any count of them; the lower bits are the tag. */
static uint32_t home(const struct gw_index *index, uint64_t hash)
{
    return (uint32_t)((hash >> 32) * index->cell_count >> 32);
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)hash << SLOT_BITS;
}

static uint32_t after(const struct gw_index *index, uint32_t cell)
{
    return cell + 1u == index->cell_count ? 0 : cell + 1u;
}

void gw_index_add(struct gw_index *index, uint64_t hash, uint32_t slot)
{
    MT_CHECK(slot <= GW_INDEX_SLOT_MAX);
    uint32_t cell = home(index, hash);
    while (index->cells[cell] != 0) {
        cell = after(index, cell);
    }
    index->cells[cell] = tag_of(hash) | (slot + 1u);
}

void gw_index_hint(const struct gw_index *index, uint64_t hash)
{
    __builtin_prefetch(&index->cells[home(index, hash)]);
}

/* The slot of the first cell from here on that is empty or has the tag. */
static uint32_t seek(struct gw_probe *probe, const struct gw_index *index)
{
    uint32_t held = index->cells[probe->cell];
    while (held != 0 && (held & ~SLOT_MASK) != probe->tag) {
        probe->cell = after(index, probe->cell);
        held = index->cells[probe->cell];
    }
    return (held & SLOT_MASK) - 1u;
}

uint32_t gw_index_first(struct gw_probe *probe, const struct gw_index *index, uint64_t hash)
{
    probe->cell = home(index, hash);
    probe->tag = tag_of(hash);
    return seek(probe, index);
}

uint32_t gw_index_next(struct gw_probe *probe, const struct gw_index *index)
{
    probe->cell = after(index, probe->cell);
    return seek(probe, index);
}
