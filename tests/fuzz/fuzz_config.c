/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a configuration: refused with a line and a sentence, or every number is within its bounds and
 * every text ends. */
#include <string.h>

#include "gateway/adapters/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gw_config config;
    static struct gw_core_config core;
    char why[GW_CONFIG_WHY_BYTES] = "";
    enum gw_status status =
        gw_config_parse(&config, why, "/srv/gw", "fuzz", (const char *)data, size);
    if (status != GW_OK) {
        MT_CHECK(status == GW_INVALID && strncmp(why, "fuzz:", 5) == 0);
        MT_CHECK(memchr(why, '\0', sizeof(why)) != NULL);
        return 0;
    }
    MT_CHECK(config.meters_max >= 1 && config.meters_max <= GW_METERS_MAX);
    MT_CHECK(config.order_min_fen >= 1);
    MT_CHECK(config.coap_port >= 1 && config.coap_port <= 65535);
    MT_CHECK(strlen(config.gateway_id) >= 1 && strlen(config.gateway_id) <= 12);
    MT_CHECK(strlen(config.http_socket) <= 107);
    gw_config_core(&core, &config);
    MT_CHECK(core.limits.meters_max == config.meters_max);
    return 0;
}
