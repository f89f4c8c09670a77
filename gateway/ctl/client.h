/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The commands' side of the daemon's API: one request at a time over its unix socket. */
#ifndef GATEWAY_CTL_CLIENT_H
#define GATEWAY_CTL_CLIENT_H

#include <jansson.h>
#include <stdio.h>

#include "gateway/ctl/ctl.h"

#define GW_CTL_PATH_MAX 1024u /**< Of a request, escaped. */

/** A path being put together. Parts and values are escaped. */
struct gw_ctl_path {
    char text[GW_CTL_PATH_MAX];
    size_t used;
    bool queried; /**< A parameter was added. */
    bool overflow;
};

void gw_ctl_path_begin(struct gw_ctl_path *path, const char *start);
/** Add "/part". */
void gw_ctl_path_part(struct gw_ctl_path *path, const char *part);
/** Add "?name=value" or "&name=value"; nothing when value is NULL. */
void gw_ctl_path_query(struct gw_ctl_path *path, const char *name, const char *value);

/** A request. */
struct gw_ctl_request {
    const char *method;
    const struct gw_ctl_path *path;
    const json_t *json; /**< Body, or NULL. */
    const char *text;   /**< Body as it is, text_len bytes, or NULL. */
    size_t text_len;
    bool
        quiet; /**< Leave complaints to the caller: GW_CTL_NO comes with the complaint in *reply. */
};

/** Ask the daemon.
 *
 *  Returns: GW_CTL_OK with *reply, owned by the caller; GW_CTL_NO when it refused (complained about on
 *           stderr, and with --json printed to stdout); GW_CTL_USAGE when it cannot be reached.
 */
MT_MUST_USE int gw_ctl_ask(json_t **reply, const struct gw_ctl_args *args,
                           const struct gw_ctl_request *request);

/** GET. The same results. */
MT_MUST_USE int gw_ctl_get(json_t **reply, const struct gw_ctl_args *args,
                           const struct gw_ctl_path *path);

/** GET a stream into a file. The same results, without a reply. */
MT_MUST_USE int gw_ctl_stream(FILE *out, const struct gw_ctl_args *args,
                              const struct gw_ctl_path *path);

/** Print a reply as JSON. */
void gw_ctl_print_json(const json_t *reply);

/** A member's text, or a dash when it is null or missing. Borrowed from the object. */
const char *gw_ctl_text(const json_t *object, const char *name);
/** A member's number, 0 when it is missing. */
long long gw_ctl_int(const json_t *object, const char *name);
/** Ask, and print the reply: as JSON with --json, else by print. Returns as gw_ctl_ask. */
int gw_ctl_show(const struct gw_ctl_args *args, const struct gw_ctl_request *request,
                void (*print)(const json_t *reply));

/** A time as "2026-11-23 19:00:00", or a dash; in a buffer of at least 32 bytes. */
const char *gw_ctl_time(char text[32], const json_t *object, const char *name);

/** Rows printed with aligned columns. Cells are copied. Numbers stand right. */
struct gw_ctl_table;
struct gw_ctl_table *gw_ctl_table_begin(const char *const *titles, size_t columns);
void gw_ctl_table_cell(struct gw_ctl_table *table, const char *text);
void gw_ctl_table_cell_int(struct gw_ctl_table *table, long long value);
/** Print it and free it. Prints `none` alone when there is no row. */
void gw_ctl_table_end(struct gw_ctl_table *table, const char *none);

#endif
