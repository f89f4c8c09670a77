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
 *  the extended link layer (AES-CTR with CRC), modes 5 and 7, the MAC of the AFL, messages in its
 *  fragments; the payloads of makers in wmbus_makers.h. Named only: all else. A maker's payload that
 *  is in no table there is MT_UNSUPPORTED: it is never guessed.
 *
 *  A fragment is MT_NO_READING with mt_frame.fragment set, until the last one completes the message:
 *  that is the reading. It needs a MAC and the key, and the caller's memory (struct mt_formats).
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

#define MT_FRAGMENTED_MAX 32u        /**< Messages in fragments at a time; the oldest gives way. */
#define MT_FRAGMENTED_BYTES_MAX 512u /**< Of one message; longer ones are MT_TOO_LARGE. */

/** A message of which not all fragments came yet. */
struct mt_fragmented {
    uint8_t address[8]; /**< Whose: M and A of the link. */
    uint8_t fragment;   /**< The last that came; 0: free. */
    uint8_t control;    /**< MCL: which MAC. */
    bool has_counter;
    uint8_t counter[4]; /**< MCR, with has_counter. */
    uint16_t wanted;    /**< Bytes of the whole message (ML). */
    uint16_t len;       /**< Bytes that came. */
    uint8_t bytes[MT_FRAGMENTED_BYTES_MAX];
};

struct mt_fragments {
    uint32_t next; /**< The slot that gives way next when none is free. */
    struct mt_fragmented slots[MT_FRAGMENTED_MAX];
};

/** What frames before say about frames to come; the caller's memory, all zero at the start: formats
 *  that were learnt from full frames and format frames, and fragments. One for each receiver is
 *  enough: formats are told apart by maker, device type and signature, fragments by the address.
 *  A stranger can make it forget, never misread: a compact frame's own CRC covers format and values,
 *  and a MAC the message that was put together.
 */
struct mt_formats {
    uint32_t next; /**< The slot that gives way next. */
    struct mt_format slots[MT_FORMATS_MAX];
    struct mt_fragments fragments;
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

/** Build one fragment of a reading's message: header 7A, mode 7, without CRCs.
 *
 *  Returns: as build() in struct mt_protocol; MT_NO_KEY without a key; MT_BAD_RANGE unless
 *           1 <= fragment <= of <= MT_FRAGMENTS_MAX.
 *  In:      fragment, of  which one, from 1, and of how many: 1 is a message in one frame.
 *           sending->counter  the message's: the same in all of its fragments, and never again.
 */
#define MT_FRAGMENTS_MAX 16u
MT_MUST_USE enum mt_status mt_wmbus_build_fragment(uint8_t *out, size_t *out_len, size_t out_max,
                                                   const struct mt_sending *sending,
                                                   unsigned fragment, unsigned of);

#endif
