/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Names for the numbers in blocks: meters, households, wallets and payees by slot, for HTTP threads.
 *
 *  What a slot stands for never changes, so a copy outside the core stays right for ever; it is only
 *  brought up to date, by a call, when a larger slot is met. Any thread.
 */
#ifndef GATEWAY_APP_DIRECTORY_H
#define GATEWAY_APP_DIRECTORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/core.h"

struct gw_calls;

struct gw_directory_meter {
    char name[MT_NAME_MAX + 1];
    uint8_t medium;
    uint8_t tariff; /**< Index. */
    uint32_t household;
};

struct gw_directory_binding {
    uint32_t household;
    char wallet[GW_WALLET_ID_MAX + 1];
};

struct gw_directory {
    pthread_rwlock_t lock;
    struct gw_directory_meter *meters; /**< Grown with realloc, up to the limits. */
    char (*households)[GW_HOUSEHOLD_ID_MAX + 1];
    struct gw_directory_binding *bindings;
    char payees[GW_PAYEES_MAX][GW_PAYEE_CODE_MAX + 1];
    char tariffs[GW_TARIFFS_MAX][GW_TARIFF_NAME_MAX + 1];
    char tariff_payees[GW_TARIFFS_MAX][GW_TARIFF_PAYEES_MAX][GW_PAYEE_CODE_MAX + 1];
    uint32_t meter_count, household_count, binding_count, payee_count, tariff_count;
    uint32_t meter_room, household_room, binding_room;
};

void gw_directory_init(struct gw_directory *directory);
void gw_directory_deinit(struct gw_directory *directory);

/** Bring it up to date. Not from the core's thread. Returns GW_OK, GW_BUSY (the core is down), GW_FULL
 *  (no memory). */
MT_MUST_USE enum gw_status gw_directory_refresh(struct gw_directory *directory,
                                                struct gw_calls *calls);

/* Each returns false for a slot that is not known yet: refresh and ask again. */
bool gw_directory_meter(struct gw_directory_meter *out, struct gw_directory *directory,
                        uint32_t slot);
bool gw_directory_household(char id[GW_HOUSEHOLD_ID_MAX + 1], struct gw_directory *directory,
                            uint32_t slot);
bool gw_directory_binding(struct gw_directory_binding *out, struct gw_directory *directory,
                          uint32_t slot);
bool gw_directory_payee(char code[GW_PAYEE_CODE_MAX + 1], struct gw_directory *directory,
                        uint32_t index);
/** The payee in place `at` of a tariff's payees. */
bool gw_directory_tariff_payee(char code[GW_PAYEE_CODE_MAX + 1], struct gw_directory *directory,
                               uint32_t tariff, uint32_t at);

#endif
