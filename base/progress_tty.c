/* For terminals: what has ended scrolls up; what runs is drawn below it, in place, with rates and
 * the last lines of output. Everything of one redraw goes out in one write. */
#include "progress_view.h"

#include <string.h>
#include <sys/ioctl.h>

enum { OUTPUT_LINES = 4, TASKS_MAX = 12 };

static const char dim[] = "\033[2m", red[] = "\033[31m", green[] = "\033[32m", cyan[] = "\033[36m",
                  off[] = "\033[0m";

static const char *colour(const struct progress *p, const char *code)
{
    return p->colour ? code : "";
}

static struct winsize terminal_size(const struct progress *p)
{
    struct winsize size = {0};
    if (ioctl(p->fd, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    return size;
}

/* To the start of the live area, which is cleared. */
static void add_erase(struct progress *p, struct str *text)
{
    if (p->drawn)
        str_addf(text, "\033[%zuA\r\033[J", p->drawn);
    p->drawn = 0;
}

/* One line of the live area: a coloured sign, the text cut to the terminal's width, and what stands
 * at its right. */
static void add_row(struct progress *p, struct str *text, size_t columns, const char *name,
                    const char *right)
{
    size_t used = strlen(right) + 4;
    size_t room = columns > used + 8 ? columns - used : 8;
    str_addf(text, "%s=>%s ", colour(p, cyan), colour(p, off));
    size_t before = text->len;
    progress_add_visible(text, name, room);
    size_t shown = 0;
    for (size_t i = before; i < text->len; i++)
        shown += ((unsigned char)text->data[i] & 0xc0) != 0x80;
    str_addf(text, "%*s%s%s%s\n", (int)(room - shown), "", colour(p, dim), right, colour(p, off));
    p->drawn++;
}

static void add_last_lines(struct progress *p, struct str *text, struct progress_task *t,
                           size_t columns)
{
    const struct str *kept = t->record.tail.len ? &t->record.tail : &t->record.head;
    const char *start = str_text(kept), *from = start + kept->len;
    if (from > start && from[-1] == '\n')
        from--;
    for (int lines = 0; from > start; from--)
        if (from[-1] == '\n' && ++lines == OUTPUT_LINES)
            break;
    while (*from) {
        size_t n = strcspn(from, "\n");
        autofree char *line = mem_strndup(from, n);
        char *overwritten = strrchr(line, '\r');
        bool replaced = overwritten && overwritten[1];
        str_addf(text, "%s   ", colour(p, dim));
        progress_add_visible(text, replaced ? overwritten + 1 : line,
                             columns > 4 ? columns - 4 : 1);
        str_addf(text, "%s\n", colour(p, off));
        p->drawn++;
        from += n + (from[n] == '\n');
    }
}

static void add_task(struct progress *p, struct str *text, struct progress_task *t, size_t columns)
{
    char time[16];
    double seconds = progress_now(p) - t->started;
    autostr right = STR_INIT;
    progress_add_rate(&right, t, seconds, false);
    str_addf(&right, "  %s", progress_time(time, seconds));
    add_row(p, text, columns, t->name, str_text(&right));
}

static size_t running(const struct progress *p)
{
    size_t n = 0;
    for (const struct progress_task *t = p->tasks; t; t = t->next)
        n++;
    return n;
}

/* The live area must stay below the terminal's height, else it cannot be erased again. */
static void add_live(struct progress *p, struct str *text)
{
    struct winsize size = terminal_size(p);
    size_t tasks = running(p);
    size_t rows = size.ws_row > 3 ? size.ws_row - 2u : 1;
    size_t shown = tasks < rows ? tasks : rows - 1;
    shown = shown < TASKS_MAX ? shown : TASKS_MAX;
    size_t spare = rows - shown;
    size_t i = 0;
    for (struct progress_task *t = p->tasks; t && i < shown; t = t->next, i++) {
        add_task(p, text, t, size.ws_col);
        if (t->record.head.len && spare > OUTPUT_LINES) {
            add_last_lines(p, text, t, size.ws_col);
            spare -= OUTPUT_LINES;
        }
    }
    if (i < tasks) {
        str_addf(text, "   … and %zu more\n", tasks - i);
        p->drawn++;
    }
}

static void redraw(struct progress *p, const struct str *above)
{
    autostr text = STR_INIT;
    add_erase(p, &text);
    if (above)
        str_add_bytes(&text, str_text(above), above->len);
    add_live(p, &text);
    progress_emit(p, &text);
}

static void tty_start(struct progress *p, struct progress_task *t)
{
    (void)t;
    if (!p->ticking) /* later ones are drawn by the next tick */
        redraw(p, NULL);
}

static void tty_line(struct progress *p, struct progress_task *t, const char *line)
{
    (void)p;
    (void)t;
    (void)line; /* drawn from the record by the next tick */
}

static const char *end_colour(enum progress_end how)
{
    switch (how) {
    case PROGRESS_DONE:
        return green;
    case PROGRESS_FAILED:
        return red;
    case PROGRESS_CACHED:
    case PROGRESS_SKIPPED:
        break;
    }
    return dim;
}

/* A failed step's output in full, line by line, so that nothing in it moves the cursor. */
static void add_output(struct str *text, const struct progress_record *record)
{
    autostr output = STR_INIT;
    progress_add_record(&output, record);
    for (const char *from = str_text(&output); *from;) {
        size_t n = strcspn(from, "\n");
        autofree char *line = mem_strndup(from, n);
        str_add(text, "   ");
        progress_add_visible(text, line, SIZE_MAX);
        str_add_char(text, '\n');
        from += n + (from[n] == '\n');
    }
}

static void tty_end(struct progress *p, struct progress_task *t, const struct progress_ended *ended)
{
    char time[16];
    autostr text = STR_INIT;
    str_addf(&text, "%s%-7s%s ", colour(p, end_colour(ended->how)), progress_end_word(ended->how),
             colour(p, off));
    progress_add_visible(&text, t->name, SIZE_MAX);
    if (ended->detail && *ended->detail) {
        str_add(&text, "  ");
        progress_add_visible(&text, ended->detail, SIZE_MAX);
    }
    str_add(&text, colour(p, dim));
    autostr rate = STR_INIT;
    progress_add_rate(&rate, t, ended->seconds, true);
    if (rate.len)
        str_addf(&text, " %s", str_text(&rate));
    if (ended->how == PROGRESS_DONE || ended->how == PROGRESS_FAILED)
        str_addf(&text, "  %s", progress_time(time, ended->seconds));
    str_addf(&text, "%s\n", colour(p, off));
    if (ended->how == PROGRESS_FAILED)
        add_output(&text, &t->record);
    redraw(p, &text);
}

static void tty_message(struct progress *p, int level, const char *line)
{
    (void)level;
    autostr text = STR_INIT;
    str_add(&text, line);
    redraw(p, &text);
}

static void tty_tick(struct progress *p)
{
    if (p->tasks || p->drawn)
        redraw(p, NULL);
}

static void tty_finish(struct progress *p)
{
    autostr text = STR_INIT;
    add_erase(p, &text);
    progress_emit(p, &text);
}

const struct progress_view progress_tty = {
    tty_start, tty_line, tty_end, tty_message, tty_tick, tty_finish,
};
