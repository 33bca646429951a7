#include "pattern.h"

#include <base/mem.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 4096,
    STEPS_MAX = 5 * 1000 * 1000, /* a second or so: far more than an honest pattern needs */
    DEPTH_MAX = 100 * 1000,
    HEAP_MAX_KIB = 32 * 1024,
};

struct pattern {
    char *text;
    pcre2_code *code;
    pcre2_match_context *limits;
};

int pattern_new(const char *text, struct pattern **out, struct error *err)
{
    size_t n = strlen(text);
    if (n > TEXT_MAX)
        return error_set(err, ERROR_INPUT, "the pattern is longer than %d bytes", TEXT_MAX);
    int code;
    PCRE2_SIZE place;
    uint32_t flags =
        PCRE2_MULTILINE | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text, n, flags, &code, &place, NULL);
    if (!compiled) {
        PCRE2_UCHAR message[200];
        pcre2_get_error_message(code, message, sizeof message);
        return error_set(err, ERROR_INPUT, "the pattern “%s” is wrong at character %zu: %s", text,
                         place + 1, (const char *)message);
    }
    struct pattern *pattern = mem_zalloc(1, sizeof *pattern);
    pattern->text = mem_strdup(text);
    pattern->code = compiled;
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->limits)
        abort(); /* memory alone */
    pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_MAX_KIB);
    *out = pattern;
    return 0;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    free(pattern->text);
    free(pattern);
}

const char *pattern_text(const struct pattern *pattern)
{
    return pattern->text;
}

int pattern_find(const struct pattern *pattern, const char *bytes, size_t n, struct error *err)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match)
        abort(); /* memory alone */
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)(bytes ? bytes : ""), n, 0, 0, match,
                            pattern->limits);
    pcre2_match_data_free(match);
    if (found >= 0)
        return 1;
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    PCRE2_UCHAR message[200];
    pcre2_get_error_message(found, message, sizeof message);
    return error_set(err, ERROR_INPUT, "the pattern “%s” could not be decided on %zu bytes: %s",
                     pattern->text, n, (const char *)message);
}

void patterns_add(struct patterns *list, struct pattern *pattern)
{
    MEM_PUSH(list->items, list->count, list->cap) = pattern;
}

void patterns_release(struct patterns *list)
{
    for (size_t i = 0; i < list->count; i++)
        pattern_free(list->items[i]);
    free(list->items);
    *list = (struct patterns){0};
}
