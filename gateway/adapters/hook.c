/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hooks.csv and what is in force of it; see the header. */
#include "gateway/adapters/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/adapters/shipped.h"

#define LINE_BYTES 256u
#define FIELDS 4u

static const char header[] = "hook,scheme,header,secret";

struct gw_hooks {
    pthread_mutex_t lock;
    char path[GW_SHIPPED_PATH_MAX];
    uint32_t count;
    struct gw_hook hooks[GW_HOOKS_MAX];
};

__attribute__((format(printf, 3, 4))) static enum gw_status no(char why[GW_HOOK_WHY_BYTES],
                                                               enum gw_status status,
                                                               const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(why, GW_HOOK_WHY_BYTES, format, list); /* a long sentence is cut */
    va_end(list);
    return status;
}

/* ---- a hook --------------------------------------------------------------------------------------------- */

static bool is_of(const char *text, size_t min, size_t max, const char *letters)
{
    size_t len = strlen(text);
    return len >= min && len <= max && strspn(text, letters) == len;
}

static bool is_secret(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == ',' || text[i] == '"') {
            return false;
        }
    }
    return len >= GW_HOOK_SECRET_MIN && len <= GW_HOOK_SECRET_MAX;
}

/* What is wrong with it, or NULL. */
static const char *fault_of(const struct gw_hook *hook)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    bool has_header = hook->header[0] != '\0';
    if (!is_of(hook->name, 1, GW_MAPPING_NAME_MAX, names)) {
        return "a hook's name has 1 to 31 of a-z 0-9 -";
    }
    if (hook->scheme >= GW_HOOK_SCHEMES) {
        return "the scheme is token, hmac-sha256 or onenet";
    }
    if (has_header != (hook->scheme == GW_HOOK_HMAC_SHA256)) {
        return "hmac-sha256, and no other scheme, needs the name of the header with the signature";
    }
    if (has_header && !is_of(hook->header, 1, GW_HOOK_HEADER_MAX, letters)) {
        return "a header's name has 1 to 40 of a-z A-Z 0-9 -";
    }
    if (!is_secret(hook->secret)) {
        return "a secret has 16 to 128 printable characters, without space, comma and quote";
    }
    return NULL;
}

static uint32_t find(const struct gw_hooks *hooks, const char *name)
{
    uint32_t at = 0;
    while (at < hooks->count && strcmp(hooks->hooks[at].name, name) != 0) {
        at++;
    }
    return at;
}

/* Returns what is wrong, or NULL. */
static const char *append(struct gw_hooks *hooks, const struct gw_hook *hook)
{
    const char *fault = fault_of(hook);
    if (fault != NULL) {
        return fault;
    }
    if (find(hooks, hook->name) < hooks->count) {
        return "there is a hook of that name already";
    }
    if (hooks->count == GW_HOOKS_MAX) {
        return "there are 64 hooks already";
    }
    hooks->hooks[hooks->count++] = *hook;
    return NULL;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool field_copy(char *out, size_t max, const char *field)
{
    size_t len = strlen(field);
    if (len >= max) {
        return false;
    }
    memcpy(out, field, len + 1);
    return true;
}

static const char *read_line(struct gw_hooks *hooks, char *line)
{
    char *fields[FIELDS];
    char *rest = line;
    uint32_t count = 0;
    while (rest != NULL && count < FIELDS) {
        fields[count++] = strsep(&rest, ",");
    }
    if (count != FIELDS || rest != NULL) {
        return "it does not have four fields";
    }
    struct gw_hook hook = {.scheme = (uint8_t)gw_hook_scheme_find(fields[1])};
    bool fits = field_copy(hook.name, sizeof(hook.name), fields[0]) &&
                field_copy(hook.header, sizeof(hook.header), fields[2]) &&
                field_copy(hook.secret, sizeof(hook.secret), fields[3]);
    const char *fault = fits ? append(hooks, &hook) : "a field is too long";
    explicit_bzero(&hook, sizeof(hook));
    return fault;
}

static enum gw_status read_lines(struct gw_hooks *hooks, char *why, FILE *file)
{
    char line[LINE_BYTES];
    uint32_t number = 0;
    const char *wrong = NULL;
    while (wrong == NULL && fgets(line, sizeof(line), file) != NULL) {
        size_t len = strcspn(line, "\r\n");
        bool cut = line[len] == '\0' && len == sizeof(line) - 1;
        line[len] = '\0';
        number++;
        if (cut) {
            wrong = "it is longer than 254 bytes";
        } else if (number == 1) {
            wrong =
                strcmp(line, header) == 0 ? NULL : "the first line is hook,scheme,header,secret";
        } else if (line[0] != '\0' && line[0] != '#') {
            wrong = read_line(hooks, line);
        }
    }
    explicit_bzero(line, sizeof(line));
    if (wrong != NULL) {
        return no(why, GW_INVALID, "%s:%u: %s", hooks->path, number, wrong);
    }
    return ferror(file) != 0 ? no(why, GW_IO, "%s cannot be read", hooks->path) : GW_OK;
}

static enum gw_status read_file(struct gw_hooks *hooks, char *why)
{
    struct stat stat;
    FILE *file = fopen(hooks->path, "re");
    if (file == NULL) {
        return errno == ENOENT ? GW_OK : no(why, GW_IO, "%s: %s", hooks->path, strerror(errno));
    }
    enum gw_status status = GW_OK;
    if (fstat(fileno(file), &stat) != 0 || (stat.st_mode & 077) != 0) {
        status = no(why, GW_INVALID, "%s holds secrets and others may read it: chmod 600 it",
                    hooks->path);
    } else {
        status = read_lines(hooks, why, file);
    }
    (void)fclose(file); /* only read */
    return status;
}

enum gw_status gw_hooks_open(struct gw_hooks **out, char why[GW_HOOK_WHY_BYTES], const char *path)
{
    struct gw_hooks *hooks = calloc(1, sizeof(*hooks));
    if (hooks == NULL) {
        return no(why, GW_FULL, "out of memory");
    }
    (void)pthread_mutex_init(&hooks->lock, NULL); /* with default attributes it cannot fail */
    enum gw_status status = field_copy(hooks->path, sizeof(hooks->path), path)
                                ? read_file(hooks, why)
                                : no(why, GW_INVALID, "%.100s...: the path is too long", path);
    if (status != GW_OK) {
        gw_hooks_close(hooks);
        return status;
    }
    *out = hooks;
    return GW_OK;
}

void gw_hooks_close(struct gw_hooks *hooks)
{
    if (hooks != NULL) {
        (void)pthread_mutex_destroy(&hooks->lock); /* nobody holds it any more */
        explicit_bzero(hooks, sizeof(*hooks));
        free(hooks);
    }
}

bool gw_hooks_find(struct gw_hook *out, struct gw_hooks *hooks, const char *name)
{
    (void)pthread_mutex_lock(&hooks->lock); /* a default mutex of ours: it cannot fail */
    uint32_t at = find(hooks, name);
    bool found = at < hooks->count;
    if (found) {
        *out = hooks->hooks[at];
    }
    (void)pthread_mutex_unlock(&hooks->lock);
    return found;
}

bool gw_hooks_at(struct gw_hook *out, struct gw_hooks *hooks, uint32_t index)
{
    (void)pthread_mutex_lock(&hooks->lock);
    bool there = index < hooks->count;
    if (there) {
        *out = hooks->hooks[index];
        explicit_bzero(out->secret, sizeof(out->secret));
    }
    (void)pthread_mutex_unlock(&hooks->lock);
    return there;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static bool write_all(FILE *file, const struct gw_hooks *hooks)
{
    (void)fprintf(file, "%s\n", header); /* its error flag is looked at in the end */
    for (uint32_t i = 0; i < hooks->count; i++) {
        const struct gw_hook *h = &hooks->hooks[i];
        (void)fprintf(file, "%s,%s,%s,%s\n", h->name,
                      gw_hook_scheme_name((enum gw_hook_scheme)h->scheme), h->header, h->secret);
    }
    return ferror(file) == 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

static bool sync_folder(const char *path)
{
    char folder[GW_SHIPPED_PATH_MAX];
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    const char *name = slash == NULL ? "." : slash == folder ? "/" : folder;
    if (slash != NULL && slash != folder) {
        *slash = '\0';
    }
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return synced;
}

/* Write what the hooks are now to a file beside the old one, and put it in its place. */
static enum gw_status save(const struct gw_hooks *hooks, char *why)
{
    char path[GW_SHIPPED_PATH_MAX + 4];
    (void)snprintf(path, sizeof(path), "%s.new", hooks->path); /* it fits */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return no(why, GW_IO, "%s: %s", path, strerror(errno));
    }
    bool written = write_all(file, hooks);
    written = fclose(file) == 0 && written && rename(path, hooks->path) == 0;
    if (!written) {
        (void)unlink(path); /* it is of no use */
        return no(why, GW_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    return sync_folder(hooks->path) ? GW_OK
                                    : no(why, GW_IO, "%s cannot be made durable", hooks->path);
}

enum gw_status gw_hooks_add(struct gw_hooks *hooks, char why[GW_HOOK_WHY_BYTES],
                            const struct gw_hook *hook)
{
    (void)pthread_mutex_lock(&hooks->lock);
    const char *fault = append(hooks, hook);
    enum gw_status status = fault == NULL ? save(hooks, why) : no(why, GW_INVALID, "%s", fault);
    if (fault == NULL && status != GW_OK) {
        explicit_bzero(&hooks->hooks[--hooks->count], sizeof(hooks->hooks[0]));
    }
    (void)pthread_mutex_unlock(&hooks->lock);
    return status;
}

enum gw_status gw_hooks_remove(struct gw_hooks *hooks, char why[GW_HOOK_WHY_BYTES],
                               const char *name)
{
    enum gw_status status = GW_END;
    (void)pthread_mutex_lock(&hooks->lock);
    uint32_t at = find(hooks, name);
    if (at < hooks->count) {
        struct gw_hook gone = hooks->hooks[at];
        struct gw_hook *last = &hooks->hooks[--hooks->count];
        hooks->hooks[at] = *last;
        explicit_bzero(last, sizeof(*last));
        status = save(hooks, why);
        if (status != GW_OK) {
            hooks->hooks[hooks->count++] = gone;
        }
        explicit_bzero(&gone, sizeof(gone));
    }
    (void)pthread_mutex_unlock(&hooks->lock);
    return status;
}
