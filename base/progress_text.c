#include "progress_view.h"

#include <string.h>

char *progress_size(char buffer[16], int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(buffer, 16, "%d B", bytes < 0 ? 0 : (int)bytes);
        return buffer;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < COUNT_OF(units); unit++) /* never "1000.0 kB" */
        value /= 1000;
    snprintf(buffer, 16, "%.1f %s", value, units[unit]);
    return buffer;
}

char *progress_time(char buffer[16], double seconds)
{
    char text[64];
    if (!(seconds > 0))
        seconds = 0;
    unsigned whole = seconds < 3.6e8 ? (unsigned)(seconds + .5) : 0;
    if (seconds < 59.95)
        snprintf(text, sizeof text, "%.1f s", seconds);
    else if (seconds < 3599.5)
        snprintf(text, sizeof text, "%u min %02u s", whole / 60, whole % 60);
    else if (seconds < 3.6e8)
        snprintf(text, sizeof text, "%u h %02u min", whole / 3600, whole / 60 % 60);
    else
        snprintf(text, sizeof text, "for ever");
    snprintf(buffer, 16, "%.15s", text);
    return buffer;
}

void progress_add_rate(struct str *out, const struct progress_task *t, double seconds, bool ended)
{
    int64_t done = atomic_load_explicit(&t->done, memory_order_relaxed);
    int64_t total = atomic_load_explicit(&t->total, memory_order_relaxed);
    char size[16];
    if (!done && !(total && !ended))
        return;
    str_addf(out, " %s", progress_size(size, done));
    if (total && !ended)
        str_addf(out, " / %s", progress_size(size, total));
    if (seconds > .05 && done)
        str_addf(out, "  %s/s", progress_size(size, (int64_t)((double)done / seconds)));
}

/* The length of the escape sequence at text (ESC at least). */
static size_t escape_length(const char *text)
{
    const char *p = text + 1;
    if (*p == '[') { /* CSI: parameters, then one final byte */
        for (p++; *p && (unsigned char)*p < 0x40; p++)
            ;
        return (size_t)(p - text) + (*p != '\0');
    }
    if (*p == ']') { /* OSC: until BEL or ESC \ */
        for (p++; *p && *p != '\a' && *p != '\033'; p++)
            ;
        return (size_t)(p - text) + (*p == '\a' ? 1 : *p && p[1] ? 2 : 0);
    }
    return *p ? 2 : 1;
}

void progress_add_visible(struct str *out, const char *text, size_t columns)
{
    size_t column = 0;
    while (*text) {
        unsigned char c = (unsigned char)*text;
        bool continuation = (c & 0xc0) == 0x80;
        if (c == '\033') {
            text += escape_length(text);
            continue;
        }
        if (c == '\t')
            c = ' ';
        if (c >= 0x20 && c != 0x7f) {
            if (!continuation && column++ == columns)
                break;
            str_add_char(out, (char)c);
        }
        text++;
    }
}

const char *progress_end_word(enum progress_end how)
{
    static const char *const words[] = {"done", "cached", "skipped", "failed"};
    return words[how];
}
