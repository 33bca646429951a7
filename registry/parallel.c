#include "parallel.h"

#include <base/interrupt.h>
#include <base/mem.h>
#include <base/pool.h>

enum { JOBS_DEFAULT = 4 };

struct piece {
    int (*job)(void *context, size_t i, struct error *err);
    void *context;
    size_t i;
};

static int run_piece(void *context, struct error *err)
{
    struct piece *p = context;
    return interrupt_check(err) || p->job(p->context, p->i, err) ? -1 : 0;
}

int parallel_run(size_t n, unsigned jobs, int (*job)(void *context, size_t i, struct error *err),
                 void *context, struct error *err)
{
    if (!jobs)
        jobs = JOBS_DEFAULT;
    autofree struct piece *pieces = mem_zalloc(n ? n : 1, sizeof *pieces);
    for (size_t i = 0; i < n; i++)
        pieces[i] = (struct piece){job, context, i};
    if (n < 2 || jobs < 2) {
        for (size_t i = 0; i < n; i++)
            if (run_piece(&pieces[i], err))
                return -1;
        return 0;
    }
    /* The one who waits works too. */
    struct pool *pool = pool_new((n < jobs ? n : jobs) - 1);
    struct pool_group *group = pool_group_new(pool);
    for (size_t i = 0; i < n; i++)
        pool_run(group, run_piece, &pieces[i]);
    int failed = pool_wait(group, err);
    pool_group_free(group);
    pool_free(pool);
    return failed;
}
