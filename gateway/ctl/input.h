/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What commands read: keys, quantities, amounts, and files of rows. */
#ifndef GATEWAY_CTL_INPUT_H
#define GATEWAY_CTL_INPUT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/ctl/ctl.h"
#include "meters/keys.h"

#define GW_CTL_LINE_MAX 4096u
#define GW_CTL_FILE_MAX (1024u * 1024u)

/** Read hexadecimal digits from the first line of a file ("-": stdin) into 2 * bytes + 1 characters.
 *  Complains and returns false otherwise. The text is a secret: wipe it. */
MT_MUST_USE bool gw_ctl_read_hex(char *text, size_t bytes, const char *path);
/** The same for a key of MT_KEY_BYTES or of so many bytes. */
MT_MUST_USE bool gw_ctl_read_key(char *text, size_t bytes, const char *path);

/** Make a random key and keep it in a new file of mode 0600. Complains and returns false when the file
 *  is there already or cannot be written. */
MT_MUST_USE bool gw_ctl_new_key(char text[2 * MT_KEY_BYTES + 1], const char *path);

/** "12.5" as a whole number of 10^-decimals. Complains about `name` and returns false otherwise. */
MT_MUST_USE bool gw_ctl_decimal(int64_t *value, const char *name, const char *text,
                                uint32_t decimals);

/** A whole file. Returns its text with a NUL, to be freed; NULL after a complaint. */
char *gw_ctl_read_file(size_t *len, const char *path, size_t max);

/** A file of rows: JSON lines, or tab-separated values whose first line names the columns. */
struct gw_ctl_rows {
    FILE *file;
    const char *path;
    unsigned line;
    bool is_tsv;
    char *columns[16];
    unsigned column_count;
    char text[GW_CTL_LINE_MAX];
};

/** Open ("-": stdin). Complains and returns false otherwise. */
MT_MUST_USE bool gw_ctl_rows_open(struct gw_ctl_rows *rows, const char *path);
/** The next row as a JSON object, owned by the caller; NULL at the end, or after a complaint (*failed). TSV
 *  values that are whole numbers become numbers, true and false booleans, empty ones are left out;
 *  the columns named in `texts` (space-separated) always stay texts. */
MT_MUST_USE json_t *gw_ctl_rows_next(struct gw_ctl_rows *rows, bool *failed, const char *texts);
void gw_ctl_rows_close(struct gw_ctl_rows *rows);

#endif
