/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A-XDR as DLMS uses it for Data (IEC 61334-6; IEC 62056-5-3, 8.3): a tag, then bytes or elements.
 *
 *  A compact array (IEC 62056-5-3, 8.3: the type of its elements once, then their contents without
 *  tags) is one item here; axdr_compact.h takes it apart.
 */
#ifndef METERS_AXDR_H
#define METERS_AXDR_H

#include "meters/cursor.h"
#include "meters/reading.h"

#define MT_AXDR_NULL 0x00u
#define MT_AXDR_ARRAY 0x01u
#define MT_AXDR_STRUCTURE 0x02u
#define MT_AXDR_UINT32 0x06u
#define MT_AXDR_OCTETS 0x09u
#define MT_AXDR_TEXT 0x0Au
#define MT_AXDR_UTF8 0x0Cu
#define MT_AXDR_INT8 0x0Fu
#define MT_AXDR_UINT16 0x12u
#define MT_AXDR_COMPACT 0x13u
#define MT_AXDR_UINT64 0x15u
#define MT_AXDR_ENUM 0x16u
#define MT_AXDR_FLOAT32 0x17u
#define MT_AXDR_FLOAT64 0x18u
#define MT_AXDR_DATE_TIME 0x19u

/** One item. */
struct mt_axdr_item {
    const uint8_t *at;    /**< Its first byte: the tag, where it has one; borrowed, as bytes. */
    const uint8_t *bytes; /**< Its content; NULL for an array or a structure. */
    uint32_t len;         /**< Bytes, or elements of an array or a structure. */
    uint8_t tag;
    bool is_container; /**< An array or a structure: its elements follow. */
    uint32_t size;     /**< Bytes from at to its end; of a container to its first element. */
};

/** Read a length (IEC 61334-6, 6.10): one byte, or 81H to 84H and so many bytes. Returns MT_OK,
 *  MT_NEED_MORE or MT_BAD_LAYOUT. */
MT_MUST_USE enum mt_status mt_axdr_length(uint32_t *len, struct mt_cursor *c);

/** Read one item; of an array or a structure its head only.
 *
 *  Returns: MT_OK; MT_NEED_MORE when the bytes end; MT_BAD_LAYOUT for an unknown tag; MT_TOO_LARGE
 *           for a compact array whose type has more than MT_AXDR_TYPE_MAX parts. *item is void
 *           unless MT_OK. Of a compact array, bytes are the contents of its elements.
 */
MT_MUST_USE enum mt_status mt_axdr_read(struct mt_axdr_item *item, struct mt_cursor *c);

#define MT_AXDR_TYPE_MAX 64u /**< Parts of the type of a compact array's elements. */

/** Read what stands behind a tag. Returns as mt_axdr_read(). In: at  where the item begins. */
MT_MUST_USE enum mt_status mt_axdr_content(struct mt_axdr_item *item, uint8_t tag,
                                           const uint8_t *at, struct mt_cursor *c);

/** Step over the type description of a compact array. Returns as mt_axdr_read(); MT_UNSUPPORTED for
 *  types that take no bytes, whose elements nobody could count. */
MT_MUST_USE enum mt_status mt_axdr_type_skip(struct mt_cursor *c);

/** The value of an integer of any width. Returns false, with *out untouched, when the item is none:
 *  a difference to another value (tags 1CH to 21H) is none. *is_beyond when an unsigned 64-bit
 *  number does not fit. */
MT_MUST_USE bool mt_axdr_number(int64_t *out, bool *is_beyond, const struct mt_axdr_item *item);

/** Step over one item with all that is in it. Returns as mt_axdr_read(). */
MT_MUST_USE enum mt_status mt_axdr_skip(struct mt_cursor *c);

#endif
