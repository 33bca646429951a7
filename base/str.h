/* Growing strings and vectors of strings, and the few tests on strings that libc lacks. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte string; data is NUL-terminated once anything was added (else NULL). */
struct str {
    char *data;
    size_t len;
    size_t cap;
};
#define STR_INIT ((struct str){0})
#define autostr __attribute__((cleanup(str_release))) struct str

void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t n);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forget the content, keep the memory. */
void str_clear(struct str *s);
/* The content, "" where nothing was added. Owned by s. */
const char *str_text(const struct str *s);
/* Hand the content over ("" where nothing was added); s is then empty. The caller frees it. */
char *str_take(struct str *s) __attribute__((returns_nonnull));
void str_release(struct str *s);

/* A vector of owned strings; items is NULL-terminated once anything was added (else NULL). */
struct strv {
    char **items;
    size_t count;
    size_t cap;
};
#define STRV_INIT ((struct strv){0})
#define autostrv __attribute__((cleanup(strv_release))) struct strv

void strv_add(struct strv *v, const char *text); /* copies */
void strv_add_take(struct strv *v, char *text);  /* takes ownership */
void strv_addf(struct strv *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_add_all(struct strv *v, const struct strv *from); /* copies */
bool strv_contains(const struct strv *v, const char *text);
/* A NULL-terminated array to hand to exec; never NULL. Owned by v. */
char *const *strv_argv(struct strv *v) __attribute__((returns_nonnull));
/* Split at each of the separator; empty parts are kept. "" gives one empty part. */
void strv_split(struct strv *v, const char *text, char separator);
/* The caller frees it. */
char *strv_join(const struct strv *v, const char *separator) __attribute__((returns_nonnull));
void strv_sort(struct strv *v); /* bytewise */
void strv_release(struct strv *v);

bool str_eq(const char *a, const char *b); /* NULL equals NULL alone */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Strip blanks (space, \t, \r, \n) at both ends, in place; returns the start. */
char *str_trim(char *s);
/* Lower case of ASCII letters, in place; returns s. */
char *str_lower(char *s);
/* Decimal number of the whole text, 0 to max; -1 where it is not one. */
long long str_number(const char *s, long long max);
/* "64m", "1g", "1024", "512kb": bytes; -1 where it is none. */
int64_t str_size(const char *text);

/* Environment lists ("K=V"), as exec and image configs hold them: the last setting wins and keeps
 * the place of the first, as Docker does. */
void env_set(struct strv *env, const char *key, const char *value);
const char *env_get(const struct strv *env, const char *key); /* NULL: not set; owned by env */
void env_unset(struct strv *env, const char *key);

#endif
