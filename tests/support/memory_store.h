/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store of blocks in memory, for tests of the core: applies all of a write or nothing, and fails
 *  when it is told to. */
#ifndef TESTS_SUPPORT_MEMORY_STORE_H
#define TESTS_SUPPORT_MEMORY_STORE_H

#include "gateway/core/ports.h"

struct memory_store;

struct memory_store *memory_store_open(void);
void memory_store_close(struct memory_store *store);
struct gw_store_port memory_store_port(struct memory_store *store);
/** Let the nth append from now on fail with this status (1: the next); 0: none. */
void memory_store_fail(struct memory_store *store, unsigned nth, enum gw_status status);
/** Appends tried since the last memory_store_fail. */
unsigned memory_store_calls(const struct memory_store *store);
/** Bytes of all blocks. */
size_t memory_store_bytes(const struct memory_store *store);
/** Forget all saved chunks, so that a load reads every block. */
void memory_store_drop_chunks(struct memory_store *store);

/** Flip a bit of a saved chunk; both numbers are taken modulo what there is. */
void memory_store_rot_chunk(struct memory_store *store, size_t chunk, size_t bit);

#endif
