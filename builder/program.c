#include "program.h"

#include <base/interrupt.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MESSAGES_CAP = 16 * 1024, TAIL_LINES = 5 };

/* out, messages: write ends, or -1 for /dev/null. */
static int spawn(const struct program *p, int out, int messages, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (messages >= 0)
        posix_spawn_file_actions_adddup2(&actions, messages, 2);
    else
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); /* to be ended whole */
    struct strv env = STRV_INIT;
    if (p->env)
        strv_add_all(&env, p->env);
    int failed = posix_spawnp(pid, p->argv->items[0], &actions, &attributes, strv_argv(p->argv),
                              p->env ? strv_argv(&env) : environ);
    strv_release(&env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (!failed)
        return 0;
    errno = failed;
    error_errno(err, ERROR_HOST, "run %s", p->argv->items[0]);
    return failed == ENOENT ? error_hint(err, "install %s", p->package) : -1;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* The last lines of what it said. */
static const char *tail_of(struct str *messages)
{
    char *text = messages->data ? str_trim(messages->data) : NULL;
    if (!text || !*text)
        return "it said nothing";
    char *start = text + strlen(text);
    for (int lines = 0; start > text; start--)
        if (start[-1] == '\n' && ++lines == TAIL_LINES)
            break;
    return start;
}

/* Read what there is; closes the pipe at its end. More than cap: *over, and the rest is dropped. */
static void take_some(int *fd, struct str *to, size_t cap, bool *over)
{
    char buffer[8192];
    ssize_t n = read(*fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        mem_close_at(fd);
        *fd = -1;
        return;
    }
    size_t room = to->len < cap ? cap - to->len : 0;
    *over |= (size_t)n > room;
    str_add_bytes(to, buffer, (size_t)n < room ? (size_t)n : room);
}

struct reading {
    int out, messages; /* read ends */
    struct str output, said;
    bool too_much;
};

static int read_all(struct reading *r, pid_t pid, size_t cap, struct error *err)
{
    bool said_more = false;
    while (r->out >= 0 || r->messages >= 0) {
        struct pollfd fds[] = {
            {r->out, POLLIN, 0}, {r->messages, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        if (poll(fds, COUNT_OF(fds), -1) < 0 && errno != EINTR)
            return error_errno(err, ERROR_HOST, "wait for a program");
        if (interrupt_check(err)) {
            kill(-pid, SIGTERM);
            return -1;
        }
        if (fds[0].revents)
            take_some(&r->out, &r->output, cap, &r->too_much);
        if (fds[1].revents)
            take_some(&r->messages, &r->said, MESSAGES_CAP, &said_more);
    }
    return 0;
}

static int run_with(const struct program *p, struct reading *r, struct str *output, size_t cap,
                    struct error *err)
{
    int out[2] = {-1, -1}, messages[2];
    pid_t pid = 0;
    if (pipe2(messages, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make a pipe");
    r->messages = messages[0];
    int failed = 0;
    if (output && pipe2(out, O_CLOEXEC))
        failed = error_errno(err, ERROR_HOST, "make a pipe");
    r->out = out[0];
    if (!failed)
        failed = spawn(p, out[1], messages[1], &pid, err);
    mem_close_at(&out[1]);
    close(messages[1]);
    if (failed)
        return -1;
    failed = read_all(r, pid, cap, err);
    int status = wait_for(pid);
    if (failed)
        return -1;
    if (status)
        return error_set(err, ERROR_STEP, "%s failed: %s", p->argv->items[0], tail_of(&r->said));
    if (r->too_much)
        return error_set(err, ERROR_INPUT, "%s printed more than %zu bytes", p->argv->items[0],
                         cap);
    return 0;
}

int program_run(const struct program *program, struct str *output, size_t cap, struct error *err)
{
    struct reading r = {.out = -1, .messages = -1};
    int result = run_with(program, &r, output, cap, err);
    mem_close_at(&r.out);
    mem_close_at(&r.messages);
    if (!result && output) {
        str_release(output);
        *output = r.output;
        r.output = STR_INIT;
    }
    str_release(&r.output);
    str_release(&r.said);
    return result;
}

int program_start(const struct program *program, pid_t *pid, struct error *err)
{
    return spawn(program, -1, -1, pid, err);
}

void program_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(-pid, SIGTERM);
    wait_for(pid);
}
