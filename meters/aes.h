/* SPDX-License-Identifier: GPL-3.0-or-later */
/** AES-128 as meters use it: one call a message, on wolfCrypt. No state is kept; key schedules are
 *  wiped. out and in may be the same buffer.
 */
#ifndef METERS_AES_H
#define METERS_AES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

#define MT_AES_BLOCK 16u
#define MT_GCM_IV_BYTES 12u

/** CBC (M-Bus mode 5 and 7). len is a multiple of 16. */
void mt_aes_cbc_decrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                        const uint8_t iv[16]);
void mt_aes_cbc_encrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                        const uint8_t iv[16]);

/** CTR from an initial counter block (wM-Bus ELL); both directions. */
void mt_aes_ctr(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                const uint8_t iv[16]);

/** CMAC (RFC 4493) of len bytes, whole 16 bytes. */
void mt_aes_cmac(uint8_t mac[16], const uint8_t *bytes, size_t len, const uint8_t key[16]);

/** True when the first mac_len bytes (1 to 16) of both are the same; in constant time. */
MT_MUST_USE bool mt_mac_equal(const uint8_t *a, const uint8_t *b, size_t mac_len);

/** One GCM message (DLMS security suite 0; NIST SP 800-38D). */
struct mt_gcm {
    const uint8_t *key; /**< 16 bytes. */
    const uint8_t *iv;  /**< MT_GCM_IV_BYTES. */
    const uint8_t *aad;
    size_t aad_len;
    size_t tag_len; /**< 4 to 16; DLMS: 12. */
};

/** Check the tag, then decrypt. Returns false, with out wiped, when the tag differs. */
MT_MUST_USE bool mt_aes_gcm_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *tag,
                                 const struct mt_gcm *gcm);
/** Encrypt and make the tag. */
void mt_aes_gcm_seal(uint8_t *out, uint8_t *tag, const uint8_t *in, size_t len,
                     const struct mt_gcm *gcm);

#endif
