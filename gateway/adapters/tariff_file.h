/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Tariff packs: a YAML file -> struct gw_tariff. docs/tariffs.md is the format's description.
 *
 *  Every price and quantity is read exactly, from its digits. Whatever is wrong is told with the
 *  file, the line and what would be right; a pack is taken whole or not at all.
 */
#ifndef GATEWAY_ADAPTERS_TARIFF_FILE_H
#define GATEWAY_ADAPTERS_TARIFF_FILE_H

#include "gateway/adapters/yaml_reader.h"
#include "gateway/core/tariff.h"

#define GW_TARIFF_FILE_FORMAT "meterpay-tariff-1"
#define GW_TARIFF_NOTE_MAX 400u
#define GW_TARIFF_PATH_MAX 1024u

/** What a pack says about itself, for people. */
struct gw_tariff_note {
    bool is_example;                   /**< "status: example": the figures are not confirmed. */
    char text[GW_TARIFF_NOTE_MAX + 1]; /**< "note", or empty. */
};

/** Read a pack's text.
 *
 *  Returns: GW_OK, or GW_INVALID with a sentence in why (GW_YAML_WHY_MAX bytes hold any).
 *  Out:     *tariff, which passed gw_tariff_check, and *note (NULL: not wanted); untouched on failure.
 */
MT_MUST_USE enum gw_status gw_tariff_file_parse(struct gw_tariff *tariff,
                                                struct gw_tariff_note *note, char *why,
                                                size_t why_max,
                                                const struct gw_yaml_source *source);

/** Read a pack's file. Returns GW_OK, GW_INVALID as above, or GW_IO when it cannot be read. */
MT_MUST_USE enum gw_status gw_tariff_file_load(struct gw_tariff *tariff,
                                               struct gw_tariff_note *note, char *why,
                                               size_t why_max, const char *path);

/** Where a pack is: PACK with a slash or a dot is a path and is copied; else it is a shipped name,
 *  looked for in $METERPAY_TARIFFS if that is set, otherwise in gateway/tariffs of the source tree
 *  that holds the running program, in share/meterpay/tariffs beside it, in /usr/share/meterpay/tariffs.
 *
 *  Returns: GW_OK, or GW_END with a sentence in why.
 *  Out:     path   GW_TARIFF_PATH_MAX bytes.
 */
MT_MUST_USE enum gw_status gw_tariff_file_find(char path[GW_TARIFF_PATH_MAX], char *why,
                                               size_t why_max, const char *pack);

#endif
