/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ctl/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/app/format.h"
#include "meters/decimal.h"

static FILE *open_input(const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        (void)gw_ctl_misuse("%s: %s", path, strerror(errno)); /* the caller's status says it, too */
    }
    return file;
}

static void close_input(FILE *file)
{
    if (file != stdin) {
        (void)fclose(file); /* only read from */
    }
}

/* The digits of min or of max bytes. */
static bool read_digits(char *text, size_t min, size_t max, const char *path)
{
    char line[256];
    FILE *file = open_input(path);
    if (file == NULL) {
        return false;
    }
    bool got = fgets(line, sizeof(line), file) != NULL;
    close_input(file);
    line[got ? strcspn(line, "\r\n") : 0] = '\0';
    size_t len = strlen(line);
    bool fine = (len == 2 * min || len == 2 * max) && strspn(line, "0123456789abcdefABCDEF") == len;
    if (fine) {
        memcpy(text, line, len + 1);
    } else if (min == max) {
        (void)gw_ctl_misuse("%s: the first line must be %zu hexadecimal digits.", path, 2 * max);
    } else {
        (void)gw_ctl_misuse("%s: the first line must be %zu or %zu hexadecimal digits.", path,
                            2 * min, 2 * max);
    }
    explicit_bzero(line, sizeof(line));
    return fine;
}

bool gw_ctl_read_hex(char *text, size_t bytes, const char *path)
{
    return read_digits(text, bytes, bytes, path);
}

bool gw_ctl_read_key(char *text, size_t bytes, const char *path)
{
    return read_digits(text, MT_KEY_BYTES, bytes, path);
}

bool gw_ctl_new_key(char text[2 * MT_KEY_BYTES + 1], const char *path)
{
    uint8_t key[MT_KEY_BYTES];
    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
        (void)gw_ctl_misuse("the system gives no random numbers: %s", strerror(errno));
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)gw_ctl_misuse("%s: %s%s", path, strerror(errno),
                            errno == EEXIST ? "; a key is not written over, use --key-file" : "");
        explicit_bzero(key, sizeof(key));
        return false;
    }
    char line[2 * MT_KEY_BYTES + 2];
    gw_format_hex(text, key, sizeof(key));
    memcpy(line, text, 2 * MT_KEY_BYTES);
    line[2 * MT_KEY_BYTES] = '\n';
    bool written = write(fd, line, sizeof(line) - 1) == (ssize_t)(sizeof(line) - 1);
    written = fsync(fd) == 0 && written;
    written = close(fd) == 0 && written;
    explicit_bzero(key, sizeof(key));
    explicit_bzero(line, sizeof(line));
    if (!written) {
        (void)unlink(path); /* half a key is none */
        (void)gw_ctl_misuse("%s: it could not be written.", path);
    }
    return written;
}

bool gw_ctl_decimal(int64_t *value, const char *name, const char *text, uint32_t decimals)
{
    struct mt_decimal decimal;
    int64_t scaled = 0;
    if (mt_decimal_parse(&decimal, text, strlen(text)) != MT_OK ||
        mt_decimal_scaled(&scaled, &decimal, (int32_t)decimals) != MT_OK || scaled < 0) {
        (void)gw_ctl_misuse(
            "%s is '%s'; it must be a number such as 12.5, with at most %u decimals.", name, text,
            decimals);
        return false;
    }
    *value = scaled;
    return true;
}

char *gw_ctl_read_file(size_t *len, const char *path, size_t max)
{
    FILE *file = open_input(path);
    if (file == NULL) {
        return NULL;
    }
    char *text = malloc(max + 2);
    *len = text != NULL ? fread(text, 1, max + 1, file) : 0;
    bool failed = text == NULL || ferror(file) != 0;
    close_input(file);
    if (failed || *len > max) {
        (void)gw_ctl_misuse("%s: %s", path, failed ? "it cannot be read." : "it is too large.");
        free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

/* The next line without its end, empty ones and comments stepped over. NULL at the end. */
static char *next_line(struct gw_ctl_rows *rows, bool *failed)
{
    while (fgets(rows->text, sizeof(rows->text), rows->file) != NULL) {
        size_t len = strlen(rows->text);
        rows->line++;
        if (len == sizeof(rows->text) - 1 && rows->text[len - 1] != '\n') {
            (void)gw_ctl_misuse("%s:%u: the line is too long.", rows->path, rows->line);
            *failed = true;
            return NULL;
        }
        rows->text[strcspn(rows->text, "\r\n")] = '\0';
        if (rows->text[0] != '\0' && rows->text[0] != '#') {
            return rows->text;
        }
    }
    if (ferror(rows->file) != 0) {
        (void)gw_ctl_misuse("%s: %s", rows->path, strerror(errno));
        *failed = true;
    }
    return NULL;
}

bool gw_ctl_rows_open(struct gw_ctl_rows *rows, const char *path)
{
    memset(rows, 0, sizeof(*rows));
    rows->path = path;
    rows->file = open_input(path);
    return rows->file != NULL;
}

void gw_ctl_rows_close(struct gw_ctl_rows *rows)
{
    for (unsigned i = 0; i < rows->column_count; i++) {
        free(rows->columns[i]);
    }
    explicit_bzero(rows->text, sizeof(rows->text)); /* may hold keys */
    close_input(rows->file);
}

static bool read_columns(struct gw_ctl_rows *rows, char *line)
{
    char *rest = line;
    char *name = NULL;
    rows->is_tsv = true;
    while ((name = strsep(&rest, "\t")) != NULL) {
        if (rows->column_count == sizeof(rows->columns) / sizeof(rows->columns[0])) {
            return false;
        }
        rows->columns[rows->column_count++] = strdup(name);
    }
    return true;
}

static bool is_among(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = names; *p != '\0'; p += strcspn(p, " "), p += *p == ' ') {
        if (strcspn(p, " ") == len && strncmp(p, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *tsv_value(const char *text, bool stays_text)
{
    size_t len = strlen(text);
    if (!stays_text && len <= 18 && strspn(text, "0123456789") == len) {
        return json_integer(strtoll(text, NULL, 10));
    }
    if (!stays_text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        return json_boolean(strcmp(text, "true") == 0);
    }
    return json_string(text);
}

static json_t *tsv_row(const struct gw_ctl_rows *rows, char *line, const char *texts)
{
    json_t *object = json_object();
    char *rest = line;
    char *value = NULL;
    for (unsigned i = 0; (value = strsep(&rest, "\t")) != NULL; i++) {
        if (i == rows->column_count) {
            json_decref(object);
            return NULL;
        }
        if (*value != '\0') {
            (void)json_object_set_new(object, rows->columns[i],
                                      tsv_value(value, is_among(texts, rows->columns[i])));
        }
    }
    return object;
}

json_t *gw_ctl_rows_next(struct gw_ctl_rows *rows, bool *failed, const char *texts)
{
    json_error_t error = {.text = "more values than columns"};
    *failed = false;
    char *line = next_line(rows, failed);
    if (line == NULL) {
        return NULL;
    }
    if (rows->column_count == 0 && !rows->is_tsv && *line != '{') {
        if (!read_columns(rows, line)) {
            (void)gw_ctl_misuse("%s:%u: more than 16 columns.", rows->path, rows->line);
            *failed = true;
            return NULL;
        }
        line = next_line(rows, failed);
        if (line == NULL) {
            return NULL;
        }
    }
    json_t *row = rows->is_tsv ? tsv_row(rows, line, texts)
                               : json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (row == NULL) {
        (void)gw_ctl_misuse("%s:%u: %s.", rows->path, rows->line, error.text);
        *failed = true;
    }
    return row;
}
