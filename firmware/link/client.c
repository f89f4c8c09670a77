/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The CoAP client: exchanges, blocks, observation; see client.h. */
#include "firmware/link/client.h"

#include <string.h>

#define US_PER_S 1000000ll
#define EXCHANGE_LIFETIME_US (247 * US_PER_S) /* RFC 7252, 4.8.2 */
#define MAX_AGE_S 60u                         /* RFC 7252, 5.10.5 */
#define OBSERVE_HALF (1u << 23u)              /* RFC 7641, 3.4 */
#define OBSERVE_FRESH_US (128 * US_PER_S)
#define RETRANSMIT_MAX 10u

static void client_check(const struct fw_coap_client *client)
{
    MT_CHECK(client != NULL && client->udp.send != NULL);
    MT_CHECK(client->phase <= FW_COAP_ACKNOWLEDGED);
    MT_CHECK(client->szx <= FW_COAP_BLOCK_SZX);
    MT_CHECK(client->repetitions <= client->timing.retransmit_max);
    MT_CHECK(client->datagram_len <= sizeof(client->datagram));
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(struct fw_coap_client *client)
{
    client->random += 0x9E3779B97F4A7C15u;
    uint64_t z = client->random;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint32_t block_bytes(uint8_t szx)
{
    return 16u << szx;
}

void fw_coap_timing_default(struct fw_coap_timing *timing)
{
    MT_CHECK(timing != NULL);
    *timing = (struct fw_coap_timing){.ack_us = 2 * US_PER_S,
                                      .response_us = 60 * US_PER_S,
                                      .retransmit_max = 4};
}

void fw_coap_client_init(struct fw_coap_client *client, const struct fw_coap_timing *timing,
                         const struct fw_udp *udp, uint64_t seed)
{
    MT_CHECK(client != NULL && timing != NULL && udp != NULL && udp->send != NULL);
    MT_CHECK(timing->ack_us > 0 && timing->response_us > 0);
    MT_CHECK(timing->retransmit_max <= RETRANSMIT_MAX);
    memset(client, 0, sizeof(*client));
    client->timing = *timing;
    client->udp = *udp;
    client->random = seed;
    client->next_mid = (uint16_t)next_random(client);
}

void fw_coap_client_reset(struct fw_coap_client *client)
{
    client_check(client);
    client->phase = FW_COAP_IDLE;
    client->observing = false;
    memset(client->seen, 0, sizeof(client->seen));
}

void fw_coap_cancel(struct fw_coap_client *client)
{
    client_check(client);
    client->phase = FW_COAP_IDLE;
}

void fw_coap_ask(struct fw_coap_client *client, const struct fw_coap_request *request,
                 int64_t now_us)
{
    client_check(client);
    MT_CHECK(request->code == FW_COAP_GET || request->code == FW_COAP_POST);
    MT_CHECK(strlen(request->path) <= FW_COAP_PATH_MAX && request->etag_len <= FW_COAP_ETAG_MAX);
    MT_CHECK(request->payload_len <= FW_COAP_BODY_MAX);
    MT_CHECK(request->payload != NULL || request->payload_len == 0);
    MT_CHECK(request->offset % block_bytes(FW_COAP_BLOCK_SZX) == 0);
    client->request = *request;
    memcpy(client->path, request->path, strlen(request->path) + 1);
    client->request.path = NULL; /* the copy is what counts */
    client->szx = FW_COAP_BLOCK_SZX;
    client->offset = request->code == FW_COAP_GET ? request->offset : 0;
    client->restarted = false;
    client->phase = FW_COAP_READY;
    client->due_us = now_us;
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void send_datagram(struct fw_coap_client *client, const uint8_t *bytes, size_t len)
{
    client->stats.sent++;
    (void)client->udp.send(client->udp.context, bytes, len); /* lost here is as lost on the way */
}

/* An empty message: an acknowledgement or a reset. */
static void reply(struct fw_coap_client *client, enum fw_coap_type type, uint16_t mid)
{
    uint8_t bytes[4];
    struct fw_coap_writer writer;
    fw_coap_begin(&writer, bytes, sizeof(bytes));
    fw_coap_put_header(&writer, type, FW_COAP_EMPTY, mid, NULL, 0);
    send_datagram(client, bytes, writer.len);
}

static bool in_blocks(const struct fw_coap_client *client)
{
    return client->request.payload_len > block_bytes(client->szx) || client->offset > 0;
}

static void put_options(struct fw_coap_writer *writer, const struct fw_coap_client *client)
{
    const struct fw_coap_request *request = &client->request;
    const bool get = request->code == FW_COAP_GET;
    if (get && request->observe) {
        fw_coap_put_uint(writer, FW_COAP_OBSERVE, 0);
    }
    fw_coap_put_path(writer, client->path);
    if (request->payload_len > 0) {
        fw_coap_put_uint(writer, FW_COAP_CONTENT_FORMAT, request->format);
    }
    struct fw_coap_block block = {.present = true,
                                  .szx = client->szx,
                                  .num = client->offset / block_bytes(client->szx)};
    if (get && client->offset > 0) {
        fw_coap_put_block(writer, FW_COAP_BLOCK2, &block);
    }
    if (!get && in_blocks(client)) {
        block.more = request->payload_len - client->offset > block_bytes(client->szx);
        fw_coap_put_block(writer, FW_COAP_BLOCK1, &block);
    }
}

/* Each message is a request of its own, with a token of its own: an answer to the block before is then
 * never taken for this one's. A renewed observation keeps its token (RFC 7641, 3.3.1). */
static void build(struct fw_coap_client *client)
{
    const struct fw_coap_request *request = &client->request;
    if (request->observe && client->observing) {
        memcpy(client->token, client->observe_token, sizeof(client->token));
    } else {
        uint64_t chance = next_random(client);
        memcpy(client->token, &chance, sizeof(client->token));
    }
    client->mid = client->next_mid++;
    struct fw_coap_writer writer;
    fw_coap_begin(&writer, client->datagram, sizeof(client->datagram));
    fw_coap_put_header(&writer, FW_COAP_CON, request->code, client->mid, client->token,
                       sizeof(client->token));
    put_options(&writer, client);
    if (request->payload_len > 0) {
        size_t left = request->payload_len - client->offset;
        size_t max = block_bytes(client->szx);
        fw_coap_put_payload(&writer, request->payload + client->offset, left < max ? left : max);
    }
    MT_CHECK(!writer.overrun);
    client->datagram_len = writer.len;
}

static enum fw_coap_event failed(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                 enum fw_coap_failure why)
{
    client->phase = FW_COAP_IDLE;
    *answer = (struct fw_coap_answer){.why = why, .observing = client->observing};
    return FW_COAP_FAILED;
}

/* RFC 7252, 4.2: the first pause is ACK_TIMEOUT to ACK_TIMEOUT * 1.5. */
static void begin_message(struct fw_coap_client *client, int64_t now_us)
{
    build(client);
    int64_t half_us = client->timing.ack_us / 2;
    client->pause_us =
        client->timing.ack_us + (int64_t)(next_random(client) % (uint64_t)(half_us + 1));
    client->repetitions = 0;
    client->phase = FW_COAP_SENT;
    client->due_us = now_us + client->pause_us;
    send_datagram(client, client->datagram, client->datagram_len);
}

enum fw_coap_event fw_coap_step(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                int64_t now_us)
{
    client_check(client);
    MT_CHECK(answer != NULL);
    if (client->phase == FW_COAP_IDLE || now_us < client->due_us) {
        return FW_COAP_NOTHING;
    }
    if (client->phase == FW_COAP_READY) {
        begin_message(client, now_us);
        return FW_COAP_NOTHING;
    }
    if (client->phase == FW_COAP_ACKNOWLEDGED ||
        client->repetitions == client->timing.retransmit_max) {
        return failed(client, answer, FW_COAP_TIMEOUT);
    }
    client->repetitions++;
    client->stats.repeated++;
    client->pause_us *= 2;
    client->due_us = now_us + client->pause_us;
    send_datagram(client, client->datagram, client->datagram_len);
    return FW_COAP_NOTHING;
}

int64_t fw_coap_next_us(const struct fw_coap_client *client)
{
    client_check(client);
    return client->phase == FW_COAP_IDLE ? INT64_MAX : client->due_us;
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void fill(struct fw_coap_answer *answer, const struct fw_coap_client *client,
                 const struct fw_coap_message *message)
{
    *answer = (struct fw_coap_answer){
        .code = message->code,
        .has_format = message->has_format,
        .observing = client->observing,
        .more = message->block2.present && message->block2.more,
        .format = message->format,
        .max_age_s = message->has_max_age ? message->max_age_s : MAX_AGE_S,
        .size = message->has_size2 ? message->size2_bytes : 0,
        .etag_len = message->etag_len,
        .payload = message->payload,
        .payload_len = message->payload_len,
    };
    memcpy(answer->etag, message->etag, sizeof(answer->etag));
}

static bool is_success(uint8_t code)
{
    return code >> 5 == 2;
}

/* The same message or the next block, right away. */
static enum fw_coap_event go_on(struct fw_coap_client *client, int64_t now_us)
{
    client->phase = FW_COAP_READY;
    client->due_us = now_us;
    return FW_COAP_NOTHING;
}

/* RFC 7959, 2.5: the gateway has this block and wants the next, perhaps smaller ones. */
static enum fw_coap_event sent_block(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                     const struct fw_coap_message *message, int64_t now_us)
{
    const struct fw_coap_block *block = &message->block1;
    uint32_t bytes = block_bytes(client->szx);
    bool last = client->request.payload_len - client->offset <= bytes;
    if (!block->present || block->num != client->offset / bytes || block->szx > client->szx ||
        last) {
        return failed(client, answer, FW_COAP_MALFORMED);
    }
    client->offset += bytes;
    client->szx = block->szx;
    return go_on(client, now_us);
}

/* RFC 7959, 2.9.2 and 2.9.3: blocks were lost on the other side, or are too large. Once each way. */
static bool begin_anew(struct fw_coap_client *client, const struct fw_coap_message *message)
{
    bool smaller = message->code == FW_COAP_TOO_LARGE && message->block1.present &&
                   message->block1.szx < client->szx;
    bool lost = message->code == FW_COAP_INCOMPLETE && client->offset > 0 && !client->restarted;
    if (!smaller && !lost) {
        return false;
    }
    client->restarted |= lost;
    client->szx = smaller ? message->block1.szx : client->szx;
    client->offset = 0;
    return true;
}

static enum fw_coap_event posted(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                 const struct fw_coap_message *message, int64_t now_us)
{
    if (message->code == FW_COAP_CONTINUE) {
        return sent_block(client, answer, message, now_us);
    }
    if (client->request.payload_len > 0 && begin_anew(client, message)) {
        return go_on(client, now_us);
    }
    client->phase = FW_COAP_IDLE;
    fill(answer, client, message);
    return FW_COAP_ANSWERED;
}

/* The block is where it belongs, and of the size that it states (RFC 7959, 2.3). */
static bool block_fits(const struct fw_coap_client *client, const struct fw_coap_message *message)
{
    const struct fw_coap_block *block = &message->block2;
    if (!block->present) {
        return client->offset == 0;
    }
    uint64_t bytes = block_bytes(block->szx);
    bool full = message->payload_len == bytes;
    return block->num * bytes == client->offset && block->szx <= client->szx &&
           (full || (!block->more && message->payload_len < bytes)) &&
           client->offset <= UINT32_MAX - bytes;
}

static bool same_body(struct fw_coap_request *request, const struct fw_coap_message *message)
{
    if (request->etag_len == 0) {
        request->etag_len = message->etag_len;
        memcpy(request->etag, message->etag, sizeof(request->etag));
        return true;
    }
    return request->etag_len == message->etag_len &&
           memcmp(request->etag, message->etag, message->etag_len) == 0;
}

static enum fw_coap_event got(struct fw_coap_client *client, struct fw_coap_answer *answer,
                              const struct fw_coap_message *message, int64_t now_us)
{
    uint32_t offset = client->offset;
    client->phase = FW_COAP_IDLE;
    if (!is_success(message->code)) {
        fill(answer, client, message);
        return FW_COAP_ANSWERED;
    }
    if (!block_fits(client, message)) {
        return failed(client, answer, FW_COAP_MALFORMED);
    }
    if (!same_body(&client->request, message)) {
        return failed(client, answer, FW_COAP_CHANGED);
    }
    fill(answer, client, message);
    answer->offset = offset;
    if (!answer->more) {
        return FW_COAP_ANSWERED;
    }
    client->offset += block_bytes(message->block2.szx);
    client->szx = message->block2.szx;
    (void)go_on(client, now_us); /* the event is the block itself */
    return FW_COAP_PART;
}

/* RFC 7641, 4.1: the answer is the first notification when it has the option; without it the gateway
 * knows the resource and does not tell of changes. */
static enum fw_coap_event observed(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                   const struct fw_coap_message *message, int64_t now_us)
{
    client->phase = FW_COAP_IDLE;
    client->observing = is_success(message->code) && message->has_observe;
    client->observe_number = message->observe;
    client->observe_us = now_us;
    memcpy(client->observe_token, client->token, sizeof(client->token));
    fill(answer, client, message);
    return FW_COAP_ANSWERED;
}

static enum fw_coap_event answered(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                   const struct fw_coap_message *message, int64_t now_us)
{
    if (message->bad_option) {
        return failed(client, answer, FW_COAP_MALFORMED);
    }
    if (client->request.code == FW_COAP_POST) {
        return posted(client, answer, message, now_us);
    }
    return client->request.observe ? observed(client, answer, message, now_us)
                                   : got(client, answer, message, now_us);
}

/* RFC 7641, 3.4: newer by its number, which wraps, or by two minutes. */
static bool is_fresh(const struct fw_coap_client *client, uint32_t number, int64_t now_us)
{
    uint32_t before = client->observe_number;
    return (before < number && number - before < OBSERVE_HALF) ||
           (before > number && before - number > OBSERVE_HALF) ||
           now_us > client->observe_us + OBSERVE_FRESH_US;
}

static enum fw_coap_event notified(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                   const struct fw_coap_message *message, int64_t now_us)
{
    if (!is_success(message->code) || !message->has_observe || message->bad_option) {
        client->observing = false; /* RFC 7641, 3.2: an error is the last one */
    } else if (!is_fresh(client, message->observe, now_us)) {
        client->stats.stale++;
        return FW_COAP_NOTHING;
    }
    if (message->bad_option) {
        return FW_COAP_NOTHING;
    }
    client->observe_number = message->observe;
    client->observe_us = now_us;
    fill(answer, client, message);
    return FW_COAP_NOTIFIED;
}

/* ---- what comes in ---------------------------------------------------------------------------- */

static bool is_token(const struct fw_coap_message *message, const uint8_t *token)
{
    return message->token_len == FW_COAP_OWN_TOKEN_BYTES &&
           memcmp(message->token, token, FW_COAP_OWN_TOKEN_BYTES) == 0;
}

static bool is_waiting(const struct fw_coap_client *client)
{
    return client->phase == FW_COAP_SENT || client->phase == FW_COAP_ACKNOWLEDGED;
}

static bool is_response(uint8_t code)
{
    return code >> 5 == 2 || code >> 5 == 4 || code >> 5 == 5;
}

static struct fw_coap_seen *find_seen(struct fw_coap_client *client, uint16_t mid, int64_t now_us)
{
    for (uint32_t i = 0; i < FW_COAP_SEEN_COUNT; i++) {
        struct fw_coap_seen *seen = &client->seen[i];
        if (seen->used && seen->mid == mid && now_us < seen->at_us + EXCHANGE_LIFETIME_US) {
            return seen;
        }
    }
    return NULL;
}

/* Acknowledge or reset a message, and the same again should it be repeated. */
static void settle(struct fw_coap_client *client, const struct fw_coap_message *message,
                   enum fw_coap_type type, int64_t now_us)
{
    client->seen[client->seen_next] =
        (struct fw_coap_seen){.used = true, .mid = message->mid, .reply = type, .at_us = now_us};
    client->seen_next = (client->seen_next + 1) % FW_COAP_SEEN_COUNT;
    /* A reset of a notification that nobody asked for ends it (RFC 7641, 3.6), also when it is not
     * confirmable. */
    if (message->type == FW_COAP_CON || (type == FW_COAP_RST && message->has_observe)) {
        reply(client, type, message->mid);
    }
}

/* RFC 7252, 4.2 and 4.3: a message by itself, from the gateway. */
static enum fw_coap_event take_message(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                       const struct fw_coap_message *message, int64_t now_us)
{
    const struct fw_coap_seen *seen = find_seen(client, message->mid, now_us);
    if (seen != NULL) {
        client->stats.twice++;
        if (message->type == FW_COAP_CON) {
            reply(client, seen->reply, message->mid);
        }
        return FW_COAP_NOTHING;
    }
    bool mine = is_waiting(client) && is_token(message, client->token);
    bool watched = client->observing && is_token(message, client->observe_token);
    bool good = (mine || watched) && !message->bad_option;
    settle(client, message, good ? FW_COAP_ACK : FW_COAP_RST, now_us);
    if (mine) {
        return answered(client, answer, message, now_us);
    }
    if (watched) {
        return notified(client, answer, message, now_us);
    }
    client->stats.ignored++;
    return FW_COAP_NOTHING;
}

static enum fw_coap_event take_ack(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                   const struct fw_coap_message *message, int64_t now_us)
{
    bool mine = client->phase == FW_COAP_SENT && message->mid == client->mid;
    if (mine && message->code == FW_COAP_EMPTY) {
        client->phase = FW_COAP_ACKNOWLEDGED;
        client->due_us = now_us + client->timing.response_us;
        return FW_COAP_NOTHING;
    }
    /* The answer may overtake the empty acknowledgement, or have been repeated with it. */
    bool late = client->phase == FW_COAP_ACKNOWLEDGED && message->mid == client->mid;
    if ((mine || late) && is_response(message->code) && is_token(message, client->token)) {
        return answered(client, answer, message, now_us);
    }
    client->stats.ignored++;
    return FW_COAP_NOTHING;
}

enum fw_coap_event fw_coap_datagram(struct fw_coap_client *client, struct fw_coap_answer *answer,
                                    const uint8_t *bytes, size_t len, int64_t now_us)
{
    client_check(client);
    MT_CHECK(answer != NULL);
    struct fw_coap_message message;
    enum fw_coap_verdict verdict = fw_coap_read(&message, bytes, len);
    if (verdict == FW_COAP_IGNORE) {
        client->stats.ignored++;
        return FW_COAP_NOTHING;
    }
    if (message.type == FW_COAP_RST) {
        bool mine = is_waiting(client) && message.mid == client->mid &&
                    message.code == FW_COAP_EMPTY && verdict == FW_COAP_READ;
        client->stats.ignored += mine ? 0 : 1;
        return mine ? failed(client, answer, FW_COAP_REJECTED) : FW_COAP_NOTHING;
    }
    if (message.type == FW_COAP_ACK && verdict == FW_COAP_READ) {
        return take_ack(client, answer, &message, now_us);
    }
    /* 4.2: what cannot be read, asks something of a client, or is a ping, is reset when it is
     * confirmable and ignored when it is not. */
    if (verdict == FW_COAP_FORMAT_ERROR || !is_response(message.code)) {
        client->stats.ignored++;
        if (message.type == FW_COAP_CON) {
            reply(client, FW_COAP_RST, message.mid);
        }
        return FW_COAP_NOTHING;
    }
    return take_message(client, answer, &message, now_us);
}
