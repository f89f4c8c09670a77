/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding frames among noise; see the header. */
#include "meters/frame_scan.h"

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
