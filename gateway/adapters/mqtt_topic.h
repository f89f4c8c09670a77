/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Topics between meters and gateway: <root>/<site>/<meter>/<leaf>.
 *
 *      .../<meter>/up            COSE_Encrypt0          .../<meter>/json    SenML JSON
 *      .../<meter>/signed        COSE_Sign1             .../<meter>/cbor    SenML CBOR
 *      .../<meter>/raw/<protocol>  a frame as it came off the wire; "auto" leaves the protocol open
 *      .../<meter>/down          to the meter           .../gateway         "online" or "offline"
 *
 *  Pure text work; whether there is such a meter is for the core to say.
 */
#ifndef GATEWAY_ADAPTERS_MQTT_TOPIC_H
#define GATEWAY_ADAPTERS_MQTT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

#define GW_TOPIC_ROOT_MAX 32u
#define GW_TOPIC_SITE_MAX 32u
#define GW_TOPIC_BYTES_MAX 160u /**< Of any topic of ours, with its NUL. */

/** What a topic says about the message. Pointers borrow from the topic. */
struct gw_topic {
    uint8_t form; /**< enum gw_form */
    const char *name;
    size_t name_len;
    const char *protocol; /**< With GW_FORM_RAW; NULL for "auto" and all other forms. */
    size_t protocol_len;
};

/** True for a root or site: 1 to 32 of a-z A-Z 0-9 - _ . */
bool gw_topic_part_valid(const char *text);

/** Take a topic apart. prefix is "<root>/<site>/".
 *
 *  Returns: false for a topic that no meter publishes to; *out is untouched then.
 */
MT_MUST_USE bool gw_topic_parse(struct gw_topic *out, const char *topic, size_t topic_len,
                                const char *prefix);

/** Filter or topic number `index` of those that carry messages up, for subscriptions and ACLs, with
 *  `who` in the meter's place ("+", "%u"). Returns false past the last. */
bool gw_topic_up(char out[GW_TOPIC_BYTES_MAX], const char *prefix, const char *who, unsigned index);

/** The topic down to a meter. Returns false when the name has characters that no topic may have. */
MT_MUST_USE bool gw_topic_down(char out[GW_TOPIC_BYTES_MAX], const char *prefix, const char *name,
                               size_t name_len);

#endif
