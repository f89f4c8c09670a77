/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meter's name as text; see the header. */
#include "meters/name.h"

#include <string.h>

static const char letters[] = "pwghx";

_Static_assert(sizeof(letters) - 1 == MT_MEDIUM_OTHER + 1, "every medium has its letter");
_Static_assert(MT_NAME_MAX == 1 + MT_MAKER_MAX + 1 + MT_NUMBER_MAX, "the longest name must fit");

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

static void identity_check(const struct mt_identity *identity)
{
    MT_CHECK(identity != NULL);
    MT_CHECK(identity->medium <= MT_MEDIUM_OTHER);
    MT_CHECK(memchr(identity->maker, 0, sizeof(identity->maker)) != NULL);
    MT_CHECK(memchr(identity->number, 0, sizeof(identity->number)) != NULL);
}

size_t mt_name_format(char text[MT_NAME_MAX + 1], const struct mt_identity *identity)
{
    identity_check(identity);
    size_t maker_len = strlen(identity->maker);
    size_t number_len = strlen(identity->number);
    char *at = text;
    *at++ = letters[identity->medium];
    memcpy(at, identity->maker, maker_len);
    at += maker_len;
    *at++ = '-';
    memcpy(at, identity->number, number_len);
    at += number_len;
    *at = '\0';
    return (size_t)(at - text);
}

/* Count the name characters at the start of text, at most max of them. */
static size_t span(const char *text, size_t text_len, size_t max)
{
    size_t n = 0;
    while (n < text_len && n < max && is_name_char(text[n])) {
        n++;
    }
    return n;
}

enum mt_status mt_name_parse(struct mt_identity *identity, const char *text, size_t text_len)
{
    MT_CHECK(identity != NULL);
    MT_CHECK(text != NULL || text_len == 0);
    if (text_len < 4 || text_len > MT_NAME_MAX) {
        return MT_BAD_LAYOUT;
    }
    const char *letter = memchr(letters, text[0], sizeof(letters) - 1);
    if (letter == NULL) {
        return MT_BAD_LAYOUT;
    }
    const char *maker = text + 1;
    size_t maker_len = span(maker, text_len - 1, MT_MAKER_MAX);
    if (maker_len == 0 || maker_len + 1 >= text_len || maker[maker_len] != '-') {
        return MT_BAD_LAYOUT;
    }
    const char *number = maker + maker_len + 1;
    size_t number_len = text_len - 2 - maker_len;
    if (number_len == 0 || span(number, number_len, MT_NUMBER_MAX) != number_len) {
        return MT_BAD_LAYOUT;
    }
    memset(identity, 0, sizeof(*identity));
    identity->medium = (uint8_t)(letter - letters);
    memcpy(identity->maker, maker, maker_len);
    memcpy(identity->number, number, number_len);
    return MT_OK;
}

bool mt_identity_equal(const struct mt_identity *a, const struct mt_identity *b)
{
    identity_check(a);
    identity_check(b);
    return a->medium == b->medium && strcmp(a->maker, b->maker) == 0 &&
           strcmp(a->number, b->number) == 0;
}
