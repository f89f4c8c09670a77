/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The handlers of the API's routes, one group a file. Private to api*.c. */
#ifndef GATEWAY_APP_API_HANDLERS_H
#define GATEWAY_APP_API_HANDLERS_H

#include "gateway/adapters/http.h"

#define GW_API_HANDLER(name) \
    void name(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)

/* api_status.c */
GW_API_HANDLER(gw_api_status);
GW_API_HANDLER(gw_api_alarms);
GW_API_HANDLER(gw_api_refusals);
GW_API_HANDLER(gw_api_source_list);
GW_API_HANDLER(gw_api_source_add);
GW_API_HANDLER(gw_api_source_remove);
GW_API_HANDLER(gw_api_source_refusals);
GW_API_HANDLER(gw_api_clock_accept);
GW_API_HANDLER(gw_api_ledger_check);
/* api_meters.c, api_meter_add.c */
GW_API_HANDLER(gw_api_meter_list);
GW_API_HANDLER(gw_api_meter_show);
GW_API_HANDLER(gw_api_meter_add);
GW_API_HANDLER(gw_api_meter_message);
GW_API_HANDLER(gw_api_hook_list);
GW_API_HANDLER(gw_api_hook_add);
GW_API_HANDLER(gw_api_hook_remove);
/* api_households.c */
GW_API_HANDLER(gw_api_household_list);
GW_API_HANDLER(gw_api_household_show);
GW_API_HANDLER(gw_api_household_add);
GW_API_HANDLER(gw_api_wallet_bind);
GW_API_HANDLER(gw_api_wallet_unbind);
/* api_tariffs.c */
GW_API_HANDLER(gw_api_tariff_list);
GW_API_HANDLER(gw_api_tariff_load);
GW_API_HANDLER(gw_api_tariff_announce);
/* api_readings.c, api_orders.c, api_bill.c, api_export.c */
GW_API_HANDLER(gw_api_readings);
GW_API_HANDLER(gw_api_orders_open);
GW_API_HANDLER(gw_api_orders_of);
GW_API_HANDLER(gw_api_bill);
GW_API_HANDLER(gw_api_export);
/* api_lines.c */
GW_API_HANDLER(gw_api_lines);

/* api_reconcile.c */
GW_API_HANDLER(gw_api_reconcile_list);
GW_API_HANDLER(gw_api_reconcile_show);
GW_API_HANDLER(gw_api_reconcile_do);

#endif
