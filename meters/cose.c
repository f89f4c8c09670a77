/* SPDX-License-Identifier: GPL-3.0-or-later */
/* COSE_Encrypt0: what every reading and every receipt travels in; see the header. */
#include "meters/wolfcrypt.h"

#include <wolfssl/wolfcrypt/aes.h>

#include <string.h>

#include "meters/cbor.h"
#include "meters/cose.h"
#include "meters/cose_internal.h"
#include "meters/name.h"

#define NONCE_BYTES 13u
#define LABEL_ALG 1 /* RFC 9052, 3.1 */
#define LABEL_PARTIAL_IV 6
#define PARTIAL_IV_BYTES_MAX 8u

/* << {1: 10} >>: the protected header as it is sent and authenticated. */
static const uint8_t protected_header[] = {0xA1, 0x01, 0x0A};

/* Enc_structure up to the external_aad (RFC 9052, 5.3): ["Encrypt0", protected, external_aad]. */
static const uint8_t aad_start[] = {0x83, 0x68, 'E', 'n',  'c',  'r',  'y',
                                    'p',  't',  '0', 0x43, 0xA1, 0x01, 0x0A};

#define NAME_HEAD_BYTES_MAX 2u /* of a byte string of up to 255 bytes (RFC 8949, 3) */
#define NAME_SHORT_MAX 23u     /* the longest whose length fits into one byte of head */
#define AAD_BYTES_MAX (sizeof(aad_start) + NAME_HEAD_BYTES_MAX + MT_NAME_MAX + 1)

_Static_assert(MT_NAME_MAX <= UINT8_MAX, "the name's length must fit in two bytes of head");
_Static_assert(MT_COSE_OVERHEAD_MAX >= 1 + 4 + 2 + 1 + PARTIAL_IV_BYTES_MAX + 5 + MT_COSE_TAG_BYTES,
               "array, protected, map, IV, ciphertext's head and tag must fit");

bool mt_cose_read_bytes(const uint8_t **bytes, size_t *len, struct mt_cursor *c)
{
    struct mt_cbor_item item = mt_cbor_read(c);
    if (item.major != MT_CBOR_BYTES || !item.shortest) {
        return false;
    }
    return mt_cbor_string(bytes, len, c, &item) == MT_OK;
}

/* True for a well-formed protected header that names an algorithm, whichever it is. */
static bool names_algorithm(const uint8_t *header, size_t len)
{
    struct mt_cursor c = mt_cursor_over(header, len);
    struct mt_cbor_item map = mt_cbor_read(&c);
    struct mt_cbor_item label = mt_cbor_read(&c);
    struct mt_cbor_item alg = mt_cbor_read(&c);
    return map.major == MT_CBOR_MAP && map.arg >= 1 && label.major == MT_CBOR_UINT &&
           label.arg == LABEL_ALG && (alg.major == MT_CBOR_UINT || alg.major == MT_CBOR_NINT);
}

enum mt_status mt_cose_read_protected(struct mt_cursor *c, const uint8_t *expected,
                                      size_t expected_len)
{
    const uint8_t *header;
    size_t header_len;
    if (!mt_cose_read_bytes(&header, &header_len, c)) {
        return MT_BAD_LAYOUT;
    }
    if (header_len == expected_len && memcmp(header, expected, expected_len) == 0) {
        return MT_OK;
    }
    return names_algorithm(header, header_len) ? MT_UNSUPPORTED : MT_BAD_LAYOUT;
}

/* Read {6: partial IV}, nothing else, the counter in its shortest form. */
static enum mt_status read_counter(uint64_t *counter, struct mt_cursor *c)
{
    const uint8_t *iv;
    size_t iv_len;
    if (mt_cursor_u8(c) != (MT_CBOR_MAP << 5 | 1) || mt_cursor_u8(c) != LABEL_PARTIAL_IV ||
        !mt_cose_read_bytes(&iv, &iv_len, c)) {
        return MT_BAD_LAYOUT;
    }
    if (iv_len == 0 || iv_len > PARTIAL_IV_BYTES_MAX || (iv_len > 1 && iv[0] == 0)) {
        return MT_BAD_LAYOUT;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < iv_len; i++) {
        value = value << 8 | iv[i];
    }
    *counter = value;
    return MT_OK;
}

enum mt_status mt_cose_parse(struct mt_cose_encrypt0 *out, const uint8_t *message,
                             size_t message_len)
{
    MT_CHECK(out != NULL);
    struct mt_cursor c = mt_cursor_over(message, message_len);
    if (mt_cursor_u8(&c) != (MT_CBOR_ARRAY << 5 | 3)) {
        return MT_BAD_LAYOUT;
    }
    enum mt_status status = mt_cose_read_protected(&c, protected_header, sizeof(protected_header));
    if (status != MT_OK) {
        return status;
    }
    struct mt_cose_encrypt0 parsed;
    if (read_counter(&parsed.counter, &c) != MT_OK ||
        !mt_cose_read_bytes(&parsed.ciphertext, &parsed.ciphertext_len, &c)) {
        return MT_BAD_LAYOUT;
    }
    if (parsed.ciphertext_len < MT_COSE_TAG_BYTES || mt_cursor_left(&c) > 0 || c.overrun) {
        return MT_BAD_LAYOUT;
    }
    *out = parsed;
    return MT_OK;
}

/* Everything but key and text that the cipher needs for one message. */
struct binding {
    uint8_t nonce[NONCE_BYTES];
    uint8_t aad[AAD_BYTES_MAX];
    word32 aad_len;
};

static void bind(struct binding *b, uint64_t counter, const struct mt_identity *identity)
{
    /* RFC 9052, 3.1: the partial IV padded on the left; the context IV is zero. */
    memset(b->nonce, 0, NONCE_BYTES - sizeof(counter));
    for (size_t i = 0; i < sizeof(counter); i++) {
        b->nonce[NONCE_BYTES - 1 - i] = (uint8_t)(counter >> (8 * i));
    }
    memcpy(b->aad, aad_start, sizeof(aad_start));
    uint8_t *head = b->aad + sizeof(aad_start);
    size_t name_len = mt_name_format((char *)head + 1, identity);
    head[0] = (uint8_t)(MT_CBOR_BYTES << 5 | name_len);
    size_t head_len = 1;
    if (name_len > NAME_SHORT_MAX) {
        memmove(head + 2, head + 1, name_len);
        head[0] = (uint8_t)(MT_CBOR_BYTES << 5 | 24);
        head[1] = (uint8_t)name_len;
        head_len = 2;
    }
    b->aad_len = (word32)(sizeof(aad_start) + head_len + name_len);
}

/* Set up the cipher. Only the key schedule is secret, and only it is wiped: the rest of wolfCrypt's
 * struct is tables for other modes, several times as large. */
static int cipher_init(Aes *aes, const uint8_t *key)
{
    int result = wc_AesInit(aes, NULL, INVALID_DEVID);
    return result != 0 ? result : wc_AesCcmSetKey(aes, key, MT_KEY_BYTES);
}

static void cipher_deinit(Aes *aes)
{
    mt_key_wipe(aes->key, sizeof(aes->key));
    wc_AesFree(aes);
}

enum mt_status mt_cose_open(uint8_t *plain, size_t *plain_len, size_t plain_max,
                            const struct mt_cose_encrypt0 *message, const uint8_t key[MT_KEY_BYTES],
                            const struct mt_identity *identity)
{
    MT_CHECK(plain != NULL && plain_len != NULL);
    MT_CHECK(message != NULL && message->ciphertext_len >= MT_COSE_TAG_BYTES);
    MT_CHECK(key != NULL);
    size_t text_len = message->ciphertext_len - MT_COSE_TAG_BYTES;
    *plain_len = 0;
    if (text_len > plain_max || text_len > UINT16_MAX) {
        memset(plain, 0, plain_max);
        return MT_TOO_LARGE; /* CCM with a 13-byte nonce carries at most 2^16 - 1 bytes */
    }
    struct binding b;
    bind(&b, message->counter, identity);
    Aes aes;
    int result = cipher_init(&aes, key);
    if (result == 0) {
        result = wc_AesCcmDecrypt(&aes, plain, message->ciphertext, (word32)text_len, b.nonce,
                                  NONCE_BYTES, message->ciphertext + text_len, MT_COSE_TAG_BYTES,
                                  b.aad, b.aad_len);
    }
    cipher_deinit(&aes);
    if (result != 0) {
        memset(plain, 0, text_len);
        return MT_NOT_AUTHENTIC;
    }
    *plain_len = text_len;
    return MT_OK;
}

/* Write all up to the ciphertext's first byte. */
static void write_head(struct mt_writer *w, uint64_t counter, size_t ciphertext_len)
{
    size_t iv_len = 1;
    while (iv_len < PARTIAL_IV_BYTES_MAX && counter >> (8 * iv_len) != 0) {
        iv_len++;
    }
    mt_cbor_write_head(w, MT_CBOR_ARRAY, 3);
    mt_cbor_write_bytes(w, protected_header, sizeof(protected_header));
    mt_cbor_write_head(w, MT_CBOR_MAP, 1);
    mt_cbor_write_int(w, LABEL_PARTIAL_IV);
    mt_cbor_write_head(w, MT_CBOR_BYTES, iv_len);
    mt_writer_be(w, counter, iv_len);
    mt_cbor_write_head(w, MT_CBOR_BYTES, ciphertext_len);
}

enum mt_status mt_cose_seal(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_cose_seal_args *args)
{
    MT_CHECK(out != NULL && out_len != NULL);
    MT_CHECK(args != NULL && args->key != NULL);
    MT_CHECK(args->plain != NULL || args->plain_len == 0);
    if (args->plain_len > UINT16_MAX || out_max < args->plain_len ||
        out_max - args->plain_len < MT_COSE_OVERHEAD_MAX) {
        return MT_TOO_LARGE;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    write_head(&w, args->counter, args->plain_len + MT_COSE_TAG_BYTES);
    uint8_t *text = mt_writer_reserve(&w, args->plain_len + MT_COSE_TAG_BYTES);
    MT_CHECK(text != NULL && !w.overflow);

    struct binding b;
    bind(&b, args->counter, args->identity);
    Aes aes;
    int result = cipher_init(&aes, args->key);
    if (result == 0) {
        result =
            wc_AesCcmEncrypt(&aes, text, args->plain, (word32)args->plain_len, b.nonce, NONCE_BYTES,
                             text + args->plain_len, MT_COSE_TAG_BYTES, b.aad, b.aad_len);
    }
    cipher_deinit(&aes);
    MT_CHECK(result == 0); /* every argument is ours, and CCM of checked lengths cannot fail */
    *out_len = mt_writer_len(&w);
    return MT_OK;
}
