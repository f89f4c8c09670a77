/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Obeying a gateway's request, once for each key: load, let the rules decide, write. See book.h. */
#include "sim/operator/book_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"

/** A request under way: what it is, when, and the rows that it works on. */
struct work {
    struct sim_book *book;
    const struct sim_request *request;
    int64_t now_us;
    bool has_wallet;
    bool has_mandate;
    struct book_wallet wallet;
    struct sim_mandate mandate;
};

static void load(struct work *work, const struct sim_transfer *transfer)
{
    work->has_wallet = sim_book_wallet_get(work->book, &work->wallet, transfer->wallet);
    work->has_mandate = sim_book_mandate_get(work->book, &work->mandate, transfer->mandate);
}

static void save(struct work *work)
{
    const struct sim_wallet *wallet = &work->wallet.wallet;
    const struct sim_mandate *mandate = &work->mandate;
    sqlite3_stmt *stmt = work->book->sql[SQL_WALLET_SET];
    (void)sqlite3_bind_text(stmt, 1, wallet->id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, (int)wallet->status);
    (void)sqlite3_bind_int(stmt, 3, wallet->day.period);
    (void)sqlite3_bind_int64(stmt, 4, wallet->day.spent_fen);
    (void)sqlite3_bind_int(stmt, 5, wallet->year.period);
    (void)sqlite3_bind_int64(stmt, 6, wallet->year.spent_fen);
    (void)sim_book_run(work->book, stmt);
    stmt = work->book->sql[SQL_MANDATE_SET];
    (void)sqlite3_bind_text(stmt, 1, mandate->id, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 2, mandate->revoked);
    (void)sqlite3_bind_int64(stmt, 3, mandate->captured_fen);
    (void)sqlite3_bind_int64(stmt, 4, mandate->refunded_fen);
    (void)sqlite3_bind_int(stmt, 5, mandate->day.period);
    (void)sqlite3_bind_int64(stmt, 6, mandate->day.spent_fen);
    (void)sqlite3_bind_int(stmt, 7, mandate->month.period);
    (void)sqlite3_bind_int64(stmt, 8, mandate->month.spent_fen);
    (void)sim_book_run(work->book, stmt);
}

static void post(struct work *work, int64_t debit, int64_t credit, int64_t amount_fen)
{
    const char *key =
        work->request->order_key[0] != '\0' ? work->request->order_key : work->request->key;
    struct book_posting posting = {
        .debit = debit,
        .credit = credit,
        .amount_fen = amount_fen,
        .gateway = work->request->gateway,
        .key = key,
        .time_us = work->now_us,
    };
    sim_book_post(work->book, &posting);
}

static int64_t payee_account(struct work *work, int64_t *balance_fen, const char *payee)
{
    char name[BOOK_ACCOUNT_NAME_BYTES];
    (void)snprintf(name, sizeof name, "payee:%s:%s", work->request->gateway, payee);
    return sim_book_account(work->book, balance_fen, name);
}

/* Each part between an account of the wallet and its payee; into the payee's for a debit. */
static void post_parts(struct work *work, const struct sim_transfer *transfer, int64_t account,
                       bool to_payee)
{
    for (uint32_t i = 0; i < transfer->part_count; i++) {
        int64_t balance_fen = 0;
        int64_t payee = payee_account(work, &balance_fen, transfer->parts[i].payee);
        if (payee == 0) {
            return; /* the transaction has failed */
        }
        post(work, to_payee ? account : payee, to_payee ? payee : account,
             transfer->parts[i].amount_fen);
    }
}

static bool payees_can_pay(struct work *work, const struct sim_transfer *transfer)
{
    for (uint32_t i = 0; i < transfer->part_count; i++) {
        int64_t balance_fen = 0;
        (void)payee_account(work, &balance_fen, transfer->parts[i].payee);
        if (balance_fen < transfer->parts[i].amount_fen) {
            return false;
        }
    }
    return true;
}

static void put_order(struct work *work, struct book_order *row)
{
    char parts[BOOK_PARTS_TEXT_BYTES];
    const struct sim_order *order = &row->order;
    sqlite3_stmt *stmt = work->book->sql[SQL_ORDER_PUT];
    sim_book_parts_format(parts, &order->asked);
    (void)sqlite3_bind_text(stmt, 1, work->request->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, row->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 3, (int)order->kind);
    (void)sqlite3_bind_int(stmt, 4, (int)order->state);
    (void)sqlite3_bind_int(stmt, 5, (int)row->code);
    (void)sqlite3_bind_text(stmt, 6, row->why, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 7, order->asked.wallet, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 8, order->asked.mandate, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 9, order->asked.amount_fen);
    (void)sqlite3_bind_int64(stmt, 10, order->captured_fen);
    (void)sqlite3_bind_text(stmt, 11, parts, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 12, order->created_us);
    (void)sim_book_run(work->book, stmt);
    row->seq = sqlite3_last_insert_rowid(work->book->writer);
}

static void set_order(struct work *work, const struct book_order *row)
{
    char parts[BOOK_PARTS_TEXT_BYTES];
    sqlite3_stmt *stmt = work->book->sql[SQL_ORDER_SET];
    sim_book_parts_format(parts, &row->order.asked);
    (void)sqlite3_bind_int64(stmt, 1, row->seq);
    (void)sqlite3_bind_int(stmt, 2, (int)row->order.state);
    (void)sqlite3_bind_int64(stmt, 3, row->order.captured_fen);
    (void)sqlite3_bind_text(stmt, 4, parts, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 5, row->changed_us);
    (void)sim_book_run(work->book, stmt);
}

/* A row of the day's statement. UNIQUE (gateway, key) makes a second one of an order impossible. */
static void put_movement(struct work *work, const struct book_order *row)
{
    char parts[BOOK_PARTS_TEXT_BYTES];
    char ref[GW_OPERATOR_REF_MAX + 1];
    sqlite3_stmt *stmt = work->book->sql[SQL_MOVEMENT_PUT];
    sim_book_parts_format(parts, &row->order.asked);
    sim_book_ref(ref, row->order.created_us, row->seq);
    (void)sqlite3_bind_text(stmt, 1, work->request->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, row->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 3, gw_local_day(work->now_us));
    (void)sqlite3_bind_int(stmt, 4, (int)row->order.kind);
    (void)sqlite3_bind_text(stmt, 5, row->order.asked.wallet, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 6, row->order.asked.mandate, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 7, row->order.captured_fen);
    (void)sqlite3_bind_text(stmt, 8, parts, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 9, work->now_us);
    (void)sqlite3_bind_text(stmt, 10, ref, -1, SQLITE_STATIC);
    (void)sim_book_run(work->book, stmt);
}

static void init_order(struct book_order *row, const struct work *work, enum gw_order_kind kind)
{
    memset(row, 0, sizeof *row);
    row->order.kind = kind;
    row->order.asked = work->request->transfer;
    row->order.created_us = work->now_us;
    row->changed_us = work->now_us;
    memcpy(row->key, work->request->key, sizeof row->key);
}

static void refuse_order(struct work *work, struct sim_answer *answer, struct book_order *row,
                         struct sim_verdict verdict)
{
    row->order.state = SIM_ORDER_REFUSED;
    row->code = verdict.code;
    (void)snprintf(row->why, sizeof row->why, "%s", verdict.why);
    put_order(work, row);
    sim_book_answer(answer, 422, sim_book_order_json(row));
}

static void reserve(struct work *work, struct sim_answer *answer)
{
    struct book_order row;
    struct sim_limits limits = {0}; /* where the table has no class, nothing is permitted */
    const struct sim_wallet *wallet = &work->wallet.wallet;
    const struct sim_transfer *transfer = &work->request->transfer;
    init_order(&row, work, GW_ORDER_DEBIT);
    load(work, transfer);
    if (work->has_wallet) {
        (void)sim_classes_find(&limits, work->book->classes, wallet->type, wallet->class_number,
                               gw_local_day(work->now_us));
    }
    struct sim_verdict verdict = sim_reserve(work->has_wallet ? &work->wallet.wallet : NULL,
                                             work->has_mandate ? &work->mandate : NULL, &limits,
                                             work->request->gateway, transfer, work->now_us);
    if (verdict.code != SIM_CODE_OK) {
        refuse_order(work, answer, &row, verdict);
        return;
    }
    row.order.state = SIM_ORDER_RESERVED;
    if (work->request->capture) {
        verdict =
            sim_capture(&row.order, &work->wallet.wallet, &work->mandate, transfer->amount_fen);
        MT_CHECK(verdict.code == SIM_CODE_OK);
        post_parts(work, transfer, work->wallet.account, true);
    } else {
        post(work, work->wallet.account, work->wallet.hold, transfer->amount_fen);
    }
    save(work);
    put_order(work, &row);
    if (row.order.state == SIM_ORDER_DONE) {
        put_movement(work, &row);
    }
    sim_book_answer(answer, 200, sim_book_order_json(&row));
}

static void refund(struct work *work, struct sim_answer *answer)
{
    struct book_order row;
    const struct sim_transfer *transfer = &work->request->transfer;
    struct sim_verdict verdict = {SIM_CODE_INSUFFICIENT_FUNDS, "a payee's account is too low"};
    init_order(&row, work, GW_ORDER_REFUND);
    load(work, transfer);
    struct book_wallet before = work->wallet;
    struct sim_mandate mandate_before = work->mandate;
    struct sim_verdict rule =
        sim_refund(work->has_wallet ? &work->wallet.wallet : NULL,
                   work->has_mandate ? &work->mandate : NULL, work->request->gateway, transfer);
    if (rule.code != SIM_CODE_OK || !payees_can_pay(work, transfer)) {
        work->wallet = before;
        work->mandate = mandate_before;
        refuse_order(work, answer, &row, rule.code != SIM_CODE_OK ? rule : verdict);
        return;
    }
    row.order.state = SIM_ORDER_DONE;
    row.order.captured_fen = transfer->amount_fen;
    post_parts(work, transfer, work->wallet.account, false);
    save(work);
    put_order(work, &row);
    put_movement(work, &row);
    sim_book_answer(answer, 200, sim_book_order_json(&row));
}

static unsigned http_status_of(enum sim_code code)
{
    if (code == SIM_CODE_KEY_UNKNOWN) {
        return 404;
    }
    return code == SIM_CODE_STATE_INVALID ? 409 : 422;
}

/* Which parts a capture pays: its own, or those that were reserved when all of it is captured. */
static struct sim_verdict captured_parts(struct sim_transfer *paid, const struct sim_order *order,
                                         const struct sim_transfer *wanted)
{
    *paid = order->asked;
    paid->amount_fen = wanted->amount_fen;
    if (wanted->part_count > 0) {
        paid->part_count = wanted->part_count;
        memcpy(paid->parts, wanted->parts, sizeof paid->parts);
    }
    struct sim_verdict verdict = sim_transfer_check(paid);
    if (verdict.code != SIM_CODE_OK && wanted->part_count == 0) {
        verdict.why = "a capture of less than was reserved must name its parts";
    }
    return verdict;
}

static void capture_or_void(struct work *work, struct sim_answer *answer)
{
    struct book_order row;
    struct sim_transfer paid;
    bool capture = work->request->action == SIM_ACTION_CAPTURE;
    if (!sim_book_order_get(work->book, &row, work->request->gateway, work->request->order_key)) {
        sim_book_answer_code(answer, 404, SIM_CODE_KEY_UNKNOWN, "there is no order with this key");
        return;
    }
    load(work, &row.order.asked);
    struct sim_verdict verdict = {SIM_CODE_STATE_INVALID, "the order is not reserved (any more)"};
    if (row.order.state == SIM_ORDER_RESERVED) {
        MT_CHECK(work->has_wallet && work->has_mandate);
        int64_t reserved_fen = row.order.asked.amount_fen;
        verdict = capture ? captured_parts(&paid, &row.order, &work->request->transfer)
                          : (struct sim_verdict){SIM_CODE_OK, ""};
        if (verdict.code == SIM_CODE_OK) {
            verdict = capture ? sim_capture(&row.order, &work->wallet.wallet, &work->mandate,
                                            paid.amount_fen)
                              : sim_void(&row.order, &work->wallet.wallet, &work->mandate);
        }
        if (verdict.code == SIM_CODE_OK && row.order.captured_fen < reserved_fen) {
            post(work, work->wallet.hold, work->wallet.account,
                 reserved_fen - row.order.captured_fen);
        }
    }
    if (verdict.code != SIM_CODE_OK) {
        sim_book_answer_code(answer, http_status_of(verdict.code), verdict.code, verdict.why);
        return;
    }
    row.changed_us = work->now_us;
    if (capture) {
        row.order.asked.part_count = paid.part_count;
        memcpy(row.order.asked.parts, paid.parts, sizeof paid.parts);
        post_parts(work, &paid, work->wallet.hold, true);
        put_movement(work, &row);
    }
    save(work);
    set_order(work, &row);
    sim_book_answer(answer, 200, sim_book_order_json(&row));
}

/* The answer of an earlier request with this key, or nothing. */
static bool answer_again(struct work *work, struct sim_answer *answer)
{
    sqlite3_stmt *stmt = work->book->sql[SQL_REQUEST_GET];
    (void)sqlite3_bind_text(stmt, 1, work->request->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, work->request->key, -1, SQLITE_STATIC);
    if (!sim_book_row(work->book, stmt)) {
        return false;
    }
    const char *hash = (const char *)sqlite3_column_text(stmt, 0);
    if (sim_repeat_of(hash, work->request->hash) == SIM_REPEAT_SAME) {
        answer->http_status = (unsigned)sqlite3_column_int(stmt, 1);
        answer->body = strdup((const char *)sqlite3_column_text(stmt, 2));
        answer->repeat = true;
    } else {
        sim_book_answer_code(answer, 409, SIM_CODE_REQUEST_INVALID,
                             "this Idempotency-Key was used for another request");
    }
    (void)sqlite3_reset(stmt);
    return true;
}

static void remember_answer(struct work *work, const struct sim_answer *answer)
{
    sqlite3_stmt *stmt = work->book->sql[SQL_REQUEST_PUT];
    (void)sqlite3_bind_text(stmt, 1, work->request->gateway, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, work->request->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 3, work->request->hash, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(stmt, 4, (int)answer->http_status);
    (void)sqlite3_bind_text(stmt, 5, answer->body, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 6, work->now_us);
    (void)sim_book_run(work->book, stmt);
}

void sim_book_execute(struct sim_book *book, struct sim_answer *answer,
                      const struct sim_request *request, int64_t now_us)
{
    struct work work = {.book = book, .request = request, .now_us = now_us};
    memset(answer, 0, sizeof *answer);
    if (answer_again(&work, answer)) {
        return;
    }
    switch (request->action) {
    case SIM_ACTION_RESERVE:
        reserve(&work, answer);
        break;
    case SIM_ACTION_REFUND:
        refund(&work, answer);
        break;
    case SIM_ACTION_CAPTURE:
    case SIM_ACTION_VOID:
        capture_or_void(&work, answer);
        break;
    }
    MT_CHECK(now_us >= sim_book_last_us(book));
    atomic_store(&book->last_us, now_us);
    remember_answer(&work, answer);
}
