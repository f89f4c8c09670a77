/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What DLMS messages travel in: HDLC frames, wrapper, M-Bus segments, or nothing. For this folder
 *  only.
 *
 *      HDLC     IEC 62056-46; segments of one message follow each other
 *      wrapper  IEC 62056-47: 0001, source and destination port, length; then the message
 *      M-Bus    EN 13757-3 with CI 00 to 1F: 68 L L 68 C A CI STSAP DTSAP .. CS 16; the low half of
 *               CI counts segments from 0, 10H marks the last
 *      nothing  E6 E7 00, or the message itself, at the first byte only
 */
#ifndef METERS_DLMS_LINK_H
#define METERS_DLMS_LINK_H

#include "meters/registry.h"

#define MT_DLMS_APDU_MAX 2048u /**< Bytes of one message, over all its segments. */

/** One message. */
struct mt_dlms_apdu {
    const uint8_t *bytes; /**< In the input, or in the caller's room when it came in segments. */
    size_t len;
    const uint8_t *tail; /**< The frame's checksum and end mark, behind the message; NULL: none. */
    size_t tail_len;
    bool is_request; /**< From the client to the meter (E6 E6 00). */
};

/** Find the first whole frame. Returns as struct mt_protocol's find(). */
enum mt_status mt_dlms_link_find(size_t *start, const struct mt_input *input);

/** Read the message of the first whole frame, with its further segments.
 *
 *  Returns: MT_OK; as mt_dlms_link_find(); MT_NEED_MORE when segments are missing at the end of
 *           the input; MT_BAD_LAYOUT when another frame stands in their place; MT_TOO_LARGE;
 *           MT_NO_READING for a frame without a message; MT_UNSUPPORTED for another content.
 *  Out:     *out, void unless MT_OK; *used: decode again from there.
 */
enum mt_status mt_dlms_link_read(struct mt_dlms_apdu *out, size_t *used,
                                 uint8_t room[MT_DLMS_APDU_MAX], const struct mt_input *input);

#endif
