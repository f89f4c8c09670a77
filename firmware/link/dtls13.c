/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DTLS 1.3 with a pre-shared key and a connection ID: RFC 9147, clause 9. The gateway finds the session by the
 * ID that it chose, so a router that gave the meter another address costs no handshake. The meter itself
 * has one session and one socket, and asks for no ID in what it receives. */
#include "meters/wolfcrypt.h"

#include "firmware/link/dtls_version.h"

/* style: callback of wolfSSL */
static unsigned int give_key(WOLFSSL *ssl, const char *hint, char *identity,
                             unsigned int identity_max, unsigned char *key, unsigned int key_max,
                             const char **cipher)
{
    (void)hint;
    *cipher = "TLS13-AES128-CCM-SHA256";
    return fw_dtls_answer_key(ssl, identity, identity_max, key, key_max);
}

static bool prepare_context(WOLFSSL_CTX *context)
{
    wolfSSL_CTX_set_psk_client_tls13_callback(context, give_key);
    return wolfSSL_CTX_no_dhe_psk(context) == 0;
}

static bool prepare(WOLFSSL *ssl)
{
    return wolfSSL_NoKeyShares(ssl) == WOLFSSL_SUCCESS &&
           wolfSSL_dtls_cid_use(ssl) == WOLFSSL_SUCCESS &&
           wolfSSL_dtls_cid_set(ssl, NULL, 0) == WOLFSSL_SUCCESS;
}

/* RFC 8446, 5.2: the type of the content and a tag of 16 bytes. */
static size_t sealed_min(WOLFSSL *ssl)
{
    (void)ssl;
    return 1 + 16;
}

const struct fw_dtls_version fw_dtls_13 = {
    .method = wolfDTLSv1_3_client_method,
    .ciphers = "TLS13-AES128-CCM-SHA256",
    .acknowledged = true,
    .prepare_context = prepare_context,
    .prepare = prepare,
    .sealed_min = sealed_min,
};
