/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Payloads of single makers, read and written by tables: NB-IoT, Cat.1 and LoRaWAN meters.
 *
 *  No standard says how these payloads look. A table names every field: where it is, how wide, how it
 *  is coded, its unit and decimals. One engine reads and writes them all; what no table knows is
 *  refused, never guessed.
 *
 *      cat1         68 T A0..A6 03 97 .. m DATA CS 16: cold and hot water meters that report by
 *                   TCP. It looks like CJ/T 188 and is none: integers, high byte first, and its length
 *                   is byte 15. Packet 03 (postpaid) is decoded; others are MT_UNSUPPORTED; what the
 *                   server sends and the answers to it MT_NO_READING.
 *      axioma-lora  port 100, 51 bytes, version 1: volume at the start of a log, and 23 hourly
 *                   volumes of 14 bits, which add up to the volume now.
 *
 *  LoRaWAN payloads do not say whose they are: such a protocol is used when it is named, and never
 *  recognised by itself. Their meter's number is the network's business; identity.number is empty.
 */
#ifndef METERS_MAKER_LAYOUT_H
#define METERS_MAKER_LAYOUT_H

#include "meters/registry.h"

#define MT_CAT1_NUMBER_DIGITS 14u
#define MT_CAT1_FRAME_MAX (16u + 255u + 2u)
#define MT_AXIOMA_LORA_BYTES 51u

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_cat1_find(size_t *start, const struct mt_input *input);
enum mt_status mt_cat1_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
/** A report of packet 03. Parts of a litre and of a second are cut off; low battery, shut valve and
 *  tampering are carried. The time is 2000 to 2099 and not 0: MT_BAD_RANGE otherwise. */
enum mt_status mt_cat1_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending);

/** Always MT_NOT_FOUND: the payload does not say whose it is. */
enum mt_status mt_maker_unnamed_find(size_t *start, const struct mt_input *input);
enum mt_status mt_axioma_lora_decode(struct mt_frame *out, size_t *used,
                                     const struct mt_input *input);
/** The whole volume stands at the start of the log, and no water runs since. Number and maker are
 *  not carried; low battery is. The time is in whole seconds from 1970 to 2106. */
enum mt_status mt_axioma_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_sending *sending);

/** Elvaco's heat modules: one byte, then M-Bus records; number from those. */
enum mt_status mt_elvaco_lora_decode(struct mt_frame *out, size_t *used,
                                     const struct mt_input *input);

/** Heat only: energy in Wh, the clock if there is one, and the number of 8 digits. The maker is not
 *  carried. */
enum mt_status mt_elvaco_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_sending *sending);

/** Kamstrup's water meters: the logged volume of storage 1 is the total, its moment the time. A profile
 *  without the volume that it starts from is MT_BAD_LAYOUT; a volume that is marked as invalid is
 *  MT_NO_READING. */
enum mt_status mt_kamstrup_lora_decode(struct mt_frame *out, size_t *used,
                                       const struct mt_input *input);
/** With a long head: the number has 8 digits, the maker three letters. Parts of a litre and of a minute
 *  are cut off; up to 2147483647 litres, and the years 2000 to 2099. */
enum mt_status mt_kamstrup_lora_build(uint8_t *out, size_t *out_len, size_t out_max,
                                      const struct mt_sending *sending);

#endif
