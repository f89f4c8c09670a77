/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What holds for every frame, whatever the bytes: shared by the fuzz targets of frames. */
#ifndef TESTS_FUZZ_FRAMES_H
#define TESTS_FUZZ_FRAMES_H

#include <string.h>

#include "meters/decimal.h"
#include "meters/registry.h"

static inline void frame_promises(const struct mt_frame *f)
{
    MT_CHECK(f->protocol != NULL && f->value_count <= MT_VALUES_MAX);
    MT_CHECK(memchr(f->identity.maker, '\0', sizeof(f->identity.maker)) != NULL);
    MT_CHECK(memchr(f->identity.number, '\0', sizeof(f->identity.number)) != NULL);
    MT_CHECK(f->has_total || !f->has_reading);
    MT_CHECK(!f->has_total || !f->total.absent);
    if (f->has_reading) {
        MT_CHECK(f->reading.total >= 0 && f->reading.total <= MT_REGISTER_MAX);
        MT_CHECK(f->reading.time_us == (f->has_time ? f->time_us : 0));
    }
    for (uint32_t i = 0; i < f->value_count; i++) {
        char text[MT_DECIMAL_TEXT_MAX];
        const struct mt_value *v = &f->values[i];
        MT_CHECK(v->name != NULL && v->unit != NULL);
        MT_CHECK(!v->absent || v->mantissa == 0);
        (void)mt_decimal_format(text, v->mantissa, v->exponent); /* only its checks are wanted */
        (void)mt_obis_format(text, &v->obis);                    /* the same */
    }
}

/** Decode everything in the bytes, frame by frame. */
static inline void decode_all(const struct mt_protocol *protocol, const uint8_t *data, size_t size)
{
    static struct mt_frame frame;
    struct mt_input input = {.bytes = data, .len = size};
    while (input.len > 0) {
        size_t used = SIZE_MAX;
        enum mt_status status = mt_decode(&frame, &used, protocol, &input);
        MT_CHECK(used <= input.len);
        if (status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED) {
            frame_promises(&frame);
        }
        if (status == MT_NEED_MORE) {
            return;
        }
        MT_CHECK(used > 0); /* or whoever reads on would never end */
        input.bytes += used;
        input.len -= used;
    }
}

#endif
