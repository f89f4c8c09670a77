/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The client of the wallet operator, on libcurl's multi interface. See operator_https.h.
 *
 *  Orders come through a ring of structs with one writer (the core's thread) and one reader (ours). A
 *  "flight" is a connection's worth of work: the handle, the order that it carries, its bytes.
 *
 *  libcurl sends a request again by itself when a kept-alive connection turns out to be dead. Bodies
 *  are given to it by a callback that cannot be rewound, which turns such a second sending into an
 *  error: rule 4 of the design says that a request which may have arrived is asked about, not repeated.
 */
#include "gateway/adapters/operator_https.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>

#include "gateway/adapters/operator_reply.h"
#include "gateway/adapters/operator_sign.h"
#include "gateway/core/civil.h"

#define URL_BYTES 512u
#define BASE_URL_MAX 200u
#define CONNECT_TIMEOUT_MS_MAX 5000u
#define IDLE_S 45l /**< A connection idle for longer is not used again: servers close at 60 s. */
#define STATEMENT_STALL_S 30l /**< A statement that stands still that long is broken off. */

/** What one request needs besides its order. */
struct wire {
    CURL *easy;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
};

/** One order on the wire. */
struct flight {
    struct gw_operator *op;
    struct wire wire;
    bool busy;
    struct gw_order_request order;
    char *body; /**< NULL for a question. */
    size_t body_bytes;
    size_t body_sent;
    char *reply; /**< GW_OPERATOR_REPLY_BYTES_MAX, for as long as the adapter lives. */
    size_t reply_bytes;
    bool reply_too_long;
};

/** A statement on the wire. Belongs to our thread while `state` is not FREE. */
struct fetch {
    _Atomic int state;
    struct gw_statement_request request;
    struct gw_statement_sum sum;
    struct gw_statement_end end;
    struct wire wire;
    char line[GW_OPERATOR_LINE_BYTES_MAX];
    size_t line_bytes;
    bool corrupt;
};
enum { FETCH_FREE, FETCH_CLAIMED, FETCH_WAITING, FETCH_FLYING };

struct gw_operator {
    struct gw_operator_config
        config; /**< Its strings are not ours: only the copies below are used. */
    char base_url[BASE_URL_MAX + 1];
    char gateway_id[GW_OPERATOR_GATEWAY_ID_MAX + 1];
    struct gw_sign_key *signing_key;
    CURLM *multi;
    pthread_t thread;
    _Atomic bool stopping;

    struct gw_order_request *queue; /**< queue_max of them. */
    _Atomic uint64_t head;          /**< Orders handed over, ever. Written by the core's thread. */
    _Atomic uint64_t tail;          /**< Orders taken, ever. Written by ours. */

    struct flight *flights;
    _Atomic uint32_t flying;
    struct fetch fetch;

    _Atomic uint64_t sent_count;
    _Atomic uint64_t asked_count;
    _Atomic uint64_t done_count;
    _Atomic uint64_t refused_count;
    _Atomic uint64_t unknown_count;
    _Atomic uint64_t no_answer_count;
    _Atomic uint64_t trust_count;
    _Atomic uint64_t garbled_count;

    pthread_mutex_t problem_lock;
    char problem[GW_OPERATOR_PROBLEM_BYTES]; /**< Guarded by problem_lock. */
};

/* ---- small things -------------------------------------------------------------------------------- */

static void set_problem(struct gw_operator *op, const char *text)
{
    (void)pthread_mutex_lock(&op->problem_lock);
    (void)snprintf(op->problem, sizeof op->problem, "%s", text);
    (void)pthread_mutex_unlock(&op->problem_lock);
}

void gw_operator_problem(struct gw_operator *op, char problem[GW_OPERATOR_PROBLEM_BYTES])
{
    (void)pthread_mutex_lock(&op->problem_lock);
    memcpy(problem, op->problem, sizeof op->problem);
    (void)pthread_mutex_unlock(&op->problem_lock);
}

void gw_operator_counts(struct gw_operator *op, struct gw_operator_counts *counts)
{
    uint64_t tail = atomic_load(&op->tail);
    *counts = (struct gw_operator_counts){
        .sent_count = atomic_load(&op->sent_count),
        .asked_count = atomic_load(&op->asked_count),
        .done_count = atomic_load(&op->done_count),
        .refused_count = atomic_load(&op->refused_count),
        .unknown_count = atomic_load(&op->unknown_count),
        .no_answer_count = atomic_load(&op->no_answer_count),
        .trust_count = atomic_load(&op->trust_count),
        .garbled_count = atomic_load(&op->garbled_count),
        .queued_count = (uint32_t)(atomic_load(&op->head) - tail),
        .flying_count = atomic_load(&op->flying),
    };
}

/* True for the errors that say "their certificate, or ours, is wrong". An alert is the other side's word
 * for it; a connection that merely broke during the handshake is not taken for one. */
static bool is_trust_error(CURLcode code, const char *text)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
           code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_CIPHER || strstr(text, "alert") != NULL;
}

/* ---- libcurl's handles ----------------------------------------------------------------------------- */

static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
    struct flight *flight = arg;
    size_t room = size * count;
    size_t left = flight->body_bytes - flight->body_sent;
    size_t n = left < room ? left : room;
    memcpy(out, flight->body + flight->body_sent, n);
    flight->body_sent += n;
    return n;
}

/* Once a byte of the body has gone out, it does not go out a second time. */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
    struct flight *flight = arg;
    bool untouched = flight->body_sent == 0 && offset == 0 && origin == SEEK_SET;
    return untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static size_t take_reply(char *bytes, size_t size, size_t count, void *arg)
{
    struct flight *flight = arg;
    size_t len = size * count;
    if (len > GW_OPERATOR_REPLY_BYTES_MAX - flight->reply_bytes) {
        flight->reply_too_long = true;
        return 0; /* breaks the transfer off */
    }
    memcpy(flight->reply + flight->reply_bytes, bytes, len);
    flight->reply_bytes += len;
    return len;
}

/* Options that never change; false when libcurl does not know one of them. */
static bool set_up(const struct gw_operator_config *config, struct wire *wire)
{
    CURL *easy = curl_easy_init();
    uint32_t connect_ms =
        config->timeout_ms < CONNECT_TIMEOUT_MS_MAX ? config->timeout_ms : CONNECT_TIMEOUT_MS_MAX;
    wire->easy = easy;
    if (easy == NULL) {
        return false;
    }
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, wire->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLCERT, config->certificate_file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLKEY, config->key_file) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms) == CURLE_OK;
}

static bool set_up_flight(struct gw_operator *op, struct flight *flight)
{
    CURL *easy = set_up(&op->config, &flight->wire) ? flight->wire.easy : NULL;
    flight->op = op;
    flight->reply = malloc(GW_OPERATOR_REPLY_BYTES_MAX);
    return easy != NULL && flight->reply != NULL &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)op->config.timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, flight) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKDATA, flight) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_reply) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, flight) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, flight) == CURLE_OK;
}

static bool add_header(struct wire *wire, const char *name, const char *value)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *grown =
        n > 0 && (size_t)n < sizeof line ? curl_slist_append(wire->headers, line) : NULL;
    if (grown == NULL) {
        return false;
    }
    wire->headers = grown;
    return true;
}

/* URL, headers and signature of a request. False: it cannot be made (no memory, a strange key). */
static bool address(struct gw_operator *op, struct wire *wire, const struct gw_sign_input *what)
{
    char url[URL_BYTES];
    char time[24];
    char signature[GW_SIGNATURE_HEX + 1];
    struct gw_sign_input input = *what;
    input.gateway = op->gateway_id;
    input.time_us = gw_clock_now_us(op->config.clock);
    int n = snprintf(url, sizeof url, "%s%s", op->base_url, input.target);
    (void)snprintf(time, sizeof time, "%" PRId64, input.time_us);
    curl_slist_free_all(wire->headers);
    wire->headers = NULL;
    if (n < 0 || (size_t)n >= sizeof url ||
        gw_sign_request(signature, op->signing_key, &input) != GW_OK) {
        return false;
    }
    bool made = add_header(wire, "Meterpay-Gateway", op->gateway_id) &&
                add_header(wire, "Meterpay-Time", time) &&
                add_header(wire, "Meterpay-Signature", signature) &&
                add_header(wire, "Accept", "application/json");
    if (made && input.key[0] != '\0') {
        made = add_header(wire, "Idempotency-Key", input.key) &&
               add_header(wire, "Content-Type", "application/json") &&
               add_header(wire, "Expect", ""); /* no "100-continue" round trip */
    }
    wire->error[0] = '\0';
    return made && curl_easy_setopt(wire->easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(wire->easy, CURLOPT_HTTPHEADER, wire->headers) == CURLE_OK;
}

/* ---- orders ---------------------------------------------------------------------------------------- */

static _Atomic uint64_t *counter_of(struct gw_operator *op, enum gw_order_event event)
{
    switch (event) {
    case GW_ORDER_EV_DONE:
        return &op->done_count;
    case GW_ORDER_EV_REFUSED:
        return &op->refused_count;
    case GW_ORDER_EV_UNKNOWN:
        return &op->unknown_count;
    case GW_ORDER_EV_NO_ANSWER:
    case GW_ORDER_EV_TIMER:
    case GW_ORDER_EV_RESTART:
        break;
    }
    return &op->no_answer_count;
}

static void count_event(struct gw_operator *op, const struct gw_operator_judgement *judgement)
{
    atomic_fetch_add(counter_of(op, judgement->result.event), 1);
    if (judgement->trust) {
        atomic_fetch_add(&op->trust_count, 1);
    }
    if (judgement->garbled) {
        atomic_fetch_add(&op->garbled_count, 1);
    }
    if (judgement->why[0] != '\0') {
        set_problem(op, judgement->why);
    }
}

static void deliver(struct gw_operator *op, const struct gw_operator_judgement *judgement)
{
    count_event(op, judgement);
    op->config.deliver(op->config.deliver_arg, &judgement->result);
}

/* The transfer failed before a whole reply was here. */
static void judge_failure(struct gw_operator_judgement *judgement, const struct flight *flight,
                          CURLcode code)
{
    const char *what =
        flight->wire.error[0] != '\0' ? flight->wire.error : curl_easy_strerror(code);
    memset(judgement, 0, sizeof *judgement);
    judgement->result.number = flight->order.number;
    judgement->result.event = GW_ORDER_EV_NO_ANSWER;
    judgement->trust = is_trust_error(code, what);
    judgement->garbled = flight->reply_too_long;
    (void)snprintf(judgement->why, sizeof judgement->why, "order %.40s: %.180s", flight->order.key,
                   flight->reply_too_long ? "the operator's reply is longer than 64 KiB" : what);
}

static void fail_start(struct gw_operator *op, const struct gw_order_request *order)
{
    struct gw_operator_judgement judgement = {0};
    judgement.result.number = order->number;
    judgement.result.event = GW_ORDER_EV_NO_ANSWER;
    (void)snprintf(judgement.why, sizeof judgement.why,
                   "order %.40s: the request cannot be made: no memory, or a key or wallet id that "
                   "no URL may hold",
                   order->key);
    deliver(op, &judgement);
}

/* A key goes into a path as it is: it must not be able to become another path. */
static bool plain_key(const char *key)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(key);
    return len >= 1 && len <= GW_ORDER_KEY_MAX && strspn(key, allowed) == len &&
           strspn(key, ".") != len;
}

static bool prepare_ask(struct flight *flight)
{
    char target[64];
    struct gw_sign_input what = {.method = "GET", .target = target, .key = ""};
    (void)snprintf(target, sizeof target, "/v1/orders/%s", flight->order.key);
    return address(flight->op, &flight->wire, &what) &&
           curl_easy_setopt(flight->wire.easy, CURLOPT_HTTPGET, 1l) == CURLE_OK;
}

static bool prepare_send(struct flight *flight)
{
    flight->body = gw_operator_body(&flight->order);
    if (flight->body == NULL) {
        return false;
    }
    flight->body_bytes = strlen(flight->body);
    struct gw_sign_input what = {
        .method = "POST",
        .target = flight->order.kind == GW_ORDER_DEBIT ? "/v1/reservations" : "/v1/refunds",
        .key = flight->order.key,
        .body = flight->body,
        .body_bytes = flight->body_bytes,
    };
    return address(flight->op, &flight->wire, &what) &&
           curl_easy_setopt(flight->wire.easy, CURLOPT_POST, 1l) == CURLE_OK &&
           curl_easy_setopt(flight->wire.easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t)flight->body_bytes) == CURLE_OK;
}

static void land(struct flight *flight)
{
    free(flight->body);
    flight->body = NULL;
    flight->busy = false;
}

static void start(struct gw_operator *op, struct flight *flight,
                  const struct gw_order_request *order)
{
    bool ask = order->action == GW_ORDER_DO_ASK;
    MT_CHECK(!flight->busy);
    flight->order = *order;
    flight->body = NULL;
    flight->body_bytes = 0;
    flight->body_sent = 0;
    flight->reply_bytes = 0;
    flight->reply_too_long = false;
    flight->busy = true;
    if (!plain_key(order->key) || !(ask ? prepare_ask(flight) : prepare_send(flight)) ||
        curl_multi_add_handle(op->multi, flight->wire.easy) != CURLM_OK) {
        land(flight);
        fail_start(op, order);
        return;
    }
    atomic_fetch_add(ask ? &op->asked_count : &op->sent_count, 1);
    atomic_fetch_add(&op->flying, 1);
}

static void finish(struct gw_operator *op, struct flight *flight, CURLcode code)
{
    struct gw_operator_judgement judgement;
    long http_status = 0;
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(flight->wire.easy, CURLINFO_RESPONSE_CODE, &http_status);
        gw_operator_judge(&judgement, &flight->order, http_status, flight->reply,
                          flight->reply_bytes);
    } else {
        judge_failure(&judgement, flight, code);
    }
    (void)curl_multi_remove_handle(op->multi, flight->wire.easy); /* it was added */
    land(flight);
    atomic_fetch_sub(&op->flying, 1);
    deliver(op, &judgement);
}

/* Orders that wait onto flights that are free. */
static void start_waiting(struct gw_operator *op)
{
    uint64_t tail = atomic_load_explicit(&op->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&op->head, memory_order_acquire);
    for (uint32_t i = 0; i < op->config.concurrency_max && tail != head; i++) {
        if (!op->flights[i].busy) {
            start(op, &op->flights[i], &op->queue[tail % op->config.queue_max]);
            tail++;
            atomic_store_explicit(&op->tail, tail, memory_order_release);
        }
    }
}

enum gw_status gw_operator_send(struct gw_operator *op, const struct gw_order_request *request)
{
    MT_CHECK(op != NULL && request != NULL);
    MT_CHECK(request->action == GW_ORDER_DO_SEND || request->action == GW_ORDER_DO_ASK);
    uint64_t head = atomic_load_explicit(&op->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&op->tail, memory_order_acquire) >= op->config.queue_max) {
        return GW_FULL;
    }
    op->queue[head % op->config.queue_max] = *request;
    atomic_store_explicit(&op->head, head + 1, memory_order_release);
    (void)curl_multi_wakeup(op->multi); /* at worst it is seen at the next turn, within a second */
    return GW_OK;
}

/* ---- statements ------------------------------------------------------------------------------------ */

static void take_line(struct fetch *fetch)
{
    struct gw_statement_row row;
    enum gw_status status =
        gw_statement_line(&fetch->sum, &row, &fetch->end, fetch->line, fetch->line_bytes);
    fetch->line_bytes = 0;
    if (status == GW_OK) {
        fetch->request.row(fetch->request.arg, &row);
    } else if (status != GW_END) {
        fetch->corrupt = true;
    }
}

static size_t take_lines(char *bytes, size_t size, size_t count, void *arg)
{
    struct fetch *fetch = arg;
    size_t len = size * count;
    long http_status = 0;
    (void)curl_easy_getinfo(fetch->wire.easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status != 200) {
        return 0; /* an error's text is not wanted */
    }
    for (size_t i = 0; i < len && !fetch->corrupt; i++) {
        if (bytes[i] == '\n') {
            take_line(fetch);
        } else if (fetch->line_bytes == sizeof fetch->line) {
            fetch->corrupt = true;
        } else {
            fetch->line[fetch->line_bytes++] = bytes[i];
        }
    }
    return fetch->corrupt ? 0 : len;
}

static bool set_up_fetch(struct gw_operator *op)
{
    struct fetch *fetch = &op->fetch;
    CURL *easy = set_up(&op->config, &fetch->wire) ? fetch->wire.easy : NULL;
    /* No limit on the whole: a large day may take its time, as long as it moves. */
    return easy != NULL && curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1l) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STATEMENT_STALL_S) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_lines) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPGET, 1l) == CURLE_OK;
}

static void end_fetch(struct gw_operator *op, enum gw_status status, const char *problem)
{
    struct fetch *fetch = &op->fetch;
    struct gw_statement_request request = fetch->request;
    struct gw_statement_end end = {.status = status, .last_seq = fetch->sum.last_seq};
    if (status == GW_OK) {
        end = fetch->end;
    } else {
        char text[GW_OPERATOR_PROBLEM_BYTES];
        (void)snprintf(text, sizeof text, "statement: %.200s", problem);
        set_problem(op, text);
    }
    atomic_store(&fetch->state, FETCH_FREE); /* before the callback, which may ask for the next */
    request.end(request.arg, &end);
}

static void start_fetch(struct gw_operator *op)
{
    struct fetch *fetch = &op->fetch;
    char target[80];
    struct gw_date date = gw_date_of_day(fetch->request.day);
    struct gw_sign_input what = {.method = "GET", .target = target, .key = ""};
    (void)snprintf(target, sizeof target, "/v1/statements/%04d-%02u-%02u?after=%" PRIu64,
                   (int)date.year, date.month, date.day, fetch->request.after);
    memset(&fetch->sum, 0, sizeof fetch->sum);
    fetch->sum.after = fetch->request.after;
    fetch->sum.last_seq = fetch->request.after;
    fetch->line_bytes = 0;
    fetch->corrupt = false;
    atomic_store(&fetch->state, FETCH_FLYING);
    if (!address(op, &fetch->wire, &what) ||
        curl_multi_add_handle(op->multi, fetch->wire.easy) != CURLM_OK) {
        end_fetch(op, GW_IO, "the request cannot be made: no memory");
    }
}

static void finish_fetch(struct gw_operator *op, CURLcode code)
{
    struct fetch *fetch = &op->fetch;
    long http_status = 0;
    char text[64];
    (void)curl_easy_getinfo(fetch->wire.easy, CURLINFO_RESPONSE_CODE, &http_status);
    (void)curl_multi_remove_handle(op->multi, fetch->wire.easy); /* it was added */
    if (http_status == 401 || http_status == 403 || is_trust_error(code, fetch->wire.error)) {
        atomic_fetch_add(&op->trust_count, 1);
    }
    if (http_status != 0 && http_status != 200) {
        (void)snprintf(text, sizeof text, "the operator answered HTTP %ld", http_status);
        end_fetch(op, http_status >= 400 && http_status < 500 ? GW_INVALID : GW_IO, text);
    } else if (fetch->corrupt) {
        atomic_fetch_add(&op->garbled_count, 1);
        end_fetch(op, GW_CORRUPT, "a line cannot be read or contradicts the others");
    } else if (code != CURLE_OK || !fetch->sum.ended) {
        end_fetch(op, GW_IO,
                  fetch->wire.error[0] != '\0' ? fetch->wire.error : "it broke off before its end");
    } else {
        end_fetch(op, GW_OK, "");
    }
}

enum gw_status gw_operator_statement(struct gw_operator *op,
                                     const struct gw_statement_request *request)
{
    int free_state = FETCH_FREE;
    MT_CHECK(op != NULL && request->row != NULL && request->end != NULL && request->day >= 0);
    if (!atomic_compare_exchange_strong(&op->fetch.state, &free_state, FETCH_CLAIMED)) {
        return GW_BUSY;
    }
    op->fetch.request = *request;
    atomic_store(&op->fetch.state, FETCH_WAITING);
    (void)curl_multi_wakeup(op->multi); /* at worst it is seen at the next turn, within a second */
    return GW_OK;
}

/* ---- the thread ------------------------------------------------------------------------------------ */

static void finish_all(struct gw_operator *op)
{
    int left = 0;
    for (CURLMsg *message = curl_multi_info_read(op->multi, &left); message != NULL;
         message = curl_multi_info_read(op->multi, &left)) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result; /* the message dies with the removal of its handle */
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        if (easy == op->fetch.wire.easy) {
            finish_fetch(op, code);
        } else {
            struct flight *flight = NULL;
            (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
            finish(op, flight, code);
        }
    }
}

static void *work(void *arg)
{
    struct gw_operator *op = arg;
    int running = 0;
    while (!atomic_load(&op->stopping)) {
        start_waiting(op);
        if (atomic_load(&op->fetch.state) == FETCH_WAITING) {
            start_fetch(op);
        }
        if (curl_multi_perform(op->multi, &running) != CURLM_OK) {
            set_problem(op, "libcurl failed; orders stay unsure until it works again");
        }
        finish_all(op);
        bool waiting = atomic_load(&op->head) != atomic_load(&op->tail) &&
                       atomic_load(&op->flying) < op->config.concurrency_max;
        if (!waiting) {
            (void)curl_multi_poll(op->multi, NULL, 0, 1000, NULL); /* woken, or after a second */
        }
    }
    return NULL;
}

/* ---- open and close -------------------------------------------------------------------------------- */

static bool say(char *problem, const char *format, const char *value)
{
    (void)snprintf(problem, GW_OPERATOR_PROBLEM_BYTES, format, value == NULL ? "(none)" : value);
    return false;
}

static bool url_valid(const char *url)
{
    static const char start_text[] = "https://";
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]";
    size_t len = url == NULL ? 0 : strlen(url);
    size_t start_len = sizeof start_text - 1;
    return len > start_len && len <= BASE_URL_MAX && strncmp(url, start_text, start_len) == 0 &&
           strspn(url + start_len, allowed) == len - start_len;
}

static bool id_valid(const char *id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = id == NULL ? 0 : strlen(id);
    return len >= 1 && len <= GW_OPERATOR_GATEWAY_ID_MAX && strspn(id, allowed) == len;
}

/* A certificate must be there; a key must be there and nobody else's to read. */
static bool file_usable(char *problem, const char *path, bool secret)
{
    struct stat status;
    if (path == NULL || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return say(problem, "%.200s: no such file; make_certs.sh makes it", path);
    }
    if (secret && (status.st_mode & 077) != 0) {
        return say(problem, "%.160s: others may read this key; chmod 600 it", path);
    }
    return true;
}

static bool config_valid(char *problem, const struct gw_operator_config *config)
{
    if (!url_valid(config->base_url)) {
        return say(problem, "%.120s: the operator's URL must be https://HOST:PORT and no more",
                   config->base_url);
    }
    if (!id_valid(config->gateway_id)) {
        return say(problem, "%.60s: a gateway id is 1 to 24 of A-Z a-z 0-9 and dash",
                   config->gateway_id);
    }
    if (config->timeout_ms < GW_OPERATOR_TIMEOUT_MS_MIN ||
        config->timeout_ms > GW_OPERATOR_TIMEOUT_MS_MAX) {
        return say(problem, "the operator's time-out must be 100 to 120000 ms%s", "");
    }
    if (config->concurrency_max < 1 || config->concurrency_max > GW_OPERATOR_CONCURRENCY_MAX) {
        return say(problem, "the operator's connections must be 1 to 256%s", "");
    }
    if (config->queue_max < 1 || config->queue_max > GW_OPERATOR_QUEUE_MAX) {
        return say(problem, "the operator's queue must be 1 to 1048576 orders%s", "");
    }
    return file_usable(problem, config->ca_file, false) &&
           file_usable(problem, config->certificate_file, false) &&
           file_usable(problem, config->key_file, true) &&
           file_usable(problem, config->signing_key_file, true);
}

static void free_wire(struct wire *wire)
{
    curl_slist_free_all(wire->headers);
    curl_easy_cleanup(wire->easy);
}

static void free_all(struct gw_operator *op)
{
    for (uint32_t i = 0; op->flights != NULL && i < op->config.concurrency_max; i++) {
        struct flight *flight = &op->flights[i];
        if (flight->busy) {
            (void)curl_multi_remove_handle(op->multi, flight->wire.easy); /* it was added */
        }
        free_wire(&flight->wire);
        free(flight->body);
        free(flight->reply);
    }
    if (atomic_load(&op->fetch.state) == FETCH_FLYING) {
        (void)curl_multi_remove_handle(op->multi, op->fetch.wire.easy); /* it was added */
    }
    free_wire(&op->fetch.wire);
    (void)curl_multi_cleanup(op->multi); /* all its handles were removed */
    gw_sign_key_close(op->signing_key);
    (void)pthread_mutex_destroy(&op->problem_lock);
    free(op->flights);
    free(op->queue);
    free(op);
}

static bool open_parts(struct gw_operator *op)
{
    long connections = (long)op->config.concurrency_max + 1; /* one for a statement */
    op->multi = curl_multi_init();
    op->queue = calloc(op->config.queue_max, sizeof *op->queue);
    op->flights = calloc(op->config.concurrency_max, sizeof *op->flights);
    bool good =
        op->multi != NULL && op->queue != NULL && op->flights != NULL &&
        curl_multi_setopt(op->multi, CURLMOPT_MAXCONNECTS, connections) == CURLM_OK &&
        curl_multi_setopt(op->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
    for (uint32_t i = 0; good && i < op->config.concurrency_max; i++) {
        good = set_up_flight(op, &op->flights[i]);
    }
    return good && set_up_fetch(op);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    MT_CHECK(code == CURLE_OK);
}

enum gw_status gw_operator_open(struct gw_operator **op, char problem[GW_OPERATOR_PROBLEM_BYTES],
                                const struct gw_operator_config *config)
{
    MT_CHECK(op != NULL && problem != NULL && config != NULL);
    MT_CHECK(config->clock != NULL && config->deliver != NULL);
    if (!config_valid(problem, config)) {
        return GW_INVALID;
    }
    (void)pthread_once(&curl_once, init_curl);
    struct gw_operator *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        (void)say(problem, "no memory for the operator's client%s", "");
        return GW_FULL;
    }
    opened->config = *config;
    (void)pthread_mutex_init(&opened->problem_lock, NULL);
    memcpy(opened->base_url, config->base_url, strlen(config->base_url) + 1);
    memcpy(opened->gateway_id, config->gateway_id, strlen(config->gateway_id) + 1);
    enum gw_status status =
        gw_sign_key_open_private(&opened->signing_key, config->signing_key_file);
    if (status != GW_OK) {
        (void)say(problem, "%.160s: no Ed25519 private key in PEM without a pass phrase",
                  config->signing_key_file);
        free_all(opened);
        return GW_INVALID;
    }
    if (!open_parts(opened) || pthread_create(&opened->thread, NULL, work, opened) != 0) {
        (void)say(problem, "no memory or thread for the operator's client%s", "");
        free_all(opened);
        return GW_FULL;
    }
    *op = opened;
    return GW_OK;
}

void gw_operator_close(struct gw_operator *op)
{
    if (op == NULL) {
        return;
    }
    atomic_store(&op->stopping, true);
    (void)curl_multi_wakeup(op->multi); /* at worst the thread looks after a second */
    (void)pthread_join(op->thread, NULL);
    free_all(op);
}
