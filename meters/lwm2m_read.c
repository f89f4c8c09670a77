/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLV and JSON of LwM2M; see the header. */
#include "meters/lwm2m_read.h"

#include <string.h>

#define ID_MAX 65535
#define NAME_MAX 64u

/* Bits of a TLV's type, clause 6.4.3, table 7. */
enum tlv_kind { OBJECT_INSTANCE = 0, RESOURCE_INSTANCE = 1, MULTIPLE = 2, RESOURCE = 3 };
#define LONG_ID 0x20u
enum path_level { OBJECT = 0, INSTANCE = 1, IDENTIFIER = 2, ITEM = 3 };

bool mt_lwm2m_path(struct mt_lwm2m_path *path, const char *text, size_t len)
{
    struct mt_lwm2m_path found = {
        {MT_LWM2M_ABSENT, MT_LWM2M_ABSENT, MT_LWM2M_ABSENT, MT_LWM2M_ABSENT}};
    MT_CHECK(path != NULL && (text != NULL || len == 0));
    size_t at = len > 0 && text[0] == '/' ? 1 : 0;
    size_t level = 0;
    while (at < len) {
        int32_t id = 0;
        size_t first = at;
        for (; at < len && text[at] >= '0' && text[at] <= '9' && id <= ID_MAX; at++) {
            id = id * 10 + (text[at] - '0');
        }
        if (at == first || id > ID_MAX || level == MT_LWM2M_PATH_LEVELS) {
            return false;
        }
        found.at[level++] = id;
        if (at < len && text[at++] != '/') {
            return false;
        }
    }
    *path = found;
    return level > 0;
}

/* ---- TLV ------------------------------------------------------------------------------------ */

void mt_lwm2m_tlv_open(struct mt_lwm2m_tlv *r, const uint8_t *bytes, size_t len,
                       const struct mt_lwm2m_path *base, struct mt_trace *trace)
{
    MT_CHECK(r != NULL && base != NULL);
    MT_CHECK(bytes != NULL || len == 0);
    *r = (struct mt_lwm2m_tlv){.at = bytes, .base = *base, .path = *base, .trace = trace};
    r->end[0] = len > 0 ? bytes + len : bytes;
}

/* Head of a TLV. */
struct tlv {
    enum tlv_kind kind;
    int32_t id;
    uint8_t level; /* enum path_level: what its id names */
    size_t len;
};

/* Which part of the path a TLV names, in the place where it is. Returns false in a wrong one. */
static bool place(uint8_t *level, const struct mt_lwm2m_tlv *r, enum tlv_kind kind)
{
    uint8_t above = r->depth > 0 ? r->level[r->depth] : OBJECT;
    switch (kind) {
    case OBJECT_INSTANCE:
        *level = INSTANCE;
        return r->depth == 0 && r->base.at[IDENTIFIER] == MT_LWM2M_ABSENT;
    case RESOURCE:
    case MULTIPLE:
        *level = IDENTIFIER;
        return above <= INSTANCE;
    case RESOURCE_INSTANCE:
        *level = ITEM;
        return r->path.at[IDENTIFIER] != MT_LWM2M_ABSENT;
    }
    return false;
}

/* Put an id into the path; one that the request named must be the same. */
static bool name(struct mt_lwm2m_tlv *r, uint8_t level, int32_t id)
{
    if (r->base.at[level] != MT_LWM2M_ABSENT && r->base.at[level] != id) {
        return false;
    }
    r->path.at[level] = id;
    if (level == IDENTIFIER && r->path.at[INSTANCE] == MT_LWM2M_ABSENT) {
        r->path.at[INSTANCE] = 0; /* an object of a single instance */
    }
    return true;
}

/* A head, in a place where it may be. */
static enum mt_status read_head(struct tlv *tlv, struct mt_lwm2m_tlv *r)
{
    static const char *const kinds[] = {"object instance", "resource instance",
                                        "resource of several instances", "resource"};
    const uint8_t *end = r->end[r->depth];
    struct mt_cursor c = mt_cursor_over(r->at, (size_t)(end - r->at));
    uint8_t type = mt_cursor_u8(&c);
    tlv->kind = (enum tlv_kind)(type >> 6);
    tlv->id = (int32_t)mt_cursor_be(&c, (type & LONG_ID) != 0 ? 2 : 1);
    tlv->level = OBJECT;
    if (!place(&tlv->level, r, tlv->kind) || (!c.overrun && !name(r, tlv->level, tlv->id))) {
        mt_trace_fault(r->trace, r->at, (size_t)(c.at - r->at), "not in this place, or another");
        return MT_BAD_LAYOUT;
    }
    uint8_t length_bytes = type >> 3 & 3u;
    tlv->len = length_bytes == 0 ? type & 7u : (size_t)mt_cursor_be(&c, length_bytes);
    if (c.overrun || tlv->len > mt_cursor_left(&c)) {
        mt_trace_fault(r->trace, r->at, (size_t)(end - r->at), "its length goes beyond the end");
        return r->depth == 0 ? MT_NEED_MORE : MT_BAD_LAYOUT;
    }
    mt_trace_field(r->trace, r->at, (size_t)(c.at - r->at), "type, id, length", kinds[tlv->kind]);
    r->at = c.at;
    return MT_OK;
}

/* What was named from this level on has ended. */
static void forget(struct mt_lwm2m_tlv *r, uint8_t level)
{
    for (size_t i = level; i < MT_LWM2M_PATH_LEVELS; i++) {
        r->path.at[i] = r->base.at[i];
    }
}

static void leave_ended(struct mt_lwm2m_tlv *r)
{
    while (r->depth > 0 && r->at == r->end[r->depth]) {
        forget(r, r->level[r->depth--]);
    }
}

enum mt_status mt_lwm2m_tlv_next(struct mt_lwm2m_item *item, struct mt_lwm2m_tlv *r)
{
    MT_CHECK(item != NULL && r != NULL);
    for (;;) { /* every turn takes two bytes at least */
        struct tlv tlv;
        leave_ended(r);
        if (r->at == r->end[0]) {
            return MT_NO_READING;
        }
        enum mt_status status = read_head(&tlv, r);
        if (status != MT_OK) {
            return status;
        }
        if (tlv.kind == OBJECT_INSTANCE || tlv.kind == MULTIPLE) {
            r->depth++; /* an instance, then a multiple resource: place() lets no more in */
            r->end[r->depth] = r->at + tlv.len;
            r->level[r->depth] = tlv.level;
            continue;
        }
        *item = (struct mt_lwm2m_item){
            .path = r->path, .bytes = r->at, .len = tlv.len, .shown = r->at, .shown_len = tlv.len};
        r->at += tlv.len;
        forget(r, tlv.level);
        return MT_OK;
    }
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool is(const struct mt_json_text *text, const char *word)
{
    return text->len == strlen(word) && memcmp(text->at, word, text->len) == 0;
}

static enum mt_status read_number(struct mt_senml_number *out, struct mt_json *j)
{
    struct mt_json_text text;
    struct mt_decimal decimal;
    if (!mt_json_number(&text, j)) {
        return MT_BAD_LAYOUT;
    }
    enum mt_status status = mt_decimal_parse(&decimal, text.at, text.len);
    if (status != MT_OK) {
        return status;
    }
    *out = (struct mt_senml_number){MT_SENML_DECIMAL, decimal.exponent, decimal.mantissa};
    return MT_OK;
}

static enum mt_status read_time(int64_t *out, struct mt_json *j)
{
    struct mt_json_text text;
    if (!mt_json_number(&text, j)) {
        return MT_BAD_LAYOUT;
    }
    enum mt_status status = mt_decimal_text_scaled(out, text.at, text.len, 6);
    bool fits = *out <= MT_TIME_S_MAX * 1000000 && *out >= -MT_TIME_S_MAX * 1000000;
    return status == MT_OK && !fits ? MT_BAD_RANGE : status;
}

/* One member of the outer object. */
static enum mt_status read_member(struct mt_lwm2m_json *r, struct mt_json *j, uint8_t *seen)
{
    struct mt_json_text label;
    char buffer[8];
    enum mt_status status = mt_json_string(&label, j, buffer, sizeof(buffer));
    if (status != MT_OK || !mt_json_take(j, ':')) {
        return MT_BAD_LAYOUT;
    }
    uint8_t bit = is(&label, "bn") ? 1 : is(&label, "bt") ? 2 : is(&label, "e") ? 4 : 0;
    if (bit == 0 || (*seen & bit) != 0) {
        return MT_BAD_LAYOUT; /* "bver" and others came with SenML only */
    }
    *seen |= bit;
    if (bit == 1) {
        return mt_json_string(&r->name, j, r->buffer, sizeof(r->buffer));
    }
    if (bit == 2) {
        r->has_time = true;
        return read_time(&r->time_us, j);
    }
    if (mt_json_peek(j) != '[') {
        return MT_BAD_LAYOUT;
    }
    r->elements = *j;
    return mt_json_skip(j);
}

/* Does the text end inside of something that it opened? */
static bool is_open(const uint8_t *bytes, size_t len)
{
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && bytes[i] == '\\') {
            i++; /* whatever it is, it does not end the text */
        } else if (quoted) {
            quoted = bytes[i] != '"';
        } else if (bytes[i] == '"') {
            quoted = true;
        } else if (bytes[i] == '{' || bytes[i] == '[') {
            depth++;
        } else if ((bytes[i] == '}' || bytes[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return quoted || depth > 0;
}

enum mt_status mt_lwm2m_json_open(struct mt_lwm2m_json *r, const uint8_t *bytes, size_t len,
                                  const char *path, size_t path_len)
{
    MT_CHECK(r != NULL && (bytes != NULL || len == 0));
    MT_CHECK(path != NULL || path_len == 0);
    struct mt_json j = {.at = (const char *)bytes, .end = (const char *)bytes + len};
    *r = (struct mt_lwm2m_json){.first = true, .name = {path, path_len}};
    if (len == 0 || len > MT_MESSAGE_JSON_BYTES_MAX || !mt_json_take(&j, '{')) {
        return MT_NOT_FOUND;
    }
    uint8_t seen = 0;
    enum mt_status status = MT_OK;
    do {
        status = read_member(r, &j, &seen);
    } while (status == MT_OK && mt_json_take(&j, ','));
    if (status == MT_OK && mt_json_take(&j, '}') && (seen & 4u) != 0) {
        return mt_json_peek(&j) == '\0' && j.at == j.end ? MT_OK : MT_BAD_LAYOUT;
    }
    if (seen == 0) {
        return MT_NOT_FOUND;
    }
    bool cut = is_open(bytes, len) && status != MT_BAD_RANGE;
    return cut ? MT_NEED_MORE : status == MT_OK ? MT_BAD_LAYOUT : status;
}

/* Base name and name, joined. */
static bool join_path(struct mt_lwm2m_path *path, const struct mt_lwm2m_json *r,
                      const struct mt_json_text *own)
{
    char text[2 * MT_SENML_NAME_MAX + 1];
    size_t len = r->name.len;
    if (len > MT_SENML_NAME_MAX || own->len > MT_SENML_NAME_MAX) {
        return false;
    }
    if (len > 0) {
        memcpy(text, r->name.at, len);
    }
    if (len > 0 && own->len > 0 && text[len - 1] != '/' && own->at[0] != '/') {
        text[len++] = '/';
    }
    if (own->len > 0) {
        memcpy(text + len, own->at, own->len);
    }
    return mt_lwm2m_path(path, text, len + own->len);
}

static enum mt_status read_truth(struct mt_lwm2m_item *item, struct mt_json *j)
{
    bool yes = mt_json_peek(j) == 't';
    if (!yes && mt_json_peek(j) != 'f') {
        return MT_BAD_LAYOUT;
    }
    item->form = MT_LWM2M_TRUTH;
    item->number = (struct mt_senml_number){MT_SENML_DECIMAL, 0, yes ? 1 : 0};
    return mt_json_skip(j);
}

/* A string value is shown as it was sent: no meter's unit needs an escape. */
static enum mt_status read_text(struct mt_lwm2m_item *item, struct mt_json *j)
{
    if (mt_json_peek(j) != '"') {
        return MT_BAD_LAYOUT;
    }
    const char *first = j->at + 1;
    enum mt_status status = mt_json_skip(j);
    item->form = MT_LWM2M_TEXT;
    item->bytes = (const uint8_t *)first;
    item->len = status == MT_OK ? (size_t)(j->at - first) - 1 : 0;
    return status;
}

/* What an element said so far. */
struct element {
    struct mt_json_text name;
    char buffer[NAME_MAX];
    bool has_name, has_value, has_time;
    int64_t time_us;
};

static enum mt_status read_field(struct mt_lwm2m_item *item, struct element *e, struct mt_json *j)
{
    struct mt_json_text label;
    char buffer[8];
    enum mt_status status = mt_json_string(&label, j, buffer, sizeof(buffer));
    if (status != MT_OK || !mt_json_take(j, ':')) {
        return MT_BAD_LAYOUT;
    }
    bool *once = is(&label, "n") ? &e->has_name : is(&label, "t") ? &e->has_time : &e->has_value;
    if (*once) {
        return MT_BAD_LAYOUT; /* the same label twice, or two values */
    }
    *once = true;
    if (is(&label, "n")) {
        return mt_json_string(&e->name, j, e->buffer, sizeof(e->buffer));
    }
    if (is(&label, "t")) {
        return read_time(&e->time_us, j);
    }
    if (is(&label, "v")) {
        item->form = MT_LWM2M_NUMBER;
        return read_number(&item->number, j);
    }
    if (is(&label, "bv")) {
        return read_truth(item, j);
    }
    return is(&label, "sv") || is(&label, "ov") ? read_text(item, j) : MT_BAD_LAYOUT;
}

enum mt_status mt_lwm2m_json_next(struct mt_lwm2m_item *item, struct mt_lwm2m_json *r)
{
    MT_CHECK(item != NULL && r != NULL);
    struct mt_json *j = &r->elements;
    struct element e = {.name = {"", 0}};
    bool more = mt_json_take(j, r->first ? '[' : ',');
    bool empty = r->first && mt_json_take(j, ']');
    r->first = false;
    if (!more || empty) {
        return MT_NO_READING; /* _open() saw that the array ends */
    }
    const char *start = j->at;
    *item = (struct mt_lwm2m_item){0};
    if (!mt_json_take(j, '{')) {
        return MT_BAD_LAYOUT;
    }
    do {
        enum mt_status status = read_field(item, &e, j);
        if (status != MT_OK) {
            return status;
        }
    } while (mt_json_take(j, ','));
    if (!mt_json_take(j, '}') || !e.has_value || !join_path(&item->path, r, &e.name)) {
        return MT_BAD_LAYOUT;
    }
    item->shown = (const uint8_t *)start;
    item->shown_len = (size_t)(j->at - start);
    /* Without "bt", times are relative to a moment that nobody knows here. */
    item->has_time = r->has_time;
    item->time_us = r->time_us + e.time_us;
    return MT_OK;
}
