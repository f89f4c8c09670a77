/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON tokens; see the header. */
#include "meters/json.h"

#include <string.h>

#include "meters/decimal.h"
#include "meters/limits.h"

char mt_json_peek(struct mt_json *j)
{
    while (j->at < j->end &&
           (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) {
        j->at++;
    }
    return j->at < j->end ? *j->at : '\0';
}

bool mt_json_take(struct mt_json *j, char c)
{
    if (mt_json_peek(j) != c || j->at == j->end) {
        return false;
    }
    j->at++;
    return true;
}

/* Length of the UTF-8 sequence at `at` (RFC 3629, 4), or 0 when it is none. */
static size_t utf8_len(const char *at, const char *end)
{
    const uint8_t *p = (const uint8_t *)at;
    size_t left = (size_t)(end - at);
    if (p[0] < 0x80) {
        return 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, and beyond U+10FFFF. */
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
        return 0;
    }
    return len;
}

/* Read four hexadecimal digits. */
static bool hex4(uint32_t *out, struct mt_json *j)
{
    if (j->end - j->at < 4) {
        return false;
    }
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = *j->at++;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* Read what follows "\u": one code point, perhaps a surrogate pair (RFC 8259, 7). */
static bool escaped_point(uint32_t *out, struct mt_json *j)
{
    uint32_t first;
    if (!hex4(&first, j)) {
        return false;
    }
    if (first < 0xD800 || first > 0xDFFF) {
        *out = first;
        return true;
    }
    uint32_t second;
    if (first > 0xDBFF || j->end - j->at < 6 || j->at[0] != '\\' || j->at[1] != 'u') {
        return false;
    }
    j->at += 2;
    if (!hex4(&second, j) || second < 0xDC00 || second > 0xDFFF) {
        return false;
    }
    *out = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    return true;
}

/* Write a code point as UTF-8. Returns its bytes. */
static size_t write_point(char out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(lead[len] | point);
    return len;
}

/* Read one escape behind its backslash. Returns the bytes written to out, 0 when it is none. */
static size_t read_escape(char out[4], struct mt_json *j)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (j->at == j->end) {
        return 0;
    }
    char c = *j->at++;
    if (c == 'u') {
        uint32_t point;
        return escaped_point(&point, j) ? write_point(out, point) : 0;
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL) {
        return 0;
    }
    out[0] = to[found - from];
    return 1;
}

/* Read the string's characters up to its closing quote. Copying starts with the first escape. */
enum mt_status mt_json_string(struct mt_json_text *out, struct mt_json *j, char *buffer,
                              size_t buffer_max)
{
    if (!mt_json_take(j, '"')) {
        return MT_BAD_LAYOUT;
    }
    const char *first = j->at;
    bool copying = false;
    bool fits = true;
    size_t len = 0;
    while (j->at < j->end && *j->at != '"') {
        char piece[4];
        const char *from = j->at;
        size_t piece_len;
        if (*j->at == '\\') {
            if (!copying) {
                fits = len <= buffer_max;
                memcpy(buffer, first, fits ? len : 0);
            }
            copying = true;
            j->at++;
            piece_len = read_escape(piece, j);
            from = piece;
        } else {
            piece_len = (uint8_t)*j->at < 0x20 ? 0 : utf8_len(j->at, j->end);
            j->at += piece_len;
        }
        if (piece_len == 0) {
            return MT_BAD_LAYOUT;
        }
        fits = fits && (!copying || piece_len <= buffer_max - len);
        if (copying && fits) {
            memcpy(buffer + len, from, piece_len);
        }
        len += piece_len;
    }
    if (!mt_json_take(j, '"')) {
        return MT_BAD_LAYOUT;
    }
    if (!fits) {
        return MT_TOO_LARGE;
    }
    *out = (struct mt_json_text){.at = copying ? buffer : first, .len = len};
    return MT_OK;
}

bool mt_json_number(struct mt_json_text *out, struct mt_json *j)
{
    (void)mt_json_peek(j); /* only to step over white space */
    const char *first = j->at;
    while (j->at < j->end && *j->at != '\0' && strchr("+-.0123456789Ee", *j->at) != NULL) {
        j->at++;
    }
    *out = (struct mt_json_text){.at = first, .len = (size_t)(j->at - first)};
    return out->len > 0;
}

static bool take_word(struct mt_json *j, const char *word, size_t len)
{
    if ((size_t)(j->end - j->at) < len || memcmp(j->at, word, len) != 0) {
        return false;
    }
    j->at += len;
    return true;
}

/* A string whose content nobody wants; it may be of any length. */
static enum mt_status skip_string(struct mt_json *j)
{
    char nowhere[1];
    struct mt_json_text text;
    enum mt_status status = mt_json_string(&text, j, nowhere, 0);
    return status == MT_TOO_LARGE ? MT_OK : status;
}

static enum mt_status skip_scalar(struct mt_json *j)
{
    char c = mt_json_peek(j);
    if (c == '"') {
        return skip_string(j);
    }
    if (take_word(j, "true", 4) || take_word(j, "false", 5) || take_word(j, "null", 4)) {
        return MT_OK;
    }
    struct mt_json_text text;
    struct mt_decimal number;
    if (!mt_json_number(&text, j)) {
        return MT_BAD_LAYOUT;
    }
    /* More digits than we keep are no error here: nobody reads this number. */
    return mt_decimal_parse(&number, text.at, text.len) == MT_BAD_DIGIT ? MT_BAD_LAYOUT : MT_OK;
}

static enum mt_status skip_member_name(struct mt_json *j)
{
    enum mt_status status = skip_string(j);
    if (status != MT_OK) {
        return status;
    }
    return mt_json_take(j, ':') ? MT_OK : MT_BAD_LAYOUT;
}

/* The closing brackets of the containers that are open. */
struct nest {
    char closer[MT_JSON_DEPTH_MAX];
    size_t depth;
};

/* Read the start of a value: a scalar whole, or the opening of a container with its first name.
 * *ended tells that a value is complete. */
static enum mt_status begin_value(struct nest *nest, struct mt_json *j, bool *ended)
{
    *ended = true;
    bool object = mt_json_peek(j) == '{';
    if (!object && mt_json_peek(j) != '[') {
        return skip_scalar(j);
    }
    if (nest->depth == MT_JSON_DEPTH_MAX) {
        return MT_TOO_LARGE;
    }
    j->at++;
    char closer = object ? '}' : ']';
    if (mt_json_take(j, closer)) {
        return MT_OK;
    }
    nest->closer[nest->depth++] = closer;
    *ended = false;
    return object ? skip_member_name(j) : MT_OK;
}

/* After a complete value: close what closes, until a comma asks for another value. */
static enum mt_status end_value(struct nest *nest, struct mt_json *j)
{
    while (nest->depth > 0) {
        char closer = nest->closer[nest->depth - 1];
        if (mt_json_take(j, ',')) {
            return closer == '}' ? skip_member_name(j) : MT_OK;
        }
        if (!mt_json_take(j, closer)) {
            return MT_BAD_LAYOUT;
        }
        nest->depth--;
    }
    return MT_OK;
}

enum mt_status mt_json_skip(struct mt_json *j)
{
    struct nest nest = {.depth = 0};
    /* Every turn consumes a character, so the text bounds the loop. */
    do {
        bool ended;
        enum mt_status status = begin_value(&nest, j, &ended);
        if (status == MT_OK && ended) {
            status = end_value(&nest, j);
        }
        if (status != MT_OK) {
            return status;
        }
    } while (nest.depth > 0);
    return MT_OK;
}
