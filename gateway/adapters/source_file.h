/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Mappings and bindings as they are kept; private to source*.c. */
#ifndef GATEWAY_ADAPTERS_SOURCE_FILE_H
#define GATEWAY_ADAPTERS_SOURCE_FILE_H

#include "gateway/adapters/shipped.h"
#include "gateway/adapters/source.h"
#include "gateway/adapters/sparkplug.h"
#include "gateway/core/index.h"

/** A line of sources.csv. */
struct gw_source {
    uint32_t mapping; /**< Index. */
    uint8_t medium;   /**< enum mt_medium of the meter. */
    struct gw_mapping_names names;
    char unit[GW_SOURCE_UNIT_MAX + 1];
    char meter[MT_NAME_MAX + 1];
    char user[GW_SOURCE_USER_MAX + 1];
    /* of a Sparkplug metric, as its birth said */
    bool has_alias;
    uint32_t datatype; /**< 0: not said. */
    uint64_t alias;
    uint32_t next_of_node; /**< Another binding of its edge node; UINT32_MAX: the last. */
};

/** An edge node of Sparkplug with a binding. */
struct gw_sparkplug_node {
    char name[GW_MAPPING_DEVICE_MAX + 1]; /**< "group:node" */
    bool is_born;
    uint8_t seq;      /**< Of its newest message. */
    uint64_t bd_seq;  /**< Of its birth: its death has the same. */
    int64_t asked_us; /**< When its births were asked for; 0: never. */
    uint32_t first;   /**< Of its bindings. */
};

/** All of them. Zeroed before use. */
struct gw_source_table {
    uint32_t mapping_count;
    struct gw_mapping *mappings;        /**< Room for GW_SOURCE_MAPPINGS_MAX. */
    bool bound[GW_SOURCE_MAPPINGS_MAX]; /**< The mapping has a binding. */
    uint32_t count;
    struct gw_source *sources;
    struct gw_index devices; /**< By mapping and device. */
    struct gw_index meters;
    uint32_t *cells; /**< Of both. */
    uint32_t node_count;
    struct gw_sparkplug_node *nodes; /**< NULL: no binding speaks Sparkplug. */
    struct gw_index nodes_by_name;
    uint32_t *node_cells;
};

/** Hash of a mapping's device in table->devices. */
uint64_t gw_source_hash(const struct gw_source_table *table, uint32_t mapping, const char *device);

/** Where the files are, copied. */
struct gw_source_paths {
    char shipped[GW_SHIPPED_PATH_MAX]; /**< Empty: none. */
    char own[GW_SHIPPED_PATH_MAX];     /**< Empty: none. */
    char bindings[GW_SHIPPED_PATH_MAX];
};

/** Read all files. Returns as gw_sources_open; the table is to be freed whatever it says. */
MT_MUST_USE enum gw_status gw_source_table_read(struct gw_source_table *table,
                                                char why[GW_SOURCE_WHY_BYTES],
                                                const struct gw_source_paths *paths);
void gw_source_table_free(struct gw_source_table *table);

/** A binding of a table, index below its count. */
void gw_source_binding(struct gw_binding *out, const struct gw_source_table *table, uint32_t index);

/** Write a table's bindings, one more (or NULL) and all but one (skip; UINT32_MAX: none), to a file beside
 *  the bindings' own, durable. Returns GW_OK; GW_IO with a sentence in why.
 *  Out: path  of that file. */
MT_MUST_USE enum gw_status gw_source_table_write(char path[GW_SHIPPED_PATH_MAX],
                                                 char why[GW_SOURCE_WHY_BYTES],
                                                 const struct gw_source_table *table,
                                                 const struct gw_source_paths *paths,
                                                 const struct gw_binding *more, uint32_t skip);
/** Make such a file the bindings. Returns GW_OK; GW_IO with a sentence in why. */
MT_MUST_USE enum gw_status gw_source_table_settle(char why[GW_SOURCE_WHY_BYTES], const char *path,
                                                  const struct gw_source_paths *paths);

#endif
