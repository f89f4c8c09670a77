/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unpredictable bytes; see noise.h. */
#include "firmware/port/cortex-m/noise.h"

#include "firmware/port/cortex-m/core.h"
#include "firmware/port/cortex-m/semihost.h"

/* wolfSSL asks for these by name; firmware/link/user_settings.h declares them. */
int fw_port_seed(unsigned char *out, unsigned int len);
unsigned int fw_port_tick_s(void);

static int source = -1;

enum fw_status fw_noise(void *bytes, size_t len)
{
    if (source < 0) {
        source = fw_semihost_open("/dev/urandom", false);
    }
    return source >= 0 && fw_semihost_read(source, bytes, len) ? FW_OK : FW_IO;
}

int fw_port_seed(unsigned char *out, unsigned int len)
{
    return fw_noise(out, len) == FW_OK ? 0 : -1;
}

unsigned int fw_port_tick_s(void)
{
    return (unsigned int)(fw_core_time_us() / 1000000u);
}
