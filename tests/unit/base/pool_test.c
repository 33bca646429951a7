/* base/pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

static int count(void *context, struct error *err)
{
    (void)err;
    atomic_fetch_add((_Atomic int *)context, 1);
    return 0;
}

static void every_job_runs_once_however_many(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++) {
        _Atomic int runs = 0;
        struct pool *pool = pool_new(threads);
        struct pool_group *group = pool_group_new(pool);
        for (int round = 1; round <= 3; round++) {
            for (int i = 0; i < 1000; i++)
                pool_run(group, count, &runs);
            assert_int_equal(pool_wait(group, NULL), 0);
            assert_int_equal(runs, round * 1000);
        }
        pool_group_free(group);
        pool_free(pool);
    }
}

static void a_pool_without_work_starts_and_ends(void **state)
{
    (void)state;
    struct pool *pool = pool_new(0);
    assert_true(pool_size(pool) >= 1);
    struct pool_group *group = pool_group_new(pool);
    assert_int_equal(pool_wait(group, NULL), 0);
    pool_group_free(group);
    pool_free(pool);
    pool_group_free(NULL);
    pool_free(NULL);
}

static int fail_once(void *context, struct error *err)
{
    atomic_fetch_add((_Atomic int *)context, 1);
    return error_set(err, ERROR_STEP, "the job failed");
}

static void the_first_error_wins_and_the_rest_is_skipped(void **state)
{
    (void)state;
    _Atomic int failures = 0, runs = 0;
    struct pool *pool = pool_new(1);
    struct pool_group *group = pool_group_new(pool), *other = pool_group_new(pool);
    pool_run(group, fail_once, &failures);
    for (int i = 0; i < 100; i++) {
        pool_run(group, fail_once, &failures);
        pool_run(other, count, &runs);
    }
    autoerror err = ERROR_INIT;
    assert_int_equal(pool_wait(group, &err), -1);
    assert_string_equal(err.message, "the job failed");
    assert_int_equal(err.kind, ERROR_STEP);
    assert_in_range(failures, 1, 2); /* the worker's and, beside it, the caller's */
    assert_int_equal(pool_wait(other, NULL), 0);
    assert_int_equal(runs, 100);
    pool_run(group, count, &runs); /* the group can be used again */
    assert_int_equal(pool_wait(group, NULL), 0);
    assert_int_equal(runs, 101);
    pool_group_free(group);
    pool_group_free(other);
    pool_free(pool);
}

struct nest {
    struct pool *pool;
    int depth;
    _Atomic int *runs;
};

static int nested(void *context, struct error *err)
{
    struct nest *n = context;
    atomic_fetch_add(n->runs, 1);
    if (!n->depth)
        return 0;
    struct nest below = {n->pool, n->depth - 1, n->runs};
    struct pool_group *group = pool_group_new(n->pool);
    for (int i = 0; i < 4; i++)
        pool_run(group, nested, &below);
    int failed = pool_wait(group, err);
    pool_group_free(group);
    return failed;
}

static void jobs_that_wait_for_jobs_do_not_lock_up(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        _Atomic int runs = 0;
        struct pool *pool = pool_new(threads);
        struct nest top = {pool, 4, &runs};
        struct pool_group *group = pool_group_new(pool);
        for (int i = 0; i < 4; i++)
            pool_run(group, nested, &top);
        assert_int_equal(pool_wait(group, NULL), 0);
        assert_int_equal(runs, 4 + 16 + 64 + 256 + 1024);
        pool_group_free(group);
        pool_free(pool);
    }
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t open;
    bool opened;
    _Atomic int waiting;
};

static int wait_at_gate(void *context, struct error *err)
{
    struct gate *g = context;
    (void)err;
    atomic_fetch_add(&g->waiting, 1);
    pthread_mutex_lock(&g->lock);
    while (!g->opened)
        pthread_cond_wait(&g->open, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

static int open_gate(void *context, struct error *err)
{
    struct gate *g = context;
    (void)err;
    pthread_mutex_lock(&g->lock);
    g->opened = true;
    pthread_cond_broadcast(&g->open);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

/* With one worker at the gate and the queue full, only the caller itself can go on. */
static void a_full_queue_makes_the_caller_work(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    _Atomic int runs = 0;
    struct pool *pool = pool_new(1);
    struct pool_group *group = pool_group_new(pool);
    pool_run(group, wait_at_gate, &gate);
    for (int i = 0; i < 100; i++)
        pool_run(group, count, &runs);
    assert_true(runs >= 90);
    open_gate(&gate, NULL);
    assert_int_equal(pool_wait(group, NULL), 0);
    assert_int_equal(runs, 100);
    pool_group_free(group);
    pool_free(pool);
}

static int signals_blocked(void *context, struct error *err)
{
    (void)err;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    atomic_store((_Atomic int *)context, sigismember(&set, SIGINT) && sigismember(&set, SIGTERM));
    return 0;
}

static void workers_leave_signals_to_the_main_thread(void **state)
{
    (void)state;
    /* The main thread is kept from running the job by not waiting before it is done. */
    _Atomic int blocked = -1;
    struct pool *pool = pool_new(1);
    struct pool_group *group = pool_group_new(pool);
    pool_run(group, signals_blocked, &blocked);
    while (blocked < 0)
        ;
    assert_int_equal(blocked, 1);
    pool_group_free(group);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once_however_many),
        cmocka_unit_test(a_pool_without_work_starts_and_ends),
        cmocka_unit_test(the_first_error_wins_and_the_rest_is_skipped),
        cmocka_unit_test(jobs_that_wait_for_jobs_do_not_lock_up),
        cmocka_unit_test(a_full_queue_makes_the_caller_work),
        cmocka_unit_test(workers_leave_signals_to_the_main_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
