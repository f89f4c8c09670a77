/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With the processor's AES instructions (constant time: no table is looked up). One block takes ten
 * rounds of which each waits for the one before, and the processor can have several blocks under way:
 * so three blocks of key stream are encrypted beside a block of the authentication's chain. */
#include <string.h>

#include "meters/ccm.h"

#define BLOCK 16u
#define ROUNDS 10u
#define STREAM 3u /* Blocks of key stream that are made at a time. */
#define AESNI __attribute__((target("aes,sse4.1")))

typedef long long v2 __attribute__((vector_size(16)));
typedef int v4 __attribute__((vector_size(16)));

/* ---- is it there? ------------------------------------------------------------------------------------ */

/* CPUID may cost a microsecond on a virtual machine, so it is asked once; threads that ask at the same
 * time find the same answer. */
static bool has_aes(void)
{
    enum { UNKNOWN, NO, YES };
    static int known;
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == UNKNOWN) {
        unsigned a = 1;
        unsigned b = 0;
        unsigned c = 0;
        unsigned d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        const unsigned needed = 1u << 25 | 1u << 19; /* AES, SSE4.1 */
        answer = (c & needed) == needed ? YES : NO;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == YES;
}

/* ---- the cipher (FIPS 197) --------------------------------------------------------------------------- */

static inline v2 load(const uint8_t *bytes)
{
    v2 value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* The last bytes of a text, with zeros after them. */
static inline v2 load_part(const uint8_t *bytes, size_t len)
{
    uint8_t block[BLOCK] = {0};
    memcpy(block, bytes, len);
    return load(block);
}

/* One step of the key expansion (5.2): g(last word) added to the words' running sum. */
AESNI static inline v2 next_key(v2 key, v2 assisted)
{
    const v4 zero = {0, 0, 0, 0};
    v4 words = (v4)key;
    words ^= __builtin_shufflevector(words, zero, 4, 0, 1, 2);
    words ^= __builtin_shufflevector(words, zero, 4, 4, 0, 1);
    words ^= __builtin_shufflevector((v4)assisted, zero, 3, 3, 3, 3);
    return (v2)words;
}

AESNI static void expand(v2 keys[ROUNDS + 1u], const uint8_t *key)
{
    keys[0] = load(key);
    keys[1] = next_key(keys[0], __builtin_ia32_aeskeygenassist128(keys[0], 0x01));
    keys[2] = next_key(keys[1], __builtin_ia32_aeskeygenassist128(keys[1], 0x02));
    keys[3] = next_key(keys[2], __builtin_ia32_aeskeygenassist128(keys[2], 0x04));
    keys[4] = next_key(keys[3], __builtin_ia32_aeskeygenassist128(keys[3], 0x08));
    keys[5] = next_key(keys[4], __builtin_ia32_aeskeygenassist128(keys[4], 0x10));
    keys[6] = next_key(keys[5], __builtin_ia32_aeskeygenassist128(keys[5], 0x20));
    keys[7] = next_key(keys[6], __builtin_ia32_aeskeygenassist128(keys[6], 0x40));
    keys[8] = next_key(keys[7], __builtin_ia32_aeskeygenassist128(keys[7], 0x80));
    keys[9] = next_key(keys[8], __builtin_ia32_aeskeygenassist128(keys[8], 0x1b));
    keys[10] = next_key(keys[9], __builtin_ia32_aeskeygenassist128(keys[9], 0x36));
}

AESNI static inline v2 encrypt(const v2 *keys, v2 block)
{
    block ^= keys[0];
    for (unsigned r = 1; r < ROUNDS; r++) {
        block = __builtin_ia32_aesenc128(block, keys[r]);
    }
    return __builtin_ia32_aesenclast128(block, keys[ROUNDS]);
}

/* ---- CCM (RFC 3610) ------------------------------------------------------------------------------------ */

struct state {
    v2 keys[ROUNDS + 1u];
    v2 mac;            /* The chain after the last block that went into it. */
    v2 stream[STREAM]; /* Encrypted counters; counter_next is the first after them. */
    uint8_t counter[BLOCK];
    unsigned counter_next, used;
};

/* Encrypt the chain's block and the next three counters at once (2.3: flags L - 1, nonce, counter). */
AESNI static inline void encrypt_with_stream(struct state *s, v2 chain)
{
    v2 blocks[STREAM];
    for (unsigned i = 0; i < STREAM; i++) {
        s->counter[14] = (uint8_t)(s->counter_next >> 8);
        s->counter[15] = (uint8_t)s->counter_next++;
        blocks[i] = load(s->counter) ^ s->keys[0];
    }
    chain ^= s->keys[0];
    for (unsigned r = 1; r < ROUNDS; r++) {
        v2 key = s->keys[r];
        chain = __builtin_ia32_aesenc128(chain, key);
        for (unsigned i = 0; i < STREAM; i++) {
            blocks[i] = __builtin_ia32_aesenc128(blocks[i], key);
        }
    }
    s->mac = __builtin_ia32_aesenclast128(chain, s->keys[ROUNDS]);
    for (unsigned i = 0; i < STREAM; i++) {
        s->stream[i] = __builtin_ia32_aesenclast128(blocks[i], s->keys[ROUNDS]);
    }
    s->used = 0;
}

/* One block into the chain; the key stream comes with it when there is none left. */
AESNI static inline void chain_block(struct state *s, v2 block)
{
    if (s->used == STREAM) {
        encrypt_with_stream(s, s->mac ^ block);
    } else {
        s->mac = encrypt(s->keys, s->mac ^ block);
    }
}

/* 2.2: the first block (flags: there is AAD, M = 8, L = 2), then the AAD behind its length of two bytes.
 * Returns the block that encrypts the tag. */
AESNI static v2 begin(struct state *s, const struct mt_ccm *ccm, size_t len)
{
    uint8_t block[BLOCK];
    expand(s->keys, ccm->key);
    s->counter[0] = 0x01;
    memcpy(s->counter + 1, ccm->nonce, MT_CCM_NONCE_BYTES);
    s->counter_next = 0;
    block[0] = 0x40 | (MT_CCM_TAG_BYTES - 2u) / 2u << 3 | 0x01;
    memcpy(block + 1, ccm->nonce, MT_CCM_NONCE_BYTES);
    block[14] = (uint8_t)(len >> 8);
    block[15] = (uint8_t)len;
    encrypt_with_stream(s, load(block));
    v2 tag_mask = s->stream[s->used++];
    size_t first = ccm->aad_len < BLOCK - 2u ? ccm->aad_len : BLOCK - 2u;
    memset(block, 0, sizeof(block));
    block[0] = (uint8_t)(ccm->aad_len >> 8);
    block[1] = (uint8_t)ccm->aad_len;
    memcpy(block + 2, ccm->aad, first);
    chain_block(s, load(block));
    size_t at = first;
    for (; ccm->aad_len - at >= BLOCK; at += BLOCK) {
        chain_block(s, load(ccm->aad + at));
    }
    if (at < ccm->aad_len) {
        chain_block(s, load_part(ccm->aad + at, ccm->aad_len - at));
    }
    return tag_mask;
}

/* One block of text, or its last part. The stream's block is used up before the chain may replace it. */
AESNI static inline void take(struct state *s, uint8_t *out, const uint8_t *in, size_t len,
                              bool opens)
{
    if (s->used == STREAM) {
        /* Only after a chain of which no block made it: the chain itself goes on as it was. */
        v2 mac = s->mac;
        encrypt_with_stream(s, mac);
        s->mac = mac;
    }
    v2 text = load_part(in, len);
    v2 mixed = text ^ s->stream[s->used++];
    uint8_t bytes[BLOCK];
    memcpy(bytes, &mixed, sizeof(bytes));
    memcpy(out, bytes, len);
    chain_block(s, opens ? load_part(bytes, len) : text);
}

AESNI static v2 run(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in, size_t len,
                    bool opens)
{
    struct state s;
    MT_CHECK(len <= MT_CCM_TEXT_BYTES_MAX);
    MT_CHECK(ccm->aad_len >= 1 && ccm->aad_len <= MT_CCM_AAD_BYTES_MAX);
    v2 tag_mask = begin(&s, ccm, len);
    size_t at = 0;
    for (; len - at >= BLOCK; at += BLOCK) {
        take(&s, out + at, in + at, BLOCK, opens);
    }
    if (at < len) {
        take(&s, out + at, in + at, len - at, opens);
    }
    v2 tag = s.mac ^ tag_mask;
    mt_key_wipe(&s, sizeof(s)); /* The tag's mask is the key stream's, too. */
    return tag;
}

bool mt_ccm_seal(uint8_t *out, uint8_t tag[MT_CCM_TAG_BYTES], const struct mt_ccm *ccm,
                 const uint8_t *in, size_t len)
{
    if (!has_aes()) {
        return mt_ccm_portable_seal(out, tag, ccm, in, len);
    }
    v2 whole = run(out, ccm, in, len, false);
    memcpy(tag, &whole, MT_CCM_TAG_BYTES);
    return true;
}

bool mt_ccm_open(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in, size_t len,
                 const uint8_t tag[MT_CCM_TAG_BYTES])
{
    if (!has_aes()) {
        return mt_ccm_portable_open(out, ccm, in, len, tag);
    }
    v2 whole = run(out, ccm, in, len, true);
    uint64_t ours = 0;
    uint64_t theirs = 0;
    memcpy(&ours, &whole, sizeof(ours));
    memcpy(&theirs, tag, sizeof(theirs));
    if ((ours ^ theirs) == 0) { /* One comparison of all eight bytes. */
        return true;
    }
    if (len > 0) {
        memset(out, 0, len);
    }
    return false;
}
