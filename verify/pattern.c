#include "pattern.h"

#include "re2.h"

#include <base/mem.h>
#include <base/str.h>
#include <base/utf8.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
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
    bool re2;
};

/* source: what PCRE2 is to compile; text: what was written. */
static int compile(const char *text, const char *source, uint32_t flags, struct pattern **out,
                   struct error *err)
{
    int code;
    PCRE2_SIZE place;
    flags |= PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        mem_give_up();
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)source, strlen(source), flags, &code, &place, context);
    pcre2_compile_context_free(context);
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
        mem_give_up();
    pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_MAX_KIB);
    *out = pattern;
    return 0;
}

static int check_length(const char *text, struct error *err)
{
    if (strlen(text) <= TEXT_MAX)
        return 0;
    return error_set(err, ERROR_INPUT, "the pattern is longer than %d bytes", TEXT_MAX);
}

int pattern_new(const char *text, struct pattern **out, struct error *err)
{
    return check_length(text, err) ||
                   compile(text, text, PCRE2_MULTILINE | PCRE2_MATCH_INVALID_UTF, out, err)
               ? -1
               : 0;
}

int pattern_new_re2(const char *text, struct pattern **out, struct error *err)
{
    autostr source = STR_INIT;
    if (check_length(text, err) || re2_translate(text, &source, err) ||
        compile(text, str_text(&source), PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX, out, err))
        return -1;
    (*out)->re2 = true;
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

/* Bytes that are no UTF-8 match nothing in PCRE2, and are one U+FFFD each in RE2. */
static void replace_invalid(const char *bytes, size_t n, struct str *out)
{
    for (const char *p = bytes, *end = bytes + n; p < end;) {
        size_t length = utf8_length(p, (size_t)(end - p));
        if (length)
            str_add_bytes(out, p, length);
        else
            str_add(out, UTF8_REPLACEMENT);
        p += length ? length : 1;
    }
}

/* RE2 takes linear time where a backtracking search may reach its limits; PCRE2's other search goes
 * all ways at once, and knows all that RE2 knows. */
static int find_without_backtracking(const struct pattern *pattern, PCRE2_SPTR bytes, size_t n,
                                     pcre2_match_data *match)
{
    enum { WORKSPACE = 20000 };
    autofree int *workspace = mem_zalloc(WORKSPACE, sizeof *workspace);
    return pcre2_dfa_match(pattern->code, bytes, n, 0, PCRE2_DFA_SHORTEST, match, pattern->limits,
                           workspace, WORKSPACE);
}

int pattern_find(const struct pattern *pattern, const char *bytes, size_t n, struct error *err)
{
    autostr valid = STR_INIT;
    if (pattern->re2) {
        replace_invalid(bytes, n, &valid);
        bytes = valid.data;
        n = valid.len;
    }
    PCRE2_SPTR subject = (PCRE2_SPTR)(bytes ? bytes : "");
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match)
        mem_give_up();
    int found = pcre2_match(pattern->code, subject, n, 0, 0, match, pattern->limits);
    if (pattern->re2 && found < PCRE2_ERROR_NOMATCH)
        found = find_without_backtracking(pattern, subject, n, match);
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
