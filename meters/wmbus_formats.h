/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Compact frames and their formats (EN 13757-3, annex G). For this folder and its tests only.
 *
 *  A compact frame holds the values of a full frame, and instead of their DIFs and VIFs a signature
 *  of these: a CRC. Whoever knows the format puts the full frame together again; a second CRC, over
 *  all of it, says whether it is the one that the meter meant.
 */
#ifndef METERS_WMBUS_FORMATS_H
#define METERS_WMBUS_FORMATS_H

#include "meters/wmbus.h"

#define MT_WMBUS_RECORDS_MAX (MT_WMBUS_STRIPPED_MAX + MT_FORMAT_BYTES_MAX)

/** Whose format it is. */
struct mt_wmbus_model {
    uint16_t maker;
    uint8_t device;
};

/** Remember the format of a full frame's records. Records that cannot be stepped over, or are longer
 *  than MT_FORMAT_BYTES_MAX, are left aside. */
void mt_wmbus_learn(struct mt_formats *formats, const struct mt_wmbus_model *model,
                    const uint8_t *records, size_t len);

/** Remember what a format frame says: LF, signature, DIFs and VIFs.
 *
 *  Returns: MT_NO_READING; MT_BAD_LAYOUT; MT_BAD_CHECKSUM when the signature is not that of the rest.
 */
MT_MUST_USE enum mt_status mt_wmbus_learn_format(struct mt_formats *formats,
                                                 const struct mt_wmbus_model *model,
                                                 const uint8_t *bytes, size_t len,
                                                 struct mt_trace *trace);

/** The format of a signature: a learnt one, else one that is built in. NULL: not known. */
const uint8_t *mt_wmbus_format(size_t *len, const struct mt_formats *formats,
                               const struct mt_wmbus_model *model, uint16_t signature);

/** Put the records of a compact frame together again.
 *
 *  Returns: MT_OK; MT_UNSUPPORTED when the format is not known; MT_BAD_LAYOUT; MT_BAD_CHECKSUM when
 *           the CRC of the full frame differs; MT_TOO_LARGE.
 *  Out:     records, *records_len; void unless MT_OK.
 *  In:      bytes  signature, CRC and values.
 */
MT_MUST_USE enum mt_status mt_wmbus_expand(uint8_t records[MT_WMBUS_RECORDS_MAX],
                                           size_t *records_len, const struct mt_formats *formats,
                                           const struct mt_wmbus_model *model,
                                           const struct mt_input *input);

/** Take the DIFs and VIFs out of full records, and write what a compact frame has after its CI.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT for records that cannot be stepped over; MT_TOO_LARGE.
 */
MT_MUST_USE enum mt_status mt_wmbus_compact(uint8_t *out, size_t *out_len, size_t out_max,
                                            const uint8_t *records, size_t len);

#endif
