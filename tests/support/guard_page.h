/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Bytes placed so that the first one read beyond them ends the program.
 *
 *  Sanitizers see heap and stack; this also works in a release build, and in code that a sanitizer
 *  did not compile.
 */
#ifndef TESTS_SUPPORT_GUARD_PAGE_H
#define TESTS_SUPPORT_GUARD_PAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_PAGES 16u /**< Room for the bytes. */

/** Memory with an unmapped page on either side. */
struct guard_page {
    uint8_t *first; /**< Start of the room. */
    size_t room_bytes;
};

/** Map the room, once a program. Ends the program when the system refuses. */
static inline struct guard_page *guard_page(void)
{
    static struct guard_page g;
    if (g.first == NULL) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        size_t all = (GUARD_PAGES + 2) * page;
        uint8_t *memory = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED ||
            mprotect(memory + page, GUARD_PAGES * page, PROT_READ | PROT_WRITE) != 0) {
            abort();
        }
        g.first = memory + page;
        g.room_bytes = GUARD_PAGES * page;
    }
    return &g;
}

/** A copy that ends where the unmapped page begins. Valid until the next call. */
static inline uint8_t *guard_end(const void *bytes, size_t len)
{
    struct guard_page *g = guard_page();
    if (len > g->room_bytes) {
        abort();
    }
    uint8_t *at = g->first + g->room_bytes - len;
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return at;
}

/** A copy that starts right behind an unmapped page. Valid until the next call. */
static inline uint8_t *guard_start(const void *bytes, size_t len)
{
    struct guard_page *g = guard_page();
    if (len > g->room_bytes) {
        abort();
    }
    if (len > 0) {
        memcpy(g->first, bytes, len);
    }
    return g->first;
}

#endif
