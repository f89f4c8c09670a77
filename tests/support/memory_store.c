/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/support/memory_store.h"

#include <stdlib.h>
#include <string.h>

struct block {
    uint8_t *bytes;
    size_t len;
};

struct saved {
    struct gw_chunk chunk;
    uint8_t *bytes;
};

struct memory_store {
    struct block *blocks;
    size_t block_count, block_room;
    struct saved *chunks;
    size_t chunk_count, chunk_room;
    unsigned calls, fail_at;
    enum gw_status failure;
};

static void *grow(void *items, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return items;
    }
    *room = *room == 0 ? 64 : *room * 2;
    items = realloc(items, *room * size);
    if (items == NULL) {
        abort();
    }
    return items;
}

static uint8_t *copy(const uint8_t *bytes, size_t len)
{
    uint8_t *mine = malloc(len == 0 ? 1 : len);
    if (mine == NULL) {
        abort();
    }
    memcpy(mine, bytes, len);
    return mine;
}

static enum gw_status last_number(void *self, uint64_t *number)
{
    *number = ((struct memory_store *)self)->block_count;
    return GW_OK;
}

static void save_chunk(struct memory_store *store, const struct gw_chunk *chunk)
{
    size_t at = 0;
    while (at < store->chunk_count && (store->chunks[at].chunk.kind != chunk->kind ||
                                       store->chunks[at].chunk.index != chunk->index)) {
        at++;
    }
    if (at == store->chunk_count) {
        store->chunks = grow(store->chunks, &store->chunk_room, at, sizeof(*store->chunks));
        store->chunk_count++;
    } else {
        free(store->chunks[at].bytes);
    }
    store->chunks[at].bytes = copy(chunk->bytes, chunk->len);
    store->chunks[at].chunk = *chunk;
    store->chunks[at].chunk.bytes = store->chunks[at].bytes;
}

static enum gw_status append(void *self, const struct gw_block_write *write)
{
    struct memory_store *store = self;
    if (++store->calls == store->fail_at) {
        return store->failure;
    }
    if (write->number != store->block_count + 1) {
        return GW_IO;
    }
    store->blocks =
        grow(store->blocks, &store->block_room, store->block_count, sizeof(*store->blocks));
    store->blocks[store->block_count++] =
        (struct block){.bytes = copy(write->bytes, write->len), .len = write->len};
    for (uint32_t i = 0; i < write->chunk_count; i++) {
        save_chunk(store, &write->chunks[i]);
    }
    return GW_OK;
}

static enum gw_status block_read(void *self, uint64_t number, uint8_t *bytes, size_t *len,
                                 size_t max)
{
    struct memory_store *store = self;
    if (number == 0 || number > store->block_count) {
        return GW_END;
    }
    const struct block *block = &store->blocks[number - 1];
    if (block->len > max) {
        return GW_FULL;
    }
    memcpy(bytes, block->bytes, block->len);
    *len = block->len;
    return GW_OK;
}

static enum gw_status block_walk(void *self, uint64_t from_number, void *arg,
                                 enum gw_status (*visit)(void *, uint64_t, const uint8_t *, size_t))
{
    struct memory_store *store = self;
    for (uint64_t n = from_number; n <= store->block_count; n++) {
        enum gw_status status = visit(arg, n, store->blocks[n - 1].bytes, store->blocks[n - 1].len);
        if (status != GW_OK) {
            return status;
        }
    }
    return GW_OK;
}

static enum gw_status chunk_walk(void *self, void *arg,
                                 enum gw_status (*visit)(void *, const struct gw_chunk *))
{
    struct memory_store *store = self;
    for (size_t i = 0; i < store->chunk_count; i++) {
        enum gw_status status = visit(arg, &store->chunks[i].chunk);
        if (status != GW_OK) {
            return status;
        }
    }
    return GW_OK;
}

struct memory_store *memory_store_open(void)
{
    struct memory_store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        abort();
    }
    return store;
}

void memory_store_drop_chunks(struct memory_store *store)
{
    for (size_t i = 0; i < store->chunk_count; i++) {
        free(store->chunks[i].bytes);
    }
    store->chunk_count = 0;
}

void memory_store_close(struct memory_store *store)
{
    memory_store_drop_chunks(store);
    for (size_t i = 0; i < store->block_count; i++) {
        free(store->blocks[i].bytes);
    }
    free(store->blocks);
    free(store->chunks);
    free(store);
}

struct gw_store_port memory_store_port(struct memory_store *store)
{
    return (struct gw_store_port){.self = store,
                                  .last_number = last_number,
                                  .append = append,
                                  .block_read = block_read,
                                  .block_walk = block_walk,
                                  .chunk_walk = chunk_walk};
}

void memory_store_fail(struct memory_store *store, unsigned nth, enum gw_status status)
{
    store->calls = 0;
    store->fail_at = nth;
    store->failure = status;
}

unsigned memory_store_calls(const struct memory_store *store)
{
    return store->calls;
}

size_t memory_store_bytes(const struct memory_store *store)
{
    size_t bytes = 0;
    for (size_t i = 0; i < store->block_count; i++) {
        bytes += store->blocks[i].len;
    }
    return bytes;
}

void memory_store_rot_chunk(struct memory_store *store, size_t chunk, size_t bit)
{
    size_t at = chunk % store->chunk_count;
    bit %= store->chunks[at].chunk.len * 8;
    store->chunks[at].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}
