/* SPDX-License-Identifier: GPL-3.0-or-later */
/** COSE protection (RFC 9052, RFC 9053) of messages between a meter and its gateway.
 *
 *  COSE_Encrypt0, AES-CCM-16-64-128 (algorithm 10): untagged array
 *      [ protected << {1: 10} >>, {6: partial IV bstr 1..8}, ciphertext bstr ]
 *  Nonce, 13 bytes: the partial IV, left-padded with zeros (RFC 9052, 3.1, with a context IV of
 *  zeros: the key serves one direction of one meter, so a counter never repeats under it).
 *  The partial IV is the sender's counter, big-endian in its shortest form, never zero-length.
 *  external_aad = the meter's name (text bytes). The CBOR must be the deterministic encoding.
 *
 *  COSE_Sign1, EdDSA (algorithm -8) with Ed25519: untagged array
 *      [ << {1: -8} >>, {}, payload bstr, signature bstr 64 ], same external_aad.
 *
 *  Opening never writes plaintext that did not verify; comparing tags takes constant time.
 */
#ifndef METERS_COSE_H
#define METERS_COSE_H

#include "meters/check.h"
#include "meters/keys.h"
#include "meters/reading.h"

#define MT_COSE_TAG_BYTES 8u
#define MT_COSE_OVERHEAD_MAX \
    32u /**< Message bytes beyond the plaintext's, at most, for Encrypt0. */
#define MT_SIGN_PUBLIC_BYTES 32u
#define MT_SIGN_SECRET_BYTES 32u
#define MT_SIGNATURE_BYTES 64u
#define MT_COSE_SIGN1_OVERHEAD_MAX 80u
#define MT_SIGN_PAYLOAD_BYTES_MAX 512u /**< Payload of a COSE_Sign1, at most. */

/** The outer shape, readable without a key. Pointers borrow from the message. */
struct mt_cose_encrypt0 {
    uint64_t counter; /**< Partial IV, not yet authentic. */
    const uint8_t *ciphertext;
    size_t ciphertext_len; /**< With the tag; at least MT_COSE_TAG_BYTES. */
};

/** Take the outer shape apart. Returns MT_OK, MT_BAD_LAYOUT, MT_UNSUPPORTED (another algorithm). */
MT_MUST_USE enum mt_status mt_cose_parse(struct mt_cose_encrypt0 *out, const uint8_t *message,
                                         size_t message_len);

/** Verify and decrypt.
 *
 *  Returns: MT_OK; MT_NOT_AUTHENTIC; MT_TOO_LARGE when plain_max is too small.
 *  Out:     plain, *plain_len (ciphertext_len - MT_COSE_TAG_BYTES); zeroed unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_cose_open(uint8_t *plain, size_t *plain_len, size_t plain_max,
                                        const struct mt_cose_encrypt0 *message,
                                        const uint8_t key[MT_KEY_BYTES],
                                        const struct mt_identity *identity);

/** One plaintext to seal. */
struct mt_cose_seal_args {
    const uint8_t *plain;
    size_t plain_len;
    uint64_t counter;   /**< Never used before with this key. */
    const uint8_t *key; /**< MT_KEY_BYTES. */
    const struct mt_identity *identity;
};

/** Encrypt and protect. Returns MT_OK or MT_TOO_LARGE (out_max under plain_len + overhead). */
MT_MUST_USE enum mt_status mt_cose_seal(uint8_t *out, size_t *out_len, size_t out_max,
                                        const struct mt_cose_seal_args *args);

/** Sign a payload with the meter's Ed25519 secret (seed form). counter and key of the arguments are
 *  not used.
 *
 *  Returns: MT_OK; MT_TOO_LARGE (payload over MT_SIGN_PAYLOAD_BYTES_MAX, or out_max under payload +
 *           MT_COSE_SIGN1_OVERHEAD_MAX); MT_UNSUPPORTED when the cryptographic library refuses.
 *  Out:     out, *out_len; untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_cose_sign(uint8_t *out, size_t *out_len, size_t out_max,
                                        const struct mt_cose_seal_args *payload,
                                        const uint8_t secret[MT_SIGN_SECRET_BYTES]);

/** Verify a COSE_Sign1.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT; MT_UNSUPPORTED (another algorithm); MT_TOO_LARGE (payload over
 *           MT_SIGN_PAYLOAD_BYTES_MAX); MT_NOT_AUTHENTIC.
 *  Out:     *payload borrows from the message, *payload_len; untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_cose_verify(const uint8_t **payload, size_t *payload_len,
                                          const uint8_t *message, size_t message_len,
                                          const uint8_t public_key[MT_SIGN_PUBLIC_BYTES],
                                          const struct mt_identity *identity);

/** Public key of an Ed25519 seed. Returns MT_OK, or MT_UNSUPPORTED with *public_key untouched. */
MT_MUST_USE enum mt_status mt_sign_public(uint8_t public_key[MT_SIGN_PUBLIC_BYTES],
                                          const uint8_t secret[MT_SIGN_SECRET_BYTES]);

#endif
