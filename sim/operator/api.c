/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The API for gateways: who is it, what is wanted, do it once. docs/operator-api.md is the contract. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/operator/operator.h"
#include "sim/operator/parse.h"

#define STATEMENT_BLOCK_BYTES 16384u

/** A request on its way through the checks. */
struct call {
    struct sim_operator *op;
    const struct sim_http_request *http;
    struct sim_http_reply *reply;
    bool post;
    char gateway[SIM_GATEWAY_ID_MAX + 1];
    char key[GW_ORDER_KEY_MAX + 1];
    struct sim_fault_plan faults;
};

static bool refuse(struct call *call, unsigned status, const char *code, const char *message)
{
    if (status == 401 || status == 403) {
        atomic_fetch_add(&call->op->stranger_count, 1);
    }
    sim_http_say(call->reply, status, code, message);
    return false;
}

/* The public key of a gateway, read from <dir>/gateways/<id>.pub when it is first seen. */
static const struct gw_sign_key *gateway_key(struct sim_operator *op, const char *id)
{
    char path[4096];
    struct gw_sign_key *key = NULL;
    (void)pthread_mutex_lock(&op->gateways_lock);
    for (uint32_t i = 0; i < op->gateway_count; i++) {
        if (strcmp(op->gateways[i].id, id) == 0) {
            key = op->gateways[i].key;
        }
    }
    int n = snprintf(path, sizeof path, "%s/gateways/%s.pub", op->dir, id);
    if (key == NULL && op->gateway_count < SIM_GATEWAYS_MAX && n > 0 && (size_t)n < sizeof path &&
        gw_sign_key_open_public(&key, path) == GW_OK) {
        struct sim_gateway *added = &op->gateways[op->gateway_count++];
        memcpy(added->id, id, strlen(id) + 1);
        added->key = key;
    }
    (void)pthread_mutex_unlock(&op->gateways_lock);
    return key;
}

static bool time_is_near(struct sim_operator *op, uint64_t time_us)
{
    /* A fast simulated clock runs on while a request is on its way, so the window grows with it. */
    int64_t window_us = SIM_DATE_WINDOW_US * op->clock.speed;
    int64_t off_us = gw_clock_now_us(&op->clock) - (int64_t)time_us;
    return off_us <= window_us && off_us >= -window_us;
}

static bool identify(struct call *call)
{
    char name[SIM_GATEWAY_ID_MAX + 1];
    const char *gateway = sim_http_header(call->http, "Meterpay-Gateway");
    if (!sim_id_valid(gateway, SIM_GATEWAY_ID_MAX) || strpbrk(gateway, "._") != NULL) {
        return refuse(call, 401, "gateway_unknown",
                      "Meterpay-Gateway must be 1 to 24 characters of A-Z a-z 0-9 and dash");
    }
    if (!sim_http_peer_name(name, sizeof name, call->http->connection) ||
        strcmp(name, gateway) != 0) {
        return refuse(call, 403, "certificate_mismatch",
                      "the client certificate's common name is not Meterpay-Gateway");
    }
    memcpy(call->gateway, gateway, strlen(gateway) + 1);
    return true;
}

static bool authenticate(struct call *call)
{
    uint64_t time_us = 0;
    const char *key = sim_http_header(call->http, "Idempotency-Key");
    if (!identify(call)) {
        return false;
    }
    const struct gw_sign_key *public = gateway_key(call->op, call->gateway);
    if (public == NULL) {
        return refuse(call, 401, "gateway_unknown", "no public key of this gateway is known here");
    }
    if (!sim_number_parse(&time_us, sim_http_header(call->http, "Meterpay-Time"), INT64_MAX)) {
        return refuse(call, 401, "time_invalid", "Meterpay-Time must be microseconds since 1970");
    }
    struct gw_sign_input input = {
        .method = call->http->method,
        .target = call->http->target,
        .gateway = call->gateway,
        .time_us = (int64_t)time_us,
        .key = key,
        .body = call->http->body,
        .body_bytes = call->http->body_bytes,
    };
    if (!gw_sign_verify(public, &input, sim_http_header(call->http, "Meterpay-Signature"))) {
        return refuse(call, 401, "signature_invalid",
                      "Meterpay-Signature does not fit this request");
    }
    if (!time_is_near(call->op, time_us)) {
        return refuse(call, 401, "time_invalid",
                      "Meterpay-Time is more than 300 s off: is the gateway's clock right?");
    }
    if (call->post && !sim_id_valid(key, GW_ORDER_KEY_MAX)) {
        return refuse(call, 400, "request_invalid",
                      "a POST needs an Idempotency-Key of 1 to 40 characters of A-Z a-z 0-9 . _ -");
    }
    (void)snprintf(call->key, sizeof call->key, "%s", call->post ? key : "");
    return true;
}

/** A request in the writer's hands. */
struct executing {
    const struct sim_request *request;
    struct sim_answer answer;
};

static void execute(void *arg, struct sim_book *book, int64_t now_us)
{
    struct executing *executing = arg;
    sim_book_execute(book, &executing->answer, executing->request, now_us);
}

static void broken(struct sim_http_reply *reply, enum gw_status status)
{
    sim_http_say(reply, status == GW_FULL ? 503 : 500, "internal",
                 status == GW_FULL ? "the operator's disk is full" : "the operator's books failed");
}

static void run(struct call *call, const struct sim_request *request)
{
    struct executing executing = {.request = request};
    enum gw_status status = sim_writer_do(call->op->writer, execute, &executing);
    if (status != GW_OK || executing.answer.body == NULL) {
        free(executing.answer.body);
        broken(call->reply, status);
        return;
    }
    call->reply->answer = executing.answer;
}

/* The network repeats itself: the second answer must say the same, and it is the one that is sent. */
static void run_twice(struct call *call, const struct sim_request *request)
{
    run(call, request);
    free(call->reply->answer.body);
    memset(&call->reply->answer, 0, sizeof call->reply->answer);
    run(call, request);
}

/* The key between a prefix and a suffix of the path: "/v1/reservations/KEY/capture". */
static bool path_key(char key[GW_ORDER_KEY_MAX + 1], const char *path, const char *prefix,
                     const char *suffix)
{
    size_t prefix_len = strlen(prefix);
    size_t suffix_len = strlen(suffix);
    size_t len = strlen(path);
    if (len <= prefix_len + suffix_len || len - prefix_len - suffix_len > GW_ORDER_KEY_MAX ||
        strncmp(path, prefix, prefix_len) != 0 || strcmp(path + len - suffix_len, suffix) != 0) {
        return false;
    }
    memcpy(key, path + prefix_len, len - prefix_len - suffix_len);
    key[len - prefix_len - suffix_len] = '\0';
    return sim_id_valid(key, GW_ORDER_KEY_MAX);
}

static bool route_post(struct sim_request *request, const char *path)
{
    if (strcmp(path, "/v1/reservations") == 0) {
        request->action = SIM_ACTION_RESERVE;
    } else if (strcmp(path, "/v1/refunds") == 0) {
        request->action = SIM_ACTION_REFUND;
    } else if (path_key(request->order_key, path, "/v1/reservations/", "/capture")) {
        request->action = SIM_ACTION_CAPTURE;
    } else if (path_key(request->order_key, path, "/v1/reservations/", "/void")) {
        request->action = SIM_ACTION_VOID;
    } else {
        return false;
    }
    return true;
}

/* Method, target and body: all that makes a request with a key this request. */
static void hash_request(struct sim_request *request, const struct sim_http_request *http)
{
    char text[64 + 8 + GW_SIGN_TARGET_BYTES_MAX + 4];
    char body_hex[65];
    gw_sign_sha256_hex(body_hex, http->body, http->body_bytes);
    int n = snprintf(text, sizeof text, "%s %s %s", http->method, http->target, body_hex);
    MT_CHECK(n > 0 && (size_t)n < sizeof text); /* the signature held the target within its limit */
    gw_sign_sha256_hex(request->hash, text, (size_t)n);
}

static void handle_post(struct call *call)
{
    char error[SIM_PARSE_ERROR_BYTES];
    struct sim_request request = {0};
    if (!route_post(&request, call->http->path)) {
        (void)refuse(call, 404, "not_found", "there is no such path; see docs/operator-api.md");
        return;
    }
    if (!sim_request_parse(&request, error, call->http->body, call->http->body_bytes)) {
        (void)refuse(call, 400, "request_invalid", error);
        return;
    }
    memcpy(request.gateway, call->gateway, sizeof request.gateway);
    memcpy(request.key, call->key, sizeof request.key);
    hash_request(&request, call->http);
    if (call->faults.hit[SIM_FAULT_DUPLICATE]) {
        run_twice(call, &request);
    } else {
        run(call, &request);
    }
}

/** A statement on its way out. */
struct streaming {
    struct sim_operator *op;
    struct sim_statement statement;
    size_t used; /**< Of block, already given to the network. */
    size_t len;
    char block[STATEMENT_BLOCK_BYTES];
};

static ssize_t stream_more(void *arg, uint64_t position, char *out, size_t room)
{
    struct streaming *streaming = arg;
    (void)position;
    if (streaming->used == streaming->len) {
        enum gw_status status =
            sim_statement_next(&streaming->statement, streaming->op->book, streaming->block,
                               &streaming->len, sizeof streaming->block);
        streaming->used = 0;
        if (status != GW_OK) {
            streaming->len = 0;
            return status == GW_END ? MHD_CONTENT_READER_END_OF_STREAM
                                    : MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    size_t left = streaming->len - streaming->used;
    size_t n = left < room ? left : room;
    memcpy(out, streaming->block + streaming->used, n);
    streaming->used += n;
    return (ssize_t)n;
}

static void note_time(void *arg, struct sim_book *book, int64_t now_us)
{
    (void)book;
    *(int64_t *)arg = now_us;
}

static void handle_statement(struct call *call, int32_t day, uint64_t after)
{
    int64_t now_us = 0;
    struct streaming *streaming = calloc(1, sizeof *streaming);
    /* A turn of the writer: every movement of an earlier time has been committed after it. */
    enum gw_status status =
        streaming == NULL ? GW_IO : sim_writer_do(call->op->writer, note_time, &now_us);
    if (status == GW_OK) {
        streaming->op = call->op;
        status = sim_statement_begin(&streaming->statement, call->op->book, call->gateway, day,
                                     after, now_us);
    }
    struct MHD_Response *response = NULL;
    if (status == GW_OK) {
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STATEMENT_BLOCK_BYTES,
                                                     stream_more, streaming, free);
    }
    if (response == NULL) {
        free(streaming);
        broken(call->reply, GW_IO);
        return;
    }
    (void)MHD_add_response_header(response, "Content-Type",
                                  "application/x-ndjson"); /* without it the body is the same */
    call->reply->answer.http_status = 200;
    call->reply->response = response;
}

static void handle_get(struct call *call)
{
    char key[GW_ORDER_KEY_MAX + 1];
    static const char statements[] = "/v1/statements/";
    const char *path = call->http->path;
    int32_t day = 0;
    uint64_t after = 0;
    if (path_key(key, path, "/v1/orders/", "")) {
        if (sim_book_order(call->op->book, &call->reply->answer, call->gateway, key) != GW_OK) {
            broken(call->reply, GW_IO);
        }
        return;
    }
    if (strncmp(path, statements, sizeof statements - 1) != 0) {
        (void)refuse(call, 404, "not_found", "there is no such path; see docs/operator-api.md");
        return;
    }
    const char *query = sim_http_query(call->http, "after");
    if (!sim_day_parse(&day, path + sizeof statements - 1) ||
        (query != NULL && !sim_number_parse(&after, query, INT64_MAX))) {
        (void)refuse(call, 400, "request_invalid",
                     "expected /v1/statements/2026-01-31 and a whole number for `after`");
        return;
    }
    handle_statement(call, day, after);
}

static void fail(struct sim_http_reply *reply)
{
    free(reply->answer.body);
    reply->answer.body = NULL;
    sim_http_say(reply, 500, "internal", "a fault that was asked for");
}

/* Faults that strike after the work was done. */
static void spoil_reply(struct call *call)
{
    const struct sim_fault_plan *faults = &call->faults;
    struct sim_http_reply *reply = call->reply;
    if (faults->hit[SIM_FAULT_ERROR_AFTER]) {
        fail(reply);
    }
    if (faults->hit[SIM_FAULT_GARBLED] && reply->answer.body != NULL) {
        reply->answer.http_status = 200;
        reply->answer.body[strlen(reply->answer.body) / 2] = '\0';
    }
    if (faults->hit[SIM_FAULT_SLOW]) {
        sim_faults_sleep(&call->op->faults, faults->ms);
    }
    reply->drop = faults->hit[SIM_FAULT_REPLY_LOST];
}

void sim_api_handle(void *arg, const struct sim_http_request *request, struct sim_http_reply *reply)
{
    struct call call = {.op = arg, .http = request, .reply = reply};
    call.post = strcmp(request->method, "POST") == 0;
    if (!call.post && strcmp(request->method, "GET") != 0) {
        sim_http_say(reply, 405, "method_not_allowed", "only GET and POST are served");
        return;
    }
    if (!authenticate(&call)) {
        return;
    }
    atomic_fetch_add(&call.op->request_count, 1);
    call.faults = sim_faults_next(&call.op->faults, call.post);
    if (call.faults.hit[SIM_FAULT_REQUEST_LOST]) {
        reply->drop = true;
        return;
    }
    if (call.faults.hit[SIM_FAULT_ERROR]) {
        fail(reply);
        return;
    }
    if (call.post) {
        handle_post(&call);
    } else {
        handle_get(&call);
    }
    spoil_reply(&call);
}
