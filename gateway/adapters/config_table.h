/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The description of every configuration field; private to config*.c. */
#ifndef GATEWAY_ADAPTERS_CONFIG_TABLE_H
#define GATEWAY_ADAPTERS_CONFIG_TABLE_H

#include "gateway/adapters/config.h"

enum gw_config_type {
    GW_CONFIG_TEXT, /**< max characters; min of them at least. */
    GW_CONFIG_ID,   /**< The same, of a-z 0-9. */
    GW_CONFIG_WORD, /**< The same, of a-z A-Z 0-9 - _. */
    GW_CONFIG_PATH,
    GW_CONFIG_BOOL,
    GW_CONFIG_NUMBER,
    GW_CONFIG_DURATION, /**< Bounds in us. */
    GW_CONFIG_SIZE,     /**< Bounds in bytes. */
    GW_CONFIG_AMOUNT,   /**< Bounds in fen. */
    GW_CONFIG_LEVEL,
    GW_CONFIG_TIME, /**< Of a day: "02:30", to us since midnight. */
};

struct gw_config_field {
    const char *section;
    const char *name;
    uint8_t type; /**< enum gw_config_type */
    size_t offset;
    int64_t min;
    int64_t max;
    const char *initial; /**< The default, as it would stand in the file. */
    const char *about;   /**< One sentence or two; \n breaks the comment. */
};

extern const struct gw_config_field gw_config_fields[];
extern const uint32_t gw_config_field_count;

/** What the section is for; NULL when there is no such section. */
const char *gw_config_section_about(const char *section);

/** Put a field's text into *config; paths are resolved against config->dir. Returns GW_OK, or GW_INVALID with
 *  the rest of a sentence that starts with the field's name. */
MT_MUST_USE enum gw_status gw_config_set(struct gw_config *config, char *why, size_t why_max,
                                         const struct gw_config_field *field, const char *text);

#endif
