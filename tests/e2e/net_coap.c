/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The CoAP adapter over real sockets, with a client of another making and a core that can be held. */
#include "gateway/adapters/coap.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static void reply_to(void *adapter, const struct gw_reply *reply)
{
    gw_coap_reply(adapter, reply);
}

static struct gw_coap_config config_of(void)
{
    return (struct gw_coap_config){.address = "127.0.0.1",
                                   .port = PORT,
                                   .plain_port = PLAIN_PORT,
                                   .keys_max = 1000,
                                   .queue_bytes = 1u << 20,
                                   .filled = &core.bell};
}

static void start_with(const struct gw_coap_config *config)
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

static void start(void)
{
    fake_core_init(&core);
    const struct gw_coap_config config = config_of();
    start_with(&config);
}

static void stop(void)
{
    fake_core_stop(&core);
    gw_coap_close(coap);
    fake_core_deinit(&core);
}

static struct gw_coap_state state(void)
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

static struct coap_client_config client_config(void)
{
    return (struct coap_client_config){.host = "127.0.0.1",
                                       .port = PORT,
                                       .identity = METER,
                                       .key = key,
                                       .key_len = MT_KEY_BYTES,
                                       .timeout_ms = 5000};
}

static struct coap_client *meter(void)
{
    const struct coap_client_config config = client_config();
    struct coap_client *client = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    return client;
}

static void expect_receipt(const struct coap_answer *answer, const char *payload)
{
    CU_ASSERT_EQUAL(answer->code, COAP_CODE(2, 4));
    CU_ASSERT_EQUAL(answer->format, 16);
    CU_ASSERT_STRING_EQUAL((const char *)answer->payload, payload);
}

static void the_answer_comes_after_the_commit_and_not_before(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .mid = 4711,
                                         .path = "m/" METER,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = (const uint8_t *)"reading",
                                         .payload_len = 7};
    atomic_store(&core.hold, true);
    CU_ASSERT_EQUAL(coap_client_send(client, &request), 4711);
    CU_ASSERT_TRUE(fake_core_wait_seen(&core, 1, 2000));
    CU_ASSERT_FALSE(coap_client_receive(client, &answer, 300));
    atomic_store(&core.hold, false);
    CU_ASSERT_TRUE_FATAL(coap_client_receive(client, &answer, 2000));
    CU_ASSERT_EQUAL(answer.type, COAP_ACK);
    CU_ASSERT_EQUAL(answer.mid, 4711);
    expect_receipt(&answer, "ok:reading");
    struct fake_message last = fake_core_last(&core);
    CU_ASSERT_EQUAL(last.form, GW_FORM_COSE);
    CU_ASSERT_STRING_EQUAL(last.name, METER);
    CU_ASSERT_STRING_EQUAL(last.identity, METER);
    EVENTUALLY(state().session_count == 1);
    coap_client_close(client);
    stop();
}

static void a_wrong_key_opens_no_session(void)
{
    start();
    struct coap_client_config config = client_config();
    config.key = other_key;
    config.timeout_ms = 1500;
    CU_ASSERT_PTR_NULL(coap_client_open(&config));
    config.key = key;
    config.identity = OTHER;
    CU_ASSERT_PTR_NULL(coap_client_open(&config));
    EVENTUALLY(state().session_count == 0);
    CU_ASSERT_EQUAL(atomic_load(&core.seen), 0);
    stop();
}

static void an_unknown_identity_is_refused_and_counted(void)
{
    start();
    struct coap_client_config config = client_config();
    config.identity = "pHXE-000012345679";
    config.timeout_ms = 1500;
    CU_ASSERT_PTR_NULL(coap_client_open(&config));
    EVENTUALLY(state().unknown_identity_count > 0);
    CU_ASSERT_TRUE(gw_coap_add_key(coap, config.identity, strlen(config.identity), key));
    struct coap_client *client = coap_client_open(&config); /* added while it runs */
    CU_ASSERT_PTR_NOT_NULL(client);
    coap_client_close(client);
    stop();
}

static void another_meters_path_is_forbidden(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" OTHER, 16, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 3));
    CU_ASSERT_TRUE(answer.payload_len > 10); /* a sentence */
    const struct coap_request get = {.type = COAP_CON,
                                     .code = COAP_GET,
                                     .path = "m/" OTHER "/down",
                                     .format = COAP_NO_FORMAT,
                                     .observe = 0,
                                     .block_number = -1};
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &get));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 3));
    CU_ASSERT_EQUAL(answer.observe, -1);
    coap_client_close(client);
    stop();
}

static void each_refusal_has_its_code_and_a_sentence(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "X", 1));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 1));
    CU_ASSERT_TRUE(answer.payload_len > 10);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 50, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 15));
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, COAP_NO_FORMAT, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 15));
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "n/" METER, 16, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 4));
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/a/b/c/d/e", 16, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 4));
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m", 16, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 5));
    atomic_store(&core.refuse_all, true);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(5, 3));
    CU_ASSERT_TRUE(answer.max_age > 0);
    coap_client_close(client);
    stop();
}

static void every_format_arrives_as_its_form(void)
{
    static const struct {
        uint16_t format;
        uint8_t form;
    } rows[] = {{16, GW_FORM_COSE},
                {18, GW_FORM_SIGNED},
                {112, GW_FORM_CBOR},
                {110, GW_FORM_JSON},
                {42, GW_FORM_RAW}};
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, rows[i].format, "abc", 3));
        expect_receipt(&answer, "ok:abc");
        CU_ASSERT_EQUAL(fake_core_last(&core).form, rows[i].form);
        CU_ASSERT_FALSE(fake_core_last(&core).has_protocol);
    }
    const struct coap_request raw = {.type = COAP_NON,
                                     .code = COAP_POST,
                                     .path = "m/" METER,
                                     .query = "p=dlt645",
                                     .format = 42,
                                     .observe = -1,
                                     .block_number = -1,
                                     .payload = (const uint8_t *)"frame",
                                     .payload_len = 5};
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &raw));
    CU_ASSERT_EQUAL(answer.type, COAP_NON);
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 4));
    CU_ASSERT_STRING_EQUAL(fake_core_last(&core).protocol, "dlt645");
    coap_client_close(client);
    stop();
}

static void without_dtls_only_cose_is_taken(void)
{
    struct coap_answer answer;
    start();
    struct coap_client_config config = client_config();
    config.plain = true;
    config.port = PLAIN_PORT;
    struct coap_client *client = coap_client_open(&config);
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
    expect_receipt(&answer, "ok:reading");
    CU_ASSERT_FALSE(fake_core_last(&core).has_identity);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 18, "signed", 6));
    expect_receipt(&answer, "ok:signed");
    static const uint16_t refused[] = {110, 112, 42};
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, refused[i], "reading", 7));
        CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 1));
    }
    const struct coap_request get = {.type = COAP_CON,
                                     .code = COAP_GET,
                                     .path = "m/" METER "/down",
                                     .format = COAP_NO_FORMAT,
                                     .observe = 0,
                                     .block_number = -1};
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &get));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 1));
    CU_ASSERT_EQUAL(atomic_load(&core.seen), 2);
    coap_client_close(client);
    stop();
}

static bool post_block(struct coap_client *client, struct coap_answer *answer, const uint8_t *bytes,
                       size_t len, int number)
{
    const size_t size = 512;
    size_t at = (size_t)number * size;
    const struct coap_request block = {.type = COAP_CON,
                                       .code = COAP_POST,
                                       .path = "m/" METER,
                                       .format = 16,
                                       .observe = -1,
                                       .block_number = number,
                                       .block_more = len - at > size,
                                       .block_szx = 5,
                                       .payload = bytes + at,
                                       .payload_len = len - at > size ? size : len - at};
    return coap_client_ask(client, answer, &block);
}

static void a_message_in_blocks_arrives_whole(void)
{
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    struct coap_answer answer;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 13 + 'a');
    }
    start();
    struct coap_client *client = meter();
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_TRUE(post_block(client, &answer, bytes, sizeof bytes, i));
        CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 31));
        CU_ASSERT_EQUAL(answer.block1, i << 4 | 8 | 5);
    }
    CU_ASSERT_TRUE(post_block(client, &answer, bytes, sizeof bytes, 4));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 4));
    CU_ASSERT_EQUAL(answer.block1, 4 << 4 | 5);
    struct fake_message last = fake_core_last(&core);
    CU_ASSERT_EQUAL(last.len, sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(last.bytes, bytes, sizeof bytes), 0);
    CU_ASSERT_EQUAL(atomic_load(&core.seen), 1);
    /* A block without those before it. */
    CU_ASSERT_TRUE(post_block(client, &answer, bytes, sizeof bytes, 2));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 8));
    coap_client_close(client);
    stop();
}

static void a_message_that_is_too_large_is_refused(void)
{
    static uint8_t bytes[GW_MESSAGE_BYTES_MAX + 600];
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    int number = 0;
    do {
        CU_ASSERT_TRUE_FATAL(post_block(client, &answer, bytes, sizeof bytes, number));
        number++;
    } while (answer.code == COAP_CODE(2, 31));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 13));
    CU_ASSERT_EQUAL(number, 5);
    CU_ASSERT_EQUAL(fake_core_last(&core).len, GW_MESSAGE_BYTES_MAX + 1);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "reading", 7));
    expect_receipt(&answer, "ok:reading"); /* the session goes on */
    coap_client_close(client);
    stop();
}

static void a_repetition_while_pending_is_not_put_twice(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .mid = 99,
                                         .path = "m/" METER,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = (const uint8_t *)"reading",
                                         .payload_len = 7};
    atomic_store(&core.hold, true);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(coap_client_send(client, &request), 99);
    }
    CU_ASSERT_FALSE(coap_client_receive(client, &answer, 300));
    CU_ASSERT_EQUAL(atomic_load(&core.seen), 1);
    atomic_store(&core.hold, false);
    CU_ASSERT_TRUE(coap_client_receive(client, &answer, 2000));
    expect_receipt(&answer, "ok:reading");
    CU_ASSERT_FALSE(coap_client_receive(client, &answer, 200));
    EVENTUALLY(state().repeated_count == 2);
    coap_client_close(client);
    stop();
}

static void a_late_commit_is_acknowledged_first_and_answered_after(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .mid = 7,
                                         .path = "m/" METER,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = (const uint8_t *)"reading",
                                         .payload_len = 7};
    atomic_store(&core.hold, true);
    CU_ASSERT_EQUAL(coap_client_send(client, &request), 7);
    CU_ASSERT_TRUE_FATAL(coap_client_receive(client, &answer, 1900));
    CU_ASSERT_EQUAL(answer.type, COAP_ACK);
    CU_ASSERT_EQUAL(answer.code, 0);
    CU_ASSERT_EQUAL(answer.mid, 7);
    atomic_store(&core.hold, false);
    CU_ASSERT_TRUE_FATAL(coap_client_receive(client, &answer, 2000));
    CU_ASSERT_EQUAL(answer.type, COAP_NON);
    expect_receipt(&answer, "ok:reading");
    CU_ASSERT_EQUAL(answer.token_len, 4);
    EVENTUALLY(state().late_count == 1);
    coap_client_close(client);
    stop();
}

static void one_session_may_not_fill_the_table(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    struct coap_client_config other = client_config();
    other.identity = OTHER;
    other.key = other_key;
    struct coap_client *second = coap_client_open(&other);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    struct coap_request request = {.type = COAP_NON,
                                   .code = COAP_POST,
                                   .path = "m/" METER,
                                   .format = 16,
                                   .observe = -1,
                                   .block_number = -1,
                                   .payload = (const uint8_t *)"reading",
                                   .payload_len = 7};
    atomic_store(&core.hold, true);
    for (int i = 0; i < 16; i++) {
        CU_ASSERT_TRUE(coap_client_send(client, &request) > 0);
    }
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &request));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(4, 29));
    CU_ASSERT_TRUE(answer.max_age > 0);
    request.path = "m/" OTHER;
    CU_ASSERT_TRUE(coap_client_send(second, &request) > 0);
    CU_ASSERT_TRUE(fake_core_wait_seen(&core, 17, 2000)); /* the other meter's as well */
    atomic_store(&core.hold, false);
    CU_ASSERT_TRUE(coap_client_receive(second, &answer, 2000));
    expect_receipt(&answer, "ok:reading");
    coap_client_close(client);
    coap_client_close(second);
    stop();
}

static void a_full_ring_is_answered_busy_and_nothing_hangs(void)
{
    static uint8_t payload[1000];
    struct coap_answer answer;
    memset(payload, 'r', sizeof payload);
    fake_core_init(&core);
    struct gw_coap_config config = config_of();
    config.queue_bytes = GW_COAP_QUEUE_BYTES_MIN;
    config.per_session_max = 1000;
    start_with(&config);
    struct coap_client *client = meter();
    const struct coap_request request = {.type = COAP_CON,
                                         .code = COAP_POST,
                                         .path = "m/" METER,
                                         .format = 16,
                                         .observe = -1,
                                         .block_number = -1,
                                         .payload = payload,
                                         .payload_len = sizeof payload};
    atomic_store(&core.deaf, true);
    int busy = 0;
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_TRUE(coap_client_send(client, &request) > 0);
        while (coap_client_poll(client, &answer) > 0) {
            busy += answer.code == COAP_CODE(5, 3);
        }
    }
    while (coap_client_receive(client, &answer, 300)) {
        busy += answer.code == COAP_CODE(5, 3);
    }
    CU_ASSERT_TRUE(busy > 100);
    atomic_store(&core.deaf, false);
    int answered = 0;
    while (coap_client_receive(client, &answer, 500)) {
        answered += answer.code == COAP_CODE(2, 4);
    }
    CU_ASSERT_EQUAL(busy + answered, 200);
    CU_ASSERT_TRUE(coap_client_post(client, &answer, "m/" METER, 16, "again", 5));
    expect_receipt(&answer, "ok:again");
    coap_client_close(client);
    stop();
}

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

static void receipts_and_commands_reach_the_observer(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    gw_coap_notify(coap, METER, strlen(METER), (const uint8_t *)"nobody", 6);
    EVENTUALLY(state().unobserved_count == 1);
    const struct coap_request get = {.type = COAP_CON,
                                     .code = COAP_GET,
                                     .path = "m/" METER "/down",
                                     .format = COAP_NO_FORMAT,
                                     .observe = 0,
                                     .block_number = -1};
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &get));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 5));
    CU_ASSERT_TRUE(answer.observe >= 0);
    uint8_t token[4];
    memcpy(token, answer.token, 4);
    int before = answer.observe;
    for (int i = 0; i < 3; i++) {
        gw_coap_notify(coap, METER, strlen(METER), (const uint8_t *)"command", 7);
        CU_ASSERT_TRUE_FATAL(coap_client_receive(client, &answer, 2000));
        CU_ASSERT_EQUAL(answer.type, COAP_CON);
        CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 5));
        CU_ASSERT_EQUAL(answer.format, 16);
        CU_ASSERT_EQUAL(memcmp(answer.token, token, 4), 0);
        CU_ASSERT_TRUE(answer.observe > before); /* RFC 7641, 4.4 */
        before = answer.observe;
        CU_ASSERT_STRING_EQUAL((const char *)answer.payload, "command");
        CU_ASSERT_TRUE(coap_client_acknowledge(client, answer.mid));
    }
    /* A rejection ends it: RFC 7641, 3.6. */
    gw_coap_notify(coap, METER, strlen(METER), (const uint8_t *)"command", 7);
    CU_ASSERT_TRUE(coap_client_receive(client, &answer, 2000));
    const uint8_t reset[4] = {0x70, 0, (uint8_t)(answer.mid >> 8), (uint8_t)answer.mid};
    CU_ASSERT_TRUE(coap_client_send_bytes(client, reset, sizeof reset));
    EVENTUALLY(state().observer_count == 0);
    coap_client_close(client);
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

static void the_core_list_names_the_resource(void)
{
    struct coap_answer answer;
    start();
    struct coap_client *client = meter();
    const struct coap_request get = {.type = COAP_CON,
                                     .code = COAP_GET,
                                     .path = ".well-known/core",
                                     .format = COAP_NO_FORMAT,
                                     .observe = -1,
                                     .block_number = -1};
    CU_ASSERT_TRUE(coap_client_ask(client, &answer, &get));
    CU_ASSERT_EQUAL(answer.code, COAP_CODE(2, 5));
    CU_ASSERT_EQUAL(answer.format, 40);
    CU_ASSERT_PTR_NOT_NULL(strstr((const char *)answer.payload, "</m>"));
    coap_client_close(client);
    stop();
}

/* Run one of libcoap's own clients; returns what it printed. */
static char *client_run(const char *command)
{
    static char printed[4096];
    FILE *out = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    printed[fread(printed, 1, sizeof printed - 1, out)] = '\0';
    (void)pclose(out);
    return printed;
}

static void libcoaps_clients_are_served(void)
{
    char command[400];
    start();
    for (int i = 0; i < 2; i++) {
        (void)snprintf(command, sizeof command,
                       "timeout 20 coap-client-%s -B 5 -m post -t 16 -u %s -k '%s' -e reading "
                       "coaps://127.0.0.1:%d/m/%s 2>&1",
                       i == 0 ? "gnutls" : "openssl", METER, (const char *)key, PORT, METER);
        const char *printed = client_run(command);
        CU_ASSERT_PTR_NOT_NULL(strstr(printed, "ok:reading"));
        if (strstr(printed, "ok:reading") == NULL) {
            printf("    %s: %s\n", command, printed);
        }
    }
    stop();
}

static void wrong_configurations_are_explained(void)
{
    char why[GW_COAP_WHY_BYTES];
    struct gw_coap *second;
    start();
    struct gw_coap_config config = config_of();
    CU_ASSERT_EQUAL(gw_coap_open(&second, why, &config), GW_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "18310"));
    config.address = "localhost";
    CU_ASSERT_EQUAL(gw_coap_open(&second, why, &config), GW_INVALID);
    config = config_of();
    config.sessions_max = GW_COAP_SESSIONS_MAX + 1;
    CU_ASSERT_EQUAL(gw_coap_open(&second, why, &config), GW_INVALID);
    config = config_of();
    config.port = config.plain_port = 0;
    CU_ASSERT_EQUAL(gw_coap_open(&second, why, &config), GW_INVALID);
    stop();
}

static const struct unit_test tests[] = {
    {"the_answer_comes_after_the_commit_and_not_before",
     the_answer_comes_after_the_commit_and_not_before},
    {"a_wrong_key_opens_no_session", a_wrong_key_opens_no_session},
    {"an_unknown_identity_is_refused_and_counted", an_unknown_identity_is_refused_and_counted},
    {"another_meters_path_is_forbidden", another_meters_path_is_forbidden},
    {"each_refusal_has_its_code_and_a_sentence", each_refusal_has_its_code_and_a_sentence},
    {"every_format_arrives_as_its_form", every_format_arrives_as_its_form},
    {"without_dtls_only_cose_is_taken", without_dtls_only_cose_is_taken},
    {"a_message_in_blocks_arrives_whole", a_message_in_blocks_arrives_whole},
    {"a_message_that_is_too_large_is_refused", a_message_that_is_too_large_is_refused},
    {"a_repetition_while_pending_is_not_put_twice", a_repetition_while_pending_is_not_put_twice},
    {"a_late_commit_is_acknowledged_first_and_answered_after",
     a_late_commit_is_acknowledged_first_and_answered_after},
    {"one_session_may_not_fill_the_table", one_session_may_not_fill_the_table},
    {"a_full_ring_is_answered_busy_and_nothing_hangs",
     a_full_ring_is_answered_busy_and_nothing_hangs},
    {"a_meter_that_starts_anew_from_the_same_port_is_served_at_once",
     a_meter_that_starts_anew_from_the_same_port_is_served_at_once},
    {"a_restart_with_a_message_pending_is_served_at_once",
     a_restart_with_a_message_pending_is_served_at_once},
    {"a_forged_hello_ends_no_session", a_forged_hello_ends_no_session},
    {"a_flood_of_hellos_and_noise_leaves_the_meters_alone",
     a_flood_of_hellos_and_noise_leaves_the_meters_alone},
    {"five_hundred_sessions_at_a_time_are_all_served",
     five_hundred_sessions_at_a_time_are_all_served},
    {"receipts_and_commands_reach_the_observer", receipts_and_commands_reach_the_observer},
    {"silent_sessions_end", silent_sessions_end},
    {"more_sessions_than_allowed_are_turned_away", more_sessions_than_allowed_are_turned_away},
    {"the_core_list_names_the_resource", the_core_list_names_the_resource},
    {"libcoaps_clients_are_served", libcoaps_clients_are_served},
    {"wrong_configurations_are_explained", wrong_configurations_are_explained},
};
UNIT_MAIN("net_coap", tests)
