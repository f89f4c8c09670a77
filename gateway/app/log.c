/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/app/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 64u
#define LINE_BYTES 1024u

static _Atomic int level_max = GW_LOG_INFO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    const char *event; /* string literals: compared as text, kept as they are */
    struct gw_log_limit limit;
} events[EVENTS_MAX];

void gw_log_set_level(enum gw_log_level level)
{
    atomic_store(&level_max, (int)level);
}

bool gw_log_allow(struct gw_log_limit *limit, uint64_t *left_out, int64_t now_us)
{
    if (limit->told == 0 || now_us - limit->window_us >= GW_LOG_WINDOW_US) {
        limit->window_us = now_us;
        limit->told = 0;
    }
    if (limit->told >= GW_LOG_BURST) {
        limit->left_out++;
        return false;
    }
    limit->told++;
    *left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}

/* The event's limit; all events beyond the table share its last place. */
static struct gw_log_limit *limit_of(const char *event)
{
    uint32_t i = 0;
    while (i < EVENTS_MAX - 1 && events[i].event != NULL && strcmp(events[i].event, event) != 0) {
        i++;
    }
    events[i].event = event;
    return &events[i].limit;
}

static size_t append(char *line, size_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t append(char *line, size_t used, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line + used, LINE_BYTES - used, format, list);
    va_end(list);
    size_t end = n > 0 ? used + (size_t)n : used;
    return end < LINE_BYTES ? end : LINE_BYTES - 1;
}

void gw_log(enum gw_log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if ((int)level > atomic_load(&level_max)) {
        return;
    }
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    (void)gmtime_r(&now.tv_sec, &utc);
    int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    uint64_t left_out = 0;
    (void)pthread_mutex_lock(&lock);
    bool allowed = gw_log_allow(limit_of(event), &left_out, now_us);
    (void)pthread_mutex_unlock(&lock);
    if (!allowed) {
        return;
    }
    char line[LINE_BYTES];
    size_t used = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
    used = append(line, used, ".%03ldZ %s %s ", now.tv_nsec / 1000000, names[level], event);
    size_t text = used;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line + used, sizeof(line) - used - 40, format, list);
    va_end(list);
    used += n > 0 ? strlen(line + used) : 0;
    for (size_t i = text; i < used; i++) {
        line[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? '?' : line[i];
    }
    if (left_out > 0) {
        used = append(line, used, " left_out=%" PRIu64, left_out);
    }
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0) {
        return; /* stderr is gone: there is nobody to tell */
    }
}
