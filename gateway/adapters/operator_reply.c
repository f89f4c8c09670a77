/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Judging the operator's replies. See operator_reply.h. */
#include "gateway/adapters/operator_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const char *const kind_names[] = {[GW_ORDER_DEBIT] = "debit", [GW_ORDER_REFUND] = "refund"};

/* ---- reading fields ------------------------------------------------------------------------------ */

static const char *field_text(const json_t *object, const char *name)
{
    const json_t *field = json_object_get(object, name);
    const char *text = json_string_value(field);
    bool whole = text != NULL && strlen(text) == json_string_length(field);
    return whole ? text : NULL;
}

static bool field_is(const json_t *object, const char *name, const char *expected)
{
    const char *text = field_text(object, name);
    return text != NULL && strcmp(text, expected) == 0;
}

/* Copy a field of 1..max printable characters of ASCII without blanks. */
static bool field_copy(char *copy, const json_t *object, const char *name, size_t max)
{
    const char *text = field_text(object, name);
    size_t len = text == NULL ? 0 : strlen(text);
    if (len < 1 || len > max) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    memcpy(copy, text, len + 1);
    return true;
}

static bool field_number(int64_t *value, const json_t *object, const char *name)
{
    const json_t *field = json_object_get(object, name);
    if (!json_is_integer(field)) {
        return false;
    }
    *value = json_integer_value(field);
    return true;
}

static bool field_amount(int64_t *value, const json_t *object, const char *name)
{
    int64_t amount_fen = 0;
    if (!field_number(&amount_fen, object, name) || amount_fen <= 0) {
        return false;
    }
    *value = amount_fen;
    return true;
}

/* ---- an order's reply ------------------------------------------------------------------------------ */

char *gw_operator_body(const struct gw_order_request *request)
{
    MT_CHECK(request->part_count <= GW_ORDER_PAYEES_MAX);
    json_t *parts = json_array();
    for (uint32_t i = 0; i < request->part_count; i++) {
        (void)json_array_append_new(parts, json_pack("{s:s, s:I}", "payee", request->parts[i].payee,
                                                     "amount_fen",
                                                     (json_int_t)request->parts[i].amount_fen));
    }
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:o}", "wallet", request->wallet, "mandate", request->mandate,
                  "amount_fen", (json_int_t)request->amount_fen, "parts", parts);
    if (json != NULL && request->kind == GW_ORDER_DEBIT) {
        (void)json_object_set_new(json, "capture", json_true());
    }
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static enum gw_refusal refusal_of(const char *code)
{
    static const struct {
        const char *code;
        enum gw_refusal refusal;
    } refusals[] = {
        {"insufficient_funds", GW_REFUSAL_SHORT}, {"limit_exceeded", GW_REFUSAL_LIMIT},
        {"mandate_invalid", GW_REFUSAL_MANDATE},  {"wallet_unknown", GW_REFUSAL_WALLET},
        {"wallet_frozen", GW_REFUSAL_WALLET},     {"wallet_closed", GW_REFUSAL_WALLET},
        {"request_invalid", GW_REFUSAL_REQUEST},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(refusals[i].code, code) == 0) {
            return refusals[i].refusal;
        }
    }
    return GW_REFUSAL_OTHER;
}

static void garbled(struct gw_operator_judgement *judgement, const char *key, const char *what)
{
    judgement->garbled = true;
    (void)snprintf(judgement->why, sizeof judgement->why, "order %s: the operator's reply %s", key,
                   what);
}

static void refused(struct gw_operator_judgement *judgement, const char *code)
{
    judgement->result.event = GW_ORDER_EV_REFUSED;
    judgement->result.refusal = refusal_of(code);
}

/* Does the reply speak of this order? A reply that does not must move no money here. */
static bool same_order(const struct gw_order_request *request, const json_t *json)
{
    int64_t amount_fen = 0;
    return field_is(json, "key", request->key) &&
           field_is(json, "kind", kind_names[request->kind]) &&
           field_is(json, "wallet", request->wallet) &&
           field_amount(&amount_fen, json, "amount_fen") && amount_fen == request->amount_fen;
}

/* An order as the operator has it: done, refused, voided by its staff, or reserved. */
static void judge_order(struct gw_operator_judgement *judgement,
                        const struct gw_order_request *request, const json_t *json)
{
    int64_t captured_fen = 0;
    if (!same_order(request, json)) {
        garbled(judgement, request->key, "speaks of another order");
        return;
    }
    if (field_is(json, "state", "done")) {
        if (!field_amount(&captured_fen, json, "captured_fen") ||
            captured_fen != request->amount_fen) {
            garbled(judgement, request->key, "names another amount as taken");
        } else if (!field_copy(judgement->result.operator_ref, json, "ref", GW_OPERATOR_REF_MAX)) {
            garbled(judgement, request->key, "has no reference of 1 to 32 characters");
        } else {
            judgement->result.event = GW_ORDER_EV_DONE;
        }
        return;
    }
    const char *code = field_text(json, "code");
    if (field_is(json, "state", "refused") && code != NULL) {
        refused(judgement, code);
    } else if (field_is(json, "state", "voided")) {
        refused(judgement, "voided");
    } else {
        garbled(judgement, request->key, "names a state that an order of ours cannot have");
    }
}

/* 4xx to a request that was sent: a refusal is definite only with a code. */
static void judge_refusal(struct gw_operator_judgement *judgement,
                          const struct gw_order_request *request, long http_status,
                          const json_t *json)
{
    const char *code = field_text(json, "code");
    if (code == NULL || code[0] == '\0') {
        garbled(judgement, request->key, "refuses without a code");
        return;
    }
    if (json_object_get(json, "key") != NULL) {
        judge_order(judgement, request, json);
        return;
    }
    refused(judgement, code);
    if (http_status == 409) {
        /* Somebody used our key for something else: the money of that request is found by the daily
         * reconciliation, and a person has to look. */
        judgement->garbled = true;
        (void)snprintf(judgement->why, sizeof judgement->why,
                       "order %s: the operator knows this key from another request", request->key);
    }
}

static void no_answer(struct gw_operator_judgement *judgement, const char *key, long http_status)
{
    (void)snprintf(judgement->why, sizeof judgement->why,
                   "order %s: the operator answered HTTP %ld", key, http_status);
}

static void judge_json(struct gw_operator_judgement *judgement,
                       const struct gw_order_request *request, long http_status, const json_t *json)
{
    bool asked = request->action == GW_ORDER_DO_ASK;
    if (http_status == 200 || http_status == 201) {
        judge_order(judgement, request, json);
    } else if (asked && http_status == 404 && field_is(json, "code", "key_unknown")) {
        judgement->result.event = GW_ORDER_EV_UNKNOWN;
    } else if (!asked && (http_status == 400 || http_status == 409 || http_status == 413 ||
                          http_status == 422)) {
        judge_refusal(judgement, request, http_status, json);
    } else {
        no_answer(judgement, request->key, http_status);
    }
}

void gw_operator_judge(struct gw_operator_judgement *judgement,
                       const struct gw_order_request *request, long http_status, const char *body,
                       size_t len)
{
    MT_CHECK(judgement != NULL && request != NULL);
    memset(judgement, 0, sizeof *judgement);
    judgement->result.number = request->number;
    judgement->result.event = GW_ORDER_EV_NO_ANSWER;
    if (http_status == 401 || http_status == 403) {
        judgement->trust = true;
        (void)snprintf(
            judgement->why, sizeof judgement->why,
            "the operator does not accept our keys (HTTP %ld): certificate, signing key, "
            "gateway id and clock must be those that it knows",
            http_status);
        return;
    }
    if (http_status >= 500) {
        no_answer(judgement, request->key, http_status);
        return;
    }
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json)) {
        judge_json(judgement, request, http_status, json);
    } else {
        garbled(judgement, request->key, "is no JSON object");
    }
    json_decref(json);
    if (judgement->result.event != GW_ORDER_EV_DONE) {
        judgement->result.operator_ref[0] = '\0';
    }
}

/* ---- a statement's lines --------------------------------------------------------------------------- */

static bool read_parts(struct gw_statement_row *row, const json_t *list)
{
    int64_t left_fen = row->amount_fen;
    size_t count = json_array_size(list);
    if (count < 1 || count > GW_ORDER_PAYEES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct gw_order_part *part = &row->parts[i];
        if (!field_copy(part->payee, item, "payee", GW_PAYEE_CODE_MAX) ||
            !field_amount(&part->amount_fen, item, "amount_fen") || part->amount_fen > left_fen) {
            return false;
        }
        left_fen -= part->amount_fen;
    }
    row->part_count = (uint32_t)count;
    return left_fen == 0;
}

static bool read_row(struct gw_statement_row *row, const json_t *json)
{
    int64_t seq = 0;
    if (!field_amount(&seq, json, "seq") || !field_copy(row->key, json, "key", GW_ORDER_KEY_MAX) ||
        !field_copy(row->wallet, json, "wallet", GW_WALLET_ID_MAX) ||
        !field_copy(row->mandate, json, "mandate", GW_MANDATE_ID_MAX) ||
        !field_copy(row->operator_ref, json, "ref", GW_OPERATOR_REF_MAX) ||
        !field_amount(&row->amount_fen, json, "amount_fen") ||
        !field_number(&row->time_us, json, "time_us")) {
        return false;
    }
    row->seq = (uint64_t)seq;
    row->kind = field_is(json, "kind", "refund") ? GW_ORDER_REFUND : GW_ORDER_DEBIT;
    return field_is(json, "kind", kind_names[row->kind]) &&
           read_parts(row, json_object_get(json, "parts"));
}

static bool add_row(struct gw_statement_sum *sum, const struct gw_statement_row *row)
{
    int64_t *fen = &sum->fen[row->kind];
    if (row->seq <= sum->last_seq || row->amount_fen > INT64_MAX - *fen) {
        return false;
    }
    *fen += row->amount_fen;
    sum->count[row->kind]++;
    sum->row_count++;
    sum->last_seq = row->seq;
    return true;
}

static bool read_end(struct gw_statement_end *end, const struct gw_statement_sum *sum,
                     const json_t *json)
{
    static const char *const names[] = {"rows",      "last_seq",     "debit_count",
                                        "debit_fen", "refund_count", "refund_fen"};
    int64_t values[6];
    for (size_t i = 0; i < 6; i++) {
        if (!field_number(&values[i], json, names[i]) || values[i] < 0) {
            return false;
        }
    }
    end->status = GW_OK;
    end->closed = json_is_true(json_object_get(json, "closed"));
    end->last_seq = (uint64_t)values[1];
    end->debit_count = (uint64_t)values[2];
    end->debit_fen = values[3];
    end->refund_count = (uint64_t)values[4];
    end->refund_fen = values[5];
    if ((uint64_t)values[0] != sum->row_count || end->last_seq != sum->last_seq) {
        return false;
    }
    /* A fetch that went on after a break saw a part of the day only. */
    return sum->after > 0 || (end->debit_count == sum->count[GW_ORDER_DEBIT] &&
                              end->debit_fen == sum->fen[GW_ORDER_DEBIT] &&
                              end->refund_count == sum->count[GW_ORDER_REFUND] &&
                              end->refund_fen == sum->fen[GW_ORDER_REFUND]);
}

enum gw_status gw_statement_line(struct gw_statement_sum *sum, struct gw_statement_row *row,
                                 struct gw_statement_end *end, const char *line, size_t len)
{
    MT_CHECK(sum != NULL && row != NULL && end != NULL && line != NULL);
    enum gw_status status = GW_CORRUPT;
    json_t *json = sum->ended ? NULL : json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    struct gw_statement_row read = {0};
    struct gw_statement_end read_last = {0};
    if (json_is_true(json_object_get(json, "end"))) {
        if (read_end(&read_last, sum, json)) {
            sum->ended = true;
            *end = read_last;
            status = GW_END;
        }
    } else if (read_row(&read, json) && add_row(sum, &read)) {
        *row = read;
        status = GW_OK;
    }
    json_decref(json);
    return status;
}
