/* The notifier's filters do what the table says: run here, as the kernel would run them, over every
 * call and every small value of every argument. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "notify_filter.h"

#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define HERE AUDIT_ARCH_X86_64
#define OTHER AUDIT_ARCH_I386
#else
#define HERE AUDIT_ARCH_AARCH64
#define OTHER AUDIT_ARCH_ARM
#endif

/* Classic BPF, as far as a filter of ours uses it. */
static uint32_t run(const struct sock_fprog *program, const struct seccomp_data *data)
{
    uint32_t a = 0;
    for (size_t at = 0; at < program->len; at++) {
        const struct sock_filter *f = &program->filter[at];
        bool yes = false;
        switch (f->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(f->k % 4 == 0 && f->k + 4 <= sizeof *data);
            memcpy(&a, (const char *)data + f->k, sizeof a);
            continue;
        case BPF_RET | BPF_K:
            return f->k;
        case BPF_JMP | BPF_JEQ | BPF_K:
            yes = a == f->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            yes = a >= f->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            yes = a & f->k;
            break;
        default:
            fail_msg("code 0x%x", f->code);
        }
        at += yes ? f->jt : f->jf;
    }
    fail_msg("the filter has no end");
    return 0;
}

static bool holds(const struct notify_row *row, const uint64_t *args)
{
    uint32_t low = (uint32_t)args[row->test_arg];
    switch (row->test) {
    case NOTIFY_IF_ANY:
        return low & row->test_value;
    case NOTIFY_IF_NONE:
        return !(low & row->test_value);
    case NOTIFY_IF_IS:
        return low == row->test_value;
    case NOTIFY_IF_IS_AND_NEXT:
        return low == row->test_value && args[row->test_arg + 1];
    case NOTIFY_IF_NOT_NULL:
        return args[row->test_arg] != 0;
    default:
        return true;
    }
}

/* What the table says, read without any jump. */
static uint32_t expected(unsigned sets, int number, const uint64_t *args)
{
    static const uint32_t actions[] = {[NOTIFY_ASK] = SECCOMP_RET_USER_NOTIF,
                                       [NOTIFY_SUCCEED] = SECCOMP_RET_ERRNO,
                                       [NOTIFY_LACKING] = SECCOMP_RET_ERRNO | ENOSYS};
    for (size_t i = 0; i < notify_number_count; i++) {
        if (notify_numbers[i].number != number)
            continue;
        const struct notify_row *row = &notify_table[notify_numbers[i].row];
        for (const char *call = row->call;
             row < notify_table + notify_table_size && !strcmp(row->call, call); row++)
            if (row->sets & sets && holds(row, args))
                return actions[row->action];
    }
    return SECCOMP_RET_ALLOW;
}

static void check(const struct notify_filter *f, const struct seccomp_data *data)
{
    uint32_t is = run(&f->program, data), want = expected(f->sets, data->nr, (void *)data->args);
    if (is != want)
        fail_msg("sets %u, call %d (%#llx, %#llx, %#llx, %#llx): %#x, not %#x", f->sets, data->nr,
                 data->args[0], data->args[1], data->args[2], data->args[3], is, want);
}

static void every_call_with_every_small_argument(void **state)
{
    (void)state;
    static const uint64_t large[] = {O_CREAT,       O_TMPFILE | O_RDWR,  O_DIRECTORY,
                                     AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, UINT64_C(1) << 32,
                                     UINT32_MAX,    UINT64_MAX};
    for (size_t f = 0; f < notify_filter_count; f++)
        for (int call = 0; call < 600; call++)
            for (unsigned at = 0; at < 6; at++)
                for (unsigned v = 0; v < 64 + COUNT_OF(large); v++) {
                    struct seccomp_data data = {.nr = call, .arch = HERE};
                    data.args[at] = v < 64 ? v : large[v - 64];
                    check(&notify_filters[f], &data);
                    data.args[(at + 1) % 6] = 1;
                    check(&notify_filters[f], &data);
                }
}

static void a_write_of_17_bytes_is_none_of_its_business(void **state)
{
    (void)state;
    const struct seccomp_data data = {.nr = SYS_write, .arch = HERE, .args = {1, 4096, 17}};
    for (size_t f = 0; f < notify_filter_count; f++)
        assert_int_equal(run(&notify_filters[f].program, &data), SECCOMP_RET_ALLOW);
}

static void other_abis_are_told_that_nothing_is_there(void **state)
{
    (void)state;
    for (size_t f = 0; f < notify_filter_count; f++)
        for (int call = 0; call < 500; call++) {
            struct seccomp_data data = {.nr = call, .arch = OTHER};
            assert_int_equal(run(&notify_filters[f].program, &data), SECCOMP_RET_ERRNO | ENOSYS);
#if defined(__x86_64__)
            data = (struct seccomp_data){.nr = call | 0x40000000, .arch = HERE};
            assert_int_equal(run(&notify_filters[f].program, &data), SECCOMP_RET_ERRNO | ENOSYS);
#endif
        }
}

static void rows_of_a_call_stand_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < notify_table_size; i++)
        for (size_t k = i + 1; k < notify_table_size; k++)
            if (!strcmp(notify_table[i].call, notify_table[k].call))
                assert_string_equal(notify_table[k - 1].call, notify_table[k].call);
}

static void what_is_asked_has_somebody_to_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < notify_table_size; i++) {
        assert_int_not_equal(notify_table[i].sets, 0);
        assert_int_equal(notify_table[i].action == NOTIFY_ASK,
                         notify_table[i].handler != NOTIFY_NONE);
    }
    assert_non_null(notify_filter_for(NOTIFY_RECORDED));
    assert_non_null(notify_filter_for(NOTIFY_KERNEL | NOTIFY_SERVED));
    assert_non_null(notify_filter_for(NOTIFY_RECORDED | NOTIFY_SERVED));
    assert_null(notify_filter_for(NOTIFY_SERVED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_with_every_small_argument),
        cmocka_unit_test(a_write_of_17_bytes_is_none_of_its_business),
        cmocka_unit_test(other_abis_are_told_that_nothing_is_there),
        cmocka_unit_test(rows_of_a_call_stand_together),
        cmocka_unit_test(what_is_asked_has_somebody_to_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
