#include "error.h"

#include "log.h"
#include "mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void error_release(struct error *err)
{
    if (!err)
        return;
    free(err->message);
    free(err->file);
    free(err->source_line);
    free(err->hint);
    *err = ERROR_INIT;
}

int(error_set)(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, format);
    char *message = mem_vprintf(format, ap);
    va_end(ap);
    error_release(err);
    err->kind = kind;
    err->message = message;
    return -1;
}

int(error_errno)(struct error *err, enum error_kind kind, const char *format, ...)
{
    int sys = errno;
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, format);
    autofree char *message = mem_vprintf(format, ap);
    va_end(ap);
    error_release(err);
    err->kind = kind;
    err->sys = sys;
    err->message = mem_printf("%s: %s", message, strerror(sys));
    if (sys == ENOSPC || sys == EDQUOT) {
        err->kind = ERROR_HOST;
        err->hint = mem_strdup("free some space there, run `imgbuild prune`, or name another store "
                               "with --root");
    }
    return -1;
}

int(error_wrap)(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list ap;
    va_start(ap, format);
    autofree char *prefix = mem_vprintf(format, ap);
    va_end(ap);
    char *message = mem_printf("%s: %s", prefix, err->message ? err->message : "failed");
    free(err->message);
    err->message = message;
    return -1;
}

int(error_at)(struct error *err, const char *file, unsigned line, unsigned column, const char *text)
{
    if (!err || err->file)
        return -1;
    err->file = mem_strdup(file);
    err->line = line;
    err->column = column;
    if (text)
        err->source_line = mem_strndup(text, strcspn(text, "\r\n"));
    return -1;
}

int(error_hint)(struct error *err, const char *format, ...)
{
    if (!err || err->hint)
        return -1;
    va_list ap;
    va_start(ap, format);
    err->hint = mem_vprintf(format, ap);
    va_end(ap);
    return -1;
}

int(error_move)(struct error *to, struct error *from)
{
    if (to) {
        error_release(to);
        *to = *from;
        *from = ERROR_INIT;
    } else {
        error_release(from);
    }
    return -1;
}

int error_exit_code(const struct error *err)
{
    switch (err->kind) {
    case ERROR_NONE:
        return 0;
    case ERROR_STEP:
        return 1;
    case ERROR_USAGE:
        return 2;
    case ERROR_INPUT:
    case ERROR_MISSING:
        return 3;
    case ERROR_NETWORK:
        return 4;
    case ERROR_AUTH:
        return 5;
    case ERROR_INTEGRITY:
        return 6;
    case ERROR_HOST:
        return 7;
    case ERROR_INTERRUPTED:
        return 130;
    case ERROR_INTERNAL:
        break;
    }
    return 70;
}

/* The mark stands under the column: tabs before it are repeated, so that both lines indent alike.
 */
static void print_mark(const char *text, unsigned column, FILE *out)
{
    fputs("    | ", out);
    for (unsigned i = 0; i + 1 < column && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\t')
            fputc('\t', out);
        else if ((c & 0xc0) != 0x80) /* one blank per character, not per byte of UTF-8 */
            fputc(' ', out);
    }
    fputs("^\n", out);
}

/* Texts may come from an image or a registry: what would move a terminal's cursor or change its
 * colours is shown as "?". */
static void print_safe(const char *text, FILE *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        fputc(control ? '?' : c, out);
    }
}

void error_print(const struct error *err, FILE *out, int colour)
{
    const char *red = colour ? "\033[1;31m" : "";
    const char *bold = colour ? "\033[1m" : "";
    const char *off = colour ? "\033[0m" : "";
    fprintf(out, "%serror:%s ", red, off);
    if (err->file) {
        fputs(bold, out);
        print_safe(err->file, out);
        if (err->line)
            fprintf(out, ":%u", err->line);
        fprintf(out, ":%s ", off);
    }
    print_safe(err->message ? err->message : "failed", out);
    fputc('\n', out);
    if (err->source_line) {
        fputs("    | ", out);
        print_safe(err->source_line, out);
        fputc('\n', out);
        if (err->column)
            print_mark(err->source_line, err->column, out);
    }
    if (err->hint) {
        fprintf(out, "%shint:%s ", bold, off);
        print_safe(err->hint, out);
        fputc('\n', out);
    }
}

void error_ignore(struct error *err, const char *why)
{
    if (err && err->kind != ERROR_NONE)
        log_debug("ignored (%s): %s", why, err->message ? err->message : "failed");
    error_release(err);
}
