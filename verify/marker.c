#include "marker.h"

#include "pep440.h"

#include <base/mem.h>

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* A marker being read. */
struct reader {
    const char *p;
    const struct marker_environment *environment;
    const char *extra;
    bool failed;
    size_t depth;
};

static void skip_blanks(struct reader *r)
{
    while (isspace((unsigned char)*r->p))
        r->p++;
}

/* A word of letters, if it stands here. */
static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(r);
    if (strncmp(r->p, word, n) != 0 || isalnum((unsigned char)r->p[n]) || r->p[n] == '_')
        return false;
    r->p += n;
    return true;
}

/* The value of a variable; "" where it is none that is known. */
static const char *variable(struct reader *r, const char *name)
{
    const struct {
        const char *name, *value;
    } values[] = {
        {"python_version", r->environment->python_version},
        {"python_full_version", r->environment->python_full_version},
        {"implementation_version", r->environment->python_full_version},
        {"platform_machine", r->environment->platform_machine},
        {"os_name", "posix"},
        {"sys_platform", "linux"},
        {"platform_system", "Linux"},
        {"platform_python_implementation", "CPython"},
        {"implementation_name", "cpython"},
        {"platform_release", ""},
        {"platform_version", ""},
        {"extra", r->extra},
    };
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (!strcmp(values[i].name, name))
            return values[i].value;
    r->failed = true;
    return "";
}

/* A quoted text or a variable. The caller frees it; *name gets the variable's, or is left NULL. */
static char *operand(struct reader *r, char **name)
{
    skip_blanks(r);
    if (*r->p == '\'' || *r->p == '"') {
        const char *end = strchr(r->p + 1, *r->p);
        if (!end) {
            r->failed = true;
            return mem_strdup("");
        }
        char *text = mem_strndup(r->p + 1, (size_t)(end - r->p - 1));
        r->p = end + 1;
        return text;
    }
    size_t n = 0;
    while (isalnum((unsigned char)r->p[n]) || r->p[n] == '_' || r->p[n] == '.')
        n++;
    *name = mem_strndup(r->p, n);
    r->p += n;
    return mem_strdup(variable(r, *name));
}

static bool compare(struct reader *r, const char *left, const char *operator, const char * right,
                    bool versions)
{
    if (!strcmp(operator, "in"))
        return strstr(right, left) != NULL;
    if (!strcmp(operator, "not in"))
        return strstr(right, left) == NULL;
    if (versions) {
        autofree char *specifier = mem_printf("%s%s", operator, right);
        return pep440_fulfils(left, specifier);
    }
    int order = strcmp(left, right);
    if (!strcmp(operator, "=="))
        return order == 0;
    if (!strcmp(operator, "!="))
        return order != 0;
    bool less = *operator== '<', equal = operator[1] == '=';
    if (!strchr("<>", *operator))
        r->failed = true;
    return (less ? order < 0 : order > 0) || (equal && order == 0);
}

static bool comparison(struct reader *r)
{
    autofree char *left_name = NULL, *right_name = NULL;
    autofree char *left = operand(r, &left_name);
    autofree char *operator= NULL;
    skip_blanks(r);
    size_t n = strspn(r->p, "=!~<>");
    if (n) {
        operator= mem_strndup(r->p, n);
        r->p += n;
    } else if (take_word(r, "not")) {
        operator= mem_strdup("not in");
        r->failed |= !take_word(r, "in");
    } else {
        operator= mem_strdup("in");
        r->failed |= !take_word(r, "in");
    }
    autofree char *right = operand(r, &right_name);
    const char *name = left_name ? left_name : right_name ? right_name : "";
    bool versions = strstr(name, "python_") == name || !strcmp(name, "implementation_version");
    /* "3.8" <= python_version, the other way round, is compared as text: nobody writes it */
    return !r->failed && compare(r, left, operator, right, versions && left_name);
}

static bool either(struct reader *r);

static bool atom(struct reader *r)
{
    skip_blanks(r);
    if (*r->p != '(')
        return comparison(r);
    r->p++;
    if (++r->depth > DEPTH_MAX) {
        r->failed = true;
        return false;
    }
    bool holds = either(r);
    r->depth--;
    skip_blanks(r);
    if (*r->p == ')')
        r->p++;
    else
        r->failed = true;
    return holds;
}

static bool both(struct reader *r)
{
    bool holds = atom(r);
    while (!r->failed && take_word(r, "and"))
        holds = atom(r) && holds;
    return holds;
}

static bool either(struct reader *r)
{
    bool holds = both(r);
    while (!r->failed && take_word(r, "or"))
        holds = both(r) || holds;
    return holds;
}

bool marker_holds(const char *marker, const struct marker_environment *environment, bool *unknown)
{
    const struct strv *extras = environment->extras;
    size_t n = extras ? extras->count : 0;
    for (size_t i = 0; i <= n; i++) {
        struct reader r = {
            .p = marker, .environment = environment, .extra = i < n ? extras->items[i] : ""};
        bool holds = either(&r);
        skip_blanks(&r);
        if (r.failed || *r.p) {
            *unknown = true;
            return false;
        }
        if (holds)
            return true;
    }
    return false;
}
