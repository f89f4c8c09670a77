/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Signatures of requests to the wallet operator, by OpenSSL's libcrypto. See operator_sign.h. */
#include "gateway/adapters/operator_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "meters/check.h"

#define CANONICAL_BYTES_MAX 768u
#define SIGNATURE_BYTES 64u

struct gw_sign_key {
    EVP_PKEY *pkey;
};

/* An encrypted key must fail, not ask at the terminal of a daemon. */
static int no_passphrase(char *text, int size, int writing, void *arg)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static enum gw_status open_key(struct gw_sign_key **key, const char *path, bool private)
{
    MT_CHECK(key != NULL && path != NULL);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return GW_IO;
    }
    EVP_PKEY *pkey = private ? PEM_read_PrivateKey(file, NULL, no_passphrase, NULL)
                             : PEM_read_PUBKEY(file, NULL, no_passphrase, NULL);
    (void)fclose(file); /* only read from */
    ERR_clear_error();
    struct gw_sign_key *opened = NULL;
    if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519) {
        opened = malloc(sizeof *opened);
    }
    if (opened == NULL) {
        EVP_PKEY_free(pkey);
        return GW_INVALID;
    }
    opened->pkey = pkey;
    *key = opened;
    return GW_OK;
}

enum gw_status gw_sign_key_open_private(struct gw_sign_key **key, const char *path)
{
    return open_key(key, path, true);
}

enum gw_status gw_sign_key_open_public(struct gw_sign_key **key, const char *path)
{
    return open_key(key, path, false);
}

void gw_sign_key_close(struct gw_sign_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey); /* clears the private part */
        free(key);
    }
}

static void hex_of(char *hex, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * len] = '\0';
}

void gw_sign_sha256_hex(char hex[65], const void *bytes, size_t len)
{
    uint8_t digest[32];
    unsigned digest_len = 0;
    int rc = EVP_Digest(len > 0 ? bytes : "", len, digest, &digest_len, EVP_sha256(), NULL);
    MT_CHECK(rc == 1 && digest_len == sizeof digest);
    hex_of(hex, digest, sizeof digest);
}

static bool has_line_end(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

/* docs/operator-api.md, "Signed requests": one item a line, none may hold a line end, or two
 * different requests could have the same text. Returns the length, or 0 when it cannot be made. */
static size_t canonical(char text[CANONICAL_BYTES_MAX], const struct gw_sign_input *input)
{
    char body_hex[65];
    if (has_line_end(input->method) || has_line_end(input->target) ||
        has_line_end(input->gateway) || has_line_end(input->key) ||
        strlen(input->target) > GW_SIGN_TARGET_BYTES_MAX) {
        return 0;
    }
    gw_sign_sha256_hex(body_hex, input->body, input->body_bytes);
    int len = snprintf(text, CANONICAL_BYTES_MAX,
                       "meterpay-operator-1\n%s\n%s\n%s\n%" PRId64 "\n%s\n%s\n", input->method,
                       input->target, input->gateway, input->time_us, input->key, body_hex);
    return len > 0 && (size_t)len < CANONICAL_BYTES_MAX ? (size_t)len : 0;
}

enum gw_status gw_sign_request(char hex[GW_SIGNATURE_HEX + 1], const struct gw_sign_key *key,
                               const struct gw_sign_input *input)
{
    char text[CANONICAL_BYTES_MAX];
    uint8_t signature[SIGNATURE_BYTES];
    size_t signature_len = sizeof signature;
    MT_CHECK(key != NULL && input != NULL);
    size_t len = canonical(text, input);
    EVP_MD_CTX *ctx = len > 0 ? EVP_MD_CTX_new() : NULL;
    bool signed_ok =
        ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
        EVP_DigestSign(ctx, signature, &signature_len, (const uint8_t *)text, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    if (!signed_ok || signature_len != sizeof signature) {
        return GW_INVALID;
    }
    hex_of(hex, signature, sizeof signature);
    return GW_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool signature_of(uint8_t signature[SIGNATURE_BYTES], const char *hex)
{
    if (strlen(hex) != GW_SIGNATURE_HEX) {
        return false;
    }
    for (size_t i = 0; i < SIGNATURE_BYTES; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        signature[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

bool gw_sign_verify(const struct gw_sign_key *key, const struct gw_sign_input *input,
                    const char *hex)
{
    char text[CANONICAL_BYTES_MAX];
    uint8_t signature[SIGNATURE_BYTES];
    MT_CHECK(key != NULL && input != NULL && hex != NULL);
    size_t len = canonical(text, input);
    if (len == 0 || !signature_of(signature, hex)) {
        return false;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                EVP_DigestVerify(ctx, signature, sizeof signature, (const uint8_t *)text, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}
