/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The books, checked against each other. Every amount stands in two accounts that are kept apart: what
 * households were charged against what payees are owed, what was taken against orders and wallets. */
#include <string.h>

#include "gateway/core/state.h"

static void say(struct gw_ledger_report *report, const char *what, const char *who)
{
    if (report->broken++ > 0) {
        return;
    }
    size_t len = strlen(what);
    memcpy(report->first, what, len);
    size_t left = sizeof(report->first) - 1u - len;
    size_t who_len = strlen(who) < left ? strlen(who) : left;
    memcpy(report->first + len, who, who_len);
    report->first[len + who_len] = '\0';
}

struct sums {
    int64_t charged_ufen[GW_PAYEES_MAX];
    int64_t taken_fen[GW_PAYEES_MAX];
    int64_t settled_fen; /**< By households. */
    int64_t bound_fen;   /**< Done, by bindings. */
    int64_t open_fen;    /**< In open orders: debits less refunds. */
    int64_t open_part_fen[GW_PAYEES_MAX];
    int64_t meters_ufen; /**< Charged, by meters. */
};

static void check_household(struct gw_ledger_report *report, struct sums *sums,
                            const struct gw_core *core, uint32_t slot)
{
    const struct gw_household *household = &core->households[slot];
    int64_t taken_fen = 0;
    for (uint32_t i = 0; i < household->payee_count; i++) {
        sums->charged_ufen[household->payees[i]] += household->charged_ufen[i];
        sums->taken_fen[household->payees[i]] += household->taken_fen[i];
        taken_fen += household->taken_fen[i];
    }
    sums->settled_fen += household->settled_fen;
    int64_t open_fen = 0;
    if (household->order_slot != GW_NONE) {
        const struct gw_order *order = &core->orders[household->order_slot];
        if (order->number == 0 || order->household != slot) {
            say(report, "an open order is not the household's own: ", household->id);
        }
        open_fen = order->kind == GW_ORDER_DEBIT ? order->amount_fen : -order->amount_fen;
    }
    if (taken_fen != household->settled_fen + open_fen) {
        say(report, "taken is not settled plus ordered: household ", household->id);
    }
    bool owes = gw_household_owed_fen(household) >= 1;
    if (owes && household->order_slot == GW_NONE && household->due_us == 0) {
        say(report, "owes money that no order is due for: household ", household->id);
    }
    report->accounts += 2u + household->payee_count;
}

static void check_orders(struct gw_ledger_report *report, struct sums *sums,
                         const struct gw_core *core)
{
    for (uint32_t i = 0; i < core->config.limits.orders_open_max; i++) {
        const struct gw_order *order = &core->orders[i];
        if (order->number == 0) {
            continue;
        }
        int64_t sign = order->kind == GW_ORDER_DEBIT ? 1 : -1;
        int64_t parts_fen = 0;
        for (uint32_t p = 0; p < order->part_count; p++) {
            parts_fen += order->part_fen[p];
            sums->open_part_fen[order->part_payee[p]] += sign * order->part_fen[p];
        }
        sums->open_fen += sign * order->amount_fen;
        const struct gw_household *household = &core->households[order->household];
        if (parts_fen != order->amount_fen) {
            say(report, "an order's parts are not its amount: household ", household->id);
        }
        if (household->order_slot != i) {
            say(report, "an order without its household: ", household->id);
        }
        report->accounts++;
    }
}

static void compare(struct gw_ledger_report *report, const struct sums *sums,
                    const struct gw_core *core)
{
    const struct gw_head *head = core->head;
    int64_t payees_ufen = 0;
    for (uint32_t p = 0; p < head->payee_count; p++) {
        payees_ufen += head->payee_charged_ufen[p];
        report->debits_ufen += sums->charged_ufen[p];
        report->credits_ufen += head->payee_charged_ufen[p];
        if (sums->charged_ufen[p] != head->payee_charged_ufen[p]) {
            say(report, "households were charged other than is owed to ", head->payees[p]);
        }
        if (sums->taken_fen[p] != head->payee_settled_fen[p] + sums->open_part_fen[p]) {
            say(report, "taken is not settled plus ordered for ", head->payees[p]);
        }
        report->accounts += 2u;
    }
    if (sums->meters_ufen != payees_ufen) {
        say(report, "meters were charged other than payees are owed", "");
    }
    if (sums->settled_fen != head->settled_fen || sums->bound_fen != head->settled_fen) {
        say(report, "settled by households, by wallets and in total differ", "");
    }
    if (sums->open_fen != head->ordered_fen) {
        say(report, "open orders are not what the total says", "");
    }
}

void gw_core_ledger_check(struct gw_ledger_report *out, const struct gw_core *core)
{
    memset(out, 0, sizeof(*out));
    struct sums sums;
    memset(&sums, 0, sizeof(sums));
    for (uint32_t i = 0; i < core->head->household_count; i++) {
        check_household(out, &sums, core, i);
    }
    for (uint32_t i = 0; i < core->head->binding_count; i++) {
        sums.bound_fen += core->bindings[i].taken_fen;
    }
    for (uint32_t i = 0; i < core->head->meter_count; i++) {
        sums.meters_ufen += core->meters[i].charged_ufen;
    }
    check_orders(out, &sums, core);
    compare(out, &sums, core);
    out->accounts += core->head->binding_count + core->head->meter_count;
    out->entries = core->head->readings + core->head->orders_done + core->head->orders_refused;
}
