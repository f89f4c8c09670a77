/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Waits of so long, by the clock that nobody sets: a machine's clock that is set back must not stretch
 *  them.
 */
#ifndef GATEWAY_APP_STEADY_H
#define GATEWAY_APP_STEADY_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/** Make a condition for gw_steady_after. */
static inline void gw_steady_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t steady;
    (void)pthread_condattr_init(&steady); /* these cannot fail for this clock */
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &steady);
    (void)pthread_condattr_destroy(&steady);
}

/** So many milliseconds from now, for pthread_cond_timedwait on such a condition. */
static inline struct timespec gw_steady_after(int64_t ms)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

#endif
