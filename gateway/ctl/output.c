/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Results for people and for programs. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/ctl/client.h"

#define COLUMNS_MAX 12u
#define CELL_BYTES 96u

int gw_ctl_written(int status)
{
    static bool told;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return status;
    }
    /* The error itself may have come long before, so the pipe is asked instead of errno. */
    if (poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0) {
        return status;
    }
    if (!told) {
        told = true;
        (void)gw_ctl_misuse("the output could not be written.");
    }
    return GW_CTL_USAGE;
}

void gw_ctl_print_json(const json_t *reply)
{
    if (reply != NULL && json_dumpf(reply, stdout, JSON_INDENT(2)) == 0) {
        putchar('\n');
    }
}

const char *gw_ctl_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "-";
}

long long gw_ctl_int(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

const char *gw_ctl_time(char text[32], const json_t *object, const char *name)
{
    const char *time = json_string_value(json_object_get(object, name));
    if (time == NULL || strlen(time) < 19) {
        return "-";
    }
    memcpy(text, time, 19);
    text[10] = ' ';
    text[19] = '\0';
    return text;
}

/* ---- tables ------------------------------------------------------------------------------------------- */

struct gw_ctl_table {
    const char *const *titles;
    size_t columns;
    size_t count; /* cells */
    size_t room;
    char (*cells)[CELL_BYTES];
};

struct gw_ctl_table *gw_ctl_table_begin(const char *const *titles, size_t columns)
{
    MT_CHECK(columns >= 1 && columns <= COLUMNS_MAX);
    struct gw_ctl_table *table = calloc(1, sizeof(*table));
    MT_CHECK(table != NULL);
    table->titles = titles;
    table->columns = columns;
    return table;
}

void gw_ctl_table_cell(struct gw_ctl_table *table, const char *text)
{
    if (table->count == table->room) {
        table->room = 2 * table->room + 64;
        table->cells = realloc(table->cells, table->room * sizeof(*table->cells));
        MT_CHECK(table->cells != NULL);
    }
    snprintf(table->cells[table->count++], CELL_BYTES, "%s", text);
}

void gw_ctl_table_cell_int(struct gw_ctl_table *table, long long value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", value);
    gw_ctl_table_cell(table, text);
}

/* A column of numbers stands right. */
static bool is_number(const char *text)
{
    return *text != '\0' && strspn(text, "-+.0123456789") == strlen(text);
}

static void measure(const struct gw_ctl_table *table, size_t widths[COLUMNS_MAX],
                    bool numbers[COLUMNS_MAX])
{
    for (size_t c = 0; c < table->columns; c++) {
        widths[c] = strlen(table->titles[c]);
        numbers[c] = true;
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t c = i % table->columns;
        size_t len = strlen(table->cells[i]);
        widths[c] = len > widths[c] ? len : widths[c];
        numbers[c] = numbers[c] && is_number(table->cells[i]);
    }
}

static void print_cell(const char *text, size_t width, bool number, bool last)
{
    if (number) {
        printf("%*s", (int)width, text);
    } else if (last) {
        printf("%s", text);
    } else {
        printf("%-*s", (int)width, text);
    }
    fputs(last ? "\n" : "  ", stdout);
}

void gw_ctl_table_end(struct gw_ctl_table *table, const char *none)
{
    size_t widths[COLUMNS_MAX];
    bool numbers[COLUMNS_MAX];
    if (table->count == 0) {
        printf("%s\n", none);
    } else {
        measure(table, widths, numbers);
        for (size_t c = 0; c < table->columns; c++) {
            print_cell(table->titles[c], widths[c], numbers[c], c + 1 == table->columns);
        }
        for (size_t i = 0; i < table->count; i++) {
            size_t c = i % table->columns;
            print_cell(table->cells[i], widths[c], numbers[c], c + 1 == table->columns);
        }
    }
    free(table->cells);
    free(table);
}
