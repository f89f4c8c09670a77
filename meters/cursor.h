/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A bounded reader over bytes that stay where they are.
 *
 *  Fields are read top to bottom, like the standard's table. A read past the end sets `overrun`,
 *  yields 0 (or NULL) and ends the cursor, so one test after the last field answers "is it all
 *  here?". It never reads a byte that it was not given, and never copies.
 *
 *  Everything here is inline: it is the inner loop of every decoder.
 */
#ifndef METERS_CURSOR_H
#define METERS_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

struct mt_cursor {
    const uint8_t *at;  /**< The next byte; borrowed. */
    const uint8_t *end; /**< One past the last byte. */
    bool overrun;       /**< A read went past the end; stays set. */
};

/** A cursor over len bytes. bytes may be NULL only when len is 0; they are borrowed. */
static inline struct mt_cursor mt_cursor_over(const uint8_t *bytes, size_t len)
{
    static const uint8_t nothing[1];
    MT_CHECK(bytes != NULL || len == 0);
    const uint8_t *first = bytes != NULL ? bytes : nothing;
    return (struct mt_cursor){.at = first, .end = first + len, .overrun = false};
}

/** Bytes not read yet. */
static inline size_t mt_cursor_left(const struct mt_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/** Step over n bytes. Returns: where they start, or NULL with `overrun` set. Borrowed. */
static inline const uint8_t *mt_cursor_take(struct mt_cursor *c, size_t n)
{
    if (n > mt_cursor_left(c)) {
        c->overrun = true;
        c->at = c->end;
        return NULL;
    }
    const uint8_t *first = c->at;
    c->at += n;
    return first;
}

/** The next byte without stepping over it; 0 with `overrun` set at the end. */
static inline uint8_t mt_cursor_peek(struct mt_cursor *c)
{
    if (c->at == c->end) {
        c->overrun = true;
        return 0;
    }
    return *c->at;
}

/** Read one byte. */
static inline uint8_t mt_cursor_u8(struct mt_cursor *c)
{
    if (c->at == c->end) {
        c->overrun = true;
        return 0;
    }
    /* mt_cursor_over() leaves no cursor at NULL, which the analyzer loses sight of in long decoders. */
    return *c->at++; /* NOLINT(clang-analyzer-core.NullDereference) */
}

/** Read n bytes, 1 to 8, high byte first. */
static inline uint64_t mt_cursor_be(struct mt_cursor *c, size_t n)
{
    const uint8_t *p = mt_cursor_take(c, n);
    uint64_t value = 0;
    for (size_t i = 0; p != NULL && i < n; i++) {
        value = value << 8 | p[i];
    }
    return value;
}

/** Read n bytes, 1 to 8, low byte first. */
static inline uint64_t mt_cursor_le(struct mt_cursor *c, size_t n)
{
    const uint8_t *p = mt_cursor_take(c, n);
    uint64_t value = 0;
    for (size_t i = n; p != NULL && i > 0; i--) {
        value = value << 8 | p[i - 1];
    }
    return value;
}

/** Read 2 bytes, low byte first. */
static inline uint16_t mt_cursor_le16(struct mt_cursor *c)
{
    return (uint16_t)mt_cursor_le(c, 2);
}

/** Read 4 bytes, low byte first. */
static inline uint32_t mt_cursor_le32(struct mt_cursor *c)
{
    return (uint32_t)mt_cursor_le(c, 4);
}

#endif
