/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Requests whose answers wait for the commit: a table of fixed size, addressed by handles.
 *
 *  A handle is (generation, index): one that was answered, expired or whose session ended finds nothing,
 *  so a late reply can do no harm. Entries stand in a list by age, and in a list by session.
 *  Plain data; knows nothing of libcoap. One thread.
 */
#ifndef GATEWAY_ADAPTERS_COAP_PENDING_H
#define GATEWAY_ADAPTERS_COAP_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

struct gw_pending {
    void *session; /**< With a reference, which whoever removes the entry gives back. */
    uint32_t slot; /**< Of the session. */
    uint16_t mid;
    uint8_t token[8];
    uint8_t token_len;
    bool confirmable;
    bool acknowledged; /**< An empty acknowledgement went ahead. */
    bool has_block1;
    uint32_t block1; /**< The option of the request's last block. */
    int64_t since_ms;
    /* the table's own */
    uint32_t generation; /**< 0: never used. */
    bool used;
    uint32_t older, newer;         /**< By age; 0: none. Free entries: newer leads on. */
    uint32_t slot_next, slot_prev; /**< Of the same session; 0: none. */
    uint32_t bucket_next;          /**< Of the same hash of session and message; 0: none. */
};

struct gw_pending_table {
    struct gw_pending *entries; /* 1 .. max */
    uint32_t *by_slot;          /* slot -> its first entry */
    uint32_t *buckets;          /* hash of slot and message id -> first entry */
    uint32_t bucket_mask;
    uint16_t *slot_count; /* slot -> how many */
    uint32_t max, slots, per_slot_max;
    uint32_t count, free, oldest, newest;
    uint32_t unseen; /* oldest entry that gw_pending_unseen has not given */
};

/** Returns false without memory. slots: the highest slot number. */
MT_MUST_USE bool gw_pending_init(struct gw_pending_table *table, uint32_t max, uint32_t slots,
                                 uint32_t per_slot_max);
void gw_pending_deinit(struct gw_pending_table *table);

enum gw_pending_verdict { GW_PENDING_ADDED, GW_PENDING_FULL, GW_PENDING_TOO_MANY };

/** Add a copy of *entry (the table's own fields are set here).
 *  Out: *handle, never 0, with GW_PENDING_ADDED. TOO_MANY: of this session. */
MT_MUST_USE enum gw_pending_verdict gw_pending_add(uint64_t *handle, struct gw_pending_table *table,
                                                   const struct gw_pending *entry);

/** The entry of a handle, or NULL: it is gone. */
struct gw_pending *gw_pending_find(const struct gw_pending_table *table, uint64_t handle);

/** The entry of the same message of the same session (RFC 7252, 4.5), or NULL. */
struct gw_pending *gw_pending_same(const struct gw_pending_table *table, uint32_t slot,
                                   uint16_t mid);

/** Any entry of a session, or NULL. */
struct gw_pending *gw_pending_of(const struct gw_pending_table *table, uint32_t slot);

/** The oldest entry, or NULL. */
struct gw_pending *gw_pending_oldest(const struct gw_pending_table *table);

/** The oldest entry not given by this before, when it is from before_ms or earlier; or NULL. */
struct gw_pending *gw_pending_unseen(struct gw_pending_table *table, int64_t before_ms);

void gw_pending_remove(struct gw_pending_table *table, struct gw_pending *entry);

#endif
