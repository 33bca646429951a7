/* Trying modes, and telling from what failed what is in the way. */
#include "mode_private.h"
#include "notify.h"
#include "user_namespace.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PROC_CAP = 64 * 1024 };

/* Of each of the two files; fewer than this and nobody (65534) is nobody. */
#define SUBORDINATE_COUNT 65536

/* A number in a file of /proc; -1 where there is none. */
static long long proc_number(const char *path)
{
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    if (io_read_file(AT_FDCWD, path, PROC_CAP, &text, &ignored) || !text.len)
        return -1;
    return str_number(str_trim(text.data), INT64_MAX);
}

/* A line of /proc/self/status as a number of the given base; 0 where there is none. */
static unsigned long long status_number(const char *key, int base)
{
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    if (io_read_file(AT_FDCWD, "/proc/self/status", PROC_CAP, &text, &ignored))
        return 0;
    const char *at = strstr(str_text(&text), key);
    return at ? strtoull(at + strlen(key), NULL, base) : 0;
}

static bool has_capability(unsigned capability)
{
    return status_number("\nCapEff:", 16) >> capability & 1;
}

static bool has_filter(void)
{
    return status_number("\nSeccomp:", 10) == 2;
}

static void refuse(struct mode_finding *f, char *why, char *fix)
{
    f->allowed = false;
    f->why = why;
    f->fix = fix;
}

static void allow(struct mode_finding *f, enum mode_view view)
{
    f->allowed = true;
    f->why = mem_strdup("");
    f->view = view;
}

/* ---- root ---- */

static bool can_mount(void)
{
    autoclose int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
        return false;
    autoclose int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
    return mount >= 0;
}

static void try_root(struct mode_finding *f)
{
    if (geteuid() != 0)
        refuse(f, mem_strdup("this is an ordinary user"), mem_strdup("run it as root: sudo …"));
    else if (!has_capability(CAP_SYS_ADMIN))
        refuse(f, mem_strdup("root lacks CAP_SYS_ADMIN here, as in most containers"),
               mem_strdup("give the container the capability SYS_ADMIN (docker run --cap-add "
                          "SYS_ADMIN --security-opt apparmor=unconfined), or run it on the host"));
    else if (!can_mount())
        refuse(f, mem_printf("mounting is forbidden: %s", strerror(errno)),
               mem_strdup("docker run --security-opt apparmor=unconfined --security-opt "
                          "seccomp=unconfined"));
    else
        allow(f, MODE_VIEW_MOUNTS);
}

/* ---- user namespaces ---- */

static char *user_name(void)
{
    const struct passwd *user = getpwuid(geteuid());
    return user ? mem_strdup(user->pw_name) : mem_printf("%u", (unsigned)geteuid());
}

static void explain_ids(const struct user_namespace_trial *t, struct mode_finding *f)
{
    autofree char *user = user_name();
    refuse(f, mem_printf("%s has no line for %s", str_text(&t->text), user),
           mem_printf("sudo usermod --add-subuids 100000-%d --add-subgids 100000-%d %s",
                      100000 + SUBORDINATE_COUNT - 1, 100000 + SUBORDINATE_COUNT - 1, user));
}

static void explain_make(const struct user_namespace_trial *t, struct mode_finding *f)
{
    static const char max[] = "/proc/sys/user/max_user_namespaces";
    if (t->error == ENOSPC || t->error == EUSERS) {
        bool off = proc_number(max) == 0;
        refuse(f,
               mem_strdup(off ? "user namespaces are switched off (user.max_user_namespaces is 0)"
                              : "no more user namespaces can be made, or they are nested too deep"),
               mem_strdup("sudo sysctl -w user.max_user_namespaces=15000"));
    } else if (proc_number("/proc/sys/kernel/unprivileged_userns_clone") == 0) {
        refuse(f, mem_strdup("user namespaces are for root only here"),
               mem_strdup("sudo sysctl -w kernel.unprivileged_userns_clone=1"));
    } else if (proc_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1) {
        refuse(f, mem_strdup("AppArmor forbids user namespaces"),
               mem_strdup("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
    } else if (t->error == EPERM && has_filter()) {
        refuse(f, mem_strdup("the container's seccomp profile forbids user namespaces"),
               mem_strdup("docker run --security-opt seccomp=unconfined; in a pod: "
                          "securityContext.seccompProfile.type: Unconfined"));
    } else if (t->error == EINVAL || t->error == ENOSYS) {
        refuse(f, mem_strdup("the kernel has no user namespaces (CONFIG_USER_NS)"), NULL);
    } else {
        refuse(f, mem_printf("making a user namespace: %s", strerror(t->error)), NULL);
    }
}

static void explain_map(const struct user_namespace_trial *t, struct mode_finding *f)
{
    if (status_number("\nNoNewPrivs:", 10) && t->text.len)
        refuse(f, mem_strdup("no_new_privs is set, which takes newuidmap its rights"),
               mem_strdup("start it without no_new_privs; in a pod: "
                          "securityContext.allowPrivilegeEscalation: true"));
    else if (proc_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        refuse(f, mem_strdup("AppArmor forbids rights in user namespaces"),
               mem_strdup("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
    else
        refuse(f,
               mem_printf("mapping ids: %s", t->text.len ? str_text(&t->text) : strerror(t->error)),
               mem_strdup("sudo apt-get install --reinstall uidmap"));
}

static void explain_mounts(const struct user_namespace_trial *t, struct mode_finding *f)
{
    if (proc_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        refuse(f, mem_strdup("AppArmor forbids mounts in user namespaces"),
               mem_strdup("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
    else if (t->stage == USER_NAMESPACE_PROC)
        refuse(f, mem_strdup("no new /proc can be mounted, since parts of this one are covered"),
               mem_strdup("docker run --security-opt systempaths=unconfined; in a pod: "
                          "securityContext.procMount: Unmasked"));
    else
        refuse(f, mem_printf("mounting in a user namespace is forbidden: %s", strerror(t->error)),
               mem_strdup("docker run --security-opt apparmor=unconfined --security-opt "
                          "seccomp=unconfined"));
}

static void explain(const struct user_namespace_trial *t, struct mode_finding *f)
{
    if (t->stage == USER_NAMESPACE_IDS)
        explain_ids(t, f);
    else if (t->stage == USER_NAMESPACE_TOOLS)
        refuse(f, mem_printf("%s is not installed", str_text(&t->text)),
               mem_strdup("sudo apt-get install uidmap"));
    else if (t->stage == USER_NAMESPACE_MAKE)
        explain_make(t, f);
    else if (t->stage == USER_NAMESPACE_MAP || t->stage == USER_NAMESPACE_BECOME)
        explain_map(t, f);
    else
        explain_mounts(t, f);
}

/* No second namespace where there is one that will do. */
static bool will_do(enum mode_name name)
{
    bool many = user_namespace_ids("uid_map") > 1 && user_namespace_ids("gid_map") > 1;
    return geteuid() == 0 && !user_namespace_is_first() && has_capability(CAP_SYS_ADMIN) &&
           can_mount() && (many || name == MODE_SINGLE);
}

static void try_user_namespace(enum mode_name name, struct mode_finding *f, int *fd)
{
    autotrial t = USER_NAMESPACE_TRIAL;
    if (will_do(name)) {
        allow(f, MODE_VIEW_MOUNTS);
        return;
    }
    user_namespace_try(name == MODE_USERNS ? USER_NAMESPACE_RANGES : USER_NAMESPACE_SINGLE, &t);
    /* Ids can be faked without mounts as well. */
    if (name == MODE_SINGLE && t.stage >= USER_NAMESPACE_MOUNTS &&
        t.stage < USER_NAMESPACE_USABLE && t.fd >= 0) {
        allow(f, MODE_VIEW_CHROOT);
        *fd = take_fd(&t.fd);
        return;
    }
    if (t.stage != USER_NAMESPACE_USABLE) {
        explain(&t, f);
        return;
    }
    allow(f, MODE_VIEW_MOUNTS);
    *fd = take_fd(&t.fd);
}

static void try_single(struct mode_finding *f, int *fd)
{
    char *why, *fix;
    if (notify_probe(&why, &fix))
        try_user_namespace(MODE_SINGLE, f, fd);
    else
        refuse(f, why, fix);
}

static void try_chroot(struct mode_finding *f)
{
    if (geteuid() != 0)
        refuse(
            f, mem_strdup("this is an ordinary user"),
            mem_strdup("run it as root of the container; in a pod: securityContext.runAsUser: 0"));
    else if (!has_capability(CAP_SYS_CHROOT) || !has_capability(CAP_MKNOD) ||
             !has_capability(CAP_CHOWN))
        refuse(f,
               mem_strdup("root lacks one of Docker's default capabilities (CAP_SYS_CHROOT, "
                          "CAP_MKNOD, CAP_CHOWN) here"),
               mem_strdup("give them to the container; in a pod: securityContext.capabilities.add: "
                          "[SYS_CHROOT, MKNOD, CHOWN]"));
    else
        allow(f, MODE_VIEW_CHROOT);
}

void mode_try(enum mode_name name, struct mode_finding *f, int *fd)
{
    *f = (struct mode_finding){.why = NULL};
    if (name == MODE_ROOT)
        try_root(f);
    else if (name == MODE_USERNS)
        try_user_namespace(name, f, fd);
    else if (name == MODE_SINGLE)
        try_single(f, fd);
    else if (name == MODE_CHROOT)
        try_chroot(f);
    else if (name == MODE_NONE)
        allow(f, MODE_VIEW_NONE);
    else
        refuse(f, mem_strdup("it is not supported yet"),
               mem_strdup(
                   "--isolation chroot runs in the same containers and leaves their root alone"));
}

void mode_probe(enum mode_name name, struct mode_finding *out)
{
    autoclose int fd = -1;
    mode_try(name, out, &fd);
}
