/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a protected message: no forgery opens; and any bytes as a plaintext: sealed or signed
 * they open to the same, and not with a bit flipped. */
#include <string.h>

#include "meters/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN_MAX 4096u

static const struct mt_identity meter = {MT_POWER, "HXE", "000012345678"};
static const uint8_t key[MT_KEY_BYTES] = {1, 2, 3};
static uint8_t plain[PLAIN_MAX];
static uint8_t message[PLAIN_MAX + MT_COSE_SIGN1_OVERHEAD_MAX];

static void open_any(const uint8_t *data, size_t size)
{
    struct mt_cose_encrypt0 shape;
    if (mt_cose_parse(&shape, data, size) != MT_OK) {
        return;
    }
    MT_CHECK(shape.ciphertext >= data && shape.ciphertext + shape.ciphertext_len == data + size);
    /* What an earlier input left here must be gone at both ends of this text, where it has any. */
    size_t text_len = shape.ciphertext_len - MT_COSE_TAG_BYTES;
    size_t last = text_len > 0 && text_len <= PLAIN_MAX ? text_len - 1 : 0;
    plain[0] = plain[last] = 0xa5;
    size_t plain_len;
    enum mt_status status = mt_cose_open(plain, &plain_len, sizeof(plain), &shape, key, &meter);
    MT_CHECK(status == MT_NOT_AUTHENTIC || status == MT_TOO_LARGE);
    MT_CHECK(plain_len == 0);
    MT_CHECK(text_len == 0 || (plain[0] == 0 && plain[last] == 0));
}

static void seal_and_open(const uint8_t *data, size_t size)
{
    struct mt_cose_seal_args args = {data, size, size * UINT64_C(0x123456789), key, &meter};
    size_t message_len;
    MT_CHECK(mt_cose_seal(message, &message_len, sizeof(message), &args) == MT_OK);
    struct mt_cose_encrypt0 shape;
    MT_CHECK(mt_cose_parse(&shape, message, message_len) == MT_OK);
    MT_CHECK(shape.counter == args.counter);
    size_t plain_len;
    MT_CHECK(mt_cose_open(plain, &plain_len, sizeof(plain), &shape, key, &meter) == MT_OK);
    MT_CHECK(plain_len == size && memcmp(plain, data, size) == 0);
    size_t bit = size > 0 ? data[0] % (message_len * 8) : 0;
    message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    enum mt_status status = mt_cose_parse(&shape, message, message_len);
    if (status == MT_OK) {
        status = mt_cose_open(plain, &plain_len, sizeof(plain), &shape, key, &meter);
    }
    MT_CHECK(status != MT_OK);
}

static void verify_any(const uint8_t *data, size_t size)
{
    static uint8_t public_key[MT_SIGN_PUBLIC_BYTES];
    static bool known;
    if (!known) {
        const uint8_t secret[MT_SIGN_SECRET_BYTES] = {7};
        known = mt_sign_public(public_key, secret) == MT_OK;
    }
    const uint8_t *payload;
    size_t payload_len;
    MT_CHECK(mt_cose_verify(&payload, &payload_len, data, size, public_key, &meter) != MT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_any(data, size);
    verify_any(data, size);
    if (size > 0 && size <= PLAIN_MAX - MT_COSE_OVERHEAD_MAX) {
        seal_and_open(data, size);
    }
    return 0;
}
