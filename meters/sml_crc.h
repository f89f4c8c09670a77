/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The register of CRC-16/CCITT, reflected, four bytes a step: an SML transmission is summed twice,
 *  as a whole and message by message, and that is most of the work of reading it.
 *
 *  mt_crc16_x25() gives the same with a table of 32 bytes; this one takes 2 KiB. For this folder
 *  only.
 */
#ifndef METERS_SML_CRC_H
#define METERS_SML_CRC_H

#include <stddef.h>
#include <stdint.h>

#define MT_SML_CRC_X25 0xFFFFu /**< Start; the final register is inverted. */
#define MT_SML_CRC_KERMIT 0u   /**< Start; the final register is the checksum. */

/** Run bytes through the register. Returns: the register, neither inverted nor swapped. */
uint16_t mt_sml_crc(uint16_t crc, const uint8_t *bytes, size_t len);

#endif
