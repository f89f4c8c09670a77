/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Derived keys against another HKDF. */
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "meters/keys.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

static const struct mt_identity meter = {MT_POWER, "HXE", "000012345678"};

/* Made with the HKDF of another library from the definition in keys.h, root 00 01 .. 0F. */
static void keys_are_those_of_another_implementation(void)
{
    static const struct {
        enum mt_key_purpose purpose;
        const char *hex;
    } rows[] = {
        {MT_KEY_UP, "9922cf3b585e4196352b266024570392"},
        {MT_KEY_DOWN, "1120f228e7a785e30041f338f665f05c"},
        {MT_KEY_TRANSPORT, "78780619b401c7cd47204164749bc332"},
    };
    uint8_t root[MT_KEY_BYTES];
    for (uint8_t i = 0; i < sizeof(root); i++) {
        root[i] = i;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t key[MT_KEY_BYTES];
        uint8_t expected[MT_KEY_BYTES];
        unhex(expected, sizeof(expected), rows[i].hex);
        CU_ASSERT_EQUAL(mt_key_derive(key, root, rows[i].purpose, &meter), MT_OK);
        CU_ASSERT_EQUAL(memcmp(key, expected, sizeof(key)), 0);
    }
}

/* The same derivation by OpenSSL, for the longest and the shortest name. */
static void openssl_key(uint8_t key[MT_KEY_BYTES], const uint8_t *root, const char *info,
                        size_t info_len)
{
    size_t len = MT_KEY_BYTES;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT_EQUAL(EVP_PKEY_derive_init(ctx), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_set1_hkdf_salt(ctx, (const uint8_t *)"meterpay keys 1", 15), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_set1_hkdf_key(ctx, root, MT_KEY_BYTES), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info, (int)info_len), 1);
    CU_ASSERT_EQUAL(EVP_PKEY_derive(ctx, key, &len), 1);
    EVP_PKEY_CTX_free(ctx);
}

static void the_name_is_bound_to_the_key(void)
{
    static const struct mt_identity longest = {MT_GAS, "ABC", "0123456789ABCDEF"};
    static const struct mt_identity shortest = {MT_WATER, "A", "1"};
    static const char longest_info[] = "down\0gABC-0123456789ABCDEF";
    static const char shortest_info[] = "transport\0wA-1";
    uint8_t root[MT_KEY_BYTES];
    uint8_t key[MT_KEY_BYTES];
    uint8_t expected[MT_KEY_BYTES];
    memset(root, 0xA5, sizeof(root));
    CU_ASSERT_EQUAL(mt_key_derive(key, root, MT_KEY_DOWN, &longest), MT_OK);
    openssl_key(expected, root, longest_info, sizeof(longest_info) - 1);
    CU_ASSERT_EQUAL(memcmp(key, expected, sizeof(key)), 0);
    CU_ASSERT_EQUAL(mt_key_derive(key, root, MT_KEY_TRANSPORT, &shortest), MT_OK);
    openssl_key(expected, root, shortest_info, sizeof(shortest_info) - 1);
    CU_ASSERT_EQUAL(memcmp(key, expected, sizeof(key)), 0);
}

static void a_transport_key_can_be_given_as_text(void)
{
    uint8_t root[MT_KEY_BYTES] = {0};
    unsigned changed = 0;
    for (unsigned i = 0; i < 512; i++) {
        uint8_t key[MT_KEY_BYTES];
        uint8_t plain[MT_KEY_BYTES];
        root[0] = (uint8_t)i;
        root[1] = (uint8_t)(i >> 8);
        CU_ASSERT_EQUAL(mt_key_derive(key, root, MT_KEY_TRANSPORT, &meter), MT_OK);
        openssl_key(plain, root, "transport\0pHXE-000012345678", 27);
        for (size_t b = 0; b < sizeof(key); b++) {
            bool cut = plain[b] == 0x00 || plain[b] == 0x0a;
            changed += cut;
            CU_ASSERT_EQUAL(key[b], cut ? plain[b] | 0x80 : plain[b]);
        }
    }
    CU_ASSERT_TRUE(changed > 20);
}

static void a_wiped_secret_is_zero(void)
{
    uint8_t secret[] = {1, 2, 3, 4};
    const uint8_t expected[] = {0, 0, 0, 4};
    mt_key_wipe(secret, 3);
    mt_key_wipe(NULL, 0);
    CU_ASSERT_EQUAL(memcmp(secret, expected, sizeof(secret)), 0);
}

static const struct unit_test tests[] = {
    {"keys_are_those_of_another_implementation", keys_are_those_of_another_implementation},
    {"the_name_is_bound_to_the_key", the_name_is_bound_to_the_key},
    {"a_transport_key_can_be_given_as_text", a_transport_key_can_be_given_as_text},
    {"a_wiped_secret_is_zero", a_wiped_secret_is_zero},
};
UNIT_MAIN("keys", tests)
