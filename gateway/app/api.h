/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The daemon's HTTP API: docs/openapi.yaml is its description, and a test keeps the two in step. */
#ifndef GATEWAY_APP_API_H
#define GATEWAY_APP_API_H

#include "gateway/adapters/http.h"

/** All routes. The handlers' arg is a struct gw_app. */
extern const struct gw_http_route gw_api_routes[];
extern const uint32_t gw_api_route_count;

#endif
