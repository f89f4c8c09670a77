/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding frames among noise; see the header. */
#include "meters/frame_scan.h"

#define PREAMBLE 0xFEu

enum mt_status mt_frame_scan(size_t *start, size_t *frame_len, const struct mt_input *input,
                             mt_frame_probe *probe)
{
    MT_CHECK(start != NULL && frame_len != NULL);
    MT_CHECK(input != NULL && (input->bytes != NULL || input->len == 0));
    size_t begun = input->len; /* the first place where a frame may have begun */
    enum mt_status worst = MT_NOT_FOUND;
    *frame_len = 0;
    for (size_t at = 0; at < input->len; at++) {
        if (input->bytes[at] != MT_FRAME_START) {
            continue;
        }
        enum mt_status status = probe(frame_len, input->bytes + at, input->len - at);
        if (status == MT_OK) {
            *start = at;
            return MT_OK;
        }
        if (status == MT_NEED_MORE && begun == input->len) {
            begun = at;
        }
        worst = status == MT_BAD_CHECKSUM ? status : worst;
    }
    *start = begun;
    return begun < input->len ? MT_NEED_MORE : worst;
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

void mt_frame_trace_before(const struct mt_input *input, size_t start, enum mt_status status,
                           mt_frame_probe *probe)
{
    MT_CHECK(input != NULL && start <= input->len && probe != NULL);
    if (input->trace == NULL) {
        return;
    }
    size_t at = start;
    if (status == MT_BAD_CHECKSUM) { /* the scan went on behind it */
        size_t frame_len;
        at = 0;
        while (at < input->len &&
               (input->bytes[at] != MT_FRAME_START ||
                probe(&frame_len, input->bytes + at, input->len - at) != MT_BAD_CHECKSUM)) {
            at++;
        }
    }
    trace_lead(input, at);
    const uint8_t *rest = at < input->len ? input->bytes + at : NULL;
    if (status == MT_BAD_CHECKSUM) {
        mt_trace_fault(input->trace, rest, input->len - at,
                       "a frame that is whole but for its checksum, which differs");
    } else if (status == MT_NEED_MORE) {
        mt_trace_fault(input->trace, rest, input->len - at,
                       "what may be a frame begins here, and the bytes end inside of it");
    }
}
