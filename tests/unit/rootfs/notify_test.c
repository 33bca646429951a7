/* What a step with one id sees is what root would see, and always the same. Each body runs as a
 * step does: in a user namespace with one id, under the notifier's filter. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "notify.h"
#include "notify_filter.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { CAPS = 0xa80425fb };

/* In a body: the line where it went wrong is the exit code. */
#define MUST(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: %s: %s\n", __func__, __LINE__, #what, strerror(errno));        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int write_file(const char *path, const char *text)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : io_write(fd, text, strlen(text));
}

/* One id, as an ordinary user has it. */
static int enter_namespace(void)
{
    uid_t uid = getuid() ? getuid() : 1234;
    autofree char *map = mem_printf("0 %u 1", uid);
    if (!getuid() && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
        return -1;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else /proc/self is root's */
    return unshare(CLONE_NEWUSER) || write_file("/proc/self/setgroups", "deny") ||
                   write_file("/proc/self/uid_map", map) || write_file("/proc/self/gid_map", map)
               ? -1
               : 0;
}

static int send_pair(int socket, int first, int second)
{
    char byte = 'n';
    struct iovec data = {&byte, 1};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(2 * sizeof(int))];
    } control = {.head = {CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    memcpy(CMSG_DATA(&control.head), (int[]){first, second}, 2 * sizeof(int));
    return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
}

static int run_body(int (*body)(void), int socket, uint64_t limit)
{
    struct rlimit locks;
    char go;
    MUST(!getrlimit(RLIMIT_LOCKS, &locks));
    locks.rlim_cur = limit;
    MUST(!setrlimit(RLIMIT_LOCKS, &locks));
    int root = open("/", O_PATH | O_DIRECTORY);
    int listener =
        (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                     notify_filter_for(NOTIFY_RECORDED));
    MUST(listener >= 0);
    MUST(!send_pair(socket, listener, root));
    close(listener);
    MUST(read(socket, &go, 1) == 1);
    return body();
}

static int run_step(const char *path, const struct user_ids *user, int (*body)(void))
{
    struct owners *owners;
    struct notify *notify;
    autoerror err = ERROR_INIT;
    int socket, status;
    uint64_t limit;
    MUST(!enter_namespace());
    MUST(!chdir(path));
    umask(022);
    MUST(!owners_open(AT_FDCWD, "owners", &owners, &err));
    const struct notify_spec spec = {.sets = NOTIFY_RECORDED,
                                     .owners = owners,
                                     .upper_fd = -1,
                                     .user = user,
                                     .capabilities = CAPS};
    MUST(!notify_new(&spec, &notify, &socket, &limit, &err));
    MUST(!notify_start(notify, &err));
    pid_t pid = fork();
    if (!pid)
        _exit(run_body(body, socket, limit));
    close(socket);
    MUST(waitpid(pid, &status, 0) == pid);
    notify_stop(notify);
    owners_close(owners);
    if (WIFSIGNALED(status))
        fprintf(stderr, "killed by %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void step_as(const struct user_ids *user, int (*body)(void))
{
    char path[] = "/tmp/notify_test.XXXXXX";
    int status;
    assert_non_null(mkdtemp(path));
    assert_int_equal(chmod(path, 0777), 0);
    pid_t pid = fork();
    if (!pid)
        _exit(run_step(path, user, body));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(path_remove_tree(AT_FDCWD, path, NULL), 0);
    assert_int_equal(status, 0);
}

static int make_file(const char *path, mode_t mode)
{
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    return fd < 0 ? -1 : fchmod(fd, mode);
}

static bool owned(const char *path, uid_t uid, gid_t gid)
{
    struct stat st;
    struct statx x;
    autoclose int fd = open(path, O_PATH | O_NOFOLLOW);
    if (lstat(path, &st) || st.st_uid != uid || st.st_gid != gid)
        return false;
    if (fd < 0 || fstat(fd, &st) || st.st_uid != uid || st.st_gid != gid)
        return false;
    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) || st.st_uid != uid)
        return false;
    return !statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x) && x.stx_uid == uid &&
           x.stx_gid == gid;
}

static int chown_body(void)
{
    struct stat st;
    MUST(!make_file("f", 06755) && owned("f", 0, 0));
    MUST(!chown("f", 5, 6) && owned("f", 5, 6));
    MUST(!stat("f", &st) && st.st_mode == (S_IFREG | 0755)); /* chown takes set-id bits */
    MUST(!link("f", "g") && owned("g", 5, 6));
    MUST(!rename("f", "h") && owned("h", 5, 6));
    MUST(!chown("h", (uid_t)-1, 9) && owned("g", 5, 9));
    MUST(!mkdir("d", 0700) && !chown("d", 7, 8) && owned("d", 7, 8));
    MUST(!symlink("h", "s") && !lchown("s", 3, 4) && owned("s", 3, 4) && owned("h", 5, 9));
    MUST(!chown("s", 1, 2) && owned("h", 1, 2));
    MUST(!rename("s", "t") && owned("t", 3, 4));
    MUST(!link("t", "u") && owned("u", 3, 4));
    MUST(!mkfifo("p", 0600) && !chown("p", 3, 4) && owned("p", 3, 4));
    MUST(!chmod("h", 0) && !chown("h", 11, 12) && owned("h", 11, 12));
    MUST(chown("none", 1, 1) == -1 && errno == ENOENT);
    MUST(fchown(99, 1, 1) == -1 && errno == EBADF);
    MUST(fstat(99, &st) == -1 && errno == EBADF);
    MUST(!chown("h", 0, 0) && owned("h", 0, 0));
    MUST(!fchownat(AT_FDCWD, "", 13, 13, AT_EMPTY_PATH) && owned(".", 13, 13));
    return 0;
}

static void chown_then_stat(void **state)
{
    (void)state;
    step_as(NULL, chown_body);
}

static int ids_body(void)
{
    uid_t r, e, s;
    gid_t groups[8] = {40, 30};
    MUST(getuid() == 0 && geteuid() == 0 && getgid() == 0);
    MUST(!setgroups(2, groups) && getgroups(8, groups) == 2 && groups[0] == 30);
    MUST(!setresgid(21, 21, 21) && getegid() == 21);
    MUST(!seteuid(1000) && getuid() == 0 && geteuid() == 1000);
    MUST(!make_file("e", 0644) && owned("e", 1000, 21));
    MUST(!seteuid(0) && !setuid(1000) && getuid() == 1000);
    MUST(setuid(0) == -1 && errno == EPERM);
    MUST(!getresuid(&r, &e, &s) && r == 1000 && e == 1000 && s == 1000);
    pid_t pid = fork();
    if (!pid)
        _exit(getuid() == 1000 ? 0 : 1);
    int status;
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
    MUST(!make_file("f", 0644) && owned("f", 1000, 21));
    MUST(chown("f", 1001, 21) == -1 && errno == EPERM);
    MUST(!chown("f", 1000, 30) && owned("f", 1000, 30));
    MUST(!mkdir("d", 0755) && owned("d", 1000, 21));
    MUST(!symlink("x", "l") && owned("l", 1000, 21));
    MUST(mknod("n", S_IFCHR | 0600, makedev(1, 3)) == -1 && errno == EPERM);
    MUST(chroot(".") == -1 && errno == EPERM);
    return 0;
}

static void setuid_then_getuid(void **state)
{
    (void)state;
    step_as(NULL, ids_body);
}

static int limit_body(void)
{
    struct rlimit limit = {1, 1};
    MUST(!setuid(1000) && getuid() == 1000);
    MUST(!setrlimit(RLIMIT_LOCKS, &limit));
    MUST(!prlimit(0, RLIMIT_LOCKS, &limit, NULL) && getuid() == 1000);
    return 0;
}

static void the_limit_that_credentials_are_kept_in_is_not_the_steps_to_set(void **state)
{
    (void)state;
    step_as(NULL, limit_body);
}

/* The program of a set-id test tells its ids by its exit code. */
static int run(const char *path)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        execl(path, "id", "-u", NULL);
        _exit(99);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int copy_file(const char *from, const char *to, mode_t mode)
{
    autoclose int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0700);
    struct stat st;
    if (in < 0 || out < 0 || fstat(in, &st))
        return -1;
    for (ssize_t n; (n = copy_file_range(in, NULL, out, NULL, (size_t)st.st_size, 0)) > 0;) {
    }
    return fchmod(out, mode);
}

static int read_back(const char *path, char *text, size_t size)
{
    autoclose int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    return n < 0 ? -1 : 0;
}

static int set_id_body(void)
{
    char text[32];
    MUST(!copy_file("/usr/bin/id", "id", 0755));
    MUST(!chown("id", 33, 34) && !chmod("id", 06755));
    MUST(!make_file("out", 0666));
    MUST(!setgid(7) && !setuid(1000));
    int out = open("out", O_WRONLY | O_TRUNC);
    dup2(out, 1);
    MUST(run("./id") == 0 && !read_back("out", text, sizeof text) && !strcmp(text, "33\n"));
    MUST(getuid() == 1000 && geteuid() == 1000);
    return 0;
}

static void a_set_id_program_then_geteuid(void **state)
{
    (void)state;
    step_as(NULL, set_id_body);
}

static int node_body(void)
{
    struct stat st;
    struct statx x;
    MUST(!mknod("c", S_IFCHR | 0620, makedev(4, 64)) && !lstat("c", &st));
    MUST(S_ISCHR(st.st_mode) && st.st_rdev == makedev(4, 64) && (st.st_mode & 07777) == 0600);
    MUST(!chown("c", 0, 5) && !lstat("c", &st) && S_ISCHR(st.st_mode) && st.st_gid == 5);
    MUST(!statx(AT_FDCWD, "c", 0, STATX_BASIC_STATS, &x) && S_ISCHR(x.stx_mode) &&
         x.stx_rdev_major == 4 && x.stx_rdev_minor == 64);
    MUST(!mknod("b", S_IFBLK | 0600, makedev(8, 1)) && !lstat("b", &st) && S_ISBLK(st.st_mode));
    return 0;
}

static void mknod_then_stat(void **state)
{
    (void)state;
    step_as(NULL, node_body);
}

static int list_body(void)
{
    static const unsigned char list[] = {
        2, 0,    0,    0,    1,    0,    6,  0, 0xff, 0xff, 0xff, 0xff, 2,    0,   4,
        0, 0xe8, 3,    0,    0,    4,    0,  4, 0,    0xff, 0xff, 0xff, 0xff, 16,  0,
        4, 0,    0xff, 0xff, 0xff, 0xff, 32, 0, 0,    0,    0xff, 0xff, 0xff, 0xff};
    char value[256], names[256];
    struct stat st;
    MUST(!make_file("f", 0600));
    MUST(!setxattr("f", "system.posix_acl_access", list, sizeof list, 0));
    MUST(!stat("f", &st) && (st.st_mode & 07777) == 0640);
    MUST(getxattr("f", "system.posix_acl_access", value, sizeof value) == sizeof list);
    MUST(!memcmp(value, list, sizeof list) && !chown("f", 9, 9));
    ssize_t n = listxattr("f", names, sizeof names);
    MUST(n == sizeof "system.posix_acl_access" && !strcmp(names, "system.posix_acl_access"));
    MUST(getxattr("f", OWNER_XATTR, value, sizeof value) == -1 && errno == ENODATA);
    MUST(setxattr("f", OWNER_XATTR, value, 24, 0) == -1 && errno == EPERM);
    MUST(!chmod("f", 0600));
    MUST(getxattr("f", "system.posix_acl_access", value, sizeof value) == sizeof list);
    MUST(value[4 + 8 * 3 + 2] == 0); /* the mask went with the mode */
    MUST(!removexattr("f", "system.posix_acl_access"));
    MUST(getxattr("f", "system.posix_acl_access", value, sizeof value) == -1);
    MUST(!mkdir("d", 0755) && !setxattr("d", "system.posix_acl_default", list, sizeof list, 0));
    MUST(!make_file("d/f", 0666) && mkdir("d/d", 0777) == 0);
    MUST(getxattr("d/f", "system.posix_acl_access", value, sizeof value) == sizeof list);
    MUST(getxattr("d/d", "system.posix_acl_default", value, sizeof value) == sizeof list);
    return 0;
}

static void lists_of_ids_are_kept_and_inherited(void **state)
{
    (void)state;
    step_as(NULL, list_body);
}

static int make_body(void)
{
    struct stat st;
    MUST(!mkdir("mail", 02775) && !chown("mail", 0, 8) && !chmod("mail", 02775));
    MUST(!make_file("mail/a", 0644) && owned("mail/a", 0, 8));
    MUST(!mkdir("mail/d", 0755) && owned("mail/d", 0, 8) && !stat("mail/d", &st) &&
         st.st_mode & S_ISGID);
    MUST(!setgid(100) && !setuid(100));
    umask(077);
    autoclose int t = open(".", O_TMPFILE | O_RDWR, 0666);
    MUST(t >= 0 && !fstat(t, &st) && st.st_uid == 100 && (st.st_mode & 0777) == 0600);
    autoclose int c = creat("c", 0666);
    MUST(c >= 0 && owned("c", 100, 100) && !fstat(c, &st) && (st.st_mode & 0777) == 0600);
    MUST(fcntl(c, F_GETFD) == 0);
    autoclose int x = open("x", O_CREAT | O_CLOEXEC | O_RDWR, 0666);
    MUST(x >= 0 && fcntl(x, F_GETFD) == FD_CLOEXEC);
    MUST(open("x", O_CREAT | O_EXCL | O_RDWR, 0666) == -1 && errno == EEXIST);
    MUST(!symlink("target", "dangling"));
    autoclose int d = open("dangling", O_CREAT | O_RDWR, 0666);
    MUST(d >= 0 && owned("target", 100, 100));
    MUST(!mkdir("own", 0700) && !chdir("own") && mkdir("deep", 0700) == 0 &&
         owned("deep", 100, 100));
    return 0;
}

static void new_files_are_their_makers(void **state)
{
    (void)state;
    step_as(NULL, make_body);
}

static int socket_body(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    struct ucred peer;
    socklen_t size = sizeof peer;
    int status;
    MUST(!setgid(70) && !setuid(70));
    autoclose int server = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(server >= 0 && !bind(server, (struct sockaddr *)&address, sizeof address));
    MUST(!listen(server, 1) && owned("socket", 70, 70));
    autoclose int client = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(!connect(client, (struct sockaddr *)&address, sizeof address));
    autoclose int accepted = accept(server, NULL, NULL);
    MUST(accepted >= 0 && !getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &size));
    MUST(peer.uid == 70 && peer.gid == 70 && peer.pid == getpid() && size == sizeof peer);
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    MUST(waitpid(pid, &status, 0) == pid);
    return 0;
}

static void sockets_are_their_makers(void **state)
{
    (void)state;
    step_as(NULL, socket_body);
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* Without WAIT_KILLABLE_RECV a signal repeats a call that was carried out. */
static int storm_body(void)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 60}, {0, 60}};
    MUST(!setuid(100));
    MUST(!sigaction(SIGALRM, &action, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i);
        MUST(!mkdir(name, 0700));
    }
    return 0;
}

static void a_storm_of_signals_repeats_nothing(void **state)
{
    (void)state;
    step_as(NULL, storm_body);
}

static int user_body(void)
{
    gid_t groups[4];
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    MUST(getuid() == 1000 && getgid() == 1001 && getgroups(4, groups) == 2);
    MUST(!syscall(SYS_capget, &head, data) && !data[0].permitted && !data[0].effective);
    return 0;
}

static int root_body(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    MUST(!syscall(SYS_capget, &head, data) && data[0].permitted == CAPS && !data[1].permitted);
    MUST(syscall(SYS_io_uring_setup, 1, NULL) == -1 && errno == ENOSYS);
    return 0;
}

static void a_step_starts_as_its_user(void **state)
{
    (void)state;
    uint32_t groups[] = {1001, 50};
    const struct user_ids user = {.uid = 1000, .gid = 1001, .groups = groups, .group_count = 2};
    step_as(&user, user_body);
    step_as(NULL, root_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chown_then_stat),
        cmocka_unit_test(setuid_then_getuid),
        cmocka_unit_test(the_limit_that_credentials_are_kept_in_is_not_the_steps_to_set),
        cmocka_unit_test(a_set_id_program_then_geteuid),
        cmocka_unit_test(mknod_then_stat),
        cmocka_unit_test(lists_of_ids_are_kept_and_inherited),
        cmocka_unit_test(new_files_are_their_makers),
        cmocka_unit_test(sockets_are_their_makers),
        cmocka_unit_test(a_storm_of_signals_repeats_nothing),
        cmocka_unit_test(a_step_starts_as_its_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
