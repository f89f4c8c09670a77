/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/api.h"

#include "gateway/app/api_handlers.h"

#define KIB 1024u

/* docs/openapi.yaml names the same paths and methods. */
/* clang-format off */
const struct gw_http_route gw_api_routes[] = {
    {"GET",    "/v1/status",                                 0,          gw_api_status},
    {"GET",    "/v1/alarms",                                 0,          gw_api_alarms},
    {"GET",    "/v1/refusals",                               0,          gw_api_refusals},
    {"GET",    "/v1/sources",                                0,          gw_api_source_list},
    {"POST",   "/v1/sources",                                4 * KIB,    gw_api_source_add},
    {"DELETE", "/v1/sources/{meter}",                        0,          gw_api_source_remove},
    {"GET",    "/v1/source-refusals",                        0,          gw_api_source_refusals},
    {"GET",    "/v1/hooks",                                  0,          gw_api_hook_list},
    {"POST",   "/v1/hooks",                                  4 * KIB,    gw_api_hook_add},
    {"DELETE", "/v1/hooks/{hook}",                           0,          gw_api_hook_remove},
    {"POST",   "/v1/clock/accept",                           0,          gw_api_clock_accept},
    {"GET",    "/v1/ledger/check",                           0,          gw_api_ledger_check},
    {"GET",    "/v1/meters",                                 0,          gw_api_meter_list},
    {"POST",   "/v1/meters",                                 1024 * KIB, gw_api_meter_add},
    {"GET",    "/v1/meters/{meter}",                         0,          gw_api_meter_show},
    {"GET",    "/v1/meters/{meter}/readings",                0,          gw_api_readings},
    {"POST",   "/v1/meters/{meter}/messages",                4 * KIB,    gw_api_meter_message},
    {"GET",    "/v1/households",                             0,          gw_api_household_list},
    {"POST",   "/v1/households",                             256 * KIB,  gw_api_household_add},
    {"GET",    "/v1/households/{household}",                 0,          gw_api_household_show},
    {"GET",    "/v1/households/{household}/bill",            0,          gw_api_bill},
    {"GET",    "/v1/households/{household}/orders",          0,          gw_api_orders_of},
    {"POST",   "/v1/households/{household}/wallets",         4 * KIB,    gw_api_wallet_bind},
    {"DELETE", "/v1/households/{household}/wallets/{wallet}", 0,         gw_api_wallet_unbind},
    {"GET",    "/v1/tariffs",                                0,          gw_api_tariff_list},
    {"POST",   "/v1/tariffs",                                128 * KIB,  gw_api_tariff_load},
    {"POST",   "/v1/tariffs/{tariff}/critical-days",         4 * KIB,    gw_api_tariff_announce},
    {"GET",    "/v1/orders",                                 0,          gw_api_orders_open},
    {"GET",    "/v1/lines",                                  0,          gw_api_lines},
    {"GET",    "/v1/reconciliations",                        0,          gw_api_reconcile_list},
    {"GET",    "/v1/reconciliations/{day}",                  0,          gw_api_reconcile_show},
    {"POST",   "/v1/reconciliations/{day}",                  4 * KIB,    gw_api_reconcile_do},
    {"GET",    "/v1/export/{what}",                          0,          gw_api_export},
};
/* clang-format on */

const uint32_t gw_api_route_count = sizeof(gw_api_routes) / sizeof(gw_api_routes[0]);
