/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What edge nodes of Sparkplug said at their births, so that their data can be read; private to source*.c.
 *
 *  A birth names each metric, and gives it an alias that later messages use in place of the name. Kept are
 *  the aliases of bound metrics only, in their bindings: memory is by bindings, whatever a node sends.
 *  A gap in a node's sequence numbers, data before a birth and an alias that is not known make us ask the
 *  node for its births again, once a minute at most. Readings are taken all the same: registers are
 *  cumulative.
 *
 *      no birth --NBIRTH--> BORN --NDEATH of that birth--> no birth
 *
 *  The result is JSON for the mapping's language:
 *
 *      {"device":"plant:gw-1:meter-7","metrics":[{"name":"Energy.Total","value":"12.5","time":1486144502122}]}
 *
 *  with a slash in a metric's name as a dot, and only metrics that are bound and hold a number.
 */
#ifndef GATEWAY_ADAPTERS_SOURCE_SPARKPLUG_H
#define GATEWAY_ADAPTERS_SOURCE_SPARKPLUG_H

#include "gateway/adapters/source_file.h"

#define GW_SPARKPLUG_ASK_US INT64_C(60000000) /**< Between two requests to a node. */

/** What to make of a message. */
struct gw_sparkplug_outcome {
    bool is_known;    /**< A binding is of this node. */
    bool is_damaged;  /**< It is no Sparkplug payload. */
    bool ask;         /**< Ask the node for its births. */
    uint32_t metrics; /**< In the text. */
    size_t len;       /**< Of the text. */
};

/** Make room for the nodes of a table's bindings. Returns false without memory. */
MT_MUST_USE bool gw_sparkplug_nodes_build(struct gw_source_table *table);

/** Take a message on a topic that gw_sparkplug_topic has read. Out: text, GW_MAPPING_BODY_BYTES_MAX. */
void gw_sparkplug_take(struct gw_sparkplug_outcome *out, char *text, struct gw_source_table *table,
                       uint32_t mapping, const struct gw_sparkplug_topic *topic,
                       const struct gw_source_message *message);

#endif
