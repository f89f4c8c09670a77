/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Compact arrays (IEC 62056-5-3, 8.3) item by item, as if each element had been sent with its tags.
 *
 *      13  type of an element  length in bytes  contents of the elements
 *
 *  Type: a tag; 01 count(2) type for an array, 02 count types for a structure. Contents: strings with
 *  their length, all else in its fixed width. For this folder only.
 */
#ifndef METERS_AXDR_COMPACT_H
#define METERS_AXDR_COMPACT_H

#include "meters/axdr.h"

#define MT_AXDR_COMPACT_DEPTH 4u /**< Arrays and structures in each other, inside of an element. */

/** A compact array while it is read; copy it to look ahead. Borrows the message. */
struct mt_axdr_compact {
    struct mt_cursor contents;
    const uint8_t *type; /**< Of an element. */
    const uint8_t *type_end;
    struct {
        const uint8_t *type; /**< Of the next member. */
        uint32_t left;
        bool is_array; /**< All its members are of one type. */
    } levels[MT_AXDR_COMPACT_DEPTH];
    size_t depth;
};

/** Begin with an item of mt_axdr_read() whose tag is MT_AXDR_COMPACT.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT when the contents are no whole number of elements; MT_TOO_LARGE
 *           for a type that is nested too deep.
 *  Out:     *compact; *count elements. Both are void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_axdr_compact_begin(struct mt_axdr_compact *compact, uint32_t *count,
                                                 const struct mt_axdr_item *item);

/** Has every item been read? */
bool mt_axdr_compact_is_done(const struct mt_axdr_compact *compact);

/** Read the next item; its members follow those of an array or a structure.
 *
 *  Returns: MT_OK; MT_NEED_MORE behind the last; MT_BAD_LAYOUT, MT_TOO_LARGE as above.
 *  Out:     *item, void unless MT_OK; a container has no bytes of its own.
 */
MT_MUST_USE enum mt_status mt_axdr_compact_read(struct mt_axdr_item *item,
                                                struct mt_axdr_compact *compact);

#endif
