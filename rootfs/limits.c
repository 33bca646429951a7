#include "limits.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_CAP = 1024 * 1024, CPU_PERIOD = 100000, REMOVE_TRIES = 50, REMOVE_WAIT = 2000 };

enum kind { MEMORY, CPU, PIDS, KINDS };

/* The controllers' names, and the options'. */
static const char *const controllers[KINDS] = {"memory", "cpu", "pids"};
static const char *const options[KINDS] = {"--memory", "--cpus", "--pids-limit"};

struct limiter {
    int parent_fd; /* the cgroup that ours is in */
    int dir_fd;    /* ours: it holds no process, and hands its controllers on */
    char *name;
    char *aside; /* where we moved from the parent, so that it could be divided; NULL: nowhere */
    bool can[KINDS];
    atomic_uint next;
};

static int64_t value_of(const struct limits *l, enum kind kind)
{
    return kind == MEMORY ? l->memory : kind == CPU ? l->cpus : l->pids;
}

/* "1.5": thousandths; -1 where it is no such number. */
static int64_t parse_cpus(const char *text)
{
    char *end;
    double n = strtod(text, &end);
    bool plain = *text && strspn(text, "0123456789.") == strlen(text) && !*end;
    return plain && n >= 0.01 && n <= 100000 ? (int64_t)(n * 1000 + 0.5) : -1;
}

int limits_parse(const char *memory, const char *cpus, const char *pids, struct limits *out,
                 struct error *err)
{
    struct limits l = {.memory = memory ? str_size(memory) : 0,
                       .cpus = cpus ? parse_cpus(cpus) : 0,
                       .pids = pids ? str_number(pids, INT32_MAX) : 0};
    /* As much as a shell needs: less would let no step begin. */
    enum { MEMORY_LEAST = 512 * 1024 };
    if (memory && l.memory < MEMORY_LEAST)
        return error_set(err, ERROR_USAGE, "--memory %s: it is a size such as 512m or 2g", memory);
    if (l.cpus < 0)
        return error_set(err, ERROR_USAGE, "--cpus %s: it is a number such as 2 or 0.5", cpus);
    if (pids && l.pids < 1)
        return error_set(err, ERROR_USAGE, "--pids-limit %s: it is a number such as 100", pids);
    *out = l;
    return 0;
}

bool limits_are_set(const struct limits *l)
{
    return l->memory || l->cpus || l->pids;
}

/* ---- files of a cgroup ---- */

static bool read_text(int dir_fd, const char *name, struct str *out)
{
    autoerror ignored = ERROR_INIT;
    return !io_read_file(dir_fd, name, FILE_CAP, out, &ignored);
}

/* One write(2) is one command. */
static int write_text(int dir_fd, const char *name, const char *text)
{
    autoclose int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(text);
    return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

static bool lists(int dir_fd, const char *file, const char *word)
{
    autostr text = STR_INIT;
    autostrv words = STRV_INIT;
    if (!read_text(dir_fd, file, &text) || !text.len)
        return false;
    strv_split(&words, str_trim(text.data), ' ');
    return strv_contains(&words, word);
}

static int open_below(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- where we are ---- */

/* Field n (from 1) of a line whose fields blanks part. */
static char *field(const char *line, size_t n)
{
    while (--n)
        line += strcspn(line, " \n") + 1;
    return mem_strndup(line, strcspn(line, " \n"));
}

/* The directory where the v2 hierarchy is mounted, and the cgroup that is its root there; false
 * where it isn't mounted. mountinfo, proc(5): "ID PARENT DEV ROOT POINT … - TYPE SOURCE OPTIONS".
 */
static bool find_mount(char **point, char **root)
{
    autostr text = STR_INIT;
    if (!read_text(AT_FDCWD, "/proc/self/mountinfo", &text))
        return false;
    for (const char *line = str_text(&text); *line;) {
        size_t n = strcspn(line, "\n");
        const char *type = memmem(line, n, " - cgroup2 ", 11);
        if (type) {
            *root = field(line, 4);
            *point = field(line, 5);
            return true;
        }
        line += n + (line[n] != '\0');
    }
    return false;
}

/* Our cgroup's directory: "0::/PATH" of /proc/self/cgroup, below the mount. NULL: it can't be seen.
 */
static char *own_path(void)
{
    autofree char *point = NULL, *root = NULL;
    autostr text = STR_INIT;
    if (!find_mount(&point, &root) || !read_text(AT_FDCWD, "/proc/self/cgroup", &text))
        return NULL;
    const char *line = strstr(str_text(&text), "0::/");
    if (!line || (line != str_text(&text) && line[-1] != '\n'))
        return NULL;
    autofree char *path = mem_strndup(line + 3, strcspn(line + 3, "\n"));
    size_t n = strcmp(root, "/") ? strlen(root) : 0;
    if (strncmp(path, root, n) != 0)
        return NULL;
    return mem_printf("%s%s", point, path + n);
}

/* ---- dividing a cgroup ---- */

/* How many of the wanted controllers a cgroup hands to its children, where need be told to now. */
static size_t enable(int dir_fd, const bool wanted[KINDS], bool tell, bool can[KINDS])
{
    size_t count = 0;
    for (int i = 0; i < KINDS; i++) {
        can[i] = false;
        if (!wanted[i])
            continue;
        autofree char *word = mem_printf("+%s", controllers[i]);
        can[i] = lists(dir_fd, "cgroup.subtree_control", controllers[i]) ||
                 (tell && lists(dir_fd, "cgroup.controllers", controllers[i]) &&
                  !write_text(dir_fd, "cgroup.subtree_control", word));
        count += can[i];
    }
    return count;
}

/* A cgroup of our own below this one, which then is the limiter's. */
static bool settle(struct limiter *l, int parent_fd, const bool can[KINDS])
{
    char unique[17];
    io_random_name(unique);
    autofree char *name = mem_printf("imgbuild-%s", unique);
    bool ignored[KINDS];
    if (mkdirat(parent_fd, name, 0755))
        return false;
    l->dir_fd = open_below(parent_fd, name);
    if (l->dir_fd < 0 || !enable(l->dir_fd, can, true, ignored)) {
        mem_close_at(&l->dir_fd);
        unlinkat(parent_fd, name, AT_REMOVEDIR);
        return false;
    }
    l->parent_fd = fcntl(parent_fd, F_DUPFD_CLOEXEC, 0);
    l->name = take(&name);
    memcpy(l->can, can, sizeof l->can);
    return true;
}

/* Our own cgroup can be divided only when no process is in it: where we are alone, we step aside,
 * into a child of it. */
static bool step_aside(struct limiter *l, int own_fd, const bool wanted[KINDS])
{
    char unique[17];
    io_random_name(unique);
    autofree char *name = mem_printf("imgbuild-%s", unique);
    bool can[KINDS];
    if (mkdirat(own_fd, name, 0755))
        return false;
    autofree char *procs = mem_printf("%s/cgroup.procs", name);
    if (!write_text(own_fd, procs, "0")) {
        if (enable(own_fd, wanted, true, can) && settle(l, own_fd, can)) {
            l->aside = take(&name);
            return true;
        }
        write_text(own_fd, "cgroup.procs", "0");
    }
    unlinkat(own_fd, name, AT_REMOVEDIR);
    return false;
}

/* The nearest cgroup, from our own upwards, that gives all that is wanted; where it needs to be
 * told so, only by tell. */
static bool climb(struct limiter *l, const char *path, const char *top, const bool wanted[KINDS],
                  bool tell)
{
    autofree char *at = mem_strdup(path);
    size_t count = 0;
    for (int i = 0; i < KINDS; i++)
        count += wanted[i];
    for (;;) {
        bool can[KINDS];
        autoclose int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t n = fd >= 0 ? enable(fd, wanted, tell, can) : 0;
        if (n && (n == count || tell) && settle(l, fd, can))
            return true;
        if (strlen(at) <= strlen(top))
            return false;
        *strrchr(at, '/') = '\0';
    }
}

/* What is there already is better than what changes a cgroup of others. */
static bool find_place(struct limiter *l, const char *path, const char *top,
                       const bool wanted[KINDS])
{
    autoclose int own = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return climb(l, path, top, wanted, false) || (own >= 0 && step_aside(l, own, wanted)) ||
           climb(l, path, top, wanted, true);
}

/* ---- the limiter ---- */

static char *explain(const char *path, const char *top, const bool missing[KINDS])
{
    autostr out = STR_INIT;
    size_t named = 0;
    bool offered = true;
    autoclose int root = top ? open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    for (int i = 0; i < KINDS; i++) {
        if (!missing[i])
            continue;
        str_addf(&out, "%s%s", named++ ? ", " : "", options[i]);
        offered &= root >= 0 && lists(root, "cgroup.controllers", controllers[i]);
    }
    if (!top)
        str_add(&out, ": not applied, since no cgroup v2 hierarchy is mounted here");
    else if (!path || !offered)
        str_add(&out, ": not applied, since this host keeps that controller from cgroup v2 (it may "
                      "use v1: boot with systemd.unified_cgroup_hierarchy=1)");
    else if (!geteuid())
        str_add(&out,
                ": not applied, since no cgroup here is ours to divide (in a container: mount "
                "/sys/fs/cgroup writable, with --cgroupns private)");
    else
        str_add(&out,
                ": not applied, since no cgroup is delegated to this user (systemd-run --user "
                "--scope -p Delegate=yes imgbuild …)");
    return str_take(&out);
}

struct limiter *limiter_new(const struct limits *kinds, char **note)
{
    bool wanted[KINDS], missing[KINDS], any = false;
    autofree char *point = NULL, *root = NULL, *path = own_path();
    struct limiter *l = mem_zalloc(1, sizeof *l);
    l->parent_fd = l->dir_fd = -1;
    for (int i = 0; i < KINDS; i++)
        wanted[i] = value_of(kinds, (enum kind)i) != 0;
    bool mounted = find_mount(&point, &root);
    bool placed = path && find_place(l, path, point, wanted);
    for (int i = 0; i < KINDS; i++) {
        missing[i] = wanted[i] && !l->can[i];
        any |= missing[i];
    }
    *note = any ? explain(path, mounted ? point : NULL, missing) : NULL;
    if (placed)
        return l;
    limiter_free(l);
    return NULL;
}

static void remove_group(int dir_fd, const char *name)
{
    /* Processes that were killed are gone a moment later. */
    for (int i = 0; i < REMOVE_TRIES && unlinkat(dir_fd, name, AT_REMOVEDIR) && errno == EBUSY; i++)
        usleep(REMOVE_WAIT);
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    mem_close_at(&l->dir_fd);
    if (l->name)
        remove_group(l->parent_fd, l->name);
    if (l->aside) {
        for (int i = 0; i < KINDS; i++) {
            autofree char *word = mem_printf("-%s", controllers[i]);
            write_text(l->parent_fd, "cgroup.subtree_control", word);
        }
        write_text(l->parent_fd, "cgroup.procs", "0");
        remove_group(l->parent_fd, l->aside);
    }
    mem_close_at(&l->parent_fd);
    free(l->name);
    free(l->aside);
    free(l);
}

/* ---- one run ---- */

static int set(int dir_fd, const char *file, const char *text, struct error *err)
{
    return write_text(dir_fd, file, text) ? error_errno(err, ERROR_HOST, "set %s to %s", file, text)
                                          : 0;
}

static int set_limits(const struct limiter *l, const struct limits *limits, int dir_fd,
                      struct error *err)
{
    if (l->can[MEMORY] && limits->memory) {
        autofree char *bytes = mem_printf("%" PRId64, limits->memory);
        if (set(dir_fd, "memory.max", bytes, err))
            return -1;
        write_text(dir_fd, "memory.swap.max", "0");  /* absent where there is no swap */
        write_text(dir_fd, "memory.oom.group", "1"); /* all of it, so that nothing half works */
    }
    if (l->can[CPU] && limits->cpus) {
        autofree char *quota =
            mem_printf("%" PRId64 " %d", limits->cpus * (CPU_PERIOD / 1000), CPU_PERIOD);
        if (set(dir_fd, "cpu.max", quota, err))
            return -1;
    }
    if (l->can[PIDS] && limits->pids) {
        autofree char *count = mem_printf("%" PRId64, limits->pids);
        if (set(dir_fd, "pids.max", count, err))
            return -1;
    }
    return 0;
}

int limit_group_open(struct limiter *l, const struct limits *limits, struct limit_group *out,
                     struct error *err)
{
    struct limit_group g = LIMIT_GROUP_NONE;
    g.limiter = l;
    g.name = mem_printf("%u", atomic_fetch_add(&l->next, 1));
    int code = 0;
    if (mkdirat(l->dir_fd, g.name, 0755) || (g.dir_fd = open_below(l->dir_fd, g.name)) < 0 ||
        (g.join_fd = openat(g.dir_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC)) < 0)
        code = error_errno(err, ERROR_HOST, "make a cgroup");
    if (!code)
        code = set_limits(l, limits, g.dir_fd, err);
    if (code)
        limit_group_release(&g);
    else
        *out = g;
    return code;
}

/* The number behind a key of a file of "KEY NUMBER" lines. */
static long counter(int dir_fd, const char *file, const char *key)
{
    autostr text = STR_INIT;
    size_t n = strlen(key);
    if (!read_text(dir_fd, file, &text))
        return 0;
    for (const char *line = str_text(&text); *line;) {
        if (!strncmp(line, key, n) && line[n] == ' ')
            return strtol(line + n, NULL, 10);
        line += strcspn(line, "\n");
        line += *line != '\0';
    }
    return 0;
}

void limit_group_events(const struct limit_group *g, bool *memory, bool *pids)
{
    *memory = g->dir_fd >= 0 && counter(g->dir_fd, "memory.events", "oom_kill") > 0;
    *pids = g->dir_fd >= 0 && counter(g->dir_fd, "pids.events", "max") > 0;
}

void limit_group_release(struct limit_group *g)
{
    mem_close_at(&g->dir_fd);
    mem_close_at(&g->join_fd);
    if (g->name)
        remove_group(g->limiter->dir_fd, g->name);
    free(g->name);
    *g = LIMIT_GROUP_NONE;
}
