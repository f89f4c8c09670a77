/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Paths into a JSON text, walked without a tree; private to mapping*.c.
 *
 *  A path is names with dots between them ("ENERGY.Total"); a backslash takes the next character as it
 *  is. A path that begins with "/" starts at the body, others at the record.
 */
#ifndef GATEWAY_ADAPTERS_MAPPING_JSON_H
#define GATEWAY_ADAPTERS_MAPPING_JSON_H

#include "gateway/adapters/mapping.h"
#include "meters/json.h"

/** True when the text is one whole JSON value, with nothing behind it. */
MT_MUST_USE enum gw_mapping_verdict gw_mapping_json_check(const char *body, size_t len);

/** Take the next name off a path. Returns false at its end or when the name is too long. */
bool gw_mapping_path_next(char name[GW_MAPPING_PATH_MAX + 1], const char **path);

/** Where a path leads from a value on. A name that ends in "{unit}" matches the one member whose name
 *  goes on with a known unit, which is put into unit.
 *
 *  Returns: GW_MAPPING_DONE; GW_MAPPING_MISSING; GW_MAPPING_AMBIGUOUS (a name twice).
 *  Out:     value  stands at it; unit, NULL where it is not wanted.
 */
MT_MUST_USE enum gw_mapping_verdict gw_mapping_json_find(struct mt_json *value, char unit[16],
                                                         const struct mt_json *from,
                                                         const char *path);

/** The text of a scalar: a string's characters, or a number or word as it stands.
 *  Returns false for lists, objects, null, and what does not fit in max with its NUL. */
MT_MUST_USE bool gw_mapping_json_scalar(char *text, size_t max, const struct mt_json *value);

/** Visits the items of a list or the members of an object. Returns false to stop. */
typedef bool gw_mapping_visit(void *arg, const char *key, const struct mt_json *value);
/** Visit them; a value that is neither is left. key is "" in lists, and for names over the device's
 *  limit. Returns false when the visitor did. */
bool gw_mapping_json_each(const struct mt_json *value, void *arg, gw_mapping_visit *visit);

/** Is it a unit that registers are counted in? */
bool gw_mapping_unit_known(const char *unit);

/** mantissa * 10^exponent of a unit, in whole Wh or ml; see gw_mapping_take for what is cut off. */
MT_MUST_USE enum gw_mapping_verdict gw_mapping_smallest(int64_t *out, const char *unit,
                                                        uint8_t medium, __int128 mantissa,
                                                        int64_t exponent);

/** Read a clock's text. Returns false when it is no moment. */
MT_MUST_USE bool gw_mapping_time(int64_t *time_us, const struct gw_mapping *mapping,
                                 const char *text);

/** Bytes out of base64 (RFC 4648, 4; padding may be left out) or hex. Returns false for anything else,
 *  for nothing, and for more than out holds. */
MT_MUST_USE bool gw_mapping_bytes(uint8_t *out, size_t *out_len, size_t out_max, uint8_t code,
                                  const char *text, size_t len);

#endif
