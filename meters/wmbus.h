/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Wireless M-Bus (EN 13757-4, OMS volume 2): water, gas, heat and electricity meters by radio.
 *
 *      L C M M A A A A A A [ELL] [AFL] CI [header] records
 *
 *  A frame comes as the receiver delivers it: in format A or B with its CRCs, or without them; it
 *  begins at the first byte, for there is no start byte to look for among noise. Its application is
 *  that of wired M-Bus (EN 13757-3), so mbus_record.h reads the records.
 *
 *  Decoded: headers 72, 7A, 78; compact frames 73, 7B, 79; format frames 69, 6A, 6B; encryption of
 *  the extended link layer (AES-CTR with CRC), modes 5 and 7, the MAC of the AFL; the payloads of
 *  makers in wmbus_makers.h. Named only: all else. A maker's payload that is in no table there is
 *  MT_UNSUPPORTED: it is never guessed.
 *
 *  Who is billed: the meter in the header 72 where there is one, not the radio that sends for it.
 *
 *  What protects a reading depends on the meter: a MAC with mode 7, a 16-bit check with mode 5 and
 *  the ELL, the radio's CRC only in the clear. Without a key, bytes that a receiver has decrypted
 *  already are read too, where the checks of their mode show that they are so; with a key they are
 *  refused.
 */
#ifndef METERS_WMBUS_H
#define METERS_WMBUS_H

#include "meters/registry.h"
#include "meters/wmbus_link.h"

#define MT_FORMATS_MAX 32u      /**< Formats that are remembered; the oldest gives way. */
#define MT_FORMAT_BYTES_MAX 96u /**< DIFs and VIFs of one; longer ones are not remembered. */

/** The layout that a kind of meter's compact frames refer to: a full frame without its values. */
struct mt_format {
    uint16_t maker;     /**< M field. */
    uint8_t device;     /**< Device type. */
    uint8_t len;        /**< 0: free. */
    uint16_t signature; /**< CRC of bytes (EN 13757-3, annex G). */
    uint8_t bytes[MT_FORMAT_BYTES_MAX];
};

/** Formats that were learnt from full frames and format frames; the caller's memory, all zero at the
 *  start. One for each receiver is enough: they are told apart by maker, device type and signature.
 *  A stranger can make it forget, never misread: a compact frame's own CRC covers format and values.
 */
struct mt_formats {
    uint32_t next; /**< The slot that gives way next. */
    struct mt_format slots[MT_FORMATS_MAX];
};

/** For the registry: struct mt_protocol says what they return. build() gives a frame without CRCs,
 *  header 7A, mode 5 where there is a key. */
enum mt_status mt_wmbus_find(size_t *start, const struct mt_input *input);
enum mt_status mt_wmbus_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
enum mt_status mt_wmbus_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending);

/** How the parts of a meter's frame are put together. */
enum mt_wmbus_kind {
    MT_WMBUS_SHORT,   /**< CI 7A; mode 5 with a key. */
    MT_WMBUS_ELL,     /**< CI 8D over 78; AES-CTR with a key. */
    MT_WMBUS_COMPACT, /**< CI 8D over 79: only for who has learnt its format. */
};

/** Build a reading's frame in any shape and kind.
 *
 *  Returns: as build() in struct mt_protocol.
 *  In:      shape  enum mt_wmbus_shape; kind  enum mt_wmbus_kind.
 */
MT_MUST_USE enum mt_status mt_wmbus_build_as(uint8_t *out, size_t *out_len, size_t out_max,
                                             const struct mt_sending *sending,
                                             enum mt_wmbus_shape shape, enum mt_wmbus_kind kind);

#endif
