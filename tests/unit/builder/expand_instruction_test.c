/* Which parts of which instructions see variables. */
#include "expand_instruction.h"

#include <base/mem.h>
#include <base/str.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *lookup(void *context, const char *name)
{
    (void)context;
    static const char *const vars[][2] = {
        {"d", "/dir"}, {"u", "ann"}, {"ports", "80 443"}, {"p", "8080"}, {"two", "a b"}};
    for (size_t i = 0; i < COUNT_OF(vars); i++) {
        if (strcmp(vars[i][0], name) == 0)
            return vars[i][1];
    }
    return NULL;
}

/* "[arg] key=[value] --flag=value <<content" of the second instruction, expanded; NULL: an error.
 */
static char *expanded(const char *line, struct error *err)
{
    autofree char *text = mem_printf("FROM x\n%s", line);
    autodockerfile *file = NULL;
    if (dockerfile_parse(text, strlen(text), "Dockerfile", &file, err))
        fail_msg("%s: %s", line, err->message);
    struct expand how = {.lookup = lookup, .escape = file->escape};
    struct instruction out;
    if (expand_instruction(&how, file, &file->items[1], &out, err))
        return NULL;
    autostr got = STR_INIT;
    for (size_t i = 0; i < out.flag_count; i++)
        str_addf(&got, "--%s=%s ", out.flags[i].name, out.flags[i].value);
    for (size_t i = 0; i < out.arg_count; i++)
        str_addf(&got, "[%s]", out.args[i].text);
    for (size_t i = 0; i < out.pair_count; i++)
        str_addf(&got, "%s=[%s]", out.pairs[i].key.text,
                 out.pairs[i].value.text ? out.pairs[i].value.text : "(none)");
    for (size_t i = 0; i < out.heredoc_count; i++)
        str_addf(&got, "<<%s", out.heredocs[i].content);
    instruction_release(&out);
    return str_take(&got);
}

static void each_instruction_expands_what_it_should(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *want;
    } rows[] = {
        {"ADD $d/a \"$d\"", "[/dir/a][/dir]"},
        {"COPY [\"$d/a b\", \"c\"]", "[/dir/a b][c]"},
        {"COPY --chown=$u:$u --chmod=${m:-755} --from=$u a $d",
         "--chown=ann:ann --chmod=755 --from=$u [a][/dir]"},
        {"COPY --exclude=$d a b", "--exclude=$d [a][b]"},
        {"ADD --checksum=${c:-sha256:0} a b", "--checksum=sha256:0 [a][b]"},
        {"ENV a=$d/x b='$d' c=\"$two\" e=$two", "a=[/dir/x]b=[$d]c=[a b]e=[a b]"},
        {"ENV a $d  b", "a=[/dir  b]"},
        {"ENV $u=x", "ann=[x]"},
        {"ENV p=new q=$p", "p=[new]q=[8080]"}, /* one snapshot */
        {"ENV a=\\$d", "a=[$d]"},
        {"LABEL \"a b\"=\"$u\" c.$u=\"x\\\"y\"", "a b=[ann]c.ann=[x\"y]"},
        {"ARG a=$d b=${a}/b c", "a=[$d]b=[${a}/b]c=[(none)]"}, /* expand_arg's */
        {"EXPOSE $ports $none \"$p\"/udp", "[8080/udp][80][443]"},
        {"VOLUME $d \"$d\"", "[/dir][/dir]"},
        {"VOLUME [\"$d/x y\"]", "[/dir/x y]"},
        {"WORKDIR $d/$u", "[/dir/ann]"},
        {"USER ${u}:${g:-staff}", "[ann:staff]"},
        {"STOPSIGNAL ${s:-SIGINT}", "[SIGINT]"},
        {"RUN echo $d \"$u\"", "[echo $d \"$u\"]"},
        {"RUN --mount=type=bind,target=$d a", "--mount=type=bind,target=$d [a]"},
        {"CMD [\"/bin/sh\", \"-c\", \"${START_SCRIPT}\"]", "[/bin/sh][-c][${START_SCRIPT}]"},
        {"CMD $d", "[$d]"},
        {"ENTRYPOINT $d", "[$d]"},
        {"HEALTHCHECK CMD $d", "[$d]"},
        {"SHELL [\"$d\"]", "[$d]"},
        {"MAINTAINER $u", "[$u]"},
        {"ONBUILD USER $u", "[USER $u]"},
        {"COPY <<a $d\n\"$u\" '$none' \\$u\na\n", "[<<a][/dir]<<\"ann\" '' $u\n"},
        {"COPY <<'a' $d\n\"$u\"\na\n", "[<<'a'][/dir]<<\"$u\"\n"},
        {"RUN <<a\n$u\na\n", "[<<a]<<$u\n"},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        autofree char *got = expanded(rows[i].line, &err);
        if (got && strcmp(got, rows[i].want) == 0)
            continue;
        print_error("%s: gives %s, not %s\n", rows[i].line, got ? got : err.message, rows[i].want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void an_error_points_into_the_word(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned at_line, at_column;
    } rows[] = {
        {"COPY a x${", 2, 9},
        {"COPY a \\\n  b/${x:?no}", 3, 5},
        {"ENV a=b \\\n  c=d\"e", 3, 6},
        {"USER 'x", 2, 6},
        {"VOLUME \"a b\"", 2, 8}, /* blanks part words, whatever is around */
        {"COPY <<e /x\nfine\nnot ${\ne\n", 4, 5},
        {"EXPOSE 80 8${", 2, 12},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        autoerror err = ERROR_INIT;
        assert_null(expanded(rows[i].line, &err));
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_string_equal(err.file, "Dockerfile");
        assert_int_equal(err.line, rows[i].at_line);
        assert_int_equal(err.column, rows[i].at_column);
    }
}

static void an_argument_from_the_command_line_hides_a_bad_default(void **state)
{
    (void)state;
    static const char text[] = "ARG a=${b:?set b} c=$a\nFROM x\n";
    autodockerfile *file = NULL;
    assert_int_equal(dockerfile_parse(text, strlen(text), "f", &file, NULL), 0);
    autostrv given = STRV_INIT;
    struct scope scope;
    scope_init_global(&scope, &given, NULL);
    assert_int_equal(expand_arg(&scope, file, &file->items[0], NULL, NULL), -1);
    strv_add(&given, "a=1");
    assert_int_equal(expand_arg(&scope, file, &file->items[0], NULL, NULL), 0);
    assert_string_equal(scope_get(&scope, "a"), "1");
    assert_string_equal(scope_get(&scope, "c"), "1");
    scope_release(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_instruction_expands_what_it_should),
        cmocka_unit_test(an_error_points_into_the_word),
        cmocka_unit_test(an_argument_from_the_command_line_hides_a_bad_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
