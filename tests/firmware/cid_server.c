/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A DTLS 1.3 server for one meter behind a router that translates addresses (wolfSSL's server; the gateway's own
 * speaks 1.2). It answers every CoAP request with 2.04, and follows the meter to another address only after a
 * record from there verified (RFC 9146, 6).
 *
 *      cid_server PORT KEY       KEY: 32 hexadecimal digits
 *
 *  Prints "up" after the handshake, "post N" for each request, "moved N" when it follows, and "stranger N" for a
 *  datagram of another address that did not verify. Ends with its input.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meters/check.h"
#include "tests/support/dtls_peer.h"

#define COAP_HEADER_BYTES 4u
#define TOKEN_BYTES_MAX 8u

static struct {
    int fd;
    struct dtls_peer peer;
    struct sockaddr_in meter; /* where answers go */
    bool known;
    unsigned posts;
    unsigned moves;
    unsigned strangers;
} s;

static void read_key(uint8_t key[16], const char *text)
{
    for (size_t i = 0; i < 16; i++) {
        unsigned value = 0;
        if (strlen(text) != 32 || sscanf(text + 2 * i, "%2x", &value) != 1) {
            fprintf(stderr, "cid_server: the key is not 32 hexadecimal digits\n");
            exit(64);
        }
        key[i] = (uint8_t)value;
    }
}

static void send_waiting(const struct sockaddr_in *to)
{
    for (size_t i = 0; i < s.peer.count; i++) {
        (void)sendto(s.fd, s.peer.out[i].bytes, s.peer.out[i].len, 0, (const struct sockaddr *)to,
                     sizeof(*to)); /* lost is lost */
    }
    s.peer.count = 0;
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* The content verified: so whoever sent it is the meter, wherever it is now. */
static void answer(const uint8_t *content, size_t len, const struct sockaddr_in *from)
{
    uint8_t reply[COAP_HEADER_BYTES + TOKEN_BYTES_MAX];
    size_t token_len = content[0] & 15u;
    if (!same_address(from, &s.meter)) {
        s.meter = *from;
        printf("moved %u\n", ++s.moves);
    }
    if (len < COAP_HEADER_BYTES || token_len > TOKEN_BYTES_MAX ||
        len < COAP_HEADER_BYTES + token_len || (content[0] & 0x30u) != 0) {
        return; /* nothing that asks for an answer */
    }
    reply[0] = (uint8_t)(0x60u | token_len);
    reply[1] = 0x44; /* 2.04 */
    memcpy(reply + 2, content + 2, 2 + token_len);
    if (dtls_peer_send(&s.peer, reply, COAP_HEADER_BYTES + token_len)) {
        printf("post %u\n", ++s.posts);
    }
}

static void take(void)
{
    uint8_t bytes[DTLS_PEER_BYTES];
    uint8_t content[DTLS_PEER_BYTES];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len = recvfrom(s.fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len);
    if (len <= 0) {
        return;
    }
    bool was_up = s.peer.up;
    size_t got = dtls_peer_take(&s.peer, bytes, (size_t)len, content, sizeof(content));
    if (!was_up) {
        s.meter = from;
        s.known = true;
        if (s.peer.up) {
            printf("up\n");
        }
    }
    if (got > 0) {
        answer(content, got, &from);
    } else if (was_up && !same_address(&from, &s.meter)) {
        printf("stranger %u\n", ++s.strangers);
    }
    send_waiting(&s.meter);
}

int main(int argc, char **argv)
{
    uint8_t key[16];
    if (argc != 3) {
        fprintf(stderr, "usage: cid_server PORT KEY\n");
        return 64;
    }
    read_key(key, argv[2]);
    dtls_peer_open(&s.peer, key, NULL, true);
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s.fd < 0 || bind(s.fd, (const struct sockaddr *)&here, sizeof(here)) != 0) {
        perror("cid_server");
        return 66;
    }
    printf("ready\n");
    for (;;) {
        struct pollfd waits[] = {{.fd = s.fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        (void)fflush(stdout); /* nobody reads: then nobody does */
        (void)poll(waits, 2, -1);
        if (waits[0].revents != 0) {
            take();
        }
        if (waits[1].revents != 0) {
            dtls_peer_close(&s.peer);
            return 0;
        }
    }
}
