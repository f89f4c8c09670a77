/* SPDX-License-Identifier: GPL-3.0-or-later */
/** How the world can fail, for all of the gateway. Business refusals are verdicts, not statuses. */
#ifndef GATEWAY_CORE_STATUS_H
#define GATEWAY_CORE_STATUS_H

enum gw_status {
    GW_OK = 0,
    GW_END = 1,      /**< Nothing further: the end of a walk, an absent row. */
    GW_FULL = -1,    /**< A limit of limits.h or the disk is reached; nothing was changed. */
    GW_IO = -2,      /**< The store or the network failed; nothing was changed. */
    GW_CORRUPT = -3, /**< Stored bytes contradict themselves. */
    GW_INVALID = -4, /**< Configuration or request that cannot be obeyed. */
    GW_BUSY = -5,    /**< Try again later. */
};

#endif
