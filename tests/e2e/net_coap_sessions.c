/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sessions of the CoAP adapter over real sockets: meters that start anew, forged greetings, floods, many
 *  at a time, silence and limits. */
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/coap_place.h"

static void a_meter_that_starts_anew_from_the_same_port_is_served_at_once(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    struct coap_client_config config = client_config();
    for (int boot = 0; boot < 3; boot++) {
        CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "before", 6));
        expect_receipt(&answer, "ok:before");
        config.source_port = coap_client_source_port(client);
        config.timeout_ms = 900; /* no retransmission of a hello fits into this */
        coap_client_abandon(client);
        client = coap_client_open(&config);
        CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    }
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "after", 5));
    expect_receipt(&answer, "ok:after");
    (void)poll(NULL, 0, 100);
    EVENTUALLY(state().restarted_count == 3);
    EVENTUALLY(state().session_count == 1);
    coap_client_close(client);
    stop();
}

static void a_restart_with_a_message_pending_is_served_at_once(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .path = "m/" METER,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = (const uint8_t *)"reading",
                                         .payload_len = 7};
    atomic_store(&core.hold, true);
    CU_ASSERT_TRUE(coap_client_send(client, &request) > 0);
    CU_ASSERT_TRUE(fake_core_wait_seen(&core, 1, 2000));
    struct coap_client_config config = client_config();
    config.source_port = coap_client_source_port(client);
    config.timeout_ms = 900;
    coap_client_abandon(client);
    client = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    atomic_store(&core.hold, false);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "after", 5));
    expect_receipt(&answer, "ok:after");
    EVENTUALLY(state().pending_count == 0);
    EVENTUALLY(state().session_count == 1);
    coap_client_close(client);
    stop();
}

/* A ClientHello as anybody can write one: RFC 6347, 4.2.2; no cookie, one suite. */
static size_t hello_write(uint8_t out[128], uint8_t salt)
{
    static const uint8_t head[] = {22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,   1,
                                   0,  0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0xFE, 0xFD};
    static const uint8_t tail[] = {0, 0, 0, 2, 0x00, 0xA8, 1, 0};
    size_t len = sizeof head + 32 + sizeof tail;
    memcpy(out, head, sizeof head);
    memset(out + sizeof head, salt, 32);
    memcpy(out + sizeof head + 32, tail, sizeof tail);
    out[12] = (uint8_t)(len - 13);
    out[16] = out[24] = (uint8_t)(len - 25);
    return len;
}

static void a_forged_hello_ends_no_session(void)
{
    uint8_t hello[128];
    struct coap_answer answer;
    start();
    struct coap_client_config config = client_config();
    config.source_port = 18350;
    struct coap_client *client = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    /* A second socket on the client's own address: what it sends is as good as forged. */
    const int one = 1;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_port = htons(coap_client_source_port(client)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in to = from;
    to.sin_port = htons(PORT);
    CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    for (uint8_t i = 0; i < 200; i++) {
        size_t len = hello_write(hello, i);
        CU_ASSERT_EQUAL(sendto(fd, hello, len, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)len);
        if (i % 50 == 0) {
            CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
            expect_receipt(&answer, "ok:reading");
        }
    }
    EVENTUALLY(state().session_count == 1);
    EVENTUALLY(state().half_open_count == 0);
    EVENTUALLY(state().restarted_count == 0);
    close(fd);
    coap_client_close(client);
    stop();
}

static void a_flood_of_hellos_and_noise_leaves_the_meters_alone(void)
{
    uint8_t bytes[256];
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(PORT),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fds[64];
    for (int i = 0; i < 64; i++) {
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
    }
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = hello_write(bytes, (uint8_t)i);
        if (i % 2 == 0) {
            len = i % sizeof bytes;
            memset(bytes, (int)(i / 2 % 256), sizeof bytes);
        }
        (void)sendto(fds[i % 64], bytes, len, 0, (struct sockaddr *)&to, sizeof to);
        if (i % 2000 == 1000) {
            CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
            expect_receipt(&answer, "ok:reading");
        }
    }
    /* A newcomer gets in as well. */
    struct coap_client_config config = client_config();
    config.identity = OTHER;
    config.key = other_key;
    struct coap_client *second = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL(second);
    EVENTUALLY(state().half_open_count == 0);
    EVENTUALLY(state().stray_count > 1000);
    for (int i = 0; i < 64; i++) {
        close(fds[i]);
    }
    coap_client_close(client);
    coap_client_close(second);
    stop();
}

enum { PARALLEL = 500 };

static void five_hundred_sessions_at_a_time_are_all_served(void)
{
    static struct coap_client *clients[PARALLEL];
    static char names[PARALLEL][32];
    struct rlimit limit = {4096, 4096};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    start();
    for (int i = 0; i < PARALLEL; i++) {
        (void)snprintf(names[i], sizeof names[i], "gZZZ-%d", i);
        CU_ASSERT_TRUE(gw_coap_add_key(coap, names[i], strlen(names[i]), key));
        struct coap_client_config config = client_config();
        config.identity = names[i];
        clients[i] = coap_client_begin(&config);
        CU_ASSERT_PTR_NOT_NULL_FATAL(clients[i]);
    }
    /* All handshakes at once. */
    int done = 0;
    static bool ready[PARALLEL];
    memset(ready, 0, sizeof ready);
    for (int round = 0; round < 2000 && done < PARALLEL; round++) {
        for (int i = 0; i < PARALLEL; i++) {
            if (!ready[i]) {
                int got = coap_client_handshake(clients[i]);
                CU_ASSERT_TRUE_FATAL(got >= 0);
                ready[i] = got == 1;
                done += ready[i];
            }
        }
        (void)poll(NULL, 0, 5);
    }
    CU_ASSERT_EQUAL(done, PARALLEL);
    for (int round = 0; round < 3; round++) {
        char path[48];
        for (int i = 0; i < PARALLEL; i++) {
            (void)snprintf(path, sizeof path, "m/%.31s", names[i]);
            const struct coap_request request = {.type = COAP_CON,
                                                 .code = COAP_POST,
                                                 .path = path,
                                                 .format = 16,
                                                 .observe = -1,
                                                 .block_number = -1,
                                                 .payload = (const uint8_t *)names[i],
                                                 .payload_len = strlen(names[i])};
            CU_ASSERT_TRUE(coap_client_send(clients[i], &request) > 0);
        }
        for (int i = 0; i < PARALLEL; i++) {
            struct coap_answer answer;
            char expected[40];
            (void)snprintf(expected, sizeof expected, "ok:%.31s", names[i]);
            CU_ASSERT_TRUE_FATAL(coap_client_receive(clients[i], &answer, 5000));
            expect_receipt(&answer, expected);
        }
    }
    EVENTUALLY(state().session_count == PARALLEL);
    CU_ASSERT_EQUAL(atomic_load(&core.seen), 3 * PARALLEL);
    for (int i = 0; i < PARALLEL; i++) {
        coap_client_close(clients[i]);
    }
    EVENTUALLY(state().session_count == 0); /* each said goodbye */
    stop();
}

static void silent_sessions_end(void)
{
    fake_core_init(&core);
    struct gw_coap_config config = config_of();
    config.idle_us = 1000000;
    start_with(&config);
    struct coap_client *client = meter();
    EVENTUALLY(state().session_count == 1);
    EVENTUALLY(state().session_count == 0);
    coap_client_abandon(client);
    stop();
}

static void more_sessions_than_allowed_are_turned_away(void)
{
    fake_core_init(&core);
    struct gw_coap_config config = config_of();
    config.sessions_max = 1;
    start_with(&config);
    struct coap_client *client = meter();
    struct coap_client_config other = client_config();
    other.identity = OTHER;
    other.key = other_key;
    other.timeout_ms = 500;
    CU_ASSERT_PTR_NULL(coap_client_open(&other));
    EVENTUALLY(state().turned_away_count > 0);
    EVENTUALLY(state().session_count == 1);
    struct coap_answer answer;
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
    expect_receipt(&answer, "ok:reading");
    coap_client_close(client);
    stop();
}

static const struct unit_test tests[] = {
    {"a_meter_that_starts_anew_from_the_same_port_is_served_at_once",
     a_meter_that_starts_anew_from_the_same_port_is_served_at_once},
    {"a_restart_with_a_message_pending_is_served_at_once",
     a_restart_with_a_message_pending_is_served_at_once},
    {"a_forged_hello_ends_no_session", a_forged_hello_ends_no_session},
    {"a_flood_of_hellos_and_noise_leaves_the_meters_alone",
     a_flood_of_hellos_and_noise_leaves_the_meters_alone},
    {"five_hundred_sessions_at_a_time_are_all_served",
     five_hundred_sessions_at_a_time_are_all_served},
    {"silent_sessions_end", silent_sessions_end},
    {"more_sessions_than_allowed_are_turned_away", more_sessions_than_allowed_are_turned_away},
};
UNIT_MAIN("net_coap_sessions", tests)
