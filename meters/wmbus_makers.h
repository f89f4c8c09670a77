/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Payloads of wireless M-Bus that are a maker's own, and which of them are decoded here.
 *
 *  EN 13757-7 leaves CI A0 to B7, and the records 0F and FF, to the makers. What stands there is
 *  known only where somebody has published it, so one table (wmbus_makers.c) says what is supported:
 *  maker, version, device type, and where the payload stands. All else is MT_UNSUPPORTED.
 *
 *  | maker | meters | payload | what is checked |
 *  | --- | --- | --- | --- |
 *  | APA | Apator AT-WMBUS-16-2 (05) | block 0F | its CRC |
 *  | APA | Apator NA-1 (14) | CI A0, A1 | filler, clock; too little for a bill: total only |
 *  | APA, APT | Apator E-ITN heat cost allocators (04) | CI A0, B6 | layout |
 *  | APT | Apator AT-WMBUS-08 (03, 0F), AT-WMBUS-17-2 (04) | CI A0 | layout |
 *  | BFW | BFW 240 radio heat cost allocators (02) | after the header | layout |
 *  | DME, EWT, HYD, SAP, SPL | Diehl IZAR with PRIOS | CI A0 to A7 | first byte when opened |
 *  | LSE, QDS | Qundis walk-by data of water, heat, cost units | record FF 5F | layout, digits |
 *  | TCH | Techem MK radio 3 and 4, compact V, vario 4, FHKV data III | CI A0 to A2 | layout |
 *  | ZRI | Zenner (0B) | block 0F | layout |
 *
 *  A total that such a meter sends in parts (Techem: up to the last due date, and since then) is
 *  their sum.
 */
#ifndef METERS_WMBUS_MAKERS_H
#define METERS_WMBUS_MAKERS_H

#include "meters/mbus_record.h"
#include "meters/registry.h"

/** Bytes that are the maker's own; borrowed. */
struct mt_wmbus_payload {
    const uint8_t *frame; /**< Stripped, from L on: M and A are part of some makers' keys. */
    size_t frame_len;
    uint8_t ci;     /**< A0 to B7, or that of the header that stood before the bytes. */
    uint16_t maker; /**< Of the meter: from the header where it has an address. */
    uint8_t version;
    uint8_t device;
    const uint8_t *bytes; /**< After the CI; or the records, deciphered, behind 2F 2F. */
    size_t len;
};

/** Read a payload after CI A0 to B7 into the reader's frame, its identity and medium too where the
 *  maker writes them in his own way.
 *
 *  Returns: MT_OK; MT_UNSUPPORTED when it is in no table; MT_BAD_LAYOUT; MT_NOT_AUTHENTIC or
 *           MT_NO_KEY where the maker enciphers; MT_BAD_DIGIT; MT_BAD_RANGE; MT_BAD_CHECKSUM.
 *  Out:     *is_billed  false where a wrong key could go unnoticed: a total then, but no reading.
 */
MT_MUST_USE enum mt_status mt_wmbus_maker_payload(struct mt_mbus_reader *reader, bool *is_billed,
                                                  const struct mt_wmbus_payload *payload,
                                                  const struct mt_input *input);

/** Read records that are, all or one of them, the maker's own.
 *
 *  Returns: as above; MT_NOT_FOUND when no such layout is known: they are read by the standard.
 *           After MT_OK the standard's records are still to be read when *standard_too is true.
 */
MT_MUST_USE enum mt_status mt_wmbus_maker_records(struct mt_mbus_reader *reader, bool *standard_too,
                                                  const struct mt_wmbus_payload *payload);

/** Diehl's stream cipher (a 32-bit shift register) over the bytes behind a head of 5 bytes.
 *
 *  In: frame  stripped, as sent, with payload at bytes 10 on; key  of 8 bytes.
 */
void mt_wmbus_prios(uint8_t *out, const uint8_t *frame, size_t frame_len, const uint8_t key[8]);

#endif
