/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Real and shared simulated time. See clock.h. */
#include "gateway/adapters/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meters/check.h"

#define CLOCK_END_US 253402300800000000ll /* 10000-01-01 UTC */
#define CLOCK_FILE_BYTES_MAX 4096u
#define CLOCK_HEADER "meterpay-clock 1"

static int64_t real_now_us(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    MT_CHECK(rc == 0); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Counts on through suspension; nobody sets it. */
static int64_t steady_now_us(void)
{
    struct timespec now;
    int rc = clock_gettime(CLOCK_BOOTTIME, &now);
    MT_CHECK(rc == 0); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The machine's time, unless it stepped. */
static int64_t believed_now_us(struct gw_clock *clock)
{
    int64_t steady_us = steady_now_us();
    int64_t offset_us = real_now_us() - steady_us;
    int64_t believed_us = atomic_load(&clock->steady_us);
    int64_t step_us = offset_us - believed_us;
    if (step_us > GW_CLOCK_STEP_MAX_US || step_us < -GW_CLOCK_STEP_MAX_US) {
        atomic_store(&clock->step_us, step_us);
        return steady_us + believed_us;
    }
    atomic_store(&clock->steady_us, offset_us);
    atomic_store(&clock->step_us, 0);
    return steady_us + offset_us;
}

static void set_error(char *error, const char *path, const char *what)
{
    if (error != NULL) {
        (void)snprintf(error, GW_CLOCK_ERROR_BYTES, "clock file %.200s: %.250s", path, what);
    }
}

/* "name value", a decimal integer of its range; false when the line is anything else. */
static bool line_number(int64_t *value, const char *line, const char *name, int64_t max)
{
    size_t name_len = strlen(name);
    if (strncmp(line, name, name_len) != 0 || line[name_len] != ' ') {
        return false;
    }
    const char *digits = line + name_len + 1;
    if (*digits < '0' || *digits > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long parsed = strtoll(digits, &end, 10);
    if (errno != 0 || *end != '\0' || parsed > max) {
        return false;
    }
    *value = parsed;
    return true;
}

/* The four lines in their order; returns NULL, or what is wrong. */
static const char *parse(struct gw_clock *clock, char *text)
{
    static const char *const names[] = {"origin_real_us", "origin_sim_us", "speed"};
    static const int64_t maxima[] = {CLOCK_END_US, CLOCK_END_US, GW_CLOCK_SPEED_MAX};
    int64_t values[3] = {0};
    char *rest = NULL;
    const char *line = strtok_r(text, "\n", &rest);
    if (line == NULL || strcmp(line, CLOCK_HEADER) != 0) {
        return "its first line is not \"" CLOCK_HEADER "\"";
    }
    for (size_t i = 0; i < 3; i++) {
        line = strtok_r(NULL, "\n", &rest);
        if (line == NULL || !line_number(&values[i], line, names[i], maxima[i])) {
            return "expected the lines origin_real_us N, origin_sim_us N and speed N "
                   "(1 to 100000) in this order";
        }
    }
    if (values[2] < 1) {
        return "speed must be at least 1";
    }
    clock->origin_real_us = values[0];
    clock->origin_sim_us = values[1];
    clock->speed = (int32_t)values[2];
    return NULL;
}

static enum gw_status read_file(struct gw_clock *clock, char *error, const char *path)
{
    char text[CLOCK_FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        set_error(error, path, strerror(errno));
        return GW_IO;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file); /* only read from */
    if (failed) {
        set_error(error, path, "cannot be read");
        return GW_IO;
    }
    text[len] = '\0';
    const char *wrong = strlen(text) != len ? "it holds a NUL byte" : parse(clock, text);
    if (wrong != NULL) {
        set_error(error, path, wrong);
        return GW_INVALID;
    }
    return GW_OK;
}

enum gw_status gw_clock_open(struct gw_clock *clock, char error[GW_CLOCK_ERROR_BYTES],
                             const char *path)
{
    MT_CHECK(clock != NULL);
    struct gw_clock opened = {.speed = 1};
    if (path != NULL) {
        enum gw_status status = read_file(&opened, error, path);
        if (status != GW_OK) {
            return status;
        }
    }
    clock->origin_real_us = opened.origin_real_us;
    clock->origin_sim_us = opened.origin_sim_us;
    clock->speed = opened.speed;
    atomic_init(&clock->last_us, 0);
    gw_clock_accept(clock);
    return GW_OK;
}

void gw_clock_accept(struct gw_clock *clock)
{
    atomic_store(&clock->steady_us, real_now_us() - steady_now_us());
    atomic_store(&clock->step_us, 0);
}

int64_t gw_clock_step_us(struct gw_clock *clock)
{
    return atomic_load(&clock->step_us);
}

int64_t gw_clock_look_us(struct gw_clock *clock)
{
    return gw_clock_at_us(clock, believed_now_us(clock));
}

int64_t gw_clock_at_us(const struct gw_clock *clock, int64_t real_us)
{
    MT_CHECK(clock->speed >= 1 && clock->speed <= GW_CLOCK_SPEED_MAX);
    __int128 at = (__int128)real_us - clock->origin_real_us;
    at = at * clock->speed + clock->origin_sim_us;
    if (at < 0) {
        return 0;
    }
    return at > CLOCK_END_US ? CLOCK_END_US : (int64_t)at;
}

int64_t gw_clock_now_us(struct gw_clock *clock)
{
    int64_t now_us = gw_clock_look_us(clock);
    int64_t last_us = atomic_load(&clock->last_us);
    while (last_us < now_us) {
        /* On failure last_us becomes what another thread has told meanwhile. */
        if (atomic_compare_exchange_weak(&clock->last_us, &last_us, now_us)) {
            return now_us;
        }
    }
    return last_us;
}

int64_t gw_clock_real_span_us(const struct gw_clock *clock, int64_t span_us)
{
    MT_CHECK(clock->speed >= 1);
    if (span_us <= 0) {
        return 0;
    }
    return (span_us - 1) / clock->speed + 1;
}

/* Write, flush and name the file in one step for whoever looks. */
static bool write_whole(const char *temporary, const char *path, const char *text)
{
    size_t len = strlen(text);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return false;
    }
    bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    if (close(fd) != 0 || !written || rename(temporary, path) != 0) {
        (void)unlink(temporary); /* nobody knows its name */
        return false;
    }
    return true;
}

enum gw_status gw_clock_write(const char *path, int64_t start_us, int32_t speed)
{
    MT_CHECK(path != NULL);
    char temporary[4096];
    char text[256];
    if (speed < 1 || speed > GW_CLOCK_SPEED_MAX || start_us < 0 || start_us > CLOCK_END_US) {
        return GW_INVALID;
    }
    int len = snprintf(temporary, sizeof temporary, "%s.new-%ld", path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof temporary) {
        return GW_IO;
    }
    (void)snprintf(text, sizeof text,
                   CLOCK_HEADER "\norigin_real_us %" PRId64 "\norigin_sim_us %" PRId64
                                "\nspeed %" PRId32 "\n",
                   real_now_us(), start_us, speed);
    return write_whole(temporary, path, text) ? GW_OK : GW_IO;
}
