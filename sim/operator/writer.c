/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Group commit. See writer.h. */
#include "sim/operator/writer.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>

/** Lives on the stack of the thread that waits for it. */
struct job {
    void (*run)(void *arg, struct sim_book *book, int64_t now_us);
    void *arg;
    enum gw_status status;
    sem_t finished;
    struct job *next;
};

struct sim_writer {
    struct sim_book *book;
    struct gw_clock *clock;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    struct job *first; /**< Guarded by lock, as all below. */
    struct job *last;
    bool stopping;
    uint64_t job_count;
    uint64_t commit_count;
};

/* What has gathered, at most a group; NULL when the writer is to stop. */
static struct job *take_group(struct sim_writer *writer)
{
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->first == NULL && !writer->stopping) {
        (void)pthread_cond_wait(&writer->arrived, &writer->lock);
    }
    struct job *group = writer->first;
    struct job *end = group;
    for (unsigned n = 1; end != NULL && end->next != NULL && n < SIM_WRITER_GROUP_MAX; n++) {
        end = end->next;
    }
    if (end != NULL) {
        writer->first = end->next;
        end->next = NULL;
    }
    if (writer->first == NULL) {
        writer->last = NULL;
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return group;
}

/* A clock that was set back between two runs must not date anything before what is written. */
static int64_t now_us_of(struct sim_writer *writer)
{
    int64_t now_us = gw_clock_now_us(writer->clock);
    int64_t last_us = sim_book_last_us(writer->book);
    return now_us > last_us ? now_us : last_us;
}

static enum gw_status write_group(struct sim_writer *writer, struct job *group)
{
    enum gw_status status = sim_book_begin(writer->book);
    if (status != GW_OK) {
        return status;
    }
    for (struct job *job = group; job != NULL; job = job->next) {
        job->run(job->arg, writer->book, now_us_of(writer));
    }
    return sim_book_commit(writer->book);
}

static void *work(void *arg)
{
    struct sim_writer *writer = arg;
    for (struct job *group = take_group(writer); group != NULL; group = take_group(writer)) {
        enum gw_status status = write_group(writer, group);
        uint64_t count = 0;
        while (group != NULL) {
            struct job *next = group->next; /* after the post the job is its owner's again */
            group->status = status;
            (void)sem_post(&group->finished);
            group = next;
            count++;
        }
        (void)pthread_mutex_lock(&writer->lock);
        writer->job_count += count;
        writer->commit_count++;
        (void)pthread_mutex_unlock(&writer->lock);
    }
    return NULL;
}

enum gw_status sim_writer_open(struct sim_writer **writer, struct sim_book *book,
                               struct gw_clock *clock)
{
    struct sim_writer *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return GW_FULL;
    }
    opened->book = book;
    opened->clock = clock;
    (void)pthread_mutex_init(&opened->lock, NULL);
    (void)pthread_cond_init(&opened->arrived, NULL);
    if (pthread_create(&opened->thread, NULL, work, opened) != 0) {
        (void)pthread_cond_destroy(&opened->arrived);
        (void)pthread_mutex_destroy(&opened->lock);
        free(opened);
        return GW_FULL;
    }
    *writer = opened;
    return GW_OK;
}

enum gw_status sim_writer_do(struct sim_writer *writer,
                             void (*run)(void *arg, struct sim_book *book, int64_t now_us),
                             void *arg)
{
    struct job job = {.run = run, .arg = arg, .status = GW_IO};
    (void)sem_init(&job.finished, 0, 0);
    (void)pthread_mutex_lock(&writer->lock);
    MT_CHECK(!writer->stopping);
    if (writer->last == NULL) {
        writer->first = &job;
    } else {
        writer->last->next = &job;
    }
    writer->last = &job;
    (void)pthread_cond_signal(&writer->arrived);
    (void)pthread_mutex_unlock(&writer->lock);
    while (sem_wait(&job.finished) != 0) {
        /* Interrupted by a signal: the job is still the writer's. */
    }
    (void)sem_destroy(&job.finished);
    return job.status;
}

void sim_writer_counts(struct sim_writer *writer, uint64_t *job_count, uint64_t *commit_count)
{
    (void)pthread_mutex_lock(&writer->lock);
    *job_count = writer->job_count;
    *commit_count = writer->commit_count;
    (void)pthread_mutex_unlock(&writer->lock);
}

void sim_writer_close(struct sim_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    (void)pthread_cond_signal(&writer->arrived);
    (void)pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    (void)pthread_cond_destroy(&writer->arrived);
    (void)pthread_mutex_destroy(&writer->lock);
    free(writer);
}
