/* What the tests of plans share: a row of the trigger table, and the plan that comes of it. */
#ifndef PLAN_FIXTURE_H
#define PLAN_FIXTURE_H

#include "plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define SHA "0123456789abcdef0123456789abcdef01234567"

struct row {
    const char *what;
    const char *image;
    const char *event, *ref; /* NULL: no CI */
    const char *payload;
    struct plan_options options;
    /* What is expected. */
    enum trigger_kind kind;
    bool skipped;
    const char *variant, *dockerfile, *args, *tags;
};

struct variables {
    const char *event, *ref;
};

static const char *lookup(void *context, const char *name)
{
    const struct variables *v = context;
    if (!v->event)
        return NULL;
    const char *const values[][2] = {
        {"GITHUB_EVENT_NAME", v->event},
        {"GITHUB_REF", v->ref},
        {"GITHUB_SHA", SHA},
        {"GITHUB_REPOSITORY", "TalmoLab/lablink"},
        {"GITHUB_REPOSITORY_OWNER", "TalmoLab"},
        {"GITHUB_SERVER_URL", "https://github.com"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    return NULL;
}

static void load(const char *image, struct definition *out)
{
    autoerror err = ERROR_INIT;
    autostrv folders = STRV_INIT;
    strv_add(&folders, FIXTURES "/../../images");
    if (definition_load(&folders, image, out, &err) < 0)
        fail_msg("%s", err.message);
}

static void read_trigger(const char *event, const char *ref, const char *payload,
                         struct trigger *out)
{
    autoerror err = ERROR_INIT;
    struct variables v = {event, ref};
    if (trigger_read(lookup, &v, payload, payload ? strlen(payload) : 0, out, &err) < 0)
        fail_msg("%s", err.message);
}

static void plan(const struct row *row, struct build_plan *out)
{
    autoerror err = ERROR_INIT;
    autodefinition d = {0};
    autotrigger t = {0};
    load(row->image, &d);
    read_trigger(row->event, row->ref, row->payload, &t);
    assert_int_equal(t.kind, row->kind);
    if (plan_make(&d, &t, &row->options, out, &err) < 0)
        fail_msg("%s: %s", row->what, err.message);
}

#endif
