/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Disks that fail, for tests: a layer under SQLite that fails the Nth call or cuts the power. */
#include "tests/support/fault_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meters/check.h"

#define SECTOR_BYTES 512u
#define FILES_MAX 64
#define PATH_BYTES 512

/* What is known of one name. */
struct image {
    char path[PATH_BYTES];
    uint8_t *durable; /* contents that a sync made durable */
    size_t durable_len;
    bool durable_name; /* the name itself is durable */
};

struct fault_file {
    sqlite3_file base;
    struct image *image; /* NULL: a temporary file without a name */
    sqlite3_file *real;  /* in the memory behind this struct */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static struct image images[FILES_MAX];
static sqlite3_vfs *real_vfs;
static sqlite3_vfs fault_vfs;
static enum fault_kind armed;
static bool armed_lasting, failed_once, dead;
static uint32_t armed_nth, calls;
static int last_error; /* the system's, of the call that was made to fail */

/* ---- counting --------------------------------------------------------------------------------- */

/* Count a call. Returns how it must fail. The caller holds the lock. */
static enum fault_kind count_call(void)
{
    if (dead) {
        return FAULT_CUT;
    }
    calls++;
    if (armed == FAULT_NONE || calls < armed_nth || (calls > armed_nth && !armed_lasting)) {
        return FAULT_NONE;
    }
    failed_once = true;
    dead = armed == FAULT_CUT;
    last_error = armed == FAULT_NO_ROOM ? ENOSPC : EIO;
    return armed;
}

/* The code of SQLite for a failed call; full_code is what the unix layer gives for ENOSPC there. */
static int fault_code(enum fault_kind kind, int io_code, int full_code)
{
    return kind == FAULT_NO_ROOM ? full_code : io_code;
}

void fault_vfs_arm(enum fault_kind kind, uint32_t nth, bool lasting)
{
    pthread_mutex_lock(&lock);
    armed = kind;
    armed_nth = nth;
    armed_lasting = lasting;
    failed_once = false;
    calls = 0;
    pthread_mutex_unlock(&lock);
}

bool fault_vfs_disarm(void)
{
    pthread_mutex_lock(&lock);
    MT_CHECK(!dead); /* after a cut, settle */
    bool failed = failed_once;
    armed = FAULT_NONE;
    last_error = 0;
    pthread_mutex_unlock(&lock);
    return failed;
}

uint32_t fault_vfs_calls(void)
{
    pthread_mutex_lock(&lock);
    uint32_t count = calls;
    pthread_mutex_unlock(&lock);
    return count;
}

/* ---- images ----------------------------------------------------------------------------------- */

static struct image *find_image(const char *path)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (strcmp(images[i].path, path) == 0) {
            return &images[i];
        }
    }
    return NULL;
}

/* The whole of a file. Returns NULL when there is none; else the caller frees. */
static uint8_t *read_whole(const char *path, size_t *len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return NULL;
    }
    MT_CHECK(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    MT_CHECK(size >= 0);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    MT_CHECK(bytes != NULL);
    MT_CHECK(fread(bytes, 1, (size_t)size, file) == (size_t)size);
    MT_CHECK(fclose(file) == 0);
    *len = (size_t)size;
    return bytes;
}

static void forget_image(struct image *image)
{
    free(image->durable);
    memset(image, 0, sizeof *image);
}

static struct image *note_open(const char *path, bool existed)
{
    struct image *image = find_image(path);
    if (image != NULL) {
        return image;
    }
    image = find_image("");
    MT_CHECK(image != NULL && strlen(path) < PATH_BYTES);
    memset(image, 0, sizeof *image);
    memcpy(image->path, path, strlen(path) + 1);
    if (existed) {
        image->durable_name = true;
        /* Not through a descriptor of our own while SQLite has the file open: closing that would
         * drop its locks. Here it is not open yet in this process, as no image of it was known. */
        image->durable = read_whole(path, &image->durable_len);
        MT_CHECK(image->durable != NULL);
    }
    return image;
}

/* The first sync of a new file syncs its directory too, as SQLite's unix layer does for a journal and
 * for a log: names that were deleted before are gone for good. All files here share a directory. */
static void note_directory_sync(void)
{
    for (int i = 0; i < FILES_MAX; i++) {
        if (images[i].path[0] != '\0' && access(images[i].path, F_OK) != 0) {
            forget_image(&images[i]);
        }
    }
}

/* What the file holds now is durable. */
static void note_sync(struct fault_file *file)
{
    sqlite3_int64 size = 0;
    struct image *image = file->image;
    if (image == NULL || file->real->pMethods->xFileSize(file->real, &size) != SQLITE_OK) {
        return;
    }
    uint8_t *bytes = malloc((size_t)size + 1);
    MT_CHECK(bytes != NULL);
    MT_CHECK(size == 0 ||
             file->real->pMethods->xRead(file->real, bytes, (int)size, 0) == SQLITE_OK);
    free(image->durable);
    image->durable = bytes;
    image->durable_len = (size_t)size;
    if (!image->durable_name) {
        note_directory_sync();
        image->durable_name = true;
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Any mixture of what was durable and what was written, sector by sector. Returns its length. */
static size_t mix(uint8_t *into, const struct image *image, const uint8_t *now, size_t now_len,
                  uint32_t *state)
{
    size_t longer = image->durable_len > now_len ? image->durable_len : now_len;
    size_t shorter = image->durable_len > now_len ? now_len : image->durable_len;
    size_t sectors = (longer - shorter + SECTOR_BYTES - 1) / SECTOR_BYTES;
    size_t len = shorter + SECTOR_BYTES * (next_random(state) % (sectors + 1));
    len = len > longer ? longer : len;
    for (size_t at = 0; at < len; at += SECTOR_BYTES) {
        bool newer = next_random(state) % 2 == 0;
        const uint8_t *from = newer ? now : image->durable;
        size_t from_len = newer ? now_len : image->durable_len;
        for (size_t i = at; i < len && i < at + SECTOR_BYTES; i++) {
            into[i] = i < from_len ? from[i] : 0;
        }
    }
    return len;
}

static void settle_image(struct image *image, uint32_t *state)
{
    size_t now_len = 0;
    uint8_t *now = read_whole(image->path, &now_len);
    bool name_certain = image->durable_name && now != NULL;
    if (!name_certain && next_random(state) % 2 == 0) {
        (void)unlink(image->path); /* it may not be there: that is the point */
        free(now);
        forget_image(image);
        return;
    }
    if (now == NULL && image->durable == NULL) {
        forget_image(image);
        return;
    }
    size_t room = image->durable_len > now_len ? image->durable_len : now_len;
    uint8_t *mixed = malloc(room + 1);
    MT_CHECK(mixed != NULL);
    size_t len = now == NULL ? image->durable_len : mix(mixed, image, now, now_len, state);
    if (now == NULL && len > 0) {
        memcpy(mixed, image->durable, len); /* deleted, but the deletion was lost */
    }
    FILE *file = fopen(image->path, "we");
    MT_CHECK(file != NULL);
    MT_CHECK(fwrite(mixed, 1, len, file) == len);
    MT_CHECK(fclose(file) == 0);
    free(now);
    free(mixed);
    forget_image(image);
}

void fault_vfs_settle(uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1u;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < FILES_MAX; i++) {
        if (images[i].path[0] != '\0') {
            settle_image(&images[i], &state);
        }
    }
    dead = false;
    armed = FAULT_NONE;
    last_error = 0;
    pthread_mutex_unlock(&lock);
}

void fault_vfs_forget(void)
{
    pthread_mutex_lock(&lock);
    for (int i = 0; i < FILES_MAX; i++) {
        forget_image(&images[i]);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- a file's calls that change the disk ------------------------------------------------------- */

static int file_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct fault_file *file = (struct fault_file *)base;
    pthread_mutex_lock(&lock);
    bool was_dead = dead;
    enum fault_kind kind = count_call();
    int code = SQLITE_OK;
    if (kind == FAULT_NONE) {
        code = file->real->pMethods->xWrite(file->real, bytes, len, at);
    } else {
        if (!was_dead) {
            /* Half of it reached the disk; what that call returns changes nothing. */
            (void)file->real->pMethods->xWrite(file->real, bytes, len / 2, at);
        }
        code = fault_code(kind, SQLITE_IOERR_WRITE, SQLITE_FULL);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct fault_file *file = (struct fault_file *)base;
    pthread_mutex_lock(&lock);
    enum fault_kind kind = count_call();
    int code = kind == FAULT_NONE ? file->real->pMethods->xTruncate(file->real, size)
                                  : fault_code(kind, SQLITE_IOERR_TRUNCATE, SQLITE_IOERR_TRUNCATE);
    pthread_mutex_unlock(&lock);
    return code;
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct fault_file *file = (struct fault_file *)base;
    (void)flags;
    pthread_mutex_lock(&lock);
    enum fault_kind kind = count_call();
    int code = SQLITE_OK;
    /* The real sync is left out: the files only have to outlive this process, and it takes its time. */
    if (kind == FAULT_NONE) {
        note_sync(file);
    } else {
        code = fault_code(kind, SQLITE_IOERR_FSYNC, SQLITE_IOERR_FSYNC);
    }
    pthread_mutex_unlock(&lock);
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    pthread_mutex_lock(&lock);
    enum fault_kind kind = count_call();
    int code = SQLITE_IOERR_DELETE;
    if (kind == FAULT_NONE) {
        code = real_vfs->xDelete(real_vfs, path, 0);
        struct image *image = find_image(path);
        if (code == SQLITE_OK && image != NULL && sync_directory != 0) {
            forget_image(image);
        }
    }
    pthread_mutex_unlock(&lock);
    return code;
}

/* ---- a file's other calls ---------------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *base)
{
    return ((struct fault_file *)base)->real;
}

static bool is_dead(void)
{
    pthread_mutex_lock(&lock);
    bool now = dead;
    pthread_mutex_unlock(&lock);
    return now;
}

static int file_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 at)
{
    return is_dead() ? SQLITE_IOERR_READ
                     : real_of(base)->pMethods->xRead(real_of(base), bytes, len, at);
}

static int file_close(sqlite3_file *base)
{
    return real_of(base)->pMethods->xClose(real_of(base));
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    return is_dead() ? SQLITE_IOERR_FSTAT : real_of(base)->pMethods->xFileSize(real_of(base), size);
}

static int file_lock(sqlite3_file *base, int level)
{
    return real_of(base)->pMethods->xLock(real_of(base), level);
}

static int file_unlock(sqlite3_file *base, int level)
{
    return real_of(base)->pMethods->xUnlock(real_of(base), level);
}

static int file_check_lock(sqlite3_file *base, int *held)
{
    return real_of(base)->pMethods->xCheckReservedLock(real_of(base), held);
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    pthread_mutex_lock(&lock);
    int error = last_error;
    pthread_mutex_unlock(&lock);
    if (op == SQLITE_FCNTL_LAST_ERRNO && error != 0) {
        *(int *)arg = error;
        return SQLITE_OK;
    }
    return real_of(base)->pMethods->xFileControl(real_of(base), op, arg);
}

static int file_sector_size(sqlite3_file *base)
{
    return real_of(base)->pMethods->xSectorSize(real_of(base));
}

static int file_characteristics(sqlite3_file *base)
{
    return real_of(base)->pMethods->xDeviceCharacteristics(real_of(base));
}

static int file_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out)
{
    return real_of(base)->pMethods->xShmMap(real_of(base), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *base, int offset, int n, int flags)
{
    return real_of(base)->pMethods->xShmLock(real_of(base), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *base)
{
    real_of(base)->pMethods->xShmBarrier(real_of(base));
}

static int file_shm_unmap(sqlite3_file *base, int remove_it)
{
    return real_of(base)->pMethods->xShmUnmap(real_of(base), remove_it);
}

/* Version 2: with shared memory, without mapped reads, so that every read is seen here. */
static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the layer --------------------------------------------------------------------------------- */

/* The caller holds the lock. */
static int open_file(struct fault_file *file, const char *path, int flags, int *flags_out)
{
    int there = 0;
    if (dead) {
        return SQLITE_CANTOPEN;
    }
    if (path != NULL) {
        (void)real_vfs->xAccess(real_vfs, path, SQLITE_ACCESS_EXISTS, &there);
        if (there == 0 && (flags & SQLITE_OPEN_CREATE) != 0 && count_call() != FAULT_NONE) {
            return SQLITE_CANTOPEN;
        }
        if (there != 0) {
            file->image = note_open(path, true);
        }
    }
    int code = real_vfs->xOpen(real_vfs, path, file->real, flags, flags_out);
    if (code == SQLITE_OK && path != NULL && there == 0) {
        file->image = note_open(path, false);
    }
    return code;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                    int *flags_out)
{
    struct fault_file *file = (struct fault_file *)base;
    (void)vfs;
    memset(file, 0, (size_t)fault_vfs.szOsFile);
    file->real = (sqlite3_file *)(file + 1);
    pthread_mutex_lock(&lock);
    int code = open_file(file, path, flags, flags_out);
    pthread_mutex_unlock(&lock);
    if (code == SQLITE_OK) {
        file->base.pMethods = &methods;
    } else if (file->real->pMethods != NULL) {
        (void)file->real->pMethods->xClose(file->real); /* it never opened */
    }
    return code;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *text)
{
    (void)vfs;
    pthread_mutex_lock(&lock);
    int error = last_error;
    pthread_mutex_unlock(&lock);
    return error != 0 ? error : real_vfs->xGetLastError(real_vfs, len, text);
}

void fault_vfs_install(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    MT_CHECK(real_vfs != NULL && real_vfs != &fault_vfs);
    fault_vfs = *real_vfs; /* what is not replaced below ignores its first argument */
    fault_vfs.pNext = NULL;
    fault_vfs.zName = "meterpay-fault";
    fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    fault_vfs.xOpen = vfs_open;
    fault_vfs.xDelete = vfs_delete;
    fault_vfs.xGetLastError = vfs_last_error;
    MT_CHECK(sqlite3_vfs_register(&fault_vfs, 1) == SQLITE_OK);
}
