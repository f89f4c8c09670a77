/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DTLS 1.2 with a pre-shared key: RFC 6347, RFC 4279, RFC 6655. */
#include "meters/wolfcrypt.h"

#include "firmware/link/dtls_version.h"

#define PSK_AES_128_CCM_8 0xC0A8 /* TLS_PSK_WITH_AES_128_CCM_8 */

/* style: callback of wolfSSL */
static unsigned int give_key(WOLFSSL *ssl, const char *hint, char *identity,
                             unsigned int identity_max, unsigned char *key, unsigned int key_max)
{
    (void)hint;
    return fw_dtls_answer_key(ssl, identity, identity_max, key, key_max);
}

static bool prepare_context(WOLFSSL_CTX *context)
{
    wolfSSL_CTX_set_psk_client_callback(context, give_key);
    return true;
}

static bool prepare(WOLFSSL *ssl)
{
    (void)ssl;
    return true;
}

/* RFC 6655, 3 and 4: an explicit nonce of 8 bytes, and a tag of 8 or 16. */
static size_t sealed_min(WOLFSSL *ssl)
{
    return wolfSSL_get_current_cipher_suite(ssl) == PSK_AES_128_CCM_8 ? 8 + 8 : 8 + 16;
}

const struct fw_dtls_version fw_dtls_12 = {
    .method = wolfDTLSv1_2_client_method,
    .ciphers = "PSK-AES128-CCM-8:PSK-AES128-CCM",
    .acknowledged = false,
    .prepare_context = prepare_context,
    .prepare = prepare,
    .sealed_min = sealed_min,
};
