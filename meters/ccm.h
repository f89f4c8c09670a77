/* SPDX-License-Identifier: GPL-3.0-or-later */
/** AES-128-CCM as COSE_Encrypt0 uses it (RFC 3610; NIST SP 800-38C): M = 8, L = 2. For this folder only.
 *
 *  One message of a meter is a handful of cipher blocks, so what counts is the time that one block
 *  after the other takes. wolfCrypt's way gives every block to the cipher alone; where the processor has
 *  AES instructions the key stream is worked out in the shadow of the authentication's chain instead,
 *  which is twice as fast. Both are tested against each other. Never: choosing keys or nonces.
 */
#ifndef METERS_CCM_H
#define METERS_CCM_H

#include "meters/check.h"
#include "meters/keys.h"

#define MT_CCM_NONCE_BYTES 13u
#define MT_CCM_TAG_BYTES 8u
#define MT_CCM_TEXT_BYTES_MAX 65535u /**< L = 2. */
#define MT_CCM_AAD_BYTES_MAX 65279u  /**< With the length's short form. */

/** All but the text; pointers are borrowed for the call. */
struct mt_ccm {
    const uint8_t *key;   /**< MT_KEY_BYTES. */
    const uint8_t *nonce; /**< MT_CCM_NONCE_BYTES; never twice with one key. */
    const uint8_t *aad;   /**< 1 to MT_CCM_AAD_BYTES_MAX bytes. */
    size_t aad_len;
};

/** Encrypt len bytes (at most MT_CCM_TEXT_BYTES_MAX) of in into out and write the tag.
 *  Returns false when the cryptographic library refuses. in and out may be the same. */
MT_MUST_USE bool mt_ccm_seal(uint8_t *out, uint8_t tag[MT_CCM_TAG_BYTES], const struct mt_ccm *ccm,
                             const uint8_t *in, size_t len);

/** Decrypt and verify. Returns false, with out zeroed, when the tag differs; compared in constant time. */
MT_MUST_USE bool mt_ccm_open(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in, size_t len,
                             const uint8_t tag[MT_CCM_TAG_BYTES]);

/** The same by wolfCrypt, on every processor. */
MT_MUST_USE bool mt_ccm_portable_seal(uint8_t *out, uint8_t tag[MT_CCM_TAG_BYTES],
                                      const struct mt_ccm *ccm, const uint8_t *in, size_t len);
MT_MUST_USE bool mt_ccm_portable_open(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in,
                                      size_t len, const uint8_t tag[MT_CCM_TAG_BYTES]);

#endif
