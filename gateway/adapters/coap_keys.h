/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meters' pre-shared keys, by name: filled by the core's thread, asked at every handshake.
 *
 *  Open addressing in one block of memory sized at open; a lock that is held for a lookup only.
 */
#ifndef GATEWAY_ADAPTERS_COAP_KEYS_H
#define GATEWAY_ADAPTERS_COAP_KEYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"
#include "meters/keys.h"
#include "meters/name.h"

struct gw_keys_entry {
    uint8_t name_len; /* 0: free */
    char name[MT_NAME_MAX];
    uint8_t key[MT_KEY_BYTES];
};

struct gw_keys {
    pthread_mutex_t mutex;
    struct gw_keys_entry *entries;
    size_t slots; /* more than max, so that a search ends */
    uint32_t count, max;
    uint64_t seed;
};

/** Room for so many keys. Returns false without memory. */
MT_MUST_USE bool gw_keys_init(struct gw_keys *keys, uint32_t max);
/** Wipe and free. */
void gw_keys_deinit(struct gw_keys *keys);
/** Add or replace. Returns false when full, or for a length that no name has. */
MT_MUST_USE bool gw_keys_put(struct gw_keys *keys, const char *name, size_t name_len,
                             const uint8_t key[MT_KEY_BYTES]);
/** Find. Returns false when there is none; *key is untouched then. */
MT_MUST_USE bool gw_keys_get(uint8_t key[MT_KEY_BYTES], struct gw_keys *keys, const char *name,
                             size_t name_len);

#endif
