#include "report.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { FORMAT_VERSION = 1 };

static json_t *clean_string(const char *bytes, size_t n)
{
    autostr text = STR_INIT;
    output_clean(bytes, n, &text);
    return json_stringn(str_text(&text), text.len);
}

static void set_stream(json_t *object, const char *key, const struct str *s)
{
    json_object_set_new(object, key, clean_string(str_text(s), s->len));
}

static json_t *run_to_json(const struct check_result *r)
{
    json_t *run = json_object();
    bool cut = r->output.too_long || r->output.cut;
    json_object_set_new(run, "exit_code",
                        r->timed_out || r->signal ? json_null() : json_integer(r->exit_code));
    json_object_set_new(run, "signal", r->signal ? json_integer(r->signal) : json_null());
    json_object_set_new(run, "timed_out", json_boolean(r->timed_out));
    set_stream(run, "stdout", &r->output.out);
    set_stream(run, "stderr", &r->output.err);
    json_object_set_new(run, "truncated", json_boolean(cut));
    return run;
}

static json_t *blame_to_json(const struct check_blame *b)
{
    json_t *out = json_object();
    json_object_set_new(out, "path", clean_string(b->path, strlen(b->path)));
    json_object_set_new(out, "layer", json_integer((json_int_t)b->layer));
    json_object_set_new(out, "digest",
                        digest_is_set(&b->digest) ? json_string(b->digest.text) : json_null());
    json_object_set_new(out, "instruction", clean_string(b->instruction, strlen(b->instruction)));
    json_object_set_new(out, "created_by", clean_string(b->created_by, strlen(b->created_by)));
    json_object_set_new(out, "deleted", json_boolean(b->deleted));
    json_object_set_new(out, "line", b->line ? json_integer(b->line) : json_null());
    return out;
}

static void set_blames(json_t *check, const struct check_result *r)
{
    if (!r->blame_count)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < r->blame_count; i++)
        json_array_append_new(list, blame_to_json(&r->blames[i]));
    json_object_set_new(check, "blame", list);
}

static json_t *check_to_json(const struct check *check, const struct check_result *r)
{
    json_t *out = json_object();
    json_object_set_new(out, "name", clean_string(check->name, strlen(check->name)));
    json_object_set_new(out, "kind", json_string(check_kind_name(check->kind)));
    json_object_set_new(out, "verdict", json_string(verdict_name(r->verdict)));
    json_object_set_new(out, "detail", clean_string(str_text(&r->detail), r->detail.len));
    json_object_set_new(out, "seconds", json_real(r->seconds));
    json_object_set_new(out, "file", clean_string(check->file, strlen(check->file)));
    json_object_set_new(out, "line", json_integer(check->line));
    set_blames(out, r);
    if (r->traceback.len)
        set_stream(out, "traceback", &r->traceback);
    if (r->ran)
        json_object_set_new(out, "run", run_to_json(r));
    return out;
}

static json_t *totals_to_json(const struct result_totals *t)
{
    json_t *out = json_object();
    json_object_set_new(out, "checks", json_integer((json_int_t)t->checks));
    json_object_set_new(out, "passed", json_integer((json_int_t)t->passed));
    json_object_set_new(out, "failed", json_integer((json_int_t)t->failed));
    json_object_set_new(out, "skipped", json_integer((json_int_t)t->skipped));
    return out;
}

static json_t *image_to_json(const struct image_result *r)
{
    struct result_totals totals = {0};
    image_result_count(r, &totals);
    json_t *out = json_object(), *checks = json_array();
    json_object_set_new(out, "reference", clean_string(r->reference, strlen(r->reference)));
    json_object_set_new(out, "digest",
                        digest_is_set(&r->digest) ? json_string(r->digest.text) : json_null());
    json_object_set_new(out, "platform", json_string(r->platform));
    json_object_set_new(out, "emulated", json_boolean(r->emulated));
    json_object_set_new(out, "variant", json_string(r->variant));
    json_object_set_new(out, "layers", json_integer((json_int_t)r->layers));
    json_object_set_new(out, "files", json_from_strings(&r->files));
    json_object_set_new(out, "seconds", json_real(r->seconds));
    json_object_set_new(out, "left_out", json_integer((json_int_t)r->left_out));
    json_object_set_new(out, "totals", totals_to_json(&totals));
    for (size_t i = 0; i < r->checks.count; i++)
        json_array_append_new(checks, check_to_json(&r->checks.items[i], &r->results[i]));
    json_object_set_new(out, "checks", checks);
    return out;
}

json_t *report_to_json(const struct image_result *images, size_t n)
{
    struct result_totals totals = {0};
    json_t *out = json_object(), *list = json_array();
    for (size_t i = 0; i < n; i++) {
        image_result_count(&images[i], &totals);
        json_array_append_new(list, image_to_json(&images[i]));
    }
    bool good = !totals.failed && totals.passed;
    json_object_set_new(out, "version", json_integer(FORMAT_VERSION));
    json_object_set_new(out, "verdict", json_string(good ? "passed" : "failed"));
    json_object_set_new(out, "totals", totals_to_json(&totals));
    json_object_set_new(out, "images", list);
    return out;
}

void report_json(const struct image_result *images, size_t n, FILE *out)
{
    autojson *json = report_to_json(images, n);
    autofree char *text = json_pretty(json);
    fputs(text, out);
}
