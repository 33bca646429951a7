/* What each stage is built from and needs, and which of them a target needs, in order. */
#include "stages.h"

#include "stages_sources.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "0:image 1(name):0 2:scratch@platform needs=0,1 | order" of a file and a target. */
static char *resolved(const char *text, const char *target, const char *build_arg,
                      const char *context, struct error *err)
{
    autodockerfile *file = NULL;
    if (dockerfile_parse(text, strlen(text), "Dockerfile", &file, err))
        return NULL;
    autostrv args = STRV_INIT, platform = STRV_INIT, contexts = STRV_INIT;
    if (build_arg)
        strv_add(&args, build_arg);
    if (context)
        strv_add(&contexts, context);
    scope_platform_args(&platform, "linux/arm64", "linux/amd64", NULL);
    struct stages_options options = {
        .build_args = &args, .platform_args = &platform, .target = target, .contexts = &contexts};
    autostages *stages = NULL;
    if (stages_resolve(file, &options, &stages, err))
        return NULL;
    autostr out = STR_INIT;
    for (size_t i = 0; i < stages->count; i++) {
        const struct stage *s = &stages->items[i];
        str_addf(&out, "%s%zu", i ? " " : "", s->index);
        if (s->name)
            str_addf(&out, "(%s)", s->name);
        if (s->base >= 0)
            str_addf(&out, ":%d", s->base);
        else
            str_addf(&out, ":%s", s->scratch ? "scratch" : s->image);
        if (s->platform)
            str_addf(&out, "@%s", s->platform);
        for (size_t j = 0; j < s->need_count; j++)
            str_addf(&out, "%s%zu", j ? "," : "<", s->needs[j]);
    }
    str_add(&out, " |");
    for (size_t i = 0; i < stages->order_count; i++)
        str_addf(&out, " %zu", stages->order[i]);
    return str_take(&out);
}

static const struct {
    const char *text;
    const char *target;
    const char *build_arg;
    const char *context;
    const char *want;
} orders[] = {
    {"FROM a", NULL, NULL, NULL, "0:a | 0"},
    {"FROM a\nFROM b", NULL, NULL, NULL, "0:a 1:b | 1"},
    {"FROM a AS X\nFROM x", NULL, NULL, NULL, "0(x):a 1:0<0 | 0 1"},
    {"FROM a AS X\nFROM X", NULL, NULL, NULL, "0(x):a 1:X | 1"},
    {"FROM a AS X\nFROM x AS y\nFROM y", NULL, NULL, NULL, "0(x):a 1(y):0<0 2:1<1 | 0 1 2"},
    {"FROM scratch\nCOPY a /", NULL, NULL, NULL, "0:scratch | 0"},
    {"FROM a AS scratch\nFROM scratch", NULL, NULL, NULL, "0(scratch):a 1:0<0 | 0 1"},
    /* A name from further down is an image's. */
    {"FROM node AS node\nRUN x", NULL, NULL, NULL, "0(node):node | 0"},
    {"FROM b\nFROM a AS b", NULL, NULL, NULL, "0:b 1(b):a | 1"},
    {"FROM a AS x\nFROM b AS x\nFROM x", NULL, NULL, NULL, "0(x):a 1(x):b 2:1<1 | 1 2"},
    /* COPY --from, by name, by number, of an image. */
    {"FROM a AS x\nFROM b\nCOPY --from=x /f /g", NULL, NULL, NULL, "0(x):a 1:b<0 | 0 1"},
    {"FROM a AS x\nFROM b\nCOPY --from=X /f /g", NULL, NULL, NULL, "0(x):a 1:b<0 | 0 1"},
    {"FROM a\nFROM b\nCOPY --from=0 /f /g", NULL, NULL, NULL, "0:a 1:b<0 | 0 1"},
    {"FROM b\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/", NULL, NULL, NULL, "0:b | 0"},
    {"FROM b\nCOPY --from= /f /g", NULL, NULL, NULL, "0:b | 0"},
    {"FROM a AS x\nFROM b AS y\nFROM c\nCOPY --from=y /f /g\nCOPY --from=x /f /g\n"
     "COPY --from=y /h /i",
     NULL, NULL, NULL, "0(x):a 1(y):b 2:c<0,1 | 0 1 2"},
    /* A later stage may be named where the target doesn't need what names it. */
    {"FROM a AS x\nCOPY --from=y /f /g\nFROM b AS y", NULL, NULL, NULL, "0(x):a<1 1(y):b | 1"},
    /* RUN --mount. */
    {"FROM a AS x\nFROM b\nRUN --mount=type=bind,from=x,target=/m y", NULL, NULL, NULL,
     "0(x):a 1:b<0 | 0 1"},
    {"FROM a AS x\nFROM b\nRUN --mount=\"type=bind,\\\"target=/m,n\\\",FROM=x\" y", NULL, NULL,
     NULL, "0(x):a 1:b<0 | 0 1"},
    {"FROM a\nFROM b\nRUN --mount=from=0,target=/m y", NULL, NULL, NULL, "0:a 1:b | 1"},
    {"FROM a AS x\nFROM b\nRUN --mount=type=cache,target=/m,id=from=x y", NULL, NULL, NULL,
     "0(x):a 1:b | 1"},
    /* What ONBUILD holds belongs to another build. */
    {"FROM a AS x\nFROM b\nONBUILD COPY --from=x /f /g", NULL, NULL, NULL, "0(x):a 1:b | 1"},
    /* Targets. */
    {"FROM a AS x\nFROM b AS y\nFROM c", "y", NULL, NULL, "0(x):a 1(y):b 2:c | 1"},
    {"FROM a AS x\nFROM b AS y\nFROM c", "Y", NULL, NULL, "0(x):a 1(y):b 2:c | 1"},
    {"FROM a AS x\nFROM x\nFROM c", "1", NULL, NULL, "0(x):a 1:0<0 2:c | 0 1"},
    {"FROM a\nFROM b", "", NULL, NULL, "0:a 1:b | 1"},
    {"FROM a AS base\nFROM base AS l\nFROM base AS r\nFROM l\nCOPY --from=r /f /g", NULL, NULL,
     NULL, "0(base):a 1(l):0<0 2(r):0<0 3:1<1,2 | 0 1 2 3"},
    /* Variables. */
    {"ARG V=1\nFROM a:$V", NULL, NULL, NULL, "0:a:1 | 0"},
    {"ARG V=1\nFROM a:${V}", NULL, "V=2", NULL, "0:a:2 | 0"},
    {"ARG V\nFROM a:${V}", NULL, "V=2", NULL, "0:a:2 | 0"},
    {"ARG V\nFROM a${V:+:}${V-}", NULL, NULL, NULL, "0:a | 0"},
    {"FROM a:${V:-3}", NULL, "V=2", NULL, "0:a:3 | 0"}, /* not declared */
    {"ARG A=1\nARG B=$A.2 C=${B}.3\nFROM a:$C", NULL, NULL, NULL, "0:a:1.2.3 | 0"},
    {"ARG BASE=x\nFROM a AS x\nFROM $BASE", NULL, NULL, NULL, "0(x):a 1:0<0 | 0 1"},
    {"FROM \"a\"", NULL, NULL, NULL, "0:a | 0"},
    {"ARG E=\nFROM a$E", NULL, NULL, NULL, "0:a | 0"},
    {"ARG TARGETARCH\nFROM a-$TARGETARCH", NULL, NULL, NULL, "0:a-arm64 | 0"},
    {"FROM --platform=$BUILDPLATFORM a", NULL, NULL, NULL, "0:a@linux/amd64 | 0"},
    {"FROM --platform=linux/s390x a AS x\nFROM --platform=linux/${TARGETARCH} x", NULL, NULL, NULL,
     "0(x):a@linux/s390x 1:0@linux/arm64<0 | 0 1"},
    {"FROM --platform= a", NULL, NULL, NULL, "0:a | 0"},
    /* Named contexts stand before stages. */
    {"FROM a AS x\nFROM x\nCOPY --from=x /f /g", NULL, NULL, "x", "0(x):a 1:x | 1"},
    {"FROM scratch", NULL, NULL, "scratch", "0:scratch | 0"},
};

static void stages_and_their_order(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        autoerror err = ERROR_INIT;
        autofree char *got = resolved(orders[i].text, orders[i].target, orders[i].build_arg,
                                      orders[i].context, &err);
        if (got && strcmp(got, orders[i].want) == 0)
            continue;
        print_error("%s\n  gives %s\n  not   %s\n", orders[i].text, got ? got : err.message,
                    orders[i].want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void bad_references_are_errors_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *target;
        enum error_kind kind;
        unsigned line, column;
        const char *message; /* part of it */
    } rows[] = {
        {"FROM a:$V", NULL, ERROR_INPUT, 1, 8, "unset variable \"V\" in FROM"},
        {"ARG V\nFROM a:${V}", NULL, ERROR_INPUT, 2, 8, "unset variable \"V\" in FROM"},
        {"FROM a\nARG V=1\nFROM b:$V", NULL, ERROR_INPUT, 3, 8, "unset variable \"V\""},
        {"FROM --platform=$P a", NULL, ERROR_INPUT, 1, 17, "unset variable \"P\""},
        {"FROM ${V:-}", NULL, ERROR_INPUT, 1, 6, "comes out empty"},
        {"ARG E=\nFROM $E", NULL, ERROR_INPUT, 2, 6, "comes out empty"},
        {"FROM \"\"", NULL, ERROR_INPUT, 1, 6, "comes out empty"},
        {"ARG E=\nFROM --platform=$E a", NULL, ERROR_INPUT, 2, 17, "comes out empty"},
        {"FROM a:${V:?pick-one}", NULL, ERROR_INPUT, 1, 8, "V: pick-one"},
        {"FROM a:${V", NULL, ERROR_INPUT, 1, 8, "missing '}'"},
        {"ARG A=${B:?b}\nFROM a", NULL, ERROR_INPUT, 1, 7, "B: b"},
        {"FROM a\nCOPY --from=0 b c", NULL, ERROR_INPUT, 2, 6, "takes from itself"},
        {"FROM a AS x\nCOPY --from=x b c", NULL, ERROR_INPUT, 2, 6, "takes from itself"},
        {"FROM a\nCOPY --from=1 b c", NULL, ERROR_INPUT, 2, 6, "there is no stage 1"},
        {"FROM a\nCOPY --from=99999999999999999999 b c", NULL, ERROR_INPUT, 2, 6, "no stage"},
        {"FROM a AS x\nCOPY --from=y b c\nFROM b AS y\nCOPY --from=x b c", NULL, ERROR_INPUT, 4, 6,
         "needs it in turn"},
        {"FROM a AS x\nCOPY --from=y b c\nFROM x AS y\nFROM d", NULL, ERROR_INPUT, 3, 1,
         "needs it in turn"},
        {"FROM a\nCOPY --from=$x b c", NULL, ERROR_INPUT, 2, 6, "variables don't work in --from"},
        {"FROM a\nRUN --mount=from=$x,target=/y z", NULL, ERROR_INPUT, 2, 5,
         "variables don't work in from="},
        {"FROM a AS build", "biuld", ERROR_USAGE, 0, 0, "--target biuld"},
        {"FROM a", "1", ERROR_USAGE, 0, 0, "--target 1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        autofree char *got = resolved(rows[i].text, rows[i].target, NULL, NULL, &err);
        if (got)
            fail_msg("%s\n  gives %s", rows[i].text, got);
        if (!strstr(err.message, rows[i].message) || err.line != rows[i].line ||
            err.column != rows[i].column || err.kind != rows[i].kind)
            fail_msg("%s\n  gives %u:%u %s", rows[i].text, err.line, err.column, err.message);
    }
}

static void many_stages_resolve_without_deep_stacks(void **state)
{
    (void)state;
    autostr text = STR_INIT;
    str_add(&text, "FROM a AS s0\n");
    for (int i = 1; i < 3000; i++)
        str_addf(&text, "FROM s%d AS s%d\nCOPY --from=s%d x y\n", i - 1, i, i / 2);
    autoerror err = ERROR_INIT;
    autofree char *got = resolved(str_text(&text), NULL, NULL, NULL, &err);
    assert_non_null(got);
    assert_non_null(strstr(got, " 2998 2999"));
}

static void a_name_leads_to_its_stage(void **state)
{
    (void)state;
    static const char text[] = "FROM a AS x\nFROM b\nFROM c AS z\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    struct stages_options options = {0};
    autostages *stages = NULL;
    assert_int_equal(stages_resolve(file, &options, &stages, NULL), 0);
    size_t index = 9;
    assert_int_equal(stages_find(stages, 2, "x", &index, NULL), 0);
    assert_int_equal(index, 0);
    assert_int_equal(stages_find(stages, 2, "1", &index, NULL), 0);
    assert_int_equal(index, 1);
    assert_int_equal(stages_find(stages, 2, "debian:12", &index, NULL), 1);
    autoerror err = ERROR_INIT;
    assert_int_equal(stages_find(stages, 2, "3", &index, &err), -1);
    autofree char *named = stage_describe(&stages->items[0]);
    autofree char *bare = stage_describe(&stages->items[1]);
    assert_string_equal(named, "stage 0 (x)");
    assert_string_equal(bare, "stage 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_and_their_order),
        cmocka_unit_test(bad_references_are_errors_with_their_place),
        cmocka_unit_test(many_stages_resolve_without_deep_stacks),
        cmocka_unit_test(a_name_leads_to_its_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
