/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The link layer of wireless M-Bus (EN 13757-4, 12): where a frame ends and whether it is whole.
 *  For this folder and its tests only.
 *
 *  Receivers deliver the same frame in three shapes. As sent in format A: blocks of 10, 16, 16 ...
 *  bytes, each with its CRC, which L does not count. As sent in format B: blocks of up to 128 bytes
 *  with their CRC inside, which L counts. And stripped of CRCs that the receiver has checked, with L
 *  the number of bytes after it; that is the shape which the layers above read.
 *
 *  A frame without CRCs carries no checksum of the link: what protects it then is its receiver's
 *  word, and the checks of the layers above.
 */
#ifndef METERS_WMBUS_LINK_H
#define METERS_WMBUS_LINK_H

#include "meters/check.h"
#include "meters/reading.h"
#include "meters/trace.h"

#define MT_WMBUS_STRIPPED_MAX 256u /**< L and up to 255 bytes after it. */
#define MT_WMBUS_HEAD_BYTES 10u    /**< L C M M A A A A A A. */
#define MT_WMBUS_CI_AT 10u         /**< The first byte after the link layer. */
#define MT_WMBUS_FRAME_MAX (MT_WMBUS_STRIPPED_MAX + 2u + 2u * 16u) /**< In format A. */

enum mt_wmbus_shape { MT_WMBUS_STRIPPED, MT_WMBUS_FORMAT_A, MT_WMBUS_FORMAT_B };

/** A frame that was found. */
struct mt_wmbus_span {
    uint8_t shape;   /**< enum mt_wmbus_shape. */
    size_t wire_len; /**< Bytes of the input that it takes. */
    size_t len;      /**< Bytes without CRCs, L among them. */
    /** MT_OK, or what the bytes are unless a reading is in them: one CRC of format A is right. */
    enum mt_status otherwise;
};

/** CRC of EN 13757-4, 12.3.4: polynomial 3D65, from 0, inverted. "123456789" gives C2B7. */
uint16_t mt_wmbus_crc(const uint8_t *bytes, size_t len);

/** Does a frame begin at bytes[0]? There is no start byte: C, M and CI must be ones of the standard.
 *
 *  Returns: MT_OK; MT_NEED_MORE; MT_BAD_CHECKSUM for a frame with CRCs of which one differs;
 *           MT_NOT_FOUND.
 *  Out:     *span on MT_OK, and wire_len (at least 1) on MT_BAD_CHECKSUM.
 */
MT_MUST_USE enum mt_status mt_wmbus_probe(struct mt_wmbus_span *span, const uint8_t *bytes,
                                          size_t len);

/** Copy a frame that was found without its CRCs: L becomes the number of bytes after it. */
void mt_wmbus_strip(uint8_t plain[MT_WMBUS_STRIPPED_MAX], const uint8_t *wire,
                    const struct mt_wmbus_span *span);

/** Tell the CRCs of a frame that was found. */
void mt_wmbus_trace_crcs(struct mt_trace *trace, const uint8_t *wire,
                         const struct mt_wmbus_span *span);

/** Bytes that a stripped frame of len bytes takes in a shape. */
size_t mt_wmbus_wire_len(size_t len, enum mt_wmbus_shape shape);

/** Give a stripped frame the CRCs of a shape.
 *
 *  Returns: MT_OK, or MT_TOO_LARGE when out_max is short or L cannot count it (format B).
 *  Out:     out, *out_len; void unless MT_OK. out and plain do not overlap.
 */
MT_MUST_USE enum mt_status mt_wmbus_wrap(uint8_t *out, size_t *out_len, size_t out_max,
                                         const uint8_t *plain, enum mt_wmbus_shape shape);

#endif
