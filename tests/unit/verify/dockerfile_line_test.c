#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dockerfile_line.h"

static const char FILE_TEXT[] = "# syntax=x\n"
                                "FROM base AS a\n"
                                "RUN make\n"
                                "\n"
                                "FROM base\n"
                                "run apt-get update \\\n"
                                "  # a comment\n"
                                "  && apt-get   install x\n"
                                "COPY  a b\n"
                                "RUN pip install tool==$VERSION && true\n"
                                "RUN make\n"
                                "COPY $X /y";

static void an_instruction_of_the_history_is_found(void **state)
{
    (void)state;
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "RUN apt-get update   && apt-get   install x"),
                     6);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "COPY a b"), 9);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "RUN pip install tool==1.2 && true"), 10);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "RUN make"), 11);
}

static void what_is_not_there_has_no_line(void **state)
{
    (void)state;
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "RUN make all"), 0);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "COPY z /y"), 0);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, "CMD make"), 0);
    assert_int_equal(dockerfile_line_find(FILE_TEXT, ""), 0);
    assert_int_equal(dockerfile_line_find("", "RUN make"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instruction_of_the_history_is_found),
        cmocka_unit_test(what_is_not_there_has_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
