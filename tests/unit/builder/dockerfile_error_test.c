/* What a mistake in a Dockerfile looks like on the terminal, word for word. */
#include "stages.h"

#include <base/mem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The error as printed; the caller frees it. */
static char *printed(const char *text)
{
    autodockerfile *file = NULL;
    autostages *stages = NULL;
    autoerror err = ERROR_INIT;
    struct stages_options options = {0};
    if (dockerfile_parse(text, strlen(text), "Dockerfile", &file, &err) == 0 &&
        stages_resolve(file, &options, &stages, &err) == 0)
        fail_msg("%s\nis taken", text);
    assert_int_equal(error_exit_code(&err), 3);
    char *out = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&out, &n);
    error_print(&err, stream, 0);
    fclose(stream);
    return out;
}

static const struct {
    const char *text;
    const char *want;
} errors[] = {
    {"FROM a\nRUNN apt-get update\n", "error: Dockerfile:2: unknown instruction \"RUNN\"\n"
                                      "    | RUNN apt-get update\n"
                                      "    | ^\n"
                                      "hint: did you mean RUN?\n"},
    {"FROM a\nRUN apt-get update &&\n    apt-get install x\n",
     "error: Dockerfile:3: unknown instruction \"apt-get\"\n"
     "    |     apt-get install x\n"
     "    |     ^\n"
     "hint: a line that goes on needs a \\ at the end of the one before\n"},
    {"FROM a\n\tCOPY --form=b c d\n", "error: Dockerfile:2: COPY has no flag --form\n"
                                      "    | \tCOPY --form=b c d\n"
                                      "    | \t     ^\n"
                                      "hint: did you mean --from?\n"},
    {"FROM a\nRUN --privileged x\n", "error: Dockerfile:2: RUN has no flag --privileged\n"
                                     "    | RUN --privileged x\n"
                                     "    |     ^\n"
                                     "hint: RUN knows --device, --mount, --network, --security\n"},
    {"FROM a\nUSER --x y\n", "error: Dockerfile:2: USER has no flag --x\n"
                             "    | USER --x y\n"
                             "    |      ^\n"
                             "hint: USER takes no flags\n"},
    {"FROM a\nCMD --version\n",
     "error: Dockerfile:2: CMD has no flag --version\n"
     "    | CMD --version\n"
     "    |     ^\n"
     "hint: write CMD [\"--version\", …] for a command line that begins with dashes\n"},
    {"FROM a\nRUN --network=hots x\n", "error: Dockerfile:2: --network can't be \"hots\"\n"
                                       "    | RUN --network=hots x\n"
                                       "    |     ^\n"
                                       "hint: it can be default|none|host\n"},
    {"FROM a\nCOPY \\\n  --from b c\n", "error: Dockerfile:3: --from needs a value\n"
                                        "    |   --from b c\n"
                                        "    |   ^\n"
                                        "hint: write --from=…\n"},
    {"ARG VERSION=1\nFROM python:${VERSON}-slim\n",
     "error: Dockerfile:2: unset variable \"VERSON\" in FROM\n"
     "    | FROM python:${VERSON}-slim\n"
     "    |             ^\n"
     "hint: did you mean VERSION?\n"},
    {"ARG BASE\nFROM $BASE\n", "error: Dockerfile:2: unset variable \"BASE\" in FROM\n"
                               "    | FROM $BASE\n"
                               "    |      ^\n"
                               "hint: give its ARG a default, or set it with --build-arg BASE=…\n"},
    {"FROM $X\n", "error: Dockerfile:1: unset variable \"X\" in FROM\n"
                  "    | FROM $X\n"
                  "    |      ^\n"
                  "hint: FROM sees only what an ARG before the first FROM declares\n"},
    {"FROM a\nCOPY b\n", "error: Dockerfile:2: COPY needs at least a source and a destination\n"
                         "    | COPY b\n"
                         "    | ^\n"},
    {"FROM a\nENV GREETING=hello world\n",
     "error: Dockerfile:2: \"world\" is not KEY=VALUE\n"
     "    | ENV GREETING=hello world\n"
     "    |                    ^\n"
     "hint: quote a value that holds blanks: ENV KEY=\"two words\"\n"},
    {"FROM a\nLABEL x\n", "error: Dockerfile:2: LABEL x has no value\n"
                          "    | LABEL x\n"
                          "    |       ^\n"
                          "hint: write LABEL x=VALUE\n"},
    {"FROM a AS 1st\n", "error: Dockerfile:1: \"1st\" can't be a stage's name\n"
                        "    | FROM a AS 1st\n"
                        "    |           ^\n"
                        "hint: it begins with a letter; letters, digits, - _ and . follow\n"},
    {"FROM a b\n", "error: Dockerfile:1: FROM takes one image, and AS NAME after it\n"
                   "    | FROM a b\n"
                   "    |        ^\n"
                   "hint: write FROM IMAGE AS NAME\n"},
    {"RUN x\nFROM a\n", "error: Dockerfile:1: RUN stands before the first FROM\n"
                        "    | RUN x\n"
                        "    | ^\n"
                        "hint: a Dockerfile begins with FROM; only ARG may come before it\n"},
    {"# nothing\n", "error: Dockerfile: the file holds no instruction\n"
                    "hint: a Dockerfile begins with FROM\n"},
    {"ARG a\n", "error: Dockerfile: the file holds no FROM\n"
                "hint: a Dockerfile begins with FROM\n"},
    {"FROM a\nSHELL /bin/bash -c\n", "error: Dockerfile:2: SHELL takes the JSON form alone\n"
                                     "    | SHELL /bin/bash -c\n"
                                     "    |       ^\n"
                                     "hint: write it as SHELL [\"/bin/bash\", \"-c\"]\n"},
    {"FROM a\nCMD [\"sleep\", 10]\n", "error: Dockerfile:2: the JSON form takes strings only\n"
                                      "    | CMD [\"sleep\", 10]\n"
                                      "    |     ^\n"
                                      "hint: put every word into double quotes\n"},
    {"FROM a\nHEALTHCHECK --interval=5 CMD x\n",
     "error: Dockerfile:2: --interval=5 is no length of time\n"
     "    | HEALTHCHECK --interval=5 CMD x\n"
     "    |             ^\n"
     "hint: write it as 30s or 1m30s, at least 1ms\n"},
    {"FROM a\nRUN <<EOF\necho\n", "error: Dockerfile:2: the heredoc \"EOF\" has no end\n"
                                  "    | RUN <<EOF\n"
                                  "    |     ^\n"
                                  "hint: end it with a line that holds EOF alone\n"},
    {"FROM a\nONBUILD FROM b\n", "error: Dockerfile:2: ONBUILD can't hold FROM\n"
                                 "    | ONBUILD FROM b\n"
                                 "    |         ^\n"},
    {"# escape=x\nFROM a\n", "error: Dockerfile:1: invalid escape character \"x\"\n"
                             "    | # escape=x\n"
                             "    |          ^\n"
                             "hint: it can be \\ or `\n"},
    {"# syntax=a\n# syntax=b\nFROM a\n",
     "error: Dockerfile:2: the parser directive \"syntax\" is given twice\n"
     "    | # syntax=b\n"
     "    |   ^\n"},
    {"FROM a AS x\nCOPY --from=y a b\nFROM b AS y\nCOPY --from=x a b\n",
     "error: Dockerfile:4: stage 1 (y) needs stage 0 (x), which needs it in turn\n"
     "    | COPY --from=x a b\n"
     "    |      ^\n"
     "hint: move what both need into a stage of its own, before both\n"},
    {"FROM a\nCOPY --from=$STAGE a b\n",
     "error: Dockerfile:2: variables don't work in --from\n"
     "    | COPY --from=$STAGE a b\n"
     "    |      ^\n"
     "hint: declare a stage with FROM $STAGE AS NAME (and its ARG before the first FROM), and "
     "name that stage here\n"},
    {"FROM a\nCOPY --from=3 a b\n", "error: Dockerfile:2: there is no stage 3\n"
                                    "    | COPY --from=3 a b\n"
                                    "    |      ^\n"
                                    "hint: the stages are 0 to 0\n"},
};

static void errors_show_place_line_mark_and_hint(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        autofree char *got = printed(errors[i].text);
        if (strcmp(got, errors[i].want) == 0)
            continue;
        print_error("%s\ngives:\n%snot:\n%s", errors[i].text, got, errors[i].want);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_show_place_line_mark_and_hint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
