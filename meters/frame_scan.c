/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding frames among noise; see the header. */
#include "meters/frame_scan.h"

#include "meters/checksum.h"

#define PREAMBLE 0xFEu
#define TAIL_BYTES 2u  /* sum and end */
#define TEXT_BYTES 16u /* as many that are text are no beginning of a frame */

static bool is_text(const uint8_t *bytes)
{
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        bool is_white = bytes[i] == '\t' || bytes[i] == '\r' || bytes[i] == '\n';
        if (!is_white && (bytes[i] < ' ' || bytes[i] > '~')) {
            return false;
        }
    }
    return true;
}

/* 68H is a small h too: with text before or behind it no frame has begun. Every one of these protocols
 * has a byte that is none among its first (controls, lengths, kinds of meters). */
static bool is_letter(const struct mt_input *input, size_t at)
{
    return (at >= TEXT_BYTES && is_text(input->bytes + at - TEXT_BYTES)) ||
           (input->len - at >= TEXT_BYTES && is_text(input->bytes + at));
}

enum mt_status mt_frame_scan(size_t *start, size_t *frame_len, const struct mt_input *input,
                             mt_frame_probe *probe)
{
    MT_CHECK(start != NULL && frame_len != NULL);
    MT_CHECK(input != NULL && (input->bytes != NULL || input->len == 0));
    size_t begun = input->len;  /* the first place where a frame may have begun */
    size_t broken = input->len; /* the first broken frame */
    size_t filled = input->len; /* the first broken frame that reaches to the end */
    for (size_t at = 0; at < input->len; at++) {
        if (input->bytes[at] != MT_FRAME_START) {
            continue;
        }
        size_t left = input->len - at;
        size_t len = 0;
        enum mt_status status = probe(&len, input->bytes + at, left);
        if (status == MT_OK) {
            *start = at;
            *frame_len = len;
            return MT_OK;
        }
        if (status == MT_NEED_MORE && begun == input->len && !is_letter(input, at)) {
            begun = at;
        }
        bool is_broken = status == MT_BAD_CHECKSUM;
        broken = is_broken && broken == input->len ? at : broken;
        filled = is_broken && len == left && filled == input->len ? at : filled;
    }
    bool may_go_on = begun < input->len && begun <= filled;
    *start = may_go_on ? begun : broken;
    *frame_len = may_go_on ? 0 : input->len - broken;
    return may_go_on ? MT_NEED_MORE : broken < input->len ? MT_BAD_CHECKSUM : MT_NOT_FOUND;
}

enum mt_status mt_frame_check(size_t *frame_len, const uint8_t *bytes, size_t len, size_t whole,
                              size_t sum_from)
{
    MT_CHECK(frame_len != NULL && bytes != NULL && whole > sum_from + TAIL_BYTES);
    if (len < whole) {
        return MT_NEED_MORE;
    }
    if (bytes[whole - 1] != MT_FRAME_END) {
        return MT_NOT_FOUND;
    }
    *frame_len = whole;
    uint8_t sum = mt_sum8(bytes + sum_from, whole - TAIL_BYTES - sum_from);
    return sum == bytes[whole - TAIL_BYTES] ? MT_OK : MT_BAD_CHECKSUM;
}

/* Noise, then a preamble of FE. */
static void trace_lead(const struct mt_input *input, size_t len)
{
    size_t noise = len;
    while (noise > 0 && input->bytes[noise - 1] == PREAMBLE) {
        noise--;
    }
    if (noise > 0) {
        mt_trace_field(input->trace, input->bytes, noise, "noise",
                       "stepped over: no part of a frame");
    }
    if (noise < len) {
        mt_trace_field(input->trace, input->bytes + noise, len - noise, "preamble", NULL);
    }
}

void mt_frame_trace_before(const struct mt_input *input, size_t start, enum mt_status status)
{
    MT_CHECK(input != NULL && start <= input->len);
    if (input->trace == NULL) {
        return;
    }
    trace_lead(input, start);
    const uint8_t *rest = start < input->len ? input->bytes + start : NULL;
    if (status == MT_BAD_CHECKSUM) {
        mt_trace_fault(input->trace, rest, input->len - start,
                       "a frame that is whole but for its checksum, which differs");
    } else if (status == MT_NEED_MORE) {
        mt_trace_fault(input->trace, rest, input->len - start,
                       "what may be a frame begins here, and the bytes end inside of it");
    }
}

enum mt_status mt_frame_first(const uint8_t **frame, size_t *frame_len, size_t *used,
                              const struct mt_input *input, mt_frame_probe *probe)
{
    MT_CHECK(frame != NULL && frame_len != NULL && used != NULL && input != NULL);
    size_t start;
    enum mt_status status = mt_frame_scan(&start, frame_len, input, probe);
    *used = start + *frame_len;
    mt_frame_trace_before(input, start, status);
    if (status == MT_OK) {
        *frame = input->bytes + start;
    }
    return status;
}
