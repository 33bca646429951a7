#include "pep440.h"

#include <base/mem.h>
#include <base/str.h>

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { RELEASE_MAX = 32 };

/* A version in its parts; what is absent sorts as PEP 440 has it. */
struct version {
    long epoch, release[RELEASE_MAX];
    size_t count;
    int pre_kind; /* 0: a, 1: b, 2: rc; LONG_MAX-like 3: none; -1: none, but a dev release */
    long pre, post, dev;
    char local[64];
    bool valid;
};

static long take_number(const char **p)
{
    long n = 0;
    for (; isdigit((unsigned char)**p); ++*p)
        n = n > 100000000 ? n : n * 10 + (**p - '0');
    return n;
}

static void skip_separator(const char **p)
{
    if (**p && strchr(".-_", **p))
        ++*p;
}

/* Take one of the words, which a separator may stand before. */
static int take_word(const char **p, const char *const *words, size_t n)
{
    const char *q = *p;
    skip_separator(&q);
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(q, words[i], length) != 0 || isalpha((unsigned char)q[length]))
            continue;
        q += length;
        skip_separator(&q);
        *p = q;
        return (int)i;
    }
    return -1;
}

static void parse_release(const char **p, struct version *v)
{
    const char *start = *p;
    long first = take_number(p);
    if (**p == '!') {
        v->epoch = first;
        ++*p;
    } else {
        *p = start;
    }
    while (isdigit((unsigned char)**p) && v->count < RELEASE_MAX) {
        v->release[v->count++] = take_number(p);
        if (**p != '.' || !isdigit((unsigned char)(*p)[1]))
            break;
        ++*p;
    }
    v->valid = v->count > 0;
}

static struct version parse(const char *text)
{
    static const char *const pre[] = {"alpha", "beta", "preview", "pre", "rc", "a", "b", "c"};
    static const int kinds[] = {0, 1, 2, 2, 2, 0, 1, 2};
    static const char *const post[] = {"post", "rev", "r"}, *const dev[] = {"dev"};
    struct version v = {.pre_kind = 3, .post = -1, .dev = LONG_MAX};
    autofree char *lower = str_lower(mem_strdup(text));
    const char *p = str_trim(lower);
    p += *p == 'v';
    parse_release(&p, &v);
    int word = take_word(&p, pre, COUNT_OF(pre));
    if (word >= 0) {
        v.pre_kind = kinds[word];
        v.pre = take_number(&p);
    }
    if (*p == '-' && isdigit((unsigned char)p[1])) { /* "1.0-1" is a post release */
        p++;
        v.post = take_number(&p);
    } else if (take_word(&p, post, COUNT_OF(post)) >= 0) {
        v.post = take_number(&p);
    }
    if (take_word(&p, dev, COUNT_OF(dev)) >= 0)
        v.dev = take_number(&p);
    if (v.dev != LONG_MAX && v.pre_kind == 3 && v.post < 0)
        v.pre_kind = -1;
    if (*p == '+') {
        size_t n = strlen(p + 1) < sizeof v.local ? strlen(p + 1) : sizeof v.local - 1;
        memcpy(v.local, p + 1, n);
        p += 1 + n;
    }
    v.valid &= !*p;
    return v;
}

static int order(long a, long b)
{
    return a < b ? -1 : a > b;
}

static int compare_release(const struct version *a, const struct version *b)
{
    size_t n = a->count > b->count ? a->count : b->count;
    int result = order(a->epoch, b->epoch);
    for (size_t i = 0; !result && i < n; i++)
        result = order(i < a->count ? a->release[i] : 0, i < b->count ? b->release[i] : 0);
    return result;
}

static int compare_public(const struct version *a, const struct version *b)
{
    int result = compare_release(a, b);
    result = result ? result : order(a->pre_kind, b->pre_kind);
    result = result ? result : order(a->pre, b->pre);
    result = result ? result : order(a->post, b->post);
    return result ? result : order(a->dev, b->dev);
}

int pep440_compare(const char *left, const char *right)
{
    struct version a = parse(left), b = parse(right);
    if (!a.valid || !b.valid)
        return strcmp(left, right);
    int result = compare_public(&a, &b);
    return result || !*a.local || !*b.local ? result : strverscmp(a.local, b.local);
}

/* The version begins with all parts of the release that a specifier names. */
static bool has_prefix(const struct version *v, const struct version *prefix, size_t parts)
{
    if (v->epoch != prefix->epoch)
        return false;
    for (size_t i = 0; i < parts; i++)
        if ((i < v->count ? v->release[i] : 0) != prefix->release[i])
            return false;
    return true;
}

/* Exclusive comparisons leave out pre- and post-releases of the version itself. */
static bool is_beyond(const struct version *v, const struct version *w, int result, bool greater)
{
    bool same = compare_release(v, w) == 0;
    if (greater)
        return result > 0 && (w->post >= 0 || !same || v->post < 0);
    return result < 0 && (w->pre_kind != 3 || !same);
}

/* "==1.2.*", and "~=1.2.3" which is ">=1.2.3, ==1.2.*". */
static bool fulfils(const char *version, const char *operator, char * wanted)
{
    bool any = str_ends(wanted, ".*");
    if (any)
        wanted[strlen(wanted) - 2] = '\0';
    struct version v = parse(version), w = parse(wanted);
    int result = pep440_compare(version, wanted);
    bool equal = any ? has_prefix(&v, &w, w.count) : result == 0;
    switch (operator[0]) {
    case '=':
        return equal;
    case '!':
        return !equal;
    case '~':
        return result >= 0 && w.count > 1 && has_prefix(&v, &w, w.count - 1);
    case '>':
        return operator[1] == '=' ? result >= 0 : is_beyond(&v, &w, result, true);
    case '<':
        return operator[1] == '=' ? result <= 0 : is_beyond(&v, &w, result, false);
    default:
        return true;
    }
}

bool pep440_fulfils(const char *version, const char *specifiers)
{
    autofree char *copy = mem_strdup(specifiers);
    for (char *p = copy; *p; p++)
        if (*p == '(' || *p == ')')
            *p = ' ';
    autostrv parts = STRV_INIT;
    strv_split(&parts, copy, ',');
    for (size_t i = 0; i < parts.count; i++) {
        char *part = str_trim(parts.items[i]);
        size_t n = strspn(part, "=!~<>");
        if (!n)
            continue;
        autofree char *operator= mem_strndup(part, n);
        if (!fulfils(version, operator, str_trim(part + n)))
            return false;
    }
    return true;
}
