#include "progress.h"

#include "io.h"
#include "log.h"
#include "progress_view.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_MAX = 256 * 1024, TAIL_MAX = 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 };

double progress_now(const struct progress *p)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - p->epoch.tv_sec) + (double)(now.tv_nsec - p->epoch.tv_nsec) / 1e9;
}

void progress_emit(struct progress *p, const struct str *text)
{
    if (p->held) {
        str_add_bytes(&p->backlog, text->data, text->len);
        return;
    }
    fflush(p->out);
    /* Nowhere to say that it failed: progress is not the result. */
    for (size_t done = 0; done < text->len;) {
        ssize_t put = write(p->fd, text->data + done, text->len - done);
        if (put < 0 && errno != EINTR)
            return;
        done += put > 0 ? (size_t)put : 0;
    }
}

static bool is_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

static const struct progress_view *view_of(enum progress_mode mode, int fd)
{
    switch (mode) {
    case PROGRESS_AUTO:
        return is_terminal(fd) ? &progress_tty : &progress_plain;
    case PROGRESS_PLAIN:
        return &progress_plain;
    case PROGRESS_TTY:
        return &progress_tty;
    case PROGRESS_JSON:
        return &progress_json;
    case PROGRESS_QUIET:
        break;
    }
    return NULL;
}

static void take_message(enum log_level level, const char *line, void *context)
{
    struct progress *p = context;
    pthread_mutex_lock(&p->lock);
    p->view->message(p, (int)level, line);
    pthread_mutex_unlock(&p->lock);
}

static void *tick(void *context)
{
    struct progress *p = context;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 100 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&p->stop, &p->lock, &until);
        if (!p->stopping && !p->held)
            p->view->tick(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* The ticker starts with the first task: a run that has none needs no thread. Signals are for the
 * main thread. Without a thread the view still shows every start and end. */
static void start_ticker(struct progress *p)
{
    if (p->ticking || !p->view || !p->view->tick)
        return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    p->ticking = !pthread_create(&p->ticker, NULL, tick, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct progress *progress_new(enum progress_mode mode, FILE *out)
{
    struct progress *p = mem_zalloc(1, sizeof *p);
    p->out = out;
    p->fd = fileno(out);
    p->view = view_of(mode, p->fd);
    const char *no_colour = getenv("NO_COLOR");
    p->colour = p->view == &progress_tty && !(no_colour && *no_colour);
    clock_gettime(CLOCK_MONOTONIC, &p->epoch);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&p->stop, &attributes);
    pthread_condattr_destroy(&attributes);
    if (p->view)
        log_set_writer(take_message, p);
    return p;
}

void progress_hold(struct progress *p)
{
    if (!p || !p->view)
        return;
    pthread_mutex_lock(&p->lock);
    if (p->view->finish)
        p->view->finish(p);
    p->held = true;
    pthread_mutex_unlock(&p->lock);
}

void progress_resume(struct progress *p)
{
    if (!p || !p->view)
        return;
    pthread_mutex_lock(&p->lock);
    p->held = false;
    progress_emit(p, &p->backlog);
    str_release(&p->backlog);
    pthread_mutex_unlock(&p->lock);
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    progress_resume(p);
    if (p->view)
        log_set_writer(NULL, NULL);
    pthread_mutex_lock(&p->lock);
    bool ticking = p->ticking;
    p->stopping = true;
    pthread_cond_signal(&p->stop);
    pthread_mutex_unlock(&p->lock);
    if (ticking)
        pthread_join(p->ticker, NULL);
    while (p->tasks)
        progress_end(p->tasks, PROGRESS_SKIPPED, "given up");
    if (p->view && p->view->finish)
        p->view->finish(p);
    pthread_cond_destroy(&p->stop);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

struct progress_task *progress_start(struct progress *p, const char *name, int64_t total)
{
    if (!p)
        return NULL;
    struct progress_task *t = mem_zalloc(1, sizeof *t);
    t->progress = p;
    t->name = mem_strdup(name);
    atomic_init(&t->total, total);
    atomic_init(&t->done, 0);
    pthread_mutex_lock(&p->lock);
    t->number = ++p->count;
    t->started = t->reported = progress_now(p);
    struct progress_task **last = &p->tasks;
    while (*last)
        last = &(*last)->next;
    *last = t;
    if (p->view)
        p->view->start(p, t);
    start_ticker(p);
    pthread_mutex_unlock(&p->lock);
    return t;
}

void progress_set_total(struct progress_task *t, int64_t total)
{
    if (t)
        atomic_store_explicit(&t->total, total, memory_order_relaxed);
}

void progress_add(struct progress_task *t, int64_t bytes)
{
    if (t)
        atomic_fetch_add_explicit(&t->done, bytes, memory_order_relaxed);
}

static void record(struct progress_record *r, const char *bytes, size_t n)
{
    size_t room = HEAD_MAX - r->head.len;
    size_t first = n < room ? n : room;
    if (first)
        str_add_bytes(&r->head, bytes, first);
    bytes += first;
    n -= first;
    if (!n)
        return;
    if (n > TAIL_MAX) {
        r->dropped += n - TAIL_MAX;
        bytes += n - TAIL_MAX;
        n = TAIL_MAX;
    }
    str_add_bytes(&r->tail, bytes, n);
    if (r->tail.len > 2 * TAIL_MAX) { /* moved seldom, so that each byte is moved once at most */
        size_t extra = r->tail.len - TAIL_MAX;
        memmove(r->tail.data, r->tail.data + extra, TAIL_MAX + 1);
        r->tail.len = TAIL_MAX;
        r->dropped += extra;
    }
}

static void end_line(struct progress *p, struct progress_task *t)
{
    char *line = t->partial.data;
    size_t n = t->partial.len;
    while (n && line[n - 1] == '\r')
        line[--n] = '\0';
    /* A line that was overwritten after a carriage return ends as what stood there last. */
    char *shown = line ? memrchr(line, '\r', n) : NULL;
    if (p->view)
        p->view->line(p, t, shown ? shown + 1 : line ? line : "");
    str_clear(&t->partial);
}

void progress_output(struct progress_task *t, const char *bytes, size_t n)
{
    if (!t)
        return;
    struct progress *p = t->progress;
    pthread_mutex_lock(&p->lock);
    record(&t->record, bytes, n);
    while (n) {
        const char *newline = memchr(bytes, '\n', n);
        size_t length = newline ? (size_t)(newline - bytes) : n;
        size_t room = LINE_MAX_BYTES - t->partial.len;
        size_t part = length < room ? length : room;
        str_add_bytes(&t->partial, bytes, part);
        if (part < length) {
            end_line(p, t);
        } else if (newline) {
            end_line(p, t);
            part++;
        }
        bytes += part;
        n -= part;
    }
    pthread_mutex_unlock(&p->lock);
}

static void unlink_task(struct progress *p, struct progress_task *t)
{
    struct progress_task **at = &p->tasks;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
}

void progress_end(struct progress_task *t, enum progress_end how, const char *detail)
{
    if (!t)
        return;
    struct progress *p = t->progress;
    pthread_mutex_lock(&p->lock);
    if (t->partial.len)
        end_line(p, t);
    unlink_task(p, t);
    struct progress_ended ended = {how, detail, progress_now(p) - t->started};
    if (p->view)
        p->view->end(p, t, &ended);
    pthread_mutex_unlock(&p->lock);
    free(t->name);
    str_release(&t->record.head);
    str_release(&t->record.tail);
    str_release(&t->partial);
    free(t);
}

void progress_add_record(struct str *out, const struct progress_record *record_)
{
    str_add_bytes(out, str_text(&record_->head), record_->head.len);
    if (record_->dropped)
        str_addf(out, "\n… %zu bytes left out …\n", record_->dropped);
    str_add_bytes(out, str_text(&record_->tail), record_->tail.len);
}

char *progress_tail(struct progress_task *t, size_t lines)
{
    if (!t || !lines)
        return mem_strdup("");
    autostr text = STR_INIT;
    pthread_mutex_lock(&t->progress->lock);
    progress_add_record(&text, &t->record);
    pthread_mutex_unlock(&t->progress->lock);
    const char *start = str_text(&text), *p = start + text.len;
    if (p > start && p[-1] == '\n')
        p--;
    while (p > start) {
        const char *newline = memrchr(start, '\n', (size_t)(p - start));
        if (!newline || !--lines) {
            p = newline ? newline + 1 : start;
            break;
        }
        p = newline;
    }
    return mem_strdup(p);
}
