/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meters/wolfcrypt.h"

#include <wolfssl/wolfcrypt/aes.h>

#include <string.h>

#include "meters/ccm.h"

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

bool mt_ccm_portable_seal(uint8_t *out, uint8_t tag[MT_CCM_TAG_BYTES], const struct mt_ccm *ccm,
                          const uint8_t *in, size_t len)
{
    MT_CHECK(len <= MT_CCM_TEXT_BYTES_MAX);
    Aes aes;
    int result = cipher_init(&aes, ccm->key);
    if (result == 0) {
        result = wc_AesCcmEncrypt(&aes, out, in, (word32)len, ccm->nonce, MT_CCM_NONCE_BYTES, tag,
                                  MT_CCM_TAG_BYTES, ccm->aad, (word32)ccm->aad_len);
    }
    cipher_deinit(&aes);
    return result == 0;
}

bool mt_ccm_portable_open(uint8_t *out, const struct mt_ccm *ccm, const uint8_t *in, size_t len,
                          const uint8_t tag[MT_CCM_TAG_BYTES])
{
    MT_CHECK(len <= MT_CCM_TEXT_BYTES_MAX);
    Aes aes;
    int result = cipher_init(&aes, ccm->key);
    if (result == 0) {
        result = wc_AesCcmDecrypt(&aes, out, in, (word32)len, ccm->nonce, MT_CCM_NONCE_BYTES, tag,
                                  MT_CCM_TAG_BYTES, ccm->aad, (word32)ccm->aad_len);
    }
    cipher_deinit(&aes);
    if (result != 0 && len > 0) {
        memset(out, 0, len);
    }
    return result == 0;
}
