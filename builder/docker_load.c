#include "docker_load.h"

#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What the engine says goes to standard error: standard output has our own results. */
static int start(const char *program, int archive_fd, pid_t *pid)
{
    char *argv[] = {(char *)(uintptr_t)program, (char *)"load", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, archive_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    int code = posix_spawnp(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int docker_load(int archive_fd, struct error *err)
{
    static const char *const programs[] = {"docker", "podman"};
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        pid_t pid;
        int status = 0;
        if (start(programs[i], archive_fd, &pid))
            continue;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFEXITED(status) && !WEXITSTATUS(status))
            return 0;
        error_set(err, ERROR_HOST, "%s load failed: its reason is above", programs[i]);
        return error_hint(err, "no daemon is needed to build: -o type=docker,dest=FILE writes the "
                               "archive, --push pushes the image");
    }
    error_set(err, ERROR_HOST, "there is neither docker nor podman here to load the image into");
    return error_hint(err, "write the archive with -o type=docker,dest=FILE and load it elsewhere "
                           "with docker load -i FILE, or --push it to a registry");
}
