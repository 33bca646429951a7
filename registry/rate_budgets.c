#include "rate_budgets.h"

#include "retry.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>

struct host_budget {
    char *host;
    struct retry retry;
    struct host_budget *next;
};

struct rate_budgets {
    pthread_mutex_t lock;
    struct host_budget *hosts; /* under lock */
    const _Atomic bool *cancel;
};

struct rate_budgets *rate_budgets_new(const _Atomic bool *cancel)
{
    struct rate_budgets *b = mem_zalloc(1, sizeof *b);
    b->cancel = cancel;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void rate_budgets_free(struct rate_budgets *b)
{
    if (!b)
        return;
    for (struct host_budget *h = b->hosts, *next; h; h = next) {
        next = h->next;
        retry_release(&h->retry);
        free(h->host);
        free(h);
    }
    pthread_mutex_destroy(&b->lock);
    free(b);
}

struct retry *rate_budgets_for(struct rate_budgets *b, const char *host)
{
    pthread_mutex_lock(&b->lock);
    struct host_budget *h = b->hosts;
    while (h && !str_eq(h->host, host))
        h = h->next;
    if (!h) {
        h = mem_zalloc(1, sizeof *h);
        h->host = mem_strdup(host);
        retry_init(&h->retry, b->cancel);
        h->next = b->hosts;
        b->hosts = h;
    }
    pthread_mutex_unlock(&b->lock);
    return &h->retry;
}
