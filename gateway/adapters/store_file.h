/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The store's files as the system sees them: directory, modes, and the lock of the one writer.
 *
 *  Never: opens the database file while SQLite has it open in this process, since closing it again
 *  would drop SQLite's own locks.
 */
#ifndef GATEWAY_ADAPTERS_STORE_FILE_H
#define GATEWAY_ADAPTERS_STORE_FILE_H

#include <stddef.h>

#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_STORE_PATH_MAX 1024u /**< Bytes of a store's path without its NUL. */

/** Take the lock file path.lock (mode 0600) for this process; making the directory first, mode 0700,
 *  if its parent is there. The lock ends with the process, however it ends; the file stays.
 *
 *  Returns: GW_OK; GW_BUSY (another holds it: why names its process); GW_INVALID (path too long);
 *           GW_FULL, GW_IO.
 *  Out: *fd, on GW_OK, to be closed by the caller. why, on failure: a sentence without the path.
 */
MT_MUST_USE enum gw_status gw_store_file_lock(int *fd, const char *path, char *why, size_t why_max);

/** Create the file empty with mode 0600 and make its name durable; if it is there, take all rights
 *  from group and others. Before SQLite opens it.
 *
 *  Returns: GW_OK; GW_FULL, GW_IO.
 *  Out: why, on failure.
 */
MT_MUST_USE enum gw_status gw_store_file_create(const char *path, char *why, size_t why_max);

/** Make a finished file durable under its final name: sync it, rename it, sync the directory.
 *
 *  Returns: GW_OK; GW_INVALID (to is there already); GW_FULL, GW_IO.
 *  Out: why, on failure.
 */
MT_MUST_USE enum gw_status gw_store_file_publish(const char *from, const char *to, char *why,
                                                 size_t why_max);

#endif
