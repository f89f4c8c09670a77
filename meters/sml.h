/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SML 1.04 (Smart Message Language; BSI TR-03109-1, annex), as German electricity meters push it.
 *
 *      1B1B1B1B 01010101  messages  00 (0 to 3)  1B1B1B1B 1A <count of 00> CRC CRC
 *
 *  1B1B1B1B inside is sent twice. A message is a list of six: transaction, group, abort, body, CRC,
 *  end. Its fields begin with type and length; numbers are sent in as few bytes as hold them. The
 *  transmission's checksum and each message's own are CRC-16/X-25, or CRC-16/KERMIT, which some
 *  meters (Holley) use instead.
 *
 *  Decoded: GetList.Res. Its entries are values; texts, keys and signatures are stepped over. The
 *  identity's number is the server id in hexadecimal, its maker the three letters in it (DIN
 *  43863-5, or an M-Bus manufacturer). The total is 1-0:1.8.0; a meter that sends its tariffs only
 *  has none. The time is the entry's or the sensor's, where it is a date: seconds since the meter
 *  was started are not.
 */
#ifndef METERS_SML_H
#define METERS_SML_H

#include "meters/registry.h"

#define MT_SML_BYTES_MAX 4096u /**< Of one transmission, from 1B1B1B1B to its CRC. */
#define MT_SML_SERVER_MAX 10u  /**< Bytes of a server id that can be a number. */

/** For the registry: struct mt_protocol says what they return. One transmission a call; a broken one is
 *  stepped over when another follows. */
enum mt_status mt_sml_find(size_t *start, const struct mt_input *input);
enum mt_status mt_sml_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** Build a transmission: OpenRes, GetListRes, CloseRes. The list holds the maker, the server id, the
 *  total and the bands of sending->reading in Wh or ml, and its time. The number must be the
 *  hexadecimal digits of 1 to 10 bytes, an even count. There is no encryption: a key is not used.
 */
enum mt_status mt_sml_build(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_sending *sending);

#endif
