/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The CoAP adapter over real sockets, with a client of another making and a core that can be held: what
 *  is asked and answered. Its sessions are in net_coap_sessions.c. */
#include "tests/support/coap_place.h"

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
    {"receipts_and_commands_reach_the_observer", receipts_and_commands_reach_the_observer},
    {"the_core_list_names_the_resource", the_core_list_names_the_resource},
    {"libcoaps_clients_are_served", libcoaps_clients_are_served},
    {"wrong_configurations_are_explained", wrong_configurations_are_explained},
};
UNIT_MAIN("net_coap", tests)
