/* base/progress: what each mode writes, from one thread and from many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "log.h"
#include "mem.h"
#include "progress.h"
#include "progress_view.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Everything that was written to a temporary file. */
static char *written(FILE *f)
{
    long n = ftell(f);
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    char *text = mem_zalloc(1, (size_t)n + 1);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)n, f), n);
    return text;
}

static void output(struct progress_task *t, const char *text)
{
    progress_output(t, text, strlen(text));
}

static void assert_holds(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("“%s” is not in:\n%s", part, text);
}

static void a_log_has_numbered_lines(void **state)
{
    (void)state;
    autofclose FILE *f = tmpfile();
    struct progress *p = progress_new(PROGRESS_AUTO, f);
    struct progress_task *a = progress_start(p, "RUN make", 0);
    struct progress_task *b = progress_start(p, "sha256:abc", 84200000);
    output(a, "first\nsec");
    progress_add(b, 84200000);
    log_info("a message");
    output(a, "ond\n10%\r20%\r100%\r\nlast");
    progress_end(a, PROGRESS_FAILED, "exit code 9");
    progress_end(b, PROGRESS_DONE, NULL);
    progress_end(progress_start(p, "COPY . .", 0), PROGRESS_CACHED, NULL);
    progress_free(p);
    autofree char *text = written(f);
    static const char head[] = "#1 RUN make\n#2 sha256:abc\n#1 first\na message\n#1 second\n"
                               "#1 100%\n#1 last\n#1 RUN make: failed, exit code 9, 0.";
    if (strncmp(text, head, strlen(head)) != 0)
        fail_msg("%s", text);
    assert_holds(text, "#2 sha256:abc: done, 84.2 MB");
    assert_holds(text, "#3 COPY . .\n#3 COPY . .: cached\n");
    assert_null(strchr(text, '\033'));
}

static void json_is_an_object_a_line(void **state)
{
    (void)state;
    autofclose FILE *f = tmpfile();
    struct progress *p = progress_new(PROGRESS_JSON, f);
    struct progress_task *t = progress_start(p, "step \"1\"", 10);
    output(t, "bytes \xff\n");
    progress_add(t, 10);
    log_warning("mind the gap");
    progress_end(t, PROGRESS_DONE, "fine");
    progress_free(p);
    autofree char *text = written(f);
    static const char *const events[] = {"start", "output", "message", "end"};
    autostrv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    assert_int_equal(lines.count, 5);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        autojson *object = NULL;
        assert_int_equal(json_parse(lines.items[i], strlen(lines.items[i]), "t", &object, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(object, "event")), events[i]);
    }
    assert_holds(lines.items[0], "\"name\":\"step \\\"1\\\"\",\"total\":10");
    assert_holds(lines.items[1], "\"text\":\"bytes �\"");
    assert_holds(lines.items[2], "\"level\":\"warning\",\"text\":\"warning: mind the gap\"");
    assert_holds(lines.items[3], "\"result\":\"done\",\"detail\":\"fine\",\"bytes\":10");
}

static void quiet_says_nothing(void **state)
{
    (void)state;
    autofclose FILE *f = tmpfile();
    struct progress *p = progress_new(PROGRESS_QUIET, f);
    struct progress_task *t = progress_start(p, "step", 10);
    output(t, "text\n");
    progress_end(t, PROGRESS_FAILED, NULL);
    progress_free(p);
    autofree char *text = written(f);
    assert_string_equal(text, "");
}

static void without_progress_nothing_happens(void **state)
{
    (void)state;
    struct progress_task *t = progress_start(NULL, "step", 0);
    assert_null(t);
    output(t, "x");
    progress_add(t, 1);
    progress_set_total(t, 1);
    autofree char *tail = progress_tail(t, 3);
    assert_string_equal(tail, "");
    progress_end(t, PROGRESS_DONE, NULL);
    progress_free(NULL);
}

/* A terminal of 40 columns and 12 rows; a thread reads what is drawn on it, as a terminal would. */
struct terminal {
    int master;
    FILE *out;
    pthread_t reader;
    struct str text;
};

static void *read_terminal(void *context)
{
    struct terminal *t = context;
    char buffer[4096];
    for (ssize_t n; (n = read(t->master, buffer, sizeof buffer)) > 0;)
        str_add_bytes(&t->text, buffer, (size_t)n);
    return NULL;
}

static void open_terminal(struct terminal *t)
{
    *t = (struct terminal){.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    assert_true(t->master >= 0);
    assert_int_equal(grantpt(t->master) | unlockpt(t->master), 0);
    struct winsize size = {.ws_row = 12, .ws_col = 40};
    ioctl(t->master, TIOCSWINSZ, &size);
    t->out = fopen(ptsname(t->master), "w");
    assert_non_null(t->out);
    assert_int_equal(pthread_create(&t->reader, NULL, read_terminal, t), 0);
}

/* Reading fails (EIO) once the last writer has closed and all was read. */
static char *close_terminal(struct terminal *t)
{
    fclose(t->out);
    pthread_join(t->reader, NULL);
    close(t->master);
    return str_take(&t->text);
}

static void a_terminal_shows_what_runs_and_keeps_what_ended(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    struct terminal terminal;
    open_terminal(&terminal);
    struct progress *p = progress_new(PROGRESS_AUTO, terminal.out);
    struct progress_task *t = progress_start(p, "a name that is much longer than forty columns", 0);
    struct progress_task *blob = progress_start(p, "blob", 100);
    output(t, "hello \033[31mred\033[0m\nmore\n");
    progress_add(blob, 50);
    pthread_mutex_lock(&p->lock);
    progress_tty.tick(p);
    pthread_mutex_unlock(&p->lock);
    log_info("a message");
    progress_end(t, PROGRESS_FAILED, "exit code 1");
    progress_end(blob, PROGRESS_DONE, NULL);
    progress_free(p);
    autofree char *text = close_terminal(&terminal);
    assert_holds(text, "=> a name that is much l");
    assert_holds(text, "50 B / 100 B");
    assert_holds(text, "   hello red\r\n");
    assert_holds(text, "a message\r\n");
    assert_holds(text, "failed  a name that is much longer than forty columns  exit code 1");
    assert_holds(text, "done    blob  50 B");
    assert_null(strstr(text, "\033[31m"));
    /* At the end nothing live is left: what follows the last clearing is what has ended. */
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, "\033[J")); at++)
        last = at;
    assert_non_null(last);
    assert_null(strstr(last, "=>"));
}

static void colours_are_for_terminals_that_want_them(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    struct terminal terminal;
    open_terminal(&terminal);
    struct progress *p = progress_new(PROGRESS_AUTO, terminal.out);
    progress_end(progress_start(p, "step", 0), PROGRESS_DONE, NULL);
    progress_free(p);
    autofree char *text = close_terminal(&terminal);
    assert_holds(text, "\033[32mdone");
}

static void a_dumb_terminal_gets_plain_lines(void **state)
{
    (void)state;
    setenv("TERM", "dumb", 1);
    struct terminal terminal;
    open_terminal(&terminal);
    struct progress *p = progress_new(PROGRESS_AUTO, terminal.out);
    progress_end(progress_start(p, "step", 0), PROGRESS_DONE, NULL);
    progress_free(p);
    autofree char *text = close_terminal(&terminal);
    assert_holds(text, "#1 step\r\n#1 step: done");
    assert_null(strchr(text, '\033'));
}

static void the_live_area_fits_any_terminal(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    struct terminal terminal;
    open_terminal(&terminal);
    struct progress *p = progress_new(PROGRESS_TTY, terminal.out);
    struct progress_task *tasks[50];
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        tasks[i] = progress_start(p, "task", 0);
    for (unsigned short rows = 1; rows < 20; rows++) {
        struct winsize size = {.ws_row = rows, .ws_col = (unsigned short)(rows * 3)};
        ioctl(terminal.master, TIOCSWINSZ, &size);
        pthread_mutex_lock(&p->lock);
        progress_tty.tick(p);
        assert_true(p->drawn < (rows < 3 ? 3 : rows));
        pthread_mutex_unlock(&p->lock);
    }
    for (size_t i = 0; i < COUNT_OF(tasks); i++)
        progress_end(tasks[i], PROGRESS_SKIPPED, NULL);
    progress_free(p);
    autofree char *text = close_terminal(&terminal);
    assert_non_null(text);
}

static void the_tail_is_the_last_lines(void **state)
{
    (void)state;
    struct progress *p = progress_new(PROGRESS_QUIET, stderr);
    struct progress_task *t = progress_start(p, "step", 0);
    autofree char *none = progress_tail(t, 2);
    assert_string_equal(none, "");
    output(t, "one\ntwo\nthree\n");
    autofree char *two = progress_tail(t, 2);
    assert_string_equal(two, "two\nthree\n");
    autofree char *all = progress_tail(t, 20);
    assert_string_equal(all, "one\ntwo\nthree\n");
    output(t, "four");
    autofree char *partial = progress_tail(t, 1);
    assert_string_equal(partial, "four");
    progress_end(t, PROGRESS_DONE, NULL);
    progress_free(p);
}

static void a_flood_is_kept_in_part_with_its_beginning_and_end(void **state)
{
    (void)state;
    struct progress *p = progress_new(PROGRESS_QUIET, stderr);
    struct progress_task *t = progress_start(p, "step", 0);
    output(t, "the beginning\n");
    autofree char *chunk = mem_alloc(100001);
    memset(chunk, 'x', 100000);
    chunk[100000] = '\0';
    for (int i = 0; i < 200; i++)
        output(t, chunk);
    output(t, "\nthe end\n");
    autofree char *end = progress_tail(t, 1);
    assert_string_equal(end, "the end\n");
    autofree char *all = progress_tail(t, SIZE_MAX);
    assert_memory_equal(all, "the beginning\n", 14);
    assert_holds(all, "bytes left out");
    assert_true(strlen(all) < 4 * 1024 * 1024);
    progress_end(t, PROGRESS_DONE, NULL);
    progress_free(p);
}

static void *busy(void *context)
{
    struct progress *p = context;
    for (int i = 0; i < 200; i++) {
        struct progress_task *t = progress_start(p, "task", 100);
        progress_add(t, 50);
        output(t, "a line\n");
        log_info("a message");
        progress_set_total(t, 200);
        progress_end(t, (enum progress_end)(i % 4), NULL);
    }
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    (void)state;
    autofclose FILE *f = tmpfile();
    struct progress *p = progress_new(PROGRESS_JSON, f);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, busy, p), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    progress_free(p);
    autofree char *text = written(f);
    autostrv lines = STRV_INIT;
    strv_split(&lines, text, '\n');
    assert_int_equal(lines.count, 4 * 200 * 4 + 1);
    for (size_t i = 0; i + 1 < lines.count; i++) {
        autojson *object = NULL;
        assert_int_equal(json_parse(lines.items[i], strlen(lines.items[i]), "t", &object, NULL), 0);
    }
}

static void sizes_and_times_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } sizes[] = {
        {-1, "0 B"},           {0, "0 B"},           {999, "999 B"},     {1000, "1.0 kB"},
        {84200000, "84.2 MB"}, {999949, "999.9 kB"}, {999950, "1.0 MB"}, {999999999, "1.0 GB"},
        {INT64_MAX, "9.2 EB"},
    };
    char buffer[16];
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        assert_string_equal(progress_size(buffer, sizes[i].bytes), sizes[i].text);
    static const struct {
        double seconds;
        const char *text;
    } times[] = {
        {-1, "0.0 s"},          {1.34, "1.3 s"},       {59.94, "59.9 s"},
        {59.96, "1 min 00 s"},  {119.6, "2 min 00 s"}, {3599.6, "1 h 00 min"},
        {86399, "23 h 59 min"}, {1e300, "for ever"},   {0.0 / 0.0, "0.0 s"},
    };
    for (size_t i = 0; i < COUNT_OF(times); i++)
        assert_string_equal(progress_time(buffer, times[i].seconds), times[i].text);
}

static void what_would_move_the_cursor_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
        const char *visible;
    } cases[] = {
        {"plain", 10, "plain"},
        {"a\tb\bc\x7f", 10, "a bc"},
        {"\033[2J\033[1;31mred\033[0m", 10, "red"},
        {"\033]0;title\atext", 10, "text"},
        {"\033]0;title\033\\text", 10, "text"},
        {"\033[", 10, ""},
        {"\033", 10, ""},
        {"\033]0;open", 10, ""},
        {"äöüß", 2, "äö"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        autostr s = STR_INIT;
        progress_add_visible(&s, cases[i].text, cases[i].columns);
        assert_string_equal(str_text(&s), cases[i].visible);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_has_numbered_lines),
        cmocka_unit_test(json_is_an_object_a_line),
        cmocka_unit_test(quiet_says_nothing),
        cmocka_unit_test(without_progress_nothing_happens),
        cmocka_unit_test(a_terminal_shows_what_runs_and_keeps_what_ended),
        cmocka_unit_test(colours_are_for_terminals_that_want_them),
        cmocka_unit_test(a_dumb_terminal_gets_plain_lines),
        cmocka_unit_test(the_live_area_fits_any_terminal),
        cmocka_unit_test(the_tail_is_the_last_lines),
        cmocka_unit_test(a_flood_is_kept_in_part_with_its_beginning_and_end),
        cmocka_unit_test(lines_of_many_threads_do_not_mix),
        cmocka_unit_test(sizes_and_times_are_short),
        cmocka_unit_test(what_would_move_the_cursor_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
