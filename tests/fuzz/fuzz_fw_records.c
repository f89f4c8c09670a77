/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any datagrams to a whole meter: while it is shaking hands, and in a session that stands. A stranger can spoil
 * a handshake, which the meter begins again; a session survives everything that does not verify, and the
 * gateway still gets through afterwards. */
#include <string.h>

#include "firmware/app/app.h"
#include "firmware/port/host/host.h"
#include "tests/support/dtls_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTORS 8u
#define ROUNDS_MAX 12u
#define DATAGRAMS_MAX 24u
#define NON_CONTENT_BYTES 4u

static struct {
    struct fw_app app;
    struct fw_host host;
    struct dtls_peer peer;
    size_t count;
    struct dtls_datagram up[DTLS_PEER_QUEUE];
    int64_t now_us;
    bool made;
} f;

static enum fw_status link_send(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len)
{
    return fw_app_link_send(owner, frame, bytes, len);
}

static enum fw_status send_up(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    MT_CHECK(len <= DTLS_PEER_BYTES);
    if (f.count < DTLS_PEER_QUEUE) {
        memcpy(f.up[f.count].bytes, bytes, len);
        f.up[f.count++].len = len;
    }
    return FW_OK;
}

static void make(void)
{
    const char *why;
    const struct fw_host_config board = {
        .sector_count = SECTORS, .sector_bytes = 4096, .owner = &f.app, .send = link_send};
    const struct fw_udp udp = {.send = send_up};
    struct fw_app_config config;
    uint8_t psk[MT_KEY_BYTES];
    fw_app_config_default(&config, MT_POWER);
    config.meter.identity =
        (struct mt_identity){.medium = MT_POWER, .maker = "HXE", .number = "000012345678"};
    config.meter.root_key[0] = 7;
    enum mt_status derived =
        mt_key_derive(psk, config.meter.root_key, MT_KEY_TRANSPORT, &config.meter.identity);
    MT_CHECK(derived == MT_OK);
    enum fw_status status = fw_host_init(&f.host, &board, &why);
    MT_CHECK(status == FW_OK);
    f.now_us = FW_US_PER_S;
    status = fw_app_init(&f.app, &config, &f.host.hal, &udp, f.now_us);
    MT_CHECK(status == FW_OK);
    dtls_peer_open(&f.peer, psk, NULL, false);
    f.made = true;
}

static void step(void)
{
    (void)fw_app_step(&f.app, f.now_us); /* this loop steps whenever it likes */
}

/* The gateway's end takes what the meter sent, and the meter takes its answers. */
static void carry(void)
{
    uint8_t content[FW_DTLS_DATAGRAM_MAX];
    for (uint32_t round = 0; round < ROUNDS_MAX && f.count > 0; round++) {
        for (size_t i = 0; i < f.count; i++) {
            (void)dtls_peer_take(&f.peer, f.up[i].bytes, f.up[i].len, content,
                                 sizeof(content)); /* what it says does not matter here */
        }
        f.count = 0;
        for (size_t i = 0; i < f.peer.count; i++) {
            fw_app_datagram(&f.app, f.peer.out[i].bytes, f.peer.out[i].len, f.now_us);
        }
        f.peer.count = 0;
        step();
    }
}

/* A new handshake, begun but not answered. */
static void shaking(void)
{
    dtls_peer_forget(&f.peer);
    for (uint32_t i = 0; i < 64 && f.app.state != FW_APP_DOWN; i++) {
        f.now_us += 600 * FW_US_PER_S; /* nobody answers: it gives up */
        step();
    }
    MT_CHECK(f.app.state == FW_APP_DOWN);
    f.count = 0;
    f.now_us += 7200 * FW_US_PER_S; /* longer than any pause */
    step();
    MT_CHECK(f.app.state == FW_APP_SHAKING && f.count > 0);
}

static void reset_is_heard(void)
{
    const uint8_t reset[NON_CONTENT_BYTES] = {0x70, 0, 0, 0};
    uint32_t before = f.app.coap.stats.ignored;
    bool sent = dtls_peer_send(&f.peer, reset, sizeof(reset));
    MT_CHECK(sent && f.peer.count == 1);
    fw_app_datagram(&f.app, f.peer.out[0].bytes, f.peer.out[0].len, f.now_us);
    f.peer.count = 0;
    MT_CHECK(f.app.coap.stats.ignored == before + 1 || f.app.coap.phase == FW_COAP_IDLE);
}

static void attack(const uint8_t *data, size_t size)
{
    struct dtls_datagram datagram;
    for (uint32_t i = 0; i < DATAGRAMS_MAX && size > 1; i++) {
        size_t len = data[0] * 2u;
        data++;
        size--;
        datagram.len = len < size ? len : size;
        memcpy(datagram.bytes, data, datagram.len);
        fw_app_datagram(&f.app, datagram.bytes, datagram.len, f.now_us);
        step();
        data += datagram.len;
        size -= datagram.len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!f.made) {
        make();
    }
    if (size < 2) {
        return 0;
    }
    shaking();
    if ((data[0] & 1u) != 0) {
        attack(data + 1, size - 1);
        return 0;
    }
    carry();
    MT_CHECK(f.app.state == FW_APP_UP && f.peer.up);
    attack(data + 1, size - 1);
    MT_CHECK(f.app.state == FW_APP_UP);
    reset_is_heard();
    return 0;
}
