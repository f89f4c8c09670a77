/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A bounded writer into the caller's memory.
 *
 *  The twin of cursor.h: a write that does not fit writes nothing, sets `overflow` and ends the
 *  writer, so one test after the last field answers "did it fit?".
 */
#ifndef METERS_WRITER_H
#define METERS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "meters/check.h"

struct mt_writer {
    uint8_t *first; /**< Start of the caller's buffer; borrowed. */
    uint8_t *at;    /**< Where the next byte goes. */
    uint8_t *end;   /**< One past the buffer. */
    bool overflow;  /**< A write did not fit; stays set. */
};

/** A writer into max bytes of the caller's. */
static inline struct mt_writer mt_writer_into(uint8_t *bytes, size_t max)
{
    MT_CHECK(bytes != NULL);
    return (struct mt_writer){.first = bytes, .at = bytes, .end = bytes + max, .overflow = false};
}

/** Bytes written so far. */
static inline size_t mt_writer_len(const struct mt_writer *w)
{
    return (size_t)(w->at - w->first);
}

/** Reserve n bytes. Returns: where they start, or NULL with `overflow` set. */
static inline uint8_t *mt_writer_reserve(struct mt_writer *w, size_t n)
{
    if (n > (size_t)(w->end - w->at)) {
        w->overflow = true;
        w->end = w->at;
        return NULL;
    }
    uint8_t *first = w->at;
    w->at += n;
    return first;
}

/** Write one byte. */
static inline void mt_writer_u8(struct mt_writer *w, uint8_t value)
{
    uint8_t *p = mt_writer_reserve(w, 1);
    if (p != NULL) {
        *p = value;
    }
}

/** Write n bytes as they are. */
static inline void mt_writer_bytes(struct mt_writer *w, const void *bytes, size_t n)
{
    uint8_t *p = mt_writer_reserve(w, n);
    if (p != NULL && n > 0) {
        memcpy(p, bytes, n);
    }
}

/** Write the low n bytes of value, 1 to 8, high byte first. */
static inline void mt_writer_be(struct mt_writer *w, uint64_t value, size_t n)
{
    uint8_t *p = mt_writer_reserve(w, n);
    for (size_t i = n; p != NULL && i > 0; i--) {
        p[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/** Write the low n bytes of value, 1 to 8, low byte first. */
static inline void mt_writer_le(struct mt_writer *w, uint64_t value, size_t n)
{
    uint8_t *p = mt_writer_reserve(w, n);
    for (size_t i = 0; p != NULL && i < n; i++) {
        p[i] = (uint8_t)value;
        value >>= 8;
    }
}

#endif
