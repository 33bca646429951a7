#include "credential_helper.h"

#include "retry.h"

#include <base/io.h>
#include <base/json.h>
#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_CAP = 1 << 20, TIME_LIMIT_MS = 60 * 1000, NAP_NS = 2 * 1000 * 1000 };

extern char **environ;

/* The name comes from a file and becomes part of a program's. */
static bool name_valid(const char *name)
{
    return *name && *name != '-' && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               strlen(name);
}

/* The helper gets two pipes, nothing else of ours, and no blocked signals. */
static int spawn(const char *program, const char *verb, int in, int out, pid_t *pid)
{
    char *argv[] = {(char *)program, (char *)verb, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_signal;
    sigemptyset(&none);
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawnp(pid, program, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Its output until it ends; -1 where it is too slow or says too much. */
static int collect(int fd, int64_t end, struct str *out)
{
    char chunk[4096];
    for (;;) {
        int64_t left = end - retry_clock();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return -1;
        if (!p.revents)
            continue;
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got <= 0)
            return got < 0 && errno != EINTR ? -1 : 0;
        if (out->len + (size_t)got > OUTPUT_CAP)
            return -1;
        str_add_bytes(out, chunk, (size_t)got);
        explicit_bzero(chunk, sizeof chunk);
    }
}

/* Wait for it until then. -1: it had to be ended. */
static int reap(pid_t pid, int64_t end, int *how)
{
    bool killed = false;
    for (;;) {
        pid_t done = waitpid(pid, how, killed ? 0 : WNOHANG);
        if (done == pid)
            return killed ? -1 : 0;
        if (done < 0 && errno != EINTR)
            return -1;
        if (!done && retry_clock() >= end) {
            kill(pid, SIGKILL);
            killed = true;
        } else if (!done) {
            nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
        }
    }
}

/* Run one verb. *status is the exit status, -1 for a signal. */
static int run(const char *name, const char *verb, const char *input, struct str *output,
               int *status, struct error *err)
{
    if (!name_valid(name))
        return error_set(err, ERROR_INPUT, "“%s” cannot be a credential helper's name", name);
    autofree char *program = mem_printf("docker-credential-%s", name);
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make a pipe");
    autoclose int in_read = in[0], in_write = in[1];
    if (pipe2(out, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make a pipe");
    autoclose int out_read = out[0], out_write = out[1];
    pid_t pid;
    errno = spawn(program, verb, in_read, out_write, &pid);
    if (errno) {
        error_errno(err, ERROR_HOST, "run the credential helper %s", program);
        return error_hint(err, "install it, or take it out of docker's config.json");
    }
    close(take_fd(&out_write));
    close(take_fd(&in_read));
    /* SIGPIPE is ignored by the programs. One that ends without reading knows what it does: its
     * status tells. */
    (void)!io_write(in_write, input, strlen(input));
    close(take_fd(&in_write));
    int64_t end = retry_clock() + TIME_LIMIT_MS;
    int failed = collect(out_read, end, output), how = 0;
    if (reap(pid, failed ? 0 : end, &how))
        failed = -1;
    *status = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    if (failed)
        return error_set(err, ERROR_HOST, "%s %s takes more than %d s, or says too much", program,
                         verb, TIME_LIMIT_MS / 1000);
    return 0;
}

/* The helper's own words, for people: its first line, without what a terminal would obey. */
static int complain(const char *name, const char *verb, struct str *said, struct error *err)
{
    autofree char *line = mem_strndup(str_text(said), 200);
    line[strcspn(line, "\r\n")] = '\0';
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return error_set(err, ERROR_HOST, "docker-credential-%s %s failed: %s", name, verb,
                     *line ? line : "it gave no reason");
}

static bool says_none(const struct str *output)
{
    return strcasestr(str_text(output), "credentials not found") ||
           strcasestr(str_text(output), "no credentials");
}

static void forget(struct str *s)
{
    if (s->data)
        explicit_bzero(s->data, s->len);
    str_release(s);
}

static int read_answer(const struct str *output, char **user, char **secret, struct error *err)
{
    autojson *json = NULL;
    const char *u, *s;
    const char *where = "the credential helper's answer";
    if (json_parse(str_text(output), output->len, where, &json, err) ||
        json_get_string(json, "Username", "", where, &u, err) ||
        json_get_string(json, "Secret", "", where, &s, err))
        return -1;
    if (!*s)
        return 0;
    *user = mem_strdup(u);
    *secret = mem_strdup(s);
    return 1;
}

int credential_helper_get(const char *name, const char *key, char **user, char **secret,
                          struct error *err)
{
    struct str output = STR_INIT;
    int status, found;
    if (run(name, "get", key, &output, &status, err))
        found = -1;
    else if (status == 0)
        found = read_answer(&output, user, secret, err);
    else if (says_none(&output))
        found = 0;
    else
        found = complain(name, "get", &output, err);
    forget(&output);
    return found;
}

static int tell(const char *name, const char *verb, const char *input, bool absent_is_fine,
                struct error *err)
{
    autostr output = STR_INIT;
    int status;
    if (run(name, verb, input, &output, &status, err))
        return -1;
    if (status == 0 || (absent_is_fine && says_none(&output)))
        return 0;
    return complain(name, verb, &output, err);
}

int credential_helper_store(const char *name, const char *key, const char *user, const char *secret,
                            struct error *err)
{
    autojson *json = json_object();
    json_object_set_new(json, "ServerURL", json_from_text(key));
    json_object_set_new(json, "Username", json_from_text(user));
    json_object_set_new(json, "Secret", json_from_text(secret));
    autofree char *input = json_text(json);
    int failed = tell(name, "store", input, false, err);
    explicit_bzero(input, strlen(input));
    return failed;
}

int credential_helper_erase(const char *name, const char *key, struct error *err)
{
    return tell(name, "erase", key, true, err);
}
