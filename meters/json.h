/* SPDX-License-Identifier: GPL-3.0-or-later */
/** JSON (RFC 8259), read token by token without a tree. For this folder only.
 *
 *  No heap, no recursion, no floating point: a number is handed over as its text. Strings must be
 *  UTF-8, and are borrowed from the text unless they hold an escape.
 */
#ifndef METERS_JSON_H
#define METERS_JSON_H

#include "meters/check.h"
#include "meters/reading.h"

struct mt_json {
    const char *at; /**< The next character; borrowed. */
    const char *end;
};

/** Text of a token. */
struct mt_json_text {
    const char *at;
    size_t len;
};

/** Step over white space; the next character, or NUL at the end. */
char mt_json_peek(struct mt_json *j);

/** Step over white space and this character. Returns false, standing still, when it is another. */
bool mt_json_take(struct mt_json *j, char c);

/** Read a string.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT; MT_TOO_LARGE when it holds escapes and does not fit in the buffer.
 *  Out:     *out borrows from the text, or from buffer when the string holds escapes.
 */
MT_MUST_USE enum mt_status mt_json_string(struct mt_json_text *out, struct mt_json *j, char *buffer,
                                          size_t buffer_max);

/** Read a number as its text; its grammar is left to mt_decimal_parse(). Returns false when there
 *  is none. */
MT_MUST_USE bool mt_json_number(struct mt_json_text *out, struct mt_json *j);

/** Step over any value.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT; MT_TOO_LARGE when nested deeper than MT_JSON_DEPTH_MAX.
 */
MT_MUST_USE enum mt_status mt_json_skip(struct mt_json *j);

#endif
