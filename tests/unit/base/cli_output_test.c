/* base/cli: help, man page and completions, against golden files (UPDATE_GOLDEN=1 writes them), and
 * by the programs that read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli.h"
#include "cli_fixture.h"
#include "io.h"
#include "path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void assert_golden(const char *name, const char *text, size_t n)
{
    autofree char *path = mem_printf("%s/../golden/cli/%s", FIXTURES, name);
    autoerror err = ERROR_INIT;
    if (getenv("UPDATE_GOLDEN"))
        assert_int_equal(io_write_file(AT_FDCWD, path, text, n, 0666, 0, &err), 0);
    autostr wanted = STR_INIT;
    if (io_read_file(AT_FDCWD, path, 1 << 20, &wanted, &err))
        fail_msg("%s", err.message);
    assert_string_equal(text, str_text(&wanted));
}

static void help_of_the_program(void **state)
{
    (void)state;
    autofree char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    cli_print_help(&fixture_main, fixture_commands, COUNT_OF(fixture_commands), out);
    fclose(out);
    assert_golden("help.txt", text, n);
}

static void help_of_a_command(void **state)
{
    (void)state;
    autofree char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    cli_print_help(&fixture_push, fixture_commands, COUNT_OF(fixture_commands), out);
    fclose(out);
    assert_golden("help-push.txt", text, n);
}

static void man_page(void **state)
{
    (void)state;
    autofree char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    cli_print_man(fixture_commands, COUNT_OF(fixture_commands), "1.2.3",
                  ".SH FILES\n.TP\n.I /etc/imgtest\nSettings.\n", out);
    fclose(out);
    assert_golden("imgtest.1", text, n);
}

static void completion(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        autofree char *text = NULL;
        autoerror err = ERROR_INIT;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);
        assert_int_equal(cli_print_completion(shells[i], fixture_commands,
                                              COUNT_OF(fixture_commands), out, &err),
                         0);
        fclose(out);
        autofree char *name = mem_printf("completion.%s", shells[i]);
        assert_golden(name, text, n);
    }
    autoerror err = ERROR_INIT;
    assert_int_equal(cli_print_completion("csh", fixture_commands, 3, stdout, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

/* What a program prints of a golden file; skips where the program is not there. */
static char *__attribute__((format(printf, 2, 3)))
read_by(const char *program, const char *format, ...)
{
    autofree char *probe = mem_printf("command -v %s >/dev/null 2>&1", program);
    if (system(probe))
        skip();
    va_list ap;
    va_start(ap, format);
    autofree char *command = mem_vprintf(format, ap);
    va_end(ap);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    autostr text = STR_INIT;
    assert_int_equal(io_read_fd(fileno(out), "output", 1 << 20, &text, NULL), 0);
    assert_int_equal(pclose(out), 0);
    return str_take(&text);
}

static void groff_reads_the_man_page_without_a_warning(void **state)
{
    (void)state;
    autofree char *said =
        read_by("groff", "groff -man -Tutf8 -ww -rCHECKSTYLE=0 -z %s/../golden/cli/imgtest.1 2>&1",
                FIXTURES);
    assert_string_equal(said, "");
    autofree char *shown =
        read_by("groff", "groff -man -Tascii -P-cbuo %s/../golden/cli/imgtest.1 2>&1", FIXTURES);
    assert_non_null(strstr(shown, ".Second"));
    assert_non_null(strstr(shown, "--progress auto|plain|tty|json"));
}

static void assert_completes(const char *words, const char *wanted)
{
    autofree char *given = read_by(
        "bash",
        "bash -c 'source %s/../golden/cli/completion.bash; COMP_WORDS=(%s); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _imgtest; echo \"${COMPREPLY[*]}\"' </dev/null",
        FIXTURES, words);
    assert_string_equal(given, wanted);
}

static void bash_completes_by_it(void **state)
{
    (void)state;
    assert_completes("imgtest --pu", "--push\n");
    assert_completes("imgtest --progress \"\"", "auto plain tty json\n");
    assert_completes("imgtest pus", "push\n");
    assert_completes("imgtest push -", "--help --quiet\n");
    assert_completes("imgtest --tag x", "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_of_the_program),
        cmocka_unit_test(help_of_a_command),
        cmocka_unit_test(man_page),
        cmocka_unit_test(completion),
        cmocka_unit_test(groff_reads_the_man_page_without_a_warning),
        cmocka_unit_test(bash_completes_by_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
