/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a SenML pack, JSON or CBOR. */
#include "tests/fuzz/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_all(mt_protocol_find("senml", 5), data, size);
    return 0;
}
