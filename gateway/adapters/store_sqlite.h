/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The core's store on SQLite: one block is one row and one transaction, durable when append returns.
 *
 *  The writer is one thread of one process: a lock file beside the database refuses a second one.
 *  Any number of threads read through handles of their own, beside the writer, in this process or
 *  another. A handle is used by one thread at a time. Reads take a snapshot for each row, never for a
 *  whole walk, so a slow reader does not keep the log from being begun anew.
 *
 *  Format, bounds and what was measured: docs/store.md. Never: checking a block's contents (the core
 *  knows its checksum), retrying, or logging.
 */
#ifndef GATEWAY_ADAPTERS_STORE_SQLITE_H
#define GATEWAY_ADAPTERS_STORE_SQLITE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/adapters/store_wal.h"
#include "gateway/core/ports.h"
#include "gateway/core/status.h"
#include "meters/check.h"

/** The longest block, chunk or document; SQLite refuses to allocate for more. */
#define GW_STORE_BLOB_BYTES_MAX ((size_t)16 << 20)

struct gw_store_sqlite;

enum gw_store_mode {
    GW_STORE_READWRITE, /**< The daemon's own: creates, migrates, appends. One at a time. */
    GW_STORE_READONLY,  /**< For queries; the store must exist and have this program's version. */
};

/** Open a store.
 *
 *  With GW_STORE_READWRITE a missing file is created (mode 0600, its directory 0700, one level), an
 *  older version is brought up to date, and a thread for checkpoints starts.
 *
 *  Returns: GW_OK
 *           GW_BUSY     another process has it open for writing; why names it
 *           GW_INVALID  not a meterpay store, or of a newer version
 *           GW_FULL     no room on the disk
 *           GW_CORRUPT  the file is damaged
 *           GW_IO       it is missing (GW_STORE_READONLY), or the system refused: permissions, disk
 *  Out: *store, on GW_OK, to be given to gw_store_sqlite_close. why, on failure: a sentence for the
 *       operator that begins with the path, cut to why_max bytes with its NUL.
 *  In: path is borrowed for the call.
 */
MT_MUST_USE enum gw_status gw_store_sqlite_open(struct gw_store_sqlite **store, const char *path,
                                                enum gw_store_mode mode, char *why, size_t why_max);

/** Close a handle and free it. The last one to close copies the log into the database file and
 *  removes it; what is left if that fails is read at the next open. */
void gw_store_sqlite_close(struct gw_store_sqlite *store);

/** The port for the core, or for a reader's history and bills. Valid while the store is open.
 *
 *  last_number: also GW_CORRUPT. append: writer's handle only. GW_FULL also when the log is at its bound (store_wal.h). After GW_FULL
 *      or GW_IO the transaction was rolled back and the handle is usable (docs/store.md says
 *      what a start may find after a sync that failed). Numbers must follow each other.
 *  block_walk, chunk_walk: GW_OK when the visitor saw the last row, else what stopped it. The visitor
 *      must not walk the same handle again; bytes are borrowed for its call.
 *  The store's bytes are never judged: GW_CORRUPT means that SQLite could not read its own pages.
 */
struct gw_store_port gw_store_sqlite_port(struct gw_store_sqlite *store);

/** Visit every document, in the order of the blocks that brought them.
 *
 *  Returns: GW_OK after the last, what the visitor returned other than GW_OK, GW_IO or GW_CORRUPT.
 *  In: visit is given name (NUL-terminated) and text_len bytes of text, borrowed for its call, and the
 *      block that wrote it.
 */
MT_MUST_USE enum gw_status gw_store_sqlite_documents(
    struct gw_store_sqlite *store, void *arg,
    enum gw_status (*visit)(void *arg, uint64_t block, const char *name, const char *text,
                            size_t text_len));

/** Write a whole copy of the store, as of now, to a new file of mode 0600; durable on GW_OK.
 *
 *  For a handle of GW_STORE_READONLY on a thread of its own: the writer goes on meanwhile, but its log
 *  cannot be begun anew before the copy is done, and may reach its bound.
 *
 *  Returns: GW_OK; GW_INVALID (something is at path already); GW_FULL, GW_IO, GW_CORRUPT: nothing is
 *           left at path.
 *  Out: why, on failure: a sentence.
 *  In: path is borrowed for the call; path.part is used while it is written.
 */
MT_MUST_USE enum gw_status gw_store_sqlite_backup(struct gw_store_sqlite *store, const char *path,
                                                  char *why, size_t why_max);

/** Figures for status pages and alarms. */
struct gw_store_health {
    struct gw_wal_health wal;
    uint64_t blocks;          /**< Number of the last block. */
    uint64_t appends_failed;  /**< Since the store was opened. */
    char append_failure[160]; /**< Why the last failed append failed; "" if none has. */
    uint64_t database_bytes;  /**< Size of the database file, the log not counted. */
};

/** Read them. The writer's handle only, from the writer's thread. */
void gw_store_sqlite_health(struct gw_store_health *health, struct gw_store_sqlite *store);

/** Set the log's limits (store_wal.h) in place of the defaults. The writer's handle only.
 *
 *  In: 1 <= start_bytes <= bytes_max; wait_us_max: how long an append waits at the bound.
 */
void gw_store_sqlite_limit_wal(struct gw_store_sqlite *store, uint64_t start_bytes,
                               uint64_t bytes_max, uint64_t wait_us_max);

#endif
