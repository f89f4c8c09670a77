/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a decoder sees while it reads, told to whoever wants to explain a frame.
 *
 *  A decoder names each field as it reads it, top to bottom. Without a listener it costs one test
 *  of a pointer. Nothing of it decides anything.
 */
#ifndef METERS_TRACE_H
#define METERS_TRACE_H

#include <stddef.h>
#include <stdint.h>

/** A listener. Texts are static; bytes are borrowed for the call. */
struct mt_trace {
    /** len bytes at `at` are the field `what` ("address"); meaning says what this value stands for
     *  ("reply, no more to come"), or is NULL where the bytes say it themselves. */
    void (*field)(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                  const char *meaning);
    /** The fields that follow lie in these bytes, made from those before ("decrypted, mode 5");
     *  bytes NULL: back in the frame. */
    void (*layer)(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what);
    /** The frame is refused because of the field at `at`; why is a sentence for people. */
    void (*fault)(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why);
};

/** Name a field. trace may be NULL, here and below. */
static inline void mt_trace_field(struct mt_trace *trace, const uint8_t *at, size_t len,
                                  const char *what, const char *meaning)
{
    if (trace != NULL) {
        trace->field(trace, at, len, what, meaning);
    }
}

static inline void mt_trace_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len,
                                  const char *what)
{
    if (trace != NULL) {
        trace->layer(trace, bytes, len, what);
    }
}

static inline void mt_trace_fault(struct mt_trace *trace, const uint8_t *at, size_t len,
                                  const char *why)
{
    if (trace != NULL) {
        trace->fault(trace, at, len, why);
    }
}

#endif
