/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A-XDR; see the header. */
#include "meters/axdr.h"

#define BIT_STRING 0x04u
#define SIGNED 0x80u /* in the table below */

/* Bytes of each tag of fixed size, and whether it is a signed integer (IEC 62056-5-3, 8.3). */
static const uint8_t sizes[] = {
    [0x03] = 1,          [0x05] = 4 | SIGNED, [0x06] = 4,          [0x0D] = 1,
    [0x0F] = 1 | SIGNED, [0x10] = 2 | SIGNED, [0x11] = 1,          [0x12] = 2,
    [0x14] = 8 | SIGNED, [0x15] = 8,          [0x16] = 1,          [0x17] = 4,
    [0x18] = 8,          [0x19] = 12,         [0x1A] = 5,          [0x1B] = 4,
    [0x1C] = 1 | SIGNED, [0x1D] = 2 | SIGNED, [0x1E] = 4 | SIGNED, [0x1F] = 1,
    [0x20] = 2,          [0x21] = 4};

enum mt_status mt_axdr_length(uint32_t *len, struct mt_cursor *c)
{
    MT_CHECK(len != NULL && c != NULL);
    uint8_t first = mt_cursor_u8(c);
    size_t bytes = first & 0x7Fu;
    if (first < 0x80u) {
        *len = first;
        return c->overrun ? MT_NEED_MORE : MT_OK;
    }
    if (bytes == 0 || bytes > 4) {
        return MT_BAD_LAYOUT;
    }
    *len = (uint32_t)mt_cursor_be(c, bytes);
    return c->overrun ? MT_NEED_MORE : MT_OK;
}

static bool has_length(uint8_t tag)
{
    return tag == MT_AXDR_ARRAY || tag == MT_AXDR_STRUCTURE || tag == BIT_STRING ||
           tag == MT_AXDR_OCTETS || tag == MT_AXDR_TEXT || tag == MT_AXDR_UTF8 ||
           tag == MT_AXDR_COMPACT;
}

static uint32_t fixed_size(uint8_t tag)
{
    return tag < sizeof(sizes) ? sizes[tag] & ~SIGNED : 0;
}

enum mt_status mt_axdr_type_skip(struct mt_cursor *c)
{
    MT_CHECK(c != NULL);
    size_t left = 1;
    for (size_t parts = 0; left > 0; parts++, left--) {
        uint32_t members = 0;
        uint8_t tag = mt_cursor_u8(c);
        if (tag == MT_AXDR_ARRAY) {
            members = mt_cursor_be(c, 2) > 0 ? 1 : 0;
        } else if (tag == MT_AXDR_STRUCTURE) {
            enum mt_status status = mt_axdr_length(&members, c);
            if (status != MT_OK) {
                return status;
            }
        }
        bool is_container = tag == MT_AXDR_ARRAY || tag == MT_AXDR_STRUCTURE;
        if (c->overrun) {
            return MT_NEED_MORE;
        }
        if (tag == MT_AXDR_NULL || (is_container && members == 0)) {
            return MT_UNSUPPORTED;
        }
        if (tag == MT_AXDR_COMPACT || (!has_length(tag) && fixed_size(tag) == 0)) {
            return MT_BAD_LAYOUT;
        }
        if (parts == MT_AXDR_TYPE_MAX || members > MT_AXDR_TYPE_MAX) {
            return MT_TOO_LARGE;
        }
        left += members;
    }
    return MT_OK;
}

enum mt_status mt_axdr_content(struct mt_axdr_item *item, uint8_t tag, const uint8_t *at,
                               struct mt_cursor *c)
{
    MT_CHECK(item != NULL && at != NULL && c != NULL);
    bool is_container = tag == MT_AXDR_ARRAY || tag == MT_AXDR_STRUCTURE;
    uint32_t len = 0;
    if (has_length(tag)) {
        enum mt_status status = mt_axdr_length(&len, c);
        if (status != MT_OK) {
            return status;
        }
        len = tag == BIT_STRING ? len / 8 + (len % 8 != 0) : len;
    } else if (tag != MT_AXDR_NULL) {
        len = fixed_size(tag);
        if (len == 0) {
            return MT_BAD_LAYOUT;
        }
    }
    const uint8_t *bytes = is_container ? NULL : mt_cursor_take(c, len);
    /* Each element has one byte at least. */
    if (c->overrun || (is_container && len > mt_cursor_left(c))) {
        c->overrun = true;
        return MT_NEED_MORE;
    }
    *item = (struct mt_axdr_item){at, bytes, len, tag, is_container, (uint32_t)(c->at - at)};
    return MT_OK;
}

enum mt_status mt_axdr_read(struct mt_axdr_item *item, struct mt_cursor *c)
{
    MT_CHECK(item != NULL && c != NULL);
    const uint8_t *at = c->at;
    uint8_t tag = mt_cursor_u8(c);
    if (c->overrun) {
        return MT_NEED_MORE;
    }
    if (tag == MT_AXDR_COMPACT) {
        enum mt_status status = mt_axdr_type_skip(c);
        if (status != MT_OK) {
            return status;
        }
    }
    return mt_axdr_content(item, tag, at, c);
}

bool mt_axdr_number(int64_t *out, bool *is_beyond, const struct mt_axdr_item *item)
{
    MT_CHECK(out != NULL && is_beyond != NULL && item != NULL);
    bool integer = item->tag == 0x05 || item->tag == 0x06 ||
                   (item->tag >= 0x0F && item->tag <= 0x15 && item->tag != MT_AXDR_COMPACT);
    if (!integer) {
        return false;
    }
    bool negative = (sizes[item->tag] & SIGNED) != 0 && (item->bytes[0] & 0x80u) != 0;
    uint64_t value = negative ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < item->len; i++) {
        value = value << 8 | item->bytes[i];
    }
    *is_beyond = !negative && value > INT64_MAX;
    *out = *is_beyond ? 0 : (int64_t)value;
    return true;
}

enum mt_status mt_axdr_skip(struct mt_cursor *c)
{
    MT_CHECK(c != NULL);
    for (size_t left = 1; left > 0; left--) {
        struct mt_axdr_item item;
        enum mt_status status = mt_axdr_read(&item, c);
        if (status != MT_OK) {
            return status;
        }
        left += item.is_container ? item.len : 0;
    }
    return MT_OK;
}
