/* SPDX-License-Identifier: GPL-3.0-or-later */
/** DLMS/COSEM messages that meters push (IEC 62056-5-3: data-notification), in the clear or by
 *  general-glo-ciphering and general-ded-ciphering, suites 0 and 1 (AES-128-GCM).
 *
 *  Framings: see dlms_link.h. Bodies: see dlms_list.h. A key of 16 bytes is the encryption key; the
 *  authentication key may stand behind it (32 bytes). A frame that is authenticated is refused when
 *  its tag differs; one that is only encrypted cannot be proven, so anything wrong inside of it is
 *  taken for a wrong key. A decrypted P1 telegram (Luxembourg) is read as one.
 *
 *  Named only (MT_UNSUPPORTED): get-responses, general-ciphering, signed and block-wise messages,
 *  bodies without registers. Whether a counter came before is not judged here.
 */
#ifndef METERS_DLMS_H
#define METERS_DLMS_H

#include "meters/registry.h"

#define MT_DLMS_NOTIFICATION 0x0Fu
#define MT_DLMS_GLO 0xDBu
#define MT_DLMS_DED 0xDCu

/** For the registry: struct mt_protocol says what they return. */
enum mt_status mt_dlms_find(size_t *start, const struct mt_input *input);
enum mt_status mt_dlms_decode(struct mt_frame *out, size_t *used, const struct mt_input *input);

/** Build a data-notification in one HDLC frame: a list of OBIS code, value, scaler and unit with the
 *  number, the clock (local, UTC+8), the total and the bands. With a key of 16 or 32 bytes it is encrypted and
 *  authenticated; with 16 the authentication key is empty. The maker can be sent only by the
 *  encryption's system title, and there is not read back: it must be empty.
 */
enum mt_status mt_dlms_build(uint8_t *out, size_t *out_len, size_t out_max,
                             const struct mt_sending *sending);

#endif
