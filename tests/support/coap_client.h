/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A small CoAP client over DTLS with a pre-shared key (OpenSSL), or over plain UDP.
 *
 *  It shares no code with the gateway's side (libcoap, GnuTLS), so that a test of the two together
 *  tests both against the standards: RFC 7252 (message layout, sections 3 and 5.10), RFC 7959 (Block1)
 *  and RFC 7641 (Observe). For tests and benches only: it keeps one request in mind at a time unless
 *  the caller counts them itself.
 */
#ifndef TESTS_SUPPORT_COAP_CLIENT_H
#define TESTS_SUPPORT_COAP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COAP_CLIENT_BYTES_MAX 1400u
#define COAP_NO_FORMAT 0xFFFFu

enum { COAP_CON = 0, COAP_NON = 1, COAP_ACK = 2, COAP_RST = 3 };
#define COAP_CODE(class, detail) ((uint8_t)(((class) << 5) | (detail)))
#define COAP_GET COAP_CODE(0, 1)
#define COAP_POST COAP_CODE(0, 2)

struct coap_client_config {
    const char *host; /**< A literal address. */
    uint16_t port;
    uint16_t source_port; /**< 0: any. */
    bool plain;           /**< UDP without DTLS. */
    const char *identity;
    const uint8_t *key;
    size_t key_len;
    const char *ciphers; /**< OpenSSL's names; NULL: PSK with AES-128-GCM or AES-128-CCM-8. */
    int timeout_ms;      /**< For the handshake and for each answer. */
};

struct coap_client;

/** One request to send. */
struct coap_request {
    uint8_t type; /**< COAP_CON or COAP_NON. */
    uint8_t code;
    uint16_t mid;      /**< 0: the next one. */
    const char *path;  /**< Segments divided by '/', no leading one. */
    const char *query; /**< One query parameter, or NULL. */
    uint16_t format;   /**< Content-Format, or COAP_NO_FORMAT. */
    int observe;       /**< -1: none. */
    int block_number;  /**< -1: no Block1. */
    bool block_more;
    uint8_t block_szx; /**< 16 << szx bytes a block. */
    const uint8_t *payload;
    size_t payload_len;
};

/** One message that came. */
struct coap_answer {
    uint8_t type;
    uint8_t code;
    uint16_t mid;
    uint8_t token[8];
    uint8_t token_len;
    uint16_t format; /**< COAP_NO_FORMAT: none. */
    int observe;     /**< -1: none. */
    int max_age;     /**< Seconds; -1: none. */
    int block1;      /**< The option's raw value; -1: none. */
    size_t payload_len;
    uint8_t payload[COAP_CLIENT_BYTES_MAX + 1]; /**< NUL behind the last byte. */
};

/** Connect, with the whole handshake. Returns NULL when it fails or takes longer than the timeout. */
struct coap_client *coap_client_open(const struct coap_client_config *config);
/** Connect and begin the handshake without waiting; drive it with coap_client_handshake. */
struct coap_client *coap_client_begin(const struct coap_client_config *config);
/** Go on with the handshake. Returns 1 done, 0 not yet, -1 failed. */
int coap_client_handshake(struct coap_client *client);
/** Close, saying so to the server. */
void coap_client_close(struct coap_client *client);
/** Disappear without a word, as a meter that lost its power. */
void coap_client_abandon(struct coap_client *client);

int coap_client_fd(const struct coap_client *client);
uint16_t coap_client_source_port(const struct coap_client *client);

/** Send one request, or bytes as they are. Returns the message id, or -1. */
int coap_client_send(struct coap_client *client, const struct coap_request *request);
bool coap_client_send_bytes(struct coap_client *client, const uint8_t *bytes, size_t len);
/** Encode a request with a given message id and token of 4 bytes; returns its length, 0: too long. */
size_t coap_request_encode(uint8_t *out, size_t max, const struct coap_request *request,
                           uint32_t token);
/** Acknowledge a confirmable message. */
bool coap_client_acknowledge(struct coap_client *client, uint16_t mid);

/** Wait for the next message. Returns false after the timeout or when the session ended. */
bool coap_client_receive(struct coap_client *client, struct coap_answer *answer, int timeout_ms);
/** Take a message that is there already. Returns 1 a message, 0 none, -1 the session ended. */
int coap_client_poll(struct coap_client *client, struct coap_answer *answer);

/** Send, and wait for the answer of that request (an empty ACK before it is stepped over). A request
 *  is not retransmitted. Returns false when none came. */
bool coap_client_ask(struct coap_client *client, struct coap_answer *answer,
                     const struct coap_request *request);
/** POST in one message. */
bool coap_client_post(struct coap_client *client, struct coap_answer *answer, const char *path,
                      uint16_t format, const void *payload, size_t payload_len);

#endif
