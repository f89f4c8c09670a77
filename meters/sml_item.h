/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fields of SML: type, length, bytes (SML 1.04, 6.2). For this folder only. */
#ifndef METERS_SML_ITEM_H
#define METERS_SML_ITEM_H

#include "meters/cursor.h"
#include "meters/reading.h"

/** Types, as bits 6 to 4 of the first byte. */
enum mt_sml_type {
    MT_SML_OCTETS = 0,
    MT_SML_BOOL = 4,
    MT_SML_INT = 5,
    MT_SML_UINT = 6,
    MT_SML_LIST = 7,
};

/** One field. */
struct mt_sml_item {
    const uint8_t *at;    /**< Its first byte; borrowed, as bytes. */
    const uint8_t *bytes; /**< What is behind type and length. */
    uint32_t len;         /**< Bytes, or the elements of a list. */
    uint8_t type;         /**< enum mt_sml_type, or one that is none. */
    bool is_end;          /**< 00: the end of a message; no field at all. */
};

/** Read one field; of a list its head only. On an overrun (see the cursor) or a length below its own
 *  bytes the item is all zero and the cursor's `overrun` is set: inside a transmission whose
 *  checksum is right, both are a broken structure. */
static inline struct mt_sml_item mt_sml_read(struct mt_cursor *c)
{
    struct mt_sml_item item = {.at = c->at};
    uint8_t byte = mt_cursor_u8(c);
    uint32_t head = 1;
    item.type = byte >> 4 & 7u;
    item.is_end = byte == 0;
    item.len = byte & 0xFu;
    while ((byte & 0x80u) != 0 && head < 4) {
        byte = mt_cursor_u8(c);
        item.len = item.len << 4 | (byte & 0xFu);
        head++;
    }
    bool is_list = item.type == MT_SML_LIST;
    if ((byte & 0x80u) != 0 || (!is_list && !item.is_end && item.len < head) ||
        (is_list && item.len > mt_cursor_left(c))) {
        c->overrun = true;
        c->at = c->end;
    }
    item.bytes = c->at;
    if (!is_list && !item.is_end && !c->overrun) {
        item.len -= head;
        item.bytes = mt_cursor_take(c, item.len);
    }
    return c->overrun ? (struct mt_sml_item){.at = item.at} : item;
}

/** An OPTIONAL that was left out (01). */
static inline bool mt_sml_is_left_out(const struct mt_sml_item *item)
{
    return item->type == MT_SML_OCTETS && item->len == 0 && !item->is_end;
}

/** A number of 1 to 8 bytes, with its sign. Returns false, *out untouched, when it is none or does
 *  not fit in 64 bits with a sign. */
static inline bool mt_sml_number(int64_t *out, const struct mt_sml_item *item)
{
    bool is_signed = item->type == MT_SML_INT;
    if ((!is_signed && item->type != MT_SML_UINT) || item->len == 0 || item->len > 8) {
        return false;
    }
    uint64_t value = is_signed && (item->bytes[0] & 0x80u) != 0 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < item->len; i++) {
        value = value << 8 | item->bytes[i];
    }
    if (!is_signed && value > INT64_MAX) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

/** Step over one field with all that is in it. Work is bounded by the bytes: each field has one. */
static inline void mt_sml_skip(struct mt_cursor *c)
{
    for (size_t left = 1; left > 0 && !c->overrun; left--) {
        struct mt_sml_item item = mt_sml_read(c);
        left += item.type == MT_SML_LIST ? item.len : 0;
        c->overrun = c->overrun || item.is_end; /* an end in the middle of a message */
    }
}

#endif
