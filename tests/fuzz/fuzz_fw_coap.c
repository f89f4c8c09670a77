/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's CoAP client with a gateway that says anything: whole datagrams of a stranger's, and answers that
 * fit the request that is out. What it gives its caller lies within the datagram, it sends nothing that is too
 * long or malformed, one datagram for one that came, and every exchange ends. */
#include <string.h>

#include "firmware/link/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX 64u
#define EXCHANGE_US_MAX (2000ll * 1000000)

static struct {
    struct fw_coap_client client;
    uint32_t sent;
    int64_t now_us;
} f;
static const uint8_t body[2500];

static enum fw_status check_sent(void *context, const uint8_t *bytes, size_t len)
{
    struct fw_coap_message message;
    (void)context;
    MT_CHECK(len <= FW_COAP_DATAGRAM_MAX);
    MT_CHECK(fw_coap_read(&message, bytes, len) == FW_COAP_READ);
    f.sent++;
    return len % 2 == 0 ? FW_OK : FW_IO;
}

static void check_answer(enum fw_coap_event event, const struct fw_coap_answer *answer,
                         const uint8_t *bytes, size_t len)
{
    if (event == FW_COAP_NOTHING || event == FW_COAP_FAILED) {
        return;
    }
    MT_CHECK(answer->payload == NULL || (answer->payload > bytes && answer->payload_len > 0 &&
                                         answer->payload + answer->payload_len == bytes + len));
    MT_CHECK((event == FW_COAP_PART) <= answer->more);
    MT_CHECK(event == FW_COAP_NOTIFIED || f.client.phase != FW_COAP_SENT);
}

static void ask(uint8_t what)
{
    struct fw_coap_request request = {.code = FW_COAP_GET, .path = "m/pHXE-1/down"};
    if (what % 3 == 0) {
        request.code = FW_COAP_POST;
        request.payload = body;
        request.payload_len = what * 9u;
    } else if (what % 3 == 1) {
        request.observe = true;
    } else {
        request.offset = (what & 8u) != 0 ? 1024u * what : 0;
    }
    fw_coap_ask(&f.client, &request, f.now_us);
}

/* A datagram; when it is to fit, with the header of an answer to what is out. */
static void give(const uint8_t *data, size_t len, bool fits)
{
    uint8_t bytes[FW_COAP_DATAGRAM_MAX];
    struct fw_coap_answer answer;
    len = len < sizeof(bytes) ? len : sizeof(bytes);
    memcpy(bytes, data, len);
    if (fits && len >= 8) {
        bytes[0] = (uint8_t)(0x44u | (bytes[0] & 0x30u));
        if ((bytes[0] & 0x30u) == 0x20u) {
            bytes[2] = (uint8_t)(f.client.mid >> 8);
            bytes[3] = (uint8_t)f.client.mid;
        }
        memcpy(bytes + 4, (bytes[1] & 1u) != 0 ? f.client.token : f.client.observe_token, 4);
    }
    f.sent = 0;
    enum fw_coap_event event = fw_coap_datagram(&f.client, &answer, bytes, len, f.now_us);
    MT_CHECK(f.sent <= 1);
    check_answer(event, &answer, bytes, len);
}

static void wait_s(uint32_t seconds)
{
    struct fw_coap_answer answer;
    f.now_us += seconds * 1000000ll;
    f.sent = 0;
    enum fw_coap_event event = fw_coap_step(&f.client, &answer, f.now_us);
    MT_CHECK(f.sent <= 1 && (event == FW_COAP_NOTHING || event == FW_COAP_FAILED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fw_coap_timing timing;
    const struct fw_udp udp = {.send = check_sent};
    fw_coap_timing_default(&timing);
    f.now_us = 0;
    fw_coap_client_init(&f.client, &timing, &udp, size);
    for (uint32_t i = 0; i < STEPS_MAX && size >= 2; i++) {
        uint8_t what = data[0];
        size_t len = data[1];
        data += 2;
        size -= 2;
        if (what % 4 == 0) {
            ask((uint8_t)len);
        } else if (what % 4 == 1) {
            wait_s((uint32_t)len);
        } else {
            len = len < size ? len : size;
            give(data, len, what % 4 == 2);
            data += len;
            size -= len;
        }
    }
    /* Nobody says anything any more: within a bounded time the client is at rest. */
    int64_t end_us = f.now_us + EXCHANGE_US_MAX;
    while (f.client.phase != FW_COAP_IDLE) {
        MT_CHECK(f.now_us < end_us);
        wait_s(1);
    }
    return 0;
}
