/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/index.h"

#include <string.h>

#include "meters/check.h"

uint32_t gw_index_cells(uint32_t max)
{
    uint32_t cells = 16;
    while ((uint64_t)cells * 3u < (uint64_t)max * 4u) {
        cells *= 2u;
    }
    return cells;
}

void gw_index_init(struct gw_index *index, uint32_t *cells, uint32_t cell_count, uint64_t seed)
{
    MT_CHECK((cell_count & (cell_count - 1u)) == 0);
    index->cells = cells;
    index->mask = cell_count - 1u;
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

void gw_index_add(struct gw_index *index, uint64_t hash, uint32_t slot)
{
    uint32_t cell = (uint32_t)hash & index->mask;
    while (index->cells[cell] != 0) {
        cell = (cell + 1u) & index->mask;
    }
    index->cells[cell] = slot + 1u;
}

uint32_t gw_index_first(struct gw_probe *probe, const struct gw_index *index, uint64_t hash)
{
    probe->cell = (uint32_t)hash & index->mask;
    return index->cells[probe->cell] - 1u;
}

uint32_t gw_index_next(struct gw_probe *probe, const struct gw_index *index)
{
    probe->cell = (probe->cell + 1u) & index->mask;
    return index->cells[probe->cell] - 1u;
}
