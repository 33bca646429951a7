#include "output.h"

#include <base/mem.h>
#include <base/utf8.h>

#include <ctype.h>
#include <string.h>

enum { SHOWN_LINE_MAX = 300, TRACEBACK_LINES = 12 };

void output_add(struct check_output *o, bool is_stderr, const char *bytes, size_t n)
{
    size_t room = OUTPUT_MAX - o->both.len;
    if (n > room) {
        o->too_long = true;
        n = room;
    }
    if (!n)
        return;
    str_add_bytes(is_stderr ? &o->err : &o->out, bytes, n);
    str_add_bytes(&o->both, bytes, n);
}

static bool keep_end(struct str *s)
{
    if (s->len <= OUTPUT_KEPT)
        return false;
    struct str end = STR_INIT;
    str_add_bytes(&end, s->data + (s->len - OUTPUT_KEPT), OUTPUT_KEPT);
    str_release(s);
    *s = end;
    return true;
}

void output_cut(struct check_output *o)
{
    o->cut |= keep_end(&o->out);
    o->cut |= keep_end(&o->err);
    keep_end(&o->both);
}

bool output_silent(const struct check_output *o)
{
    for (size_t i = 0; i < o->both.len; i++)
        if (!isspace((unsigned char)o->both.data[i]))
            return false;
    return true;
}

/* A line for a reason: cleaned, without blanks around it. */
static char *shown_line(const char *line, size_t n)
{
    autostr text = STR_INIT;
    output_clean(line, n > SHOWN_LINE_MAX ? SHOWN_LINE_MAX : n, &text);
    if (n > SHOWN_LINE_MAX)
        str_add(&text, "…");
    return mem_strdup(str_trim(text.data ? text.data : (char[]){""}));
}

char *output_last_line(const struct str *s)
{
    size_t end = s->len;
    while (end && isspace((unsigned char)s->data[end - 1]))
        end--;
    if (!end)
        return NULL;
    const char *before = memrchr(s->data, '\n', end);
    size_t start = before ? (size_t)(before - s->data) + 1 : 0;
    return shown_line(s->data + start, end - start);
}

/* True for "ImportError: …" and "some.module.ModuleNotFoundError: …". */
static bool is_import_error(const char *line, size_t n)
{
    size_t word = 0, part = 0;
    while (word < n && (isalnum((unsigned char)line[word]) || strchr("_.", line[word]))) {
        if (line[word++] == '.')
            part = word;
    }
    if (word < n && line[word] != ':' && line[word] != '\r')
        return false;
    static const char *const names[] = {"ImportError", "ModuleNotFoundError"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (word - part == strlen(names[i]) && !memcmp(line + part, names[i], word - part))
            return true;
    return false;
}

/* The end of the line that starts at p. */
static const char *line_end(const char *p, const char *end)
{
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    return newline ? newline : end;
}

/* Behind "Traceback …:" come indented lines, then the exception. */
static char *exception_line(const char *p, const char *end)
{
    const char *first = p;
    for (p = line_end(p, end); p < end; p = line_end(p, end)) {
        const char *line = ++p;
        if (line < end && !isspace((unsigned char)*line))
            return shown_line(line, (size_t)(line_end(line, end) - line));
    }
    return shown_line(first, (size_t)(line_end(first, end) - first));
}

/* The start of the traceback that says what it came to: of chained ones the last. */
static const char *find_traceback(const char *text, const char *end)
{
    static const char mark[] = "Traceback (most recent call last)";
    const char *found = NULL, *p = text;
    while ((p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)))
        found = p++;
    return found;
}

/* The end of a traceback: behind the first line after its frames, which are indented. */
static const char *traceback_end(const char *p, const char *end)
{
    for (p = line_end(p, end); p < end; p = line_end(p, end)) {
        const char *line = ++p;
        if (line < end && !isspace((unsigned char)*line))
            return line_end(line, end);
    }
    return end;
}

void output_traceback_tail(const struct str *s, struct str *out)
{
    const char *text = str_text(s), *start = find_traceback(text, text + s->len);
    if (!start)
        return;
    const char *end = traceback_end(start, text + s->len), *from = end;
    for (size_t lines = 0; from > start && lines < TRACEBACK_LINES; lines++)
        do
            from--;
        while (from > start && from[-1] != '\n');
    output_clean(from, (size_t)(end - from), out);
}

char *output_traceback_file(const char *traceback)
{
    static const char mark[] = "  File \"";
    const char *found = NULL;
    for (const char *p = traceback; (p = strstr(p, mark)); p++)
        if (p[sizeof mark - 1] == '/')
            found = p + sizeof mark - 1;
    return found ? mem_strndup(found, strcspn(found, "\"\n")) : NULL;
}

char *output_traceback(const struct str *s)
{
    const char *text = str_text(s), *end = text + s->len;
    const char *found = find_traceback(text, end), *p;
    if (found)
        return exception_line(found, end);
    for (p = text; p < end; p = line_end(p, end) + 1)
        if (is_import_error(p, (size_t)(line_end(p, end) - p)))
            return shown_line(p, (size_t)(line_end(p, end) - p));
    return NULL;
}

/* A control sequence ends with a byte from 0x40 on. */
static size_t csi_length(const unsigned char *p, size_t n)
{
    size_t i = 2;
    while (i < n && p[i] >= 0x20 && p[i] < 0x40)
        i++;
    return i < n ? i + 1 : n;
}

/* An operating system command ends with BEL or ESC backslash; a line never goes on in one. */
static size_t osc_length(const unsigned char *p, size_t n)
{
    size_t i = 2;
    while (i < n && p[i] != 7 && p[i] != 0x1b && p[i] != '\n')
        i++;
    if (i < n && p[i] == 7)
        return i + 1;
    return i + 1 < n && p[i] == 0x1b && p[i + 1] == '\\' ? i + 2 : i;
}

/* Length of the terminal's escape sequence at p (ECMA-48: CSI, OSC, or two characters). */
static size_t escape_length(const unsigned char *p, size_t n)
{
    if (n < 2)
        return n;
    if (p[1] == '[')
        return csi_length(p, n);
    if (p[1] == ']')
        return osc_length(p, n);
    return p[1] >= 0x20 && p[1] < 0x7f ? 2 : 1;
}

static bool is_control(const unsigned char *p, size_t length)
{
    bool c1 = length == 2 && p[0] == 0xc2 && p[1] < 0xa0;
    return (*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f || c1;
}

void output_clean(const char *bytes, size_t n, struct str *out)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + n;
    while (p < end) {
        if (*p == 0x1b) {
            p += escape_length(p, (size_t)(end - p));
            continue;
        }
        if (*p == '\r' && p + 1 < end && p[1] == '\n') {
            p++;
            continue;
        }
        size_t length = utf8_length((const char *)p, (size_t)(end - p));
        if (!length || is_control(p, length))
            str_add(out, UTF8_REPLACEMENT);
        else
            str_add_bytes(out, p, length);
        p += length ? length : 1;
    }
}

void output_release(struct check_output *o)
{
    str_release(&o->out);
    str_release(&o->err);
    str_release(&o->both);
    *o = (struct check_output){0};
}
