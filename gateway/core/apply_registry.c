/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is registered: households, meters, wallets, tariffs. */
#include <string.h>

#include "gateway/core/apply_internal.h"
#include "gateway/core/pack.h"

/* Items are added one after the other: this one is the next, or the totals hold it already. */
static bool is_next(const struct gw_core *core, uint32_t item, uint32_t count)
{
    return gw_lacks(core, GW_ARRAY_HEAD, 0) ? item == count : item < count;
}

/* A chain leads to older items only. */
static bool is_older(uint32_t link, uint32_t item)
{
    return link == GW_NONE || link < item;
}

static bool identity_is_whole(const struct mt_identity *identity)
{
    char name[MT_NAME_MAX + 1];
    struct mt_identity again;
    return identity->medium <= MT_MEDIUM_OTHER &&
           mt_name_parse(&again, name, mt_name_format(name, identity)) == MT_OK &&
           mt_identity_equal(&again, identity);
}

enum gw_status gw_apply_household(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->household >= core->config.limits.households_max) {
        return GW_INVALID;
    }
    if (!is_next(core, entry->household, core->head->household_count) ||
        entry->household_id[0] == '\0') {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        struct gw_household *household = &core->households[entry->household];
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        memset(household, 0, sizeof(*household));
        memcpy(household->id, entry->household_id, sizeof(household->id));
        household->meter_first = GW_NONE;
        household->binding_newest = GW_NONE;
        household->order_slot = GW_NONE;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->household_count = entry->household + 1u;
    }
    return GW_OK;
}

static enum gw_status fill_meter(struct gw_meter *meter, const struct gw_entry *entry)
{
    const struct gw_meter_spec *spec = &entry->meter_spec;
    memset(meter, 0, sizeof(*meter));
    gw_identity_pack(meter, &spec->identity);
    meter->accept = spec->accept;
    meter->tariff = (uint8_t)entry->tariff;
    meter->has_sign_public = spec->has_sign_public;
    meter->household = entry->household;
    meter->next_in_household = entry->link;
    gw_terms_pack(meter, &spec->terms);
    meter->max_per_hour = (uint64_t)spec->max_per_hour;
    meter->register_width = (uint64_t)spec->register_width;
    meter->last_block = entry->block;
    meter->spec_block = entry->block;
    meter->spec_at = entry->at;
    meter->raw_key_blocks = spec->raw_key_len / MT_KEY_BYTES & 3u;
    const struct {
        uint8_t *key;
        enum mt_key_purpose purpose;
    } keys[] = {{meter->up_key, MT_KEY_UP},
                {meter->down_key, MT_KEY_DOWN},
                {meter->transport_key, MT_KEY_TRANSPORT}};
    for (uint32_t i = 0; i < 3; i++) {
        if (mt_key_derive(keys[i].key, spec->root_key, keys[i].purpose, &spec->identity) != MT_OK) {
            return GW_INVALID;
        }
    }
    if (meter->raw_key_blocks > 0) { /* It has no use for the other two. */
        memset(meter->raw_key, 0, sizeof(meter->raw_key));
        memcpy(meter->raw_key, spec->raw_key, spec->raw_key_len);
    }
    return GW_OK;
}

static bool spec_fits(const struct gw_meter_spec *spec)
{
    return spec->max_per_hour > 0 && spec->max_per_hour <= GW_METER_PER_HOUR_MAX &&
           spec->register_width >= 0 && spec->register_width <= MT_REGISTER_MAX &&
           identity_is_whole(&spec->identity) && gw_raw_key_fits(spec);
}

enum gw_status gw_apply_meter(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->meter >= core->config.limits.meters_max) {
        return GW_INVALID;
    }
    if (entry->tariff >= core->head->tariff_count ||
        entry->household >= core->head->household_count ||
        !is_next(core, entry->meter, core->head->meter_count) ||
        !is_older(entry->link, entry->meter) || !spec_fits(&entry->meter_spec) ||
        gw_tariff_of(core, entry->tariff)->medium != entry->meter_spec.identity.medium) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_METERS, entry->meter)) {
        gw_touch(core, GW_ARRAY_METERS, entry->meter);
        enum gw_status status = fill_meter(&core->meters[entry->meter], entry);
        if (status != GW_OK) {
            return status;
        }
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        struct gw_household *household = &core->households[entry->household];
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        household->meter_first = entry->meter;
        const struct gw_tariff *tariff = gw_tariff_of(core, entry->tariff);
        for (uint32_t p = 0; p < tariff->payee_count; p++) {
            uint8_t payee = core->tariff_payee[entry->tariff][p];
            if (gw_household_payee(household, payee) == UINT32_MAX) {
                return GW_CORRUPT;
            }
        }
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->meter_count = entry->meter + 1u;
    }
    return GW_OK;
}

enum gw_status gw_apply_bind(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->binding >= core->config.limits.bindings_max) {
        return GW_INVALID;
    }
    if (entry->household >= core->head->household_count ||
        !is_next(core, entry->binding, core->head->binding_count) ||
        !is_older(entry->link, entry->binding)) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        struct gw_binding *binding = &core->bindings[entry->binding];
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        memset(binding, 0, sizeof(*binding));
        binding->household = entry->household;
        binding->older = entry->link;
        memcpy(binding->wallet, entry->bind.wallet, sizeof(binding->wallet));
        memcpy(binding->mandate, entry->bind.mandate, sizeof(binding->mandate));
        binding->cap_single_fen = entry->bind.cap_single_fen;
        binding->cap_day_fen = entry->bind.cap_day_fen;
        binding->from_us = entry->block_time_us;
        binding->to_us = INT64_MAX;
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        core->households[entry->household].binding_newest = entry->binding;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->binding_count = entry->binding + 1u;
    }
    return GW_OK;
}

enum gw_status gw_apply_unbind(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->binding >= core->head->binding_count) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        core->bindings[entry->binding].to_us = entry->block_time_us;
    }
    return GW_OK;
}

static uint8_t payee_find(const struct gw_head *head, const char *code)
{
    for (uint32_t i = 0; i < head->payee_count; i++) {
        if (strcmp(head->payees[i], code) == 0) {
            return (uint8_t)i;
        }
    }
    return UINT8_MAX;
}

static bool payee_add(struct gw_head *head, const char *code)
{
    if (payee_find(head, code) != UINT8_MAX) {
        return true;
    }
    if (head->payee_count == GW_PAYEES_MAX) {
        return false;
    }
    memcpy(head->payees[head->payee_count++], code, strlen(code) + 1u);
    return true;
}

/* Returns false when there is no room for the day. */
static bool add_day(struct gw_tariff *tariff, int32_t day)
{
    uint32_t at = 0;
    while (at < tariff->critical_day_count && tariff->critical_days[at] < day) {
        at++;
    }
    bool known = at < tariff->critical_day_count && tariff->critical_days[at] == day;
    if (known || tariff->critical_day_count == GW_TARIFF_CRITICAL_DAYS_MAX) {
        return known;
    }
    memmove(&tariff->critical_days[at + 1u], &tariff->critical_days[at],
            (tariff->critical_day_count - at) * sizeof(tariff->critical_days[0]));
    tariff->critical_days[at] = day;
    tariff->critical_day_count++;
    return true;
}

bool gw_tariff_merge_days(const struct gw_core *core, uint32_t index, struct gw_tariff *tariff)
{
    bool all = true;
    for (uint32_t d = 0; d < core->head->critical_count[index]; d++) {
        all = add_day(tariff, core->head->critical_days[index][d]) && all;
    }
    return all;
}

enum gw_status gw_tariff_attach(struct gw_core *core, uint32_t tariff)
{
    const struct gw_head *head = core->head;
    core->tariff_at[tariff] = 0xff;
    for (uint32_t i = 0; i < core->tariff_put_count; i++) {
        if (strcmp(core->tariffs[i].name, head->tariff_names[tariff]) == 0) {
            core->tariff_at[tariff] = (uint8_t)i;
        }
    }
    if (core->tariff_at[tariff] == 0xff) {
        return GW_INVALID;
    }
    struct gw_tariff *put = &core->tariffs[core->tariff_at[tariff]];
    for (uint32_t p = 0; p < put->payee_count; p++) {
        uint8_t payee = payee_find(head, put->payees[p]);
        if (payee == UINT8_MAX) {
            return GW_INVALID;
        }
        core->tariff_payee[tariff][p] = payee;
    }
    return gw_tariff_merge_days(core, tariff, put) ? GW_OK : GW_INVALID;
}

enum gw_status gw_apply_tariff(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->tariff >= GW_TARIFFS_MAX || entry->tariff > core->head->tariff_count ||
        entry->tariff_name[0] == '\0') {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        struct gw_head *head = core->head;
        gw_touch(core, GW_ARRAY_HEAD, 0);
        memcpy(head->tariff_names[entry->tariff], entry->tariff_name, sizeof(entry->tariff_name));
        if (entry->tariff >= head->tariff_count) {
            head->tariff_count = (uint8_t)(entry->tariff + 1u);
        }
        for (uint32_t p = 0; p < entry->tariff_payee_count; p++) {
            if (!payee_add(head, entry->tariff_payees[p])) {
                return GW_CORRUPT;
            }
        }
    }
    return gw_tariff_attach(core, entry->tariff);
}

enum gw_status gw_apply_critical_day(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->tariff >= core->head->tariff_count) {
        return GW_CORRUPT;
    }
    uint32_t *count = &core->head->critical_count[entry->tariff];
    if (gw_lacks(core, GW_ARRAY_HEAD, 0) && *count < GW_TARIFF_CRITICAL_DAYS_MAX) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->critical_days[entry->tariff][(*count)++] = entry->critical_day;
    }
    return gw_tariff_attach(core, entry->tariff);
}
