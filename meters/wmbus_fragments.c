/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages in fragments; see the header. */
#include "meters/wmbus_fragments.h"

#include <string.h>

static struct mt_fragmented *find(struct mt_fragments *memory, const uint8_t *address)
{
    for (uint32_t i = 0; i < MT_FRAGMENTED_MAX; i++) {
        struct mt_fragmented *slot = &memory->slots[i];
        if (slot->fragment > 0 && memcmp(slot->address, address, sizeof(slot->address)) == 0) {
            return slot;
        }
    }
    return NULL;
}

/* The meter's own slot, else one that is free, else the oldest. */
static struct mt_fragmented *place_for(struct mt_fragments *memory, const uint8_t *address)
{
    struct mt_fragmented *slot = find(memory, address);
    for (uint32_t i = 0; slot == NULL && i < MT_FRAGMENTED_MAX; i++) {
        slot = memory->slots[i].fragment == 0 ? &memory->slots[i] : NULL;
    }
    if (slot == NULL) {
        slot = &memory->slots[memory->next % MT_FRAGMENTED_MAX];
        memory->next = (memory->next + 1) % MT_FRAGMENTED_MAX;
    }
    return slot;
}

static enum mt_status refuse(struct mt_trace *trace, const struct mt_cursor *part,
                             enum mt_status status, const char *why)
{
    mt_trace_fault(trace, part->at, mt_cursor_left(part), why);
    return status;
}

/* The first fragment: it has all fields of the message but the MAC. */
static enum mt_status begin(struct mt_fragments *memory, const struct mt_mbus_afl *afl,
                            const uint8_t *address, const struct mt_cursor *part,
                            struct mt_trace *trace)
{
    size_t len = mt_cursor_left(part);
    size_t wanted = (size_t)(afl->length[0] | afl->length[1] << 8);
    struct mt_fragmented *slot = find(memory, address);
    if (slot != NULL) {
        slot->fragment = 0; /* whatever this one is, the message before it is over */
    }
    if (mt_mbus_mac_bytes(afl->control) == 0) {
        return refuse(trace, part, MT_UNSUPPORTED,
                      "fragments are put together under a MAC only: nothing else ties them");
    }
    if (!afl->has_length || afl->mac_len > 0 || wanted <= len) {
        return refuse(trace, part, MT_BAD_LAYOUT,
                      "the first fragment has the length of a longer message, and no MAC");
    }
    if (wanted > MT_FRAGMENTED_BYTES_MAX) {
        return refuse(trace, part, MT_TOO_LARGE, "the message is longer than what is kept here");
    }
    slot = place_for(memory, address);
    memcpy(slot->address, address, sizeof(slot->address));
    slot->fragment = afl->fragment;
    slot->control = afl->control;
    slot->has_counter = afl->has_counter;
    memcpy(slot->counter, afl->counter, sizeof(slot->counter));
    slot->wanted = (uint16_t)wanted;
    slot->len = (uint16_t)len;
    memcpy(slot->bytes, part->at, len);
    mt_trace_field(trace, part->at, len, "fragment", "the first: kept until the others are there");
    return MT_NO_READING;
}

/* Does a later fragment hold what it must, and no more than is missing? */
static bool fits(const struct mt_fragmented *slot, const struct mt_mbus_afl *afl, size_t len)
{
    size_t missing = (size_t)(slot->wanted - slot->len);
    uint8_t mac_len = afl->has_more ? 0 : (uint8_t)mt_mbus_mac_bytes(slot->control);
    return afl->control == 0 && !afl->has_counter && !afl->has_length && afl->mac_len == mac_len &&
           (afl->has_more ? len < missing : len == missing);
}

static enum mt_status go_on(const struct mt_fragmented **whole, struct mt_mbus_afl *afl,
                            struct mt_fragmented *slot, const struct mt_cursor *part,
                            struct mt_trace *trace)
{
    size_t len = mt_cursor_left(part);
    if (slot->fragment == afl->fragment && afl->has_more) {
        mt_trace_field(trace, part->at, len, "fragment", "it came before");
        return MT_NO_READING;
    }
    bool follows = afl->fragment == slot->fragment + 1;
    bool is_right = follows && fits(slot, afl, len);
    if (!is_right) {
        slot->fragment = 0;
        return refuse(trace, part, follows ? MT_BAD_LAYOUT : MT_NO_READING,
                      follows ? "the fields or the length are not those of the message's next part"
                              : "a fragment before this one is missing: the message is lost");
    }
    memcpy(slot->bytes + slot->len, part->at, len);
    slot->len = (uint16_t)(slot->len + len);
    slot->fragment = afl->fragment;
    mt_trace_field(trace, part->at, len, "fragment",
                   afl->has_more ? "kept until the others are there" : "the last");
    if (afl->has_more) {
        return MT_NO_READING;
    }
    slot->fragment = 0; /* free; its bytes stay until the next fragment */
    afl->control = slot->control;
    afl->has_counter = slot->has_counter;
    memcpy(afl->counter, slot->counter, sizeof(afl->counter));
    afl->has_length = true;
    afl->length[0] = (uint8_t)slot->wanted;
    afl->length[1] = (uint8_t)(slot->wanted >> 8);
    *whole = slot;
    return MT_OK;
}

enum mt_status mt_wmbus_fragment(const struct mt_fragmented **whole, struct mt_mbus_afl *afl,
                                 struct mt_fragments *memory, const uint8_t *address,
                                 const struct mt_cursor *part, struct mt_trace *trace)
{
    MT_CHECK(whole != NULL && afl != NULL && address != NULL && part != NULL);
    MT_CHECK(mt_wmbus_is_fragment(afl));
    if (memory == NULL) {
        return refuse(trace, part, MT_UNSUPPORTED,
                      "a message in fragments: there is no memory to put it together in");
    }
    if (afl->fragment == 0) {
        return refuse(trace, part, MT_BAD_LAYOUT, "fragments are counted from 1");
    }
    if (afl->fragment == 1) {
        return begin(memory, afl, address, part, trace);
    }
    struct mt_fragmented *slot = find(memory, address);
    if (slot == NULL) {
        return refuse(trace, part, MT_NO_READING,
                      "the fragments before this one were not heard: the message is lost");
    }
    return go_on(whole, afl, slot, part, trace);
}
