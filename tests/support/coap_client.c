/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A small CoAP client over DTLS with a pre-shared key; see the header. */
#define _GNU_SOURCE /* SO_RCVBUFFORCE */

#include "tests/support/coap_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* Option numbers of RFC 7252, 5.10; RFC 7641, 2; RFC 7959, 2.1. */
enum {
    OPTION_OBSERVE = 6,
    OPTION_URI_PATH = 11,
    OPTION_CONTENT_FORMAT = 12,
    OPTION_MAX_AGE = 14,
    OPTION_URI_QUERY = 15,
    OPTION_BLOCK1 = 27,
};

struct coap_client {
    int fd;
    SSL *ssl; /* NULL: plain UDP */
    uint16_t next_mid;
    uint32_t next_token;
    int timeout_ms;
    char identity[64];
    uint8_t key[32];
    size_t key_len;
};

static SSL_CTX *shared_context;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned give_key(SSL *ssl, const char *hint, char *identity, unsigned identity_max,
                         unsigned char *key, unsigned key_max)
{
    (void)hint;
    const struct coap_client *client = SSL_get_app_data(ssl);
    if (client == NULL || strlen(client->identity) >= identity_max || client->key_len > key_max) {
        return 0;
    }
    memcpy(identity, client->identity, strlen(client->identity) + 1);
    memcpy(key, client->key, client->key_len);
    return (unsigned)client->key_len;
}

static SSL_CTX *context_get(void)
{
    if (shared_context == NULL) {
        shared_context = SSL_CTX_new(DTLS_client_method());
        if (shared_context == NULL) {
            return NULL;
        }
        SSL_CTX_set_min_proto_version(shared_context, DTLS1_2_VERSION);
        SSL_CTX_set_psk_client_callback(shared_context, give_key);
        SSL_CTX_set_mode(shared_context, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(shared_context, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(shared_context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
    }
    return shared_context;
}

static bool address_parse(struct sockaddr_storage *out, socklen_t *out_len, const char *host,
                          uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *out_len = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *out_len = sizeof *v6;
        return true;
    }
    return false;
}

static int socket_open(const struct coap_client_config *config)
{
    struct sockaddr_storage to;
    socklen_t to_len = 0;
    if (!address_parse(&to, &to_len, config->host, config->port)) {
        return -1;
    }
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int size = 4 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size); /* as root; for benches */
    if (config->source_port != 0) {
        struct sockaddr_storage from;
        socklen_t from_len = 0;
        const int one = 1;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (!address_parse(&from, &from_len, config->host, config->source_port) ||
            bind(fd, (struct sockaddr *)&from, from_len) != 0) {
            close(fd);
            return -1;
        }
    }
    if (connect(fd, (struct sockaddr *)&to, to_len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool tls_begin(struct coap_client *client, const struct coap_client_config *config)
{
    SSL_CTX *context = context_get();
    BIO *bio = BIO_new_dgram(client->fd, BIO_NOCLOSE);
    client->ssl = context == NULL ? NULL : SSL_new(context);
    if (client->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    struct sockaddr_storage to;
    socklen_t to_len = 0;
    (void)address_parse(&to, &to_len, config->host, config->port);
    (void)BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &to);
    SSL_set_bio(client->ssl, bio, bio);
    SSL_set_app_data(client->ssl, client);
    SSL_set_mtu(client->ssl, 1280);
    const char *ciphers = config->ciphers;
    if (ciphers == NULL) {
        ciphers = "PSK-AES128-GCM-SHA256:PSK-AES128-CCM8:@SECLEVEL=0";
    }
    SSL_set_connect_state(client->ssl);
    return SSL_set_cipher_list(client->ssl, ciphers) == 1;
}

struct coap_client *coap_client_begin(const struct coap_client_config *config)
{
    struct coap_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->fd = socket_open(config);
    client->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 5000;
    client->next_mid = 1;
    client->next_token = 1;
    if (client->fd < 0) {
        free(client);
        return NULL;
    }
    if (config->plain) {
        return client;
    }
    if (strlen(config->identity) < sizeof client->identity &&
        config->key_len <= sizeof client->key) {
        memcpy(client->identity, config->identity, strlen(config->identity) + 1);
        memcpy(client->key, config->key, config->key_len);
        client->key_len = config->key_len;
        if (tls_begin(client, config)) {
            return client;
        }
    }
    coap_client_abandon(client);
    return NULL;
}

int coap_client_handshake(struct coap_client *client)
{
    if (client->ssl == NULL) {
        return 1;
    }
    ERR_clear_error();
    (void)DTLSv1_handle_timeout(client->ssl);
    int got = SSL_do_handshake(client->ssl);
    if (got == 1) {
        return 1;
    }
    int why = SSL_get_error(client->ssl, got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

struct coap_client *coap_client_open(const struct coap_client_config *config)
{
    struct coap_client *client = coap_client_begin(config);
    if (client == NULL) {
        return NULL;
    }
    int64_t until_ms = now_ms() + client->timeout_ms;
    int state;
    while ((state = coap_client_handshake(client)) == 0 && now_ms() < until_ms) {
        struct pollfd p = {.fd = client->fd, .events = POLLIN};
        (void)poll(&p, 1, 50); /* short, so that DTLS timers run */
    }
    if (state != 1) {
        coap_client_abandon(client);
        return NULL;
    }
    return client;
}

void coap_client_abandon(struct coap_client *client)
{
    if (client != NULL) {
        SSL_free(client->ssl);
        (void)close(client->fd);
        free(client);
    }
}

void coap_client_close(struct coap_client *client)
{
    if (client != NULL && client->ssl != NULL) {
        (void)SSL_shutdown(client->ssl);
    }
    coap_client_abandon(client);
}

int coap_client_fd(const struct coap_client *client)
{
    return client->fd;
}

uint16_t coap_client_source_port(const struct coap_client *client)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    if (getsockname(client->fd, (struct sockaddr *)&from, &len) != 0) {
        return 0;
    }
    return from.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&from)->sin_port)
                                     : ntohs(((struct sockaddr_in6 *)&from)->sin6_port);
}

/* ---- encoding --------------------------------------------------------------------------------- */

struct writer {
    uint8_t *out;
    size_t len, max;
    uint16_t option; /* the last one's number */
    bool full;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    if (len > w->max - w->len) {
        w->full = true;
        return;
    }
    if (len > 0) {
        memcpy(w->out + w->len, bytes, len);
        w->len += len;
    }
}

/* RFC 7252, 3.1: delta and length as nibbles, 13 and 14 with more bytes behind. */
static void put_option(struct writer *w, uint16_t number, const void *value, size_t len)
{
    uint8_t head[5];
    size_t n = 1;
    const size_t parts[2] = {(size_t)(number - w->option), len};
    head[0] = 0;
    for (int i = 0; i < 2; i++) {
        unsigned shift = i == 0 ? 4 : 0;
        if (parts[i] < 13) {
            head[0] |= (uint8_t)(parts[i] << shift);
        } else if (parts[i] < 269) {
            head[0] |= (uint8_t)(13u << shift);
            head[n++] = (uint8_t)(parts[i] - 13);
        } else {
            head[0] |= (uint8_t)(14u << shift);
            head[n++] = (uint8_t)((parts[i] - 269) >> 8);
            head[n++] = (uint8_t)(parts[i] - 269);
        }
    }
    w->option = number;
    put(w, head, n);
    put(w, value, len);
}

static void put_uint_option(struct writer *w, uint16_t number, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    size_t skip = 0;
    while (skip < 4 && bytes[skip] == 0) {
        skip++;
    }
    put_option(w, number, bytes + skip, 4 - skip);
}

static void put_path(struct writer *w, const char *path)
{
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        put_option(w, OPTION_URI_PATH, path, len);
        path += len + (path[len] == '/');
    }
}

size_t coap_request_encode(uint8_t *out, size_t max, const struct coap_request *request,
                           uint32_t token)
{
    struct writer w = {.out = out, .max = max};
    const uint8_t head[8] = {(uint8_t)(0x40 | (request->type << 4) | 4),
                             request->code,
                             (uint8_t)(request->mid >> 8),
                             (uint8_t)request->mid,
                             (uint8_t)(token >> 24),
                             (uint8_t)(token >> 16),
                             (uint8_t)(token >> 8),
                             (uint8_t)token};
    put(&w, head, sizeof head);
    if (request->observe >= 0) {
        put_uint_option(&w, OPTION_OBSERVE, (uint32_t)request->observe);
    }
    put_path(&w, request->path);
    if (request->format != COAP_NO_FORMAT) {
        put_uint_option(&w, OPTION_CONTENT_FORMAT, request->format);
    }
    if (request->query != NULL) {
        put_option(&w, OPTION_URI_QUERY, request->query, strlen(request->query));
    }
    if (request->block_number >= 0) {
        put_uint_option(&w, OPTION_BLOCK1,
                        (uint32_t)request->block_number << 4 | (request->block_more ? 8u : 0u) |
                            request->block_szx);
    }
    if (request->payload_len > 0) {
        put(&w, "\xFF", 1);
        put(&w, request->payload, request->payload_len);
    }
    return w.full ? 0 : w.len;
}

/* ---- decoding --------------------------------------------------------------------------------- */

static bool extend(const uint8_t *bytes, size_t len, size_t *at, size_t *value)
{
    if (*value == 13 && *at < len) {
        *value = 13u + bytes[(*at)++];
    } else if (*value == 14 && len - *at >= 2) {
        *value = 269u + ((size_t)bytes[*at] << 8) + bytes[*at + 1];
        *at += 2;
    } else if (*value >= 13) {
        return false;
    }
    return true;
}

static void option_take(struct coap_answer *answer, size_t number, const uint8_t *bytes, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len && i < 4; i++) {
        value = value << 8 | bytes[i];
    }
    if (number == OPTION_CONTENT_FORMAT) {
        answer->format = (uint16_t)value;
    } else if (number == OPTION_OBSERVE) {
        answer->observe = (int)value;
    } else if (number == OPTION_MAX_AGE) {
        answer->max_age = (int)value;
    } else if (number == OPTION_BLOCK1) {
        answer->block1 = (int)value;
    }
}

static bool answer_decode(struct coap_answer *answer, const uint8_t *bytes, size_t len)
{
    memset(answer, 0, offsetof(struct coap_answer, payload));
    answer->format = COAP_NO_FORMAT;
    answer->observe = answer->max_age = answer->block1 = -1;
    answer->payload[0] = 0;
    if (len < 4 || bytes[0] >> 6 != 1 || (bytes[0] & 15) > 8 || len - 4 < (size_t)(bytes[0] & 15)) {
        return false;
    }
    answer->type = (bytes[0] >> 4) & 3;
    answer->token_len = bytes[0] & 15;
    answer->code = bytes[1];
    answer->mid = (uint16_t)(bytes[2] << 8 | bytes[3]);
    memcpy(answer->token, bytes + 4, answer->token_len);
    size_t at = 4 + (size_t)answer->token_len;
    size_t number = 0;
    while (at < len && bytes[at] != 0xFF) {
        size_t delta = bytes[at] >> 4;
        size_t size = bytes[at] & 15;
        at++;
        if (!extend(bytes, len, &at, &delta) || !extend(bytes, len, &at, &size) ||
            size > len - at) {
            return false;
        }
        number += delta;
        option_take(answer, number, bytes + at, size);
        at += size;
    }
    if (at < len) {
        at++;
        answer->payload_len = len - at;
        memcpy(answer->payload, bytes + at, answer->payload_len);
        answer->payload[answer->payload_len] = 0;
    }
    return true;
}

/* ---- sending and receiving -------------------------------------------------------------------- */

bool coap_client_send_bytes(struct coap_client *client, const uint8_t *bytes, size_t len)
{
    if (client->ssl == NULL) {
        return send(client->fd, bytes, len, 0) == (ssize_t)len;
    }
    ERR_clear_error();
    return SSL_write(client->ssl, bytes, (int)len) == (int)len;
}

int coap_client_send(struct coap_client *client, const struct coap_request *request)
{
    uint8_t bytes[COAP_CLIENT_BYTES_MAX];
    struct coap_request copy = *request;
    if (copy.mid == 0) {
        copy.mid = client->next_mid;
        client->next_mid = client->next_mid == UINT16_MAX ? 1 : (uint16_t)(client->next_mid + 1);
    }
    size_t len = coap_request_encode(bytes, sizeof bytes, &copy, client->next_token++);
    if (len == 0 || !coap_client_send_bytes(client, bytes, len)) {
        return -1;
    }
    return copy.mid;
}

bool coap_client_acknowledge(struct coap_client *client, uint16_t mid)
{
    const uint8_t bytes[4] = {0x60, 0, (uint8_t)(mid >> 8), (uint8_t)mid};
    return coap_client_send_bytes(client, bytes, sizeof bytes);
}

int coap_client_poll(struct coap_client *client, struct coap_answer *answer)
{
    uint8_t bytes[COAP_CLIENT_BYTES_MAX];
    if (client->ssl == NULL) {
        ssize_t got = recv(client->fd, bytes, sizeof bytes, 0);
        return got > 0 && answer_decode(answer, bytes, (size_t)got) ? 1 : 0;
    }
    ERR_clear_error();
    int got = SSL_read(client->ssl, bytes, sizeof bytes);
    if (got > 0) {
        return answer_decode(answer, bytes, (size_t)got) ? 1 : 0;
    }
    int why = SSL_get_error(client->ssl, got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

bool coap_client_receive(struct coap_client *client, struct coap_answer *answer, int timeout_ms)
{
    int64_t until_ms = now_ms() + timeout_ms;
    for (;;) {
        int got = coap_client_poll(client, answer);
        if (got != 0) {
            return got > 0;
        }
        int64_t left_ms = until_ms - now_ms();
        if (left_ms <= 0) {
            return false;
        }
        struct pollfd p = {.fd = client->fd, .events = POLLIN};
        (void)poll(&p, 1, (int)left_ms);
    }
}

bool coap_client_ask(struct coap_client *client, struct coap_answer *answer,
                     const struct coap_request *request)
{
    uint32_t token = client->next_token;
    const uint8_t expected[4] = {(uint8_t)(token >> 24), (uint8_t)(token >> 16),
                                 (uint8_t)(token >> 8), (uint8_t)token};
    if (coap_client_send(client, request) < 0) {
        return false;
    }
    int64_t until_ms = now_ms() + client->timeout_ms;
    while (now_ms() < until_ms && coap_client_receive(client, answer, (int)(until_ms - now_ms()))) {
        if (answer->code == 0 && answer->type == COAP_RST) {
            return true;
        }
        if (answer->type == COAP_CON) {
            (void)coap_client_acknowledge(client, answer->mid);
        }
        if (answer->token_len == 4 && memcmp(answer->token, expected, 4) == 0) {
            return true;
        }
    }
    return false;
}

bool coap_client_post(struct coap_client *client, struct coap_answer *answer, const char *path,
                      uint16_t format, const void *payload, size_t payload_len)
{
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .path = path,
                                         .format = format,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = payload,
                                         .payload_len = payload_len};
    return coap_client_ask(client, answer, &request);
}
