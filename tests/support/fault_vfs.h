/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Disks that fail, for tests: a layer under SQLite that fails the Nth call or cuts the power.
 *
 *  Calls that change the disk are counted: write, sync, truncate, delete, and open that creates.
 *  Files are real; beside each the layer keeps what a sync has made durable, so that after a cut
 *  fault_vfs_settle() can leave any mixture that a disk may leave: each 512-byte sector that was
 *  written and not synced is there or not, and so is each name.
 *
 *  Thread-safe. Files are small in tests: every sync copies the whole file.
 */
#ifndef TESTS_SUPPORT_FAULT_VFS_H
#define TESTS_SUPPORT_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_IO,      /**< The call does half of its work, and reports an IO error. */
    FAULT_NO_ROOM, /**< The same, and reports that the disk is full (ENOSPC). */
    FAULT_CUT,     /**< Half of its work; then nothing works any more, reading included. */
};

/** Put the layer over SQLite's default, for every database opened from now on. Once. */
void fault_vfs_install(void);

/** Count from 0 again, and let the nth call (from 1) fail. lasting: all calls after it fail as well. */
void fault_vfs_arm(enum fault_kind kind, uint32_t nth, bool lasting);

/** No call fails any more. Returns true when one has failed since arming. */
bool fault_vfs_disarm(void);

/** Calls counted since arming. */
uint32_t fault_vfs_calls(void);

/** After a cut, with every database closed: give the files the contents that they may have when power
 *  comes back, chosen by seed, and take that for durable. Disarms. */
void fault_vfs_settle(uint32_t seed);

/** Forget all files; they may be removed. */
void fault_vfs_forget(void);

#endif
