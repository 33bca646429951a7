#include "expand_pattern.h"

#include <base/mem.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The most steps (pattern tokens by value bytes) one match may take. */
#define PATTERN_STEPS_MAX ((size_t)1 << 26)

enum token_kind { TOKEN_BYTE, TOKEN_ANY, TOKEN_STAR };

struct token {
    enum token_kind kind;
    char byte;
};

/* A compiled pattern and the value it is matched against. reach[i] says that the tokens so far can
 * end (or, going backwards, begin) at byte i of the value. */
struct matcher {
    const char *value;
    size_t n;
    struct token *tokens;
    size_t count;
    size_t cap;
    bool *reach;
};

static void matcher_release(struct matcher *m)
{
    free(m->tokens);
    free(m->reach);
}

static int add_escape(struct matcher *m, const char *pattern, const char *at, struct error *err)
{
    if (!*at || !strchr("*?\\/}", *at)) {
        error_set(err, ERROR_INPUT, "invalid escape '\\%c' in the pattern \"%s\"", *at ? *at : ' ',
                  pattern);
        return error_hint(err, "a backslash can stand before * ? \\ / and } only; write \\\\ for a "
                               "backslash itself");
    }
    MEM_PUSH(m->tokens, m->count, m->cap) = (struct token){.kind = TOKEN_BYTE, .byte = *at};
    return 0;
}

static int matcher_init(struct matcher *m, const char *value, const char *pattern,
                        struct error *err)
{
    *m = (struct matcher){.value = value, .n = strlen(value)};
    if ((strlen(pattern) + 1) > PATTERN_STEPS_MAX / (m->n + 1))
        return error_set(err, ERROR_INPUT, "the value and the pattern are too long to match");
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\') {
            if (add_escape(m, pattern, ++p, err))
                return -1;
            continue;
        }
        enum token_kind kind = *p == '*' ? TOKEN_STAR : *p == '?' ? TOKEN_ANY : TOKEN_BYTE;
        MEM_PUSH(m->tokens, m->count, m->cap) = (struct token){.kind = kind, .byte = *p};
    }
    m->reach = mem_zalloc(m->n + 1, sizeof *m->reach);
    return 0;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the character at i. */
static size_t char_width(const struct matcher *m, size_t i)
{
    size_t width = 1;
    while (i + width < m->n && is_continuation(m->value[i + width]) && width < 4)
        width++;
    return width;
}

/* Places reached: all in [low, high], none where low is SIZE_MAX. A short match costs little so. */
struct window {
    size_t low, high;
};

/* "*": every place behind one that is reached is reached too, up to the end of the line. */
static void pass_star(struct matcher *m, struct window *w)
{
    for (size_t i = w->low; i < m->n; i++) {
        if (m->reach[i] && m->value[i] != '\n' && !m->reach[i + 1]) {
            m->reach[i + 1] = true;
            w->high = i + 1 > w->high ? i + 1 : w->high;
        } else if (i > w->high) {
            break;
        }
    }
}

static bool fits(const struct matcher *m, const struct token *token, size_t i)
{
    if (i == m->n)
        return false;
    return token->kind == TOKEN_BYTE ? m->value[i] == token->byte : m->value[i] != '\n';
}

/* "?" or a byte: every place moves by one character, or is lost. From the right, so that a place
 * just set is not moved again. */
static void pass_one(struct matcher *m, const struct token *token, struct window *w)
{
    struct window moved = {SIZE_MAX, 0};
    for (size_t i = w->high + 1; i-- > w->low;) {
        if (!m->reach[i])
            continue;
        m->reach[i] = false;
        if (!fits(m, token, i))
            continue;
        size_t next = i + (token->kind == TOKEN_ANY ? char_width(m, i) : 1);
        m->reach[next] = true;
        moved.low = next;
        moved.high = next > moved.high ? next : moved.high;
    }
    *w = moved;
}

/* The end of the longest (else shortest) match that begins at start; SIZE_MAX where none does. */
static size_t match_end(struct matcher *m, size_t start, bool longest)
{
    struct window w = {start, start};
    m->reach[start] = true;
    for (size_t t = 0; t < m->count && w.low != SIZE_MAX; t++) {
        if (m->tokens[t].kind == TOKEN_STAR)
            pass_star(m, &w);
        else
            pass_one(m, &m->tokens[t], &w);
    }
    size_t end = SIZE_MAX;
    for (size_t i = w.low; w.low != SIZE_MAX && i <= w.high; i++) {
        if (m->reach[i] && (longest || end == SIZE_MAX))
            end = i;
        m->reach[i] = false;
    }
    return end;
}

/* Move reach (places where a match may end) to the places where it may begin. */
static void match_starts(struct matcher *m)
{
    for (size_t t = m->count; t-- > 0;) {
        const struct token *token = &m->tokens[t];
        if (token->kind == TOKEN_STAR) {
            for (size_t i = m->n; i-- > 0;)
                m->reach[i] = m->reach[i] || (m->reach[i + 1] && m->value[i] != '\n');
            continue;
        }
        for (size_t i = 0; i < m->n; i++) {
            size_t next = i + 1;
            bool fits = m->value[i] == token->byte;
            if (token->kind == TOKEN_ANY) {
                fits = m->value[i] != '\n' && !is_continuation(m->value[i]);
                next = i + char_width(m, i);
            }
            m->reach[i] = fits && m->reach[next];
        }
        m->reach[m->n] = false;
    }
}

int expand_cut_prefix(const char *value, const char *pattern, bool longest, struct str *out,
                      struct error *err)
{
    __attribute__((cleanup(matcher_release))) struct matcher m;
    if (matcher_init(&m, value, pattern, err))
        return -1;
    size_t end = match_end(&m, 0, longest);
    str_add(out, end == SIZE_MAX ? value : value + end);
    return 0;
}

int expand_cut_suffix(const char *value, const char *pattern, bool longest, struct str *out,
                      struct error *err)
{
    __attribute__((cleanup(matcher_release))) struct matcher m;
    if (matcher_init(&m, value, pattern, err))
        return -1;
    m.reach[m.n] = true;
    match_starts(&m);
    size_t start = m.n;
    for (size_t i = 0; i <= m.n; i++) {
        if (!m.reach[i])
            continue;
        start = i;
        if (longest)
            break;
    }
    str_add_bytes(out, value, start);
    return 0;
}

int expand_replace(const char *value, const char *pattern, const char *replacement, bool all,
                   size_t cap, struct str *out, struct error *err)
{
    __attribute__((cleanup(matcher_release))) struct matcher m;
    if (matcher_init(&m, value, pattern, err))
        return -1;
    memset(m.reach, true, m.n + 1);
    match_starts(&m);
    autofree bool *starts = mem_dup(m.reach, m.n + 1);
    memset(m.reach, false, m.n + 1);
    size_t done = 0; /* value's bytes before it are out */
    bool more = true;
    for (size_t i = 0; i <= m.n && more;) {
        size_t end = starts[i] ? match_end(&m, i, true) : SIZE_MAX;
        if (end == SIZE_MAX) {
            i++;
            continue;
        }
        str_add_bytes(out, value + done, i - done);
        /* An empty match right after a match is none. */
        if (end > done || i == 0)
            str_add(out, replacement);
        if (out->len > cap)
            return error_set(err, ERROR_INPUT, "the replaced value is longer than %zu bytes", cap);
        done = end;
        size_t width = i < m.n ? char_width(&m, i) : 1;
        i = end > i ? end : i + width;
        more = all;
    }
    str_add_bytes(out, value + done, m.n - done);
    return 0;
}
