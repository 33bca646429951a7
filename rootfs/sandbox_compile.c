#include "sandbox_compile.h"

#include "notify_filter.h"
#include "sandbox_shelf.h"
#include "seccomp_profile.h"
#include "user_namespace.h"

#include <base/io.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Docker's default: chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap
 * net_bind_service sys_chroot kill audit_write. */
#define DEFAULT_CAPABILITIES UINT64_C(0xa80425fb)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_SHM_SIZE (64 * 1024 * 1024)
#define STRICT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int slot_new(struct sandbox_build *b, int fd)
{
    MEM_PUSH(b->plan.slots, b->slot_count, b->slot_cap) = fd;
    return (int)b->slot_count - 1;
}

/* A slot for a descriptor that the build closes at its end. */
static int slot_own(struct sandbox_build *b, int fd)
{
    MEM_PUSH(b->owned, b->owned_count, b->owned_cap) = fd;
    return slot_new(b, fd);
}

static const char *text(struct sandbox_build *b, char *owned)
{
    strv_add_take(&b->texts, owned);
    return owned;
}

static struct plan_op *op_add(struct sandbox_build *b, enum plan_op_kind kind, const char *path,
                              const char *what)
{
    MEM_PUSH(b->plan.ops, b->plan.op_count, b->op_cap) =
        (struct plan_op){.kind = kind, .slot = 0, .into = -1, .path = path, .what = what};
    return &b->plan.ops[b->plan.op_count - 1];
}

static void op_on(struct sandbox_build *b, enum plan_op_kind kind, int slot, const char *what)
{
    op_add(b, kind, "", what)->slot = slot;
}

static int op_clone(struct sandbox_build *b, int slot, const char *path)
{
    int into = slot_new(b, -1);
    struct plan_op *op = op_add(b, PLAN_CLONE, path, "take a part of the sandbox's files");
    op->slot = slot;
    op->into = into;
    return into;
}

static void op_place(struct sandbox_build *b, int slot, const char *path, unsigned flags)
{
    struct plan_op *op = op_add(b, PLAN_PLACE, path, text(b, mem_printf("mount on %s", path)));
    op->slot = slot;
    op->flags = flags;
}

/* A new file system for path, not yet there. options: pairs that end with a NULL key, living as
 * long as b. */
static int op_new(struct sandbox_build *b, const char *type, const char *path,
                  const struct plan_option *options, unsigned attributes, unsigned flags)
{
    int into = slot_new(b, -1);
    struct plan_op *op =
        op_add(b, PLAN_NEW, type, text(b, mem_printf("mount %s for %s", type, path)));
    op->options = options;
    op->attributes = attributes;
    op->into = into;
    op->flags = flags;
    return into;
}

static int op_mount(struct sandbox_build *b, const char *type, const char *path,
                    const struct plan_option *options, unsigned attributes, unsigned flags)
{
    int into = op_new(b, type, path, options, attributes, flags);
    op_place(b, into, path, PLAN_DIRECTORY | flags);
    return into;
}

static const struct plan_option *tmpfs_options(struct sandbox_build *b, int64_t size, mode_t mode)
{
    struct plan_option *o = mem_zalloc(3, sizeof *o);
    MEM_PUSH(b->options, b->option_count, b->option_cap) = o;
    o[0] = (struct plan_option){"mode", text(b, mem_printf("%o", mode))};
    if (size > 0)
        o[1] = (struct plan_option){"size", text(b, mem_printf("%lld", (long long)size))};
    return o;
}

static void compile_masks(struct sandbox_build *b, int proc, int sys, int null)
{
    static const char *const masked[] = {"acpi",       "asound",        "interrupts",  "kcore",
                                         "keys",       "latency_stats", "sched_debug", "scsi",
                                         "timer_list", "timer_stats"};
    static const char *const masked_sys[] = {"devices/virtual/powercap", "firmware"};
    static const char *const frozen[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
    for (size_t i = 0; i < COUNT_OF(masked) + COUNT_OF(masked_sys); i++) {
        bool in_proc = i < COUNT_OF(masked);
        const char *path = in_proc ? masked[i] : masked_sys[i - COUNT_OF(masked)];
        struct plan_op *op = op_add(b, PLAN_MASK, path, text(b, mem_printf("mask %s", path)));
        op->slot = in_proc ? proc : sys;
        op->into = null;
    }
    for (size_t i = 0; i < COUNT_OF(frozen); i++)
        op_add(b, PLAN_FREEZE, frozen[i], text(b, mem_printf("make /proc/%s read-only", frozen[i])))
            ->slot = proc;
}

static bool in_user_namespace(const struct sandbox_spec *spec)
{
    return spec->mode && spec->mode->in_user_namespace;
}

/* A detached copy of something of the host's; -1 with errno. */
static int clone_host(const char *path, unsigned flags, unsigned attributes)
{
    struct mount_attr attr = {.attr_set = attributes};
    autoclose int fd =
        (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
    if (fd < 0 || (attributes &&
                   syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &attr, sizeof attr)))
        return -1;
    return take_fd(&fd);
}

/* A sysfs belongs to a network namespace, and the host's is not this user namespace's: so it is the
 * host's /sys, read-only with all that is mounted in it. Returns the slot, or -1. */
static int compile_host_sys(struct sandbox_build *b, unsigned attributes, struct error *err)
{
    int fd = clone_host("/sys", AT_RECURSIVE, attributes);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "copy the mount of /sys");
    int slot = slot_own(b, fd);
    op_place(b, slot, "/sys", PLAN_DIRECTORY);
    return slot;
}

static int compile_host_devices(struct sandbox_build *b, struct error *err)
{
    for (size_t i = 0; i < SANDBOX_DEVICES; i++) {
        const struct sandbox_device *d = &sandbox_devices[i];
        const char *path = text(b, mem_printf("/dev/%s", d->name));
        struct stat s;
        autoclose int fd = clone_host(path, 0, 0);
        if (fd < 0 || fstat(fd, &s))
            return error_errno(err, ERROR_HOST, "copy the mount of %s", path);
        if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(d->major, d->minor))
            return error_set(err, ERROR_HOST, "the host's %s is not that device", path);
        op_place(b, slot_own(b, take_fd(&fd)), path, 0);
    }
    return 0;
}

static void compile_devpts(struct sandbox_build *b, bool mapped)
{
    static const struct plan_option options[] = {
        {"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {NULL, NULL}};
    static const struct plan_option without_gid[] = {
        {"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {NULL, NULL}};
    enum { GID_TTY = 5 };
    bool has_gid = !mapped || user_namespace_ids("gid_map") > GID_TTY;
    op_mount(b, "devpts", "/dev/pts", has_gid ? options : without_gid,
             MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0);
}

/* /proc, /sys, /dev and what hides in them. */
static int compile_system(struct sandbox_build *b, const struct sandbox_spec *spec, int proc,
                          int dev, struct error *err)
{
    bool mapped = in_user_namespace(spec);
    unsigned guard = STRICT | (spec->insecure ? 0 : (unsigned)MOUNT_ATTR_RDONLY);
    op_place(b, proc, "/proc", PLAN_DIRECTORY);
    int sys =
        mapped ? compile_host_sys(b, guard, err) : op_mount(b, "sysfs", "/sys", NULL, guard, 0);
    if (sys < 0)
        return -1;
    op_mount(b, "cgroup2", "/sys/fs/cgroup", NULL, guard, PLAN_OPTIONAL);
    op_place(b, dev, "/dev", PLAN_DIRECTORY);
    if (mapped && compile_host_devices(b, err))
        return -1;
    compile_devpts(b, mapped);
    op_mount(b, "tmpfs", "/dev/shm",
             tmpfs_options(b, spec->shm_size > 0 ? spec->shm_size : DEFAULT_SHM_SIZE, 01777),
             STRICT, 0);
    op_mount(b, "mqueue", "/dev/mqueue", NULL, STRICT, PLAN_OPTIONAL);
    int null = slot_new(b, -1);
    struct plan_op *op = op_add(b, PLAN_OPEN, "null", "verify /dev/null");
    op->slot = dev;
    op->into = null;
    if (!spec->insecure)
        compile_masks(b, proc, sys, null);
    return 0;
}

static int bind_source(const struct sandbox_mount *m, bool *directory, struct error *err)
{
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    unsigned recursive = 0;
    struct stat s;
    autoclose int fd = -1;
    if (fstat(m->source_fd, &s))
        return error_errno(err, ERROR_HOST, "mount on %s: its source", m->target);
    *directory = S_ISDIR(s.st_mode);
    fd = (int)syscall(SYS_open_tree, m->source_fd, "", flags);
    /* In a user namespace what is mounted in it can't be taken away. */
    if (fd < 0 && errno == EINVAL) {
        recursive = AT_RECURSIVE;
        fd = (int)syscall(SYS_open_tree, m->source_fd, "", flags | recursive);
    }
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (fd < 0 || (m->read_only && syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | recursive,
                                           &attr, sizeof attr)))
        return error_errno(err, ERROR_HOST, "mount on %s: copy the mount of its source", m->target);
    return take_fd(&fd);
}

static int compile_mounts(struct sandbox_build *b, const struct sandbox_spec *spec,
                          const int *taken, struct error *err)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct sandbox_mount *m = &spec->mounts[i];
        bool directory = true;
        if (!m->target || m->target[0] != '/')
            return error_set(err, ERROR_INPUT, "mount target \"%s\" is not absolute",
                             m->target ? m->target : "");
        if (m->kind == SANDBOX_MOUNT_TMPFS) {
            op_mount(b, "tmpfs", m->target, tmpfs_options(b, m->size, m->mode ? m->mode : 01777),
                     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                         (m->read_only ? (unsigned)MOUNT_ATTR_RDONLY : 0),
                     0);
            continue;
        }
        if (taken[i] >= 0) {
            op_place(b, taken[i], m->target, m->directory ? PLAN_DIRECTORY : 0);
            continue;
        }
        int fd = bind_source(m, &directory, err);
        if (fd < 0)
            return -1;
        op_place(b, slot_own(b, fd), m->target, directory ? PLAN_DIRECTORY : 0);
    }
    return 0;
}

/* Of a detached mount only what is attached can be cloned, so trees are laid over "/" one by one
 * before the root is entered. Gives the slots, -1 for mounts of other kinds. */
static int *take_trees(struct sandbox_build *b, const struct sandbox_spec *spec)
{
    int *taken = mem_zalloc(spec->mount_count, sizeof *taken);
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct sandbox_mount *m = &spec->mounts[i];
        taken[i] = -1;
        if (m->kind != SANDBOX_MOUNT_TREE)
            continue;
        int tree = slot_new(b, m->source_fd);
        if (!*m->path) {
            taken[i] = tree;
            continue;
        }
        op_on(b, PLAN_OVERLAY, tree, "attach the source of a mount");
        taken[i] = op_clone(b, tree, m->path);
        op_add(b, PLAN_UNCOVER, "", "detach the source of a mount");
    }
    return taken;
}

/* Files of the shelf, while it is attached. */
static void take_files(struct sandbox_build *b, const struct sandbox_spec *spec, int shelf,
                       int *taken)
{
    for (size_t i = 0; i < spec->mount_count; i++)
        if (spec->mounts[i].kind == SANDBOX_MOUNT_FILE)
            taken[i] = op_clone(b, shelf, text(b, mem_printf(SHELF_FILE, i)));
}

static int compile_chroot(struct sandbox_build *b, const struct sandbox_spec *spec, int *input,
                          struct error *err)
{
    if (spec->mount_count) {
        error_set(err, ERROR_HOST, "mount on %s: this host allows no mounts",
                  spec->mounts[0].target);
        return error_hint(err, "imgbuild doctor says which modes this host allows");
    }
    if (sandbox_shelf_fill(spec, !spec->owners, err))
        return -1;
    int fd =
        spec->input ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (spec->input &&
                   (io_write(fd, spec->input, spec->input_size) || lseek(fd, 0, SEEK_SET) < 0)))
        return error_errno(err, ERROR_HOST, "open standard input");
    *input = slot_own(b, fd);
    op_on(b, PLAN_CHROOT, slot_new(b, spec->root_fd), "enter the root");
    return 0;
}

static int compile_view(struct sandbox_build *b, const struct sandbox_spec *spec, int *input,
                        struct error *err)
{
    if (sandbox_by_chroot(spec))
        return compile_chroot(b, spec, input, err);
    int shelf_fd = sandbox_shelf_open(spec, err);
    if (shelf_fd < 0)
        return -1;
    int shelf = slot_own(b, shelf_fd);
    int input_fd =
        openat(shelf_fd, spec->input ? SHELF_INPUT : SHELF_DEV "/null", O_RDONLY | O_CLOEXEC);
    if (input_fd < 0)
        return error_errno(err, ERROR_HOST, "open standard input");
    *input = slot_own(b, input_fd);
    op_add(b, PLAN_PRIVATE, "", "make mounts private");
    autofree int *taken = take_trees(b, spec);
    op_on(b, PLAN_OVERLAY, shelf, "attach the sandbox's files");
    int dev = op_clone(b, shelf, SHELF_DEV);
    int hosts = op_clone(b, shelf, SHELF_HOSTS);
    int resolv = op_clone(b, shelf, SHELF_RESOLV);
    take_files(b, spec, shelf, taken);
    op_add(b, PLAN_UNCOVER, "", "detach the sandbox's files");
    /* A user namespace gets one only where it still sees the host's. */
    int proc = op_new(b, "proc", "/proc", NULL, STRICT, 0);
    op_on(b, PLAN_PIVOT, slot_new(b, spec->root_fd), "enter the root");
    if (compile_system(b, spec, proc, dev, err))
        return -1;
    op_place(b, hosts, "/etc/hosts", 0);
    op_place(b, resolv, "/etc/resolv.conf", 0);
    return compile_mounts(b, spec, taken, err);
}

static void op_limit(struct sandbox_build *b, int resource, struct rlimit limit)
{
    struct plan_op *op = op_add(b, PLAN_RLIMIT, "", "set a resource limit");
    op->number = resource;
    op->limit = limit;
}

/* Whom it runs as. With a notifier every process stays what it is, and believes to be the user. */
static void compile_user(struct sandbox_build *b, const struct sandbox_spec *spec,
                         const struct sandbox_ends *ends)
{
    struct rlimit limit = {0};
    bool chrooted = sandbox_by_chroot(spec);
    /* Without it a filter needs CAP_SYS_ADMIN; set-id programs are the notifier's business then. */
    if (chrooted && ends->notify >= 0 && !spec->owners)
        op_add(b, PLAN_NO_NEW_PRIVILEGES, "", "set no_new_privs");
    if (!spec->insecure && (!chrooted || ends->notify >= 0))
        op_add(b, PLAN_FILTER, "", "install the seccomp filter");
    op_add(b, PLAN_BOUND, "", "drop capabilities")->flags = chrooted ? PLAN_OPTIONAL : 0;
    if (ends->notify < 0) {
        op_add(b, PLAN_USER, "", "become the user");
        op_add(b, PLAN_GRANT, "", "set capabilities");
        return;
    }
    getrlimit(RLIMIT_LOCKS, &limit);
    limit.rlim_cur = ends->notify_limit;
    op_limit(b, RLIMIT_LOCKS, limit);
    op_on(b, PLAN_NOTIFY, slot_new(b, ends->notify), "install the filter of the notifier");
}

static void compile_stdio(struct sandbox_build *b, const struct sandbox_spec *spec, int input,
                          const struct sandbox_ends *ends)
{
    int terminal = spec->terminal_fd ? slot_new(b, spec->terminal_fd) : -1;
    const int slots[3] = {input, slot_new(b, ends->stdio[0]), slot_new(b, ends->stdio[1])};
    for (int i = 0; i < 3; i++) {
        struct plan_op *op = op_add(b, PLAN_STDIO, "", "set up standard input and output");
        op->slot = spec->terminal_fd ? terminal : slots[i];
        op->number = i;
        op->flags = spec->terminal_fd ? PLAN_TERMINAL : 0;
    }
}

static void compile_process(struct sandbox_build *b, const struct sandbox_spec *spec, int input,
                            const struct sandbox_ends *ends)
{
    bool chrooted = sandbox_by_chroot(spec);
    if (!chrooted)
        op_add(b, PLAN_HOSTNAME, spec->hostname ? spec->hostname : "localhost",
               "set the host name");
    if (spec->network == SANDBOX_NETWORK_NONE && !chrooted)
        op_add(b, PLAN_LOOPBACK, "", "bring the loopback interface up");
    op_add(b, PLAN_KEYRING, "", "make a session keyring")->flags = PLAN_OPTIONAL;
    for (size_t i = 0; i < spec->rlimit_count; i++)
        op_limit(b, spec->rlimits[i].resource, spec->rlimits[i].limit);
    compile_stdio(b, spec, input, ends);
    const char *cwd = spec->cwd && spec->cwd[0] ? spec->cwd : "/";
    op_add(b, PLAN_CWD, cwd, text(b, mem_printf("enter the working directory %s", cwd)));
    if (spec->emulation && spec->emulation->userns_fd >= 0)
        op_on(b, PLAN_USERNS, slot_new(b, spec->emulation->userns_fd),
              "enter the user namespace in which qemu is registered");
    compile_user(b, spec, ends);
}

/* As execvp and Docker look a program up. */
static void compile_program(struct sandbox_build *b, const struct sandbox_spec *spec)
{
    const char *name = spec->argv[0];
    if (spec->env)
        strv_add_all(&b->env, spec->env);
    if (strchr(name, '/')) {
        strv_add(&b->candidates, name);
    } else {
        const char *path = env_get(&b->env, "PATH");
        autostrv parts = STRV_INIT;
        strv_split(&parts, path ? path : DEFAULT_PATH, ':');
        for (size_t i = 0; i < parts.count; i++)
            strv_addf(&b->candidates, "%s/%s", parts.items[i][0] ? parts.items[i] : ".", name);
    }
    b->plan.candidates = (const char *const *)strv_argv(&b->candidates);
    b->plan.argv = spec->argv;
    b->plan.env = (const char *const *)strv_argv(&b->env);
}

bool sandbox_by_chroot(const struct sandbox_spec *spec)
{
    return spec->mode && spec->mode->view == MODE_VIEW_CHROOT;
}

unsigned sandbox_notify_sets(const struct sandbox_spec *spec)
{
    unsigned served = sandbox_by_chroot(spec) ? NOTIFY_SERVED : 0;
    if (spec->owners)
        return NOTIFY_RECORDED | served;
    return spec->mode && spec->mode->ids == MODE_IDS_FAKED ? NOTIFY_KERNEL | served : 0;
}

uint64_t sandbox_capabilities(const struct sandbox_spec *spec)
{
    return spec->insecure ? (UINT64_C(2) << CAP_LAST_CAP) - 1
                          : DEFAULT_CAPABILITIES | spec->capabilities;
}

/* Whoever runs a set-id program loses the signal at its parent's death (prctl(2)), which for a user
 * is as near as sudo; an init, which runs nothing, keeps it. Root changes nothing by it. */
static bool needs_init(const struct sandbox_spec *spec)
{
    bool faked = spec->mode && spec->mode->ids == MODE_IDS_FAKED;
    return spec->user && spec->user->uid && !faked;
}

int sandbox_compile(struct sandbox_build *b, const struct sandbox_spec *spec,
                    const struct sandbox_ends *ends, struct error *err)
{
    int input;
    if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
        return error_set(err, ERROR_INPUT, "no program to run");
    b->plan.filter = &seccomp_profile;
    b->plan.notify_filter = notify_filter_for(ends->notify_sets);
    b->plan.capabilities = sandbox_capabilities(spec);
    b->plan.init = spec->init || needs_init(spec);
    if (spec->user && ends->notify < 0) {
        b->plan.uid = spec->user->uid;
        b->plan.gid = spec->user->gid;
        b->plan.groups = spec->user->groups;
        b->plan.group_count = spec->user->group_count;
    }
    if (ends->join >= 0)
        op_on(b, PLAN_JOIN, slot_new(b, ends->join), "join the cgroup with its limits");
    if (compile_view(b, spec, &input, err))
        return -1;
    compile_process(b, spec, input, ends);
    compile_program(b, spec);
    return 0;
}

void sandbox_build_release(struct sandbox_build *b)
{
    for (size_t i = 0; i < b->owned_count; i++)
        close(b->owned[i]);
    for (size_t i = 0; i < b->option_count; i++)
        free(b->options[i]);
    free(b->options);
    free(b->owned);
    free(b->plan.ops);
    free(b->plan.slots);
    strv_release(&b->texts);
    strv_release(&b->candidates);
    strv_release(&b->env);
    *b = (struct sandbox_build){0};
}
