/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DTLS server in memory. */
#include "meters/wolfcrypt.h"

#include <wolfssl/ssl.h>

#include <string.h>

#include "meters/check.h"
#include "tests/support/dtls_peer.h"

/* style: callback of wolfSSL */
static int peer_take(WOLFSSL *ssl, char *to, int max, void *self)
{
    struct dtls_peer *peer = self;
    (void)ssl;
    if (peer->in == NULL || peer->in->len > (size_t)max) {
        peer->in = NULL;
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(to, peer->in->bytes, peer->in->len);
    int len = (int)peer->in->len;
    peer->in = NULL;
    return len;
}

/* style: callback of wolfSSL */
static int peer_put(WOLFSSL *ssl, char *bytes, int len, void *self)
{
    struct dtls_peer *peer = self;
    (void)ssl;
    MT_CHECK(len > 0 && (size_t)len <= DTLS_PEER_BYTES);
    if (peer->count < DTLS_PEER_QUEUE) {
        memcpy(peer->out[peer->count].bytes, bytes, (size_t)len);
        peer->out[peer->count++].len = (size_t)len;
    }
    return len;
}

/* style: callback of wolfSSL */
static int make_cookie(WOLFSSL *ssl, unsigned char *cookie, int max, void *self)
{
    (void)ssl;
    (void)self;
    int len = max < 16 ? max : 16;
    memset(cookie, 0x5A, (size_t)len);
    return len;
}

/* style: callback of wolfSSL */
static unsigned int peer_key(WOLFSSL *ssl, const char *identity, unsigned char *key,
                             unsigned int key_max)
{
    const struct dtls_peer *peer = wolfSSL_GetIOReadCtx(ssl);
    (void)identity;
    MT_CHECK(key_max >= sizeof(peer->key));
    memcpy(key, peer->key, sizeof(peer->key));
    return sizeof(peer->key);
}

/* style: callback of wolfSSL */
static unsigned int peer_key_13(WOLFSSL *ssl, const char *identity, unsigned char *key,
                                unsigned int key_max, const char **cipher)
{
    *cipher = "TLS13-AES128-CCM-SHA256";
    return peer_key(ssl, identity, key, key_max);
}

static void session_make(struct dtls_peer *peer)
{
    static unsigned char cid[] = {0xC1, 0xD0}; /* as long as the host's wolfSSL has them */
    WOLFSSL *ssl = wolfSSL_new(peer->context);
    MT_CHECK(ssl != NULL);
    wolfSSL_SetIOReadCtx(ssl, peer);
    wolfSSL_SetIOWriteCtx(ssl, peer);
    wolfSSL_SetCookieCtx(ssl, peer);
    wolfSSL_dtls_set_using_nonblock(ssl, 1);
    if (peer->version_13) {
        MT_CHECK(wolfSSL_dtls_cid_use(ssl) == WOLFSSL_SUCCESS);
        MT_CHECK(wolfSSL_dtls_cid_set(ssl, cid, sizeof(cid)) == WOLFSSL_SUCCESS);
    }
    peer->ssl = ssl;
    peer->up = false;
    peer->in = NULL;
    peer->count = 0;
}

void dtls_peer_open(struct dtls_peer *peer, const uint8_t key[16], const char *ciphers,
                    bool version_13)
{
    memset(peer, 0, sizeof(*peer));
    memcpy(peer->key, key, sizeof(peer->key));
    peer->version_13 = version_13;
    MT_CHECK(wolfSSL_Init() == WOLFSSL_SUCCESS);
    WOLFSSL_CTX *context =
        wolfSSL_CTX_new(version_13 ? wolfDTLSv1_3_server_method() : wolfDTLSv1_2_server_method());
    MT_CHECK(context != NULL);
    wolfSSL_CTX_SetIORecv(context, peer_take);
    wolfSSL_CTX_SetIOSend(context, peer_put);
    wolfSSL_CTX_SetGenCookie(context, make_cookie);
    if (version_13) {
        wolfSSL_CTX_set_psk_server_tls13_callback(context, peer_key_13);
    } else {
        wolfSSL_CTX_set_psk_server_callback(context, peer_key);
    }
    if (ciphers != NULL) {
        MT_CHECK(wolfSSL_CTX_set_cipher_list(context, ciphers) == WOLFSSL_SUCCESS);
    }
    peer->context = context;
    session_make(peer);
}

void dtls_peer_forget(struct dtls_peer *peer)
{
    wolfSSL_free(peer->ssl);
    session_make(peer);
}

void dtls_peer_close(struct dtls_peer *peer)
{
    wolfSSL_free(peer->ssl);
    wolfSSL_CTX_free(peer->context);
    (void)wolfSSL_Cleanup(); /* counts users; nothing else can fail */
}

size_t dtls_peer_take(struct dtls_peer *peer, const uint8_t *bytes, size_t len, uint8_t *out,
                      size_t max)
{
    struct dtls_datagram datagram = {.len = len};
    MT_CHECK(len <= sizeof(datagram.bytes));
    memcpy(datagram.bytes, bytes, len);
    peer->in = &datagram;
    if (!peer->up) {
        peer->up = wolfSSL_accept(peer->ssl) == WOLFSSL_SUCCESS;
    }
    int got = peer->up ? wolfSSL_read(peer->ssl, out, (int)max) : 0;
    peer->in = NULL;
    return got > 0 ? (size_t)got : 0;
}

bool dtls_peer_send(struct dtls_peer *peer, const void *bytes, size_t len)
{
    return wolfSSL_write(peer->ssl, bytes, (int)len) == (int)len;
}

void dtls_peer_bye(struct dtls_peer *peer)
{
    (void)wolfSSL_shutdown(
        peer->ssl); /* the alert is in peer->out, or the test says that it is not */
}

size_t dtls_peer_cid(struct dtls_peer *peer, uint8_t *out, size_t max)
{
    unsigned int size = 0;
    if (wolfSSL_dtls_cid_get_rx_size(peer->ssl, &size) != WOLFSSL_SUCCESS || size > max ||
        wolfSSL_dtls_cid_get_rx(peer->ssl, out, (unsigned int)max) != WOLFSSL_SUCCESS) {
        return 0;
    }
    return size;
}
