/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DSMR P1: the telegram that smart meters of the Netherlands, Belgium, Luxembourg, Sweden and others
 *  send to their household (P1 companion standard 2.2 to 5; eMUCs P1).
 *
 *      /ABC5<identification> CRLF CRLF  data sets  ! CRC16 CRLF
 *
 *  The CRC is CRC-16/ARC over "/" to "!", four hexadecimal digits. Versions 2 and 3 have none; a
 *  telegram with a line of later ones (1-3:0.2.8, 0-0:96.1.4, 0-0:1.0.0) must have one. The total is 1.8.0, or
 *  1.8.1 + 1.8.2 where the meter keeps no total. Meters behind it (0-n, "channels") are values
 *  with b as their subunit: they are meters of their own and no part of the total.
 */
#ifndef METERS_P1_H
#define METERS_P1_H

#include "meters/registry.h"

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_p1_find(size_t *start, const struct mt_input *input);
enum mt_status mt_p1_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
enum mt_status mt_p1_build(uint8_t *out, size_t *out_len, size_t out_max,
                           const struct mt_sending *sending);

#endif
