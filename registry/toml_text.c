#include "toml_text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int toml_error(const struct toml_text *t, struct error *err, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    autofree char *message = mem_vprintf(format, ap);
    va_end(ap);
    error_set(err, ERROR_INPUT, "%s", message);
    autofree char *line = mem_strndup(t->line_start, strcspn(t->line_start, "\r\n"));
    return error_at(err, t->name, t->line, (unsigned)(t->at - t->line_start) + 1, line);
}

void toml_skip_blanks(struct toml_text *t)
{
    while (*t->at == ' ' || *t->at == '\t')
        t->at++;
}

static void new_line(struct toml_text *t)
{
    t->line++;
    t->line_start = t->at;
}

void toml_skip_lines(struct toml_text *t)
{
    for (;;) {
        toml_skip_blanks(t);
        if (*t->at == '#')
            t->at += strcspn(t->at, "\n");
        if (*t->at == '\r' && t->at[1] == '\n')
            t->at++;
        if (*t->at != '\n')
            return;
        t->at++;
        new_line(t);
    }
}

bool toml_take(struct toml_text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static void add_utf8(struct str *out, uint32_t c)
{
    if (c < 0x80) {
        str_add_char(out, (char)c);
    } else if (c < 0x800) {
        str_add_char(out, (char)(0xc0 | c >> 6));
        str_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        str_add_char(out, (char)(0xe0 | c >> 12));
        str_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        str_add_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        str_add_char(out, (char)(0xf0 | c >> 18));
        str_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        str_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        str_add_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* \uXXXX, \UXXXXXXXX: a character, no surrogate, never NUL. */
static int unicode(struct toml_text *t, size_t digits, struct str *out, struct error *err)
{
    char hex[9] = "";
    size_t n = strspn(t->at, "0123456789abcdefABCDEF");
    if (n < digits)
        return toml_error(t, err, "an escape needs %zu hexadecimal digits", digits);
    memcpy(hex, t->at, digits);
    uint32_t c = (uint32_t)strtoul(hex, NULL, 16);
    if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return toml_error(t, err, "an escape that is no character");
    t->at += digits;
    add_utf8(out, c);
    return 0;
}

/* Behind the backslash. In a string of many lines one before a line end takes all blanks after it
 * away. */
static int escape(struct toml_text *t, bool many, struct str *out, struct error *err)
{
    static const char from[] = "btnfre\"\\", to[] = "\b\t\n\f\r\x1b\"\\";
    const char *known = *t->at ? strchr(from, *t->at) : NULL;
    if (known) {
        t->at++;
        str_add_char(out, to[known - from]);
        return 0;
    }
    if (*t->at == 'u' || *t->at == 'U')
        return unicode(t, *t->at++ == 'u' ? 4 : 8, out, err);
    if (!many || t->at[strspn(t->at, " \t\r")] != '\n')
        return toml_error(t, err, "an unknown escape in a string");
    while (*t->at && strchr(" \t\r\n", *t->at))
        if (*t->at++ == '\n')
            new_line(t);
    return 0;
}

/* Whether the string's end is here; it is passed. Of a run of quotes the last three end a string of
 * many lines. */
static bool ends(struct toml_text *t, char quote, bool many)
{
    if (*t->at != quote)
        return false;
    if (many && (t->at[1] != quote || t->at[2] != quote || t->at[3] == quote))
        return false;
    t->at += many ? 3 : 1;
    return true;
}

/* Past the quotes, and the line end right behind three of them. True: a string of many lines. */
static bool start(struct toml_text *t, char quote, bool one_line)
{
    bool many = t->at[1] == quote && t->at[2] == quote && !one_line;
    t->at += many ? 3 : 1;
    if (!many)
        return false;
    if (*t->at == '\r' && t->at[1] == '\n')
        t->at++;
    if (toml_take(t, '\n'))
        new_line(t);
    return true;
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
}

int toml_string(struct toml_text *t, bool one_line, struct str *out, struct error *err)
{
    char quote = *t->at;
    bool many = start(t, quote, one_line);
    while (!ends(t, quote, many)) {
        char c = *t->at;
        if (t->at == t->end || (c == '\n' && !many))
            return toml_error(t, err, "a string without its end");
        if (is_control((unsigned char)c))
            return toml_error(t, err, "a control character in a string");
        t->at++;
        if (c == '\n')
            new_line(t);
        if (c != '\\' || quote == '\'')
            str_add_char(out, c);
        else if (escape(t, many, out, err))
            return -1;
    }
    return 0;
}
