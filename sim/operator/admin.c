/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The API for the operator's staff and for tests, on a socket that only this user can reach. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/operator/operator.h"
#include "sim/operator/parse.h"

/** What is to be written, in the writer's hands. */
struct change {
    enum { ADD_WALLETS, ADD_MANDATES, TOPUP, SET_STATUS, REVOKE } kind;
    const json_t *json;
    const char *id;
    const char *key;
    int64_t amount_fen;
    enum sim_wallet_status status;
    struct sim_answer answer;
};

static void apply(void *arg, struct sim_book *book, int64_t now_us)
{
    struct change *change = arg;
    switch (change->kind) {
    case ADD_WALLETS:
        sim_book_add_wallets(book, &change->answer, change->json, now_us);
        break;
    case ADD_MANDATES:
        sim_book_add_mandates(book, &change->answer, change->json, now_us);
        break;
    case TOPUP:
        sim_book_topup(book, &change->answer, change->id, change->key, change->amount_fen, now_us);
        break;
    case SET_STATUS:
        sim_book_set_status(book, &change->answer, change->id, change->status);
        break;
    case REVOKE:
        sim_book_revoke(book, &change->answer, change->id, now_us);
        break;
    }
}

static void make(struct sim_operator *op, struct sim_http_reply *reply, struct change *change)
{
    enum gw_status status = sim_writer_do(op->writer, apply, change);
    if (status != GW_OK || change->answer.body == NULL) {
        free(change->answer.body);
        sim_http_say(reply, 500, "internal", "the operator's books failed");
        return;
    }
    reply->answer = change->answer;
}

static void invalid(struct sim_http_reply *reply, const char *message)
{
    sim_http_say(reply, 400, "request_invalid", message);
}

static void say_ok(struct sim_http_reply *reply)
{
    reply->answer.http_status = 200;
    reply->answer.body = strdup("{\"ok\":true}");
}

static void topup(struct sim_operator *op, struct sim_http_reply *reply, const char *wallet,
                  const json_t *json, const char *key)
{
    static const char *const names[] = {"amount_fen", NULL};
    static const struct sim_field_range range = {.least = 1, .most = SIM_AMOUNT_FEN_MAX};
    char error[SIM_PARSE_ERROR_BYTES];
    struct change change = {.kind = TOPUP, .id = wallet};
    if (!sim_fields_known(error, json, names) ||
        !sim_field_number(&change.amount_fen, error, json, "amount_fen", &range)) {
        invalid(reply, error);
        return;
    }
    if (key[0] != '\0') {
        if (!sim_id_valid(key, GW_ORDER_KEY_MAX)) {
            invalid(reply, "Idempotency-Key must be 1 to 40 characters of A-Z a-z 0-9 . _ -");
            return;
        }
        change.key = key;
    }
    make(op, reply, &change);
}

static void set_status(struct sim_operator *op, struct sim_http_reply *reply, const char *wallet,
                       const json_t *json)
{
    static const char *const statuses[] = {"active", "frozen", "closed"};
    const char *wanted = json_string_value(json_object_get(json, "status"));
    struct change change = {.kind = SET_STATUS, .id = wallet};
    for (int i = 0; wanted != NULL && i < 3; i++) {
        if (strcmp(wanted, statuses[i]) == 0) {
            change.status = (enum sim_wallet_status)i;
            make(op, reply, &change);
            return;
        }
    }
    invalid(reply, "status must be \"active\", \"frozen\" or \"closed\"");
}

static void add_fault(struct sim_operator *op, struct sim_http_reply *reply, const json_t *json)
{
    char error[SIM_PARSE_ERROR_BYTES];
    uint64_t one = 1;
    if (!sim_faults_add(&op->faults, error, json)) {
        invalid(reply, error);
        return;
    }
    /* Should it be to go down, the main thread does it. */
    if (write(op->wake_fd, &one, sizeof one) != sizeof one) {
        sim_http_say(reply, 500, "internal", "the main thread cannot be woken");
        return;
    }
    say_ok(reply);
}

/* "/admin/wallets/ID/topup": the id between prefix and suffix. */
static bool path_id(char id[GW_WALLET_ID_MAX + 1], const char *path, const char *prefix,
                    const char *suffix)
{
    size_t prefix_len = strlen(prefix);
    size_t suffix_len = strlen(suffix);
    size_t len = strlen(path);
    if (len <= prefix_len + suffix_len || len - prefix_len - suffix_len > GW_WALLET_ID_MAX ||
        strncmp(path, prefix, prefix_len) != 0 || strcmp(path + len - suffix_len, suffix) != 0) {
        return false;
    }
    memcpy(id, path + prefix_len, len - prefix_len - suffix_len);
    id[len - prefix_len - suffix_len] = '\0';
    return sim_id_valid(id, GW_WALLET_ID_MAX);
}

static void route_post(struct sim_operator *op, const struct sim_http_request *request,
                       struct sim_http_reply *reply, const json_t *json)
{
    const char *path = request->path;
    char id[GW_WALLET_ID_MAX + 1];
    struct change change = {.json = json, .id = id};
    if (strcmp(path, "/admin/wallets") == 0) {
        change.kind = ADD_WALLETS;
        make(op, reply, &change);
    } else if (strcmp(path, "/admin/mandates") == 0) {
        change.kind = ADD_MANDATES;
        make(op, reply, &change);
    } else if (strcmp(path, "/admin/faults") == 0) {
        add_fault(op, reply, json);
    } else if (path_id(id, path, "/admin/wallets/", "/topup")) {
        topup(op, reply, id, json, sim_http_header(request, "Idempotency-Key"));
    } else if (path_id(id, path, "/admin/wallets/", "/status")) {
        set_status(op, reply, id, json);
    } else if (path_id(id, path, "/admin/mandates/", "/revoke")) {
        change.kind = REVOKE;
        make(op, reply, &change);
    } else {
        sim_http_say(reply, 404, "not_found", "there is no such path; see docs/operator-api.md");
    }
}

static void handle_post(struct sim_operator *op, const struct sim_http_request *request,
                        struct sim_http_reply *reply)
{
    char error[SIM_PARSE_ERROR_BYTES];
    json_t *json = request->body_bytes == 0
                       ? json_object()
                       : sim_json_parse(error, request->body, request->body_bytes);
    if (json == NULL) {
        invalid(reply, error);
        return;
    }
    route_post(op, request, reply, json);
    json_decref(json);
}

static void status_of(struct sim_operator *op, struct sim_answer *answer)
{
    uint64_t job_count = 0;
    uint64_t commit_count = 0;
    sim_writer_counts(op->writer, &job_count, &commit_count);
    json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "time_us",
                             (json_int_t)gw_clock_now_us(&op->clock), "request_count",
                             (json_int_t)atomic_load(&op->request_count), "stranger_count",
                             (json_int_t)atomic_load(&op->stranger_count), "write_count",
                             (json_int_t)job_count, "commit_count", (json_int_t)commit_count,
                             "faults", sim_faults_json(&op->faults));
    answer->http_status = 200;
    answer->body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
}

static enum gw_status list(struct sim_operator *op, const struct sim_http_request *request,
                           struct sim_answer *answer, enum sim_list what)
{
    uint64_t limit = SIM_LIST_MAX;
    const char *after = sim_http_query(request, "after");
    const char *limit_text = sim_http_query(request, "limit");
    if (limit_text != NULL && (!sim_number_parse(&limit, limit_text, SIM_LIST_MAX) || limit == 0)) {
        limit = SIM_LIST_MAX;
    }
    return sim_book_list(op->book, answer, what, after == NULL ? "" : after, (uint32_t)limit);
}

static void handle_get(struct sim_operator *op, const struct sim_http_request *request,
                       struct sim_http_reply *reply)
{
    static const struct {
        const char *path;
        enum sim_list what;
    } lists[] = {{"/admin/wallets", SIM_LIST_WALLETS},
                 {"/admin/mandates", SIM_LIST_MANDATES},
                 {"/admin/payees", SIM_LIST_PAYEES},
                 {"/admin/orders", SIM_LIST_ORDERS}};
    char id[GW_WALLET_ID_MAX + 1];
    enum gw_status status = GW_END;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(request->path, lists[i].path) == 0) {
            status = list(op, request, &reply->answer, lists[i].what);
        }
    }
    if (strcmp(request->path, "/admin/status") == 0) {
        status_of(op, &reply->answer);
        status = GW_OK;
    } else if (strcmp(request->path, "/admin/check") == 0) {
        status = sim_book_check(op->book, &reply->answer);
    } else if (path_id(id, request->path, "/admin/wallets/", "")) {
        status = sim_book_wallet(op->book, &reply->answer, id);
    } else if (path_id(id, request->path, "/admin/mandates/", "")) {
        status = sim_book_mandate(op->book, &reply->answer, id);
    }
    if (status == GW_END) {
        sim_http_say(reply, 404, "not_found", "there is no such path; see docs/operator-api.md");
    } else if (status != GW_OK) {
        sim_http_say(reply, 500, "internal", "the operator's books cannot be read");
    }
}

void sim_admin_handle(void *arg, const struct sim_http_request *request,
                      struct sim_http_reply *reply)
{
    struct sim_operator *op = arg;
    if (strcmp(request->method, "POST") == 0) {
        handle_post(op, request, reply);
    } else if (strcmp(request->method, "GET") == 0) {
        handle_get(op, request, reply);
    } else if (strcmp(request->method, "DELETE") == 0 &&
               strcmp(request->path, "/admin/faults") == 0) {
        sim_faults_clear(&op->faults);
        say_ok(reply);
    } else {
        sim_http_say(reply, 405, "method_not_allowed", "this path has no such method");
    }
}
