#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "blame.h"

#include <base/mem.h>

#include <stdlib.h>

static void instructions_read_alike_whoever_built_the_image(void **state)
{
    (void)state;
    static const struct {
        const char *created_by, *instruction;
    } cases[] = {
        {"RUN make all", "RUN make all"},
        {"RUN /bin/sh -c make all # buildkit", "RUN make all"},
        {"RUN |1 V=2 /bin/sh -c make all # buildkit", "RUN make all"},
        {"/bin/sh -c make all", "RUN make all"},
        {"|2 A=1 B=x y /bin/sh -c make all", "RUN make all"},
        {"/bin/sh -c #(nop) COPY file:12 in /app ", "COPY file:12 in /app "},
        {"/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]"},
        {"COPY a b # buildkit", "COPY a b"},
        {"COPY a b", "COPY a b"},
        {"made for a test", "made for a test"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        autofree char *found = blame_instruction(cases[i].created_by);
        assert_string_equal(found, cases[i].instruction);
    }
}

static void layers_are_the_entries_that_are_not_empty(void **state)
{
    (void)state;
    struct layer layers[2] = {{.digest = {"sha256:aa"}}, {.digest = {"sha256:bb"}}};
    struct error err = ERROR_INIT;
    static const char config[] = "{\"history\": [{\"created_by\": \"ADD base\"},"
                                 "{\"created_by\": \"ENV A=1\", \"empty_layer\": true},"
                                 "{\"created_by\": \"RUN x\"}]}";
    autojson *json = NULL;
    assert_int_equal(json_parse(config, sizeof config - 1, "config", &json, &err), 0);
    struct blame_layers all, few;
    blame_layers_init(&all, json, layers, 2);
    struct check_result r = {0};
    blame_add(&r, &all, 1, "/x", false);
    blame_add(&r, &all, 1, "/x", false);
    assert_int_equal(r.blame_count, 1);
    assert_int_equal(r.blames[0].layer, 2);
    assert_string_equal(r.blames[0].instruction, "RUN x");
    assert_string_equal(r.blames[0].digest.text, "sha256:bb");
    blame_layers_init(&few, json, layers, 1); /* the history has two: it is none of this image */
    assert_string_equal(few.items[0].created_by, "");
    check_result_release(&r);
    blame_layers_release(&all);
    blame_layers_release(&few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_read_alike_whoever_built_the_image),
        cmocka_unit_test(layers_are_the_entries_that_are_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
