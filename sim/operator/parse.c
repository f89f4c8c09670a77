/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Strict reading of JSON bodies. See parse.h. */
#include "sim/operator/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool sim_id_valid(const char *text, size_t max)
{
    size_t len = text == NULL ? 0 : strlen(text);
    if (len < 1 || len > max) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool other = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!letter && !other) {
            return false;
        }
    }
    return true;
}

bool sim_number_parse(uint64_t *number, const char *text, uint64_t max)
{
    uint64_t value = 0;
    size_t len = strlen(text);
    if (len < 1 || len > 19) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0'); /* 19 digits fit */
    }
    if (value > max) {
        return false;
    }
    *number = value;
    return true;
}

json_t *sim_json_parse(char error[SIM_PARSE_ERROR_BYTES], const char *body, size_t len)
{
    json_error_t wrong;
    json_t *value = json_loadb(body == NULL ? "" : body, len, JSON_REJECT_DUPLICATES, &wrong);
    if (value == NULL) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "the body is not JSON: line %d: %.120s",
                       wrong.line, wrong.text);
    }
    return value;
}

bool sim_fields_known(char error[SIM_PARSE_ERROR_BYTES], const json_t *object,
                      const char *const *names)
{
    if (!json_is_object(object)) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "expected a JSON object");
        return false;
    }
    /* jansson's iterators take no const, and change nothing. */
    json_t *walked = (json_t *)object;
    for (void *at = json_object_iter(walked); at != NULL; at = json_object_iter_next(walked, at)) {
        const char *key = json_object_iter_key(at);
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, key) != 0) {
            name++;
        }
        if (*name == NULL) {
            (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "unknown field \"%.60s\"", key);
            return false;
        }
    }
    return true;
}

bool sim_field_id(char *id, char error[SIM_PARSE_ERROR_BYTES], const json_t *object,
                  const char *name, size_t max)
{
    const json_t *field = json_object_get(object, name);
    const char *text = json_string_value(field);
    if (text == NULL || strlen(text) != json_string_length(field) || !sim_id_valid(text, max)) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES,
                       "%s must be a string of 1 to %zu characters of A-Z a-z 0-9 . _ -", name,
                       max);
        return false;
    }
    memcpy(id, text, strlen(text) + 1);
    return true;
}

bool sim_field_number(int64_t *value, char error[SIM_PARSE_ERROR_BYTES], const json_t *object,
                      const char *name, const struct sim_field_range *range)
{
    const json_t *field = json_object_get(object, name);
    if (range->optional && (field == NULL || json_is_null(field))) {
        *value = range->absent;
        return true;
    }
    if (!json_is_integer(field) || json_integer_value(field) < range->least ||
        json_integer_value(field) > range->most) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES,
                       "%s must be a whole number of %" PRId64 " to %" PRId64, name, range->least,
                       range->most);
        return false;
    }
    *value = json_integer_value(field);
    return true;
}

static const struct sim_field_range amount_range = {.least = 1, .most = SIM_AMOUNT_FEN_MAX};

static bool parse_parts(struct sim_transfer *transfer, char *error, const json_t *list)
{
    static const char *const names[] = {"payee", "amount_fen", NULL};
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count < 1 || count > GW_ORDER_PAYEES_MAX) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "parts must be a list of 1 to %u",
                       GW_ORDER_PAYEES_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        struct gw_order_part *part = &transfer->parts[i];
        if (!sim_fields_known(error, item, names) ||
            !sim_field_id(part->payee, error, item, "payee", GW_PAYEE_CODE_MAX) ||
            !sim_field_number(&part->amount_fen, error, item, "amount_fen", &amount_range)) {
            return false;
        }
    }
    transfer->part_count = (uint32_t)count;
    return true;
}

static bool parse_new(struct sim_request *request, char *error, const json_t *json)
{
    static const char *const debit_names[] = {"wallet", "mandate", "amount_fen",
                                              "parts",  "capture", NULL};
    static const char *const refund_names[] = {"wallet", "mandate", "amount_fen", "parts", NULL};
    bool debit = request->action == SIM_ACTION_RESERVE;
    struct sim_transfer *transfer = &request->transfer;
    if (!sim_fields_known(error, json, debit ? debit_names : refund_names) ||
        !sim_field_id(transfer->wallet, error, json, "wallet", GW_WALLET_ID_MAX) ||
        !sim_field_id(transfer->mandate, error, json, "mandate", GW_MANDATE_ID_MAX) ||
        !sim_field_number(&transfer->amount_fen, error, json, "amount_fen", &amount_range) ||
        !parse_parts(transfer, error, json_object_get(json, "parts"))) {
        return false;
    }
    if (debit && !json_is_boolean(json_object_get(json, "capture"))) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "capture must be true or false");
        return false;
    }
    request->capture = json_is_true(json_object_get(json, "capture"));
    struct sim_verdict verdict = sim_transfer_check(transfer);
    if (verdict.code != SIM_CODE_OK) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "%s", verdict.why);
        return false;
    }
    return true;
}

static bool parse_capture(struct sim_request *request, char *error, const json_t *json)
{
    static const char *const names[] = {"amount_fen", "parts", NULL};
    struct sim_transfer *transfer = &request->transfer;
    if (!sim_fields_known(error, json, names) ||
        !sim_field_number(&transfer->amount_fen, error, json, "amount_fen", &amount_range)) {
        return false;
    }
    const json_t *parts = json_object_get(json, "parts");
    return parts == NULL || parse_parts(transfer, error, parts);
}

bool sim_request_parse(struct sim_request *request, char error[SIM_PARSE_ERROR_BYTES],
                       const char *body, size_t len)
{
    static const char *const no_names[] = {NULL};
    bool good = false;
    json_t *json = sim_json_parse(error, body, len);
    if (json == NULL) {
        return false;
    }
    switch (request->action) {
    case SIM_ACTION_RESERVE:
    case SIM_ACTION_REFUND:
        good = parse_new(request, error, json);
        break;
    case SIM_ACTION_CAPTURE:
        good = parse_capture(request, error, json);
        break;
    case SIM_ACTION_VOID:
        good = sim_fields_known(error, json, no_names);
        break;
    }
    json_decref(json);
    return good;
}
