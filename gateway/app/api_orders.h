/* SPDX-License-Identifier: GPL-3.0-or-later */
/** An order's event as JSON, for the history and for bills. Private to api_*.c. */
#ifndef GATEWAY_APP_API_ORDERS_H
#define GATEWAY_APP_API_ORDERS_H

#include <jansson.h>

#include "gateway/app/directory.h"
#include "gateway/core/history.h"

json_t *gw_api_order_event_json(const struct gw_entry *entry, struct gw_directory *directory);

#endif
