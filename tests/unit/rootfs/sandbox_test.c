/* The sandbox, run for real: a busybox root, a process in it, and what that sees. Needs root. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <rootfs/sandbox.h>

#include <base/mem.h>
#include <base/path.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char base[64];
    int base_fd;
    struct str out, err_out;
    struct sandbox_result result;
    struct error err;
};

static void write_text(int dir, const char *path, const char *text)
{
    autoclose int fd = openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void copy_busybox(int root)
{
    static char block[1 << 16];
    autoclose int in = open("/bin/busybox", O_RDONLY);
    autoclose int to = openat(root, "bin/busybox", O_WRONLY | O_CREAT, 0755);
    ssize_t n;
    while ((n = read(in, block, sizeof block)) > 0)
        assert_int_equal(write(to, block, (size_t)n), n);
    assert_int_equal(n, 0);
}

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    strcpy(f->base, "/tmp/sandbox_test.XXXXXX");
    assert_non_null(mkdtemp(f->base));
    assert_int_equal(chmod(f->base, 0755), 0);
    f->base_fd = open(f->base, O_RDONLY | O_DIRECTORY);
    static const char *const folders[] = {"bin", "etc", "tmp", "root"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(mkdirat(f->base_fd, folders[i], 0755), 0);
    copy_busybox(f->base_fd);
    assert_int_equal(symlinkat("busybox", f->base_fd, "bin/sh"), 0);
    write_text(f->base_fd, "etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/:/bin/sh\n");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->base_fd);
    assert_int_equal(path_remove_tree(AT_FDCWD, f->base, NULL), 0);
    str_release(&f->out);
    str_release(&f->err_out);
    sandbox_result_release(&f->result);
    error_release(&f->err);
    free(f);
    return 0;
}

static void collect(void *context, enum sandbox_stream stream, const char *bytes, size_t n)
{
    struct fixture *f = context;
    str_add_bytes(stream == SANDBOX_STDOUT ? &f->out : &f->err_out, bytes, n);
}

static struct sandbox_spec spec_for(struct fixture *f, const char *const *argv)
{
    return (struct sandbox_spec){
        .argv = argv, .ca_bundle_fd = -1, .cancel_fd = -1, .output = collect, .context = f};
}

static int run_spec(struct fixture *f, struct sandbox_spec *spec)
{
    str_clear(&f->out);
    str_clear(&f->err_out);
    sandbox_result_release(&f->result);
    error_release(&f->err);
    autoclose int root = (int)syscall(SYS_open_tree, f->base_fd, "",
                                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    assert_true(root >= 0);
    spec->root_fd = root;
    int r = sandbox_run(spec, &f->result, &f->err);
    if (r)
        print_message("%s\n", f->err.message);
    return r;
}

/* Run a shell script; its output is in f->out. */
static int run_script(struct fixture *f, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    return run_spec(f, &spec);
}

static void expect(struct fixture *f, const char *script, const char *output)
{
    assert_int_equal(run_script(f, script), 0);
    assert_string_equal(str_text(&f->err_out), "");
    assert_string_equal(str_text(&f->out), output);
    assert_int_equal(f->result.exit_code, 0);
}

static void runs_a_program_and_gives_its_output_and_code(void **state)
{
    struct fixture *f = *state;
    expect(f, "echo hello", "hello\n");
    assert_int_equal(run_script(f, "echo no >&2; exit 3"), 0);
    assert_string_equal(str_text(&f->err_out), "no\n");
    assert_int_equal(f->result.exit_code, 3);
    assert_int_equal(run_script(f, "busybox sh -c 'kill -9 $$'; exit $?"), 0);
    assert_int_equal(f->result.exit_code, 137);
}

static void has_dockers_capabilities_filter_and_no_more_descriptors(void **state)
{
    struct fixture *f = *state;
    expect(f, "busybox grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status",
           "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
           "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n");
    /* 3 is the directory that ls reads. */
    expect(f, "busybox ls /proc/self/fd", "0\n1\n2\n3\n");
    expect(f, "echo $$; busybox hostname", "1\nlocalhost\n");
}

static void becomes_the_user_without_capabilities(void **state)
{
    struct fixture *f = *state;
    uint32_t groups[] = {5, 27};
    struct user_ids ids = {.uid = 1000, .gid = 1000, .groups = groups, .group_count = 2};
    const char *argv[] = {
        "sh", "-c",
        "busybox id -u; busybox id -G; busybox grep CapEff /proc/self/status; echo x >/dev/stdout",
        NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.user = &ids;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_string_equal(str_text(&f->out), "1000\n1000 5 27\nCapEff:\t0000000000000000\nx\n");
}

static void masks_and_freezes_what_docker_does(void **state)
{
    struct fixture *f = *state;
    /* Each is empty where the kernel has it at all. */
    expect(f,
           "for f in kcore keys timer_list sched_debug interrupts latency_stats; do "
           "if busybox test -e /proc/$f; then busybox cat /proc/$f; fi; done; "
           "busybox ls /sys/firmware /proc/scsi /proc/acpi 2>/dev/null | busybox grep -v -e : -e "
           "'^$'; true",
           "");
    expect(f, "busybox grep -cE '^proc /proc/(bus|fs|irq|sys) proc ro,' /proc/mounts", "4\n");
    assert_int_equal(run_script(f, "echo 0 >/proc/sys/kernel/randomize_va_space; "
                                   "busybox mkdir /sys/x; "
                                   "busybox mount -t tmpfs x /tmp; exit 7"),
                     0);
    assert_int_equal(f->result.exit_code, 7);
    assert_non_null(strstr(str_text(&f->err_out), "randomize_va_space: Read-only file system"));
    assert_non_null(strstr(str_text(&f->err_out), "mount: permission denied"));
}

static void resolves_a_dangling_resolv_conf_inside_the_root(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(symlinkat("/run/stub/resolv.conf", f->base_fd, "etc/resolv.conf"), 0);
    expect(f, "busybox head -n1 /etc/hosts; busybox test -f /run/stub/resolv.conf && echo there",
           "127.0.0.1\tlocalhost\nthere\n");
    assert_true(strv_contains(&f->result.created, "run/stub/resolv.conf"));
    assert_true(strv_contains(&f->result.created, "run/stub"));
    assert_true(strv_contains(&f->result.created, "etc/hosts"));
    assert_true(strv_contains(&f->result.created, "proc"));
    struct stat s;
    assert_int_equal(fstatat(f->base_fd, "run/stub/resolv.conf", &s, 0), 0);
    assert_int_equal(s.st_size, 0); /* bound, not written */
}

static int overlay_over(struct fixture *f, int upper, int work)
{
    autofree char *upper_path = mem_printf("/proc/self/fd/%d", upper);
    autofree char *work_path = mem_printf("/proc/self/fd/%d", work);
    autoclose int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
    const char *options[][2] = {
        {"lowerdir", f->base}, {"upperdir", upper_path}, {"workdir", work_path}};
    for (size_t i = 0; i < COUNT_OF(options); i++)
        if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[i][0], options[i][1], 0))
            return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

static void what_an_overlay_captures_is_the_steps_doing_and_what_created_names(void **state)
{
    struct fixture *f = *state;
    char base[] = "/tmp/sandbox_overlay.XXXXXX";
    assert_non_null(mkdtemp(base));
    autoclose int dir = open(base, O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(dir, "upper", 0755), 0);
    assert_int_equal(mkdirat(dir, "work", 0755), 0);
    autoclose int upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY);
    autoclose int work = openat(dir, "work", O_RDONLY | O_DIRECTORY);
    autoclose int root = overlay_over(f, upper, work);
    if (root >= 0) {
        const char *argv[] = {"sh", "-c", "echo 1 >/made; echo 2 >/dev/shm/lost", NULL};
        struct sandbox_spec spec = spec_for(f, argv);
        struct stat s;
        spec.root_fd = root;
        assert_int_equal(sandbox_run(&spec, &f->result, &f->err), 0);
        assert_int_equal(fstatat(upper, "made", &s, 0), 0);
        for (size_t i = 0; i < f->result.created.count; i++)
            assert_int_equal(fstatat(upper, f->result.created.items[i], &s, 0), 0);
        assert_int_equal(f->result.created.count, 5); /* proc sys dev etc/hosts etc/resolv.conf */
        assert_int_equal(fstatat(upper, "dev/shm", &s, 0), -1);
    }
    assert_int_equal(path_remove_tree(AT_FDCWD, base, NULL), 0);
    if (root < 0)
        skip(); /* no overlay over this file system */
}

static void shows_the_bundle_and_hosts(void **state)
{
    struct fixture *f = *state;
    const char *const hosts[] = {"db:10.0.0.1", "six=[fe80::1]", NULL};
    const char *argv[] = {"sh", "-c",
                          "busybox grep -E 'db|six|127' /etc/hosts; "
                          "busybox cat /dev/ca-certificates.crt; busybox hostname",
                          NULL};
    write_text(f->base_fd, "tmp/bundle", "CERTIFICATES\n");
    autoclose int bundle = openat(f->base_fd, "tmp/bundle", O_RDONLY);
    struct sandbox_spec spec = spec_for(f, argv);
    spec.ca_bundle_fd = bundle;
    spec.add_hosts = hosts;
    spec.hostname = "here";
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_spec(f, &spec), 0);
        assert_string_equal(str_text(&f->out),
                            "127.0.0.1\tlocalhost here\n10.0.0.1\tdb\nfe80::1\tsix\n"
                            "CERTIFICATES\nhere\n");
    }
}

/* An image's mount points may be links to anywhere: all of it stays in the root. */
static void hostile_mount_points_stay_inside(void **state)
{
    struct fixture *f = *state;
    autoclose int outside = open("/tmp", O_RDONLY | O_DIRECTORY);
    assert_int_equal(symlinkat("../../../../../../tmp", f->base_fd, "dev"), 0);
    assert_int_equal(symlinkat("/proc/1/root", f->base_fd, "sys"), 0);
    assert_int_equal(run_script(f, "exit 0"), -1); /* magic links are refused */
    assert_int_equal(faccessat(outside, "null", F_OK, 0), -1);
    assert_int_equal(unlinkat(f->base_fd, "sys", 0), 0);
    assert_int_equal(run_script(f, "busybox test -c /tmp/null"), 0);
    assert_int_equal(faccessat(outside, "null", F_OK, 0), -1);
}

static void feeds_input_and_makes_the_working_directory(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"sh", NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.input = "pwd; echo fed\n";
    spec.input_size = strlen(spec.input);
    spec.cwd = "/new/place";
    spec.init = true;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_string_equal(str_text(&f->out), "/new/place\nfed\n");
    assert_true(strv_contains(&f->result.created, "new/place"));
}

static void mounts_what_is_asked_for(void **state)
{
    struct fixture *f = *state;
    autoclose int source = open("/etc/hostname", O_PATH);
    autoclose int folder = openat(f->base_fd, "root", O_PATH);
    struct sandbox_mount mounts[] = {
        {.kind = SANDBOX_MOUNT_BIND,
         .source_fd = source,
         .target = "/run/secrets/x",
         .read_only = true},
        {.kind = SANDBOX_MOUNT_BIND, .source_fd = folder, .target = "/cache"},
        {.kind = SANDBOX_MOUNT_TMPFS, .target = "/scratch/deep", .size = 4096}};
    const char *argv[] = {"sh", "-c",
                          "busybox test -s /run/secrets/x && echo secret; echo 1 >/cache/kept; "
                          "echo 2 >/scratch/deep/lost; echo >/run/secrets/x",
                          NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.mounts = mounts;
    spec.mount_count = COUNT_OF(mounts);
    assert_int_equal(run_spec(f, &spec), 0);
    assert_string_equal(str_text(&f->out), "secret\n");
    assert_non_null(strstr(str_text(&f->err_out), "Read-only"));
    assert_int_equal(faccessat(f->base_fd, "root/kept", F_OK, 0), 0);
    assert_int_equal(faccessat(f->base_fd, "scratch/deep/lost", F_OK, 0), -1);
}

static void without_a_network_there_is_only_loopback(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {
        "sh", "-c", "busybox ls /sys/class/net; busybox ip -o addr | busybox grep -c 127.0.0.1",
        NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.network = SANDBOX_NETWORK_NONE;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_true(str_starts(str_text(&f->out), "lo\n"));
    assert_true(str_ends(str_text(&f->out), "1\n"));
}

static void a_time_limit_ends_it_and_what_it_left_behind(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"sh", "-c", "busybox sleep 100 & echo up; wait", NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.timeout_ms = 200;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_true(f->result.timed_out);
    assert_int_equal(f->result.signal, SIGKILL);
    assert_string_equal(str_text(&f->out), "up\n");
    expect(f, "busybox sleep 100 & echo left", "left\n"); /* background work dies with the step */
}

static void a_time_limit_may_count_from_the_first_output(void **state)
{
    struct fixture *f = *state;
    const char *late[] = {"sh", "-c", "busybox sleep 0.5; echo up; busybox sleep 100", NULL};
    struct sandbox_spec spec = spec_for(f, late);
    spec.timeout_ms = 100;
    spec.silence_ms = 60 * 1000;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_true(f->result.timed_out);
    assert_string_equal(str_text(&f->out), "up\n");
}

static void silence_has_a_limit_of_its_own(void **state)
{
    struct fixture *f = *state;
    const char *silent[] = {"sh", "-c", "busybox sleep 100", NULL};
    struct sandbox_spec spec = spec_for(f, silent);
    spec.timeout_ms = 60 * 1000;
    spec.silence_ms = 100;
    assert_int_equal(run_spec(f, &spec), 0);
    assert_true(f->result.timed_out);
    assert_string_equal(str_text(&f->out), "");
}

static void a_readable_cancel_descriptor_ends_it(void **state)
{
    struct fixture *f = *state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    const char *argv[] = {"sh", "-c", "busybox sleep 100", NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    spec.cancel_fd = pipe_fds[0];
    assert_int_equal(run_spec(f, &spec), -1);
    assert_int_equal(f->err.kind, ERROR_INTERRUPTED);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void says_what_cannot_be_run(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"nosuch", NULL};
    struct sandbox_spec spec = spec_for(f, argv);
    assert_int_equal(run_spec(f, &spec), -1);
    assert_int_equal(f->err.kind, ERROR_INPUT);
    assert_non_null(strstr(f->err.message, "nosuch"));
    argv[0] = "/etc/passwd";
    assert_int_equal(run_spec(f, &spec), -1);
    assert_int_equal(f->err.sys, EACCES);
}

/* The parent dies by SIGKILL in mid-step: its step must go too. */
static void no_step_outlives_its_parent(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t parent = fork();
    if (parent == 0) {
        autoclose int root = (int)syscall(SYS_open_tree, f->base_fd, "",
                                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        const char *argv[] = {"sh", "-c", "echo up >/cache/up; busybox sleep 100", NULL};
        struct sandbox_spec spec = spec_for(f, argv);
        autoclose int folder = openat(f->base_fd, "tmp", O_PATH);
        struct sandbox_mount m = {
            .kind = SANDBOX_MOUNT_BIND, .source_fd = folder, .target = "/cache"};
        spec.mounts = &m;
        spec.mount_count = 1;
        spec.root_fd = root;
        sandbox_run(&spec, &f->result, NULL);
        _exit(0);
    }
    while (faccessat(f->base_fd, "tmp/up", F_OK, 0))
        usleep(1000);
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    int status;
    pid_t step = waitpid(-1, &status, 0); /* adopted by us, and already being killed */
    assert_true(step > 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_a_program_and_gives_its_output_and_code, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(has_dockers_capabilities_filter_and_no_more_descriptors,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(becomes_the_user_without_capabilities, setup, teardown),
        cmocka_unit_test_setup_teardown(masks_and_freezes_what_docker_does, setup, teardown),
        cmocka_unit_test_setup_teardown(resolves_a_dangling_resolv_conf_inside_the_root, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_an_overlay_captures_is_the_steps_doing_and_what_created_names, setup, teardown),
        cmocka_unit_test_setup_teardown(shows_the_bundle_and_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_mount_points_stay_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(feeds_input_and_makes_the_working_directory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(mounts_what_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_network_there_is_only_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(a_time_limit_may_count_from_the_first_output, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(silence_has_a_limit_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_time_limit_ends_it_and_what_it_left_behind, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_readable_cancel_descriptor_ends_it, setup, teardown),
        cmocka_unit_test_setup_teardown(says_what_cannot_be_run, setup, teardown),
        cmocka_unit_test_setup_teardown(no_step_outlives_its_parent, setup, teardown),
    };
    if (geteuid() != 0 || access("/bin/busybox", X_OK)) {
        print_message("skipped: needs root and a static /bin/busybox\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
