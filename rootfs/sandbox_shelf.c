#include "sandbox_shelf.h"

#include "ca_certs.h"

#include <base/io.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SHELF_SIZE ((size_t)64 * 1024 * 1024)
#define RESOLV_CAP (64 * 1024)
#define BUNDLE_CAP (16 * 1024 * 1024)

int sandbox_mount_new(const char *type, const char *const *options, unsigned attributes)
{
    autoclose int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    for (; options && *options; options += 2)
        if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[0], options[1], 0))
            return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return -1;
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static int shelf_file(int shelf, const char *name, const void *bytes, size_t n, struct error *err)
{
    autoclose int fd =
        openat(shelf, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || fchmod(fd, 0644) || (n && io_write(fd, bytes, n)))
        return error_errno(err, ERROR_HOST, "write the sandbox's %s", name);
    return 0;
}

const struct sandbox_device sandbox_devices[SANDBOX_DEVICES] = {{"null", 1, 3},    {"zero", 1, 5},
                                                                {"full", 1, 7},    {"random", 1, 8},
                                                                {"urandom", 1, 9}, {"tty", 5, 0}};

static int shelf_node(int dev, const struct sandbox_device *d, struct error *err)
{
    struct stat s;
    if (mknodat(dev, d->name, S_IFCHR | 0666, makedev(d->major, d->minor)) ||
        fchmodat(dev, d->name, 0666, 0) || fstatat(dev, d->name, &s, AT_SYMLINK_NOFOLLOW)) {
        error_errno(err, ERROR_HOST, "make device /dev/%s", d->name);
        return error_hint(err, "running steps as root needs CAP_MKNOD");
    }
    if (!S_ISCHR(s.st_mode) || s.st_rdev != makedev(d->major, d->minor))
        return error_set(err, ERROR_HOST, "make device /dev/%s: it is not the device asked for",
                         d->name);
    return 0;
}

static int shelf_nodes(int shelf, bool bound, struct error *err)
{

    autoclose int dev = openat(shelf, SHELF_DEV, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < SANDBOX_DEVICES; i++)
        if (bound ? shelf_file(dev, sandbox_devices[i].name, "", 0, err)
                  : shelf_node(dev, &sandbox_devices[i], err))
            return -1;
    return 0;
}

static int shelf_dev(int shelf, bool bound, struct error *err)
{
    static const char *const links[][2] = {
        {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
        {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
        {"/proc/kcore", "dev/core"},       {"pts/ptmx", "dev/ptmx"}};
    static const char *const folders[] = {"dev", "dev/pts", "dev/shm", "dev/mqueue"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        if ((mkdirat(shelf, folders[i], 0755) && errno != EEXIST) ||
            fchmodat(shelf, folders[i], 0755, 0))
            return error_errno(err, ERROR_HOST, "make /%s", folders[i]);
    if (shelf_nodes(shelf, bound, err))
        return -1;
    for (size_t i = 0; i < COUNT_OF(links); i++)
        if (symlinkat(links[i][0], shelf, links[i][1]))
            return error_errno(err, ERROR_HOST, "make /%s", links[i][1]);
    return 0;
}

/* "name:ip" or "name=ip"; an IPv6 address may be in brackets. */
static int add_host(struct str *hosts, const char *entry, struct error *err)
{
    size_t name = strcspn(entry, ":=");
    const char *ip = entry + name + (entry[name] != 0);
    size_t length = strlen(ip);
    if (length > 1 && ip[0] == '[' && ip[length - 1] == ']') {
        ip++;
        length -= 2;
    }
    if (name == 0 || length == 0 || strpbrk(entry, " \t\r\n#"))
        return error_set(err, ERROR_USAGE, "additional host \"%s\" is not name:ip", entry);
    str_addf(hosts, "%.*s\t%.*s\n", (int)length, ip, (int)name, entry);
    return 0;
}

static int shelf_hosts(int shelf, const char *name, const struct sandbox_spec *spec,
                       struct error *err)
{
    autostr hosts = STR_INIT;
    str_add(&hosts, "127.0.0.1\tlocalhost");
    if (spec->hostname && !str_eq(spec->hostname, "localhost"))
        str_addf(&hosts, " %s", spec->hostname);
    str_add(&hosts, "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    for (const char *const *h = spec->add_hosts; h && *h; h++)
        if (add_host(&hosts, *h, err))
            return -1;
    return shelf_file(shelf, name, hosts.data, hosts.len, err);
}

/* The host's own, as its network is used; without a network there is nobody to ask. */
static int shelf_resolv(int shelf, const char *name, const struct sandbox_spec *spec,
                        struct error *err)
{
    autostr text = STR_INIT;
    autoerror absent = ERROR_INIT;
    if (spec->network == SANDBOX_NETWORK_HOST &&
        io_read_file(AT_FDCWD, "/etc/resolv.conf", RESOLV_CAP, &text, &absent)) {
        if (absent.kind != ERROR_MISSING)
            return error_move(err, &absent);
        str_clear(&text); /* the resolver's default then holds inside as outside */
    }
    return shelf_file(shelf, name, text.data, text.len, err);
}

static int shelf_bundle(int shelf, int bundle_fd, struct error *err)
{
    struct stat s;
    if (fstat(bundle_fd, &s) || !S_ISREG(s.st_mode) || s.st_size > BUNDLE_CAP)
        return error_set(err, ERROR_HOST, "the CA bundle is no regular file below 16 MiB");
    autofree char *bytes = mem_alloc((size_t)s.st_size + 1);
    /* By offset: one descriptor serves several sandboxes at a time. */
    ssize_t n = pread(bundle_fd, bytes, (size_t)s.st_size, 0);
    if (n < 0)
        return error_errno(err, ERROR_HOST, "read the CA bundle");
    return shelf_file(shelf, &CA_CERTS_PATH[1], bytes, (size_t)n, err);
}

/* The files that mounts show. */
static int shelf_files(int shelf, const struct sandbox_spec *spec, struct error *err)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct sandbox_mount *m = &spec->mounts[i];
        if (m->kind != SANDBOX_MOUNT_FILE)
            continue;
        autofree char *name = mem_printf(SHELF_FILE, i);
        if (shelf_file(shelf, name, m->bytes, m->byte_count, err))
            return -1;
        if (owners_give(spec->owners, shelf, name, m->uid, m->gid) ||
            fchmodat(shelf, name, m->mode, 0))
            return error_errno(err, ERROR_HOST, "prepare the mount on %s", m->target);
    }
    return 0;
}

int sandbox_shelf_open(const struct sandbox_spec *spec, struct error *err)
{
    /* As much as Docker's /dev, and the input beside it. */
    size_t room = SHELF_SIZE + (spec->input ? spec->input_size : 0);
    autofree char *size = mem_printf("%zu", room);
    const char *const options[] = {"mode", "0755", "source", "tmpfs", "size", size, NULL};
    autoclose int shelf = sandbox_mount_new("tmpfs", options, MOUNT_ATTR_NOSUID);
    if (shelf < 0) {
        error_errno(err, ERROR_HOST, "mount a private tmpfs");
        return error_hint(err, "imgbuild doctor says which modes this host allows");
    }
    bool bound = spec->mode && spec->mode->in_user_namespace;
    if (shelf_dev(shelf, bound, err) || shelf_hosts(shelf, SHELF_HOSTS, spec, err) ||
        shelf_resolv(shelf, SHELF_RESOLV, spec, err) ||
        shelf_file(shelf, SHELF_INPUT, spec->input, spec->input ? spec->input_size : 0, err) ||
        shelf_files(shelf, spec, err) ||
        (spec->ca_bundle_fd >= 0 && shelf_bundle(shelf, spec->ca_bundle_fd, err)))
        return -1;
    return take_fd(&shelf);
}

int sandbox_shelf_fill(const struct sandbox_spec *spec, bool nodes, struct error *err)
{
    int root = spec->root_fd;
    if (shelf_dev(root, !nodes, err) || shelf_hosts(root, "etc/hosts", spec, err) ||
        shelf_resolv(root, "etc/resolv.conf", spec, err) ||
        (spec->ca_bundle_fd >= 0 && shelf_bundle(root, spec->ca_bundle_fd, err)))
        return -1;
    return fchmodat(root, "dev/shm", 01777, 0)
               ? error_errno(err, ERROR_HOST, "make the sandbox's /dev/shm")
               : 0;
}
