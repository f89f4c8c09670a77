/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A YAML file of ours, read strictly, with the line in every complaint.
 *
 *  A reader is sticky: the first complaint is kept, and from then on every function returns nothing
 *  (NULL, 0, false) and complains no more. So a file is read top to bottom like its description, and
 *  one question at the end (gw_yaml_failed) says whether all of it was good.
 *
 *  Strict: one document, no directives, no anchors or aliases (nothing can grow beyond the file's own
 *  size), no key twice, no key that is not known, GW_YAML_DEPTH_MAX deep at most. Numbers are read from their text
 *  digit by digit. Sizes are bounded before anything is built.
 */
#ifndef GATEWAY_ADAPTERS_YAML_READER_H
#define GATEWAY_ADAPTERS_YAML_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

#define GW_YAML_BYTES_MAX 131072u
#define GW_YAML_DEPTH_MAX 12u
#define GW_YAML_WHY_MAX 400u /**< A buffer of this size holds every complaint. */

struct gw_yaml;
/** A value in the file, borrowed from the reader; NULL is the absent value. */
typedef struct yaml_node_s gw_yaml_node;

/** The text to read. */
struct gw_yaml_source {
    const char *name; /**< What complaints begin with: a path, or "request". */
    const char *text; /**< Borrowed until gw_yaml_close. */
    size_t len;
};

/** Read a document.
 *
 *  Returns: the reader, to be given to gw_yaml_close, or NULL: no memory. A file that is no YAML
 *           gives a reader that has failed.
 *  In:      why, why_max   the caller's buffer for the complaint, kept by the reader; at least 1.
 */
MT_MUST_USE struct gw_yaml *gw_yaml_open(char *why, size_t why_max,
                                         const struct gw_yaml_source *source);

/** Free the reader and its nodes. NULL is fine. */
void gw_yaml_close(struct gw_yaml *yaml);

/** True after a complaint. */
bool gw_yaml_failed(const struct gw_yaml *yaml);

/** Complain at a node's line, as printf; kept if it is the first. node NULL: no line. */
void gw_yaml_fail(struct gw_yaml *yaml, const gw_yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The document's top. */
const gw_yaml_node *gw_yaml_root(struct gw_yaml *yaml);

/** Complain unless node is a mapping whose keys are all among keys (count of them, scalars). */
void gw_yaml_keys(struct gw_yaml *yaml, const gw_yaml_node *node, const char *const *keys,
                  size_t count);

/** The value of a key; NULL when the mapping does not have it, or node is no mapping. */
const gw_yaml_node *gw_yaml_get(struct gw_yaml *yaml, const gw_yaml_node *node, const char *key);

/** The same, but its absence is complained about. */
const gw_yaml_node *gw_yaml_need(struct gw_yaml *yaml, const gw_yaml_node *node, const char *key);

bool gw_yaml_is_map(const gw_yaml_node *node);
bool gw_yaml_is_list(const gw_yaml_node *node);

/** Pairs of a mapping or items of a list; complains when it is neither. */
uint32_t gw_yaml_count(struct gw_yaml *yaml, const gw_yaml_node *node);
/** Item of a list, or value of a mapping's pair, index < gw_yaml_count. */
const gw_yaml_node *gw_yaml_item(struct gw_yaml *yaml, const gw_yaml_node *node, uint32_t index);
/** Key of a mapping's pair. */
const gw_yaml_node *gw_yaml_key(struct gw_yaml *yaml, const gw_yaml_node *node, uint32_t index);

/** The text of a scalar, NUL-terminated, borrowed; "" after a complaint. */
const char *gw_yaml_text(struct gw_yaml *yaml, const gw_yaml_node *node);

/** Copy a scalar of 1 to text_max - 1 bytes. what names it in the complaint. */
void gw_yaml_copy(struct gw_yaml *yaml, char *text, size_t text_max, const gw_yaml_node *node,
                  const char *what);

/** Which of count words a scalar is; complains with the list of them. */
uint32_t gw_yaml_word(struct gw_yaml *yaml, const gw_yaml_node *node, const char *const *words,
                      uint32_t count);

/** true or false. */
bool gw_yaml_bool(struct gw_yaml *yaml, const gw_yaml_node *node);

/** What a number must be. */
struct gw_yaml_number {
    const char *what; /**< "a price in yuan per kWh", for complaints. */
    int32_t scale;    /**< The result counts 10^-scale. */
    int64_t min;      /**< Of the result. */
    int64_t max;
};

/** A decimal number, exactly, in units of 10^-scale. */
int64_t gw_yaml_decimal(struct gw_yaml *yaml, const gw_yaml_node *node,
                        const struct gw_yaml_number *number);

/** A date written 2024-12-31. Returns days since 1970-01-01. */
int32_t gw_yaml_date(struct gw_yaml *yaml, const gw_yaml_node *node);

#endif
