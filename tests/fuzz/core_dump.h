/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store's blocks as one input of a fuzz target, and back.
 *
 *  For each block: u16 bytes of entries, u8 count of entries, u8 minutes since the block before, then
 *  the entries. Number, format and checksum are made anew, so that every input gets past them.
 */
#ifndef TESTS_FUZZ_CORE_DUMP_H
#define TESTS_FUZZ_CORE_DUMP_H

#include <stddef.h>
#include <stdint.h>

#define CORE_DUMP_HEAD_BYTES 4u

/** The input, and how far it was read. */
struct core_dump {
    const uint8_t *data;
    size_t len;
    uint64_t number; /**< Of the block that was read last. */
    int64_t time_us; /**< Its time. */
};

/** Turn the next block of the input into a block of the store. Returns its length, 0 at the end. */
size_t core_dump_block(uint8_t *block, size_t max, struct core_dump *dump);

#endif
