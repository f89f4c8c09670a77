/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Where the files that come with the programs are: tariffs, registers, mappings. */
#ifndef GATEWAY_ADAPTERS_SHIPPED_H
#define GATEWAY_ADAPTERS_SHIPPED_H

#include <stdbool.h>

#include "meters/check.h"

#define GW_SHIPPED_PATH_MAX 1024u

/** The folder of a kind ("mappings"): of the source tree that holds this program, of the prefix that it
 *  was installed to, or the system's. Returns false when there is none.
 */
MT_MUST_USE bool gw_shipped_folder(char path[GW_SHIPPED_PATH_MAX], const char *kind);

#endif
