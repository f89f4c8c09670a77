/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a message of LwM2M, for several paths: the first byte chooses. */
#include "meters/lwm2m.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"/3424/0", "/3424",   "/3424/0/1", "/3331/0",
                                        "/3/0",    "/3421/1", "/1",        "/3422/0/17/0"};
    static struct mt_frame frame;
    if (size == 0) {
        return 0;
    }
    const char *path = paths[data[0] % 8];
    struct mt_input input = {
        .bytes = data + 1, .len = size - 1, .path = path, .path_len = strlen(path)};
    size_t used = SIZE_MAX;
    enum mt_status status = mt_lwm2m_decode(&frame, &used, &input);
    MT_CHECK(used <= input.len);
    if (status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED) {
        MT_CHECK(used == input.len);
        frame_promises(&frame);
    }
    decode_all(mt_protocol_find("lwm2m", 5), data, size);
    decode_all(NULL, data, size);
    return 0;
}
