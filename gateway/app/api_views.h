/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Views of the core as JSON objects. Private to api_*.c. */
#ifndef GATEWAY_APP_API_VIEWS_H
#define GATEWAY_APP_API_VIEWS_H

#include "gateway/app/api_tools.h"
#include "gateway/core/history.h"

json_t *gw_api_meter_json(const struct gw_meter_view *view);
json_t *gw_api_terms_json(const struct gw_terms *terms);

/** A reading's members (time, total, bands, flags), put into an object. */
void gw_api_put_reading(json_t *object, const struct gw_entry_reading *reading, uint8_t medium);

/** "mqtt", "coap", "http"; "cose", "signed", "cbor", "json", "raw". Never NULL. */
const char *gw_transport_name(uint8_t transport);
const char *gw_form_name(uint8_t form);

/** "debit", "refund"; "queued" ...; "" or "insufficient_funds" ... */
const char *gw_order_kind_name(enum gw_order_kind kind);
const char *gw_order_state_name(enum gw_order_state state);
const char *gw_refusal_name(enum gw_refusal refusal);

#endif
