/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DL/T 698.45-2017: newer electricity meters and terminals of the State Grid.
 *
 *      [FE ..] 68 L L C SA.. CA HCS HCS [segment] APDU FCS FCS 16
 *
 *  L counts the bytes between 68H and 16H; its bit 14 makes them kilobytes. SA is a byte of flags
 *  and 1 to 16 bytes of address, the lowest first. HCS covers L to CA, FCS L to APDU, both as they
 *  were sent (CRC-16/X-25, low byte first). C: bit 7 from the meter, bit 5 one piece of a split
 *  APDU, bit 3 scrambled (33H added to every byte behind HCS), low three bits 1 for link management
 *  and 3 for data.
 *
 *  Decoded: answers to Get (normal, lists, records, next block) and reports, in the clear or inside
 *  a Security-Response that is not encrypted: energy and maximum demand with their tariffs, voltage,
 *  current, power and what else is in dlt698_objects.c, the clock. The pieces of a split APDU are put
 *  together when they follow each other in the same bytes. Named only (MT_NO_READING,
 *  MT_UNSUPPORTED): requests, links, refusals, single pieces, events, all else.
 *  Never: commands, and the MAC of a Security-Response; both need the meter's security module.
 */
#ifndef METERS_DLT698_H
#define METERS_DLT698_H

#include "meters/registry.h"

#define MT_DLT698_ADDRESS_MAX 16u   /**< Bytes of SA behind its flags (7.1.3.3). */
#define MT_DLT698_LENGTH_MAX 16383u /**< L, in bytes, that is read here: 14 bits. */
#define MT_DLT698_APDU_MAX 2048u    /**< Scrambled or split APDUs, and those that are built. */
#define MT_DLT698_FRAME_MAX (4u + 6u + MT_DLT698_ADDRESS_MAX + 3u + MT_DLT698_APDU_MAX + 3u)

#define MT_DLT698_USER_DATA 0x03u /**< Low bits of C. */
#define MT_DLT698_SCRAMBLED 0x08u
#define MT_DLT698_SPLIT 0x20u
#define MT_DLT698_FROM_METER 0xC0u /**< An answer to what a client began. */
#define MT_DLT698_FROM_CLIENT 0x40u

/** For the registry: struct mt_protocol says what they return. identity.number is all digits of the
 *  address; it is empty for one of more than 10 bytes. data_id is the first object attribute (OAD). */
enum mt_status mt_dlt698_find(size_t *start, const struct mt_input *input);
enum mt_status mt_dlt698_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** Build a meter's answer for the registry: attribute 2 of 0010 (forward active energy), the total and
 *  the tariffs up to the last of band_mask, and the clock (4000) when there is a time. Parts of 10 Wh
 *  and of a second are cut off. Flags and maker are not carried.
 *
 *  Returns: as struct mt_protocol says; MT_BAD_DIGIT for a number that is not an even count of
 *           hexadecimal digits.
 */
enum mt_status mt_dlt698_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending);

/** A link frame to be built. */
struct mt_dlt698_frame {
    const char *number;     /**< 2 to 32 digits, an even count (A to F allowed), NUL-terminated. */
    uint8_t control;        /**< C; with MT_DLT698_SCRAMBLED the bytes are scrambled here. */
    uint8_t address_flags;  /**< High half of SA's first byte: kind and logical address. */
    uint8_t client;         /**< CA. */
    uint8_t preamble_count; /**< FE bytes before it, 0 to 4. */
    const uint8_t
        *apdu;       /**< What is behind HCS, with the two bytes of a piece's header; borrowed. */
    size_t apdu_len; /**< 0 to MT_DLT698_APDU_MAX. */
};

/** Build any frame.
 *
 *  Returns: MT_OK; MT_BAD_DIGIT for a number that is no address; MT_TOO_LARGE when out_max is short
 *           (MT_DLT698_FRAME_MAX always suffices).
 *  Out:     out, *out_len; void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_dlt698_build(uint8_t *out, size_t *out_len, size_t out_max,
                                           const struct mt_dlt698_frame *frame);

/** What to ask a meter for. */
struct mt_dlt698_query {
    const char *number; /**< As above. */
    uint8_t client;     /**< CA: who asks; the answer has it too. */
    uint8_t piid;       /**< Number of the question, 0 to 63. */
    uint32_t oad;       /**< Object attribute: 00100200. */
};

/** Build a Get-Request for one attribute. Returns as mt_dlt698_build(). */
MT_MUST_USE enum mt_status mt_dlt698_build_read(uint8_t *out, size_t *out_len, size_t out_max,
                                                const struct mt_dlt698_query *query);

#endif
