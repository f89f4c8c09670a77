/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One field's text to its value and back into a commented file. */
#include <inttypes.h>
#include <string.h>

#include "gateway/adapters/config_table.h"

/* Digits at text into *value; what follows them. NULL when there is none or they are too many. */
static const char *read_digits(int64_t *value, const char *text)
{
    int64_t sum = 0;
    const char *p = text;
    while (*p >= '0' && *p <= '9') {
        if (sum > (INT64_MAX - 9) / 10) {
            return NULL;
        }
        sum = sum * 10 + (*p++ - '0');
    }
    if (p == text) {
        return NULL;
    }
    *value = sum;
    return p;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool read_with_unit(int64_t *value, const char *text, const struct unit *units, size_t count)
{
    int64_t number = 0;
    const char *rest = read_digits(&number, text);
    for (size_t i = 0; rest != NULL && i < count; i++) {
        if (strcmp(units[i].name, rest) == 0 && number <= INT64_MAX / units[i].factor) {
            *value = number * units[i].factor;
            return true;
        }
    }
    return false;
}

static bool read_duration(int64_t *value, const char *text)
{
    static const struct unit units[] = {
        {"ms", 1000ll},      {"s", 1000000ll},     {"min", 60000000ll},
        {"h", 3600000000ll}, {"d", 86400000000ll},
    };
    return read_with_unit(value, text, units, sizeof(units) / sizeof(units[0]));
}

static bool read_size(int64_t *value, const char *text)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"KiB", 1024ll},
                                        {"MiB", 1024ll * 1024ll},
                                        {"GiB", 1024ll * 1024ll * 1024ll}};
    return read_with_unit(value, text, units, sizeof(units) / sizeof(units[0]));
}

/* Yuan with at most two decimals, to fen. */
static bool read_amount(int64_t *value, const char *text)
{
    int64_t yuan = 0;
    int64_t fen = 0;
    const char *rest = read_digits(&yuan, text);
    if (rest == NULL || yuan > INT64_MAX / 1000) {
        return false;
    }
    if (*rest == '.') {
        const char *decimals = rest + 1;
        rest = read_digits(&fen, decimals);
        if (rest == NULL || rest - decimals > 2) {
            return false;
        }
        fen *= rest - decimals == 1 ? 10 : 1;
    }
    *value = yuan * 100 + fen;
    return *rest == '\0';
}

/* "02:30", to microseconds. */
static bool read_time(int64_t *value, const char *text)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    const char *colon = read_digits(&hours, text);
    const char *rest = colon != NULL && *colon == ':' ? read_digits(&minutes, colon + 1) : NULL;
    if (rest == NULL || *rest != '\0' || colon - text != 2 || rest - colon != 3 || hours > 23 ||
        minutes > 59) {
        return false;
    }
    *value = (hours * 60 + minutes) * 60000000ll;
    return true;
}

static bool read_level(int64_t *value, const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int64_t i = 0; i < 4; i++) {
        if (strcmp(names[i], text) == 0) {
            *value = i;
            return true;
        }
    }
    return false;
}

static bool has_only(const char *text, const char *more, bool upper)
{
    for (const char *p = text; *p != '\0'; p++) {
        bool fine = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
                    (upper && *p >= 'A' && *p <= 'Z') || strchr(more, *p) != NULL;
        if (!fine) {
            return false;
        }
    }
    return true;
}

static enum gw_status set_text(struct gw_config *config, char *why, size_t why_max,
                               const struct gw_config_field *field, const char *text)
{
    size_t len = strlen(text);
    if (len < (size_t)field->min || len > (size_t)field->max) {
        snprintf(why, why_max, "has %zu characters; it takes %" PRId64 " to %" PRId64 ".", len,
                 field->min, field->max);
        return GW_INVALID;
    }
    if (field->type == GW_CONFIG_ID && !has_only(text, "", false)) {
        snprintf(why, why_max, "is '%s'; only a-z and 0-9 are allowed.", text);
        return GW_INVALID;
    }
    if (field->type == GW_CONFIG_WORD && !has_only(text, "-_", true)) {
        snprintf(why, why_max, "is '%s'; only a-z, A-Z, 0-9, - and _ are allowed.", text);
        return GW_INVALID;
    }
    memcpy((char *)config + field->offset, text, len + 1);
    return GW_OK;
}

static enum gw_status set_path(struct gw_config *config, char *why, size_t why_max,
                               const struct gw_config_field *field, const char *text)
{
    bool relative = *text != '\0' && *text != '/';
    size_t dir_len = relative ? strlen(config->dir) + 1 : 0;
    size_t len = strlen(text);
    if (len < (size_t)field->min) {
        snprintf(why, why_max, "is empty; give the path of a file, such as %s.", field->initial);
        return GW_INVALID;
    }
    if (len > (size_t)field->max || dir_len + len > (size_t)field->max) {
        snprintf(why, why_max,
                 "is too long: %zu characters with the gateway's directory, %" PRId64 " at most%s.",
                 dir_len + len, field->max,
                 field->max < GW_CONFIG_PATH_MAX ? " for a socket; give a shorter absolute path"
                                                 : "");
        return GW_INVALID;
    }
    char *out = (char *)config + field->offset;
    if (relative) {
        memcpy(out, config->dir, dir_len - 1);
        out[dir_len - 1] = '/';
    }
    memcpy(out + dir_len, text, len + 1);
    return GW_OK;
}

static enum gw_status set_number(struct gw_config *config, char *why, size_t why_max,
                                 const struct gw_config_field *field, const char *text)
{
    static const char *const forms[] = {
        [GW_CONFIG_NUMBER] = "no whole number",
        [GW_CONFIG_DURATION] = "no duration; write a whole number and ms, s, min, h or d",
        [GW_CONFIG_SIZE] = "no size; write a whole number and KiB, MiB or GiB",
        [GW_CONFIG_AMOUNT] = "no amount; write yuan with at most two decimals",
        [GW_CONFIG_TIME] = "no time of day; write hours and minutes between quotes",
        [GW_CONFIG_LEVEL] = "no level; write error, warn, info or debug",
    };
    int64_t value = 0;
    bool fine = false;
    if (field->type == GW_CONFIG_NUMBER) {
        const char *rest = read_digits(&value, text);
        fine = rest != NULL && *rest == '\0';
    } else if (field->type == GW_CONFIG_DURATION) {
        fine = read_duration(&value, text);
    } else if (field->type == GW_CONFIG_SIZE) {
        fine = read_size(&value, text);
    } else if (field->type == GW_CONFIG_AMOUNT) {
        fine = read_amount(&value, text);
    } else if (field->type == GW_CONFIG_TIME) {
        fine = read_time(&value, text);
    } else {
        fine = read_level(&value, text);
    }
    if (!fine) {
        snprintf(why, why_max, "is '%.64s', which is %s, such as %s.", text, forms[field->type],
                 field->initial);
        return GW_INVALID;
    }
    if (value < field->min || value > field->max) {
        const char *unit = field->type == GW_CONFIG_DURATION ? " us"
                           : field->type == GW_CONFIG_SIZE   ? " bytes"
                           : field->type == GW_CONFIG_AMOUNT ? " fen"
                                                             : "";
        snprintf(why, why_max, "is '%.64s', out of bounds: %" PRId64 " to %" PRId64 "%s.", text,
                 field->min, field->max, unit);
        return GW_INVALID;
    }
    memcpy((char *)config + field->offset, &value, sizeof(value));
    return GW_OK;
}

enum gw_status gw_config_set(struct gw_config *config, char *why, size_t why_max,
                             const struct gw_config_field *field, const char *text)
{
    switch ((enum gw_config_type)field->type) {
    case GW_CONFIG_TEXT:
    case GW_CONFIG_ID:
    case GW_CONFIG_WORD:
        return set_text(config, why, why_max, field, text);
    case GW_CONFIG_PATH:
        return set_path(config, why, why_max, field, text);
    case GW_CONFIG_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
            snprintf(why, why_max, "is '%.64s'; write true or false.", text);
            return GW_INVALID;
        }
        *(bool *)((char *)config + field->offset) = strcmp(text, "true") == 0;
        return GW_OK;
    case GW_CONFIG_NUMBER:
    case GW_CONFIG_DURATION:
    case GW_CONFIG_SIZE:
    case GW_CONFIG_AMOUNT:
    case GW_CONFIG_LEVEL:
    case GW_CONFIG_TIME:
        return set_number(config, why, why_max, field, text);
    }
    MT_CHECK(false);
}

/* A comment, each of its lines after the indent. */
static void write_comment(FILE *out, const char *indent, const char *about)
{
    fprintf(out, "%s# ", indent);
    for (const char *p = about; *p != '\0'; p++) {
        if (*p == '\n') {
            fprintf(out, "\n%s# ", indent);
        } else {
            fputc(*p, out);
        }
    }
    fputc('\n', out);
}

/* A value as a YAML scalar: quoted unless it is plainly plain. Quotes and control characters cannot
 * be in a setting (paths with them are refused by the caller's checks on reading back). */
static void write_value(FILE *out, const char *value)
{
    bool plain = *value != '\0' && has_only(value, "-_./", true) && *value != '-';
    if (plain) {
        fputs(value, out);
        return;
    }
    fputc('"', out);
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            fputc('\\', out);
        }
        fputc(*p, out);
    }
    fputc('"', out);
}

static const char *setting_of(const struct gw_config_setting *settings, uint32_t count,
                              const struct gw_config_field *field, uint32_t *used)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%s", field->section, field->name);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(settings[i].field, name) == 0) {
            (*used)++;
            return settings[i].value;
        }
    }
    return NULL;
}

enum gw_status gw_config_write(FILE *out, const struct gw_config_setting *settings, uint32_t count)
{
    uint32_t used = 0;
    const char *section = "";
    fprintf(out,
            "# The configuration of meterpayd. A line that starts with # is a default: take the #\n"
            "# away to change it. Paths are relative to the gateway's directory.\n");
    for (uint32_t i = 0; i < gw_config_field_count; i++) {
        const struct gw_config_field *field = &gw_config_fields[i];
        if (strcmp(section, field->section) != 0) {
            section = field->section;
            fputc('\n', out);
            write_comment(out, "", gw_config_section_about(section));
            fprintf(out, "%s:\n", section);
        }
        const char *value = setting_of(settings, count, field, &used);
        write_comment(out, "  ", field->about);
        fprintf(out, "  %s%s: ", value == NULL ? "#" : "", field->name);
        write_value(out, value == NULL ? field->initial : value);
        fputc('\n', out);
    }
    if (used != count) {
        return GW_INVALID;
    }
    return fflush(out) == 0 && ferror(out) == 0 ? GW_OK : GW_IO;
}
