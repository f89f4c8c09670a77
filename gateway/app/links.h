/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The adapters of a running gateway: MQTT, CoAP and the wallet operator, with the rings between their
 *  threads and the core's. All functions are for the core's thread unless they say otherwise.
 */
#ifndef GATEWAY_APP_LINKS_H
#define GATEWAY_APP_LINKS_H

#include <jansson.h>

#include "gateway/adapters/inbox.h"
#include "gateway/adapters/operator_https.h"
#include "gateway/adapters/source.h"
#include "gateway/app/app.h"

/** Open the adapters that the configuration enables. The rings' bell is app->bell.
 *
 *  Returns: GW_OK, or what the adapter says with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_links_open(struct gw_links **links, char why[GW_APP_WHY_BYTES],
                                         struct gw_app *app);
/** Stop their threads. NULL is allowed. */
void gw_links_close(struct gw_links *links);

/** Have the memory on its way that the next GW_HINT_MAX messages of each transport will need. */
void gw_links_hint(struct gw_links *links, const struct gw_core *core);
/** The oldest message of the next link in turn. up false: the store is down, so MQTT's messages are left
 *  where they are and the broker waits; CoAP's are got, to be refused. Returns false when there is none.
 *  Borrowed until gw_links_release. */
MT_MUST_USE bool gw_links_get(struct gw_links *links, struct gw_message *message, bool up);
void gw_links_release(struct gw_links *links);

/** Send a reply to the meter. */
void gw_links_reply(struct gw_links *links, const struct gw_reply *reply);

/** The operator's oldest answer, by copy. Returns false when there is none. */
MT_MUST_USE bool gw_links_result(struct gw_links *links, struct gw_order_result *result);

/** Hand an order to the operator. Returns false when it cannot be taken now. */
MT_MUST_USE bool gw_links_request(struct gw_links *links, const struct gw_order_request *request);

/** True when no ring holds anything that would be taken now: while the store is down, from CoAP only.
 *  Exact after gw_bell_arm. */
bool gw_links_empty(struct gw_links *links, bool up);

/** The foreign devices' bindings. Any thread. */
struct gw_sources *gw_links_sources(struct gw_links *links);
/** A binding was added or removed: listen to its topics. Any thread. */
void gw_links_sources_changed(struct gw_links *links);

/** Let a meter connect: its name and transport key. Before the threads start and at any time. */
void gw_links_add_key(struct gw_links *links, const char *name, const uint8_t psk[MT_KEY_BYTES]);

/** Fetch a day's statement from the operator: gateway/adapters/operator_https.h. Any thread.
 *
 *  Returns: GW_OK: the callbacks will follow, unless the links are closed first; GW_BUSY: another one is
 *           under way; GW_INVALID: no operator is enabled.
 */
MT_MUST_USE enum gw_status gw_links_statement(struct gw_links *links,
                                              const struct gw_statement_request *request);
/** The last trouble with the operator in words; empty when there was none. Any thread. */
void gw_links_operator_problem(struct gw_links *links, char problem[GW_OPERATOR_PROBLEM_BYTES]);

/** Look at the adapters' states and raise or clear their alarms. */
void gw_links_watch(struct gw_links *links, struct gw_app *app, int64_t now_us);

/** Their counters as JSON objects, put into `into`. Any thread. */
void gw_links_status(struct gw_links *links, json_t *into);

/** Every polled meter: its schedule, last answer and silence. An array, owned by the caller; any thread. */
json_t *gw_links_polled(struct gw_links *links);

#endif
