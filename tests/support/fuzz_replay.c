/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A main() for a fuzz target outside the fuzz build.
 *
 *  Runs the target on every file of the folders given, then on mutations of each: every prefix,
 *  every byte replaced by a few telling values, and pseudo-random edits from a fixed seed. The
 *  input is copied to the end of a heap block of its exact size, so that the address sanitizer
 *  sees a read past it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX 65536u
#define RANDOM_EDITS 2000u
#define EDITED_BYTES_MAX 4096u /* beyond this the exhaustive edits of one file would take minutes */

static unsigned long run_count;

static void run_one(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, len);
    (void)LLVMFuzzerTestOneInput(exact, len); /* its result is libFuzzer's, always 0 */
    free(exact);
    run_count++;
}

/* xorshift64*: small, and the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717ull;
}

static void run_random_edits(uint8_t *bytes, size_t len)
{
    uint64_t state = 0x9e3779b97f4a7c15ull ^ len;
    for (unsigned i = 0; i < RANDOM_EDITS && len > 0; i++) {
        uint8_t edited[EDITED_BYTES_MAX];
        memcpy(edited, bytes, len);
        unsigned edits = 1 + (unsigned)(next_random(&state) % 4);
        for (unsigned e = 0; e < edits; e++) {
            edited[next_random(&state) % len] = (uint8_t)next_random(&state);
        }
        run_one(edited,
                len - (size_t)(next_random(&state) % 3 == 0 ? next_random(&state) % len : 0));
    }
}

static void run_mutations(uint8_t *bytes, size_t len)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x16, 0x7f, 0x80, 0xff};
    if (len > EDITED_BYTES_MAX) {
        return;
    }
    for (size_t n = 0; n < len; n++) {
        run_one(bytes, n);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t kept = bytes[i];
        for (size_t t = 0; t < sizeof(telling); t++) {
            bytes[i] = telling[t];
            run_one(bytes, len);
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] = (uint8_t)(kept ^ (1u << bit));
            run_one(bytes, len);
        }
        bytes[i] = kept;
    }
    run_random_edits(bytes, len);
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    run_one(bytes, len);
    run_mutations(bytes, len);
    return 0;
}

/* Returns the number of files, or -1 when one cannot be read. */
static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return -1;
    }
    int files = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof(path) || run_file(path) != 0) {
            closedir(dir);
            return -1;
        }
        files++;
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;
    run_one((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        int n = run_folder(argv[i]);
        if (n < 0) {
            return 1;
        }
        files += n;
    }
    printf("%d seeds, %lu inputs\n", files, run_count);
    /* Without seeds the target was not exercised. */
    return files > 0 ? 0 : 1;
}
