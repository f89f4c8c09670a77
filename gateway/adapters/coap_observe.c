/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Who observes its down resource (RFC 7641). */
#include "gateway/adapters/coap_observe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

bool gw_observers_init(struct gw_observers *observers, uint32_t slots)
{
    memset(observers, 0, sizeof *observers);
    uint32_t size = 1;
    while (size < slots) {
        size *= 2;
    }
    observers->slots = slots;
    observers->bucket_mask = size - 1;
    observers->list = calloc((size_t)slots + 1, sizeof *observers->list);
    observers->buckets = calloc(size, sizeof *observers->buckets);
    if (observers->list == NULL || observers->buckets == NULL ||
        getrandom(&observers->seed, sizeof observers->seed, 0) != (ssize_t)sizeof observers->seed) {
        gw_observers_deinit(observers);
        return false;
    }
    return true;
}

void gw_observers_deinit(struct gw_observers *observers)
{
    free(observers->list);
    free(observers->buckets);
    memset(observers, 0, sizeof *observers);
}

static uint32_t *bucket_of(const struct gw_observers *observers, const char *name, size_t len)
{
    uint64_t hash = observers->seed;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)name[i]) * UINT64_C(0x100000001B3); /* FNV-1a, seeded */
    }
    return &observers->buckets[(uint32_t)(hash >> 32) & observers->bucket_mask];
}

struct gw_observer *gw_observer_find(const struct gw_observers *observers, const char *name,
                                     size_t name_len)
{
    uint32_t i = *bucket_of(observers, name, name_len);
    while (i != 0) {
        struct gw_observer *observer = &observers->list[i];
        if (observer->name_len == name_len && memcmp(observer->name, name, name_len) == 0) {
            return observer;
        }
        i = observer->next;
    }
    return NULL;
}

struct gw_observer *gw_observer_of(const struct gw_observers *observers, uint32_t slot)
{
    MT_CHECK(slot <= observers->slots);
    struct gw_observer *observer = &observers->list[slot];
    return observer->session != NULL ? observer : NULL;
}

void gw_observer_end(struct gw_observers *observers, uint32_t slot)
{
    struct gw_observer *observer = gw_observer_of(observers, slot);
    if (observer == NULL) {
        return;
    }
    uint32_t *link = bucket_of(observers, observer->name, observer->name_len);
    while (*link != slot) {
        MT_CHECK(*link != 0);
        link = &observers->list[*link].next;
    }
    *link = observer->next;
    observer->session = NULL;
    observers->count--;
}

struct gw_observer *gw_observer_set(struct gw_observers *observers, uint32_t slot, const char *name,
                                    size_t name_len)
{
    MT_CHECK(slot > 0 && slot <= observers->slots);
    MT_CHECK(name_len > 0 && name_len <= MT_NAME_MAX);
    const struct gw_observer *before = gw_observer_find(observers, name, name_len);
    if (before != NULL) {
        gw_observer_end(observers, (uint32_t)(before - observers->list));
    }
    gw_observer_end(observers, slot);
    struct gw_observer *observer = &observers->list[slot];
    uint32_t *bucket = bucket_of(observers, name, name_len);
    memset(observer, 0, sizeof *observer);
    memcpy(observer->name, name, name_len);
    observer->name_len = (uint8_t)name_len;
    observer->session = observers; /* not NULL: the caller puts the session here */
    observer->next = *bucket;
    *bucket = slot;
    observers->count++;
    return observer;
}
