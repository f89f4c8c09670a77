/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/row.h"

#include <stdio.h>
#include <string.h>

static void put(struct gw_rows *rows, const char *text, size_t len)
{
    if (rows->overflow || len > rows->max - rows->used) {
        rows->overflow = true;
        return;
    }
    memcpy(rows->bytes + rows->used, text, len);
    rows->used += len;
}

static void put_text(struct gw_rows *rows, const char *text)
{
    put(rows, text, strlen(text));
}

/* Quotes are doubled, RFC 4180, 2.7. A text that a spreadsheet would run is quoted like any other. */
static void put_csv(struct gw_rows *rows, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        put_text(rows, text);
        return;
    }
    put_text(rows, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        put(rows, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    }
    put_text(rows, "\"");
}

/* RFC 8259, 7: quotes, backslashes and control characters are escaped. */
static void put_json(struct gw_rows *rows, const char *text)
{
    put_text(rows, "\"");
    for (const char *p = text; *p != '\0'; p++) {
        char escaped[8];
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            snprintf(escaped, sizeof(escaped), "\\%c", c);
            put_text(rows, escaped);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(escaped, sizeof(escaped), "\\u%04x", c);
            put_text(rows, escaped);
        } else {
            put(rows, p, 1);
        }
    }
    put_text(rows, "\"");
}

/* What stands before a value. Returns false when the header is written and the value is left out. */
static bool begin_field(struct gw_rows *rows, const char *name)
{
    if (rows->inside) {
        put_text(rows, ",");
    }
    rows->inside = true;
    if (rows->csv && rows->header) {
        put_text(rows, name);
        return false;
    }
    if (!rows->csv) {
        put_json(rows, name);
        put_text(rows, ":");
    }
    return true;
}

void gw_row_begin(struct gw_rows *rows)
{
    rows->inside = false;
    if (!rows->csv) {
        put_text(rows, "{");
    }
}

void gw_row_text(struct gw_rows *rows, const char *name, const char *text)
{
    if (!begin_field(rows, name)) {
        return;
    }
    if (rows->csv) {
        put_csv(rows, text);
    } else {
        put_json(rows, text);
    }
}

void gw_row_int(struct gw_rows *rows, const char *name, int64_t value)
{
    char text[24];
    if (begin_field(rows, name)) {
        snprintf(text, sizeof(text), "%lld", (long long)value);
        put_text(rows, text);
    }
}

void gw_row_none(struct gw_rows *rows, const char *name)
{
    if (begin_field(rows, name) && !rows->csv) {
        put_text(rows, "null");
    }
}

void gw_row_end(struct gw_rows *rows)
{
    put_text(rows, rows->csv ? "\r\n" : "}\n");
}
