/* SPDX-License-Identifier: GPL-3.0-or-later */
/* AES-CCM: the RFC's vector, and the built-in way against wolfCrypt's at every length. */
#include <string.h>

#include "meters/ccm.h"
#include "tests/support/unit.h"

#define TEXT_MAX 120u
#define AAD_MAX 50u

static uint64_t seed = 20261123;

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        bytes[i] = (uint8_t)(seed >> 56);
    }
}

/* RFC 3610, 8: packet vector #1 (M = 8, L = 2). */
static void the_vector_of_rfc_3610_is_sealed_and_opened(void)
{
    static const uint8_t nonce[] = {0x00, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
                                    0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5};
    static const uint8_t expected[] = {0x58, 0x8C, 0x97, 0x9A, 0x61, 0xC6, 0x63, 0xD2,
                                       0xF0, 0x66, 0xD0, 0xC2, 0xC0, 0xF9, 0x89, 0x80,
                                       0x6D, 0x5F, 0x6B, 0x61, 0xDA, 0xC3, 0x84, 0x17,
                                       0xE8, 0xD1, 0x2C, 0xFD, 0xF9, 0x26, 0xE0};
    uint8_t key[16], packet[31], out[31], back[23];
    for (uint8_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(0xC0 + i);
    }
    for (uint8_t i = 0; i < sizeof(packet); i++) {
        packet[i] = i;
    }
    struct mt_ccm ccm = {.key = key, .nonce = nonce, .aad = packet, .aad_len = 8};
    CU_ASSERT_TRUE(mt_ccm_seal(out, out + 23, &ccm, packet + 8, 23));
    CU_ASSERT_EQUAL(memcmp(out, expected, sizeof(expected)), 0);
    CU_ASSERT_TRUE(mt_ccm_open(back, &ccm, expected, 23, expected + 23));
    CU_ASSERT_EQUAL(memcmp(back, packet + 8, 23), 0);
    CU_ASSERT_TRUE(mt_ccm_portable_open(back, &ccm, expected, 23, expected + 23));
}

static void both_ways_agree_at_every_length_of_text_and_name(void)
{
    uint8_t key[16], nonce[13], aad[AAD_MAX], text[TEXT_MAX], a[TEXT_MAX], b[TEXT_MAX];
    uint8_t tag_a[8], tag_b[8];
    for (size_t aad_len = 1; aad_len <= AAD_MAX; aad_len++) {
        for (size_t len = 0; len <= TEXT_MAX; len++) {
            fill(key, sizeof(key));
            fill(nonce, sizeof(nonce));
            fill(aad, aad_len);
            fill(text, len);
            struct mt_ccm ccm = {.key = key, .nonce = nonce, .aad = aad, .aad_len = aad_len};
            CU_ASSERT_TRUE(mt_ccm_seal(a, tag_a, &ccm, text, len));
            CU_ASSERT_TRUE(mt_ccm_portable_seal(b, tag_b, &ccm, text, len));
            CU_ASSERT_EQUAL(memcmp(a, b, len), 0);
            CU_ASSERT_EQUAL(memcmp(tag_a, tag_b, 8), 0);
            CU_ASSERT_TRUE(mt_ccm_open(a, &ccm, a, len, tag_a)); /* In place. */
            CU_ASSERT_EQUAL(memcmp(a, text, len), 0);
            CU_ASSERT_TRUE(mt_ccm_portable_open(b, &ccm, b, len, tag_b));
            CU_ASSERT_EQUAL(memcmp(b, text, len), 0);
        }
    }
}

static void the_longest_text_counts_its_blocks_over_a_byte(void)
{
    static uint8_t text[MT_CCM_TEXT_BYTES_MAX], a[MT_CCM_TEXT_BYTES_MAX], b[MT_CCM_TEXT_BYTES_MAX];
    static uint8_t aad[MT_CCM_AAD_BYTES_MAX];
    uint8_t key[16], nonce[13], tag_a[8], tag_b[8];
    fill(key, sizeof(key));
    fill(nonce, sizeof(nonce));
    fill(text, sizeof(text));
    fill(aad, sizeof(aad));
    struct mt_ccm ccm = {.key = key, .nonce = nonce, .aad = aad, .aad_len = sizeof(aad)};
    CU_ASSERT_TRUE(mt_ccm_seal(a, tag_a, &ccm, text, sizeof(text)));
    CU_ASSERT_TRUE(mt_ccm_portable_seal(b, tag_b, &ccm, text, sizeof(text)));
    CU_ASSERT_EQUAL(memcmp(a, b, sizeof(a)), 0);
    CU_ASSERT_EQUAL(memcmp(tag_a, tag_b, 8), 0);
}

static void every_flipped_bit_is_refused_and_leaves_zeros(void)
{
    uint8_t key[16], nonce[13], aad[33], text[37], out[37], tag[8];
    static const uint8_t zeros[37];
    fill(key, sizeof(key));
    fill(nonce, sizeof(nonce));
    fill(aad, sizeof(aad));
    struct mt_ccm ccm = {.key = key, .nonce = nonce, .aad = aad, .aad_len = sizeof(aad)};
    CU_ASSERT_TRUE(mt_ccm_seal(text, tag, &ccm, zeros, sizeof(text)));
    struct {
        uint8_t *bytes;
        size_t len;
    } parts[] = {{text, sizeof(text)}, {tag, 8}, {aad, 33}, {nonce, 13}, {key, 16}};
    for (unsigned p = 0; p < 5; p++) {
        for (size_t bit = 0; bit < 8 * parts[p].len; bit++) {
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            memset(out, 1, sizeof(out));
            CU_ASSERT_FALSE(mt_ccm_open(out, &ccm, text, sizeof(text), tag));
            CU_ASSERT_EQUAL(memcmp(out, zeros, sizeof(out)), 0);
            parts[p].bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    CU_ASSERT_TRUE(mt_ccm_open(out, &ccm, text, sizeof(text), tag));
}

static const struct unit_test tests[] = {
    {"the_vector_of_rfc_3610_is_sealed_and_opened", the_vector_of_rfc_3610_is_sealed_and_opened},
    {"both_ways_agree_at_every_length_of_text_and_name",
     both_ways_agree_at_every_length_of_text_and_name},
    {"the_longest_text_counts_its_blocks_over_a_byte",
     the_longest_text_counts_its_blocks_over_a_byte},
    {"every_flipped_bit_is_refused_and_leaves_zeros",
     every_flipped_bit_is_refused_and_leaves_zeros},
};

UNIT_MAIN("ccm", tests)
