/* SPDX-License-Identifier: GPL-3.0-or-later */
/* COSE_Sign1 with Ed25519: the day-end snapshot that a household can prove; see cose.h.
 *
 * A file of its own, so that a program that never signs does not carry the curve.
 */
#include "meters/wolfcrypt.h"

#include <wolfssl/wolfcrypt/ed25519.h>

#include <string.h>

#include "meters/cbor.h"
#include "meters/cose.h"
#include "meters/cose_internal.h"
#include "meters/name.h"

/* << {1: -8} >>. */
static const uint8_t protected_header[] = {0xA1, 0x01, 0x27};

/* Sig_structure up to the external_aad (RFC 9052, 4.4):
 * ["Signature1", protected, external_aad, payload]. */
static const uint8_t signed_start[] = {0x84, 0x6A, 'S', 'i', 'g',  'n',  'a',  't',
                                       'u',  'r',  'e', '1', 0x43, 0xA1, 0x01, 0x27};

#define SIGNED_BYTES_MAX \
    (sizeof(signed_start) + 1 + MT_NAME_MAX + 1 + 3 + MT_SIGN_PAYLOAD_BYTES_MAX)

_Static_assert(MT_SIGN_PUBLIC_BYTES == ED25519_PUB_KEY_SIZE, "wolfCrypt's public key size");
_Static_assert(MT_SIGN_SECRET_BYTES == ED25519_KEY_SIZE, "wolfCrypt's seed size");
_Static_assert(MT_SIGNATURE_BYTES == ED25519_SIG_SIZE, "wolfCrypt's signature size");
_Static_assert(MT_COSE_SIGN1_OVERHEAD_MAX >= 1 + 4 + 1 + 3 + 2 + MT_SIGNATURE_BYTES,
               "array, protected, map, payload's head and signature must fit");

/* Write what is signed. Returns its length. */
static size_t write_signed(uint8_t out[SIGNED_BYTES_MAX], const uint8_t *payload,
                           size_t payload_len, const struct mt_identity *identity)
{
    char name[MT_NAME_MAX + 1];
    size_t name_len = mt_name_format(name, identity);
    struct mt_writer w = mt_writer_into(out, SIGNED_BYTES_MAX);
    mt_writer_bytes(&w, signed_start, sizeof(signed_start));
    mt_cbor_write_bytes(&w, (const uint8_t *)name, name_len);
    mt_cbor_write_bytes(&w, payload, payload_len);
    MT_CHECK(!w.overflow);
    return mt_writer_len(&w);
}

/* Load a seed and the public key that belongs to it. */
static int load_secret(ed25519_key *key, uint8_t public_key[MT_SIGN_PUBLIC_BYTES],
                       const uint8_t secret[MT_SIGN_SECRET_BYTES])
{
    int result = wc_ed25519_init(key);
    if (result == 0) {
        result = wc_ed25519_import_private_only(secret, MT_SIGN_SECRET_BYTES, key);
    }
    if (result == 0) {
        result = wc_ed25519_make_public(key, public_key, MT_SIGN_PUBLIC_BYTES);
    }
    if (result == 0) {
        result = wc_ed25519_import_private_key(secret, MT_SIGN_SECRET_BYTES, public_key,
                                               MT_SIGN_PUBLIC_BYTES, key);
    }
    return result;
}

enum mt_status mt_cose_sign(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_cose_seal_args *payload,
                            const uint8_t secret[MT_SIGN_SECRET_BYTES])
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(payload != NULL && secret != NULL);
    MT_CHECK(payload->plain != NULL || payload->plain_len == 0);
    if (payload->plain_len > MT_SIGN_PAYLOAD_BYTES_MAX ||
        out_max < payload->plain_len + MT_COSE_SIGN1_OVERHEAD_MAX) {
        return MT_TOO_LARGE;
    }
    uint8_t to_sign[SIGNED_BYTES_MAX];
    size_t to_sign_len =
        write_signed(to_sign, payload->plain, payload->plain_len, payload->identity);
    uint8_t public_key[MT_SIGN_PUBLIC_BYTES];
    uint8_t signature[MT_SIGNATURE_BYTES];
    word32 signature_len = sizeof(signature);
    ed25519_key key;
    int result = load_secret(&key, public_key, secret);
    if (result == 0) {
        result = wc_ed25519_sign_msg(to_sign, (word32)to_sign_len, signature, &signature_len, &key);
    }
    mt_key_wipe(&key, sizeof(key));
    if (result != 0 || signature_len != sizeof(signature)) {
        return MT_UNSUPPORTED;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, 4);
    mt_cbor_write_bytes(&w, protected_header, sizeof(protected_header));
    mt_cbor_write_head(&w, MT_CBOR_MAP, 0);
    mt_cbor_write_bytes(&w, payload->plain, payload->plain_len);
    mt_cbor_write_bytes(&w, signature, sizeof(signature));
    MT_CHECK(!w.overflow);
    *out_len = mt_writer_len(&w);
    return MT_OK;
}

/* Take a COSE_Sign1 apart; the pointers borrow from the message. */
static enum mt_status parse(const uint8_t **payload, size_t *payload_len, const uint8_t **signature,
                            const uint8_t *message, size_t message_len)
{
    struct mt_cursor c = mt_cursor_over(message, message_len);
    if (mt_cursor_u8(&c) != (MT_CBOR_ARRAY << 5 | 4)) {
        return MT_BAD_LAYOUT;
    }
    enum mt_status status = mt_cose_read_protected(&c, protected_header, sizeof(protected_header));
    if (status != MT_OK) {
        return status;
    }
    size_t signature_len;
    if (mt_cursor_u8(&c) != MT_CBOR_MAP << 5 || !mt_cose_read_bytes(payload, payload_len, &c) ||
        !mt_cose_read_bytes(signature, &signature_len, &c)) {
        return MT_BAD_LAYOUT;
    }
    bool whole = signature_len == MT_SIGNATURE_BYTES && mt_cursor_left(&c) == 0 && !c.overrun;
    return whole ? MT_OK : MT_BAD_LAYOUT;
}

enum mt_status mt_cose_verify(const uint8_t **payload, size_t *payload_len, const uint8_t *message,
                              size_t message_len, const uint8_t public_key[MT_SIGN_PUBLIC_BYTES],
                              const struct mt_identity *identity)
{
    MT_CHECK(payload != NULL && payload_len != NULL);
    MT_CHECK(public_key != NULL);
    const uint8_t *content;
    size_t content_len;
    const uint8_t *signature;
    enum mt_status status = parse(&content, &content_len, &signature, message, message_len);
    if (status != MT_OK) {
        return status;
    }
    if (content_len > MT_SIGN_PAYLOAD_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    uint8_t was_signed[SIGNED_BYTES_MAX];
    size_t was_signed_len = write_signed(was_signed, content, content_len, identity);
    ed25519_key key;
    int verified = 0;
    int result = wc_ed25519_init(&key);
    if (result == 0) {
        result = wc_ed25519_import_public(public_key, MT_SIGN_PUBLIC_BYTES, &key);
    }
    if (result == 0) {
        result = wc_ed25519_verify_msg(signature, MT_SIGNATURE_BYTES, was_signed,
                                       (word32)was_signed_len, &verified, &key);
    }
    wc_ed25519_free(&key);
    if (result != 0 || verified != 1) {
        return MT_NOT_AUTHENTIC;
    }
    *payload = content;
    *payload_len = content_len;
    return MT_OK;
}

enum mt_status mt_sign_public(uint8_t public_key[MT_SIGN_PUBLIC_BYTES],
                              const uint8_t secret[MT_SIGN_SECRET_BYTES])
{
    MT_CHECK(public_key != NULL && secret != NULL);
    uint8_t derived[MT_SIGN_PUBLIC_BYTES];
    ed25519_key key;
    int result = load_secret(&key, derived, secret);
    mt_key_wipe(&key, sizeof(key));
    if (result != 0) {
        return MT_UNSUPPORTED;
    }
    memcpy(public_key, derived, sizeof(derived));
    return MT_OK;
}
