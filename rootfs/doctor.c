#include "doctor.h"

#include "arch.h"
#include "emulation.h"
#include "limits.h"
#include "mode.h"

#include <base/io.h>
#include <base/mem.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { FORMAT_VERSION = 1, SETTING_CAP = 4096 };

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_from_text(text) : json_null();
}

/* ---- modes ---- */

static json_t *examine_modes(void)
{
    static const enum mode_name names[] = {MODE_ROOT, MODE_USERNS, MODE_SINGLE, MODE_CHROOT,
                                           MODE_TAKEOVER};
    static const char *const views[] = {[MODE_VIEW_MOUNTS] = "mounts",
                                        [MODE_VIEW_CHROOT] = "chroot",
                                        [MODE_VIEW_TAKEOVER] = "takeover",
                                        [MODE_VIEW_NONE] = "none"};
    json_t *modes = json_array();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autofinding f = {.why = NULL};
        mode_probe(names[i], &f);
        json_array_append_new(modes,
                              json_pack("{s:s, s:b, s:o, s:o, s:o}", "name", mode_text(names[i]),
                                        "allowed", f.allowed, "view",
                                        f.allowed ? json_string(views[f.view]) : json_null(), "why",
                                        text_or_null(f.why), "fix", text_or_null(f.fix)));
    }
    return modes;
}

static json_t *describe_taken(const struct mode *mode)
{
    autofree char *text = mode_describe(mode);
    return json_pack("{s:s, s:s, s:b}", "name", mode_text(mode->name), "description", text, "runs",
                     mode->view != MODE_VIEW_NONE);
}

/* ---- other architectures ---- */

static json_t *examine_arch(struct emulators *emulators, const char *arch)
{
    const struct emulation *e = NULL;
    autoerror why = ERROR_INIT;
    if (emulators_find(emulators, arch, &e, &why))
        return json_pack("{s:s, s:b, s:n, s:n, s:o, s:o}", "arch", arch, "available", false, "how",
                         "program", "why", text_or_null(why.message), "fix",
                         text_or_null(why.hint));
    return json_pack("{s:s, s:b, s:s, s:s, s:o, s:n}", "arch", arch, "available", true, "how",
                     e->why_shared ? "host" : "private", "program", e->qemu, "why",
                     text_or_null(e->why_shared), "fix");
}

static json_t *examine_emulation(void)
{
    static const char *const archs[] = {"amd64",   "386",     "arm64", "arm",
                                        "riscv64", "ppc64le", "s390x"};
    struct utsname host;
    const char *machine = uname(&host) ? "" : host.machine;
    json_t *out = json_array();
    struct emulators *emulators = emulators_new();
    for (size_t i = 0; i < COUNT_OF(archs); i++) {
        const struct arch *arch = arch_find(archs[i]);
        bool native = !strcmp(machine, arch->qemu) ||
                      (!strcmp(archs[i], "386") && !strcmp(machine, "x86_64"));
        if (!native)
            json_array_append_new(out, examine_arch(emulators, archs[i]));
    }
    emulators_free(emulators);
    return out;
}

/* ---- limits ---- */

static json_t *examine_limits(void)
{
    static const struct {
        const char *option;
        struct limits kinds;
    } each[] = {{"--memory", {.memory = 1 << 30}},
                {"--cpus", {.cpus = 1000}},
                {"--pids-limit", {.pids = 1000}}};
    json_t *out = json_array();
    for (size_t i = 0; i < COUNT_OF(each); i++) {
        autofree char *note = NULL;
        struct limiter *limiter = limiter_new(&each[i].kinds, &note);
        limiter_free(limiter);
        json_array_append_new(out, json_pack("{s:s, s:b, s:o}", "option", each[i].option,
                                             "available", !note, "why", text_or_null(note)));
    }
    return out;
}

/* ---- the kernel ---- */

static json_t *examine_features(const char *release)
{
    static const struct {
        const char *what;
        int major, minor;
    } floors[] = {
        {"overlays that are never synced (every mode with mounts)", 5, 10},
        {"overlays in user namespaces (userns, single)", 5, 11},
        {"faked ids (single, chroot)", 5, 19},
        {"a private binfmt_misc (other architectures without set-up)", 6, 7},
        {"more than 128 layers in an overlay", 6, 8},
    };
    int major = 0, minor = 0;
    json_t *out = json_array();
    if (sscanf(release, "%d.%d", &major, &minor) != 2)
        return out;
    for (size_t i = 0; i < COUNT_OF(floors); i++) {
        autofree char *needs = mem_printf("%d.%d", floors[i].major, floors[i].minor);
        bool has =
            major > floors[i].major || (major == floors[i].major && minor >= floors[i].minor);
        json_array_append_new(out, json_pack("{s:s, s:s, s:b}", "feature", floors[i].what, "needs",
                                             needs, "available", has));
    }
    return out;
}

/* Settings that decide what a mode may do; those that this kernel hasn't are left out. */
static json_t *examine_settings(void)
{
    static const char *const names[] = {"user.max_user_namespaces",
                                        "kernel.unprivileged_userns_clone",
                                        "kernel.apparmor_restrict_unprivileged_userns",
                                        "user.max_mnt_namespaces",
                                        "fs.mount-max",
                                        "fs.protected_regular",
                                        "fs.protected_symlinks"};
    json_t *out = json_object();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        autostr value = STR_INIT;
        autoerror ignored = ERROR_INIT;
        autofree char *path = mem_printf("/proc/sys/%s", names[i]);
        for (char *p = path + strlen("/proc/sys/"); *p; p++)
            if (*p == '.')
                *p = '/';
        if (!io_read_file(AT_FDCWD, path, SETTING_CAP, &value, &ignored) && value.len)
            json_object_set_new(out, names[i], json_from_text(str_trim(value.data)));
    }
    return out;
}

/* The value of a line of /proc/self/status. */
static json_t *status_line(const char *key)
{
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    if (io_read_file(AT_FDCWD, "/proc/self/status", 64 * 1024, &text, &ignored))
        return json_null();
    const char *at = strstr(str_text(&text), key);
    return at ? json_integer(strtol(at + strlen(key), NULL, 10)) : json_null();
}

static json_t *examine_host(void)
{
    struct utsname host;
    if (uname(&host))
        memset(&host, 0, sizeof host);
    return json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "kernel", host.release, "machine",
                     host.machine, "uid", (int)geteuid(), "seccomp", status_line("\nSeccomp:"),
                     "no_new_privs", status_line("\nNoNewPrivs:"), "features",
                     examine_features(host.release), "settings", examine_settings());
}

int doctor_examine(const char *root, json_t **out, struct error *err)
{
    automode mode = MODE_NOTHING;
    autojson *found = json_object();
    json_object_set_new(found, "version", json_integer(FORMAT_VERSION));
    json_object_set_new(found, "host", examine_host());
    json_object_set_new(found, "modes", examine_modes());
    if (mode_enter(MODE_AUTO, &mode, err))
        return -1;
    json_object_set_new(found, "auto", describe_taken(&mode));
    json_object_set_new(found, "store", doctor_store(root, &mode));
    json_object_set_new(found, "emulation", examine_emulation());
    json_object_set_new(found, "limits", examine_limits());
    *out = take(&found);
    return 0;
}

bool doctor_can_run(const json_t *found)
{
    return json_is_true(json_object_get(json_object_get(found, "auto"), "runs"));
}
