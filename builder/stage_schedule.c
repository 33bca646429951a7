#include "stage_schedule.h"

#include <base/mem.h>
#include <base/pool.h>

#include <pthread.h>
#include <stdlib.h>

struct schedule;

struct item {
    struct schedule *schedule;
    const struct stage *stage;
    size_t waiting; /* for so many of the stages that it needs */
};

struct schedule {
    const struct stages *stages;
    int (*build)(void *context, const struct stage *stage, struct error *err);
    void (*stop)(void *context);
    void *context;
    struct pool_group *group;
    pthread_mutex_t lock; /* of what the items wait for */
    struct item *items;   /* one per stage of the file */
};

static int build_one(void *argument, struct error *err);

/* A stage is there: begin those that waited for it alone. */
static void release_waiting(struct schedule *s, size_t done)
{
    for (size_t i = 0; i < s->stages->order_count; i++) {
        struct item *item = &s->items[s->stages->order[i]];
        bool ready = false;
        pthread_mutex_lock(&s->lock);
        for (size_t n = 0; n < item->stage->need_count; n++)
            if (item->stage->needs[n] == done)
                ready = --item->waiting == 0;
        pthread_mutex_unlock(&s->lock);
        if (ready)
            pool_run(s->group, build_one, item);
    }
}

static int build_one(void *argument, struct error *err)
{
    struct item *item = argument;
    struct schedule *s = item->schedule;
    if (s->build(s->context, item->stage, err)) {
        s->stop(s->context);
        return -1;
    }
    release_waiting(s, item->stage->index);
    return 0;
}

static int run_side_by_side(struct schedule *s, size_t threads, struct error *err)
{
    struct pool *pool = pool_new(threads);
    s->group = pool_group_new(pool);
    s->items = mem_zalloc(s->stages->count, sizeof *s->items);
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < s->stages->count; i++)
        s->items[i] = (struct item){s, &s->stages->items[i], s->stages->items[i].need_count};
    /* The counts change as soon as the first stage runs, so what is ready is found before. */
    autofree struct item **ready = mem_zalloc(s->stages->order_count, sizeof(struct item *));
    size_t count = 0;
    for (size_t i = 0; i < s->stages->order_count; i++)
        if (!s->items[s->stages->order[i]].waiting)
            ready[count++] = &s->items[s->stages->order[i]];
    for (size_t i = 0; i < count; i++)
        pool_run(s->group, build_one, ready[i]);
    int result = pool_wait(s->group, err);
    pool_group_free(s->group);
    pool_free(pool);
    pthread_mutex_destroy(&s->lock);
    free(s->items);
    return result;
}

int stage_schedule_run(const struct stages *stages, size_t threads,
                       int (*build)(void *context, const struct stage *stage, struct error *err),
                       void (*stop)(void *context), void *context, struct error *err)
{
    struct schedule s = {.stages = stages, .build = build, .stop = stop, .context = context};
    if (threads > 1 && stages->order_count > 1)
        return run_side_by_side(&s, threads < stages->order_count ? threads : stages->order_count,
                                err);
    for (size_t i = 0; i < stages->order_count; i++)
        if (build(context, &stages->items[stages->order[i]], err))
            return -1;
    return 0;
}
