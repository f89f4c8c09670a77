/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "gateway/core/apply.h"
#include "gateway/core/civil.h"

/* ---- finding -------------------------------------------------------------------------------------- */

uint32_t gw_core_find_meter(const struct gw_core *core, const char *name, size_t name_len)
{
    struct gw_probe probe;
    if (name_len == 0 || name_len > MT_NAME_MAX) {
        return GW_NONE;
    }
    uint32_t slot = gw_index_first(&probe, &core->meter_index,
                                   gw_index_hash(&core->meter_index, name, name_len));
    /* An identity has exactly one spelling, so equal texts are equal meters. */
    while (slot != GW_NONE && (core->meters[slot].name_len != name_len ||
                               memcmp(core->meters[slot].name, name, name_len) != 0)) {
        slot = gw_index_next(&probe, &core->meter_index);
    }
    return slot;
}

uint32_t gw_core_find_household(const struct gw_core *core, const char *id, size_t id_len)
{
    struct gw_probe probe;
    if (id_len == 0 || id_len > GW_HOUSEHOLD_ID_MAX) {
        return GW_NONE;
    }
    uint32_t slot = gw_index_first(&probe, &core->household_index,
                                   gw_index_hash(&core->household_index, id, id_len));
    while (slot != GW_NONE && (memcmp(core->households[slot].id, id, id_len) != 0 ||
                               core->households[slot].id[id_len] != '\0')) {
        slot = gw_index_next(&probe, &core->household_index);
    }
    return slot;
}

static uint32_t find_tariff(const struct gw_core *core, const char *name)
{
    for (uint32_t i = 0; i < core->head->tariff_count; i++) {
        if (strcmp(core->head->tariff_names[i], name) == 0) {
            return i;
        }
    }
    return GW_NONE;
}

/* ---- checking text ---------------------------------------------------------------------------------- */

static bool is_word(const char *text, size_t max)
{
    size_t len = 0;
    while (len <= max && text[len] != '\0') {
        char c = text[len++];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
        if (!good) {
            return false;
        }
    }
    return len >= 1 && len <= max;
}

static bool is_ended(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static struct gw_entry *start(struct gw_core *core, enum gw_entry_kind kind)
{
    struct gw_entry *entry = core->entry;
    entry->kind = kind;
    entry->block = core->number;
    entry->block_time_us = core->block_time_us;
    entry->previous_block = 0;
    return entry;
}

/* ---- households ---------------------------------------------------------------------------------------- */

enum gw_registry_verdict gw_core_add_household(struct gw_core *core, const char *id)
{
    if (!is_word(id, GW_HOUSEHOLD_ID_MAX)) {
        return GW_REG_INVALID;
    }
    if (gw_core_find_household(core, id, strlen(id)) != GW_NONE) {
        return GW_REG_EXISTS;
    }
    if (core->broken || gw_core_full(core) ||
        core->head->household_count == core->config.limits.households_max) {
        return GW_REG_FULL;
    }
    struct gw_entry *entry = start(core, GW_ENTRY_HOUSEHOLD);
    entry->household = core->head->household_count;
    memset(entry->household_id, 0, sizeof(entry->household_id));
    memcpy(entry->household_id, id, strlen(id));
    gw_emit(core, entry, NULL);
    gw_index_add(&core->household_index, gw_index_hash(&core->household_index, id, strlen(id)),
                 entry->household);
    return GW_REG_DONE;
}

/* ---- meters ------------------------------------------------------------------------------------------------ */

static bool spec_is_sane(const struct gw_meter_spec *spec)
{
    const struct gw_terms *terms = &spec->terms;
    return is_ended(spec->household, sizeof(spec->household)) &&
           is_ended(spec->tariff, sizeof(spec->tariff)) && spec->max_per_hour > 0 &&
           spec->max_per_hour <= GW_METER_PER_HOUR_MAX && spec->register_width >= 0 &&
           spec->register_width <= MT_REGISTER_MAX && terms->ladder_months >= 1 &&
           terms->ladder_months <= 12 &&
           (spec->accept & (uint8_t) ~(GW_ACCEPT_COSE | GW_ACCEPT_CARRIER)) == 0 &&
           spec->accept != 0 && gw_raw_key_fits(spec);
}

bool gw_raw_key_fits(const struct gw_meter_spec *spec)
{
    bool whole = spec->raw_key_len % MT_KEY_BYTES == 0 && spec->raw_key_len <= GW_RAW_KEY_MAX;
    return spec->raw_key_len == 0 || (whole && spec->accept == GW_ACCEPT_CARRIER);
}

/* True when the household can still have all payees of the tariff. */
static bool payees_fit(const struct gw_core *core, uint32_t household, uint32_t tariff)
{
    struct gw_household copy = core->households[household];
    uint32_t count = gw_tariff_of(core, tariff)->payee_count;
    for (uint32_t p = 0; p < count; p++) {
        if (gw_household_payee(&copy, core->tariff_payee[tariff][p]) == UINT32_MAX) {
            return false;
        }
    }
    return true;
}

static enum gw_registry_verdict check_meter(const struct gw_core *core,
                                            const struct gw_meter_spec *spec, const char *name,
                                            size_t name_len)
{
    struct mt_identity again;
    if (!spec_is_sane(spec) || mt_name_parse(&again, name, name_len) != MT_OK ||
        !mt_identity_equal(&again, &spec->identity)) {
        return GW_REG_INVALID;
    }
    if (gw_core_find_meter(core, name, name_len) != GW_NONE) {
        return GW_REG_EXISTS;
    }
    uint32_t household = gw_core_find_household(core, spec->household, strlen(spec->household));
    if (household == GW_NONE) {
        return GW_REG_NO_HOUSEHOLD;
    }
    uint32_t tariff = find_tariff(core, spec->tariff);
    if (tariff == GW_NONE) {
        return GW_REG_NO_TARIFF;
    }
    if (gw_tariff_of(core, tariff)->medium != spec->identity.medium) {
        return GW_REG_MEDIUM;
    }
    if (!payees_fit(core, household, tariff)) {
        return GW_REG_PAYEES;
    }
    bool full = core->broken || gw_core_full(core) ||
                core->head->meter_count == core->config.limits.meters_max;
    return full ? GW_REG_FULL : GW_REG_DONE;
}

enum gw_registry_verdict gw_core_add_meter(struct gw_core *core, const struct gw_meter_spec *spec)
{
    char name[MT_NAME_MAX + 1];
    bool ended = is_ended(spec->identity.maker, sizeof(spec->identity.maker)) &&
                 is_ended(spec->identity.number, sizeof(spec->identity.number));
    if (!ended || spec->identity.medium > MT_MEDIUM_OTHER) {
        return GW_REG_INVALID;
    }
    size_t name_len = mt_name_format(name, &spec->identity);
    enum gw_registry_verdict verdict = check_meter(core, spec, name, name_len);
    if (verdict != GW_REG_DONE) {
        return verdict;
    }
    struct gw_entry *entry = start(core, GW_ENTRY_METER);
    entry->meter_spec = *spec;
    entry->meter = core->head->meter_count;
    entry->household = gw_core_find_household(core, spec->household, strlen(spec->household));
    entry->tariff = find_tariff(core, spec->tariff);
    entry->link = core->households[entry->household].meter_first;
    gw_emit(core, entry, NULL);
    mt_key_wipe(entry->meter_spec.root_key, sizeof(entry->meter_spec.root_key));
    mt_key_wipe(entry->meter_spec.raw_key, sizeof(entry->meter_spec.raw_key));
    gw_index_add(&core->meter_index, gw_index_hash(&core->meter_index, name, name_len),
                 entry->meter);
    return GW_REG_DONE;
}

/* ---- wallets ------------------------------------------------------------------------------------------------- */

static uint32_t find_binding(const struct gw_core *core, uint32_t household, const char *wallet,
                             uint32_t *count)
{
    uint32_t found = GW_NONE;
    uint32_t slot = core->households[household].binding_newest;
    for (*count = 0; slot != GW_NONE; slot = core->bindings[slot].older) {
        const struct gw_binding *binding = &core->bindings[slot];
        if (found == GW_NONE && binding->to_us == INT64_MAX &&
            strcmp(binding->wallet, wallet) == 0) {
            found = slot;
        }
        ++*count;
    }
    return found;
}

#define BINDINGS_PER_HOUSEHOLD 64u

enum gw_registry_verdict gw_core_bind_wallet(struct gw_core *core, const struct gw_bind_spec *spec)
{
    if (!is_ended(spec->household, sizeof(spec->household)) ||
        !is_word(spec->wallet, GW_WALLET_ID_MAX) || !is_word(spec->mandate, GW_MANDATE_ID_MAX) ||
        spec->cap_single_fen < 1 || spec->cap_day_fen < 1) {
        return GW_REG_INVALID;
    }
    uint32_t household = gw_core_find_household(core, spec->household, strlen(spec->household));
    if (household == GW_NONE) {
        return GW_REG_NO_HOUSEHOLD;
    }
    uint32_t count = 0;
    if (find_binding(core, household, spec->wallet, &count) != GW_NONE) {
        return GW_REG_BOUND;
    }
    if (core->broken || gw_core_full(core) || count >= BINDINGS_PER_HOUSEHOLD ||
        core->head->binding_count == core->config.limits.bindings_max) {
        return GW_REG_FULL;
    }
    struct gw_entry *entry = start(core, GW_ENTRY_BIND);
    entry->binding = core->head->binding_count;
    entry->household = household;
    entry->link = core->households[household].binding_newest;
    entry->bind = *spec;
    gw_emit(core, entry, NULL);
    if (core->households[household].due_us != 0) {
        gw_heap_set(&core->due, household, core->households[household].due_us);
    }
    return GW_REG_DONE;
}

enum gw_registry_verdict gw_core_unbind_wallet(struct gw_core *core, const char *household,
                                               const char *wallet)
{
    uint32_t slot = gw_core_find_household(core, household, strlen(household));
    if (slot == GW_NONE) {
        return GW_REG_NO_HOUSEHOLD;
    }
    uint32_t count = 0;
    uint32_t binding = find_binding(core, slot, wallet, &count);
    if (binding == GW_NONE) {
        return GW_REG_NO_BINDING;
    }
    if (core->broken || gw_core_full(core)) {
        return GW_REG_FULL;
    }
    struct gw_entry *entry = start(core, GW_ENTRY_UNBIND);
    entry->binding = binding;
    gw_emit(core, entry, NULL);
    return GW_REG_DONE;
}

/* ---- tariffs -------------------------------------------------------------------------------------------------- */

/* Where a tariff of this name is put: over the older one, or after the last. */
static uint32_t find_put(const struct gw_core *core, const char *name)
{
    uint32_t at = 0;
    while (at < core->tariff_put_count && strcmp(core->tariffs[at].name, name) != 0) {
        at++;
    }
    return at;
}

enum gw_status gw_core_put_tariff(struct gw_core *core, const struct gw_tariff *tariff)
{
    uint32_t at = find_put(core, tariff->name);
    if (at == GW_TARIFFS_MAX) {
        return GW_FULL;
    }
    core->tariffs[at] = *tariff;
    core->tariff_put_count += at == core->tariff_put_count;
    return GW_OK;
}

static bool same_payees(const struct gw_tariff *a, const struct gw_tariff *b)
{
    bool same = a->medium == b->medium && a->unit_divisor == b->unit_divisor &&
                a->payee_count == b->payee_count;
    for (uint32_t i = 0; same && i < a->payee_count; i++) {
        same = strcmp(a->payees[i], b->payees[i]) == 0;
    }
    return same;
}

static bool same_component(const struct gw_component *a, const struct gw_component *b)
{
    return strcmp(a->label, b->label) == 0 && a->payee == b->payee &&
           memcmp(a->flat_price_ufen, b->flat_price_ufen, sizeof(a->flat_price_ufen)) == 0 &&
           memcmp(a->band_price_ufen, b->band_price_ufen, sizeof(a->band_price_ufen)) == 0 &&
           memcmp(a->adder_ufen, b->adder_ufen, sizeof(a->adder_ufen)) == 0;
}

static bool same_schedule(const struct gw_schedule *a, const struct gw_schedule *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        same =
            a->spans[i].start_min == b->spans[i].start_min && a->spans[i].band == b->spans[i].band;
    }
    return same;
}

static bool same_version(const struct gw_tariff_version *a, const struct gw_tariff_version *b)
{
    bool same = strcmp(a->id, b->id) == 0 && a->from_us == b->from_us &&
                memcmp(a->season_of_month, b->season_of_month, sizeof(a->season_of_month)) == 0 &&
                a->season_count == b->season_count && a->ladder == b->ladder &&
                a->ladder_month == b->ladder_month && a->block_count == b->block_count &&
                memcmp(a->block_limit, b->block_limit, sizeof(a->block_limit)) == 0 &&
                a->large_people == b->large_people && a->large_extra == b->large_extra &&
                a->free_units == b->free_units && a->component_count == b->component_count &&
                a->critical_months == b->critical_months &&
                a->bands_by_meter == b->bands_by_meter && a->whole_units == b->whole_units &&
                a->round_fen == b->round_fen &&
                same_schedule(&a->critical_schedule, &b->critical_schedule);
    for (uint32_t i = 0; same && i < a->component_count; i++) {
        same = same_component(&a->components[i], &b->components[i]);
    }
    for (uint32_t i = 0; same && i < a->season_count; i++) {
        same = same_schedule(&a->schedule[i], &b->schedule[i]);
    }
    return same;
}

/* Days that have begun stay what they were announced as. */
static bool same_days_until(const struct gw_tariff *a, const struct gw_tariff *b, int32_t today)
{
    uint32_t i = 0;
    uint32_t j = 0;
    for (;; i++, j++) {
        bool more_a = i < a->critical_day_count && a->critical_days[i] <= today;
        bool more_b = j < b->critical_day_count && b->critical_days[j] <= today;
        if (!more_a || !more_b) {
            return !more_a && !more_b;
        }
        if (a->critical_days[i] != b->critical_days[j]) {
            return false;
        }
    }
}

/* What readings have been rated by stays: some are a little ahead of the clock. */
static int64_t rated_until_us(const struct gw_core *core)
{
    return core->head->newest_us > core->now_us ? core->head->newest_us : core->now_us;
}

/* The pack may leave out announced days: they are the gateway's, and are merged in again. */
static bool keeps_the_days(const struct gw_core *core, const struct gw_tariff *was,
                           const struct gw_tariff *is)
{
    struct gw_tariff *merged = core->tariff_scratch;
    *merged = *is;
    bool all = gw_tariff_merge_days(core, find_tariff(core, is->name), merged);
    return all && same_days_until(was, merged, gw_local_day(rated_until_us(core)));
}

/* What has been in force must stay as it was; new versions begin in the future. */
static bool keeps_the_past(const struct gw_core *core, const struct gw_tariff *was,
                           const struct gw_tariff *is)
{
    uint32_t i = 0;
    int64_t until_us = rated_until_us(core);
    for (; i < was->version_count && was->versions[i].from_us <= until_us; i++) {
        if (i >= is->version_count || !same_version(&was->versions[i], &is->versions[i])) {
            return false;
        }
    }
    return (i >= is->version_count || is->versions[i].from_us > until_us) &&
           keeps_the_days(core, was, is);
}

static enum gw_registry_verdict check_tariff(const struct gw_core *core,
                                             const struct gw_tariff *tariff, uint32_t at)
{
    char why[160];
    if (!is_word(tariff->name, GW_TARIFF_NAME_MAX) ||
        gw_tariff_check(tariff, why, sizeof(why)) != GW_OK) {
        return GW_REG_INVALID;
    }
    if (at == GW_NONE) {
        bool full = core->head->tariff_count == GW_TARIFFS_MAX ||
                    core->tariff_put_count == GW_TARIFFS_MAX ||
                    core->head->payee_count + tariff->payee_count > GW_PAYEES_MAX;
        return full ? GW_REG_FULL : GW_REG_DONE;
    }
    const struct gw_tariff *was = gw_tariff_of(core, at);
    if (!same_payees(was, tariff)) {
        return GW_REG_PAYEES;
    }
    return keeps_the_past(core, was, tariff) ? GW_REG_DONE : GW_REG_RETROACTIVE;
}

enum gw_registry_verdict gw_core_load_tariff(struct gw_core *core, const struct gw_tariff *tariff,
                                             const char *text, size_t text_len)
{
    if (core->broken || gw_core_full(core) || core->document_name != NULL) {
        return GW_REG_FULL;
    }
    uint32_t at = find_tariff(core, tariff->name);
    enum gw_registry_verdict verdict = check_tariff(core, tariff, at);
    if (verdict != GW_REG_DONE) {
        return verdict;
    }
    uint32_t place = find_put(core, tariff->name);
    if (place == GW_TARIFFS_MAX) {
        return GW_REG_FULL;
    }
    gw_tariff_keep(core, place);
    enum gw_status put = gw_core_put_tariff(core, tariff);
    MT_CHECK(put == GW_OK);
    struct gw_entry *entry = start(core, GW_ENTRY_TARIFF);
    entry->tariff = at == GW_NONE ? core->head->tariff_count : at;
    memset(entry->tariff_name, 0, sizeof(entry->tariff_name));
    memcpy(entry->tariff_name, tariff->name, strlen(tariff->name));
    entry->tariff_payee_count = tariff->payee_count;
    memcpy(entry->tariff_payees, tariff->payees, sizeof(entry->tariff_payees));
    gw_emit(core, entry, NULL);
    core->document_name = core->head->tariff_names[entry->tariff];
    core->document_text = text;
    core->document_len = text_len;
    return GW_REG_DONE;
}

enum gw_registry_verdict gw_core_announce_day(struct gw_core *core, const char *tariff, int32_t day)
{
    uint32_t at = find_tariff(core, tariff);
    if (at == GW_NONE) {
        return GW_REG_NO_TARIFF;
    }
    if (day <= gw_local_day(rated_until_us(core))) {
        return GW_REG_RETROACTIVE;
    }
    if (day > gw_local_day(core->now_us) + GW_ANNOUNCE_DAYS_MAX) {
        return GW_REG_INVALID;
    }
    const struct gw_tariff *put = gw_tariff_of(core, at);
    for (uint32_t i = 0; i < put->critical_day_count; i++) {
        if (put->critical_days[i] == day) {
            return GW_REG_EXISTS;
        }
    }
    if (core->broken || gw_core_full(core) ||
        put->critical_day_count == GW_TARIFF_CRITICAL_DAYS_MAX ||
        core->head->critical_count[at] == GW_TARIFF_CRITICAL_DAYS_MAX) {
        return GW_REG_FULL;
    }
    gw_tariff_keep(core, core->tariff_at[at]);
    struct gw_entry *entry = start(core, GW_ENTRY_CRITICAL_DAY);
    entry->tariff = at;
    entry->critical_day = day;
    gw_emit(core, entry, NULL);
    return GW_REG_DONE;
}

const char *gw_registry_verdict_advice(enum gw_registry_verdict verdict)
{
    static const char *const advice[] = {
        [GW_REG_DONE] = "Done.",
        [GW_REG_EXISTS] = "It is there already.",
        [GW_REG_NO_METER] = "There is no such meter. Add it first.",
        [GW_REG_NO_HOUSEHOLD] = "There is no such household. Add it first.",
        [GW_REG_NO_TARIFF] = "There is no such tariff. Load it first.",
        [GW_REG_NO_BINDING] = "That wallet is not bound to this household.",
        [GW_REG_MEDIUM] = "The tariff is for another medium than the meter.",
        [GW_REG_BOUND] = "That wallet is bound to this household already.",
        [GW_REG_FULL] = ("A limit is reached. Raise it in the configuration and restart, or try "
                         "again if the gateway is busy."),
        [GW_REG_INVALID] = "A field is out of range or has characters that it may not have.",
        [GW_REG_PAYEES] = ("The payees do not fit: a household has six at most, and a tariff keeps "
                           "those that it began with."),
        [GW_REG_RETROACTIVE] = "What has been in force cannot be changed. Give it a later date.",
    };
    MT_CHECK((unsigned)verdict < sizeof(advice) / sizeof(advice[0]));
    return advice[verdict];
}
