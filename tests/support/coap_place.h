/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A CoAP adapter on loopback with a core that can be held, two meters' keys, and their clients. Who
 *  includes it is run alone: the ports are fixed. */
#ifndef TESTS_SUPPORT_COAP_PLACE_H
#define TESTS_SUPPORT_COAP_PLACE_H

#include <poll.h>

#include "gateway/adapters/coap.h"
#include "tests/support/coap_client.h"
#include "tests/support/fake_core.h"
#include "tests/support/unit.h"

#define PORT 18310
#define PLAIN_PORT 18311
#define METER "pHXE-000012345678"
#define OTHER "wABC-7"

static const uint8_t key[MT_KEY_BYTES + 1] = "sixteen byte key";
static const uint8_t other_key[MT_KEY_BYTES + 1] = "another test key";

static struct fake_core core;
static struct gw_coap *coap;

static inline void reply_to(void *adapter, const struct gw_reply *reply)
{
    gw_coap_reply(adapter, reply);
}

static inline struct gw_coap_config config_of(void)
{
    return (struct gw_coap_config){.address = "127.0.0.1",
                                   .port = PORT,
                                   .plain_port = PLAIN_PORT,
                                   .keys_max = 1000,
                                   .queue_bytes = 1u << 20,
                                   .filled = &core.bell};
}

static inline void start_with(const struct gw_coap_config *config)
{
    char why[GW_COAP_WHY_BYTES] = "";
    enum gw_status status = gw_coap_open(&coap, why, config);
    if (status != GW_OK) {
        printf("    %s\n", why);
    }
    CU_ASSERT_EQUAL_FATAL(status, GW_OK);
    CU_ASSERT_TRUE(gw_coap_add_key(coap, METER, strlen(METER), key));
    CU_ASSERT_TRUE(gw_coap_add_key(coap, OTHER, strlen(OTHER), other_key));
    fake_core_start(&core, gw_coap_inbox(coap), coap, reply_to);
}

static inline void start(void)
{
    fake_core_init(&core);
    const struct gw_coap_config config = config_of();
    start_with(&config);
}

static inline void stop(void)
{
    fake_core_stop(&core);
    gw_coap_close(coap);
    fake_core_deinit(&core);
}

static inline struct gw_coap_state state(void)
{
    struct gw_coap_state now;
    gw_coap_state(&now, coap);
    return now;
}

/* The adapter tells its state a moment after the fact. */
#define EVENTUALLY(condition)                                       \
    do {                                                            \
        for (int tries = 0; tries < 500 && !(condition); tries++) { \
            (void)poll(NULL, 0, 5);                                 \
        }                                                           \
        CU_ASSERT_TRUE(condition);                                  \
    } while (0)

static inline struct coap_client_config client_config(void)
{
    return (struct coap_client_config){.host = "127.0.0.1",
                                       .port = PORT,
                                       .identity = METER,
                                       .key = key,
                                       .key_len = MT_KEY_BYTES,
                                       .timeout_ms = 5000};
}

static inline struct coap_client *meter(void)
{
    const struct coap_client_config config = client_config();
    struct coap_client *client = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    return client;
}

static inline void expect_receipt(const struct coap_answer *answer, const char *payload)
{
    CU_ASSERT_EQUAL(answer->code, COAP_CODE(2, 4));
    CU_ASSERT_EQUAL(answer->format, 16);
    CU_ASSERT_STRING_EQUAL((const char *)answer->payload, payload);
}

#endif
