#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "ssh_forward.h"

#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* "Which keys do you hold?" and the beginning of the answer (draft-ietf-sshm-ssh-agent, 3.5). */
static const unsigned char QUESTION[] = {0, 0, 0, 1, 11};

static int ask(const char *path, unsigned char answer[9])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    assert_int_equal(write(fd, QUESTION, sizeof QUESTION), sizeof QUESTION);
    size_t got = 0;
    while (got < 9) {
        ssize_t n = read(fd, answer + got, 9 - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    close(fd);
    return (int)got;
}

static void a_key_is_used_through_a_socket_of_ones_own(void **state)
{
    (void)state;
    char folder[] = "/tmp/ssh-forward-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    autofree char *key = path_join(folder, "key");
    autofree char *command =
        mem_printf("ssh-keygen -q -t ed25519 -N '' -f %s </dev/null >/dev/null 2>&1", key);
    if (system(command) != 0) {
        rmdir(folder);
        skip(); /* needs openssh-client */
    }
    struct ssh_sources sources = {0};
    autofree char *spec = mem_printf("default=%s", key);
    assert_int_equal(ssh_sources_add(&sources, spec, NULL), 0);
    assert_null(ssh_sources_find(&sources, "other"));
    autoclose int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ssh_place place = {
        .dir_fd = dir, .name = "s", .mode = 0640, .uid = getuid(), .gid = getgid()};
    struct ssh_forward *forward = NULL;
    autoerror err = ERROR_INIT;
    assert_int_equal(
        ssh_forward_start(ssh_sources_find(&sources, "default"), &place, &forward, &err), 0);
    struct stat st;
    assert_int_equal(fstatat(dir, "s", &st, 0), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0640);
    autofree char *path = path_join(folder, "s");
    unsigned char answer[9];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(path, answer), 9);
        assert_int_equal(answer[4], 12); /* SSH_AGENT_IDENTITIES_ANSWER */
        assert_int_equal(answer[8], 1);
    }
    ssh_forward_stop(forward);
    assert_int_equal(ask(path, answer), -1);
    ssh_sources_release(&sources);
    autoerror ignored = ERROR_INIT;
    assert_int_equal(path_remove_tree(AT_FDCWD, folder, &ignored), 0);
}

static void what_is_given_wrong_is_refused(void **state)
{
    (void)state;
    struct ssh_sources sources = {0};
    unsetenv("SSH_AUTH_SOCK");
    assert_int_equal(ssh_sources_add(&sources, "default", NULL), -1);
    assert_int_equal(ssh_sources_add(&sources, "a=/nowhere/at/all", NULL), -1);
    assert_int_equal(ssh_sources_add(&sources, "=/etc/passwd", NULL), -1);
    assert_int_equal(sources.count, 0);
    ssh_sources_release(&sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_used_through_a_socket_of_ones_own),
        cmocka_unit_test(what_is_given_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
