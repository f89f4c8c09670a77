/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Checksums of the meter protocols and of our own journal. */
#ifndef METERS_CHECKSUM_H
#define METERS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/** Sum of all bytes, modulo 256 (DL/T 645, 5.2.6; CJ/T 188). */
uint8_t mt_sum8(const uint8_t *bytes, size_t len);

/** CRC-16/IBM-SDLC, also called X-25: polynomial 1021 reflected, start and final XOR FFFF
 *  (ISO/IEC 13239; DL/T 698.45, HDLC of IEC 62056-46). "123456789" gives 906E. */
uint16_t mt_crc16_x25(const uint8_t *bytes, size_t len);

/** CRC-16/ARC: polynomial 8005 reflected, start 0 (P1 companion standard, 5.2). "123456789" gives
 *  BB3D. */
uint16_t mt_crc16_arc(const uint8_t *bytes, size_t len);

/** CRC-32C (Castagnoli), as in iSCSI (RFC 3720, B.4). "123456789" gives E3069283.
 *
 *  In:      crc  0 to start, or the value of the bytes before, to go on.
 */
uint32_t mt_crc32c(uint32_t crc, const uint8_t *bytes, size_t len);

#endif
