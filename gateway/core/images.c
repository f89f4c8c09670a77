/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images of state are raw memory that comes back from a disk: what the core uses as an index, a count
 * or a text without looking is looked at once, here. */
#include <string.h>

#include "gateway/core/apply.h"

static bool is_link(uint32_t link, uint32_t count)
{
    return link == GW_NONE || link < count;
}

static bool reading_is_whole(const struct gw_packed_reading *reading)
{
    bool good = reading->time_us <= GW_READING_US_MAX && reading->total <= MT_REGISTER_MAX;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        good = good && reading->band[b].value <= MT_REGISTER_MAX;
    }
    return good;
}

static bool meter_is_whole(const struct gw_core *core, const struct gw_meter *meter)
{
    const struct gw_limits *limits = &core->config.limits;
    struct mt_identity identity;
    bool good = meter->name_len <= MT_NAME_MAX &&
                mt_name_parse(&identity, meter->name, meter->name_len) == MT_OK &&
                meter->medium == identity.medium && meter->tariff < GW_TARIFFS_MAX &&
                meter->household < limits->households_max &&
                is_link(meter->next_in_household, limits->meters_max) &&
                reading_is_whole(&meter->last);
    for (uint32_t i = 0; good && i < meter->segment_count; i++) {
        good = meter->segments[i].version < GW_TARIFF_VERSIONS_MAX;
    }
    return good;
}

static bool household_is_whole(const struct gw_core *core, const struct gw_household *household)
{
    const struct gw_limits *limits = &core->config.limits;
    bool good = memchr(household->id, 0, sizeof(household->id)) != NULL &&
                household->payee_count <= GW_ORDER_PAYEES_MAX &&
                is_link(household->meter_first, limits->meters_max) &&
                is_link(household->binding_newest, limits->bindings_max) &&
                is_link(household->order_slot, limits->orders_open_max);
    for (uint32_t i = 0; good && i < household->payee_count; i++) {
        good = household->payees[i] < GW_PAYEES_MAX;
    }
    return good;
}

static bool binding_is_whole(const struct gw_core *core, const struct gw_binding *binding,
                             uint32_t slot)
{
    return binding->household < core->config.limits.households_max &&
           (binding->older == GW_NONE || binding->older < slot) &&
           memchr(binding->wallet, 0, sizeof(binding->wallet)) != NULL &&
           memchr(binding->mandate, 0, sizeof(binding->mandate)) != NULL;
}

static bool order_is_whole(const struct gw_core *core, const struct gw_order *order, uint32_t slot)
{
    struct gw_order_step step;
    if (order->number == 0) {
        return true;
    }
    bool good = gw_order_slot(order->number) == slot && order->kind <= GW_ORDER_REFUND &&
                gw_order_next(&step, (enum gw_order_state)order->state, GW_ORDER_EV_RESTART) &&
                order->household < core->config.limits.households_max &&
                order->binding < core->config.limits.bindings_max &&
                order->part_count <= GW_ORDER_PAYEES_MAX;
    for (uint32_t i = 0; good && i < order->part_count; i++) {
        good = order->part_payee[i] < GW_PAYEES_MAX;
    }
    return good;
}

static bool head_is_whole(const struct gw_core *core)
{
    const struct gw_head *head = core->head;
    const struct gw_limits *limits = &core->config.limits;
    bool good = head->meter_count <= limits->meters_max &&
                head->household_count <= limits->households_max &&
                head->binding_count <= limits->bindings_max && head->payee_count <= GW_PAYEES_MAX &&
                head->tariff_count <= GW_TARIFFS_MAX;
    for (uint32_t i = 0; i < GW_TARIFFS_MAX; i++) {
        good = good && head->critical_count[i] <= GW_TARIFF_CRITICAL_DAYS_MAX &&
               memchr(head->tariff_names[i], 0, sizeof(head->tariff_names[i])) != NULL;
    }
    for (uint32_t i = 0; i < GW_PAYEES_MAX; i++) {
        good = good && memchr(head->payees[i], 0, sizeof(head->payees[i])) != NULL;
    }
    return good;
}

enum gw_status gw_images_check(const struct gw_core *core)
{
    const struct gw_limits *limits = &core->config.limits;
    bool good = head_is_whole(core);
    for (uint32_t i = 0; good && i < limits->meters_max; i++) {
        good = core->meters[i].name_len == 0 || meter_is_whole(core, &core->meters[i]);
    }
    for (uint32_t i = 0; good && i < limits->households_max; i++) {
        good = core->households[i].id[0] == '\0' || household_is_whole(core, &core->households[i]);
    }
    for (uint32_t i = 0; good && i < limits->bindings_max; i++) {
        good = core->bindings[i].wallet[0] == '\0' || binding_is_whole(core, &core->bindings[i], i);
    }
    for (uint32_t i = 0; good && i < limits->orders_open_max; i++) {
        good = order_is_whole(core, &core->orders[i], i);
    }
    return good ? GW_OK : GW_CORRUPT;
}
