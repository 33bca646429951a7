#include "user_namespace.h"

#include "user_namespace_child.h"

#include <base/io.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUBIDS_CAP = 1024 * 1024, MAP_CAP = 64 * 1024, TEXT_CAP = 2000, RANGES_MAX = 300 };

/* The first one's inode number, as the kernel fixes it (include/linux/proc_ns.h). */
#define FIRST_USER_NAMESPACE "user:[4026531837]"

void user_namespace_trial_release(struct user_namespace_trial *t)
{
    str_release(&t->text);
    mem_close_at(&t->fd);
    *t = USER_NAMESPACE_TRIAL;
}

bool user_namespace_is_first(void)
{
    char link[64];
    ssize_t n = readlink("/proc/self/ns/user", link, sizeof link - 1);
    if (n < 0)
        return true;
    link[n] = '\0';
    return !strcmp(link, FIRST_USER_NAMESPACE);
}

uint64_t user_namespace_ids(const char *file)
{
    autofree char *path = mem_printf("/proc/self/%s", file);
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    uint64_t end = 0;
    bool more = true;
    if (io_read_file(AT_FDCWD, path, MAP_CAP, &text, &ignored))
        return UINT32_MAX; /* no /proc: nothing is known, and nothing refused */
    /* Lines come in no order. */
    while (more) {
        more = false;
        for (const char *line = str_text(&text); line && *line;) {
            uint64_t inner, outer, count;
            if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inner, &outer, &count) == 3 &&
                inner == end && count) {
                end += count;
                more = true;
            }
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
    }
    return end;
}

/* "NAME:START:COUNT" of shadow's subuid(5), where NAME may be a number. */
static bool parse_range(const char *line, size_t n, const char *name, uint32_t id, uint32_t *start,
                        uint32_t *count)
{
    autofree char *copy = mem_strndup(line, n);
    char *first = strchr(copy, ':');
    char *second = first ? strchr(first + 1, ':') : NULL;
    char number[16];
    if (!second)
        return false;
    *first++ = *second++ = '\0';
    snprintf(number, sizeof number, "%" PRIu32, id);
    if (!str_eq(copy, name) && !str_eq(copy, number))
        return false;
    long long from = str_number(first, UINT32_MAX - 1);
    long long many = str_number(str_trim(second), UINT32_MAX - 1);
    if (from < 0 || many <= 0 || from + many >= UINT32_MAX)
        return false;
    *start = (uint32_t)from;
    *count = (uint32_t)many;
    return true;
}

bool subordinate_ids(const char *text, const char *name, uint32_t id, struct strv *args)
{
    uint64_t next = 1; /* 0 is the user */
    for (const char *line = text; *line;) {
        uint32_t start, count;
        size_t n = strcspn(line, "\n");
        if (parse_range(line, n, name, id, &start, &count) &&
            args->count < (size_t)3 * RANGES_MAX && next + count < UINT32_MAX) {
            strv_addf(args, "%" PRIu64, next);
            strv_addf(args, "%" PRIu32, start);
            strv_addf(args, "%" PRIu32, count);
            next += count;
        }
        line += n + (line[n] != '\0');
    }
    return next > 1;
}

static void end(struct trial *t, enum user_namespace_stage stage, int error)
{
    t->out->stage = stage;
    t->out->error = error;
}

static void read_text(int fd, struct str *text)
{
    char bytes[512];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && text->len < TEXT_CAP)
            str_add_bytes(text, bytes, (size_t)n);
    while (text->len && strchr(" \n", text->data[text->len - 1]))
        text->data[--text->len] = '\0';
}

/* 0, or -1 with t->out filled. */
static int run_tool(struct trial *t, const char *tool, pid_t target, const struct strv *ranges,
                    unsigned own)
{
    autostrv argv = STRV_INIT;
    int pipe_fds[2], status = 0;
    strv_add(&argv, tool);
    strv_addf(&argv, "%ld", (long)target);
    strv_add(&argv, "0");
    strv_addf(&argv, "%u", own);
    strv_add(&argv, "1");
    strv_add_all(&argv, ranges);
    char *const *words = strv_argv(&argv);
    if (pipe2(pipe_fds, O_CLOEXEC))
        return end(t, USER_NAMESPACE_MAP, errno), -1;
    pid_t pid = fork();
    if (pid == 0)
        user_namespace_tool(tool, words, pipe_fds[1]);
    close(pipe_fds[1]);
    str_clear(&t->out->text);
    if (pid > 0)
        read_text(pipe_fds[0], &t->out->text);
    close(pipe_fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    bool absent = pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127;
    if (absent)
        str_clear(&t->out->text), str_add(&t->out->text, tool);
    return end(t, absent ? USER_NAMESPACE_TOOLS : USER_NAMESPACE_MAP, absent ? ENOENT : EPERM), -1;
}

/* What the child has to say next. */
static struct word listen(struct trial *t)
{
    struct word word;
    return io_read(t->words[0], &word, sizeof word) == sizeof word
               ? word
               : (struct word){USER_NAMESPACE_MAKE, ECHILD};
}

static void serve(struct trial *t, pid_t pid)
{
    struct word word = listen(t);
    if (word.stage == USER_NAMESPACE_MAP && !word.error) {
        if (run_tool(t, "newuidmap", pid, &t->uid_args, t->uid) ||
            run_tool(t, "newgidmap", pid, &t->gid_args, t->gid) || io_write(t->go[1], "g", 1))
            return;
        word = listen(t);
    }
    end(t, word.stage, word.error);
    if (word.stage >= USER_NAMESPACE_MOUNTS) {
        autofree char *path = mem_printf("/proc/%ld/ns/user", (long)pid);
        t->out->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (t->out->fd < 0)
            end(t, USER_NAMESPACE_BECOME, errno);
    }
}

static void try(struct trial *t)
{
    if (pipe2(t->words, O_CLOEXEC))
        return end(t, USER_NAMESPACE_MAKE, errno);
    if (pipe2(t->go, O_CLOEXEC)) {
        end(t, USER_NAMESPACE_MAKE, errno);
    } else {
        pid_t pid = fork();
        if (pid == 0)
            user_namespace_child(t);
        close(t->words[1]);
        close(t->go[0]);
        t->words[1] = t->go[0] = -1;
        if (pid < 0)
            end(t, USER_NAMESPACE_MAKE, errno);
        else
            serve(t, pid);
        mem_close_at(&t->go[1]);
        while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    mem_close_at(&t->words[0]);
    mem_close_at(&t->words[1]);
    mem_close_at(&t->go[0]);
}

static bool find_ids(struct trial *t, const char *file, uint32_t id, struct strv *args)
{
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    const struct passwd *user = getpwuid(t->uid);
    if (!io_read_file(AT_FDCWD, file, SUBIDS_CAP, &text, &ignored) &&
        subordinate_ids(str_text(&text), user ? user->pw_name : "", id, args))
        return true;
    str_add(&t->out->text, file);
    return end(t, USER_NAMESPACE_IDS, ENOENT), false;
}

void user_namespace_try(enum user_namespace_map map, struct user_namespace_trial *out)
{
    struct trial t = {.map = map,
                      .uid = geteuid(),
                      .gid = getegid(),
                      .words = {-1, -1},
                      .go = {-1, -1},
                      .out = out};
    *out = USER_NAMESPACE_TRIAL;
    /* Both files name the user: groups have no subordinate ids of their own. */
    if (map == USER_NAMESPACE_SINGLE || (find_ids(&t, "/etc/subuid", t.uid, &t.uid_args) &&
                                         find_ids(&t, "/etc/subgid", t.uid, &t.gid_args)))
        try(&t);
    strv_release(&t.uid_args);
    strv_release(&t.gid_args);
}

int user_namespace_enter(int fd, bool mounts, struct error *err)
{
    /* The user's supplementary groups stay: what they open to the user, they open to the build. */
    if (setns(fd, CLONE_NEWUSER) || setresgid(0, 0, 0) || setresuid(0, 0, 0) ||
        (mounts && unshare(CLONE_NEWNS)))
        return error_errno(err, ERROR_HOST, "enter a user namespace");
    return 0;
}
