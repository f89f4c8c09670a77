/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Binary-coded decimals, low byte first: how Chinese meters write numbers, dates and addresses. */
#ifndef METERS_BCD_H
#define METERS_BCD_H

#include "meters/cursor.h"
#include "meters/reading.h"
#include "meters/writer.h"

#define MT_BCD_BYTES_MAX 8u

/** How a field is to be read. */
struct mt_bcd_format {
    uint8_t bytes;  /**< 1 to MT_BCD_BYTES_MAX. */
    bool is_signed; /**< The highest bit is a minus sign (DL/T 645-2007, annex A). */
};

/** Read one field.
 *
 *  Returns: MT_OK; MT_NEED_MORE when the cursor ends (its `overrun` is set); MT_BAD_DIGIT for a
 *           nibble above 9.
 *  Out:     *value; *absent, with *value 0, when every byte is FF: "no such value".
 *           Untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_bcd_read(int64_t *value, bool *absent, struct mt_cursor *c,
                                       const struct mt_bcd_format *format);

/** Write one field. Returns MT_OK, or MT_BAD_RANGE when the value does not fit; nothing is written
 *  then. A full buffer shows in the writer's `overflow`. */
MT_MUST_USE enum mt_status mt_bcd_write(struct mt_writer *w, int64_t value,
                                        const struct mt_bcd_format *format);

/** One byte of two digits as a number, or -1. */
int mt_bcd_pair(uint8_t byte);

/** Write an address as 2 * len digits, the highest byte first, NUL-terminated. Nibbles above 9
 *  are written A to F: such addresses are in use. */
void mt_bcd_address_text(char *text, const uint8_t *address, size_t len);

/** Read such text back. Returns MT_OK, or MT_BAD_DIGIT with *address untouched when it is not
 *  exactly 2 * len hexadecimal digits in upper case; len is at most MT_BCD_BYTES_MAX. */
MT_MUST_USE enum mt_status mt_bcd_address_parse(uint8_t *address, size_t len, const char *text);

#endif
