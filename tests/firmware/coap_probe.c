/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's CoAP client and DTLS as a program, to try them on other people's servers.
 *
 *      coap_probe PORT IDENTITY KEY get PATH [OFFSET]     the body on standard output
 *      coap_probe PORT IDENTITY KEY post PATH BYTES       a body of so many bytes; prints the code
 *      coap_probe PORT IDENTITY KEY watch PATH COUNT      prints so many notifications
 *
 *  KEY: hexadecimal digits, 16 bytes; "-": no DTLS. Exit status: 0; 1 when nothing came, 2 when the answer is
 *  an error. On standard error: what happened.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "firmware/link/client.h"
#include "firmware/link/dtls.h"

#define SECONDS_MAX 100 /* RFC 7252, MAX_TRANSMIT_WAIT: 93 s */
#define BODY_MAX 65536u

static struct {
    int fd;
    bool plain;
    struct fw_dtls dtls;
    struct fw_coap_client coap;
    uint8_t body[BODY_MAX];
    uint8_t datagram[FW_DTLS_DATAGRAM_MAX];
    uint8_t content[FW_DTLS_DATAGRAM_MAX];
    unsigned wanted; /* notifications still to come; 0: the answer is all */
    unsigned parts;
} p;

static int64_t now_us(void)
{
    struct timespec now;
    MT_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum fw_status send_datagram(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    return send(p.fd, bytes, len, 0) == (ssize_t)len ? FW_OK : FW_IO;
}

static enum fw_status send_message(void *context, const uint8_t *bytes, size_t len)
{
    return p.plain ? send_datagram(context, bytes, len) : fw_dtls_send(&p.dtls, bytes, len);
}

static void write_body(const struct fw_coap_answer *answer)
{
    (void)fwrite(answer->payload, 1, answer->payload_len,
                 stdout); /* the reader sees what is missing */
}

/* Returns the exit status, or -1: more is to come. */
static int handle(enum fw_coap_event event, const struct fw_coap_answer *answer)
{
    switch (event) {
    case FW_COAP_NOTHING:
        return -1;
    case FW_COAP_PART:
        p.parts++;
        write_body(answer);
        return -1;
    case FW_COAP_FAILED:
        fprintf(stderr, "failed %d\n", answer->why);
        return 1;
    case FW_COAP_ANSWERED:
    case FW_COAP_NOTIFIED:
        break;
    }
    write_body(answer);
    fprintf(stderr, "code %u.%02u observing %d parts %u offset %u repeated %u\n", answer->code >> 5,
            answer->code & 31u, answer->observing, p.parts, answer->offset, p.coap.stats.repeated);
    if (answer->code >> 5 != 2) {
        return 2;
    }
    if (p.wanted > 0 && answer->observing) {
        printf("\n");
        p.wanted--;
        return p.wanted > 0 ? -1 : 0;
    }
    return p.wanted > 0 ? 2 : 0;
}

static int receive(void)
{
    struct fw_coap_answer answer;
    int status = -1;
    ssize_t len = recv(p.fd, p.datagram, sizeof(p.datagram), MSG_DONTWAIT);
    if (len < 0) {
        return -1;
    }
    if (p.plain) {
        return handle(fw_coap_datagram(&p.coap, &answer, p.datagram, (size_t)len, now_us()),
                      &answer);
    }
    size_t got;
    fw_dtls_take(&p.dtls, p.datagram, (size_t)len);
    while (status < 0 && (got = fw_dtls_read(&p.dtls, p.content, sizeof(p.content))) > 0) {
        status = handle(fw_coap_datagram(&p.coap, &answer, p.content, got, now_us()), &answer);
    }
    return status;
}

static int run(const struct fw_coap_request *request)
{
    bool asked = false;
    int64_t end_us = now_us() + SECONDS_MAX * 1000000ll;
    while (now_us() < end_us) {
        struct fw_coap_answer answer;
        if (!asked && (p.plain || p.dtls.state == FW_DTLS_UP)) {
            fw_coap_ask(&p.coap, request, now_us());
            asked = true;
        }
        if (!p.plain) {
            fw_dtls_step(&p.dtls, now_us());
            if (p.dtls.state == FW_DTLS_DOWN) {
                fprintf(stderr, "no session\n");
                return 1;
            }
        }
        int status = handle(fw_coap_step(&p.coap, &answer, now_us()), &answer);
        struct pollfd wait = {.fd = p.fd, .events = POLLIN};
        if (status < 0 && poll(&wait, 1, p.coap.phase == FW_COAP_READY ? 0 : 50) > 0) {
            status = receive();
        }
        if (status >= 0) {
            return status;
        }
    }
    fprintf(stderr, "too late\n");
    return 1;
}

static void open_socket(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    p.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p.fd < 0 || connect(p.fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        perror("coap_probe");
        exit(1);
    }
}

static void open_session(const char *identity, const char *key)
{
    struct fw_dtls_config config = {.version = &fw_dtls_12,
                                    .identity = identity,
                                    .udp = {.send = send_datagram},
                                    .flight_us = 1000000,
                                    .repeat_max = 3};
    for (size_t i = 0; i < sizeof(config.psk); i++) {
        unsigned value = 0;
        if (strlen(key) != 2 * sizeof(config.psk) || sscanf(key + 2 * i, "%2x", &value) != 1) {
            fprintf(stderr, "coap_probe: the key is not 32 hexadecimal digits\n");
            exit(64);
        }
        config.psk[i] = (uint8_t)value;
    }
    if (fw_dtls_init(&p.dtls, &config) != FW_OK || fw_dtls_begin(&p.dtls, 0, now_us()) != FW_OK) {
        exit(1);
    }
}

int main(int argc, char **argv)
{
    struct fw_coap_timing timing;
    const struct fw_udp udp = {.send = send_message};
    if (argc < 6 || argc > 7) {
        fprintf(stderr, "usage: coap_probe PORT IDENTITY KEY get|post|watch PATH [NUMBER]\n");
        return 64;
    }
    uint32_t number = argc == 7 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0;
    struct fw_coap_request request = {.code = FW_COAP_GET, .path = argv[5]};
    if (strcmp(argv[4], "post") == 0) {
        request.code = FW_COAP_POST;
        request.payload = p.body;
        request.payload_len = number < BODY_MAX ? number : BODY_MAX;
        memset(p.body, 'm', sizeof(p.body));
    } else if (strcmp(argv[4], "watch") == 0) {
        request.observe = true;
        p.wanted = number;
    } else {
        request.offset = number;
    }
    open_socket(argv[1]);
    p.plain = strcmp(argv[3], "-") == 0;
    if (!p.plain) {
        open_session(argv[2], argv[3]);
    }
    fw_coap_timing_default(&timing);
    fw_coap_client_init(&p.coap, &timing, &udp, (uint64_t)now_us());
    int status = run(&request);
    (void)fflush(stdout); /* nobody reads: then nobody does */
    if (!p.plain) {
        fw_dtls_deinit(&p.dtls);
    }
    (void)close(p.fd); /* nothing waits in it */
    return status;
}
