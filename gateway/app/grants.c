/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/grants.h"

#include <stdio.h>

#include "gateway/app/keys.h"
#include "gateway/app/links.h"

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

struct walk {
    struct gw_sources *sources;
    uint64_t cursor;
    struct gw_source_grant grant;
};

static bool next_grant(void *arg, struct gw_broker_grant *grant)
{
    struct walk *walk = arg;
    if (!gw_sources_grant(&walk->grant, walk->sources, &walk->cursor)) {
        return false;
    }
    *grant = (struct gw_broker_grant){.user = walk->grant.user,
                                      .topic = walk->grant.topic,
                                      .is_command = walk->grant.is_command};
    return true;
}

enum gw_status gw_grants_write(struct gw_app *app, char why[GW_BROKER_WHY_BYTES], const char *user,
                               const char *password)
{
    const struct gw_config *config = &app->config;
    struct walk walk = {.sources = gw_links_sources(app->links)};
    const struct gw_broker_rights rights = {.gateway = config->mqtt_username,
                                            .user = user,
                                            .password = password,
                                            .arg = &walk,
                                            .next = next_grant};
    if (!config->mqtt_enabled || *config->mqtt_broker_dir == '\0') {
        return GW_OK;
    }
    (void)pthread_mutex_lock(&writing);
    enum gw_status status = gw_broker_grants(why, config->mqtt_broker_dir, &rights);
    if (status == GW_OK) {
        status = gw_broker_reload(why, config->mqtt_broker_dir);
    }
    (void)pthread_mutex_unlock(&writing);
    if (status == GW_BUSY) { /* the keys' thread tells it when it takes it */
        gw_keys_changed(app->keys);
        status = GW_OK;
    }
    return status == GW_END ? GW_OK : status; /* none runs: it reads them when it starts */
}
