/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The store's files as the system sees them: directory, modes, and the lock of the one writer. */
#define _GNU_SOURCE /* renameat2 */
#include "gateway/adapters/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_MODE 0700
#define FILE_MODE 0600

/* Writes why and tells a full disk from any other failure; errno is the call's that failed. */
static enum gw_status failed(char *why, size_t why_max, const char *doing)
{
    int error = errno;
    snprintf(why, why_max, "cannot %s: %s", doing, strerror(error));
    return error == ENOSPC || error == EDQUOT ? GW_FULL : GW_IO;
}

/* The part of a path before its last slash. */
static void directory_of(char directory[GW_STORE_PATH_MAX + 1], const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        memcpy(directory, ".", 2);
    } else if (slash == path) {
        memcpy(directory, "/", 2);
    } else {
        size_t len = (size_t)(slash - path);
        MT_CHECK(len <= GW_STORE_PATH_MAX);
        memcpy(directory, path, len);
        directory[len] = '\0';
    }
}

/* A new name is durable only when its directory is. */
static bool sync_directory_of(const char *path)
{
    char directory[GW_STORE_PATH_MAX + 1];
    directory_of(directory, path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = fsync(fd) == 0;
    int error = errno;
    (void)close(fd); /* nothing was written through it */
    errno = error;
    return good;
}

static void name_holder(char *why, size_t why_max, int fd)
{
    char text[16] = "", path[64], name[64] = "another program";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    long process = got > 0 ? strtol(text, NULL, 10) : 0;
    if (process <= 0) {
        snprintf(why, why_max, "another process has it open for writing");
        return;
    }
    snprintf(path, sizeof path, "/proc/%ld/comm", process);
    FILE *comm = fopen(path, "re");
    if (comm != NULL) {
        if (fgets(name, sizeof name, comm) != NULL) {
            name[strcspn(name, "\n")] = '\0';
        }
        (void)fclose(comm); /* only read */
    }
    snprintf(why, why_max, "%s (process %ld) has it open for writing; stop it first", name,
             process);
}

enum gw_status gw_store_file_lock(int *fd, const char *path, char *why, size_t why_max)
{
    char name[GW_STORE_PATH_MAX + 8], directory[GW_STORE_PATH_MAX + 1], text[24];
    if (strlen(path) > GW_STORE_PATH_MAX - 8) {
        snprintf(why, why_max, "the path is longer than %u bytes", GW_STORE_PATH_MAX - 8);
        return GW_INVALID;
    }
    directory_of(directory, path);
    if (mkdir(directory, DIRECTORY_MODE) == 0) {
        if (!sync_directory_of(directory)) {
            return failed(why, why_max, "make the directory durable");
        }
    } else if (errno != EEXIST) {
        return failed(why, why_max, "make the directory");
    }
    snprintf(name, sizeof name, "%s.lock", path);
    int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (lock < 0) {
        return failed(why, why_max, "open the lock file beside it");
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum gw_status status = GW_BUSY;
        if (errno == EWOULDBLOCK) {
            name_holder(why, why_max, lock);
        } else {
            status = failed(why, why_max, "lock the lock file beside it");
        }
        (void)close(lock); /* nothing was written */
        return status;
    }
    /* The number is for people only: a lock without it, on a full disk, is a lock all the same. */
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)len, 0) != len) {
        text[0] = '\0';
    }
    *fd = lock;
    return GW_OK;
}

enum gw_status gw_store_file_create(const char *path, char *why, size_t why_max)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0 && errno == EEXIST) {
        struct stat found;
        if (stat(path, &found) != 0 || !S_ISREG(found.st_mode)) {
            snprintf(why, why_max, "it is not a regular file");
            return GW_IO;
        }
        if ((found.st_mode & 077) != 0 && chmod(path, FILE_MODE) != 0) {
            return failed(why, why_max, "take the rights of group and others from it");
        }
        return GW_OK;
    }
    if (fd < 0) {
        return failed(why, why_max, "create it");
    }
    if (fsync(fd) != 0 || !sync_directory_of(path)) {
        enum gw_status status = failed(why, why_max, "make it durable");
        (void)close(fd);    /* the status tells already */
        (void)unlink(path); /* empty: the next attempt takes it as it is */
        return status;
    }
    (void)close(fd); /* empty and synced */
    return GW_OK;
}

enum gw_status gw_store_file_publish(const char *from, const char *to, char *why, size_t why_max)
{
    int fd = open(from, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return failed(why, why_max, "open what was written");
    }
    if (fsync(fd) != 0) {
        enum gw_status status = failed(why, why_max, "make it durable");
        (void)close(fd); /* the status tells already */
        return status;
    }
    (void)close(fd); /* synced */
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        if (errno == EEXIST) {
            snprintf(why, why_max, "there is something of that name already");
            return GW_INVALID;
        }
        return failed(why, why_max, "give it its name");
    }
    if (!sync_directory_of(to)) {
        return failed(why, why_max, "make its name durable");
    }
    return GW_OK;
}
