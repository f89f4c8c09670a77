/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From SenML records to an uplink message, whatever they were encoded in; see senml.h. */
#include "meters/senml.h"

#include <string.h>

/* Bits of builder.has[]: bands are bits 0 to 3. */
#define HAS_TOTAL 0x10u
#define HAS_FLAGS 0x20u

#define PROOF_ID 0x01u
#define PROOF_STATE 0x02u
#define PROOF_STATE_MAX 2

_Static_assert((HAS_TOTAL | HAS_FLAGS) >> MT_BANDS != 0, "the bits of the bands are their own");

void mt_senml_builder_init(struct mt_senml_builder *b, struct mt_message *out,
                           enum mt_medium medium, int64_t now_us)
{
    MT_CHECK(b != NULL && out != NULL);
    /* Only what a message carries is written: the struct is large and this is the hot path. */
    out->has_seq = false;
    out->seq_first = 0;
    out->count = 0;
    out->has_proof = false;
    out->proof_id = 0;
    out->proof_state = 0;
    b->out = out;
    b->medium = medium;
    b->proof_seen = 0;
    b->prefix_known = false;
    mt_senml_base_init(&b->base, now_us);
}

/* What a register's name stands for: its bit in has[], 0 when it is no register of the medium. */
static uint8_t register_bit(const struct mt_senml_text *name, enum mt_medium medium)
{
    const char *total = mt_senml_total_name(medium);
    if (mt_senml_is(name, total, strlen(total))) {
        return HAS_TOTAL;
    }
    if (medium == MT_POWER && name->len == 5 && memcmp(name->at, "1.8.", 4) == 0 &&
        name->at[4] >= '1' && name->at[4] <= '0' + (char)MT_BANDS) {
        return (uint8_t)(1u << (name->at[4] - '1'));
    }
    return 0;
}

/* All registers of a pack must belong to one thing: two meters' registers in one pack must not
 * become one meter's readings. */
static bool same_prefix(struct mt_senml_builder *b, const struct mt_senml_text *prefix)
{
    if (!b->prefix_known) {
        b->prefix_known = true;
        b->prefix_len = prefix->len;
        memcpy(b->prefix, prefix->at, prefix->len);
        return true;
    }
    return mt_senml_is(prefix, b->prefix, b->prefix_len);
}

/* Find the reading that a record of this time belongs to, or start one.
 *
 * Journal records come in order, and a total begins each: with a sequence number only the newest
 * reading is asked, so that two records of one second stay two. Third-party packs may come sorted
 * by register instead: there every reading of that time is asked. */
static enum mt_status reading_at(uint32_t *index, struct mt_senml_builder *b, int64_t time_us,
                                 uint8_t bit)
{
    struct mt_message *m = b->out;
    uint32_t asked = m->has_seq && m->count > 0 ? m->count - 1 : 0;
    for (uint32_t i = m->count; i > asked; i--) {
        if (m->readings[i - 1].time_us == time_us && (b->has[i - 1] & bit) == 0) {
            *index = i - 1;
            return MT_OK;
        }
    }
    if (m->count == MT_MESSAGE_READINGS_MAX) {
        return MT_TOO_LARGE;
    }
    b->has[m->count] = 0;
    m->readings[m->count] = (struct mt_reading){.time_us = time_us};
    *index = m->count++;
    return MT_OK;
}

static enum mt_status take_reading(struct mt_senml_builder *b,
                                   const struct mt_senml_resolved *record, uint8_t bit)
{
    int64_t value;
    enum mt_status status = bit == HAS_FLAGS ? mt_senml_value(&value, record, 0, UINT8_MAX)
                                             : mt_senml_register(&value, record, b->medium);
    if (status != MT_OK) {
        return status;
    }
    int64_t time_us;
    status = mt_senml_time_us(&time_us, &b->base, record);
    if (status != MT_OK) {
        return status;
    }
    uint32_t index;
    status = reading_at(&index, b, time_us, bit);
    if (status != MT_OK) {
        return status;
    }
    struct mt_reading *reading = &b->out->readings[index];
    b->has[index] |= bit;
    if (bit == HAS_TOTAL) {
        reading->total = value;
    } else if (bit == HAS_FLAGS) {
        reading->flags = (uint8_t)value;
    } else {
        reading->band[__builtin_ctz(bit)] = value;
        reading->band_mask |= bit;
    }
    return MT_OK;
}

/* The records that only our own meters send: their names stand alone, without any base name. */
static enum mt_status take_own(struct mt_senml_builder *b, const struct mt_senml_resolved *record,
                               bool *taken)
{
    struct mt_message *m = b->out;
    const struct mt_senml_text *name = &record->name;
    int64_t value;
    enum mt_status status = MT_OK;
    *taken = true;
    if (MT_SENML_IS(name, "seq")) {
        status = m->has_seq ? MT_BAD_LAYOUT : mt_senml_value(&value, record, 0, UINT32_MAX);
        if (status == MT_OK) {
            m->has_seq = true;
            m->seq_first = (uint32_t)value;
        }
    } else if (MT_SENML_IS(name, "flags")) {
        status = take_reading(b, record, HAS_FLAGS);
    } else if (MT_SENML_IS(name, "done")) {
        status = b->proof_seen & PROOF_ID ? MT_BAD_LAYOUT
                                          : mt_senml_value(&value, record, 0, UINT32_MAX);
        if (status == MT_OK) {
            b->proof_seen |= PROOF_ID;
            m->proof_id = (uint32_t)value;
        }
    } else if (MT_SENML_IS(name, "state")) {
        status = b->proof_seen & PROOF_STATE ? MT_BAD_LAYOUT
                                             : mt_senml_value(&value, record, 0, PROOF_STATE_MAX);
        if (status == MT_OK) {
            b->proof_seen |= PROOF_STATE;
            m->proof_state = (uint8_t)value;
        }
    } else {
        *taken = false;
    }
    return status;
}

enum mt_status mt_senml_builder_take(struct mt_senml_builder *b,
                                     const struct mt_senml_record *record)
{
    struct mt_senml_resolved resolved;
    enum mt_status status = mt_senml_resolve(&resolved, &b->base, record);
    if (status != MT_OK) {
        return status;
    }
    uint8_t bit = register_bit(&resolved.name, b->medium);
    if (bit != 0) {
        return same_prefix(b, &resolved.prefix) ? take_reading(b, &resolved, bit) : MT_BAD_LAYOUT;
    }
    bool taken = false;
    if (resolved.prefix.len == 0) {
        status = take_own(b, &resolved, &taken);
    }
    return status; /* anything else is another sensor's, and no business of a bill */
}

enum mt_status mt_senml_builder_finish(struct mt_senml_builder *b)
{
    struct mt_message *m = b->out;
    for (uint32_t i = 0; i < m->count; i++) {
        if ((b->has[i] & HAS_TOTAL) == 0) {
            return MT_BAD_LAYOUT; /* bands or flags of a time without a total */
        }
    }
    if (b->proof_seen != 0 && b->proof_seen != (PROOF_ID | PROOF_STATE)) {
        return MT_BAD_LAYOUT;
    }
    m->has_proof = b->proof_seen != 0;
    if (m->has_seq && m->seq_first > UINT32_MAX - m->count) {
        return MT_BAD_RANGE; /* the number after the last must exist: receipts carry it */
    }
    return m->count > 0 || m->has_proof ? MT_OK : MT_NO_READING;
}
