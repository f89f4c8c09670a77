/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What differs between the versions of DTLS; for dtls*.c only. Include meters/wolfcrypt.h first. */
#ifndef FIRMWARE_LINK_DTLS_VERSION_H
#define FIRMWARE_LINK_DTLS_VERSION_H

#include "firmware/link/dtls.h"

#include <wolfssl/ssl.h>

struct fw_dtls_version {
    WOLFSSL_METHOD *(*method)(void);
    const char *ciphers;
    bool acknowledged; /**< The last flight is repeated until the gateway acknowledges it. */
    bool (*prepare_context)(WOLFSSL_CTX *context);
    bool (*prepare)(WOLFSSL *ssl);
    size_t (*sealed_min)(
        WOLFSSL *ssl); /**< Bytes that the content of a sealed record has at least. */
};

/** The body of both versions' key callbacks. Returns the key's length, 0 when something does not fit. */
unsigned int fw_dtls_answer_key(WOLFSSL *ssl, char *identity, unsigned int identity_max,
                                unsigned char *key, unsigned int key_max);

#endif
