/* base/mem and base/str. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void strings_grow_and_stay_terminated(void **state)
{
    (void)state;
    autostr s = STR_INIT;
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++) {
        str_addf(&s, "%d,", i);
        assert_int_equal(s.data[s.len], 0);
    }
    assert_int_equal(s.len, 3890);
    str_add_bytes(&s, "a\0b", 3);
    assert_int_equal(s.len, 3893);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_add_char(&s, 'x');
    autofree char *taken = str_take(&s);
    assert_string_equal(taken, "x");
    autofree char *empty = str_take(&s);
    assert_string_equal(empty, "");
}

static void a_size_that_cannot_be_ends_the_process_with_70(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (!pid) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        autostr s = STR_INIT;
        str_add(&s, "x");
        volatile size_t huge = SIZE_MAX - 1;
        str_add_bytes(&s, "x", huge);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 70);
}

static void vectors_end_with_null_for_exec(void **state)
{
    (void)state;
    autostrv v = STRV_INIT;
    assert_null(strv_argv(&v)[0]);
    for (int i = 0; i < 100; i++) {
        strv_addf(&v, "%d", i);
        assert_null(strv_argv(&v)[i + 1]);
    }
    assert_true(strv_contains(&v, "99"));
    assert_false(strv_contains(&v, "100"));
}

static void a_vector_can_be_added_to_itself(void **state)
{
    (void)state;
    autostrv v = STRV_INIT;
    strv_add(&v, "a");
    strv_add(&v, "b");
    strv_add_all(&v, &v);
    autofree char *joined = strv_join(&v, "-");
    assert_string_equal(joined, "a-b-a-b");
}

static void splitting_keeps_empty_parts(void **state)
{
    (void)state;
    autostrv v = STRV_INIT;
    strv_split(&v, ":a::b:", ':');
    autofree char *joined = strv_join(&v, "|");
    assert_string_equal(joined, "|a||b|");
    autostrv empty = STRV_INIT;
    strv_split(&empty, "", ':');
    assert_int_equal(empty.count, 1);
}

static void sorting_is_bytewise(void **state)
{
    (void)state;
    autostrv v = STRV_INIT;
    strv_split(&v, "b,B,a,é,aa", ',');
    strv_sort(&v);
    autofree char *joined = strv_join(&v, ",");
    assert_string_equal(joined, "B,a,aa,b,é");
}

static void numbers_are_whole_decimal_and_within_the_limit(void **state)
{
    (void)state;
    assert_int_equal(str_number("0", 5), 0);
    assert_int_equal(str_number("5", 5), 5);
    assert_int_equal(str_number("6", 5), -1);
    assert_int_equal(str_number("7", 5), -1);
    assert_int_equal(str_number("15", 14), -1);
    assert_int_equal(str_number("007", 7), 7);
    assert_true(str_number("9223372036854775807", LLONG_MAX) == LLONG_MAX);
    assert_int_equal(str_number("9223372036854775808", LLONG_MAX), -1);
    assert_int_equal(str_number("99999999999999999999999", LLONG_MAX), -1);
    static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(str_number(wrong[i], 1000), -1);
}

static void texts_are_compared_trimmed_and_lowered(void **state)
{
    (void)state;
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_true(str_eq("a", "a"));
    assert_true(str_starts("abc", "ab"));
    assert_false(str_starts("a", "ab"));
    assert_true(str_ends("abc", "bc"));
    assert_false(str_ends("c", "bc"));
    char blank[] = " \t\r\n", text[] = "\t a b \r\n", upper[] = "AbZ[É";
    assert_string_equal(str_trim(blank), "");
    assert_string_equal(str_trim(text), "a b");
    assert_string_equal(str_lower(upper), "abz[É");
}

static void the_last_setting_wins_in_the_place_of_the_first(void **state)
{
    (void)state;
    autostrv env = STRV_INIT;
    env_set(&env, "A", "1");
    env_set(&env, "AB", "2");
    env_set(&env, "A", env_get(&env, "AB"));
    env_set(&env, "C", "");
    assert_string_equal(env.items[0], "A=2");
    assert_string_equal(env_get(&env, "C"), "");
    assert_null(env_get(&env, "B"));
    env_unset(&env, "A");
    env_unset(&env, "A");
    assert_int_equal(env.count, 2);
    assert_string_equal(env.items[0], "AB=2");
    assert_null(env.items[2]);
}

static void clean_up_leaves_errno_alone(void **state)
{
    (void)state;
    errno = 0;
    {
        autofree char *text = mem_strdup("x");
        autoclose int fd = open("/dev/null", O_RDONLY);
        errno = ERANGE;
    }
    assert_int_equal(errno, ERANGE);
}

static void taken_things_are_not_cleaned_up(void **state)
{
    (void)state;
    char *kept;
    int kept_fd;
    {
        autofree char *text = mem_strdup("x");
        autoclose int fd = open("/dev/null", O_RDONLY);
        kept = take(&text);
        kept_fd = take_fd(&fd);
        assert_null(text);
        assert_int_equal(fd, -1);
    }
    assert_string_equal(kept, "x");
    assert_int_equal(close(kept_fd), 0);
    free(kept);
}

static void arrays_grow_by_pushing(void **state)
{
    (void)state;
    int *items = NULL;
    size_t count = 0, cap = 0;
    for (int i = 0; i < 1000; i++)
        MEM_PUSH(items, count, cap) = i;
    assert_int_equal(count, 1000);
    assert_int_equal(items[999], 999);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_grow_and_stay_terminated),
        cmocka_unit_test(a_size_that_cannot_be_ends_the_process_with_70),
        cmocka_unit_test(vectors_end_with_null_for_exec),
        cmocka_unit_test(a_vector_can_be_added_to_itself),
        cmocka_unit_test(splitting_keeps_empty_parts),
        cmocka_unit_test(sorting_is_bytewise),
        cmocka_unit_test(numbers_are_whole_decimal_and_within_the_limit),
        cmocka_unit_test(texts_are_compared_trimmed_and_lowered),
        cmocka_unit_test(the_last_setting_wins_in_the_place_of_the_first),
        cmocka_unit_test(clean_up_leaves_errno_alone),
        cmocka_unit_test(taken_things_are_not_cleaned_up),
        cmocka_unit_test(arrays_grow_by_pushing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
