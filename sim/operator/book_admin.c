/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the operator's own staff does: wallets, mandates, money coming in. See book.h. */
#include "sim/operator/book_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "sim/operator/parse.h"

static const struct sim_field_range cap_range = {
    .least = 0, .most = SIM_ACCOUNT_FEN_MAX, .absent = SIM_NO_LIMIT, .optional = true};
static const struct sim_field_range opening_range = {
    .least = 0, .most = SIM_AMOUNT_FEN_MAX, .absent = 0, .optional = true};

static void seen(struct sim_book *book, int64_t now_us)
{
    MT_CHECK(now_us >= sim_book_last_us(book));
    atomic_store(&book->last_us, now_us);
}

static void invalid(struct sim_answer *answer, unsigned http_status, const char *message)
{
    sim_book_answer_code(answer, http_status, SIM_CODE_REQUEST_INVALID, message);
}

static int64_t open_account(struct sim_book *book, const char *prefix, const char *id)
{
    char name[BOOK_ACCOUNT_NAME_BYTES];
    int64_t balance_fen = 0;
    (void)snprintf(name, sizeof name, "%s:%s", prefix, id);
    return sim_book_account(book, &balance_fen, name);
}

static void load_money(struct sim_book *book, const struct book_wallet *row, int64_t amount_fen,
                       int64_t now_us)
{
    sim_book_post(book, &(struct book_posting){.debit = BOOK_ISSUER_ACCOUNT,
                                               .credit = row->account,
                                               .amount_fen = amount_fen,
                                               .gateway = "",
                                               .key = "",
                                               .time_us = now_us});
}

static bool parse_wallet(struct sim_wallet *wallet, int64_t *opening_fen, char *error,
                         const json_t *json)
{
    static const char *const names[] = {"id", "class", "type", "balance_fen", NULL};
    if (!sim_fields_known(error, json, names) ||
        !sim_field_id(wallet->id, error, json, "id", GW_WALLET_ID_MAX) ||
        !sim_field_number(opening_fen, error, json, "balance_fen", &opening_range)) {
        return false;
    }
    const char *class_text = json_string_value(json_object_get(json, "class"));
    const char *type = json_string_value(json_object_get(json, "type"));
    wallet->class_number = class_text == NULL ? 0 : sim_class_number(class_text);
    if (wallet->class_number == 0) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES,
                       "class must be \"I\", \"II\", \"III\" or \"IV\"");
        return false;
    }
    if (type == NULL || (strcmp(type, "personal") != 0 && strcmp(type, "corporate") != 0)) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "type must be \"personal\" or \"corporate\"");
        return false;
    }
    wallet->type = strcmp(type, "personal") == 0 ? SIM_WALLET_PERSONAL : SIM_WALLET_CORPORATE;
    return true;
}

static void put_wallet(struct sim_book *book, struct book_wallet *row)
{
    sqlite3_stmt *stmt = book->sql[SQL_WALLET_PUT];
    row->account = open_account(book, "wallet", row->wallet.id);
    row->hold = open_account(book, "hold", row->wallet.id);
    (void)sqlite3_bind_text(stmt, 1, row->wallet.id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, row->wallet.class_number);
    (void)sqlite3_bind_int(stmt, 3, (int)row->wallet.type);
    (void)sqlite3_bind_int(stmt, 4, (int)SIM_WALLET_ACTIVE);
    (void)sqlite3_bind_int64(stmt, 5, row->account);
    (void)sqlite3_bind_int64(stmt, 6, row->hold);
    (void)sim_book_run(book, stmt);
}

/* Returns true when the wallet is there now; false with an answer that says why not. */
static bool add_wallet(struct sim_book *book, struct sim_answer *answer, const json_t *json,
                       int64_t now_us)
{
    char error[SIM_PARSE_ERROR_BYTES];
    struct book_wallet row = {0};
    struct book_wallet old;
    struct sim_limits limits;
    int64_t opening_fen = 0;
    if (!parse_wallet(&row.wallet, &opening_fen, error, json)) {
        invalid(answer, 400, error);
        return false;
    }
    if (sim_book_wallet_get(book, &old, row.wallet.id)) {
        /* The same again is how a start-up script that is run twice looks; money is not loaded twice. */
        if (old.wallet.class_number == row.wallet.class_number &&
            old.wallet.type == row.wallet.type) {
            return true;
        }
        (void)snprintf(error, sizeof error, "wallet %s exists with another class or type",
                       row.wallet.id);
        invalid(answer, 409, error);
        return false;
    }
    if (!sim_classes_find(&limits, book->classes, row.wallet.type, row.wallet.class_number,
                          gw_local_day(now_us))) {
        invalid(answer, 422, "the table of wallet classes has no such type and class today");
        return false;
    }
    if (opening_fen > 0) {
        struct sim_verdict verdict = sim_topup(&row.wallet, &limits, opening_fen);
        if (verdict.code != SIM_CODE_OK) {
            sim_book_answer_code(answer, 422, verdict.code, verdict.why);
            return false;
        }
    }
    put_wallet(book, &row);
    if (opening_fen > 0) {
        load_money(book, &row, opening_fen, now_us);
    }
    return true;
}

static bool parse_day(int32_t *day, char *error, const json_t *json, const char *name,
                      int32_t absent)
{
    const json_t *field = json_object_get(json, name);
    *day = absent;
    if (field == NULL || json_is_null(field)) {
        return true;
    }
    if (json_string_value(field) == NULL || !sim_day_parse(day, json_string_value(field))) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "%s must be a date such as \"2026-01-31\"",
                       name);
        return false;
    }
    return true;
}

static bool parse_mandate(struct sim_mandate *mandate, char *error, const json_t *json)
{
    static const char *const names[] = {"id",         "wallet",   "gateway",
                                        "single_fen", "day_fen",  "month_fen",
                                        "valid_from", "valid_to", NULL};
    return sim_fields_known(error, json, names) &&
           sim_field_id(mandate->id, error, json, "id", GW_MANDATE_ID_MAX) &&
           sim_field_id(mandate->wallet, error, json, "wallet", GW_WALLET_ID_MAX) &&
           sim_field_id(mandate->gateway, error, json, "gateway", SIM_GATEWAY_ID_MAX) &&
           sim_field_number(&mandate->single_fen, error, json, "single_fen", &cap_range) &&
           sim_field_number(&mandate->day_fen, error, json, "day_fen", &cap_range) &&
           sim_field_number(&mandate->month_fen, error, json, "month_fen", &cap_range) &&
           parse_day(&mandate->from_day, error, json, "valid_from", 0) &&
           parse_day(&mandate->to_day, error, json, "valid_to", INT32_MAX);
}

static void put_mandate(struct sim_book *book, const struct sim_mandate *mandate)
{
    sqlite3_stmt *stmt = book->sql[SQL_MANDATE_PUT];
    (void)sqlite3_bind_text(stmt, 1, mandate->id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, mandate->wallet, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, mandate->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 4, mandate->single_fen);
    (void)sqlite3_bind_int64(stmt, 5, mandate->day_fen);
    (void)sqlite3_bind_int64(stmt, 6, mandate->month_fen);
    (void)sqlite3_bind_int(stmt, 7, mandate->from_day);
    (void)sqlite3_bind_int(stmt, 8, mandate->to_day);
    (void)sim_book_run(book, stmt);
}

static bool same_mandate(const struct sim_mandate *a, const struct sim_mandate *b)
{
    return strcmp(a->wallet, b->wallet) == 0 && strcmp(a->gateway, b->gateway) == 0 &&
           a->single_fen == b->single_fen && a->day_fen == b->day_fen &&
           a->month_fen == b->month_fen && a->from_day == b->from_day && a->to_day == b->to_day;
}

static bool add_mandate(struct sim_book *book, struct sim_answer *answer, const json_t *json,
                        int64_t now_us)
{
    char error[SIM_PARSE_ERROR_BYTES];
    struct sim_mandate mandate = {0};
    struct sim_mandate old;
    struct book_wallet wallet;
    (void)now_us;
    if (!parse_mandate(&mandate, error, json)) {
        invalid(answer, 400, error);
        return false;
    }
    if (sim_book_mandate_get(book, &old, mandate.id)) {
        if (same_mandate(&old, &mandate)) {
            return true;
        }
        (void)snprintf(error, sizeof error, "mandate %s exists with other values", mandate.id);
        invalid(answer, 409, error);
        return false;
    }
    if (!sim_book_wallet_get(book, &wallet, mandate.wallet)) {
        (void)snprintf(error, sizeof error, "mandate %s: there is no wallet %s", mandate.id,
                       mandate.wallet);
        sim_book_answer_code(answer, 422, SIM_CODE_WALLET_UNKNOWN, error);
        return false;
    }
    put_mandate(book, &mandate);
    return true;
}

static bool step(struct sim_book *book, const char *text)
{
    int rc = sqlite3_exec(book->writer, text, NULL, NULL, NULL);
    return rc == SQLITE_OK || sim_book_fail(book, rc);
}

/* One object or a list of them, all or none; others' work in the same transaction stays. */
static void add_list(struct sim_book *book, struct sim_answer *answer, const json_t *list,
                     int64_t now_us,
                     bool (*add)(struct sim_book *, struct sim_answer *, const json_t *, int64_t))
{
    size_t count = json_is_array(list) ? json_array_size(list) : 1;
    memset(answer, 0, sizeof *answer);
    if (!step(book, "SAVEPOINT list")) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add(book, answer, json_is_array(list) ? json_array_get(list, i) : list, now_us)) {
            (void)step(book, "ROLLBACK TO list; RELEASE list");
            return;
        }
    }
    (void)step(book, "RELEASE list");
    seen(book, now_us);
    sim_book_answer(answer, 200, json_pack("{s:I}", "count", (json_int_t)count));
}

void sim_book_add_wallets(struct sim_book *book, struct sim_answer *answer, const json_t *list,
                          int64_t now_us)
{
    add_list(book, answer, list, now_us, add_wallet);
}

void sim_book_add_mandates(struct sim_book *book, struct sim_answer *answer, const json_t *list,
                           int64_t now_us)
{
    add_list(book, answer, list, now_us, add_mandate);
}

/* The staff's own keys are remembered under the empty gateway id, which no gateway can have. */
static bool topup_repeated(struct sim_book *book, struct sim_answer *answer, const char *key,
                           const char *hash)
{
    sqlite3_stmt *stmt = book->sql[SQL_REQUEST_GET];
    (void)sqlite3_bind_text(stmt, 1, "", -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    if (!sim_book_row(book, stmt)) {
        return false;
    }
    if (sim_repeat_of((const char *)sqlite3_column_text(stmt, 0), hash) == SIM_REPEAT_SAME) {
        answer->http_status = (unsigned)sqlite3_column_int(stmt, 1);
        answer->body = strdup((const char *)sqlite3_column_text(stmt, 2));
        answer->repeat = true;
    } else {
        invalid(answer, 409, "this Idempotency-Key was used for another request");
    }
    (void)sqlite3_reset(stmt);
    return true;
}

static void topup_remember(struct sim_book *book, const struct sim_answer *answer, const char *key,
                           const char *hash, int64_t now_us)
{
    sqlite3_stmt *stmt = book->sql[SQL_REQUEST_PUT];
    (void)sqlite3_bind_text(stmt, 1, "", -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, hash, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 4, (int)answer->http_status);
    (void)sqlite3_bind_text(stmt, 5, answer->body, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 6, now_us);
    (void)sim_book_run(book, stmt);
}

static void topup(struct sim_book *book, struct sim_answer *answer, const char *id,
                  int64_t amount_fen, int64_t now_us)
{
    struct book_wallet row;
    struct sim_limits limits = {0};
    if (!sim_book_wallet_get(book, &row, id)) {
        sim_book_answer_code(answer, 404, SIM_CODE_WALLET_UNKNOWN, "there is no such wallet");
        return;
    }
    (void)sim_classes_find(&limits, book->classes, row.wallet.type, row.wallet.class_number,
                           gw_local_day(now_us)); /* absent: limits of 0 refuse */
    struct sim_verdict verdict = sim_topup(&row.wallet, &limits, amount_fen);
    if (verdict.code != SIM_CODE_OK) {
        sim_book_answer_code(answer, 422, verdict.code, verdict.why);
        return;
    }
    load_money(book, &row, amount_fen, now_us);
    sim_book_answer(answer, 200, sim_book_wallet_json(&row.wallet));
}

void sim_book_topup(struct sim_book *book, struct sim_answer *answer, const char *wallet,
                    const char *key, int64_t amount_fen, int64_t now_us)
{
    char hash[GW_WALLET_ID_MAX + 64];
    memset(answer, 0, sizeof *answer);
    (void)snprintf(hash, sizeof hash, "topup %s %lld", wallet, (long long)amount_fen);
    if (key != NULL && topup_repeated(book, answer, key, hash)) {
        return;
    }
    topup(book, answer, wallet, amount_fen, now_us);
    seen(book, now_us);
    if (key != NULL) {
        topup_remember(book, answer, key, hash, now_us);
    }
}

void sim_book_set_status(struct sim_book *book, struct sim_answer *answer, const char *wallet,
                         enum sim_wallet_status status)
{
    struct book_wallet row;
    sqlite3_stmt *stmt = book->sql[SQL_WALLET_SET];
    memset(answer, 0, sizeof *answer);
    if (!sim_book_wallet_get(book, &row, wallet)) {
        sim_book_answer_code(answer, 404, SIM_CODE_WALLET_UNKNOWN, "there is no such wallet");
        return;
    }
    if (status == SIM_WALLET_CLOSED && (row.wallet.balance_fen > 0 || row.wallet.held_fen > 0)) {
        sim_book_answer_code(answer, 409, SIM_CODE_STATE_INVALID,
                             "a wallet that holds money cannot be closed");
        return;
    }
    row.wallet.status = status;
    (void)sqlite3_bind_text(stmt, 1, row.wallet.id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, (int)row.wallet.status);
    (void)sqlite3_bind_int(stmt, 3, row.wallet.day.period);
    (void)sqlite3_bind_int64(stmt, 4, row.wallet.day.spent_fen);
    (void)sqlite3_bind_int(stmt, 5, row.wallet.year.period);
    (void)sqlite3_bind_int64(stmt, 6, row.wallet.year.spent_fen);
    (void)sim_book_run(book, stmt);
    sim_book_answer(answer, 200, sim_book_wallet_json(&row.wallet));
}

void sim_book_revoke(struct sim_book *book, struct sim_answer *answer, const char *mandate,
                     int64_t now_us)
{
    struct sim_mandate row;
    sqlite3_stmt *stmt = book->sql[SQL_MANDATE_SET];
    memset(answer, 0, sizeof *answer);
    if (!sim_book_mandate_get(book, &row, mandate)) {
        sim_book_answer_code(answer, 404, SIM_CODE_MANDATE_INVALID, "there is no such mandate");
        return;
    }
    row.revoked = true;
    (void)sqlite3_bind_text(stmt, 1, row.id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, row.revoked);
    (void)sqlite3_bind_int64(stmt, 3, row.captured_fen);
    (void)sqlite3_bind_int64(stmt, 4, row.refunded_fen);
    (void)sqlite3_bind_int(stmt, 5, row.day.period);
    (void)sqlite3_bind_int64(stmt, 6, row.day.spent_fen);
    (void)sqlite3_bind_int(stmt, 7, row.month.period);
    (void)sqlite3_bind_int64(stmt, 8, row.month.spent_fen);
    (void)sim_book_run(book, stmt);
    seen(book, now_us);
    sim_book_answer(answer, 200, sim_book_mandate_json(&row));
}
