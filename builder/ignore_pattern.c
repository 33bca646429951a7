#include "ignore_pattern.h"

#include <base/mem.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum token_kind {
    TOKEN_CHAR,  /* this character */
    TOKEN_ANY,   /* one character but '/' */
    TOKEN_STAR,  /* any number of characters but '/' */
    TOKEN_ALL,   /* any number of characters */
    TOKEN_DIRS,  /* nothing, or what TOKEN_INTO takes */
    TOKEN_INTO,  /* any number of characters, the last a '/' */
    TOKEN_CLASS, /* one character of ranges, or none of them */
};

struct range {
    uint32_t low, high;
};

struct token {
    enum token_kind kind;
    uint32_t character;
    bool negated;
    struct range *ranges;
    size_t range_count, range_cap;
};

/* Matched as a nondeterministic automaton: state i says that the tokens before i have matched. */
struct ignore_pattern {
    struct token *tokens;
    size_t count, cap;
    char *literal; /* the whole pattern where it is plain characters, else NULL */
};

/* States of a pattern of few tokens live on the stack. */
#define STATES_ON_STACK 192

/* The character at *s, which is moved behind it; a byte that is not UTF-8 is a character of its
 * own. */
static uint32_t next_char(const char **s)
{
    const unsigned char *u = (const unsigned char *)*s;
    size_t width = u[0] < 0xc2 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 1;
    uint32_t c = width == 1 ? u[0] : u[0] & (0xffu >> (width + 1));
    for (size_t i = 1; i < width; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            width = 1;
            break;
        }
        c = c << 6 | (u[i] & 0x3f);
    }
    *s += width;
    return width == 1 && u[0] >= 0x80 ? 0x110000u + u[0] : width == 1 ? u[0] : c;
}

static struct token *push(struct ignore_pattern *p, enum token_kind kind, uint32_t character)
{
    MEM_PUSH(p->tokens, p->count, p->cap) = (struct token){.kind = kind, .character = character};
    return &p->tokens[p->count - 1];
}

static int bad(const char *text, struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "bad pattern \"%s\": %s", text, what);
}

/* One end of a range; a backslash escapes. -1: there is none. */
static int range_end(const char **s, uint32_t *c)
{
    if (!**s || **s == '-' || **s == ']')
        return -1;
    if (**s == '\\' && !*++*s)
        return -1;
    *c = next_char(s);
    return **s ? 0 : -1;
}

/* From behind the '[' to behind the ']'. */
static int compile_class(struct ignore_pattern *p, const char **s, const char *text,
                         struct error *err)
{
    struct token *token = push(p, TOKEN_CLASS, 0);
    token->negated = **s == '^';
    *s += token->negated;
    do {
        struct range range;
        if (range_end(s, &range.low))
            return bad(text, err, "a [range] is empty or has no end");
        range.high = range.low;
        if (**s == '-') {
            ++*s;
            if (range_end(s, &range.high))
                return bad(text, err, "a [range] is empty or has no end");
        }
        if (range.high < range.low)
            return bad(text, err, "a [range] runs backwards");
        MEM_PUSH(token->ranges, token->range_count, token->range_cap) = range;
    } while (**s != ']');
    ++*s;
    return 0;
}

/* From behind "**" on; first: the pattern begins with it. */
static void compile_double_star(struct ignore_pattern *p, const char **s, bool first)
{
    bool slash = **s == '/';
    *s += slash;
    /* At the end it is anything. So it is at the start without a slash, before plain text alone:
     * "**foo" is any path that ends in foo, but "**foo*" is a name that begins with it. */
    if (!**s || (first && !slash && !strpbrk(*s, "*?[]\\"))) {
        push(p, TOKEN_ALL, 0);
        return;
    }
    push(p, TOKEN_DIRS, 0);
    push(p, TOKEN_INTO, 0);
}

static int compile(struct ignore_pattern *p, const char *text, struct error *err)
{
    for (const char *s = text; *s;) {
        char c = *s;
        if (c == '*' && s[1] == '*') {
            bool first = s == text;
            s += 2;
            compile_double_star(p, &s, first);
        } else if (c == '*') {
            push(p, TOKEN_STAR, 0);
            s++;
        } else if (c == '?') {
            push(p, TOKEN_ANY, 0);
            s++;
        } else if (c == '[') {
            s++;
            if (compile_class(p, &s, text, err))
                return -1;
        } else {
            s += c == '\\';
            if (!*s)
                return bad(text, err, "a backslash at the end escapes nothing");
            push(p, TOKEN_CHAR, next_char(&s));
        }
    }
    return 0;
}

int ignore_pattern_compile(const char *text, struct ignore_pattern **out, struct error *err)
{
    struct ignore_pattern *p = mem_zalloc(1, sizeof *p);
    if (compile(p, text, err)) {
        ignore_pattern_free(p);
        return -1;
    }
    if (!strpbrk(text, "*?[\\"))
        p->literal = mem_strdup(text);
    *out = p;
    return 0;
}

void ignore_pattern_free(struct ignore_pattern *pattern)
{
    if (!pattern)
        return;
    for (size_t i = 0; i < pattern->count; i++)
        free(pattern->tokens[i].ranges);
    free(pattern->tokens);
    free(pattern->literal);
    free(pattern);
}

static bool in_class(const struct token *token, uint32_t c)
{
    for (size_t i = 0; i < token->range_count; i++) {
        if (c >= token->ranges[i].low && c <= token->ranges[i].high)
            return !token->negated;
    }
    return token->negated;
}

/* Add the states that are reached without a character. True where any state is left. */
static bool close_states(const struct ignore_pattern *p, bool *states)
{
    bool any = states[p->count];
    for (size_t i = 0; i < p->count; i++) {
        if (!states[i])
            continue;
        any = true;
        enum token_kind kind = p->tokens[i].kind;
        if (kind == TOKEN_STAR || kind == TOKEN_ALL || kind == TOKEN_DIRS)
            states[i + 1] = true;
        if (kind == TOKEN_DIRS)
            states[i + 2] = true;
    }
    return any;
}

/* Move every state over c. Going down, so that a state just set is not moved again. */
static void step_states(const struct ignore_pattern *p, bool *states, uint32_t c)
{
    states[p->count] = false;
    for (size_t i = p->count; i-- > 0;) {
        if (!states[i])
            continue;
        const struct token *token = &p->tokens[i];
        bool stay = token->kind == TOKEN_ALL || token->kind == TOKEN_INTO ||
                    (token->kind == TOKEN_STAR && c != '/');
        bool next = (token->kind == TOKEN_CHAR && c == token->character) ||
                    (token->kind == TOKEN_ANY && c != '/') ||
                    (token->kind == TOKEN_INTO && c == '/') ||
                    (token->kind == TOKEN_CLASS && in_class(token, c));
        states[i] = stay;
        if (next)
            states[i + 1] = true;
    }
}

/* Run over the path. below: then over a '/', and tell whether any state is left; else tell whether
 * the pattern matched the path or a directory on the way. */
static bool run(const struct ignore_pattern *p, const char *path, bool below)
{
    bool on_stack[STATES_ON_STACK] = {false};
    autofree bool *on_heap = NULL;
    bool *states = on_stack;
    if (p->count + 1 > STATES_ON_STACK)
        states = on_heap = mem_zalloc(p->count + 1, sizeof *states);
    states[0] = true;
    bool alive = close_states(p, states);
    while (*path && alive) {
        step_states(p, states, next_char(&path));
        alive = close_states(p, states);
        if (!below && states[p->count] && (*path == '/' || !*path))
            return true;
    }
    if (!below || !alive)
        return false;
    step_states(p, states, '/');
    return close_states(p, states);
}

bool ignore_pattern_matches(const struct ignore_pattern *pattern, const char *path)
{
    if (!pattern->literal)
        return run(pattern, path, false);
    size_t n = strlen(pattern->literal);
    return strncmp(path, pattern->literal, n) == 0 && (!path[n] || path[n] == '/');
}

bool ignore_pattern_may_match_below(const struct ignore_pattern *pattern, const char *path)
{
    return run(pattern, path, true);
}
