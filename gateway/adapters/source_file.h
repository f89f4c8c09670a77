/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Mappings and bindings as they are kept; private to source*.c. */
#ifndef GATEWAY_ADAPTERS_SOURCE_FILE_H
#define GATEWAY_ADAPTERS_SOURCE_FILE_H

#include "gateway/adapters/source.h"
#include "gateway/core/index.h"

/** A line of sources.csv. */
struct gw_source {
    uint32_t mapping; /**< Index. */
    uint8_t medium;   /**< enum mt_medium of the meter. */
    struct gw_mapping_names names;
    char unit[8];
    char meter[MT_NAME_MAX + 1];
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
};

/** Hash of a mapping's device in table->devices. */
uint64_t gw_source_hash(const struct gw_source_table *table, uint32_t mapping, const char *device);

/** Read all files. Returns as gw_sources_open; the table is to be freed whatever it says. */
MT_MUST_USE enum gw_status gw_source_table_read(struct gw_source_table *table,
                                                char why[GW_SOURCE_WHY_BYTES],
                                                const struct gw_sources_config *config);
void gw_source_table_free(struct gw_source_table *table);

#endif
