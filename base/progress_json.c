/* For programs: an object a line, with "event" start, output, progress, end or message. */
#include "json.h"
#include "log.h"
#include "progress_view.h"

#include <string.h>

static void emit_object(struct progress *p, json_t *object)
{
    autofree char *text = json_text(object);
    autostr line = STR_INIT;
    str_addf(&line, "%s\n", text);
    progress_emit(p, &line);
}

static json_t *event(const char *name, const struct progress_task *t)
{
    json_t *object = json_object();
    json_object_set_new(object, "event", json_string(name));
    json_object_set_new(object, "task", json_integer(t->number));
    return object;
}

static double rounded(double seconds)
{
    return (double)(int64_t)(seconds * 1000 + .5) / 1000;
}

static void add_bytes(json_t *object, const struct progress_task *t)
{
    int64_t done = atomic_load_explicit(&t->done, memory_order_relaxed);
    int64_t total = atomic_load_explicit(&t->total, memory_order_relaxed);
    if (done)
        json_object_set_new(object, "bytes", json_integer(done));
    if (total)
        json_object_set_new(object, "total", json_integer(total));
}

static void json_start(struct progress *p, struct progress_task *t)
{
    autojson *object = event("start", t);
    json_object_set_new(object, "name", json_from_text(t->name));
    add_bytes(object, t);
    emit_object(p, object);
}

static void json_line(struct progress *p, struct progress_task *t, const char *line)
{
    autojson *object = event("output", t);
    json_object_set_new(object, "text", json_from_text(line));
    emit_object(p, object);
}

static void json_end(struct progress *p, struct progress_task *t,
                     const struct progress_ended *ended)
{
    autojson *object = event("end", t);
    json_object_set_new(object, "name", json_from_text(t->name));
    json_object_set_new(object, "result", json_string(progress_end_word(ended->how)));
    if (ended->detail)
        json_object_set_new(object, "detail", json_from_text(ended->detail));
    add_bytes(object, t);
    json_object_set_new(object, "seconds", json_real(rounded(ended->seconds)));
    emit_object(p, object);
}

static void json_message(struct progress *p, int level, const char *line)
{
    static const char *const levels[] = {"quiet", "warning", "info", "debug"};
    autojson *object = json_object();
    autofree char *text = mem_strndup(line, strcspn(line, "\n"));
    json_object_set_new(object, "event", json_string("message"));
    json_object_set_new(object, "level", json_string(levels[level & 3]));
    json_object_set_new(object, "text", json_from_text(text));
    emit_object(p, object);
}

static void json_tick(struct progress *p)
{
    double now = progress_now(p);
    for (struct progress_task *t = p->tasks; t; t = t->next) {
        if (now - t->reported < 1 || !atomic_load_explicit(&t->done, memory_order_relaxed))
            continue;
        t->reported = now;
        autojson *object = event("progress", t);
        add_bytes(object, t);
        json_object_set_new(object, "seconds", json_real(rounded(now - t->started)));
        emit_object(p, object);
    }
}

const struct progress_view progress_json = {
    json_start, json_line, json_end, json_message, json_tick, NULL,
};
