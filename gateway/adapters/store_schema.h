/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables of the SQLite store and the way from each older version of them to the newest.
 *
 *  PRAGMA user_version holds the version, PRAGMA application_id says that the file is ours. A step
 *  from one version to the next runs in a transaction of its own, so a power cut leaves either
 *  version whole. Never: a step backwards, or a guess at a version that this program does not know.
 */
#ifndef GATEWAY_ADAPTERS_STORE_SCHEMA_H
#define GATEWAY_ADAPTERS_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stddef.h>

#include "gateway/core/status.h"
#include "meters/check.h"

/** "mtpy": the first four letters of a store's PRAGMA application_id. */
#define GW_STORE_APPLICATION_ID 0x6d747079

/** The version that this program writes. */
#define GW_STORE_SCHEMA_VERSION 3

/** Bring an open database to the newest version; an empty one becomes a new store.
 *
 *  Returns: GW_OK; GW_INVALID (newer than this program knows, or not a store at all); GW_FULL, GW_IO,
 *           GW_CORRUPT (the step that failed was rolled back).
 *  Out: why, on failure: a sentence, cut to why_max bytes with its NUL.
 */
MT_MUST_USE enum gw_status gw_store_schema_migrate(char *why, size_t why_max, sqlite3 *db);

/** Check that a database which will only be read has the newest version.
 *
 *  Returns: GW_OK; GW_INVALID (another version, or not a store); GW_IO, GW_CORRUPT.
 *  Out: why, on failure.
 */
MT_MUST_USE enum gw_status gw_store_schema_check(char *why, size_t why_max, sqlite3 *db);

/** What a failed SQLite call means to the gateway. Full is told from broken also where SQLite reports
 *  an IO error, by the system's error number. Directly after the call, before a rollback.
 *
 *  Returns: GW_FULL, GW_CORRUPT or GW_IO; never GW_OK.
 */
enum gw_status gw_store_schema_status(sqlite3 *db);

/** The same in words, with the system's reason if there is one. Out: reason, cut to reason_max. */
void gw_store_schema_reason(char *reason, size_t reason_max, sqlite3 *db);

#endif
