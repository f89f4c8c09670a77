/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meters' pre-shared keys, by name. */
#include "gateway/adapters/coap_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

_Static_assert(sizeof(struct gw_keys_entry) == 42,
               "17 bytes with the key, and the name; nothing for alignment");

bool gw_keys_init(struct gw_keys *keys, uint32_t max)
{
    memset(keys, 0, sizeof *keys);
    keys->max = max;
    keys->slots = (size_t)max + max / 3 + 8;
    keys->entries = calloc(keys->slots, sizeof *keys->entries);
    if (keys->entries == NULL) {
        return false;
    }
    /* Names are chosen by strangers: without a seed they could be chosen to collide. */
    if (getrandom(&keys->seed, sizeof keys->seed, 0) != (ssize_t)sizeof keys->seed) {
        free(keys->entries);
        return false;
    }
    (void)pthread_mutex_init(&keys->mutex, NULL); /* with default attributes it cannot fail */
    return true;
}

void gw_keys_deinit(struct gw_keys *keys)
{
    mt_key_wipe(keys->entries, keys->slots * sizeof *keys->entries);
    free(keys->entries);
    (void)pthread_mutex_destroy(&keys->mutex); /* nobody holds it any more */
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 32;
}

static size_t slot_of(const struct gw_keys *keys, const char *name, size_t len)
{
    uint64_t hash = keys->seed;
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, name + at, len - at < 8 ? len - at : 8);
        hash = mix(hash ^ word) + len;
    }
    return (size_t)(((unsigned __int128)mix(hash) * keys->slots) >> 64);
}

/* The entry of that name, or the free one where it belongs. */
static struct gw_keys_entry *find(const struct gw_keys *keys, const char *name, size_t len)
{
    size_t slot = slot_of(keys, name, len);
    for (;;) { /* ends: there are more slots than entries */
        struct gw_keys_entry *entry = &keys->entries[slot];
        if (entry->name_len == 0 ||
            (entry->name_len == len && memcmp(entry->name, name, len) == 0)) {
            return entry;
        }
        slot = slot + 1 == keys->slots ? 0 : slot + 1;
    }
}

bool gw_keys_put(struct gw_keys *keys, const char *name, size_t name_len,
                 const uint8_t key[MT_KEY_BYTES])
{
    if (name_len == 0 || name_len > MT_NAME_MAX) {
        return false;
    }
    (void)pthread_mutex_lock(&keys->mutex); /* a default mutex of ours: it cannot fail */
    struct gw_keys_entry *entry = find(keys, name, name_len);
    bool room = entry->name_len != 0 || keys->count < keys->max;
    if (room) {
        keys->count += entry->name_len == 0;
        entry->name_len = (uint8_t)name_len;
        memcpy(entry->name, name, name_len);
        memcpy(entry->key, key, MT_KEY_BYTES);
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    return room;
}

bool gw_keys_get(uint8_t key[MT_KEY_BYTES], struct gw_keys *keys, const char *name, size_t name_len)
{
    if (name_len == 0 || name_len > MT_NAME_MAX) {
        return false;
    }
    (void)pthread_mutex_lock(&keys->mutex);
    const struct gw_keys_entry *entry = find(keys, name, name_len);
    bool found = entry->name_len != 0;
    if (found) {
        memcpy(key, entry->key, MT_KEY_BYTES);
    }
    (void)pthread_mutex_unlock(&keys->mutex);
    return found;
}
