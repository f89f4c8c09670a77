/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A DTLS server in memory, for tests of the meter's end: wolfSSL's server, one session, no sockets. */
#ifndef TESTS_SUPPORT_DTLS_PEER_H
#define TESTS_SUPPORT_DTLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_PEER_QUEUE 16u
#define DTLS_PEER_BYTES 1600u

struct dtls_datagram {
    size_t len;
    uint8_t bytes[DTLS_PEER_BYTES];
};

struct dtls_peer {
    bool version_13;
    bool up;
    void *context;
    void *ssl;
    uint8_t key[16];
    const struct dtls_datagram *in; /* what wolfSSL may take now */
    size_t count;                   /* of what it sent */
    struct dtls_datagram out[DTLS_PEER_QUEUE];
};

/** Start with a key and a cipher list of wolfSSL's, NULL: its own; with 1.3 also a connection ID. */
void dtls_peer_open(struct dtls_peer *peer, const uint8_t key[16], const char *ciphers,
                    bool version_13);
void dtls_peer_close(struct dtls_peer *peer);
/** Forget the session, as a gateway that was restarted. */
void dtls_peer_forget(struct dtls_peer *peer);
/** Take one datagram. Returns bytes of content put into out; 0: none. Answers are in peer->out. */
size_t dtls_peer_take(struct dtls_peer *peer, const uint8_t *bytes, size_t len, uint8_t *out,
                      size_t max);
/** Protect a message: it is then the last one of peer->out. */
bool dtls_peer_send(struct dtls_peer *peer, const void *bytes, size_t len);
/** Say goodbye: an authentic alert in peer->out. */
void dtls_peer_bye(struct dtls_peer *peer);
/** The connection ID that the meter is to use; 0: none was agreed on. */
size_t dtls_peer_cid(struct dtls_peer *peer, uint8_t *out, size_t max);

#endif
