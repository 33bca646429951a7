/* The credentials that a step believes to have change as the kernel's would. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "notify_creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPS UINT64_C(0xa80425fb)
#define SAME UINT32_MAX

static struct creds root(void)
{
    struct creds c;
    creds_init(&c, CAPS);
    return c;
}

static struct creds user(uint32_t id)
{
    struct creds c = root();
    assert_int_equal(creds_set_res(&c, true, id, id, id), 0);
    assert_int_equal(creds_set_res(&c, false, id, id, id), 0);
    return c;
}

static void leaving_root_takes_all_capabilities(void **state)
{
    (void)state;
    struct creds c = user(1000);
    assert_true(c.permitted == 0 && c.effective == 0);
    assert_int_equal(creds_set_id(&c, false, 0), EPERM);
    assert_int_equal(creds_set_groups(&c, NULL, 0), EPERM);
    assert_int_equal(creds_set_id(&c, false, 1000), 0);
}

static void kept_capabilities_are_not_in_effect(void **state)
{
    (void)state;
    struct creds c = root();
    c.keep = 1;
    assert_int_equal(creds_set_res(&c, false, 5, 5, 5), 0);
    assert_true(c.permitted == CAPS && c.effective == 0);
    assert_int_equal(creds_set_capabilities(&c, UINT64_C(1) << CAP_SETGID, CAPS, 0), 0);
    assert_int_equal(creds_set_res(&c, true, 6, 6, 6), 0);
    assert_int_equal(creds_set_capabilities(&c, UINT64_MAX, UINT64_MAX, 0), EPERM);
}

static void a_set_id_program_can_go_back(void **state)
{
    (void)state;
    struct creds c = user(1000);
    creds_exec(&c, S_IFREG | 04755, 0, 0, CAPS);
    assert_true(c.users.real == 1000 && c.users.effective == 0 && c.users.saved == 0);
    assert_true(c.effective == CAPS);
    assert_int_equal(creds_set_re(&c, false, SAME, 1000), 0);
    assert_true(c.effective == 0 && c.permitted == CAPS);
    assert_int_equal(creds_set_re(&c, false, SAME, 0), 0);
    assert_true(c.effective == CAPS);
    creds_exec(&c, S_IFREG | 02755, 7, 8, CAPS);
    assert_true(c.groups.effective == 8 && c.groups.real == 1000 && c.groups.saved == 8);
    creds_exec(&c, S_IFREG | 02745, 7, 9, CAPS); /* no group bit: a lock mark, not set-id */
    assert_true(c.groups.effective == 8);
}

static void owners_may_only_give_to_their_groups(void **state)
{
    (void)state;
    const uint32_t groups[] = {50, 4};
    struct creds c = root();
    assert_int_equal(creds_set_groups(&c, groups, 2), 0);
    assert_int_equal(creds_set_res(&c, true, 10, 10, 10), 0);
    assert_int_equal(creds_set_res(&c, false, 10, 10, 10), 0);
    assert_int_equal(creds_may_chown(&c, 10, 10, SAME, 50), 0);
    assert_int_equal(creds_may_chown(&c, 10, 10, 10, 4), 0);
    assert_int_equal(creds_may_chown(&c, 10, 10, SAME, 51), EPERM);
    assert_int_equal(creds_may_chown(&c, 10, 10, 11, SAME), EPERM);
    assert_int_equal(creds_may_chown(&c, 0, 0, SAME, 10), EPERM);
    c = root();
    assert_int_equal(creds_may_chown(&c, 10, 10, 11, 12), 0);
}

static void a_number_stands_for_credentials(void **state)
{
    (void)state;
    struct creds r = root(), a = user(1), b = user(2);
    struct creds_table *t = creds_table_new(&r);
    assert_int_equal(creds_table_number(t, &r), 0);
    int one = creds_table_number(t, &a), two = creds_table_number(t, &b);
    assert_int_not_equal(one, two);
    assert_int_equal(creds_table_number(t, &a), one);
    assert_int_equal(creds_table_at(t, (uint64_t)two)->users.real, 2);
    assert_int_equal(creds_table_at(t, 12345)->users.real, 0);
    for (uint32_t id = 3;; id++) {
        a = user(id);
        if (creds_table_number(t, &a) < 0)
            break;
        assert_true(id < CREDS_TABLE_MAX + 10);
    }
    creds_table_free(t);
}

/* ---- beside the kernel ---- */

struct move {
    int call;
    uint32_t a, b, s;
};

static int kernel_move(const struct move *m)
{
    static const int calls[] = {SYS_setuid, SYS_setreuid, SYS_setresuid, SYS_setfsuid,
                                SYS_setgid, SYS_setregid, SYS_setresgid, SYS_setfsgid};
    long r = syscall(calls[m->call], m->a, m->b, m->s);
    return r < 0 ? errno : m->call % 4 == 3 ? (int)r : 0;
}

static int our_move(struct creds *c, const struct move *m)
{
    bool group = m->call >= 4;
    switch (m->call % 4) {
    case 0:
        return creds_set_id(c, group, m->a);
    case 1:
        return creds_set_re(c, group, m->a, m->b);
    case 2:
        return creds_set_res(c, group, m->a, m->b, m->s);
    default:
        return (int)creds_set_fs(c, group, m->a);
    }
}

static bool agree(const struct creds *c)
{
    uint32_t r, e, s;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_getresuid, &r, &e, &s) || r != c->users.real || e != c->users.effective ||
        s != c->users.saved || syscall(SYS_getresgid, &r, &e, &s) || r != c->groups.real ||
        e != c->groups.effective || s != c->groups.saved || syscall(SYS_capget, &head, d))
        return false;
    return (d[0].effective | (uint64_t)d[1].effective << 32) == c->effective &&
           (d[0].permitted | (uint64_t)d[1].permitted << 32) == c->permitted;
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

/* In a child, whose ids are its own to lose. */
static int compare_walk(unsigned seed)
{
    static const uint32_t values[] = {0, 1, 2, 3, SAME};
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    struct creds c;
    if (syscall(SYS_capget, &head, d))
        return 1;
    creds_init(&c, d[0].permitted | (uint64_t)d[1].permitted << 32);
    for (int i = 0; i < 12; i++) {
        struct move m = {(int)(next_random(&seed) % 8), values[next_random(&seed) % 5],
                         values[next_random(&seed) % 5], values[next_random(&seed) % 5]};
        if (next_random(&seed) % 4 == 0) {
            c.keep = next_random(&seed) % 2;
            prctl(PR_SET_KEEPCAPS, c.keep, 0, 0, 0);
        }
        if (kernel_move(&m) != our_move(&c, &m) || !agree(&c))
            return 2 + m.call;
    }
    return 0;
}

static void random_walks_end_where_the_kernel_does(void **state)
{
    (void)state;
    if (geteuid())
        skip();
    for (unsigned seed = 1; seed <= 400; seed++) {
        int status;
        pid_t pid = fork();
        if (!pid)
            _exit(compare_walk(seed * 7919));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (status)
            fail_msg("seed %u: %d", seed, WEXITSTATUS(status));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaving_root_takes_all_capabilities),
        cmocka_unit_test(kept_capabilities_are_not_in_effect),
        cmocka_unit_test(a_set_id_program_can_go_back),
        cmocka_unit_test(owners_may_only_give_to_their_groups),
        cmocka_unit_test(a_number_stands_for_credentials),
        cmocka_unit_test(random_walks_end_where_the_kernel_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
