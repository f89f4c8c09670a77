/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/mapping_json.h"

#include <string.h>

static const char unit_mark[] = "{unit}";

enum gw_mapping_verdict gw_mapping_json_check(const char *body, size_t len)
{
    struct mt_json j = {.at = body, .end = body + len};
    enum mt_status status = mt_json_skip(&j);
    if (status == MT_TOO_LARGE) {
        return GW_MAPPING_TOO_LARGE;
    }
    (void)mt_json_peek(&j); /* only to step over white space */
    return status == MT_OK && j.at == j.end ? GW_MAPPING_DONE : GW_MAPPING_BAD_BODY;
}

bool gw_mapping_path_next(char name[GW_MAPPING_PATH_MAX + 1], const char **path)
{
    size_t len = 0;
    const char *at = *path;
    while (*at != '\0' && *at != '.' && len < GW_MAPPING_PATH_MAX) {
        at += *at == '\\' && at[1] != '\0';
        name[len++] = *at++;
    }
    name[len] = '\0';
    *path = *at == '.' ? at + 1 : at;
    return len > 0;
}

/* The body was checked as a whole, so its tokens are what they seem to be; a reader that fails all the
 * same ends the walk. */
bool gw_mapping_json_each(const struct mt_json *value, void *arg, gw_mapping_visit *visit)
{
    struct mt_json j = *value;
    char buffer[GW_MAPPING_DEVICE_MAX];
    bool object = mt_json_peek(&j) == '{';
    if (!object && mt_json_peek(&j) != '[') {
        return true;
    }
    j.at++;
    if (mt_json_peek(&j) == (object ? '}' : ']')) {
        return true;
    }
    do {
        struct mt_json_text name = {.at = "", .len = 0};
        char key[GW_MAPPING_DEVICE_MAX + 1] = "";
        if (object) {
            enum mt_status status = mt_json_string(&name, &j, buffer, sizeof(buffer));
            bool fits = status == MT_OK && name.len < sizeof(key) &&
                        memchr(name.at, '\0', name.len) == NULL;
            memcpy(key, name.at, fits ? name.len : 0);
            if ((status != MT_OK && status != MT_TOO_LARGE) || !mt_json_take(&j, ':')) {
                return true;
            }
        }
        (void)mt_json_peek(&j); /* so that the value begins where it stands */
        if (!visit(arg, key, &j)) {
            return false;
        }
        if (mt_json_skip(&j) != MT_OK) {
            return true;
        }
    } while (mt_json_take(&j, ','));
    return true;
}

/* A member that is looked for, and what was found. */
struct search {
    const char *name;
    size_t prefix_len; /* of a name that goes on with a unit; else SIZE_MAX */
    char unit[16];
    uint32_t count;
    struct mt_json found;
};

static bool match_member(void *arg, const char *key, const struct mt_json *value)
{
    struct search *s = arg;
    bool same = strcmp(key, s->name) == 0;
    if (s->prefix_len != SIZE_MAX) {
        size_t len = strlen(key);
        same = len > s->prefix_len && len - s->prefix_len < sizeof(s->unit) &&
               memcmp(key, s->name, s->prefix_len) == 0 &&
               gw_mapping_unit_known(key + s->prefix_len);
        if (same) {
            memcpy(s->unit, key + s->prefix_len, len - s->prefix_len + 1);
        }
    }
    if (same) {
        s->count++;
        s->found = *value;
    }
    return true;
}

enum gw_mapping_verdict gw_mapping_json_find(struct mt_json *value, char unit[16],
                                             const struct mt_json *from, const char *path)
{
    char name[GW_MAPPING_PATH_MAX + 1];
    struct mt_json at = *from;
    while (gw_mapping_path_next(name, &path)) {
        struct search s = {.name = name, .prefix_len = SIZE_MAX};
        size_t len = strlen(name);
        if (len >= sizeof(unit_mark) - 1 &&
            strcmp(name + len - (sizeof(unit_mark) - 1), unit_mark) == 0) {
            s.prefix_len = len - (sizeof(unit_mark) - 1);
        }
        if (mt_json_peek(&at) == '{') {
            (void)gw_mapping_json_each(&at, &s, match_member); /* it never stops */
        }
        if (s.count != 1) {
            return s.count == 0 ? GW_MAPPING_MISSING : GW_MAPPING_AMBIGUOUS;
        }
        if (unit != NULL && s.prefix_len != SIZE_MAX) {
            memcpy(unit, s.unit, sizeof(s.unit));
        }
        at = s.found;
    }
    *value = at;
    return GW_MAPPING_DONE;
}

bool gw_mapping_json_scalar(char *text, size_t max, const struct mt_json *value)
{
    struct mt_json j = *value;
    struct mt_json_text token;
    char c = mt_json_peek(&j);
    const char *first = j.at;
    if (c == '"') {
        if (mt_json_string(&token, &j, text, max) != MT_OK) {
            return false;
        }
    } else if (c == '{' || c == '[' || c == 'n' || mt_json_skip(&j) != MT_OK) {
        return false;
    } else {
        token = (struct mt_json_text){.at = first, .len = (size_t)(j.at - first)};
    }
    if (token.len >= max || memchr(token.at, '\0', token.len) != NULL) {
        return false;
    }
    memmove(text, token.at, token.len);
    text[token.len] = '\0';
    return true;
}
