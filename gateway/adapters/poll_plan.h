/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What is polled: the lines (buses) of a gateway and the meters on each, from DIR/lines.yaml.
 *
 *      lines:
 *        - name: stairs-1
 *          device: /dev/ttyUSB0         # or  tcp: 192.168.1.7:4001
 *          speed: 2400                  # of a device; parity: even, odd or none; stop_bits: 1 or 2
 *          answer_within: 1500ms        # first byte of an answer; default 500ms and 24 characters
 *          gap: 30ms                    # silence kept before a question
 *          tries: 3
 *          time_sync: "03:10"           # local time of a daily broadcast; default none
 *          meters:
 *            - {meter: pHXE-000012345678, protocol: dlt645, every: 15min}
 *            - {meter: wABC-12345678, protocol: mbus, address: 5, every: 1h}
 *            - {meter: pEAS-0001, protocol: modbus, address: 1, map: sdm120, every: 15min}
 *
 *  address belongs to mbus (1 to 250) and modbus (1 to 247). The other protocols ask by the meter's
 *  number, and their answers must carry it.
 *  Never: opens a line.
 */
#ifndef GATEWAY_ADAPTERS_POLL_PLAN_H
#define GATEWAY_ADAPTERS_POLL_PLAN_H

#include "gateway/adapters/modbus_map.h"

#define GW_LINES_MAX 64u
#define GW_POLL_METERS_MAX 4096u /**< On all lines together. */
#define GW_LINE_METERS_MAX 256u
#define GW_POLL_MAPS_MAX 32u
#define GW_LINE_NAME_MAX 31u
#define GW_LINE_WHERE_MAX 127u
#define GW_LINES_NAME "lines.yaml" /**< In the gateway's directory; without it nothing is polled. */

enum gw_poll_protocol {
    GW_POLL_DLT645,      /**< DL/T 645-2007. */
    GW_POLL_DLT645_1997, /**< DL/T 645-1997. */
    GW_POLL_CJT188,
    GW_POLL_MBUS,           /**< By primary address. */
    GW_POLL_MBUS_SECONDARY, /**< Selected by number. */
    GW_POLL_MODBUS,
    GW_POLL_PROTOCOLS,
};

/** The protocol's word in the file. */
const char *gw_poll_protocol_name(uint8_t protocol);

/** The name of its frames in meters/registry.h; NULL for Modbus, which has no frames of meters. */
const char *gw_poll_frame_name(uint8_t protocol);

/** A meter to ask. */
struct gw_poll_target {
    char name[MT_NAME_MAX + 1];
    struct mt_identity identity; /**< What name says. */
    uint8_t protocol;            /**< enum gw_poll_protocol. */
    uint8_t address;             /**< M-Bus primary or Modbus; else 0. */
    uint8_t map;                 /**< Modbus: index into the plan's maps. */
    int64_t every_us;            /**< 1 s to 31 days. */
};

/** A line. Its meters are targets[first .. first + count). */
struct gw_line_plan {
    char name[GW_LINE_NAME_MAX + 1];
    bool is_tcp;
    char where[GW_LINE_WHERE_MAX + 1]; /**< A device's path, or a host. */
    uint16_t port;                     /**< TCP. */
    uint32_t speed;                    /**< Bits a second; 300 to 115200. */
    char parity;                       /**< 'E', 'O' or 'N'. */
    uint8_t stop_bits;
    uint32_t answer_ms;    /**< The first byte of an answer comes within this. */
    uint32_t gap_ms;       /**< Silence before a question. */
    uint8_t tries;         /**< Questions before a meter counts as silent; 1 to 10. */
    int32_t sync_minute;   /**< Of the local day; -1: no time is sent. */
    bool modbus_tcp;       /**< Modbus/TCP frames; else RTU frames, also through TCP. */
    uint32_t first, count; /**< Its targets. */
};

/** About 500 kB: the caller allocates it. */
struct gw_poll_plan {
    uint32_t line_count, target_count, map_count;
    struct gw_line_plan lines[GW_LINES_MAX];
    struct gw_poll_target targets[GW_POLL_METERS_MAX];
    struct gw_modbus_map maps[GW_POLL_MAPS_MAX];
};

/** Read a plan from its text.
 *
 *  Returns: GW_OK; GW_INVALID with a sentence in why (GW_YAML_WHY_MAX bytes); GW_FULL without memory.
 *  Out:     *plan  void unless GW_OK.
 *  In:      dir    where register maps of one's own are.
 */
MT_MUST_USE enum gw_status gw_poll_plan_parse(struct gw_poll_plan *plan, char *why,
                                              const struct gw_yaml_source *source, const char *dir);

/** Read DIR/lines.yaml. Returns as gw_poll_plan_parse(); GW_END when there is no such file; GW_IO. */
MT_MUST_USE enum gw_status gw_poll_plan_load(struct gw_poll_plan *plan, char *why, const char *dir);

/** How long an answer of bytes_max may take on a line from its first byte on, in ms: its characters at
 *  the line's speed with a third to spare, and what a slow meter may pause between them. */
uint32_t gw_line_frame_ms(const struct gw_line_plan *line, uint32_t bytes_max);

#endif
