/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/lines: the meters that are polled. The core is not asked. */
#include "gateway/app/api_handlers.h"
#include "gateway/app/api_tools.h"
#include "gateway/app/links.h"

void gw_api_lines(void *arg, const struct gw_http_request *request, struct gw_http_reply *reply)
{
    struct gw_app *app = arg;
    if (!gw_api_queries_known(request, reply, "")) {
        return;
    }
    reply->json = json_object();
    gw_api_put(reply->json, "meters", gw_links_polled(app->links));
}
