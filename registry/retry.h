/* When to try again, and how long to wait before. One budget serves all requests to a host, so that
 * many uploads at once don't multiply the tries of a registry in trouble. Private. */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include <base/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
    RETRY_TRIES = 6,         /* of one request */
    RETRY_CONNECT_TRIES = 3, /* of one that reaches nobody */
    RETRY_BUDGET = 24,       /* tries after the first, of all requests; a success gives one back */
    RETRY_AFTER_CAP_MS = 300 * 1000,
};

/* Shared by all threads that speak to the host. */
struct retry {
    pthread_mutex_t lock;
    int budget;
    int64_t first_wait_ms;
    int64_t not_before; /* milliseconds of the monotonic clock: the host asked all for patience */
    const _Atomic bool *cancel;
};

/* cancel may be NULL: see struct transport_options. The first wait is $IMGBUILD_RETRY_MS, or 200
 * ms.
 */
void retry_init(struct retry *r, const _Atomic bool *cancel);
void retry_release(struct retry *r);

/* True for 408, 429, 500, 502, 503, 504 and 522. */
bool retry_status(long status);
/* Milliseconds that a Retry-After header asks for: seconds, an HTTP date (RFC 9110 section 10.2.3),
 * or a duration with units as GHCR sends ("10.3ms"). -1 where it is none of these; a date that is
 * past gives 0, one that is absurdly far RETRY_AFTER_CAP_MS + 1. */
int64_t retry_after_parse(const char *text, time_t now);
/* The same, where an error's text says "retry-after: 10.3ms, allowed: …"; -1 where it doesn't. */
int64_t retry_after_find(const char *text);

/* Before each request: wait while the host asked for patience. ERROR_INTERRUPTED. */
int retry_gate(struct retry *r, struct error *err);
/* After the tries-th try (1 for the first) failed: wait, and take from the budget. 1 then try
 * again, 0 give up (tries are limit, budget is spent, or after_ms is longer than anybody waits), -1
 * ERROR_INTERRUPTED. after_ms: what the host asked for, or -1. */
int retry_wait(struct retry *r, unsigned tries, unsigned limit, int64_t after_ms,
               struct error *err);
/* A request succeeded. */
void retry_succeeded(struct retry *r);
/* Wait this long, or until cancelled (then ERROR_INTERRUPTED). */
int retry_sleep(const struct retry *r, int64_t ms, struct error *err);
/* Milliseconds of the monotonic clock. */
int64_t retry_clock(void);

#endif
