/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The application layer of DL/T 698.45: services, data and objects. For this folder only. */
#ifndef METERS_DLT698_APDU_H
#define METERS_DLT698_APDU_H

#include "meters/cursor.h"
#include "meters/dlt698.h"

#define MT_DLT698_DEPTH_MAX 6u /* arrays in structures in ...: the deepest object has four */

/** An APDU while it is read. */
struct mt_dlt698_reader {
    struct mt_frame *frame;
    struct mt_cursor at;
    struct mt_trace *trace;
    bool is_record;    /**< Rows of a record: stored values, never of now. */
    uint32_t answered; /**< Attributes that came with data. */
    uint32_t refused;  /**< Attributes that came with a reason why not (DAR). */
};

/** Read an APDU into reader->frame.
 *
 *  Returns: MT_OK, MT_NO_READING or MT_UNSUPPORTED with the frame filled; MT_BAD_LAYOUT,
 *           MT_BAD_RANGE, MT_TOO_LARGE.
 */
MT_MUST_USE enum mt_status mt_dlt698_read_apdu(struct mt_dlt698_reader *reader);

/** Types of data (7.3.2). */
enum mt_dlt698_type {
    MT_DLT698_NULL = 0x00,
    MT_DLT698_ARRAY = 0x01,
    MT_DLT698_STRUCTURE = 0x02,
    MT_DLT698_DOUBLE_LONG = 0x05,
    MT_DLT698_DOUBLE_LONG_UNSIGNED = 0x06,
    MT_DLT698_DATE_TIME_S = 0x1C,
};

/** One element of data that is no array or structure. */
struct mt_dlt698_leaf {
    uint8_t type;   /**< As sent; enum mt_dlt698_type names some. */
    uint8_t depth;  /**< Arrays and structures around it. */
    size_t path[2]; /**< Its place in the outermost two of them, from 0. */
    bool is_number; /**< A whole number; `number` is it. */
    bool is_absent; /**< NULL, or an unsigned register of nothing but FF. */
    int64_t number;
    const uint8_t *bytes; /**< All of it, behind the type; borrowed. */
    size_t len;
};

/** Attribute of an object that is decoded here. */
struct mt_dlt698_object;

/** Look an attribute up. Returns NULL when it is not decoded here. */
const struct mt_dlt698_object *mt_dlt698_object(uint32_t oad);

/** What an attribute is called; for people. NULL as above. */
const char *mt_dlt698_object_name(uint32_t oad);

/** Take one leaf of an attribute's data into the frame. Returns MT_OK, MT_BAD_LAYOUT, MT_BAD_RANGE or
 *  MT_UNSUPPORTED. */
MT_MUST_USE enum mt_status mt_dlt698_take(struct mt_dlt698_reader *reader, uint32_t oad,
                                          const struct mt_dlt698_leaf *leaf);

/** The attribute was refused: what it holds is absent. */
void mt_dlt698_take_refusal(struct mt_dlt698_reader *reader, uint32_t oad);

/** Read one element of data with all that is in it; its leaves go to mt_dlt698_take() when the
 *  attribute is decoded here, else they are stepped over. */
MT_MUST_USE enum mt_status mt_dlt698_read_data(struct mt_dlt698_reader *reader, uint32_t oad);

/** A length or count (7.3.1): one byte, or 81H to 84H and as many bytes, high byte first. Returns 0
 *  with `overrun` set for any other or one that is longer than what is left. */
size_t mt_dlt698_read_count(struct mt_cursor *c);

#endif
