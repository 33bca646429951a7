/* How often may be tried again, one budget per registry for all that speak to it, so that many
 * transfers at once don't multiply the requests to one in trouble, and all keep to the pause that
 * it asked one of them for. Used from several threads. */
#ifndef REGISTRY_RATE_BUDGETS_H
#define REGISTRY_RATE_BUDGETS_H

#include <stdbool.h>

struct rate_budgets;
struct retry;

/* cancel may be NULL: see struct transport_options. */
struct rate_budgets *rate_budgets_new(const _Atomic bool *cancel) __attribute__((returns_nonnull));
void rate_budgets_free(
    struct rate_budgets *b); /* after all that was opened with it; NULL is fine */
/* The budget of a host ("ghcr.io"), kept until they are freed. For this folder's own use. */
struct retry *rate_budgets_for(struct rate_budgets *b, const char *host)
    __attribute__((returns_nonnull));

#endif
