/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sparkplug B messages (Eclipse Sparkplug 3.0): topics, and the protobuf payload, read within its bounds.
 *
 *      spBv1.0/<group>/<type>/<edge node>[/<device>]
 *
 *  A device is named "group:node:device" here, an edge node "group:node". Of the payload only what a
 *  reading needs is looked at; unknown fields are stepped over, as protobuf asks for. Numbers become
 *  decimal text by integer arithmetic.
 *
 *  Never: keeps state (source_sparkplug.h does), allocates, IO.
 */
#ifndef GATEWAY_ADAPTERS_SPARKPLUG_H
#define GATEWAY_ADAPTERS_SPARKPLUG_H

#include "gateway/adapters/mapping.h"
#include "meters/cursor.h"

#define GW_SPARKPLUG_VALUE_BYTES 48u
#define GW_SPARKPLUG_REBIRTH_BYTES 64u

/* ---- topics ---- */

enum gw_sparkplug_type {
    GW_SPARKPLUG_NBIRTH,
    GW_SPARKPLUG_NDATA,
    GW_SPARKPLUG_NDEATH,
    GW_SPARKPLUG_DBIRTH,
    GW_SPARKPLUG_DDATA,
    GW_SPARKPLUG_DDEATH,
    GW_SPARKPLUG_OTHER, /**< A command, or a type that is not known: of no interest. */
};

struct gw_sparkplug_topic {
    enum gw_sparkplug_type type;
    char node[GW_MAPPING_DEVICE_MAX + 1];   /**< "group:node" */
    char device[GW_MAPPING_DEVICE_MAX + 1]; /**< "group:node:device", or the node again. */
};

/** Read a topic. Returns false for one that is no edge node's, or whose names cannot be bound: too long,
 *  or with a colon in them. */
MT_MUST_USE bool gw_sparkplug_topic(struct gw_sparkplug_topic *out, const char *topic, size_t len);

/** Topics of a device that somebody has rights on. */
enum gw_sparkplug_right {
    GW_SPARKPLUG_OF_NODE,   /**< Written by the edge node. */
    GW_SPARKPLUG_OF_DEVICE, /**< Written by the edge node, for the device. */
    GW_SPARKPLUG_COMMAND,   /**< Written by us, read by the edge node. */
    GW_SPARKPLUG_RIGHTS,
};
/** Such a topic; a + stands for the type. Returns false when the device has none: it is an edge node, or
 *  no name of one. */
MT_MUST_USE bool gw_sparkplug_right(char topic[GW_MAPPING_TOPIC_MAX + 1], const char *device,
                                    enum gw_sparkplug_right right);

/* ---- payloads ---- */

enum gw_sparkplug_kind {
    GW_SPARKPLUG_NOTHING, /**< Null, or a kind that holds no number. */
    GW_SPARKPLUG_INT,     /**< bits is the uint32 of int_value. */
    GW_SPARKPLUG_LONG,    /**< bits is the uint64 of long_value. */
    GW_SPARKPLUG_FLOAT,   /**< bits are an IEEE 754 binary32. */
    GW_SPARKPLUG_DOUBLE,  /**< bits are a binary64. */
    GW_SPARKPLUG_TEXT,
};

/** A metric. Texts borrow from the payload. */
struct gw_sparkplug_metric {
    const char *name; /**< NULL: by its alias only. */
    size_t name_len;
    bool has_alias;
    uint64_t alias;
    bool has_time;
    uint64_t time_ms;  /**< Since 1970 UTC. */
    uint32_t datatype; /**< As the specification numbers them; 0: not said. */
    enum gw_sparkplug_kind kind;
    uint64_t bits;
    const char *text;
    size_t text_len;
};

struct gw_sparkplug_payload {
    bool has_time;
    uint64_t time_ms;
    bool has_seq;
    uint64_t seq;          /**< 0 to 255. */
    struct mt_cursor rest; /**< Metrics that were not looked at yet. */
};

/** Begin with a payload; all of its fields are looked at once, so that metrics of a damaged one are never
 *  taken. Returns false when it is no Sparkplug payload. */
MT_MUST_USE bool gw_sparkplug_open(struct gw_sparkplug_payload *payload, const uint8_t *bytes,
                                   size_t len);
/** The next metric. Returns false past the last. */
bool gw_sparkplug_next(struct gw_sparkplug_metric *metric, struct gw_sparkplug_payload *payload);

/** A metric's number as decimal text: integers as they are, signed by the datatype; a float as the
 *  shortest decimal that it is the nearest float to, six decimals at most; a text as it stands.
 *
 *  In:      datatype  the metric's own, or that of its birth
 *  Returns: false when it holds no number that can be shown.
 */
MT_MUST_USE bool gw_sparkplug_value(char text[GW_SPARKPLUG_VALUE_BYTES],
                                    const struct gw_sparkplug_metric *metric, uint32_t datatype);

/** The payload of a command that asks an edge node for its births: "Node Control/Rebirth" is true.
 *  Returns its length. */
size_t gw_sparkplug_rebirth(uint8_t bytes[GW_SPARKPLUG_REBIRTH_BYTES], int64_t time_us);

#endif
