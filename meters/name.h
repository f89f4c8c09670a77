/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A meter's name as text: `<letter><maker>-<number>`, for topics, paths and people.
 *
 *  Letters: p power, w water, g gas, h heat, x other. Exactly one spelling for each identity.
 */
#ifndef METERS_NAME_H
#define METERS_NAME_H

#include "meters/check.h"
#include "meters/reading.h"

/** Write the name of an identity, NUL-terminated.
 *
 *  Returns: characters written, without the NUL; at most MT_NAME_MAX.
 *  Out:     text    the caller's buffer of MT_NAME_MAX + 1 bytes.
 */
size_t mt_name_format(char text[MT_NAME_MAX + 1], const struct mt_identity *identity);

/** Read a name. Returns MT_OK, or MT_BAD_LAYOUT with *identity untouched. */
MT_MUST_USE enum mt_status mt_name_parse(struct mt_identity *identity, const char *text,
                                         size_t text_len);

/** True when both name the same meter. */
bool mt_identity_equal(const struct mt_identity *a, const struct mt_identity *b);

#endif
