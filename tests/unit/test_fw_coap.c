/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's CoAP: messages as bytes (examples of RFC 7252, appendix A, and RFC 7959, 2.2), and the client's
 * exchanges with a gateway that is played here, byte by byte. */
#include "tests/support/guard_page.h"
#include "tests/support/unit.h"

#include "firmware/link/client.h"

#define S 1000000ll
#define SENT_MAX 16u

/* ---- messages --------------------------------------------------------------------------------- */

static const uint8_t get_temperature[] = {0x41, 0x01, 0x7d, 0x35, 0x20, 0xbb, 't', 'e', 'm',
                                          'p',  'e',  'r',  'a',  't',  'u',  'r', 'e'};
static const uint8_t content_22_3[] = {0x61, 0x45, 0x7d, 0x35, 0x20, 0xff,
                                       '2',  '2',  '.',  '3',  ' ',  'C'};

/* RFC 7252, figure 17: a request with a token, and its piggybacked response. */
static void the_examples_of_the_standard_are_written_and_read(void)
{
    uint8_t bytes[64];
    const uint8_t token[] = {0x20};
    struct fw_coap_writer writer;
    fw_coap_begin(&writer, bytes, sizeof(bytes));
    fw_coap_put_header(&writer, FW_COAP_CON, FW_COAP_GET, 0x7d35, token, 1);
    fw_coap_put_path(&writer, "temperature");
    CU_ASSERT_FALSE(writer.overrun);
    CU_ASSERT_EQUAL_FATAL(writer.len, sizeof(get_temperature));
    CU_ASSERT_EQUAL(memcmp(bytes, get_temperature, writer.len), 0);

    struct fw_coap_message message;
    CU_ASSERT_EQUAL(fw_coap_read(&message, content_22_3, sizeof(content_22_3)), FW_COAP_READ);
    CU_ASSERT_EQUAL(message.type, FW_COAP_ACK);
    CU_ASSERT_EQUAL(message.code, FW_COAP_CODE(2, 5));
    CU_ASSERT_EQUAL(message.mid, 0x7d35);
    CU_ASSERT_EQUAL(message.token_len, 1);
    CU_ASSERT_EQUAL(message.token[0], 0x20);
    CU_ASSERT_EQUAL_FATAL(message.payload_len, 6);
    CU_ASSERT_EQUAL(memcmp(message.payload, "22.3 C", 6), 0);
    CU_ASSERT_FALSE(message.bad_option);
}

/* RFC 7252, 3.1: extended deltas and lengths; Max-Age 14 is delta 14 - 12, Size2 28, Block1 27. */
static void options_are_read_by_their_numbers(void)
{
    const uint8_t bytes[] = {0x60, 0x45, 0,    1,    0x42, 0xAA, 0xBB, /* ETag */
                             0x23, 0x01, 0x02, 0x03,                   /* Observe */
                             0x61, 16,                                 /* Content-Format */
                             0x21, 30,                                 /* Max-Age */
                             0x92, 0x01, 0x1E,                         /* Block2: 17, more, 1024 */
                             0x41, 0x0B,                               /* Block1: 0, more, 128 */
                             0x12, 0x10, 0x00,                         /* Size2 */
                             0xE1, 0x06, 0xB3, 7,                      /* 28 + 269 + 1715 = 2012 */
                             0xff, 'x'};
    struct fw_coap_message m;
    CU_ASSERT_EQUAL_FATAL(fw_coap_read(&m, bytes, sizeof(bytes)), FW_COAP_READ);
    CU_ASSERT_EQUAL(m.etag_len, 2);
    CU_ASSERT_EQUAL(m.etag[1], 0xBB);
    CU_ASSERT(m.has_observe && m.observe == 0x010203);
    CU_ASSERT(m.has_format && m.format == 16);
    CU_ASSERT(m.has_max_age && m.max_age_s == 30);
    CU_ASSERT(m.block2.present && m.block2.more && m.block2.num == 17 && m.block2.szx == 6);
    CU_ASSERT(m.block1.present && m.block1.more && m.block1.num == 0 && m.block1.szx == 3);
    CU_ASSERT(m.has_size2 && m.size2_bytes == 4096);
    CU_ASSERT_FALSE(m.bad_option); /* 2012 is even: elective */
    CU_ASSERT_EQUAL(m.payload_len, 1);
}

static void options_are_written_as_they_are_read(void)
{
    uint8_t bytes[700];
    uint8_t value[300] = {1, 2, 3};
    const uint32_t numbers[] = {1, 12, 14, 281, 282, 2000, 65000};
    const size_t lens[] = {0, 12, 13, 268, 269, 300, 5};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
            struct fw_coap_writer writer;
            struct fw_coap_message m;
            fw_coap_begin(&writer, bytes, sizeof(bytes));
            fw_coap_put_header(&writer, FW_COAP_NON, FW_COAP_POST, 7, NULL, 0);
            fw_coap_put_option(&writer, numbers[i], value, lens[k]);
            fw_coap_put_uint(&writer, 65001, 1);
            CU_ASSERT_FALSE_FATAL(writer.overrun);
            CU_ASSERT_EQUAL(fw_coap_read(&m, bytes, writer.len), FW_COAP_READ);
            CU_ASSERT(m.bad_option); /* 65001 is critical and unknown: it was found where it is */
        }
    }
}

static void malformed_messages_are_told_from_those_to_ignore(void)
{
    const struct {
        uint8_t bytes[10];
        size_t len;
        enum fw_coap_verdict verdict;
    } rows[] = {
        {{0x40, 0, 0}, 3, FW_COAP_IGNORE},
        {{0x80, 1, 0, 1}, 4, FW_COAP_IGNORE},                          /* version 2 */
        {{0x00, 1, 0, 1}, 4, FW_COAP_IGNORE},                          /* version 0 */
        {{0x40, 0, 0, 1}, 4, FW_COAP_READ},                            /* a ping */
        {{0x40, 0, 0, 1, 0}, 5, FW_COAP_FORMAT_ERROR},                 /* empty with more */
        {{0x41, 0, 0, 1, 5}, 5, FW_COAP_FORMAT_ERROR},                 /* empty with a token */
        {{0x49, 1, 0, 1, 1, 2, 3, 4, 5, 6}, 10, FW_COAP_FORMAT_ERROR}, /* token of 9 */
        {{0x42, 1, 0, 1, 1}, 5, FW_COAP_FORMAT_ERROR},
        {{0x40, 0x45, 0, 1, 0xff}, 5, FW_COAP_FORMAT_ERROR},    /* marker, no payload */
        {{0x40, 0x45, 0, 1, 0xf0}, 5, FW_COAP_FORMAT_ERROR},    /* delta 15 */
        {{0x40, 0x45, 0, 1, 0x0f}, 5, FW_COAP_FORMAT_ERROR},    /* length 15 */
        {{0x40, 0x45, 0, 1, 0xd0}, 5, FW_COAP_FORMAT_ERROR},    /* the extension is missing */
        {{0x40, 0x45, 0, 1, 0x02, 0}, 6, FW_COAP_FORMAT_ERROR}, /* the value is short */
        {{0x40, 0x45, 0, 1, 0xe0, 0xff, 0xff}, 7, FW_COAP_FORMAT_ERROR}, /* number 65804 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fw_coap_message m;
        CU_ASSERT_EQUAL(fw_coap_read(&m, rows[i].bytes, rows[i].len), rows[i].verdict);
    }
}

static void no_prefix_is_read_beyond_its_end(void)
{
    for (size_t len = 0; len <= sizeof(content_22_3); len++) {
        struct fw_coap_message m;
        const uint8_t *at = guard_end(content_22_3, len);
        enum fw_coap_verdict verdict = fw_coap_read(&m, at, len);
        CU_ASSERT(len == sizeof(content_22_3) || verdict != FW_COAP_READ || m.payload_len < 6);
    }
}

/* ---- the client ------------------------------------------------------------------------------- */

static struct {
    struct fw_coap_client client;
    struct fw_coap_answer answer;
    int64_t now_us;
    size_t count; /* datagrams since the last look */
    uint8_t bytes[SENT_MAX][FW_COAP_DATAGRAM_MAX];
    size_t len[SENT_MAX];
} t;

static enum fw_status record(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    MT_CHECK(t.count < SENT_MAX);
    memcpy(t.bytes[t.count], bytes, len);
    t.len[t.count++] = len;
    return FW_OK;
}

static void start(void)
{
    struct fw_coap_timing timing;
    const struct fw_udp udp = {.send = record};
    fw_coap_timing_default(&timing);
    memset(&t, 0, sizeof(t));
    t.now_us = 5 * S;
    fw_coap_client_init(&t.client, &timing, &udp, 42);
}

static enum fw_coap_event step(void)
{
    return fw_coap_step(&t.client, &t.answer, t.now_us);
}

static enum fw_coap_event take(const uint8_t *bytes, size_t len)
{
    return fw_coap_datagram(&t.client, &t.answer, bytes, len, t.now_us);
}

/* The n-th datagram since the last look, read. */
static struct fw_coap_message sent(size_t n)
{
    struct fw_coap_message message = {0};
    CU_ASSERT_FATAL(n < t.count);
    CU_ASSERT_EQUAL_FATAL(fw_coap_read(&message, t.bytes[n], t.len[n]), FW_COAP_READ);
    return message;
}

/* The request that went out last, as the gateway sees it; forgets what was sent. */
static struct fw_coap_message ask(const struct fw_coap_request *request)
{
    fw_coap_ask(&t.client, request, t.now_us);
    t.count = 0;
    CU_ASSERT_EQUAL(step(), FW_COAP_NOTHING);
    struct fw_coap_message message = sent(0);
    t.count = 0;
    return message;
}

static struct fw_coap_message next_request(void)
{
    t.count = 0;
    CU_ASSERT_EQUAL(step(), FW_COAP_NOTHING);
    struct fw_coap_message message = sent(0);
    t.count = 0;
    return message;
}

/* What the gateway says. */
struct reply {
    enum fw_coap_type type;
    uint8_t code;
    uint16_t mid;
    int observe; /* -1: none */
    int max_age;
    struct fw_coap_block block1;
    struct fw_coap_block block2;
    uint32_t critical; /* one more option, without a value */
    const void *payload;
    size_t payload_len;
};

static enum fw_coap_event answer(const struct fw_coap_message *to, struct reply reply)
{
    static uint8_t bytes[FW_COAP_DATAGRAM_MAX];
    struct fw_coap_writer writer;
    fw_coap_begin(&writer, bytes, sizeof(bytes));
    fw_coap_put_header(&writer, reply.type, reply.code,
                       reply.type == FW_COAP_ACK ? to->mid : reply.mid, to->token,
                       reply.code == FW_COAP_EMPTY ? 0 : to->token_len);
    if (reply.observe >= 0 && reply.code != FW_COAP_EMPTY) {
        fw_coap_put_uint(&writer, FW_COAP_OBSERVE, (uint32_t)reply.observe);
    }
    if (reply.max_age > 0) {
        fw_coap_put_uint(&writer, FW_COAP_MAX_AGE, (uint32_t)reply.max_age);
    }
    if (reply.block2.present) {
        fw_coap_put_block(&writer, FW_COAP_BLOCK2, &reply.block2);
    }
    if (reply.block1.present) {
        fw_coap_put_block(&writer, FW_COAP_BLOCK1, &reply.block1);
    }
    if (reply.critical != 0) {
        fw_coap_put_option(&writer, reply.critical, NULL, 0);
    }
    fw_coap_put_payload(&writer, reply.payload, reply.payload_len);
    return take(bytes, writer.len);
}

static const uint8_t body[3000] = {7};

static struct fw_coap_request post_of(size_t len)
{
    return (struct fw_coap_request){.code = FW_COAP_POST,
                                    .path = "m/pHXE-000012345678",
                                    .format = 16,
                                    .payload = body,
                                    .payload_len = len};
}

static const struct fw_coap_request observe_down = {.code = FW_COAP_GET,
                                                    .path = "m/pHXE-1/down",
                                                    .observe = true};
static const struct fw_coap_request get_image = {.code = FW_COAP_GET, .path = "image"};

static void an_answer_in_the_acknowledgement_ends_the_exchange(void)
{
    start();
    struct fw_coap_request request = post_of(100);
    struct fw_coap_message m = ask(&request);
    CU_ASSERT_EQUAL(m.type, FW_COAP_CON);
    CU_ASSERT_EQUAL(m.code, FW_COAP_POST);
    CU_ASSERT(m.has_format && m.format == 16);
    CU_ASSERT_FALSE(m.block1.present);
    CU_ASSERT_EQUAL(m.payload_len, 100);
    CU_ASSERT_EQUAL(m.token_len, FW_COAP_OWN_TOKEN_BYTES);
    enum fw_coap_event event = answer(&m, (struct reply){.type = FW_COAP_ACK,
                                                         .code = FW_COAP_CODE(2, 4),
                                                         .observe = -1,
                                                         .payload = "ok",
                                                         .payload_len = 2});
    CU_ASSERT_EQUAL(event, FW_COAP_ANSWERED);
    CU_ASSERT_EQUAL(t.answer.code, FW_COAP_CODE(2, 4));
    CU_ASSERT_EQUAL(t.answer.payload_len, 2);
    CU_ASSERT_EQUAL(t.count, 0);
    CU_ASSERT_EQUAL(fw_coap_next_us(&t.client), INT64_MAX);
}

/* RFC 7252, 4.2 and 4.8.2: pauses of 2 to 3 s, doubled four times; the end after 62 to 93 s. */
static void a_request_is_repeated_four_times_byte_by_byte(void)
{
    start();
    struct fw_coap_request request = post_of(100);
    int64_t begun_us = t.now_us;
    fw_coap_ask(&t.client, &request, t.now_us);
    int64_t pause_us = 0;
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(step(), FW_COAP_NOTHING);
        CU_ASSERT_EQUAL_FATAL(t.count, i + 1);
        CU_ASSERT_EQUAL(t.len[i], t.len[0]);
        CU_ASSERT_EQUAL(memcmp(t.bytes[i], t.bytes[0], t.len[0]), 0);
        int64_t next_us = fw_coap_next_us(&t.client) - t.now_us;
        CU_ASSERT(i > 0 ? next_us == 2 * pause_us : next_us >= 2 * S && next_us <= 3 * S);
        pause_us = next_us;
        t.now_us += next_us - 1;
        CU_ASSERT_EQUAL(step(), FW_COAP_NOTHING);
        CU_ASSERT_EQUAL(t.count, i + 1);
        t.now_us++;
    }
    CU_ASSERT_EQUAL(step(), FW_COAP_FAILED);
    CU_ASSERT_EQUAL(t.answer.why, FW_COAP_TIMEOUT);
    CU_ASSERT(t.now_us - begun_us >= 62 * S && t.now_us - begun_us <= 93 * S);
    CU_ASSERT_EQUAL(t.count, 5);
}

/* RFC 7252, 5.2.2, also when the answer comes before the empty acknowledgement, or twice (4.5). */
static void an_answer_by_itself_is_acknowledged_and_taken_once(void)
{
    for (int first = 0; first < 2; first++) {
        start();
        struct fw_coap_request request = post_of(10);
        struct fw_coap_message m = ask(&request);
        struct reply ack = {.type = FW_COAP_ACK, .code = FW_COAP_EMPTY};
        struct reply late = {
            .type = FW_COAP_CON, .code = FW_COAP_CODE(2, 4), .mid = 9, .observe = -1};
        if (first == 0) {
            CU_ASSERT_EQUAL(answer(&m, ack), FW_COAP_NOTHING);
            t.now_us += 50 * S;
            CU_ASSERT_EQUAL(step(), FW_COAP_NOTHING); /* no repetition any more */
            CU_ASSERT_EQUAL(t.count, 0);
        }
        CU_ASSERT_EQUAL(answer(&m, late), FW_COAP_ANSWERED);
        CU_ASSERT_EQUAL(t.count, 1);
        CU_ASSERT(sent(0).type == FW_COAP_ACK && sent(0).mid == 9 && sent(0).code == 0);
        CU_ASSERT_EQUAL(answer(&m, late), FW_COAP_NOTHING);
        CU_ASSERT_EQUAL(t.count, 2);
        CU_ASSERT(sent(1).type == FW_COAP_ACK && sent(1).mid == 9);
        CU_ASSERT_EQUAL(answer(&m, ack), FW_COAP_NOTHING);
    }
}

static void an_acknowledged_request_without_an_answer_ends_after_a_minute(void)
{
    start();
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message m = ask(&request);
    CU_ASSERT_EQUAL(answer(&m, (struct reply){.type = FW_COAP_ACK}), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(fw_coap_next_us(&t.client), t.now_us + 60 * S);
    t.now_us += 60 * S;
    CU_ASSERT_EQUAL(step(), FW_COAP_FAILED);
    CU_ASSERT_EQUAL(t.answer.why, FW_COAP_TIMEOUT);
}

static void a_reset_ends_the_exchange_only_with_its_message_id(void)
{
    start();
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message m = ask(&request);
    struct reply reset = {.type = FW_COAP_RST, .mid = (uint16_t)(m.mid + 1)};
    CU_ASSERT_EQUAL(answer(&m, reset), FW_COAP_NOTHING);
    reset.mid = m.mid;
    CU_ASSERT_EQUAL(answer(&m, reset), FW_COAP_FAILED);
    CU_ASSERT_EQUAL(t.answer.why, FW_COAP_REJECTED);
}

/* RFC 7252, 4.2: a client resets what it has no context for. */
static void strangers_messages_are_reset_or_ignored(void)
{
    start();
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message m = ask(&request);
    struct fw_coap_message other = m;
    other.token[0] ^= 1;
    struct reply reply = {.type = FW_COAP_ACK, .code = FW_COAP_CODE(2, 4), .observe = -1};
    CU_ASSERT_EQUAL(answer(&other, reply), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(t.count, 0);
    reply.type = FW_COAP_NON;
    reply.mid = 77;
    CU_ASSERT_EQUAL(answer(&other, reply), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(t.count, 0);
    reply.type = FW_COAP_CON;
    reply.mid = 78;
    CU_ASSERT_EQUAL(answer(&other, reply), FW_COAP_NOTHING);
    CU_ASSERT(sent(0).type == FW_COAP_RST && sent(0).mid == 78);
    const uint8_t ping[] = {0x40, 0, 1, 2};
    CU_ASSERT_EQUAL(take(ping, sizeof(ping)), FW_COAP_NOTHING);
    CU_ASSERT(sent(1).type == FW_COAP_RST && sent(1).mid == 0x0102);
    const uint8_t asked[] = {0x40, 1, 1, 3};
    CU_ASSERT_EQUAL(take(asked, sizeof(asked)), FW_COAP_NOTHING);
    CU_ASSERT(sent(2).type == FW_COAP_RST && sent(2).mid == 0x0103);
    const uint8_t broken[] = {0x40, 0x45, 1, 4, 0xff};
    CU_ASSERT_EQUAL(take(broken, sizeof(broken)), FW_COAP_NOTHING);
    CU_ASSERT(sent(3).type == FW_COAP_RST && sent(3).mid == 0x0104);
    CU_ASSERT_EQUAL(t.client.phase, FW_COAP_SENT); /* and the exchange goes on */
}

static void an_unknown_critical_option_rejects_the_answer(void)
{
    start();
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message m = ask(&request);
    struct reply reply = {
        .type = FW_COAP_CON, .code = FW_COAP_CODE(2, 4), .observe = -1, .mid = 5, .critical = 2001};
    CU_ASSERT_EQUAL(answer(&m, reply), FW_COAP_FAILED);
    CU_ASSERT_EQUAL(t.answer.why, FW_COAP_MALFORMED);
    CU_ASSERT_EQUAL(sent(0).type, FW_COAP_RST);
    m = ask(&request);
    reply.critical = 2000;
    reply.mid = 6;
    CU_ASSERT_EQUAL(answer(&m, reply), FW_COAP_ANSWERED);
}

static void a_busy_gateway_says_how_long(void)
{
    start();
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message m = ask(&request);
    struct reply reply = {
        .type = FW_COAP_ACK, .code = FW_COAP_CODE(5, 3), .observe = -1, .max_age = 30};
    CU_ASSERT_EQUAL(answer(&m, reply), FW_COAP_ANSWERED);
    CU_ASSERT_EQUAL(t.answer.code, FW_COAP_CODE(5, 3));
    CU_ASSERT_EQUAL(t.answer.max_age_s, 30);
    m = ask(&request);
    reply.max_age = 0;
    CU_ASSERT_EQUAL(answer(&m, reply), FW_COAP_ANSWERED);
    CU_ASSERT_EQUAL(t.answer.max_age_s, 60);
}

static struct fw_coap_block block(uint32_t num, bool more, uint8_t szx)
{
    return (struct fw_coap_block){.present = true, .num = num, .more = more, .szx = szx};
}

static struct reply with_block1(uint8_t code, struct fw_coap_block block1)
{
    return (struct reply){.type = FW_COAP_ACK, .code = code, .observe = -1, .block1 = block1};
}

/* RFC 7959, figures 7 and 9: 3,000 bytes as 1,024, 1,024 and 952; the gateway may ask for smaller ones. */
static void a_long_body_leaves_in_blocks(void)
{
    start();
    struct fw_coap_request request = post_of(3000);
    struct fw_coap_message m = ask(&request);
    CU_ASSERT(m.block1.num == 0 && m.block1.more && m.block1.szx == 6 && m.payload_len == 1024);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CONTINUE, block(0, true, 6))), FW_COAP_NOTHING);
    m = next_request();
    CU_ASSERT(m.block1.num == 1 && m.block1.more && m.payload_len == 1024);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CONTINUE, block(1, true, 5))), FW_COAP_NOTHING);
    m = next_request();
    CU_ASSERT(m.block1.num == 4 && m.block1.more && m.block1.szx == 5 && m.payload_len == 512);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CONTINUE, block(4, true, 5))), FW_COAP_NOTHING);
    m = next_request();
    CU_ASSERT(m.block1.num == 5 && !m.block1.more && m.payload_len == 3000 - 5 * 512);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CODE(2, 4), block(5, false, 5))),
                    FW_COAP_ANSWERED);
}

static void blocks_that_were_lost_are_sent_anew_once(void)
{
    start();
    struct fw_coap_request request = post_of(2000);
    struct fw_coap_message m = ask(&request);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CONTINUE, block(0, true, 6))),
                        FW_COAP_NOTHING);
        m = next_request();
        CU_ASSERT_EQUAL(m.block1.num, 1);
        enum fw_coap_event event = answer(&m, with_block1(FW_COAP_INCOMPLETE, block(1, false, 6)));
        CU_ASSERT_EQUAL(event, i == 0 ? FW_COAP_NOTHING : FW_COAP_ANSWERED);
        if (i == 0) {
            m = next_request();
            CU_ASSERT(m.block1.num == 0 && m.payload_len == 1024);
        }
    }
    CU_ASSERT_EQUAL(t.answer.code, FW_COAP_INCOMPLETE);
}

static void blocks_that_are_too_large_become_smaller(void)
{
    start();
    struct fw_coap_request request = post_of(1500);
    struct fw_coap_message m = ask(&request);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_TOO_LARGE, block(0, true, 4))), FW_COAP_NOTHING);
    m = next_request();
    CU_ASSERT(m.block1.szx == 4 && m.payload_len == 256);
    CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_TOO_LARGE, block(0, true, 4))),
                    FW_COAP_ANSWERED);
}

static void a_gateway_that_counts_blocks_wrongly_is_left(void)
{
    const struct fw_coap_block wrong[] = {block(1, true, 6), block(0, true, 6), {0}};
    for (size_t i = 0; i < 3; i++) {
        start();
        struct fw_coap_request request = post_of(i == 1 ? 1000 : 2000);
        struct fw_coap_message m = ask(&request);
        CU_ASSERT_EQUAL(answer(&m, with_block1(FW_COAP_CONTINUE, wrong[i])), FW_COAP_FAILED);
        CU_ASSERT_EQUAL(t.answer.why, FW_COAP_MALFORMED);
    }
}

static struct reply with_block2(struct fw_coap_block block2, size_t len)
{
    return (struct reply){.type = FW_COAP_ACK,
                          .code = FW_COAP_CODE(2, 5),
                          .observe = -1,
                          .block2 = block2,
                          .payload = body,
                          .payload_len = len};
}

/* RFC 7959, figures 2 and 3. */
static void a_download_comes_block_by_block(void)
{
    start();
    struct fw_coap_message m = ask(&get_image);
    CU_ASSERT_FALSE(m.block2.present);
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(0, true, 5), 512)), FW_COAP_PART);
    CU_ASSERT(t.answer.offset == 0 && t.answer.more && t.answer.payload_len == 512);
    m = next_request();
    CU_ASSERT(m.block2.present && m.block2.num == 1 && m.block2.szx == 5);
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(1, true, 5), 512)), FW_COAP_PART);
    CU_ASSERT_EQUAL(t.answer.offset, 512);
    m = next_request();
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(2, false, 5), 3)), FW_COAP_ANSWERED);
    CU_ASSERT(t.answer.offset == 1024 && !t.answer.more && t.answer.payload_len == 3);
}

static void a_download_goes_on_where_it_stopped(void)
{
    start();
    struct fw_coap_request request = get_image;
    request.offset = 4096;
    struct fw_coap_message m = ask(&request);
    CU_ASSERT(m.block2.num == 4 && m.block2.szx == 6);
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(8, true, 5), 512)), FW_COAP_PART);
    CU_ASSERT_EQUAL(t.answer.offset, 4096);
    m = next_request();
    CU_ASSERT(m.block2.num == 9 && m.block2.szx == 5);
    fw_coap_cancel(&t.client);
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(9, false, 5), 5)), FW_COAP_NOTHING);
}

static void a_block_that_does_not_belong_there_ends_the_download(void)
{
    const struct {
        struct fw_coap_block block;
        size_t len;
    } rows[] = {
        {block(1, true, 6), 1024}, /* not asked for */
        {block(0, true, 6), 1000}, /* not full, though more follow */
        {block(0, false, 5), 600}, /* longer than it says */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        struct fw_coap_message m = ask(&get_image);
        CU_ASSERT_EQUAL(answer(&m, with_block2(rows[i].block, rows[i].len)), FW_COAP_FAILED);
        CU_ASSERT_EQUAL(t.answer.why, FW_COAP_MALFORMED);
    }
    start();
    struct fw_coap_request request = get_image;
    request.etag_len = 1;
    request.etag[0] = 9;
    struct fw_coap_message m = ask(&request);
    CU_ASSERT_EQUAL(answer(&m, with_block2(block(0, true, 6), 1024)), FW_COAP_FAILED);
    CU_ASSERT_EQUAL(t.answer.why, FW_COAP_CHANGED);
}

static struct reply notification(uint16_t mid, int number)
{
    return (struct reply){.type = FW_COAP_CON,
                          .code = FW_COAP_CODE(2, 5),
                          .mid = mid,
                          .observe = number,
                          .payload = "n",
                          .payload_len = 1};
}

static struct fw_coap_message watch(int number)
{
    start();
    struct fw_coap_message m = ask(&observe_down);
    CU_ASSERT(m.has_observe && m.observe == 0);
    struct reply first = notification(0, number);
    first.type = FW_COAP_ACK;
    CU_ASSERT_EQUAL(answer(&m, first), FW_COAP_ANSWERED);
    CU_ASSERT(t.answer.observing);
    return m;
}

/* RFC 7641, 3.4. */
static void overtaken_notifications_are_acknowledged_and_dropped(void)
{
    const struct {
        int before, now;
        int64_t wait_us;
        enum fw_coap_event event;
    } rows[] = {
        {5, 6, 0, FW_COAP_NOTIFIED},
        {5, 5, 0, FW_COAP_NOTHING},
        {5, 4, 0, FW_COAP_NOTHING},
        {5, 4, 128 * S, FW_COAP_NOTHING},
        {5, 4, 128 * S + 1, FW_COAP_NOTIFIED},
        {0xFFFFFF, 0, 0, FW_COAP_NOTIFIED},
        {0, 0xFFFFFF, 0, FW_COAP_NOTHING},
        {0, 0x7FFFFF, 0, FW_COAP_NOTIFIED},
        {0, 0x800000, 0, FW_COAP_NOTHING},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fw_coap_message m = watch(rows[i].before);
        t.now_us += rows[i].wait_us;
        CU_ASSERT_EQUAL(answer(&m, notification(100, rows[i].now)), rows[i].event);
        CU_ASSERT_EQUAL(sent(0).type, FW_COAP_ACK);
    }
}

static void notifications_come_beside_an_exchange_and_once(void)
{
    struct fw_coap_message m = watch(1);
    struct fw_coap_request request = post_of(10);
    struct fw_coap_message posted = ask(&request);
    CU_ASSERT_EQUAL(answer(&m, notification(50, 2)), FW_COAP_NOTIFIED);
    CU_ASSERT_EQUAL(answer(&m, notification(50, 2)), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(t.count, 2); /* acknowledged twice */
    struct reply reply = {.type = FW_COAP_ACK, .code = FW_COAP_CODE(2, 4), .observe = -1};
    CU_ASSERT_EQUAL(answer(&posted, reply), FW_COAP_ANSWERED);
    CU_ASSERT(t.answer.observing);
}

static void an_observation_ends_with_an_error_or_without_the_option(void)
{
    struct fw_coap_message m = watch(1);
    struct reply last = notification(51, -1);
    last.code = FW_COAP_CODE(4, 4);
    CU_ASSERT_EQUAL(answer(&m, last), FW_COAP_NOTIFIED);
    CU_ASSERT_FALSE(t.answer.observing);
    t.count = 0;
    CU_ASSERT_EQUAL(answer(&m, notification(52, 9)), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(sent(0).type, FW_COAP_RST);

    start();
    m = ask(&observe_down);
    struct reply plain = notification(0, -1);
    plain.type = FW_COAP_ACK;
    CU_ASSERT_EQUAL(answer(&m, plain), FW_COAP_ANSWERED);
    CU_ASSERT_FALSE(t.answer.observing);
}

static void a_renewed_observation_keeps_its_token_and_begins_anew(void)
{
    struct fw_coap_message m = watch(900);
    struct fw_coap_message again = ask(&observe_down);
    CU_ASSERT_EQUAL(memcmp(again.token, m.token, m.token_len), 0);
    struct reply first = notification(0, 3); /* a gateway that started anew counts from the start */
    first.type = FW_COAP_ACK;
    CU_ASSERT_EQUAL(answer(&again, first), FW_COAP_ANSWERED);
    CU_ASSERT_EQUAL(answer(&m, notification(60, 4)), FW_COAP_NOTIFIED);
    fw_coap_client_reset(&t.client);
    t.count = 0;
    CU_ASSERT_EQUAL(answer(&m, notification(61, 5)), FW_COAP_NOTHING);
    CU_ASSERT_EQUAL(sent(0).type, FW_COAP_RST);
}

static void two_meters_choose_other_tokens_and_pauses(void)
{
    struct fw_coap_request request = post_of(10);
    start();
    struct fw_coap_message a = ask(&request);
    int64_t pause_us = t.client.pause_us;
    struct fw_coap_timing timing = t.client.timing;
    const struct fw_udp udp = t.client.udp;
    fw_coap_client_init(&t.client, &timing, &udp, 43);
    struct fw_coap_message b = ask(&request);
    CU_ASSERT_NOT_EQUAL(memcmp(a.token, b.token, 4), 0);
    CU_ASSERT_NOT_EQUAL(pause_us, t.client.pause_us);
}

static const struct unit_test tests[] = {
    {"the_examples_of_the_standard_are_written_and_read",
     the_examples_of_the_standard_are_written_and_read},
    {"options_are_read_by_their_numbers", options_are_read_by_their_numbers},
    {"options_are_written_as_they_are_read", options_are_written_as_they_are_read},
    {"malformed_messages_are_told_from_those_to_ignore",
     malformed_messages_are_told_from_those_to_ignore},
    {"no_prefix_is_read_beyond_its_end", no_prefix_is_read_beyond_its_end},
    {"an_answer_in_the_acknowledgement_ends_the_exchange",
     an_answer_in_the_acknowledgement_ends_the_exchange},
    {"a_request_is_repeated_four_times_byte_by_byte",
     a_request_is_repeated_four_times_byte_by_byte},
    {"an_answer_by_itself_is_acknowledged_and_taken_once",
     an_answer_by_itself_is_acknowledged_and_taken_once},
    {"an_acknowledged_request_without_an_answer_ends_after_a_minute",
     an_acknowledged_request_without_an_answer_ends_after_a_minute},
    {"a_reset_ends_the_exchange_only_with_its_message_id",
     a_reset_ends_the_exchange_only_with_its_message_id},
    {"strangers_messages_are_reset_or_ignored", strangers_messages_are_reset_or_ignored},
    {"an_unknown_critical_option_rejects_the_answer",
     an_unknown_critical_option_rejects_the_answer},
    {"a_busy_gateway_says_how_long", a_busy_gateway_says_how_long},
    {"a_long_body_leaves_in_blocks", a_long_body_leaves_in_blocks},
    {"blocks_that_were_lost_are_sent_anew_once", blocks_that_were_lost_are_sent_anew_once},
    {"blocks_that_are_too_large_become_smaller", blocks_that_are_too_large_become_smaller},
    {"a_gateway_that_counts_blocks_wrongly_is_left", a_gateway_that_counts_blocks_wrongly_is_left},
    {"a_download_comes_block_by_block", a_download_comes_block_by_block},
    {"a_download_goes_on_where_it_stopped", a_download_goes_on_where_it_stopped},
    {"a_block_that_does_not_belong_there_ends_the_download",
     a_block_that_does_not_belong_there_ends_the_download},
    {"overtaken_notifications_are_acknowledged_and_dropped",
     overtaken_notifications_are_acknowledged_and_dropped},
    {"notifications_come_beside_an_exchange_and_once",
     notifications_come_beside_an_exchange_and_once},
    {"an_observation_ends_with_an_error_or_without_the_option",
     an_observation_ends_with_an_error_or_without_the_option},
    {"a_renewed_observation_keeps_its_token_and_begins_anew",
     a_renewed_observation_keeps_its_token_and_begins_anew},
    {"two_meters_choose_other_tokens_and_pauses", two_meters_choose_other_tokens_and_pauses},
};

UNIT_MAIN("fw_coap", tests)
