/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Limits, mandates and the life of an order. See rules.h. */
#include "sim/operator/rules.h"

#include <string.h>

#include "gateway/core/civil.h"

static const struct sim_verdict verdict_ok = {SIM_CODE_OK, ""};

static struct sim_verdict refuse(enum sim_code code, const char *why)
{
    return (struct sim_verdict){code, why};
}

const char *sim_code_text(enum sim_code code)
{
    static const char *const texts[SIM_CODE_COUNT] = {
        [SIM_CODE_OK] = "ok",
        [SIM_CODE_INSUFFICIENT_FUNDS] = "insufficient_funds",
        [SIM_CODE_LIMIT_EXCEEDED] = "limit_exceeded",
        [SIM_CODE_MANDATE_INVALID] = "mandate_invalid",
        [SIM_CODE_WALLET_UNKNOWN] = "wallet_unknown",
        [SIM_CODE_WALLET_FROZEN] = "wallet_frozen",
        [SIM_CODE_WALLET_CLOSED] = "wallet_closed",
        [SIM_CODE_REFUND_EXCEEDS_CAPTURED] = "refund_exceeds_captured",
        [SIM_CODE_REQUEST_INVALID] = "request_invalid",
        [SIM_CODE_STATE_INVALID] = "state_invalid",
        [SIM_CODE_KEY_UNKNOWN] = "key_unknown",
    };
    MT_CHECK(code < SIM_CODE_COUNT);
    return texts[code];
}

const char *sim_order_state_text(enum sim_order_state state)
{
    switch (state) {
    case SIM_ORDER_DONE:
        return "done";
    case SIM_ORDER_REFUSED:
        return "refused";
    case SIM_ORDER_RESERVED:
        return "reserved";
    case SIM_ORDER_VOIDED:
        return "voided";
    }
    MT_CHECK(false);
    return "";
}

int32_t sim_period_day(int64_t at_us)
{
    return gw_local_day(at_us);
}

int32_t sim_period_month(int64_t at_us)
{
    return gw_local_month(at_us);
}

int32_t sim_period_year(int64_t at_us)
{
    return gw_date_of_day(gw_local_day(at_us)).year;
}

int64_t sim_window_spent_fen(const struct sim_window *window, int32_t period)
{
    return window->period == period ? window->spent_fen : 0;
}

static void window_add(struct sim_window *window, int32_t period, int64_t amount_fen)
{
    window->spent_fen = sim_window_spent_fen(window, period) + amount_fen;
    window->period = period;
}

/* A period that is over keeps what it counted: nobody looks at it again. */
static void window_give_back(struct sim_window *window, int32_t period, int64_t amount_fen)
{
    if (window->period == period) {
        MT_CHECK(window->spent_fen >= amount_fen);
        window->spent_fen -= amount_fen;
    }
}

/* Subtracting cannot overflow: both are within 0..INT64_MAX. */
static bool window_has_room(const struct sim_window *window, int32_t period, int64_t limit_fen,
                            int64_t amount_fen)
{
    return amount_fen <= limit_fen - sim_window_spent_fen(window, period);
}

static bool amount_valid(int64_t amount_fen)
{
    return amount_fen > 0 && amount_fen <= SIM_AMOUNT_FEN_MAX;
}

static bool payee_repeated(const struct sim_transfer *transfer, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(transfer->parts[i].payee, transfer->parts[index].payee) == 0) {
            return true;
        }
    }
    return false;
}

struct sim_verdict sim_transfer_check(const struct sim_transfer *transfer)
{
    int64_t sum_fen = 0;
    if (!amount_valid(transfer->amount_fen)) {
        return refuse(SIM_CODE_REQUEST_INVALID, "amount_fen must be 1 to 10000000000000");
    }
    if (transfer->part_count < 1 || transfer->part_count > GW_ORDER_PAYEES_MAX) {
        return refuse(SIM_CODE_REQUEST_INVALID, "parts must be 1 to 6");
    }
    for (uint32_t i = 0; i < transfer->part_count; i++) {
        if (!amount_valid(transfer->parts[i].amount_fen)) {
            return refuse(SIM_CODE_REQUEST_INVALID, "each part must be 1 to 10000000000000 fen");
        }
        if (payee_repeated(transfer, i)) {
            return refuse(SIM_CODE_REQUEST_INVALID, "a payee is named twice");
        }
        sum_fen += transfer->parts[i].amount_fen;
    }
    if (sum_fen != transfer->amount_fen) {
        return refuse(SIM_CODE_REQUEST_INVALID, "the parts do not sum to amount_fen");
    }
    return verdict_ok;
}

static struct sim_verdict mandate_belongs(const struct sim_mandate *mandate, const char *wallet,
                                          const char *gateway)
{
    if (mandate == NULL) {
        return refuse(SIM_CODE_MANDATE_INVALID, "there is no such mandate");
    }
    if (strcmp(mandate->gateway, gateway) != 0) {
        return refuse(SIM_CODE_MANDATE_INVALID, "the mandate was given to another gateway");
    }
    if (strcmp(mandate->wallet, wallet) != 0) {
        return refuse(SIM_CODE_MANDATE_INVALID, "the mandate is for another wallet");
    }
    return verdict_ok;
}

static struct sim_verdict mandate_permits(const struct sim_mandate *mandate, int64_t amount_fen,
                                          int64_t now_us)
{
    int32_t today = sim_period_day(now_us);
    if (mandate->revoked) {
        return refuse(SIM_CODE_MANDATE_INVALID, "the mandate was revoked");
    }
    if (today < mandate->from_day) {
        return refuse(SIM_CODE_MANDATE_INVALID, "the mandate does not hold yet");
    }
    if (today >= mandate->to_day) {
        return refuse(SIM_CODE_MANDATE_INVALID, "the mandate has expired");
    }
    if (amount_fen > mandate->single_fen) {
        return refuse(SIM_CODE_MANDATE_INVALID, "over the mandate's cap for one payment");
    }
    if (!window_has_room(&mandate->day, today, mandate->day_fen, amount_fen)) {
        return refuse(SIM_CODE_MANDATE_INVALID, "over the mandate's cap for this day");
    }
    if (!window_has_room(&mandate->month, sim_period_month(now_us), mandate->month_fen,
                         amount_fen)) {
        return refuse(SIM_CODE_MANDATE_INVALID, "over the mandate's cap for this month");
    }
    return verdict_ok;
}

static struct sim_verdict wallet_permits(const struct sim_wallet *wallet,
                                         const struct sim_limits *limits, int64_t amount_fen,
                                         int64_t now_us)
{
    if (amount_fen > limits->single_fen) {
        return refuse(SIM_CODE_LIMIT_EXCEEDED, "over the wallet class's limit for one payment");
    }
    if (!window_has_room(&wallet->day, sim_period_day(now_us), limits->day_fen, amount_fen)) {
        return refuse(SIM_CODE_LIMIT_EXCEEDED, "over the wallet class's limit for this day");
    }
    if (!window_has_room(&wallet->year, sim_period_year(now_us), limits->year_fen, amount_fen)) {
        return refuse(SIM_CODE_LIMIT_EXCEEDED, "over the wallet class's limit for this year");
    }
    if (amount_fen > wallet->balance_fen) {
        return refuse(SIM_CODE_INSUFFICIENT_FUNDS, "the wallet's balance is too low");
    }
    return verdict_ok;
}

struct sim_verdict sim_reserve(struct sim_wallet *wallet, struct sim_mandate *mandate,
                               const struct sim_limits *limits, const char *gateway,
                               const struct sim_transfer *transfer, int64_t now_us)
{
    int64_t amount_fen = transfer->amount_fen;
    MT_CHECK(amount_valid(amount_fen));
    if (wallet == NULL) {
        return refuse(SIM_CODE_WALLET_UNKNOWN, "there is no such wallet");
    }
    if (wallet->status == SIM_WALLET_CLOSED) {
        return refuse(SIM_CODE_WALLET_CLOSED, "the wallet is closed");
    }
    if (wallet->status == SIM_WALLET_FROZEN) {
        return refuse(SIM_CODE_WALLET_FROZEN, "the wallet is frozen");
    }
    struct sim_verdict verdict = mandate_belongs(mandate, wallet->id, gateway);
    if (verdict.code == SIM_CODE_OK) {
        verdict = mandate_permits(mandate, amount_fen, now_us);
    }
    if (verdict.code == SIM_CODE_OK) {
        verdict = wallet_permits(wallet, limits, amount_fen, now_us);
    }
    if (verdict.code != SIM_CODE_OK) {
        return verdict;
    }
    wallet->balance_fen -= amount_fen;
    wallet->held_fen += amount_fen;
    window_add(&wallet->day, sim_period_day(now_us), amount_fen);
    window_add(&wallet->year, sim_period_year(now_us), amount_fen);
    window_add(&mandate->day, sim_period_day(now_us), amount_fen);
    window_add(&mandate->month, sim_period_month(now_us), amount_fen);
    return verdict_ok;
}

/* What was reserved and is not taken: free again, and not counted in periods that still run. */
static void release(struct sim_wallet *wallet, struct sim_mandate *mandate,
                    const struct sim_order *order, int64_t amount_fen)
{
    MT_CHECK(amount_fen >= 0 && wallet->held_fen >= amount_fen);
    wallet->held_fen -= amount_fen;
    wallet->balance_fen += amount_fen;
    window_give_back(&wallet->day, sim_period_day(order->created_us), amount_fen);
    window_give_back(&wallet->year, sim_period_year(order->created_us), amount_fen);
    window_give_back(&mandate->day, sim_period_day(order->created_us), amount_fen);
    window_give_back(&mandate->month, sim_period_month(order->created_us), amount_fen);
}

struct sim_verdict sim_capture(struct sim_order *order, struct sim_wallet *wallet,
                               struct sim_mandate *mandate, int64_t amount_fen)
{
    if (order->state != SIM_ORDER_RESERVED) {
        return refuse(SIM_CODE_STATE_INVALID, "the order is not reserved (any more)");
    }
    if (amount_fen <= 0 || amount_fen > order->asked.amount_fen) {
        return refuse(SIM_CODE_REQUEST_INVALID, "amount_fen must be 1 to what was reserved");
    }
    MT_CHECK(wallet->held_fen >= order->asked.amount_fen);
    release(wallet, mandate, order, order->asked.amount_fen - amount_fen);
    wallet->held_fen -= amount_fen;
    mandate->captured_fen += amount_fen;
    order->captured_fen = amount_fen;
    order->state = SIM_ORDER_DONE;
    return verdict_ok;
}

struct sim_verdict sim_void(struct sim_order *order, struct sim_wallet *wallet,
                            struct sim_mandate *mandate)
{
    if (order->state != SIM_ORDER_RESERVED) {
        return refuse(SIM_CODE_STATE_INVALID, "the order is not reserved (any more)");
    }
    release(wallet, mandate, order, order->asked.amount_fen);
    order->state = SIM_ORDER_VOIDED;
    return verdict_ok;
}

struct sim_verdict sim_refund(struct sim_wallet *wallet, struct sim_mandate *mandate,
                              const char *gateway, const struct sim_transfer *transfer)
{
    MT_CHECK(amount_valid(transfer->amount_fen));
    if (wallet == NULL) {
        return refuse(SIM_CODE_WALLET_UNKNOWN, "there is no such wallet");
    }
    if (wallet->status == SIM_WALLET_CLOSED) {
        return refuse(SIM_CODE_WALLET_CLOSED, "the wallet is closed");
    }
    struct sim_verdict verdict = mandate_belongs(mandate, wallet->id, gateway);
    if (verdict.code != SIM_CODE_OK) {
        return verdict;
    }
    MT_CHECK(mandate->refunded_fen <= mandate->captured_fen);
    if (transfer->amount_fen > mandate->captured_fen - mandate->refunded_fen) {
        return refuse(SIM_CODE_REFUND_EXCEEDS_CAPTURED,
                      "more than was taken through this mandate and not refunded yet");
    }
    wallet->balance_fen += transfer->amount_fen;
    mandate->refunded_fen += transfer->amount_fen;
    return verdict_ok;
}

struct sim_verdict sim_topup(struct sim_wallet *wallet, const struct sim_limits *limits,
                             int64_t amount_fen)
{
    if (wallet->status == SIM_WALLET_CLOSED) {
        return refuse(SIM_CODE_WALLET_CLOSED, "the wallet is closed");
    }
    if (!amount_valid(amount_fen)) {
        return refuse(SIM_CODE_REQUEST_INVALID, "amount_fen must be 1 to 10000000000000");
    }
    int64_t room_fen =
        limits->balance_fen < SIM_ACCOUNT_FEN_MAX ? limits->balance_fen : SIM_ACCOUNT_FEN_MAX;
    if (amount_fen > room_fen - wallet->balance_fen - wallet->held_fen) {
        return refuse(SIM_CODE_LIMIT_EXCEEDED, "over the wallet class's balance limit");
    }
    wallet->balance_fen += amount_fen;
    return verdict_ok;
}

enum sim_repeat sim_repeat_of(const char *stored_hash, const char *hash)
{
    if (stored_hash == NULL) {
        return SIM_REPEAT_NEW;
    }
    return strcmp(stored_hash, hash) == 0 ? SIM_REPEAT_SAME : SIM_REPEAT_CONFLICT;
}
