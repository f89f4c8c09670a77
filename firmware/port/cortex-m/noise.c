/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unpredictable bytes; see noise.h. */
#include "firmware/port/cortex-m/noise.h"

#include "firmware/port/cortex-m/semihost.h"

static int source = -1;

enum fw_status fw_noise(void *bytes, size_t len)
{
    if (source < 0) {
        source = fw_semihost_open("/dev/urandom", false);
    }
    return source >= 0 && fw_semihost_read(source, bytes, len) ? FW_OK : FW_IO;
}
