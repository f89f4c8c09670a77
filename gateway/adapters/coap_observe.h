/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who observes its down resource (RFC 7641): one observation a session, one session a meter.
 *
 *  An observation lives as long as its session. Plain data; knows nothing of libcoap. One thread.
 */
#ifndef GATEWAY_ADAPTERS_COAP_OBSERVE_H
#define GATEWAY_ADAPTERS_COAP_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/core.h"
#include "meters/check.h"

struct gw_observer {
    void *session; /**< NULL: none. No reference: it is forgotten before the session is freed. */
    char name[MT_NAME_MAX];
    uint8_t name_len;
    uint8_t token[8];
    uint8_t token_len;
    uint32_t sequence; /**< Of the last notification; 24 bits (RFC 7641, 4.4). */
    uint8_t last_len;  /**< The last notification; 0: none yet. */
    uint8_t last[sizeof((struct gw_reply *)0)->receipt];
    uint32_t next; /**< Of the same bucket. */
};

struct gw_observers {
    struct gw_observer *list; /* by slot, 1 .. slots */
    uint32_t *buckets;
    uint32_t bucket_mask;
    uint32_t slots, count;
    uint64_t seed;
};

/** Returns false without memory. */
MT_MUST_USE bool gw_observers_init(struct gw_observers *observers, uint32_t slots);
void gw_observers_deinit(struct gw_observers *observers);

/** The session in this slot observes; the meter's observation by another session ends. Returns it. The
 *  caller sets session and token. */
struct gw_observer *gw_observer_set(struct gw_observers *observers, uint32_t slot, const char *name,
                                    size_t name_len);

/** The meter's observation, or NULL. */
struct gw_observer *gw_observer_find(const struct gw_observers *observers, const char *name,
                                     size_t name_len);

/** The session's observation, or NULL. */
struct gw_observer *gw_observer_of(const struct gw_observers *observers, uint32_t slot);

/** End it, if there is one. */
void gw_observer_end(struct gw_observers *observers, uint32_t slot);

#endif
