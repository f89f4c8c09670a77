/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A store in a folder of its own for each test, and blocks that can be foretold. */
#ifndef TESTS_SUPPORT_STORE_PLACE_H
#define TESTS_SUPPORT_STORE_PLACE_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/adapters/store_sqlite.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/unit.h"

#define WHY_BYTES 512

static char directory[64]; /* of the running test */
static char path[128];     /* directory/store.db */
static char why[WHY_BYTES];

/* ---- a place of its own for each test ---------------------------------------------------------- */

static inline void start(void)
{
    static bool installed;
    if (!installed) {
        fault_vfs_install();
        installed = true;
    }
    memcpy(directory, "/tmp/meterpay-store-XXXXXX", sizeof "/tmp/meterpay-store-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/store.db", directory);
    why[0] = '\0';
}

static inline void remove_files(void)
{
    DIR *entries = opendir(directory);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entries);
    for (struct dirent *e = readdir(entries); e != NULL; e = readdir(entries)) {
        char name[sizeof directory + sizeof e->d_name];
        if (e->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", directory, e->d_name);
            CU_ASSERT_EQUAL(unlink(name), 0);
        }
    }
    closedir(entries);
    fault_vfs_forget();
}

static inline void finish(void)
{
    remove_files();
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static inline struct gw_store_sqlite *open_as(enum gw_store_mode mode)
{
    struct gw_store_sqlite *store = NULL;
    enum gw_status status = gw_store_sqlite_open(&store, path, mode, why, sizeof why);
    if (status != GW_OK) {
        printf("    open: %s\n", why);
    }
    CU_ASSERT_EQUAL_FATAL(status, GW_OK);
    return store;
}

static inline struct gw_store_sqlite *open_writer(void)
{
    return open_as(GW_STORE_READWRITE);
}

/* Opening must be refused so, with a sentence that contains the words. */
static inline void refuses(enum gw_store_mode mode, enum gw_status expected, const char *words)
{
    struct gw_store_sqlite *store = NULL;
    why[0] = '\0';
    CU_ASSERT_EQUAL(gw_store_sqlite_open(&store, path, mode, why, sizeof why), expected);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_EQUAL(strncmp(why, path, strlen(path)), 0);
    if (strstr(why, words) == NULL) {
        printf("    said: %s\n", why);
        CU_FAIL("the sentence does not say it");
    }
}

/* ---- blocks that can be foretold --------------------------------------------------------------- */

enum { BYTES_MAX = 40000, CHUNK_KIND = 3, CHUNK_INDEX = 5, CHUNK_BYTES = 5000 };

static inline size_t length_of(uint64_t number)
{
    return (size_t)(number * 977 % 9000);
}

static inline void fill(uint8_t *bytes, size_t len, uint64_t number)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(number * 131 + i * 7 + (i >> 8));
    }
}

static inline bool filled_as(const uint8_t *bytes, size_t len, uint64_t number)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != (uint8_t)(number * 131 + i * 7 + (i >> 8))) {
            return false;
        }
    }
    return true;
}

/* Block `number` with one chunk and, every third time, a document. */
static inline enum gw_status append(struct gw_store_sqlite *store, uint64_t number)
{
    static uint8_t bytes[BYTES_MAX], chunk_bytes[CHUNK_BYTES];
    char text[64];
    struct gw_store_port port = gw_store_sqlite_port(store);
    fill(bytes, length_of(number), number);
    fill(chunk_bytes, sizeof chunk_bytes, number);
    struct gw_chunk chunk = {.kind = CHUNK_KIND,
                             .index = CHUNK_INDEX,
                             .block = number,
                             .crc = UINT32_MAX - (uint32_t)number,
                             .bytes = chunk_bytes,
                             .len = sizeof chunk_bytes};
    struct gw_block_write write = {.number = number,
                                   .time_us = (int64_t)number * 1000000,
                                   .bytes = bytes,
                                   .len = length_of(number),
                                   .chunks = &chunk,
                                   .chunk_count = 1};
    if (number % 3 == 0) {
        write.document_name = "guangdong-power-tou";
        write.document_len = (size_t)snprintf(text, sizeof text, "version: %d\n", (int)number);
        write.document_text = text;
    }
    return port.append(port.self, &write);
}

static inline void append_all(struct gw_store_sqlite *store, uint64_t from, uint64_t to)
{
    for (uint64_t number = from; number <= to; number++) {
        CU_ASSERT_EQUAL_FATAL(append(store, number), GW_OK);
    }
}

struct seen {
    uint64_t count, last_block, documents, document_block;
    bool good;
};

static inline enum gw_status see_block(void *arg, uint64_t number, const uint8_t *bytes, size_t len)
{
    struct seen *seen = arg;
    seen->count++;
    seen->good = seen->good && number == seen->last_block + 1 && len == length_of(number) &&
                 filled_as(bytes, len, number);
    seen->last_block = number;
    return GW_OK;
}

static inline enum gw_status see_chunk(void *arg, const struct gw_chunk *chunk)
{
    struct seen *seen = arg;
    seen->count++;
    seen->last_block = chunk->block;
    seen->good = chunk->kind == CHUNK_KIND && chunk->index == CHUNK_INDEX &&
                 chunk->crc == UINT32_MAX - (uint32_t)chunk->block && chunk->len == CHUNK_BYTES &&
                 filled_as(chunk->bytes, chunk->len, chunk->block);
    return GW_OK;
}

static inline enum gw_status see_document(void *arg, uint64_t block, const char *name,
                                          const char *text, size_t text_len)
{
    struct seen *seen = arg;
    char expected[64];
    int len = snprintf(expected, sizeof expected, "version: %d\n", (int)block);
    seen->documents++;
    seen->document_block = block;
    seen->good = strcmp(name, "guangdong-power-tou") == 0 && text_len == (size_t)len &&
                 memcmp(text, expected, text_len) == 0;
    return GW_OK;
}

/* The store holds blocks 1 to last, the chunk of the last and the newest document, and no more. */
static inline bool holds(struct gw_store_sqlite *store, uint64_t last)
{
    struct gw_store_port port = gw_store_sqlite_port(store);
    struct seen blocks = {.good = true}, chunks = {.good = last == 0},
                documents = {.good = last < 3};
    uint64_t number = 77;
    bool read = port.last_number(port.self, &number) == GW_OK &&
                port.block_walk(port.self, 0, &blocks, see_block) == GW_OK &&
                port.chunk_walk(port.self, &chunks, see_chunk) == GW_OK &&
                gw_store_sqlite_documents(store, &documents, see_document) == GW_OK;
    return read && number == last && blocks.good && blocks.count == last && chunks.good &&
           chunks.count == (last > 0) && chunks.last_block == last && documents.good &&
           documents.document_block == last / 3 * 3;
}

static inline uint64_t last_of(struct gw_store_sqlite *store)
{
    struct gw_store_port port = gw_store_sqlite_port(store);
    uint64_t number = 0;
    CU_ASSERT_EQUAL_FATAL(port.last_number(port.self, &number), GW_OK);
    return number;
}

#endif
