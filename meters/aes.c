/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wolfCrypt's AES behind plain calls. It fails only for arguments that are checked here, so a
 * failure is a broken build and not a message to be refused. */
#include "meters/aes.h"

#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/cmac.h>

#include "meters/keys.h"

/* Only the key schedule is secret; the rest of the struct is several times as large. */
static void done(Aes *aes)
{
    mt_key_wipe(aes->key, sizeof(aes->key));
    wc_AesFree(aes);
}

static void start(Aes *aes, const uint8_t *key, const uint8_t *iv, int direction)
{
    MT_CHECK(key != NULL && iv != NULL);
    MT_CHECK(wc_AesInit(aes, NULL, INVALID_DEVID) == 0);
    MT_CHECK(wc_AesSetKey(aes, key, MT_AES_BLOCK, iv, direction) == 0);
}

void mt_aes_cbc_decrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                        const uint8_t iv[16])
{
    MT_CHECK(len % MT_AES_BLOCK == 0 && len <= UINT32_MAX);
    Aes aes;
    start(&aes, key, iv, AES_DECRYPTION);
    MT_CHECK(len == 0 || wc_AesCbcDecrypt(&aes, out, in, (word32)len) == 0);
    done(&aes);
}

void mt_aes_cbc_encrypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                        const uint8_t iv[16])
{
    MT_CHECK(len % MT_AES_BLOCK == 0 && len <= UINT32_MAX);
    Aes aes;
    start(&aes, key, iv, AES_ENCRYPTION);
    MT_CHECK(len == 0 || wc_AesCbcEncrypt(&aes, out, in, (word32)len) == 0);
    done(&aes);
}

void mt_aes_ctr(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[16],
                const uint8_t iv[16])
{
    MT_CHECK(len <= UINT32_MAX);
    Aes aes;
    start(&aes, key, iv, AES_ENCRYPTION);
    MT_CHECK(len == 0 || wc_AesCtrEncrypt(&aes, out, in, (word32)len) == 0);
    done(&aes);
}

void mt_aes_cmac(uint8_t mac[16], const uint8_t *bytes, size_t len, const uint8_t key[16])
{
    MT_CHECK(mac != NULL && key != NULL && len <= UINT32_MAX);
    word32 mac_len = MT_AES_BLOCK;
    MT_CHECK(wc_AesCmacGenerate(mac, &mac_len, bytes, (word32)len, key, MT_AES_BLOCK) == 0);
}

bool mt_mac_equal(const uint8_t *a, const uint8_t *b, size_t mac_len)
{
    MT_CHECK(a != NULL && b != NULL && mac_len >= 1 && mac_len <= MT_AES_BLOCK);
    uint8_t differ = 0;
    for (size_t i = 0; i < mac_len; i++) {
        differ |= (uint8_t)(a[i] ^ b[i]);
    }
    return differ == 0;
}

static void gcm_start(Aes *aes, const struct mt_gcm *gcm)
{
    MT_CHECK(gcm->key != NULL && gcm->iv != NULL && gcm->tag_len >= 4 && gcm->tag_len <= 16);
    MT_CHECK(gcm->aad != NULL || gcm->aad_len == 0);
    MT_CHECK(wc_AesInit(aes, NULL, INVALID_DEVID) == 0);
    MT_CHECK(wc_AesGcmSetKey(aes, gcm->key, MT_AES_BLOCK) == 0);
}

bool mt_aes_gcm_open(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *tag,
                     const struct mt_gcm *gcm)
{
    MT_CHECK(len <= UINT32_MAX && gcm->aad_len <= UINT32_MAX);
    Aes aes;
    gcm_start(&aes, gcm);
    int result = wc_AesGcmDecrypt(&aes, out, in, (word32)len, gcm->iv, MT_GCM_IV_BYTES, tag,
                                  (word32)gcm->tag_len, gcm->aad, (word32)gcm->aad_len);
    done(&aes);
    if (result != 0 && len > 0) {
        memset(out, 0, len);
    }
    return result == 0;
}

void mt_aes_gcm_seal(uint8_t *out, uint8_t *tag, const uint8_t *in, size_t len,
                     const struct mt_gcm *gcm)
{
    MT_CHECK(len <= UINT32_MAX && gcm->aad_len <= UINT32_MAX);
    Aes aes;
    gcm_start(&aes, gcm);
    MT_CHECK(wc_AesGcmEncrypt(&aes, out, in, (word32)len, gcm->iv, MT_GCM_IV_BYTES, tag,
                              (word32)gcm->tag_len, gcm->aad, (word32)gcm->aad_len) == 0);
    done(&aes);
}
