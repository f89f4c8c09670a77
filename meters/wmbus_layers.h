/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What stands between the link of wireless M-Bus and its application: the extended link layer
 *  (EN 13757-4, 13) and the authentication and fragmentation layer (EN 13757-7, 6; OMS volume 2, 6).
 *  For this folder and its tests only.
 */
#ifndef METERS_WMBUS_LAYERS_H
#define METERS_WMBUS_LAYERS_H

#include "meters/mbus_secure.h"
#include "meters/registry.h"
#include "meters/wmbus_link.h"

/** A stripped frame whose layers were read. Borrows the frame, the plain bytes it was given, and the
 *  memory of fragments. */
struct mt_wmbus_layers {
    const uint8_t *frame; /**< L at 0. */
    size_t frame_len;
    bool has_ell;
    uint8_t ell_access; /**< ACC of the ELL, with has_ell. */
    bool has_session;   /**< The ELL encrypts with a session number. */
    uint32_t session;   /**< With has_session. */
    bool has_afl;
    struct mt_mbus_afl afl; /**< With has_afl. */
    bool is_assembled;      /**< The message came in fragments: its MAC is to be checked first. */
    const uint8_t *message; /**< From the CI of the transport or application layer on. */
    size_t message_len;     /**< 1 or more. */
};

/** Read the ELL and the AFL, if they are there.
 *
 *  An ELL with encryption (CI 8D, 8F) has a CRC over what it protects. Without a key the bytes are
 *  read as they are: receivers that decrypt deliver them so, and the CRC says whether they did.
 *
 *  Returns: MT_OK; MT_NO_KEY; MT_NOT_AUTHENTIC when the CRC of the ELL differs; MT_BAD_LAYOUT;
 *           MT_UNSUPPORTED for options that are reserved, and for fragments without a MAC or a memory;
 *           MT_NO_READING for a fragment, unless it completes its message; MT_TOO_LARGE for one of a
 *           message that is too long.
 *  Out:     *out on MT_OK, and out->afl on MT_NO_READING; plain is used when the ELL was encrypted.
 *  In:      frame  stripped, from L on; input  for key, memory and trace.
 */
MT_MUST_USE enum mt_status mt_wmbus_layers(struct mt_wmbus_layers *out,
                                           uint8_t plain[MT_WMBUS_STRIPPED_MAX],
                                           const uint8_t *frame, size_t frame_len,
                                           const struct mt_input *input);

/** The counter block of an ELL with encryption (EN 13757-4, 13.2.8): M A CC SN, frame and block 0.
 *
 *  In:      frame  stripped; ell  from its CC on.
 */
void mt_wmbus_ell_iv(uint8_t iv[16], const uint8_t *frame, const uint8_t *ell, const uint8_t sn[4]);

#endif
