#include "glob.h"

#include <base/utf8.h>

#include <stddef.h>
#include <string.h>

/* One character: its bytes as a number that orders as the characters do. *p is moved on. */
static unsigned long next_char(const char **p)
{
    size_t n = utf8_length(*p, strnlen(*p, 4));
    unsigned long value = 0;
    if (!n)
        n = 1;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | (unsigned char)(*p)[i];
    *p += n;
    return value;
}

/* A character of a range, which may be escaped. False: there is none. */
static bool range_char(const char **p, unsigned long *out)
{
    if (!**p || **p == '-' || **p == ']')
        return false;
    if (**p == '\\' && !*++*p)
        return false;
    *out = next_char(p);
    return **p != '\0';
}

/* At "[": is c in the range? *p is moved behind it. -1: it is malformed. */
static int in_range(const char **p, unsigned long c)
{
    const char *at = *p + 1;
    bool negated = *at == '^', found = false;
    at += negated;
    for (bool first = true; first || *at != ']'; first = false) {
        unsigned long low, high;
        if (!range_char(&at, &low))
            return -1;
        high = low;
        if (*at == '-') {
            at++;
            if (!range_char(&at, &high))
                return -1;
        }
        found |= low <= c && c <= high;
    }
    *p = at + 1;
    return found != negated;
}

/* One piece of the pattern that is no star, against one character. *p is moved on. */
static bool match_one(const char **p, unsigned long c)
{
    if (**p == '[')
        return in_range(p, c) == 1 && c != '/';
    if (**p == '?') {
        ++*p;
        return c != '/';
    }
    if (**p == '\\' && !*++*p)
        return false;
    return next_char(p) == c;
}

bool glob_match(const char *pattern, const char *name)
{
    const char *star = NULL, *from = NULL; /* where to try again, one character further on */
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            from = name;
            continue;
        }
        const char *next = name, *p = pattern;
        unsigned long c = next_char(&next);
        if (*p && match_one(&p, c)) {
            pattern = p;
            name = next;
            continue;
        }
        if (!star || *from == '/')
            return false;
        pattern = star;
        next_char(&from);
        name = from;
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool glob_is_valid(const char *pattern)
{
    for (const char *p = pattern; *p;) {
        if (*p == '[') {
            if (in_range(&p, 0) < 0)
                return false;
            continue;
        }
        if (*p == '\\' && !*++p)
            return false;
        p++;
    }
    return true;
}

bool glob_has_wildcard(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (strchr("*?[", *p))
            return true;
        if (*p == '\\' && !*++p)
            return false;
    }
    return false;
}
