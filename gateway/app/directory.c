/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/directory.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/app/calls.h"

/* Slots copied in one call, so that the core never stands still for longer than about a millisecond. */
#define SLOTS_PER_CALL 4096u

void gw_directory_init(struct gw_directory *directory)
{
    memset(directory, 0, sizeof(*directory));
    (void)pthread_rwlock_init(&directory->lock, NULL); /* cannot fail without attributes */
}

void gw_directory_deinit(struct gw_directory *directory)
{
    free(directory->meters);
    free(directory->households);
    free(directory->bindings);
    (void)pthread_rwlock_destroy(&directory->lock);
}

/* Make room for `count` items. Returns false without memory. */
static bool grow(void **items, uint32_t *room, uint32_t count, size_t item_bytes)
{
    if (count <= *room) {
        return true;
    }
    uint32_t more = count + count / 2 + 64;
    void *grown = realloc(*items, (size_t)more * item_bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

/* One step of a refresh: what the core has, and how far the copy is behind. */
struct step {
    struct gw_directory *directory;
    struct gw_counters counters;
    uint32_t slots_left;
};

static uint32_t tariff_index(const struct gw_directory *d, const char *name)
{
    uint32_t i = 0;
    while (i < d->tariff_count && strcmp(d->tariffs[i], name) != 0) {
        i++;
    }
    return i;
}

static void copy_tariffs(struct gw_directory *d, const struct gw_core *core)
{
    const struct gw_tariff *tariff = NULL;
    const char *payee = NULL;
    for (d->tariff_count = 0; d->tariff_count < GW_TARIFFS_MAX &&
                              (tariff = gw_core_tariff(core, d->tariff_count)) != NULL;
         d->tariff_count++) {
        uint32_t i = d->tariff_count;
        memcpy(d->tariffs[i], tariff->name, sizeof(d->tariffs[i]));
        for (uint32_t p = 0; p < tariff->payee_count; p++) {
            memcpy(d->tariff_payees[i][p], tariff->payees[p], sizeof(d->tariff_payees[i][p]));
        }
    }
    for (d->payee_count = 0;
         d->payee_count < GW_PAYEES_MAX && (payee = gw_core_payee(core, d->payee_count)) != NULL;
         d->payee_count++) {
        memcpy(d->payees[d->payee_count], payee, strlen(payee) + 1);
    }
}

static void copy_meters(struct step *step, const struct gw_core *core)
{
    struct gw_directory *d = step->directory;
    struct gw_meter_view view;
    while (d->meter_count < d->meter_room && step->slots_left > 0 &&
           gw_core_meter(&view, core, d->meter_count)) {
        struct gw_directory_meter *meter = &d->meters[d->meter_count++];
        step->slots_left--;
        (void)mt_name_format(meter->name, &view.identity); /* its length is not needed */
        meter->medium = view.identity.medium;
        meter->tariff = (uint8_t)tariff_index(d, view.tariff);
        meter->household = gw_core_find_household(core, view.household, strlen(view.household));
    }
}

static void copy_others(struct step *step, const struct gw_core *core)
{
    struct gw_directory *d = step->directory;
    struct gw_household_view household;
    struct gw_binding_view binding;
    while (d->household_count < d->household_room && step->slots_left > 0 &&
           gw_core_household(&household, core, d->household_count)) {
        step->slots_left--;
        memcpy(d->households[d->household_count++], household.id, sizeof(household.id));
    }
    while (d->binding_count < d->binding_room && step->slots_left > 0 &&
           gw_core_binding(&binding, core, d->binding_count)) {
        struct gw_directory_binding *copy = &d->bindings[d->binding_count++];
        step->slots_left--;
        copy->household = binding.household;
        memcpy(copy->wallet, binding.wallet, sizeof(copy->wallet));
    }
}

static void run_step(void *arg, struct gw_app *app, struct gw_core *core)
{
    struct step *step = arg;
    (void)app; /* the core knows all of it */
    gw_core_counters(&step->counters, core);
    step->slots_left = SLOTS_PER_CALL;
    copy_tariffs(step->directory, core);
    copy_meters(step, core);
    copy_others(step, core);
}

static bool is_behind(const struct gw_directory *d, const struct gw_counters *c)
{
    return d->meter_count < c->meters || d->household_count < c->households ||
           d->binding_count < c->bindings;
}

enum gw_status gw_directory_refresh(struct gw_directory *directory, struct gw_calls *calls)
{
    struct step step = {.directory = directory};
    struct gw_call call = {.kind = GW_CALL_LOOK, .run = run_step, .arg = &step};
    enum gw_status status = GW_OK;
    (void)pthread_rwlock_wrlock(&directory->lock);
    do {
        status = gw_calls_do(calls, &call);
        bool room = status == GW_OK &&
                    grow((void **)&directory->meters, &directory->meter_room, step.counters.meters,
                         sizeof(*directory->meters)) &&
                    grow((void **)&directory->households, &directory->household_room,
                         step.counters.households, sizeof(*directory->households)) &&
                    grow((void **)&directory->bindings, &directory->binding_room,
                         step.counters.bindings, sizeof(*directory->bindings));
        if (status == GW_OK && !room) {
            status = GW_FULL;
        }
    } while (status == GW_OK && is_behind(directory, &step.counters));
    (void)pthread_rwlock_unlock(&directory->lock);
    return status;
}

bool gw_directory_meter(struct gw_directory_meter *out, struct gw_directory *directory,
                        uint32_t slot)
{
    (void)pthread_rwlock_rdlock(&directory->lock);
    bool known = slot < directory->meter_count;
    if (known) {
        *out = directory->meters[slot];
    }
    (void)pthread_rwlock_unlock(&directory->lock);
    return known;
}

bool gw_directory_household(char id[GW_HOUSEHOLD_ID_MAX + 1], struct gw_directory *directory,
                            uint32_t slot)
{
    (void)pthread_rwlock_rdlock(&directory->lock);
    bool known = slot < directory->household_count;
    if (known) {
        memcpy(id, directory->households[slot], sizeof(directory->households[slot]));
    }
    (void)pthread_rwlock_unlock(&directory->lock);
    return known;
}

bool gw_directory_binding(struct gw_directory_binding *out, struct gw_directory *directory,
                          uint32_t slot)
{
    (void)pthread_rwlock_rdlock(&directory->lock);
    bool known = slot < directory->binding_count;
    if (known) {
        *out = directory->bindings[slot];
    }
    (void)pthread_rwlock_unlock(&directory->lock);
    return known;
}

bool gw_directory_payee(char code[GW_PAYEE_CODE_MAX + 1], struct gw_directory *directory,
                        uint32_t index)
{
    (void)pthread_rwlock_rdlock(&directory->lock);
    bool known = index < directory->payee_count;
    if (known) {
        memcpy(code, directory->payees[index], sizeof(directory->payees[index]));
    }
    (void)pthread_rwlock_unlock(&directory->lock);
    return known;
}

bool gw_directory_tariff_payee(char code[GW_PAYEE_CODE_MAX + 1], struct gw_directory *directory,
                               uint32_t tariff, uint32_t at)
{
    (void)pthread_rwlock_rdlock(&directory->lock);
    bool known = tariff < directory->tariff_count && at < GW_TARIFF_PAYEES_MAX;
    if (known) {
        memcpy(code, directory->tariff_payees[tariff][at],
               sizeof(directory->tariff_payees[tariff][at]));
    }
    (void)pthread_rwlock_unlock(&directory->lock);
    return known;
}
