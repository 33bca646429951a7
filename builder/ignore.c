#include "ignore.h"

#include "ignore_pattern.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

struct rule {
    struct ignore_pattern *pattern;
    bool exception; /* "!pattern" */
};

struct ignore {
    struct rule *rules;
    size_t count, cap;
};

/* Where a line stands, for errors. */
struct place {
    const char *name;
    unsigned line; /* 0: no file */
    const char *text;
};

static int fail(const struct place *place, struct error *err)
{
    return error_at(err, place->name, place->line, place->line ? 1 : 0,
                    place->line ? place->text : NULL);
}

/* Add the pattern on this line, which is trimmed and not empty. */
static int add_rule(struct ignore *ignore, char *text, const struct place *place, struct error *err)
{
    bool exception = *text == '!';
    if (exception)
        text = str_trim(text + 1);
    autofree char *clean = path_clean(text);
    const char *pattern = clean[0] == '/' && clean[1] ? clean + 1 : clean;
    if (exception && (!*text || strcmp(pattern, "/") == 0)) {
        error_set(err, ERROR_INPUT, "an exception without a pattern");
        error_hint(err, "write !PATTERN to take something back");
        return fail(place, err);
    }
    struct rule rule = {.exception = exception};
    if (ignore_pattern_compile(pattern, &rule.pattern, err))
        return fail(place, err);
    MEM_PUSH(ignore->rules, ignore->count, ignore->cap) = rule;
    return 0;
}

int ignore_parse(const char *bytes, size_t n, const char *name, struct ignore **out,
                 struct error *err)
{
    if (n > IGNORE_MAX) {
        error_set(err, ERROR_INPUT, "the file is larger than %zu KiB", IGNORE_MAX >> 10);
        return error_at(err, name, 0, 0, NULL);
    }
    autoignore *ignore = mem_zalloc(1, sizeof *ignore);
    const char *end = bytes + n;
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        bytes += 3;
    unsigned number = 0;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t length = (size_t)((newline ? newline : end) - bytes);
        autofree char *line = mem_strndup(bytes, length);
        autofree char *copy = mem_strdup(line);
        bytes = newline ? newline + 1 : end;
        struct place place = {name, ++number, line};
        char *text = str_trim(copy);
        if (*line != '#' && *text && add_rule(ignore, text, &place, err))
            return -1;
    }
    *out = take(&ignore);
    return 0;
}

int ignore_from_patterns(const struct strv *patterns, const char *name, struct ignore **out,
                         struct error *err)
{
    autoignore *ignore = mem_zalloc(1, sizeof *ignore);
    for (size_t i = 0; i < patterns->count; i++) {
        struct place place = {name, 0, NULL};
        autofree char *copy = mem_strdup(patterns->items[i]);
        char *text = str_trim(copy);
        if (*text && add_rule(ignore, text, &place, err))
            return -1;
    }
    *out = take(&ignore);
    return 0;
}

void ignore_free(struct ignore *ignore)
{
    if (!ignore)
        return;
    for (size_t i = 0; i < ignore->count; i++)
        ignore_pattern_free(ignore->rules[i].pattern);
    free(ignore->rules);
    free(ignore);
}

void ignore_free_at(struct ignore **ignore)
{
    ignore_free(*ignore);
}

bool ignore_matches(const struct ignore *ignore, const char *path)
{
    bool ignored = false;
    for (size_t i = 0; ignore && i < ignore->count; i++) {
        const struct rule *rule = &ignore->rules[i];
        /* Only what would change the verdict is asked. */
        if (rule->exception == ignored && ignore_pattern_matches(rule->pattern, path))
            ignored = !ignored;
    }
    return ignored;
}

bool ignore_may_descend(const struct ignore *ignore, const char *path)
{
    for (size_t i = ignore ? ignore->count : 0; i-- > 0;) {
        const struct rule *rule = &ignore->rules[i];
        if (rule->exception && ignore_pattern_may_match_below(rule->pattern, path))
            return true;
        /* From here on up nothing counts: this rule has the last word on all below path. */
        if (!rule->exception && ignore_pattern_matches(rule->pattern, path))
            return false;
    }
    return true;
}

bool ignore_may_match_below(const struct ignore *ignore, const char *path)
{
    for (size_t i = 0; i < ignore->count; i++)
        if (!ignore->rules[i].exception &&
            ignore_pattern_may_match_below(ignore->rules[i].pattern, path))
            return true;
    return false;
}

bool ignore_has_exceptions(const struct ignore *ignore)
{
    for (size_t i = 0; i < ignore->count; i++)
        if (ignore->rules[i].exception)
            return true;
    return false;
}
