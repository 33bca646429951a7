/* Run a program and, where it did its work, append to a file what that cost: seconds by the clock,
 * the most resident memory, in KB, of it and of those that it waited for, and the seconds that the
 * processors worked for them.
 *
 *     measure FILE PROGRAM [ARGUMENT…]
 *
 * The exit code is the program's. A shell's own `time` shows hundredths, too coarse for a start. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure FILE PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    pid_t pid;
    int status;
    struct rusage use;
    double start = now();
    int failed = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
    if (failed) {
        fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(failed));
        return 127;
    }
    while (wait4(pid, &status, 0, &use) < 0)
        if (errno != EINTR)
            return 127;
    double seconds = now() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    double busy = seconds_of(use.ru_utime) + seconds_of(use.ru_stime);
    FILE *to = fopen(argv[1], "a");
    if (!to || fprintf(to, "%.6f %ld %.6f\n", seconds, use.ru_maxrss, busy) < 0 || fclose(to)) {
        perror(argv[1]);
        return 127;
    }
    return 0;
}
