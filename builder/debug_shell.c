#include "debug_shell.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* The user's terminal and ours, joined. */
struct joint {
    int master, slave;
    int stop[2]; /* a pipe: its write end is closed to end the thread */
    struct termios before;
    pthread_t thread;
};

static void copy_size(const struct joint *j)
{
    struct winsize size;
    if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
        ioctl(j->master, TIOCSWINSZ, &size);
}

/* False at the end of what there is to read. */
static bool pass_on(int from, int to)
{
    char bytes[4096];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
        return true;
    return n > 0 && !io_write(to, bytes, (size_t)n);
}

/* A change of the window's size comes as a signal to the main thread: looked for once a second. */
static void *join_terminals(void *context)
{
    struct joint *j = context;
    bool typing = true;
    for (;;) {
        struct pollfd p[] = {{j->master, POLLIN, 0},
                             {typing ? STDIN_FILENO : -1, POLLIN, 0},
                             {j->stop[0], POLLIN, 0}};
        int n = poll(p, COUNT_OF(p), 1000);
        if (n <= 0) {
            copy_size(j);
            continue;
        }
        if (p[0].revents && !pass_on(j->master, STDERR_FILENO))
            return NULL;
        if (p[2].revents && !(p[0].revents & POLLIN))
            return NULL;
        if (p[1].revents)
            typing = pass_on(STDIN_FILENO, j->master);
    }
}

static int open_pty(struct joint *j, struct error *err)
{
    char name[64];
    j->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (j->master < 0 || grantpt(j->master) || unlockpt(j->master) ||
        ptsname_r(j->master, name, sizeof name) ||
        (j->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 || pipe2(j->stop, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make a terminal for the shell");
    copy_size(j);
    return 0;
}

static int begin(struct joint *j, struct error *err)
{
    struct termios raw;
    if (tcgetattr(STDIN_FILENO, &j->before))
        return error_errno(err, ERROR_HOST, "the terminal's settings");
    raw = j->before;
    cfmakeraw(&raw);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    errno = pthread_create(&j->thread, NULL, join_terminals, j);
    if (!errno)
        return 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &j->before);
    return error_errno(err, ERROR_HOST, "start a thread");
}

/* The last of what the shell wrote is passed on before the thread ends. */
static void end(struct joint *j)
{
    mem_close_at(&j->stop[1]);
    j->stop[1] = -1;
    pthread_join(j->thread, NULL);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &j->before);
}

static void joint_release(struct joint *j)
{
    mem_close_at(&j->master);
    mem_close_at(&j->slave);
    mem_close_at(&j->stop[0]);
    mem_close_at(&j->stop[1]);
}

int debug_shell_run(const struct sandbox_spec *spec, const char *shell, struct error *err)
{
    __attribute__((cleanup(joint_release))) struct joint j = {
        .master = -1, .slave = -1, .stop = {-1, -1}};
    const char *const argv[] = {shell, NULL};
    struct sandbox_spec ours = *spec;
    struct sandbox_result result = {.exit_code = 0};
    if (open_pty(&j, err) || begin(&j, err))
        return -1;
    ours.argv = argv;
    ours.terminal_fd = j.slave;
    ours.output = NULL;
    ours.timeout_ms = ours.silence_ms = 0;
    int code = sandbox_run(&ours, &result, err);
    sandbox_result_release(&result);
    end(&j);
    return code;
}
