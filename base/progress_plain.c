/* For logs: a line when a task starts and ends, and each line of its output. */
#include "progress_view.h"

enum { REPORT_SECONDS = 10 };

static void plain_start(struct progress *p, struct progress_task *t)
{
    autostr text = STR_INIT;
    str_addf(&text, "#%u %s\n", t->number, t->name);
    progress_emit(p, &text);
}

static void plain_line(struct progress *p, struct progress_task *t, const char *line)
{
    autostr text = STR_INIT;
    str_addf(&text, "#%u %s\n", t->number, line);
    progress_emit(p, &text);
}

static void plain_end(struct progress *p, struct progress_task *t,
                      const struct progress_ended *ended)
{
    char time[16];
    autostr text = STR_INIT;
    str_addf(&text, "#%u %s: ", t->number, t->name);
    str_add(&text, progress_end_word(ended->how));
    if (ended->detail && *ended->detail)
        str_addf(&text, ", %s", ended->detail);
    autostr rate = STR_INIT;
    progress_add_rate(&rate, t, ended->seconds, true);
    if (rate.len)
        str_addf(&text, ",%s", str_text(&rate));
    if (ended->how == PROGRESS_DONE || ended->how == PROGRESS_FAILED)
        str_addf(&text, ", %s", progress_time(time, ended->seconds));
    str_add_char(&text, '\n');
    progress_emit(p, &text);
}

static void plain_message(struct progress *p, int level, const char *line)
{
    (void)level;
    autostr text = STR_INIT;
    str_add(&text, line);
    progress_emit(p, &text);
}

/* A long transfer says now and then that it lives; a step's own output does that for itself. */
static void plain_tick(struct progress *p)
{
    double now = progress_now(p);
    for (struct progress_task *t = p->tasks; t; t = t->next) {
        if (now - t->reported < REPORT_SECONDS)
            continue;
        t->reported = now;
        autostr rate = STR_INIT;
        progress_add_rate(&rate, t, now - t->started, false);
        if (!rate.len)
            continue;
        autostr text = STR_INIT;
        str_addf(&text, "#%u%s\n", t->number, str_text(&rate));
        progress_emit(p, &text);
    }
}

const struct progress_view progress_plain = {
    plain_start, plain_line, plain_end, plain_message, plain_tick, NULL,
};
