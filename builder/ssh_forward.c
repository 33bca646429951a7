#include "ssh_forward.h"

#include "csv.h"
#include "program.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS_MAX = 32, CHUNK = 16 * 1024, OUTPUT_CAP = 64 * 1024, START_TRIES = 200 };

static void source_release(struct ssh_source *source)
{
    free(source->id);
    free(source->socket);
    strv_release(&source->keys);
}

void ssh_sources_release(struct ssh_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        source_release(&sources->items[i]);
    free(sources->items);
    *sources = (struct ssh_sources){0};
}

const struct ssh_source *ssh_sources_find(const struct ssh_sources *sources, const char *id)
{
    for (size_t i = 0; sources && i < sources->count; i++)
        if (!strcmp(sources->items[i].id, id))
            return &sources->items[i];
    return NULL;
}

static int take_path(struct ssh_source *source, const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st))
        return error_errno(err, ERROR_MISSING, "look at %s", path);
    if (!S_ISSOCK(st.st_mode)) {
        strv_add(&source->keys, path);
        return 0;
    }
    if (source->socket || source->keys.count)
        return error_set(err, ERROR_USAGE, "an id has one socket, or keys");
    source->socket = mem_strdup(path);
    return 0;
}

static int take_paths(struct ssh_source *source, const char *paths, struct error *err)
{
    autostrv fields = STRV_INIT;
    if (csv_fields(paths, &fields, err))
        return -1;
    for (size_t i = 0; i < fields.count; i++)
        if (take_path(source, fields.items[i], err))
            return -1;
    return 0;
}

static int take_agent(struct ssh_source *source, struct error *err)
{
    const char *socket = getenv("SSH_AUTH_SOCK");
    if (socket && *socket)
        return take_path(source, socket, err);
    error_set(err, ERROR_USAGE, "no SSH agent runs: SSH_AUTH_SOCK is not set");
    return error_hint(err, "start one with ssh-agent, or write --ssh %s=KEYFILE", source->id);
}

int ssh_sources_add(struct ssh_sources *sources, const char *spec, struct error *err)
{
    size_t n = strcspn(spec, "=");
    struct ssh_source source = {.id = mem_strndup(spec, n)};
    int failed = !n        ? error_set(err, ERROR_USAGE, "the id is missing")
                 : spec[n] ? take_paths(&source, spec + n + 1, err)
                           : take_agent(&source, err);
    if (!failed && ssh_sources_find(sources, source.id))
        failed = error_set(err, ERROR_USAGE, "%s is given twice", source.id);
    if (failed) {
        source_release(&source);
        return error_wrap(err, "--ssh %s", spec);
    }
    MEM_PUSH(sources->items, sources->count, sources->cap) = source;
    return 0;
}

/* A connection of the step's, and ours to the agent. */
struct pair {
    int fds[2];
};

struct ssh_forward {
    pthread_t thread;
    int listener, stop, dir_fd;
    char *name;
    char *agent; /* the socket that answers */
    pid_t agent_pid;
    char *agent_folder; /* of an agent of ours, in dir_fd */
    struct pair pairs[PAIRS_MAX];
    size_t count;
};

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 10}; /* one who doesn't read must not stop the others */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) ||
        connect(fd, (const struct sockaddr *)&address, sizeof address))
        return -1;
    return take_fd(&fd);
}

static void accept_one(struct ssh_forward *f)
{
    int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int agent = f->count < PAIRS_MAX ? connect_to(f->agent) : -1;
    if (agent < 0) {
        close(fd);
        return;
    }
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    f->pairs[f->count++] = (struct pair){{fd, agent}};
}

/* Carry what there is from one end to the other; false: it has ended. */
static bool carry(const struct pair *pair, int from)
{
    char buffer[CHUNK];
    ssize_t n = recv(pair->fds[from], buffer, sizeof buffer, 0);
    if (n < 0)
        return errno == EINTR;
    for (ssize_t at = 0; at < n;) {
        ssize_t sent = send(pair->fds[1 - from], buffer + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        at += sent > 0 ? sent : 0;
    }
    return n > 0;
}

static void drop(struct ssh_forward *f, size_t i)
{
    close(f->pairs[i].fds[0]);
    close(f->pairs[i].fds[1]);
    f->pairs[i] = f->pairs[--f->count];
}

static void *serve(void *argument)
{
    struct ssh_forward *f = argument;
    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{f->stop, POLLIN, 0}, {f->listener, POLLIN, 0}};
        size_t count = f->count;
        for (size_t i = 0; i < count; i++)
            for (int end = 0; end < 2; end++)
                fds[2 + 2 * i + (size_t)end] = (struct pollfd){f->pairs[i].fds[end], POLLIN, 0};
        if (poll(fds, 2 + 2 * count, -1) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents)
            return NULL;
        for (size_t i = count; i-- > 0;)
            if ((fds[2 + 2 * i].revents && !carry(&f->pairs[i], 0)) ||
                (fds[3 + 2 * i].revents && !carry(&f->pairs[i], 1)))
                drop(f, i);
        if (fds[1].revents)
            accept_one(f);
    }
}

/* A directory's path by which a socket's address stays short. */
static char *short_path(int dir_fd, const char *name)
{
    return mem_printf("/proc/self/fd/%d/%s", dir_fd, name);
}

static int listen_at(const struct ssh_place *place, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    autofree char *path = short_path(place->dir_fd, place->name);
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, ERROR_INTERNAL, "a socket's name is too long");
    strcpy(address.sun_path, path);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) ||
        fchmodat(place->dir_fd, place->name, place->mode & 07777, 0) ||
        owners_give(place->owners, place->dir_fd, place->name, place->uid, place->gid) ||
        listen(fd, PAIRS_MAX))
        return error_errno(err, ERROR_HOST, "make a socket for a step");
    return take_fd(&fd);
}

/* An agent of ours, that holds the keys. */
static int start_agent(struct ssh_forward *f, const struct ssh_source *source, struct error *err)
{
    f->agent_folder = mem_printf("%s.agent", f->name);
    if (mkdirat(f->dir_fd, f->agent_folder, 0700))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    autofree char *link = mem_printf("/proc/self/fd/%d", f->dir_fd);
    autofree char *parent = path_read_link(AT_FDCWD, link);
    if (!parent)
        return error_errno(err, ERROR_HOST, "find a directory of the store");
    f->agent = mem_printf("%s/%s/s", parent, f->agent_folder);
    autostrv argv = STRV_INIT;
    strv_add(&argv, "ssh-agent");
    strv_add(&argv, "-D");
    strv_add(&argv, "-a");
    strv_add(&argv, f->agent);
    struct program program = {.argv = &argv, .package = "openssh-client"};
    if (program_start(&program, &f->agent_pid, err))
        return -1;
    for (int i = 0; i < START_TRIES && access(f->agent, F_OK); i++)
        usleep(10 * 1000);
    autostrv add = STRV_INIT, env = STRV_INIT;
    strv_add(&add, "ssh-add");
    strv_add(&add, "-q");
    strv_add(&add, "--");
    strv_add_all(&add, &source->keys);
    strv_addf(&env, "SSH_AUTH_SOCK=%s", f->agent);
    strv_addf(&env, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    program = (struct program){.argv = &add, .env = &env, .package = "openssh-client"};
    return program_run(&program, NULL, OUTPUT_CAP, err);
}

static int start(struct ssh_forward *f, const struct ssh_source *source,
                 const struct ssh_place *place, struct error *err)
{
    if (source->socket)
        f->agent = mem_strdup(source->socket);
    else if (start_agent(f, source, err))
        return -1;
    f->stop = eventfd(0, EFD_CLOEXEC);
    if (f->stop < 0)
        return error_errno(err, ERROR_HOST, "make an event");
    f->listener = listen_at(place, err);
    if (f->listener < 0)
        return -1;
    if (pthread_create(&f->thread, NULL, serve, f)) {
        mem_close_at(&f->listener);
        f->listener = -1;
        return error_set(err, ERROR_HOST, "start a thread");
    }
    return 0;
}

int ssh_forward_start(const struct ssh_source *source, const struct ssh_place *place,
                      struct ssh_forward **out, struct error *err)
{
    struct ssh_forward *f = mem_zalloc(1, sizeof *f);
    f->listener = f->stop = -1;
    f->dir_fd = place->dir_fd;
    f->name = mem_strdup(place->name);
    if (start(f, source, place, err)) {
        ssh_forward_stop(f);
        return error_wrap(err, "SSH agent “%s”", source->id);
    }
    *out = f;
    return 0;
}

void ssh_forward_stop(struct ssh_forward *f)
{
    if (!f)
        return;
    if (f->listener >= 0) {
        uint64_t one = 1;
        io_write(f->stop, &one, sizeof one);
        pthread_join(f->thread, NULL);
        unlinkat(f->dir_fd, f->name, 0);
    }
    while (f->count)
        drop(f, 0);
    mem_close_at(&f->listener);
    mem_close_at(&f->stop);
    program_stop(f->agent_pid);
    autoerror ignored = ERROR_INIT;
    if (f->agent_folder && path_remove_tree(f->dir_fd, f->agent_folder, &ignored))
        error_ignore(&ignored, "it goes with the store's tmp");
    free(f->agent_folder);
    free(f->agent);
    free(f->name);
    free(f);
}
