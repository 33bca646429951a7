#include "pool.h"

#include "mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { QUEUE_PER_THREAD = 4, THREADS_MAX = 256 };

struct job {
    struct pool_group *group;
    int (*run)(void *context, struct error *err);
    void *context;
};

/* Everything below is guarded by the lock. The queue is a ring. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t *threads;
    size_t size, started, idle;
    struct job *queue;
    size_t first, queued, room;
    bool stopping;
};

struct pool_group {
    struct pool *pool;
    pthread_cond_t done;
    size_t pending; /* queued or running */
    bool failed;
    struct error error;
};

static size_t processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set))
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (size_t)n : 1;
}

struct pool *pool_new(size_t threads)
{
    struct pool *pool = mem_zalloc(1, sizeof *pool);
    pool->size = threads ? threads : processors();
    if (pool->size > THREADS_MAX)
        pool->size = THREADS_MAX;
    pool->room = pool->size * QUEUE_PER_THREAD;
    pool->threads = mem_zalloc(pool->size, sizeof *pool->threads);
    pool->queue = mem_zalloc(pool->room, sizeof *pool->queue);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    return pool;
}

size_t pool_size(const struct pool *pool)
{
    return pool->size;
}

/* Run a job of whom `pending` already counts; called and returns with the lock held. */
static void run_job(struct pool *pool, const struct job *job)
{
    struct pool_group *group = job->group;
    autoerror err = ERROR_INIT;
    if (!group->failed) {
        pthread_mutex_unlock(&pool->lock);
        int failed = job->run(job->context, &err);
        pthread_mutex_lock(&pool->lock);
        /* A job that gave up because another failed may be heard first: the cause counts. */
        if (failed && (!group->failed || group->error.kind == ERROR_INTERRUPTED)) {
            group->failed = true;
            error_move(&group->error, &err);
        }
    }
    if (--group->pending == 0)
        pthread_cond_broadcast(&group->done);
}

static struct job *at(struct pool *pool, size_t i)
{
    return &pool->queue[(pool->first + i) % pool->room];
}

/* Take the i-th job out of the queue; the order of the others stays. */
static struct job take_job(struct pool *pool, size_t i)
{
    struct job job = *at(pool, i);
    for (; i; i--)
        *at(pool, i) = *at(pool, i - 1);
    pool->first = (pool->first + 1) % pool->room;
    pool->queued--;
    return job;
}

static void *work(void *context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if (pool->queued) {
            struct job job = take_job(pool, 0);
            run_job(pool, &job);
        } else if (pool->stopping) {
            break;
        } else {
            pool->idle++;
            pthread_cond_wait(&pool->work, &pool->lock);
            pool->idle--;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are for the main thread: workers are born with all of them blocked. */
static void start_thread(struct pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!pthread_create(&pool->threads[pool->started], NULL, work, pool))
        pool->started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct pool_group *pool_group_new(struct pool *pool)
{
    struct pool_group *group = mem_zalloc(1, sizeof *group);
    group->pool = pool;
    pthread_cond_init(&group->done, NULL);
    return group;
}

void pool_run(struct pool_group *group, int (*job)(void *context, struct error *err), void *context)
{
    struct pool *pool = group->pool;
    struct job mine = {group, job, context};
    pthread_mutex_lock(&pool->lock);
    group->pending++;
    if (pool->idle <= pool->queued && pool->started < pool->size)
        start_thread(pool);
    if (pool->started && pool->queued < pool->room) {
        *at(pool, pool->queued++) = mine;
        pthread_cond_signal(&pool->work);
        pthread_cond_broadcast(&group->done); /* whoever waits for the group may run it */
    } else {                                  /* full, or the host gives us no thread at all */
        run_job(pool, &mine);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* The first queued job of a group, or the queue's length. */
static size_t find_job(struct pool *pool, const struct pool_group *group)
{
    size_t i = 0;
    while (i < pool->queued && at(pool, i)->group != group)
        i++;
    return i;
}

/* Only jobs of the group itself are run here: another group's might take long, or wait for us. */
static void drain(struct pool_group *group)
{
    struct pool *pool = group->pool;
    while (group->pending) {
        size_t i = find_job(pool, group);
        if (i < pool->queued) {
            struct job job = take_job(pool, i);
            run_job(pool, &job);
        } else {
            pthread_cond_wait(&group->done, &pool->lock);
        }
    }
}

int pool_wait(struct pool_group *group, struct error *err)
{
    struct pool *pool = group->pool;
    pthread_mutex_lock(&pool->lock);
    drain(group);
    bool failed = group->failed;
    if (failed)
        error_move(err, &group->error);
    group->failed = false;
    pthread_mutex_unlock(&pool->lock);
    return failed ? -1 : 0;
}

void pool_group_free(struct pool_group *group)
{
    if (!group)
        return;
    autoerror err = ERROR_INIT;
    if (pool_wait(group, &err))
        error_ignore(&err, "the group is given up");
    pthread_cond_destroy(&group->done);
    free(group);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool->queue);
    free(pool);
}
