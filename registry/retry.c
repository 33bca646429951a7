#include "retry.h"

#include <base/mem.h>
#include <base/str.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_WAIT_MS = 200, WAIT_CAP_MS = 10 * 1000, NAP_MS = 50 };

void retry_init(struct retry *r, const _Atomic bool *cancel)
{
    const char *given = getenv("IMGBUILD_RETRY_MS");
    long long first = given ? str_number(given, WAIT_CAP_MS) : -1;
    *r = (struct retry){.budget = RETRY_BUDGET,
                        .first_wait_ms = first > 0 ? first : FIRST_WAIT_MS,
                        .cancel = cancel};
    pthread_mutex_init(&r->lock, NULL);
}

void retry_release(struct retry *r)
{
    pthread_mutex_destroy(&r->lock);
}

bool retry_status(long status)
{
    static const long statuses[] = {408, 429, 500, 502, 503, 504, 522};
    for (size_t i = 0; i < COUNT_OF(statuses); i++)
        if (statuses[i] == status)
            return true;
    return false;
}

int64_t retry_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int64_t capped(double ms)
{
    return ms > RETRY_AFTER_CAP_MS ? RETRY_AFTER_CAP_MS + 1 : (int64_t)(ms + .999);
}

/* Digits with an optional fraction; *end stays at text where there are none. No sign, exponent or
 * locale, as strtod would take. */
static double number(const char *text, const char **end)
{
    double value = 0, place = 1;
    const char *c = text;
    while (isdigit((unsigned char)*c))
        value = value * 10 + (*c++ - '0');
    if (c > text && *c == '.' && isdigit((unsigned char)c[1]))
        for (c++; isdigit((unsigned char)*c); c++)
            value += (*c - '0') * (place /= 10);
    *end = c;
    return value;
}

/* Units of Go's durations, in milliseconds; "ms" before "m". */
static double unit(const char **at)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1},    {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3},
                 {"ns", 1e-6}, {"s", 1000},  {"m", 60e3},         {"h", 3600e3}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_starts(*at, units[i].name)) {
            *at += strlen(units[i].name);
            return units[i].ms;
        }
    return 0;
}

/* A blank, a comma or the end. */
static bool ends(const char *text)
{
    return !*text || strchr(" \t,;\"", *text);
}

/* "10", "10.3ms", "1m30s"; -1 where it is none of these. */
static int64_t duration(const char *text)
{
    double total = 0;
    const char *c = text;
    do {
        const char *end;
        double value = number(c, &end);
        if (end == c)
            return -1;
        if (c == text && ends(end)) /* seconds */
            return capped(value * 1000);
        c = end;
        double scale = unit(&c);
        if (scale <= 0)
            return -1;
        total += value * scale;
    } while (!ends(c));
    return capped(total);
}

int64_t retry_after_parse(const char *text, time_t now)
{
    text += strspn(text, " \t");
    if (isdigit((unsigned char)*text))
        return duration(text);
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end)
        return -1;
    time_t then = timegm(&tm);
    return then <= now ? 0 : capped((double)(then - now) * 1000);
}

int64_t retry_after_find(const char *text)
{
    const char *at = strcasestr(text, "retry-after:");
    if (!at)
        return -1;
    at += strlen("retry-after:");
    return duration(at + strspn(at, " \t"));
}

static int interrupted(struct error *err)
{
    return error_set(err, ERROR_INTERRUPTED, "interrupted");
}

int retry_sleep(const struct retry *r, int64_t ms, struct error *err)
{
    for (int64_t end = retry_clock() + ms, now; (now = retry_clock()) < end;) {
        if (r->cancel && *r->cancel)
            return interrupted(err);
        int64_t nap = end - now < NAP_MS ? end - now : NAP_MS;
        nanosleep(&(struct timespec){.tv_nsec = nap * 1000000}, NULL);
    }
    return r->cancel && *r->cancel ? interrupted(err) : 0;
}

int retry_gate(struct retry *r, struct error *err)
{
    pthread_mutex_lock(&r->lock);
    int64_t wait = r->not_before - retry_clock();
    pthread_mutex_unlock(&r->lock);
    return retry_sleep(r, wait > 0 ? wait : 0, err);
}

/* Between a half and the whole of an exponential wait, so that many clients don't come back at
 * once. */
static int64_t backoff(const struct retry *r, unsigned tries)
{
    int64_t wait = r->first_wait_ms;
    for (unsigned i = 1; i < tries && wait < WAIT_CAP_MS; i++)
        wait *= 2;
    if (wait > WAIT_CAP_MS)
        wait = WAIT_CAP_MS;
    uint32_t dice = 0;
    if (getrandom(&dice, sizeof dice, GRND_NONBLOCK) < 0)
        dice = 0;
    return wait / 2 + dice % (uint32_t)(wait / 2 + 1);
}

int retry_wait(struct retry *r, unsigned tries, unsigned limit, int64_t after_ms, struct error *err)
{
    if (tries >= limit || after_ms > RETRY_AFTER_CAP_MS)
        return 0;
    int64_t wait = backoff(r, tries);
    if (after_ms > wait)
        wait = after_ms;
    pthread_mutex_lock(&r->lock);
    bool allowed = r->budget > 0;
    if (allowed)
        r->budget--;
    int64_t until = retry_clock() + after_ms;
    if (allowed && after_ms > 0 && until > r->not_before)
        r->not_before = until;
    pthread_mutex_unlock(&r->lock);
    if (!allowed)
        return 0;
    return retry_sleep(r, wait, err) ? -1 : 1;
}

void retry_succeeded(struct retry *r)
{
    pthread_mutex_lock(&r->lock);
    if (r->budget < RETRY_BUDGET)
        r->budget++;
    pthread_mutex_unlock(&r->lock);
}
