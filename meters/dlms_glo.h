/* SPDX-License-Identifier: GPL-3.0-or-later */
/** general-glo-ciphering and general-ded-ciphering (IEC 62056-5-3, 5.7.2; security suites 0, 1).
 *
 *      DB  08 system title  length  SC  invocation counter  content  [tag, 12 bytes]
 *
 *  SC: 10H authenticated, 20H encrypted, 40H broadcast key, 80H compressed, low half the suite. IV:
 *  system title and counter. Associated data: SC and the authentication key. For this folder only.
 */
#ifndef METERS_DLMS_GLO_H
#define METERS_DLMS_GLO_H

#include "meters/cursor.h"
#include "meters/registry.h"

#define MT_DLMS_TITLE_BYTES 8u
#define MT_DLMS_TAG_BYTES 12u
#define MT_DLMS_AUTHENTICATED 0x10u
#define MT_DLMS_ENCRYPTED 0x20u

/** A message with its security header taken apart; bytes are borrowed. */
struct mt_dlms_sealed {
    const uint8_t *title; /**< MT_DLMS_TITLE_BYTES. */
    const uint8_t *head;  /**< SC and counter, 5 bytes. */
    uint8_t control;      /**< SC. */
    uint32_t counter;
    const uint8_t *text;
    size_t len;
    const uint8_t *tag; /**< MT_DLMS_TAG_BYTES; NULL unless authenticated. */
};

/** Read one, its tag byte first. Returns MT_OK, MT_NEED_MORE, MT_BAD_LAYOUT, MT_UNSUPPORTED. */
MT_MUST_USE enum mt_status mt_dlms_sealed_read(struct mt_dlms_sealed *sealed, struct mt_cursor *c,
                                               struct mt_trace *trace);

/** Check and decrypt.
 *
 *  Returns: MT_OK; MT_NO_KEY when a key, or the authentication key, is missing; MT_NOT_AUTHENTIC.
 *  Out:     out  sealed->len bytes, at most MT_DLMS_APDU_MAX; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_dlms_open(uint8_t *out, const struct mt_dlms_sealed *sealed,
                                        const struct mt_input *input);

#endif
