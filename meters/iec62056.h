/* SPDX-License-Identifier: GPL-3.0-or-later */
/** IEC 62056-21 (once IEC 1107): readouts of modes A to D.
 *
 *      /ABCZ<identification> CRLF [STX] data sets ! CRLF [ETX BCC]
 *
 *  BCC is the XOR of all bytes after STX through ETX. A readout that begins with STX must end with
 *  ETX and its BCC; one without (mode D, pushes) ends with "!". On the wire bytes have seven bits and
 *  even parity: it is taken off where every byte has it. The reader's own words (/?!, ACK, SOH
 *  commands) carry no register: MT_NO_READING.
 */
#ifndef METERS_IEC62056_H
#define METERS_IEC62056_H

#include "meters/registry.h"

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_iec62056_find(size_t *start, const struct mt_input *input);
enum mt_status mt_iec62056_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);
enum mt_status mt_iec62056_build(uint8_t *out, size_t *out_len, size_t out_max,
                                 const struct mt_sending *sending);

#endif
