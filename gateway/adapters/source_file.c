/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mapping files of two folders, and the bindings in sources.csv. */
#include "gateway/adapters/source_sparkplug.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/adapters/mapping_json.h"
#include "meters/name.h"

#define LINE_BYTES 256u
#define FIELDS 6u
#define FIELDS_MIN 5u /* before there were users */

static const char header[] = "mapping,device,channel,unit,meter,user";
static const char old_header[] = "mapping,device,channel,unit,meter";

static enum gw_status no(char why[GW_SOURCE_WHY_BYTES], enum gw_status status, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));
static enum gw_status no(char why[GW_SOURCE_WHY_BYTES], enum gw_status status, const char *format,
                         ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, GW_SOURCE_WHY_BYTES, format, args); /* cut where it must be */
    va_end(args);
    return status;
}

/* ---- mappings ------------------------------------------------------------------------------------------- */

static uint32_t find_mapping(const struct gw_source_table *table, const char *name)
{
    uint32_t i = 0;
    while (i < table->mapping_count && strcmp(table->mappings[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* A mapping whose name is there already replaces it. */
static enum gw_status read_mapping(struct gw_source_table *table, char why[GW_SOURCE_WHY_BYTES],
                                   const char *path)
{
    struct gw_mapping mapping;
    enum gw_status status = gw_mapping_load(&mapping, why, GW_SOURCE_WHY_BYTES, path);
    if (status != GW_OK) {
        return status;
    }
    uint32_t at = find_mapping(table, mapping.name);
    if (at == GW_SOURCE_MAPPINGS_MAX) {
        return no(why, GW_FULL, "%s: there are more than %u mappings", path,
                  GW_SOURCE_MAPPINGS_MAX);
    }
    table->mappings[at] = mapping;
    table->mapping_count += at == table->mapping_count;
    return GW_OK;
}

static enum gw_status read_folder(struct gw_source_table *table, char why[GW_SOURCE_WHY_BYTES],
                                  const char *folder)
{
    char pattern[GW_SHIPPED_PATH_MAX + 8];
    glob_t found;
    if (folder[0] == '\0') {
        return GW_OK;
    }
    int len = snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
    if (len < 0 || (size_t)len >= sizeof(pattern)) {
        return no(why, GW_INVALID, "%.100s...: the path is too long", folder);
    }
    int result = glob(pattern, 0, NULL, &found);
    if (result != 0) {
        return result == GLOB_NOMATCH ? GW_OK : no(why, GW_IO, "%s cannot be listed", folder);
    }
    enum gw_status status = GW_OK;
    for (size_t i = 0; i < found.gl_pathc && status == GW_OK; i++) {
        status = read_mapping(table, why, found.gl_pathv[i]);
    }
    globfree(&found);
    return status;
}

/* ---- bindings ------------------------------------------------------------------------------------------- */

uint64_t gw_source_hash(const struct gw_source_table *table, uint32_t mapping, const char *device)
{
    uint8_t name[sizeof(mapping) + GW_MAPPING_DEVICE_MAX];
    size_t len = strlen(device);
    MT_CHECK(len <= GW_MAPPING_DEVICE_MAX);
    memcpy(name, &mapping, sizeof(mapping));
    for (size_t i = 0; i < len; i++) {
        name[sizeof(mapping) + i] = (uint8_t)device[i];
    }
    return gw_index_hash(&table->devices, name, sizeof(mapping) + len);
}

static bool field_copy(char *out, size_t max, const char *field)
{
    size_t len = strlen(field);
    if (len >= max) {
        return false;
    }
    memcpy(out, field, len + 1);
    return true;
}

/* A frame says itself what it is of. */
static bool fits(const struct gw_mapping *mapping, uint8_t medium)
{
    bool fits = mapping->register_count == 0;
    for (uint32_t i = 0; i < mapping->register_count; i++) {
        fits = fits || (mapping->registers[i].media >> medium & 1u) != 0;
    }
    return fits;
}

/* A user is also the client id at the broker: it must be nobody else's. */
static const char *read_user(struct gw_source *source, const char *user)
{
    static const char gateway[] = "meterpayd";
    struct mt_identity identity;
    size_t len = strlen(user);
    size_t good = strspn(user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    if (len > GW_SOURCE_USER_MAX || good != len) {
        return "a user has 1 to 32 of a-z A-Z 0-9 - _ .";
    }
    if (strncmp(user, gateway, sizeof(gateway) - 1) == 0 ||
        mt_name_parse(&identity, user, len) == MT_OK) {
        return "a user must not be named as a meter, or begin with meterpayd";
    }
    memcpy(source->user, user, len + 1);
    return NULL;
}

/* What is wrong with a line, or NULL. The line is cut into its fields. */
static const char *read_line(struct gw_source *source, const struct gw_source_table *table,
                             char *line)
{
    char *fields[FIELDS];
    struct mt_identity identity;
    uint32_t count = 0;
    for (char *at = line; at != NULL && count < FIELDS; count++) {
        fields[count] = at;
        at = strchr(at, ',');
        if (at != NULL) {
            *at++ = '\0';
            if (count == FIELDS - 1) {
                return "it has more than 6 fields";
            }
        }
    }
    if (count < FIELDS_MIN) {
        return "it has not 6 fields: mapping,device,channel,unit,meter,user";
    }
    source->mapping = find_mapping(table, fields[0]);
    if (source->mapping == table->mapping_count) {
        return "there is no mapping of that name";
    }
    if (fields[1][0] == '\0' ||
        !field_copy(source->names.device, sizeof(source->names.device), fields[1]) ||
        !field_copy(source->names.channel, sizeof(source->names.channel), fields[2])) {
        return "a device has 1 to 64 bytes, a channel at most 32";
    }
    if (!field_copy(source->unit, sizeof(source->unit), fields[3]) ||
        (fields[3][0] != '\0' && !gw_mapping_unit_known(fields[3]))) {
        return "its unit is none: Wh, kWh, MWh, Wmin, kJ, MJ, GJ, m3, l, ml, or nothing";
    }
    if (mt_name_parse(&identity, fields[4], strlen(fields[4])) != MT_OK ||
        !field_copy(source->meter, sizeof(source->meter), fields[4])) {
        return "its fifth field is no meter's name";
    }
    source->medium = identity.medium;
    if (!fits(&table->mappings[source->mapping], source->medium)) {
        return "that mapping has no register for a meter of this medium";
    }
    return count == FIELDS ? read_user(source, fields[5]) : NULL;
}

/* Put it into both indexes. Returns what speaks against it, or NULL. */
static const char *add_source(struct gw_source_table *table, const struct gw_source *source)
{
    struct gw_probe probe;
    uint32_t channels = 0;
    uint64_t meter = gw_index_hash(&table->meters, source->meter, strlen(source->meter));
    uint64_t device = gw_source_hash(table, source->mapping, source->names.device);
    uint32_t at = gw_index_first(&probe, &table->meters, meter);
    for (; at != UINT32_MAX; at = gw_index_next(&probe, &table->meters)) {
        if (strcmp(table->sources[at].meter, source->meter) == 0) {
            return "that meter is bound already";
        }
    }
    at = gw_index_first(&probe, &table->devices, device);
    for (; at != UINT32_MAX; at = gw_index_next(&probe, &table->devices)) {
        const struct gw_source *other = &table->sources[at];
        bool same = other->mapping == source->mapping &&
                    strcmp(other->names.device, source->names.device) == 0;
        channels += same;
        if (same && strcmp(other->names.channel, source->names.channel) == 0) {
            return "that device, with that channel, is bound already";
        }
    }
    if (channels == GW_SOURCE_CHANNELS_MAX) {
        return "that device has 32 channels already";
    }
    table->sources[table->count] = *source;
    gw_index_add(&table->meters, meter, table->count);
    gw_index_add(&table->devices, device, table->count);
    table->count++;
    table->bound[source->mapping] = true;
    return NULL;
}

/* Lines of the file, to know how much memory it takes. Counting stops above the limit. */
static uint32_t count_lines(FILE *file)
{
    uint32_t lines = 1;
    int c = 0;
    while (lines <= GW_SOURCES_MAX && (c = fgetc(file)) != EOF) {
        lines += c == '\n';
    }
    rewind(file);
    return lines;
}

static bool make_room(struct gw_source_table *table, uint32_t lines)
{
    uint64_t seed = 0;
    uint32_t cells = gw_index_cells(lines);
    table->sources = calloc(lines, sizeof(*table->sources));
    table->cells = calloc(2 * (size_t)cells, sizeof(*table->cells));
    if (table->sources == NULL || table->cells == NULL ||
        getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        return false;
    }
    gw_index_init(&table->devices, table->cells, cells, seed);
    gw_index_init(&table->meters, table->cells + cells, cells, seed);
    return true;
}

static enum gw_status read_lines(struct gw_source_table *table, char why[GW_SOURCE_WHY_BYTES],
                                 FILE *file, const char *path)
{
    char line[LINE_BYTES];
    uint32_t number = 0;
    const char *wrong = NULL;
    while (wrong == NULL && fgets(line, sizeof(line), file) != NULL) {
        struct gw_source source = {.mapping = 0};
        size_t len = strcspn(line, "\r\n");
        number++;
        if (line[len] == '\0' && len == sizeof(line) - 1) {
            wrong = "it is longer than 254 bytes";
            break;
        }
        line[len] = '\0';
        if (number == 1) {
            wrong = strcmp(line, header) == 0 || strcmp(line, old_header) == 0
                        ? NULL
                        : "the first line is mapping,device,channel,unit,meter,user";
        } else if (line[0] != '\0' && line[0] != '#') {
            wrong = read_line(&source, table, line);
            wrong = wrong == NULL ? add_source(table, &source) : wrong;
        }
    }
    if (wrong != NULL) {
        return no(why, GW_INVALID, "%s:%u: %s", path, number, wrong);
    }
    return ferror(file) != 0 ? no(why, GW_IO, "%s cannot be read", path) : GW_OK;
}

static enum gw_status read_bindings(struct gw_source_table *table, char why[GW_SOURCE_WHY_BYTES],
                                    const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL && errno != ENOENT) {
        return no(why, GW_IO, "%s: %s", path, strerror(errno));
    }
    uint32_t lines = file != NULL ? count_lines(file) : 1;
    enum gw_status status = GW_OK;
    if (lines > GW_SOURCES_MAX) {
        status = no(why, GW_FULL, "%s: there are more than %u lines", path, GW_SOURCES_MAX);
    } else if (!make_room(table, lines)) {
        status = no(why, GW_FULL, "there is no memory for %u bindings", lines);
    } else if (file != NULL) {
        status = read_lines(table, why, file, path);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
    return status;
}

enum gw_status gw_source_table_read(struct gw_source_table *table, char why[GW_SOURCE_WHY_BYTES],
                                    const struct gw_source_paths *paths)
{
    table->mappings = calloc(GW_SOURCE_MAPPINGS_MAX, sizeof(*table->mappings));
    if (table->mappings == NULL) {
        return no(why, GW_FULL, "there is no memory for mappings");
    }
    enum gw_status status = read_folder(table, why, paths->shipped);
    status = status == GW_OK ? read_folder(table, why, paths->own) : status;
    status = status == GW_OK ? read_bindings(table, why, paths->bindings) : status;
    if (status == GW_OK && !gw_sparkplug_nodes_build(table)) {
        status = no(why, GW_FULL, "there is no memory for Sparkplug's edge nodes");
    }
    return status;
}

void gw_source_table_free(struct gw_source_table *table)
{
    free(table->mappings);
    free(table->sources);
    free(table->cells);
    free(table->nodes);
    free(table->node_cells);
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static void write_line(FILE *file, const struct gw_binding *b)
{
    /* Its error flag is looked at in the end. */
    (void)fprintf(file, "%s,%s,%s,%s,%s,%s\n", b->mapping, b->names.device, b->names.channel,
                  b->unit, b->meter, b->user);
}

void gw_source_binding(struct gw_binding *out, const struct gw_source_table *table, uint32_t index)
{
    const struct gw_source *source = &table->sources[index];
    memset(out, 0, sizeof(*out));
    memcpy(out->mapping, table->mappings[source->mapping].name, sizeof(out->mapping));
    out->names = source->names;
    memcpy(out->unit, source->unit, sizeof(out->unit));
    memcpy(out->meter, source->meter, sizeof(out->meter));
    memcpy(out->user, source->user, sizeof(out->user));
}

enum gw_status gw_source_table_write(char path[GW_SHIPPED_PATH_MAX], char why[GW_SOURCE_WHY_BYTES],
                                     const struct gw_source_table *table,
                                     const struct gw_source_paths *paths,
                                     const struct gw_binding *more, uint32_t skip)
{
    struct gw_binding binding;
    int len = snprintf(path, GW_SHIPPED_PATH_MAX, "%s.new", paths->bindings);
    int fd = len > 0 && (size_t)len < GW_SHIPPED_PATH_MAX
                 ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)
                 : -1;
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return no(why, GW_IO, "%s: %s", path, strerror(errno));
    }
    (void)fprintf(file, "%s\n", header);
    for (uint32_t i = 0; i < table->count; i++) {
        if (i != skip) {
            gw_source_binding(&binding, table, i);
            write_line(file, &binding);
        }
    }
    if (more != NULL) {
        write_line(file, more);
    }
    bool written = !ferror(file) && fflush(file) == 0 && fsync(fd) == 0;
    written = fclose(file) == 0 && written;
    if (!written) {
        (void)unlink(path); /* it is of no use */
        return no(why, GW_IO, "%s cannot be written: %s", path, strerror(errno));
    }
    return GW_OK;
}

enum gw_status gw_source_table_settle(char why[GW_SOURCE_WHY_BYTES], const char *path,
                                      const struct gw_source_paths *paths)
{
    char folder[GW_SHIPPED_PATH_MAX];
    memcpy(folder, paths->bindings, sizeof(folder));
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (rename(path, paths->bindings) != 0) {
        return no(why, GW_IO, "%s: %s", paths->bindings, strerror(errno));
    }
    int fd = open(slash == NULL       ? "."
                  : folder[0] != '\0' ? folder
                                      : "/",
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return synced ? GW_OK : no(why, GW_IO, "%s cannot be made durable", paths->bindings);
}
