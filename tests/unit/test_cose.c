/* SPDX-License-Identifier: GPL-3.0-or-later */
/* COSE_Encrypt0 and COSE_Sign1 against vectors and code of other implementations.
 *
 * The hexadecimal messages were made with another library's AES-CCM and Ed25519 and CBOR written by
 * hand: key 9922.. is the up key of meter pHXE-000012345678 (see test_keys.c).
 */
#include "meters/wolfcrypt.h"

#include <openssl/evp.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "meters/cose.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

#define MESSAGE_MAX 1024

static const struct mt_identity meter = {MT_POWER, "HXE", "000012345678"};
static const struct mt_identity other_meter = {MT_POWER, "HXE", "000012345679"};

static const uint8_t key[MT_KEY_BYTES] = {0x99, 0x22, 0xcf, 0x3b, 0x58, 0x5e, 0x41, 0x96,
                                          0x35, 0x2b, 0x26, 0x60, 0x24, 0x57, 0x03, 0x92};

/* [{n: "seq", v: 100000}, {n: "1.8.0", v: 12345678, bt: 1760000000, bu: "Wh"}] */
static const char plain_hex[] =
    "82a20063736571021a000186a0a40065312e382e30021a00bc614e221a68e7780023625768";

static const struct {
    uint64_t counter;
    const char *hex;
} golden[] = {
    {0, "8343a1010aa1064100582d4ef2571946e2280ae21cd6efdea3d40dd3b75159279e634a1164cb113b0a3af0c0e0"
        "10f3d3118dc9c7d580f973"},
    {1, "8343a1010aa1064101582de8b4b89cb36a0ad951ff8a403fb53638c0ec6bab0e1ef5ac2c1fb7d5c2de74756ab9"
        "fa2ba0fd866e0916107db0"},
    {0xFF, "8343a1010aa10641ff582d55eaa4f69569f31907d66a902bef21c9e51657a6c8455ed3ce55ada4b6efe6808"
           "5f9e356aa7108e290af105695"},
    {0x100,
     "8343a1010aa106420100582d371c7882d83152bd65f6754afab05d5e3f86a81b6f76b6416389e9d259a348a"
     "21df853adb8288779646d8ac2d1"},
    {UINT64_C(0x0102030405060708), "8343a1010aa106480102030405060708582d3a18024e4c90f1ecbf66bce58c3"
                                   "cf24aaef2b7954f6800812fc7596ff7"
                                   "6c7d99e817a172e54f0a7ec1b4432278"},
    {UINT64_MAX,
     "8343a1010aa10648ffffffffffffffff582d632ed8112aaf2c4da7497e0445284e90f73baaea7222f85"
     "b51219dd8c33a272e374708a19bb3b82d993cebf06d"},
};
#define GOLDEN_COUNT (sizeof(golden) / sizeof(golden[0]))

static enum mt_status open_with(uint8_t *plain, size_t *plain_len, size_t plain_max,
                                const uint8_t *bytes, size_t len, const struct mt_identity *who)
{
    struct mt_cose_encrypt0 shape;
    enum mt_status status = mt_cose_parse(&shape, bytes, len);
    return status == MT_OK ? mt_cose_open(plain, plain_len, plain_max, &shape, key, who) : status;
}

static void messages_of_another_implementation_open(void)
{
    uint8_t expected[64];
    size_t expected_len = unhex(expected, sizeof(expected), plain_hex);
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t bytes[MESSAGE_MAX];
        uint8_t plain[MESSAGE_MAX];
        size_t plain_len = 99;
        size_t len = unhex(bytes, sizeof(bytes), golden[i].hex);
        struct mt_cose_encrypt0 shape;
        CU_ASSERT_EQUAL(mt_cose_parse(&shape, bytes, len), MT_OK);
        CU_ASSERT_EQUAL(shape.counter, golden[i].counter);
        CU_ASSERT_EQUAL(mt_cose_open(plain, &plain_len, sizeof(plain), &shape, key, &meter), MT_OK);
        CU_ASSERT_EQUAL(plain_len, expected_len);
        CU_ASSERT_EQUAL(memcmp(plain, expected, expected_len), 0);
    }
}

static void sealing_makes_the_same_bytes(void)
{
    uint8_t plain[64];
    size_t plain_len = unhex(plain, sizeof(plain), plain_hex);
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t expected[MESSAGE_MAX];
        uint8_t out[MESSAGE_MAX];
        size_t out_len = 0;
        size_t expected_len = unhex(expected, sizeof(expected), golden[i].hex);
        struct mt_cose_seal_args args = {plain, plain_len, golden[i].counter, key, &meter};
        CU_ASSERT_EQUAL(mt_cose_seal(out, &out_len, sizeof(out), &args), MT_OK);
        CU_ASSERT_EQUAL(out_len, expected_len);
        CU_ASSERT_EQUAL(memcmp(out, expected, expected_len), 0);
    }
}

static bool accepts_encrypt0(const uint8_t *bytes, size_t len)
{
    uint8_t plain[MESSAGE_MAX];
    size_t plain_len = 7;
    memset(plain, 0xEE, sizeof(plain));
    enum mt_status status = open_with(plain, &plain_len, sizeof(plain), bytes, len, &meter);
    if (status == MT_NOT_AUTHENTIC) {
        /* Nothing of an unauthentic message may be left behind. */
        CU_ASSERT_EQUAL(plain_len, 0);
        CU_ASSERT_EQUAL(plain[0], 0);
    }
    return status == MT_OK;
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t bytes[MESSAGE_MAX];
        size_t len = unhex(bytes, sizeof(bytes), golden[i].hex);
        expect_every_prefix_refused(accepts_encrypt0, bytes, len);
        expect_every_flipped_bit_refused(accepts_encrypt0, bytes, len);
    }
}

static void another_meters_name_or_key_is_refused(void)
{
    uint8_t bytes[MESSAGE_MAX];
    uint8_t plain[MESSAGE_MAX];
    size_t plain_len;
    size_t len = unhex(bytes, sizeof(bytes), golden[1].hex);
    CU_ASSERT_EQUAL(open_with(plain, &plain_len, sizeof(plain), bytes, len, &other_meter),
                    MT_NOT_AUTHENTIC);
    struct mt_cose_encrypt0 shape;
    uint8_t other_key[MT_KEY_BYTES] = {0};
    CU_ASSERT_EQUAL(mt_cose_parse(&shape, bytes, len), MT_OK);
    CU_ASSERT_EQUAL(mt_cose_open(plain, &plain_len, sizeof(plain), &shape, other_key, &meter),
                    MT_NOT_AUTHENTIC);
}

static void other_shapes_are_refused(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"8343a10101a1064101480000000000000000", MT_UNSUPPORTED}, /* A128GCM */
        {"8343a10118a1064101480000000000000000", MT_BAD_LAYOUT},  /* its label is cut */
        {"8343a1020aa1064101480000000000000000", MT_BAD_LAYOUT},  /* no algorithm */
        {"8340a1064101480000000000000000", MT_BAD_LAYOUT},
        {"8343a1010aa10640480000000000000000", MT_BAD_LAYOUT},     /* empty IV */
        {"8343a1010aa106420001480000000000000000", MT_BAD_LAYOUT}, /* zero in front */
        {"8343a1010aa10649010203040506070809480000000000000000", MT_BAD_LAYOUT},
        {"8343a1010aa1054101480000000000000000", MT_BAD_LAYOUT},       /* IV, not partial IV */
        {"8343a1010aa2064101044101480000000000000000", MT_BAD_LAYOUT}, /* a key id besides */
        {"8343a1010aa106410147000000000000 00", MT_BAD_LAYOUT},        /* shorter than a tag */
        {"8343a1010aa106410158080000000000000000", MT_BAD_LAYOUT},     /* not the shortest */
        {"8343a1010aa106580101480000000000000000", MT_BAD_LAYOUT},
        {"835803a1010aa1064101480000000000000000", MT_BAD_LAYOUT},
        {"8343a1010aa106410148000000000000000000", MT_BAD_LAYOUT}, /* a byte behind it */
        {"d08343a1010aa1064101480000000000000000", MT_BAD_LAYOUT}, /* tagged */
        {"8443a1010aa106410148000000000000000040", MT_BAD_LAYOUT},
        {"8343a1010aa10641015f48000000000000000048000000000000000000ff", MT_BAD_LAYOUT},
        {"8343a1010aa10641015bffffffffffffffff0000000000000000", MT_BAD_LAYOUT},
        {"", MT_BAD_LAYOUT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[64];
        size_t len = unhex(bytes, sizeof(bytes), rows[i].hex);
        struct mt_cose_encrypt0 shape = {.counter = 42};
        CU_ASSERT_EQUAL(mt_cose_parse(&shape, guard_end(bytes, len), len), rows[i].status);
        CU_ASSERT_EQUAL(shape.counter, 42);
    }
}

static void a_small_buffer_is_told(void)
{
    uint8_t bytes[MESSAGE_MAX];
    uint8_t plain[MESSAGE_MAX];
    size_t plain_len = 5;
    size_t len = unhex(bytes, sizeof(bytes), golden[0].hex);
    CU_ASSERT_EQUAL(open_with(plain, &plain_len, 36, bytes, len, &meter), MT_TOO_LARGE);
    CU_ASSERT_EQUAL(plain_len, 0);
    CU_ASSERT_EQUAL(open_with(guard_end(plain, 37), &plain_len, 37, bytes, len, &meter), MT_OK);
    struct mt_cose_seal_args args = {plain, 37, 1, key, &meter};
    size_t out_len = 5;
    CU_ASSERT_EQUAL(mt_cose_seal(bytes, &out_len, 37 + MT_COSE_OVERHEAD_MAX - 1, &args),
                    MT_TOO_LARGE);
    CU_ASSERT_EQUAL(out_len, 5);
}

/* RFC 3610, 8, packet vector #1: CCM with L = 2 and M = 8 is what the cipher is set up for. */
static void the_cipher_gives_the_vector_of_rfc_3610(void)
{
    uint8_t ccm_key[16];
    uint8_t nonce[13];
    uint8_t packet[31];
    uint8_t expected[31];
    uint8_t out[31];
    unhex(ccm_key, 16, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF");
    unhex(nonce, 13, "00000003020100A0A1A2A3A4A5");
    unhex(packet, 31, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E");
    unhex(expected, 31, "588C979A61C663D2F066D0C2C0F989806D5F6B61DAC38417E8D12CFDF926E0");
    Aes aes;
    CU_ASSERT_EQUAL(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
    CU_ASSERT_EQUAL(wc_AesCcmSetKey(&aes, ccm_key, 16), 0);
    CU_ASSERT_EQUAL(wc_AesCcmEncrypt(&aes, out, packet + 8, 23, nonce, 13, out + 23, 8, packet, 8),
                    0);
    CU_ASSERT_EQUAL(memcmp(out, expected, sizeof(out)), 0);
    wc_AesFree(&aes);
}

/* Open one of our messages with OpenSSL. The additional data are written out by hand. */
static bool openssl_opens(uint8_t *plain, const uint8_t *ciphertext, size_t len,
                          const uint8_t nonce[13])
{
    static const uint8_t aad[] = "\x83\x68"
                                 "Encrypt0"
                                 "\x43\xA1\x01\x0A\x51"
                                 "pHXE-000012345678";
    int out_len = 0;
    int text_len = (int)len - 8;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool opened =
        EVP_DecryptInit_ex(ctx, EVP_aes_128_ccm(), NULL, NULL, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 13, NULL) == 1 &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 8, (void *)(ciphertext + text_len)) == 1 &&
        EVP_DecryptInit_ex(ctx, NULL, NULL, key, nonce) == 1 &&
        EVP_DecryptUpdate(ctx, NULL, &out_len, NULL, text_len) == 1 &&
        EVP_DecryptUpdate(ctx, NULL, &out_len, aad, sizeof(aad) - 1) == 1 &&
        EVP_DecryptUpdate(ctx, plain, &out_len, ciphertext, text_len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return opened;
}

static void openssl_opens_what_is_sealed_of_any_length(void)
{
    for (size_t len = 0; len <= 300; len += len < 70 ? 1 : 23) {
        uint8_t plain[300];
        uint8_t back[300];
        uint8_t out[400];
        uint8_t nonce[13] = {[11] = 0x30, [12] = 0x39};
        size_t out_len;
        for (size_t i = 0; i < len; i++) {
            plain[i] = (uint8_t)(i * 7 + len);
        }
        struct mt_cose_seal_args args = {guard_end(plain, len), len, 12345, key, &meter};
        CU_ASSERT_EQUAL(mt_cose_seal(out, &out_len, sizeof(out), &args), MT_OK);
        struct mt_cose_encrypt0 shape;
        CU_ASSERT_EQUAL(mt_cose_parse(&shape, out, out_len), MT_OK);
        CU_ASSERT_EQUAL(shape.counter, 12345);
        CU_ASSERT_TRUE(openssl_opens(back, shape.ciphertext, shape.ciphertext_len, nonce));
        CU_ASSERT_EQUAL(memcmp(back, plain, len), 0);
        size_t back_len;
        CU_ASSERT_EQUAL(mt_cose_open(back, &back_len, sizeof(back), &shape, key, &meter), MT_OK);
        CU_ASSERT_EQUAL(back_len, len);
    }
}

/* RFC 8032, 7.1, test 1. */
static const char secret_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char public_hex[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/* The payload "meter", signed with another library's Ed25519. */
static const char signed_hex[] =
    "8443a10127a0456d657465725840bfc11d798b5a5ea87ffdff2bc35d348e95c42cb769024cda7fc4e9b1c3337ea0a6"
    "04974dff0c2218bf5d27a742d17ac59570d3388494b4edac91d9f4395b770c";

static void the_public_key_is_that_of_rfc_8032(void)
{
    uint8_t secret[32];
    uint8_t expected[32];
    uint8_t public_key[32];
    unhex(secret, 32, secret_hex);
    unhex(expected, 32, public_hex);
    CU_ASSERT_EQUAL(mt_sign_public(public_key, secret), MT_OK);
    CU_ASSERT_EQUAL(memcmp(public_key, expected, 32), 0);
}

static void signing_makes_the_bytes_of_another_implementation(void)
{
    uint8_t secret[32];
    uint8_t expected[256];
    uint8_t out[256];
    size_t out_len;
    unhex(secret, 32, secret_hex);
    size_t expected_len = unhex(expected, sizeof(expected), signed_hex);
    struct mt_cose_seal_args args = {.plain = (const uint8_t *)"meter",
                                     .plain_len = 5,
                                     .identity = &meter};
    CU_ASSERT_EQUAL(mt_cose_sign(out, &out_len, sizeof(out), &args, secret), MT_OK);
    CU_ASSERT_EQUAL(out_len, expected_len);
    CU_ASSERT_EQUAL(memcmp(out, expected, expected_len), 0);
}

static bool accepts_sign1(const uint8_t *bytes, size_t len)
{
    uint8_t public_key[32];
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    unhex(public_key, 32, public_hex);
    enum mt_status status = mt_cose_verify(&payload, &payload_len, bytes, len, public_key, &meter);
    CU_ASSERT_EQUAL(payload != NULL, status == MT_OK);
    return status == MT_OK && payload_len == 5 && memcmp(payload, "meter", 5) == 0;
}

static void signatures_verify_whole_and_unchanged_only(void)
{
    uint8_t bytes[256];
    size_t len = unhex(bytes, sizeof(bytes), signed_hex);
    expect_every_prefix_refused(accepts_sign1, bytes, len);
    expect_every_flipped_bit_refused(accepts_sign1, bytes, len);
}

static void a_signature_of_another_meter_or_kind_is_refused(void)
{
    uint8_t bytes[1024];
    uint8_t public_key[32];
    const uint8_t *payload;
    size_t payload_len;
    size_t len = unhex(bytes, sizeof(bytes), signed_hex);
    unhex(public_key, 32, public_hex);
    CU_ASSERT_EQUAL(mt_cose_verify(&payload, &payload_len, bytes, len, public_key, &other_meter),
                    MT_NOT_AUTHENTIC);
    bytes[4] = 0x26; /* ES256 */
    CU_ASSERT_EQUAL(mt_cose_verify(&payload, &payload_len, bytes, len, public_key, &meter),
                    MT_UNSUPPORTED);
}

static void payloads_are_limited(void)
{
    static uint8_t payload[MT_SIGN_PAYLOAD_BYTES_MAX + 1];
    static uint8_t out[MT_SIGN_PAYLOAD_BYTES_MAX + 200];
    uint8_t secret[32];
    uint8_t public_key[32];
    size_t out_len;
    unhex(secret, 32, secret_hex);
    unhex(public_key, 32, public_hex);
    struct mt_cose_seal_args args = {.plain = payload,
                                     .plain_len = MT_SIGN_PAYLOAD_BYTES_MAX,
                                     .identity = &meter};
    CU_ASSERT_EQUAL(mt_cose_sign(out, &out_len, args.plain_len + MT_COSE_SIGN1_OVERHEAD_MAX, &args,
                                 secret),
                    MT_OK);
    const uint8_t *back;
    size_t back_len;
    CU_ASSERT_EQUAL(mt_cose_verify(&back, &back_len, out, out_len, public_key, &meter), MT_OK);
    CU_ASSERT_EQUAL(back_len, args.plain_len);
    CU_ASSERT_EQUAL(mt_cose_sign(out, &out_len, args.plain_len + MT_COSE_SIGN1_OVERHEAD_MAX - 1,
                                 &args, secret),
                    MT_TOO_LARGE);
    args.plain_len++;
    CU_ASSERT_EQUAL(mt_cose_sign(out, &out_len, sizeof(out), &args, secret), MT_TOO_LARGE);
}

static const struct unit_test tests[] = {
    {"messages_of_another_implementation_open", messages_of_another_implementation_open},
    {"sealing_makes_the_same_bytes", sealing_makes_the_same_bytes},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
    {"another_meters_name_or_key_is_refused", another_meters_name_or_key_is_refused},
    {"other_shapes_are_refused", other_shapes_are_refused},
    {"a_small_buffer_is_told", a_small_buffer_is_told},
    {"the_cipher_gives_the_vector_of_rfc_3610", the_cipher_gives_the_vector_of_rfc_3610},
    {"openssl_opens_what_is_sealed_of_any_length", openssl_opens_what_is_sealed_of_any_length},
    {"the_public_key_is_that_of_rfc_8032", the_public_key_is_that_of_rfc_8032},
    {"signing_makes_the_bytes_of_another_implementation",
     signing_makes_the_bytes_of_another_implementation},
    {"signatures_verify_whole_and_unchanged_only", signatures_verify_whole_and_unchanged_only},
    {"a_signature_of_another_meter_or_kind_is_refused",
     a_signature_of_another_meter_or_kind_is_refused},
    {"payloads_are_limited", payloads_are_limited},
};
UNIT_MAIN("cose", tests)
