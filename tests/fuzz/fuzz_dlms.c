/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as DLMS, raw and inside a frame whose checksums are right. */
#include "meters/dlms.h"
#include "meters/hdlc.h"
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mt_protocol *protocol = mt_protocol_find("dlms", 4);
    decode_all(protocol, data, size);
    decode_all(NULL, data, size);
    if (size == 0 || size > 1024) {
        return 0;
    }
    uint8_t bytes[MT_HDLC_HEAD + 3 + 1024 + MT_HDLC_TAIL] = {0};
    memcpy(bytes + MT_HDLC_HEAD, "\xE6\xE7", 2);
    memcpy(bytes + MT_HDLC_HEAD + 3, data, size);
    decode_all(protocol, bytes, mt_hdlc_wrap(bytes, 3 + size));
    return 0;
}
