/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a foreign device or platform says, as readings of meters: by a mapping file, never by a guess.
 *
 *  A mapping names the topics (or the web hook) that it is for, where in the JSON a device's name, its
 *  clock and its registers stand, and in which unit; docs/mappings.md is the language. Which device is
 *  which meter is not said here: that is a binding (source.h).
 *
 *      topic -> gw_mapping_topic -> gw_mapping_records -> (binding) -> gw_mapping_take -> reading or frame
 *
 *  A number is taken digit by digit from its text. What is ambiguous is refused: a list where one value
 *  is asked for, a member that stands there twice, a unit that is not known. Digits finer than a Wh or
 *  an ml are cut off; a register is cumulative, so nothing is lost by it.
 *
 *  Never: keeps anything between messages, allocates (but gw_mapping_load, which reads a file), IO.
 */
#ifndef GATEWAY_ADAPTERS_MAPPING_H
#define GATEWAY_ADAPTERS_MAPPING_H

#include "gateway/adapters/yaml_reader.h"
#include "gateway/core/limits.h"
#include "gateway/core/status.h"
#include "meters/check.h"
#include "meters/reading.h"
#include "meters/registry.h"

#define GW_MAPPING_FORMAT "meterpay-mapping-1"
#define GW_MAPPING_NAME_MAX 31u    /**< Characters of a mapping's name. */
#define GW_MAPPING_DEVICE_MAX 64u  /**< Bytes of a device's name at its platform. */
#define GW_MAPPING_CHANNEL_MAX 32u /**< Bytes of a channel's name. */
#define GW_MAPPING_PATH_MAX 127u
#define GW_MAPPING_TOPICS_MAX 4u
#define GW_MAPPING_RULES_MAX 4u /**< Conditions of a mapping. */
#define GW_MAPPING_READINGS_MAX 16u
#define GW_MAPPING_RECORDS_MAX 64u       /**< Records of one message. */
#define GW_MAPPING_BODY_BYTES_MAX 16384u /**< Bytes of a message that is looked at. */
#define GW_MAPPING_WHY_BYTES 200u

/** Why a message gives no reading. */
enum gw_mapping_verdict {
    GW_MAPPING_DONE = 0,
    GW_MAPPING_ASIDE,       /**< Of another kind (`when`): no fault, and no reading. */
    GW_MAPPING_BAD_BODY,    /**< Not the JSON, or the number, that it should be. */
    GW_MAPPING_TOO_LARGE,   /**< More bytes, records or nesting than the limits allow. */
    GW_MAPPING_NO_DEVICE,   /**< It does not say, in 1 to 64 plain characters, who speaks. */
    GW_MAPPING_UNMET,       /**< The device itself says that the value is not good (`require`). */
    GW_MAPPING_MISSING,     /**< Nothing stands at a path. */
    GW_MAPPING_AMBIGUOUS,   /**< Several values where one is asked for, or a name twice. */
    GW_MAPPING_BAD_NUMBER,  /**< Not a number, below zero, or out of range. */
    GW_MAPPING_BAD_UNIT,    /**< Not a unit of this meter's medium, or none is known. */
    GW_MAPPING_BAD_TIME,    /**< No moment, or one without a zone. */
    GW_MAPPING_BAD_PAYLOAD, /**< Not the base64 or hex that it should be, or empty. */
    GW_MAPPING_VERDICTS,
};

/** A short name for counters and JSON ("unit", "missing"). Never NULL. */
const char *gw_mapping_verdict_name(enum gw_mapping_verdict verdict);
/** What to do about it, in a sentence. Never NULL. */
const char *gw_mapping_verdict_advice(enum gw_mapping_verdict verdict);

enum gw_mapping_body {
    GW_MAPPING_JSON,
    GW_MAPPING_NUMBER,
    GW_MAPPING_SPARKPLUG, /**< Made JSON before (source_sparkplug.h). */
};
enum gw_mapping_clock {
    GW_MAPPING_ARRIVAL, /**< None: the gateway's own. */
    GW_MAPPING_S,
    GW_MAPPING_MS,
    GW_MAPPING_US,
    GW_MAPPING_ISO, /**< 2026-11-23T19:00:00.5+08:00, or 20261123T110000Z. */
};
enum gw_mapping_code { GW_MAPPING_NO_PAYLOAD, GW_MAPPING_BASE64, GW_MAPPING_HEX };
enum gw_mapping_unit_from { GW_MAPPING_UNIT_FIXED, GW_MAPPING_UNIT_PATH, GW_MAPPING_UNIT_SOURCE };

/** A text that a path must hold. */
struct gw_mapping_rule {
    char path[GW_MAPPING_PATH_MAX + 1];
    char is[GW_MAPPING_PATH_MAX + 1];
    bool must; /**< `require`: else it is refused; not set, `when`: else it is left aside. */
};

/** Where a register stands. */
struct gw_mapping_register {
    char path[GW_MAPPING_PATH_MAX + 1]; /**< Empty: the body itself. */
    uint8_t band;                       /**< 0: the total; 1 to MT_BANDS. */
    uint8_t media;                      /**< Bit of each enum mt_medium that it is for. */
    uint8_t unit_from;                  /**< enum gw_mapping_unit_from */
    char unit[GW_MAPPING_PATH_MAX + 1]; /**< The unit, or the path that holds it. */
    int64_t scale_mantissa; /**< The number counts so many units: 10 W min is {10, 0}. */
    int32_t scale_exponent;
    bool optional; /**< A band that only some devices have. */
};

/** A mapping, as its file says. Texts are NUL-terminated. */
struct gw_mapping {
    char name[GW_MAPPING_NAME_MAX + 1];
    uint32_t topic_count;
    char topics[GW_MAPPING_TOPICS_MAX][GW_MAPPING_PATH_MAX + 1];
    char hook[GW_MAPPING_NAME_MAX + 1];    /**< Empty: none. */
    uint8_t body;                          /**< enum gw_mapping_body */
    char list[GW_MAPPING_PATH_MAX + 1];    /**< Where the records stand; empty: the body is one. */
    char device[GW_MAPPING_PATH_MAX + 1];  /**< Empty: in the topic. */
    char channel[GW_MAPPING_PATH_MAX + 1]; /**< Empty: in the topic, or the binding's. */
    uint32_t rule_count;
    struct gw_mapping_rule rules[GW_MAPPING_RULES_MAX];
    uint8_t clock; /**< enum gw_mapping_clock */
    char clock_path[GW_MAPPING_PATH_MAX + 1];
    bool has_zone;
    int32_t zone_minutes; /**< East of UTC, for clocks that do not say. */
    uint32_t register_count;
    struct gw_mapping_register registers[GW_MAPPING_READINGS_MAX];
    uint8_t code; /**< enum gw_mapping_code; with one there are no registers. */
    char payload[GW_MAPPING_PATH_MAX + 1];
    char protocol[MT_PROTOCOL_NAME_MAX + 1]; /**< Empty: to be recognised. */
};

/** Read a mapping's text.
 *
 *  Returns: GW_OK, or GW_INVALID with a sentence in why (GW_YAML_WHY_MAX bytes hold any) that names
 *           the line. *mapping is untouched then.
 */
MT_MUST_USE enum gw_status gw_mapping_parse(struct gw_mapping *mapping, char *why, size_t why_max,
                                            const struct gw_yaml_source *source);

/** Read a mapping's file. Returns as above, and GW_IO when it cannot be read. */
MT_MUST_USE enum gw_status gw_mapping_load(struct gw_mapping *mapping, char *why, size_t why_max,
                                           const char *path);

/** What a topic says. Empty where it does not. */
struct gw_mapping_names {
    char device[GW_MAPPING_DEVICE_MAX + 1];
    char channel[GW_MAPPING_CHANNEL_MAX + 1];
};

/** Is the mapping for this topic (topic_len bytes)?
 *
 *  A pattern is compared part by part: {device}, {channel} and + stand for one part, or for the rest
 *  of one ("switch:{channel}").
 *  Returns: true with *out filled; false: *out is untouched.
 */
MT_MUST_USE bool gw_mapping_topic(struct gw_mapping_names *out, const struct gw_mapping *mapping,
                                  const char *topic, size_t topic_len);

/** The filter to subscribe to for a topic's pattern (index below topic_count): a part with a name in it
 *  is a + there. */
void gw_mapping_filter(char filter[GW_MAPPING_PATH_MAX + 1], const struct gw_mapping *mapping,
                       uint32_t index);

#define GW_MAPPING_TOPIC_MAX (GW_MAPPING_PATH_MAX + GW_MAPPING_DEVICE_MAX + GW_MAPPING_CHANNEL_MAX)

/** The same for one device: {device} and {channel} are what names says; where it says nothing the part
 *  is a + as in the filter. */
void gw_mapping_topic_of(char topic[GW_MAPPING_TOPIC_MAX + 1], const struct gw_mapping *mapping,
                         uint32_t index, const struct gw_mapping_names *names);

/** A part of a message that one device said. Borrows from the body. */
struct gw_mapping_record {
    const char *body; /**< The whole body. */
    size_t body_len;
    const char *at;                /**< This record's value in it. */
    struct gw_mapping_names names; /**< channel is empty when nothing names it. */
    bool aside; /**< Of another kind (`when`), and it names nobody: gw_mapping_take says so too. */
};

struct gw_mapping_records {
    uint32_t count;
    struct gw_mapping_record records[GW_MAPPING_RECORDS_MAX];
};

/** Take a message apart into what each device said.
 *
 *  Returns: GW_MAPPING_DONE; GW_MAPPING_BAD_BODY, TOO_LARGE, NO_DEVICE, MISSING, AMBIGUOUS with a
 *           sentence in why.
 *  Out:     *out   about 10 kB, the caller's.
 *  In:      names  what the topic said; body, borrowed for as long as *out is used.
 */
MT_MUST_USE enum gw_mapping_verdict gw_mapping_records(struct gw_mapping_records *out,
                                                       char why[GW_MAPPING_WHY_BYTES],
                                                       const struct gw_mapping *mapping,
                                                       const struct gw_mapping_names *names,
                                                       const char *body, size_t body_len);

/** Whose record it is. */
struct gw_mapping_owner {
    uint8_t medium;      /**< enum mt_medium of the bound meter. */
    const char *channel; /**< Of the binding; empty: none. */
    const char *unit;    /**< Of the binding, for `unit: source`; empty: none. */
};

/** What came out of a record: a reading, or a frame that is still to be decoded. */
struct gw_mapped {
    bool is_frame;
    struct mt_reading reading; /**< time_us 0: the gateway's clock. */
    const char *protocol; /**< Of the frame; NULL: to be recognised. Borrows from the mapping. */
    size_t frame_len;
    uint8_t frame[GW_MESSAGE_BYTES_MAX];
};

/** Take a record's reading, or its frame.
 *
 *  Returns: a verdict, with a sentence in why unless GW_MAPPING_DONE. *out is unspecified then.
 */
MT_MUST_USE enum gw_mapping_verdict gw_mapping_take(struct gw_mapped *out,
                                                    char why[GW_MAPPING_WHY_BYTES],
                                                    const struct gw_mapping *mapping,
                                                    const struct gw_mapping_record *record,
                                                    const struct gw_mapping_owner *owner);

#endif
