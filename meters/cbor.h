/* SPDX-License-Identifier: GPL-3.0-or-later */
/** CBOR (RFC 8949), as much of it as SenML and COSE need.
 *
 *  Reading goes over a cursor, item by item, without copies and without recursion. Writing always
 *  makes the deterministic encoding (RFC 8949, 4.2.1: shortest forms, definite lengths); the order
 *  of map keys is the caller's.
 */
#ifndef METERS_CBOR_H
#define METERS_CBOR_H

#include "meters/cursor.h"
#include "meters/reading.h"
#include "meters/writer.h"

/** Major types (RFC 8949, 3.1), and one for bytes that are no CBOR. */
enum mt_cbor_major {
    MT_CBOR_UINT = 0,
    MT_CBOR_NINT = 1,
    MT_CBOR_BYTES = 2,
    MT_CBOR_TEXT = 3,
    MT_CBOR_ARRAY = 4,
    MT_CBOR_MAP = 5,
    MT_CBOR_TAG = 6,
    MT_CBOR_SIMPLE = 7,
    MT_CBOR_MALFORMED = 8,
};

#define MT_CBOR_TAG_DECIMAL 4u /**< Decimal fraction, RFC 8949, 3.4.4. */
#define MT_CBOR_INFO_HALF 25u
#define MT_CBOR_INFO_SINGLE 26u
#define MT_CBOR_INFO_DOUBLE 27u
#define MT_CBOR_INFO_INDEFINITE 31u

/** The head of one item. */
struct mt_cbor_item {
    uint8_t major; /**< enum mt_cbor_major. */
    uint8_t info;  /**< Low five bits of the initial byte. */
    bool shortest; /**< The argument took no more bytes than it needs. */
    uint64_t arg;  /**< Value, length or float bits; 0 for indefinite lengths and "break". */
};

/** Read one head.
 *
 *  Returns: the head; major is MT_CBOR_MALFORMED for reserved encodings and at the end of the bytes
 *           (then the cursor's `overrun` is set too).
 */
struct mt_cbor_item mt_cbor_read(struct mt_cursor *c);

/** True for the "break" that ends an item of indefinite length. */
static inline bool mt_cbor_is_break(const struct mt_cbor_item *item)
{
    return item->major == MT_CBOR_SIMPLE && item->info == MT_CBOR_INFO_INDEFINITE;
}

/** Read the content of a byte or text string whose head was just read.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT when it is cut short; MT_UNSUPPORTED for indefinite lengths.
 *  Out:     *bytes borrows from the message, *len.
 */
MT_MUST_USE enum mt_status mt_cbor_string(const uint8_t **bytes, size_t *len, struct mt_cursor *c,
                                          const struct mt_cbor_item *item);

/** Step over the rest of the item whose head was just read, with everything inside it.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT when malformed or cut short; MT_TOO_LARGE when nested deeper than
 *           MT_CBOR_DEPTH_MAX; MT_UNSUPPORTED for strings of indefinite length.
 */
MT_MUST_USE enum mt_status mt_cbor_skip(struct mt_cursor *c, const struct mt_cbor_item *item);

/** Write a head with its argument in the shortest form. */
void mt_cbor_write_head(struct mt_writer *w, enum mt_cbor_major major, uint64_t arg);
/** Write an integer. */
void mt_cbor_write_int(struct mt_writer *w, int64_t value);
/** Write a text string of len bytes, which must be UTF-8. */
void mt_cbor_write_text(struct mt_writer *w, const char *text, size_t len);
/** Write a byte string. */
void mt_cbor_write_bytes(struct mt_writer *w, const uint8_t *bytes, size_t len);
/** Write mantissa * 10^exponent as a decimal fraction. */
void mt_cbor_write_decimal(struct mt_writer *w, int64_t mantissa, int64_t exponent);

#endif
