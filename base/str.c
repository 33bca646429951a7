#include "str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct str *s, size_t more)
{
    size_t need = more < SIZE_MAX - s->len ? s->len + more + 1 : SIZE_MAX; /* ends the process */
    if (!s->data || need > s->cap)
        s->data = mem_grow(s->data, &s->cap, need, 1);
}

void str_add_bytes(struct str *s, const void *bytes, size_t n)
{
    reserve(s, n);
    if (n)
        memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_bytes(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_bytes(s, &c, 1);
}

void str_addf(struct str *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    autofree char *text = mem_vprintf(format, ap);
    va_end(ap);
    str_add(s, text);
}

void str_clear(struct str *s)
{
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

const char *str_text(const struct str *s)
{
    return s->data ? s->data : "";
}

char *str_take(struct str *s)
{
    char *text = s->data ? s->data : mem_strdup("");
    *s = STR_INIT;
    return text;
}

void str_release(struct str *s)
{
    free(s->data);
    *s = STR_INIT;
}

void strv_add_take(struct strv *v, char *text)
{
    v->items = mem_grow(v->items, &v->cap, v->count + 2, sizeof *v->items);
    v->items[v->count++] = text;
    v->items[v->count] = NULL;
}

void strv_add(struct strv *v, const char *text)
{
    strv_add_take(v, mem_strdup(text));
}

void strv_addf(struct strv *v, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    strv_add_take(v, mem_vprintf(format, ap));
    va_end(ap);
}

void strv_add_all(struct strv *v, const struct strv *from)
{
    size_t count = from->count; /* v may be from itself */
    for (size_t i = 0; i < count; i++)
        strv_add(v, from->items[i]);
}

bool strv_contains(const struct strv *v, const char *text)
{
    for (size_t i = 0; i < v->count; i++)
        if (!strcmp(v->items[i], text))
            return true;
    return false;
}

char *const *strv_argv(struct strv *v)
{
    if (!v->items) {
        v->items = mem_grow(NULL, &v->cap, 1, sizeof *v->items);
        v->items[0] = NULL;
    }
    return v->items;
}

void strv_split(struct strv *v, const char *text, char separator)
{
    for (const char *end; (end = strchr(text, separator)); text = end + 1)
        strv_add_take(v, mem_strndup(text, (size_t)(end - text)));
    strv_add(v, text);
}

char *strv_join(const struct strv *v, const char *separator)
{
    autostr s = STR_INIT;
    for (size_t i = 0; i < v->count; i++) {
        if (i)
            str_add(&s, separator);
        str_add(&s, v->items[i]);
    }
    return str_take(&s);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v)
{
    if (v->count)
        qsort(v->items, v->count, sizeof *v->items, compare);
}

void strv_release(struct strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    *v = STRV_INIT;
}

bool str_eq(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

bool str_starts(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && !memcmp(s + n - m, suffix, m);
}

char *str_trim(char *s)
{
    s += strspn(s, " \t\r\n");
    size_t n = strlen(s);
    while (n && strchr(" \t\r\n", s[n - 1]))
        s[--n] = '\0';
    return s;
}

char *str_lower(char *s)
{
    for (char *p = s; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return s;
}

long long str_number(const char *s, long long max)
{
    long long n = 0;
    if (!*s)
        return -1;
    for (; *s; s++) {
        int digit = *s - '0';
        if (*s < '0' || *s > '9' || n > max / 10 || digit > max - n * 10)
            return -1;
        n = n * 10 + digit;
    }
    return n;
}

int64_t str_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    autofree char *number = mem_strndup(text, digits);
    autofree char *unit = str_lower(mem_strdup(text + digits));
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"", 0},   {"b", 0},   {"k", 10}, {"kb", 10},
                 {"m", 20}, {"mb", 20}, {"g", 30}, {"gb", 30}};
    long long value = str_number(number, INT64_MAX >> 31);
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (value >= 0 && !strcmp(unit, units[i].name))
            return (int64_t)value << units[i].shift;
    return -1;
}

static size_t env_find(const struct strv *env, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < env->count; i++)
        if (!strncmp(env->items[i], key, n) && env->items[i][n] == '=')
            return i;
    return env->count;
}

void env_set(struct strv *env, const char *key, const char *value)
{
    size_t i = env_find(env, key);
    if (i == env->count) {
        strv_addf(env, "%s=%s", key, value);
        return;
    }
    char *setting = mem_printf("%s=%s", key, value); /* value may point into the old setting */
    free(env->items[i]);
    env->items[i] = setting;
}

const char *env_get(const struct strv *env, const char *key)
{
    size_t i = env_find(env, key);
    return i < env->count ? env->items[i] + strlen(key) + 1 : NULL;
}

void env_unset(struct strv *env, const char *key)
{
    size_t i = env_find(env, key);
    if (i == env->count)
        return;
    free(env->items[i]);
    memmove(env->items + i, env->items + i + 1, (env->count - i) * sizeof *env->items);
    env->count--;
}
