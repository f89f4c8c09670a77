/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/order.h"

#include <stddef.h>

struct edge {
    enum gw_order_state from;
    enum gw_order_event event;
    struct gw_order_step to;
};

/* The picture in the header, edge by edge. A pair that is not here cannot happen. */
static const struct edge edges[] = {
    {GW_ORDER_QUEUED, GW_ORDER_EV_TIMER, {GW_ORDER_SENT, GW_ORDER_DO_SEND}},
    {GW_ORDER_QUEUED, GW_ORDER_EV_RESTART, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
    {GW_ORDER_SENT, GW_ORDER_EV_DONE, {GW_ORDER_DONE, GW_ORDER_DO_BOOK_DONE}},
    {GW_ORDER_SENT, GW_ORDER_EV_REFUSED, {GW_ORDER_REFUSED, GW_ORDER_DO_BOOK_REFUSED}},
    {GW_ORDER_SENT, GW_ORDER_EV_NO_ANSWER, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
    {GW_ORDER_SENT, GW_ORDER_EV_RESTART, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
    {GW_ORDER_UNSURE, GW_ORDER_EV_TIMER, {GW_ORDER_ASKED, GW_ORDER_DO_ASK}},
    {GW_ORDER_UNSURE, GW_ORDER_EV_RESTART, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
    {GW_ORDER_ASKED, GW_ORDER_EV_DONE, {GW_ORDER_DONE, GW_ORDER_DO_BOOK_DONE}},
    {GW_ORDER_ASKED, GW_ORDER_EV_REFUSED, {GW_ORDER_REFUSED, GW_ORDER_DO_BOOK_REFUSED}},
    {GW_ORDER_ASKED, GW_ORDER_EV_NO_ANSWER, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
    {GW_ORDER_ASKED, GW_ORDER_EV_UNKNOWN, {GW_ORDER_QUEUED, GW_ORDER_DO_WAIT}},
    {GW_ORDER_ASKED, GW_ORDER_EV_RESTART, {GW_ORDER_UNSURE, GW_ORDER_DO_WAIT}},
};

bool gw_order_next(struct gw_order_step *step, enum gw_order_state state, enum gw_order_event event)
{
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        if (edges[i].from == state && edges[i].event == event) {
            *step = edges[i].to;
            return true;
        }
    }
    return false;
}

int64_t gw_order_backoff_us(uint32_t attempt, uint64_t order_number)
{
    const int64_t second_us = 1000000;
    uint32_t doublings = attempt < 1u ? 0u : attempt - 1u;
    int64_t base_us = doublings >= 6u ? 60 * second_us : second_us << doublings;
    if (base_us > 60 * second_us) {
        base_us = 60 * second_us;
    }
    uint64_t mixed = (order_number + attempt) * 0x9e3779b97f4a7c15ull;
    return base_us + (int64_t)((mixed >> 40) % (uint64_t)(base_us / 4));
}
