#include "dockerfile_flags.h"

#include "duration.h"

#include <base/cli.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum flag_type {
    FLAG_SWITCH,   /* true or false */
    FLAG_TEXT,     /* once */
    FLAG_MANY,     /* may be repeated */
    FLAG_DURATION, /* "30s" */
    FLAG_COUNT,    /* 0 or more */
};

static const struct rule {
    enum instruction_kind kind;
    const char *name;
    enum flag_type type;
    const char *values; /* the only ones, parted by '|'; NULL: any */
} rules[] = {
    {INSTRUCTION_ADD, "checksum", FLAG_TEXT, NULL},
    {INSTRUCTION_ADD, "chmod", FLAG_TEXT, NULL},
    {INSTRUCTION_ADD, "chown", FLAG_TEXT, NULL},
    {INSTRUCTION_ADD, "exclude", FLAG_MANY, NULL},
    {INSTRUCTION_ADD, "keep-git-dir", FLAG_SWITCH, NULL},
    {INSTRUCTION_ADD, "link", FLAG_SWITCH, NULL},
    {INSTRUCTION_ADD, "unpack", FLAG_SWITCH, NULL},
    {INSTRUCTION_COPY, "chmod", FLAG_TEXT, NULL},
    {INSTRUCTION_COPY, "chown", FLAG_TEXT, NULL},
    {INSTRUCTION_COPY, "exclude", FLAG_MANY, NULL},
    {INSTRUCTION_COPY, "from", FLAG_TEXT, NULL},
    {INSTRUCTION_COPY, "link", FLAG_SWITCH, NULL},
    {INSTRUCTION_COPY, "parents", FLAG_SWITCH, NULL},
    {INSTRUCTION_FROM, "platform", FLAG_TEXT, NULL},
    {INSTRUCTION_HEALTHCHECK, "interval", FLAG_DURATION, NULL},
    {INSTRUCTION_HEALTHCHECK, "retries", FLAG_COUNT, NULL},
    {INSTRUCTION_HEALTHCHECK, "start-interval", FLAG_DURATION, NULL},
    {INSTRUCTION_HEALTHCHECK, "start-period", FLAG_DURATION, NULL},
    {INSTRUCTION_HEALTHCHECK, "timeout", FLAG_DURATION, NULL},
    {INSTRUCTION_RUN, "device", FLAG_MANY, NULL},
    {INSTRUCTION_RUN, "mount", FLAG_MANY, NULL},
    {INSTRUCTION_RUN, "network", FLAG_TEXT, "default|none|host"},
    {INSTRUCTION_RUN, "security", FLAG_TEXT, "sandbox|insecure"},
};

static const struct rule *find_rule(enum instruction_kind kind, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].kind == kind && strcmp(rules[i].name, name) == 0)
            return &rules[i];
    }
    return NULL;
}

/* The hint for an unknown flag: the nearest, else all there are. */
static int suggest(enum instruction_kind kind, const char *name, struct error *err)
{
    const char *known[COUNT_OF(rules)];
    size_t n = 0;
    autostr all = STR_INIT;
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (rules[i].kind != kind)
            continue;
        known[n++] = rules[i].name;
        str_addf(&all, "%s--%s", all.len ? ", " : "", rules[i].name);
    }
    const char *near = n ? cli_nearest(name, known, n) : NULL;
    if (near)
        return error_hint(err, "did you mean --%s?", near);
    if (n)
        return error_hint(err, "%s knows %s", instruction_name(kind), str_text(&all));
    if (kind == INSTRUCTION_CMD || kind == INSTRUCTION_ENTRYPOINT)
        return error_hint(err, "write %s [\"--%s\", …] for a command line that begins with dashes",
                          instruction_name(kind), name);
    return error_hint(err, "%s takes no flags", instruction_name(kind));
}

static bool value_is_allowed(const char *values, const char *value)
{
    autostrv allowed = STRV_INIT;
    strv_split(&allowed, values, '|');
    return strv_contains(&allowed, value);
}

static int check_value(const struct rule *rule, const char *value, struct error *err)
{
    int64_t time;
    if (rule->values && !value_is_allowed(rule->values, value)) {
        error_set(err, ERROR_INPUT, "--%s can't be \"%s\"", rule->name, value);
        return error_hint(err, "it can be %s", rule->values);
    }
    if (rule->type == FLAG_DURATION && *value) {
        if (!duration_parse(value, &time) || time < 0 || (time > 0 && time < 1000000)) {
            error_set(err, ERROR_INPUT, "--%s=%s is no length of time", rule->name, value);
            return error_hint(err, "write it as 30s or 1m30s, at least 1ms");
        }
    }
    if (rule->type == FLAG_COUNT && *value && str_number(value, INT32_MAX) < 0) {
        error_set(err, ERROR_INPUT, "--%s=%s is no number", rule->name, value);
        return error_hint(err, "it counts from 0 on");
    }
    return 0;
}

/* A switch's value as "true" or "false"; NULL: it is neither. */
static const char *switch_value(const char *value)
{
    if (!value || strcasecmp(value, "true") == 0)
        return "true";
    return strcasecmp(value, "false") == 0 ? "false" : NULL;
}

/* Check one flag and add it. value is NULL where there was no '='. */
static int add_flag(struct instruction *in, const char *name, const char *value, struct position at,
                    struct error *err)
{
    const char *kind = instruction_name(in->kind);
    const struct rule *rule = find_rule(in->kind, name);
    if (!rule) {
        error_set(err, ERROR_INPUT, "%s has no flag --%s", kind, name);
        return suggest(in->kind, name, err);
    }
    if (rule->type != FLAG_MANY && instruction_flag(in, name))
        return error_set(err, ERROR_INPUT, "--%s is given twice", name);
    if (rule->type == FLAG_SWITCH) {
        const char *given = value;
        value = switch_value(given);
        if (!value) {
            error_set(err, ERROR_INPUT, "--%s is true or false, not \"%s\"", name, given);
            return -1;
        }
    } else if (!value) {
        error_set(err, ERROR_INPUT, "--%s needs a value", name);
        return error_hint(err, "write --%s=…", name);
    } else if (check_value(rule, value, err)) {
        return -1;
    }
    MEM_PUSH(in->flags, in->flag_count, in->flag_cap) =
        (struct flag){.name = mem_strdup(name), .value = mem_strdup(value), .at = at};
    return 0;
}

/* One word, with quotes and escapes taken off. -1: a quote has no end. */
static int take_word(struct cursor *c, struct str *word)
{
    char quote = '\0';
    for (char ch; (ch = *cursor_text(c)) && (quote || !strchr(" \t\n\v\f\r", ch)); c->at++) {
        if (quote ? ch == quote : ch == '\'' || ch == '"') {
            quote = quote ? '\0' : ch;
            continue;
        }
        if (ch == c->lexer->escape) {
            ch = cursor_text(c)[1];
            if (!ch)
                continue;
            c->at++;
        }
        str_add_char(word, ch);
    }
    return quote ? -1 : 0;
}

int flags_take(struct cursor *c, struct instruction *in, struct error *err)
{
    while (cursor_skip_blanks(c) && str_starts(cursor_text(c), "--")) {
        size_t start = c->at;
        autostr word = STR_INIT;
        if (take_word(c, &word)) {
            error_set(err, ERROR_INPUT, "a quote in this flag has no end");
            return cursor_error_at(c, start, err);
        }
        if (strcmp(str_text(&word), "--") == 0)
            break;
        char *name = word.data + 2;
        char *value = strchr(name, '=');
        if (value)
            *value++ = '\0';
        if (add_flag(in, name, value, cursor_position(c, start), err))
            return cursor_error_at(c, start, err);
    }
    return 0;
}
