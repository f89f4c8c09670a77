/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What COSE_Encrypt0 and COSE_Sign1 read alike. For this folder only. */
#ifndef METERS_COSE_INTERNAL_H
#define METERS_COSE_INTERNAL_H

#include "meters/cursor.h"
#include "meters/reading.h"

/** Read a byte string in its deterministic form. Returns false when it is anything else.
 *  Out: *bytes borrows from the message, *len. */
MT_MUST_USE bool mt_cose_read_bytes(const uint8_t **bytes, size_t *len, struct mt_cursor *c);

/** Read the protected header and compare it with the only one that is accepted.
 *
 *  Returns: MT_OK; MT_UNSUPPORTED when it names another algorithm; MT_BAD_LAYOUT.
 */
MT_MUST_USE enum mt_status mt_cose_read_protected(struct mt_cursor *c, const uint8_t *expected,
                                                  size_t expected_len);

#endif
