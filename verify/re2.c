#include "re2.h"

#include <base/mem.h>
#include <base/utf8.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 1000 };

/* A pattern being read. */
struct reader {
    const char *start, *p;
    struct str *out;
    struct error *err;
    bool repeated; /* the last thing read was a repetition, which can't be repeated */
};

static int refuse(struct reader *r, const char *what, size_t length)
{
    return error_set(r->err, ERROR_INPUT,
                     "the pattern “%s” has “%.*s” at character %zu, which RE2 %s", r->start,
                     (int)length, r->p, (size_t)(r->p - r->start) + 1, what);
}

static void add_code(struct reader *r, unsigned long code)
{
    str_addf(r->out, "\\x{%lx}", code);
}

/* ---- escapes ---- */

/* \1 to \7 followed by an octal digit, and \0: up to three digits. */
static int octal(struct reader *r)
{
    const char *p = r->p + 1;
    if (*p != '0' && (p[1] < '0' || p[1] > '7'))
        return refuse(r, "does not have: there are no backreferences", 2);
    unsigned long code = 0;
    for (size_t i = 0; i < 3 && *p >= '0' && *p <= '7'; i++)
        code = code * 8 + (unsigned long)(*p++ - '0');
    add_code(r, code);
    r->p = p;
    return 0;
}

/* \pL, \p{Greek}, \P… and \p{^…} are the same. */
static int property(struct reader *r)
{
    size_t n = 3;
    if (r->p[2] == '{') {
        const char *end = strchr(r->p, '}');
        if (!end)
            return refuse(r, "does not take: its end is missing", 2);
        n = (size_t)(end - r->p) + 1;
    } else if (!r->p[2]) {
        return refuse(r, "does not take: its end is missing", 2);
    }
    str_add_bytes(r->out, r->p, n);
    r->p += n;
    return 0;
}

/* \x41, \x{10FFFF} */
static int hexadecimal(struct reader *r)
{
    const char *p = r->p + 2;
    bool braced = *p == '{';
    char *end;
    p += braced;
    size_t digits = strspn(p, "0123456789abcdefABCDEF");
    bool good = braced ? digits && digits <= 6 && p[digits] == '}' : digits >= 2;
    autofree char *text = mem_strndup(p, braced ? digits : 2);
    unsigned long code = good ? strtoul(text, &end, 16) : 0;
    if (!good || code > 0x10ffff)
        return refuse(r, "does not take", 2);
    add_code(r, code);
    r->p = p + (braced ? digits + 1 : 2);
    return 0;
}

/* The characters that PCRE2 has other words for. */
static bool control(struct reader *r)
{
    static const char letters[] = "afnrtv", codes[] = "\a\f\n\r\t\v";
    const char *found = strchr(letters, r->p[1]);
    if (!found)
        return false;
    add_code(r, (unsigned long)codes[found - letters]);
    r->p += 2;
    return true;
}

/* \s lacks the vertical tab that PCRE2's has. */
static void space(struct reader *r, bool in_class)
{
    bool negated = r->p[1] == 'S';
    if (!in_class)
        str_addf(r->out, "[%s\\t\\n\\f\\r ]", negated ? "^" : "");
    else if (negated)
        str_add(r->out, "\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}");
    else
        str_add(r->out, "\\t\\n\\f\\r ");
    r->p += 2;
}

/* One escape; *single: it stands for one character, as the end of a range must. */
static int escape(struct reader *r, bool in_class, bool *single)
{
    char c = r->p[1];
    *single = true;
    if (!c)
        return refuse(r, "does not take at the end", 1);
    if (c >= '0' && c <= '7')
        return octal(r);
    if (c == 'x')
        return hexadecimal(r);
    if (control(r))
        return 0;
    if ((unsigned char)c < 0x80 && !isalnum((unsigned char)c)) {
        str_add_bytes(r->out, r->p, 2);
        r->p += 2;
        return 0;
    }
    *single = false;
    if (c == 's' || c == 'S') {
        space(r, in_class);
        return 0;
    }
    if (c == 'p' || c == 'P')
        return property(r);
    if (!strchr(in_class ? "dDwW" : "dDwWAbBz", c))
        return refuse(r, "does not have", 2);
    str_add_bytes(r->out, r->p, 2);
    r->p += 2;
    return 0;
}

/* \Q…\E: the text as it stands. */
static void literal_text(struct reader *r)
{
    const char *end = strstr(r->p + 2, "\\E");
    const char *p = r->p + 2, *stop = end ? end : p + strlen(p);
    for (; p < stop; p++) {
        if ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p))
            add_code(r, (unsigned char)*p);
        else
            str_add_char(r->out, *p);
    }
    r->p = end ? end + 2 : stop;
}

/* ---- classes ---- */

/* [:alpha:] and [:^alpha:] within a class. */
static bool named_class(struct reader *r)
{
    if (r->p[0] != '[' || r->p[1] != ':')
        return false;
    const char *end = strstr(r->p + 2, ":]");
    if (!end)
        return false;
    str_add_bytes(r->out, r->p, (size_t)(end - r->p) + 2);
    r->p = end + 2;
    return true;
}

/* One character or escape of a class. */
static int class_item(struct reader *r, bool *single)
{
    *single = true;
    if (*r->p == '\\')
        return escape(r, true, single);
    size_t n = utf8_length(r->p, strlen(r->p));
    if (n == 1 && !isalnum((unsigned char)*r->p))
        add_code(r, (unsigned char)*r->p);
    else
        str_add_bytes(r->out, r->p, n);
    r->p += n;
    return 0;
}

static int class(struct reader *r)
{
    const char *open = r->p++;
    str_add_char(r->out, '[');
    if (*r->p == '^')
        str_add_char(r->out, *r->p++);
    for (bool first = true; first || *r->p != ']'; first = false) {
        bool single;
        if (!*r->p) {
            r->p = open;
            return refuse(r, "does not take: the end of the class is missing", 1);
        }
        if (named_class(r))
            continue;
        if (class_item(r, &single))
            return -1;
        if (*r->p != '-' || r->p[1] == ']' || !r->p[1] || !single)
            continue;
        str_add_char(r->out, '-');
        r->p++;
        if (class_item(r, &single))
            return -1;
        if (!single)
            return error_set(r->err, ERROR_INPUT,
                             "the pattern “%s” has a range that ends with a class, which RE2 does "
                             "not take",
                             r->start);
    }
    str_add_char(r->out, *r->p++);
    return 0;
}

/* ---- groups and repetition ---- */

/* The flags of (?flags) and (?flags:. */
static int group_flags(struct reader *r)
{
    size_t n = 2 + strspn(r->p + 2, "imsU-");
    const char *minus = memchr(r->p, '-', n);
    bool twice = minus && memchr(minus + 1, '-', n - (size_t)(minus + 1 - r->p));
    bool ended = r->p[n] == ')' || r->p[n] == ':';
    if (!ended || twice || (minus && minus == r->p + n - 1) || (n == 2 && r->p[n] == ')'))
        return refuse(r, "does not have", r->p[n] ? n + 1 : n);
    str_add_bytes(r->out, r->p, n + 1);
    r->p += n + 1;
    return 0;
}

static int group(struct reader *r)
{
    if (r->p[1] == '*')
        return refuse(r, "does not have", 2);
    if (r->p[1] != '?') {
        str_add_char(r->out, *r->p++);
        return 0;
    }
    size_t n = str_starts(r->p, "(?P<") ? 4 : str_starts(r->p, "(?<") ? 3 : 0;
    if (!n)
        return group_flags(r);
    size_t name = 0;
    while (isalnum((unsigned char)r->p[n + name]) || r->p[n + name] == '_')
        name++;
    if (!name || r->p[n + name] != '>')
        return refuse(r, "does not have", n + 1);
    str_add_char(r->out, '('); /* nothing asks for the name */
    r->p += n + name + 1;
    return 0;
}

/* The length of {n}, {n,} or {n,m} at p; 0 where the brace is a plain one, -1 where a number is too
 * large. */
static int count_length(const char *p)
{
    size_t a = strspn(p + 1, "0123456789"), n = 1 + a;
    if (!a)
        return 0;
    unsigned long low = strtoul(p + 1, NULL, 10), high = low;
    if (p[n] == ',') {
        size_t b = strspn(p + n + 1, "0123456789");
        high = b ? strtoul(p + n + 1, NULL, 10) : low;
        n += 1 + b;
    }
    if (p[n] != '}')
        return 0;
    return low > REPEAT_MAX || high > REPEAT_MAX || high < low ? -1 : (int)n + 1;
}

static int repetition(struct reader *r)
{
    int n = *r->p == '{' ? count_length(r->p) : 1;
    if (n < 0)
        return refuse(r, "does not take: it repeats too often", strcspn(r->p, "}") + 1);
    if (!n) {
        add_code(r, '{');
        r->p++;
        r->repeated = false;
        return 0;
    }
    if (r->repeated)
        return refuse(r, "does not take behind another repetition", (size_t)n);
    if (r->p[n] == '?')
        n++;
    str_add_bytes(r->out, r->p, (size_t)n);
    r->p += n;
    r->repeated = true;
    return 0;
}

static int one(struct reader *r)
{
    char c = *r->p;
    if (c == '*' || c == '+' || c == '?' || c == '{')
        return repetition(r);
    r->repeated = false;
    if (c == '[')
        return class(r);
    if (c == '(')
        return group(r);
    if (c == '\\') {
        bool single;
        if (r->p[1] != 'Q')
            return escape(r, false, &single);
        literal_text(r);
        return 0;
    }
    str_add_char(r->out, *r->p++);
    return 0;
}

int re2_translate(const char *pattern, struct str *out, struct error *err)
{
    struct reader r = {.start = pattern, .p = pattern, .out = out, .err = err};
    for (const char *p = pattern; *p;) {
        size_t n = utf8_length(p, strlen(p));
        if (!n)
            return error_set(err, ERROR_INPUT, "the pattern is no UTF-8");
        p += n;
    }
    while (*r.p)
        if (one(&r))
            return -1;
    return 0;
}
