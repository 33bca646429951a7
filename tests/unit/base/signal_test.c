/* base/interrupt and base/log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "interrupt.h"
#include "log.h"
#include "mem.h"
#include "str.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int status_of(void (*act)(void))
{
    pid_t pid = fork();
    if (!pid) {
        act();
        _exit(99);
    }
    int status;
    waitpid(pid, &status, 0);
    return status;
}

static void wait_for_signal(void)
{
    autoerror err = ERROR_INIT;
    interrupt_install();
    if (interrupt_check(&err) || *interrupt_flag())
        _exit(1);
    raise(SIGTERM);
    struct pollfd ready = {.fd = interrupt_fd(), .events = POLLIN};
    if (poll(&ready, 1, 0) != 1 || !*interrupt_flag())
        _exit(2);
    if (interrupt_check(&err) != -1)
        _exit(3);
    _exit(error_exit_code(&err));
}

static void a_signal_sets_the_flag_wakes_polls_and_is_an_error(void **state)
{
    (void)state;
    int status = status_of(wait_for_signal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

static void be_impatient(void)
{
    interrupt_install();
    raise(SIGINT);
    if (!*interrupt_flag())
        _exit(1);
    raise(SIGINT);
    _exit(2);
}

static void a_second_interrupt_ends_at_once(void **state)
{
    (void)state;
    int status = status_of(be_impatient);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
}

static void write_to_closed_pipe(void)
{
    int ends[2];
    interrupt_install();
    if (pipe(ends))
        _exit(1);
    close(ends[0]);
    _exit(write(ends[1], "x", 1) == -1 ? 0 : 2);
}

static void a_closed_pipe_is_an_error_and_no_death(void **state)
{
    (void)state;
    assert_int_equal(status_of(write_to_closed_pipe), 0);
}

static void keep(enum log_level level, const char *line, void *context)
{
    str_addf(context, "%d:%s", (int)level, line);
}

static void the_level_decides_what_is_said(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        [LOG_QUIET] = "",
        [LOG_WARNING] = "1:warning: w 1\n",
        [LOG_INFO] = "1:warning: w 1\n2:i x\n",
        [LOG_DEBUG] = "1:warning: w 1\n2:i x\n3:debug: d\n",
    };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        autostr said = STR_INIT;
        log_set_writer(keep, &said);
        log_set_level((enum log_level)i);
        log_warning("w %d", 1);
        log_info("i %s", "x");
        log_debug("d");
        log_set_writer(NULL, NULL);
        assert_string_equal(str_text(&said), wanted[i]);
        assert_int_equal(log_get_level(), i);
    }
    log_set_level(LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_sets_the_flag_wakes_polls_and_is_an_error),
        cmocka_unit_test(a_second_interrupt_ends_at_once),
        cmocka_unit_test(a_closed_pipe_is_an_error_and_no_death),
        cmocka_unit_test(the_level_decides_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
