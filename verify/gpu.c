#include "gpu.h"

#include "elf.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool gpu_add_mount(struct gpu *gpu, const char *source, const char *target)
{
    for (size_t i = 0; i < gpu->mount_count; i++)
        if (!strcmp(gpu->mounts[i].target, target))
            return true;
    int fd = open(source, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return false;
    MEM_PUSH(gpu->mounts, gpu->mount_count, gpu->mount_cap) = (struct sandbox_mount){
        .kind = SANDBOX_MOUNT_BIND,
        .source_fd = fd,
        .target = mem_strdup(target),
        .read_only = true,
    };
    return true;
}

/* ---- libraries ---- */

static bool read_file_at(void *context, uint64_t offset, void *buffer, size_t n)
{
    const int *fd = context;
    return pread(*fd, buffer, n, (off_t)offset) == (ssize_t)n;
}

/* The caller frees it; NULL where it has none. */
static char *soname_of(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct elf_bytes bytes = {read_file_at, &fd};
    struct elf_facts *facts = fd < 0 ? NULL : elf_read(&bytes);
    char *soname = facts ? take(&facts->soname) : NULL;
    elf_facts_free(facts);
    return soname;
}

/* "550.54.14" of libcuda.so.550.54.14; a link's target is looked at. */
static void take_version(struct gpu *gpu, const char *source)
{
    static const char name[] = "libcuda.so.";
    char real[4096];
    ssize_t n = readlink(source, real, sizeof real - 1);
    real[n > 0 ? n : 0] = '\0';
    const char *base = path_base(n > 0 ? real : source);
    const char *version = str_starts(base, name) ? base + sizeof name - 1 : "";
    if (gpu->driver || !isdigit((unsigned char)*version) || !strchr(version, '.'))
        return;
    gpu->driver = mem_strdup(version);
}

static void add_folder(struct gpu *gpu, const char *target)
{
    autofree char *folder = path_dir(target), *before = gpu->libraries;
    autostrv parts = STRV_INIT;
    strv_split(&parts, before ? before : "", ':');
    bool known = strv_contains(&parts, folder);
    gpu->libraries =
        known ? mem_strdup(before)
              : mem_printf("%s%s%s", before ? before : "", before && *before ? ":" : "", folder);
}

bool gpu_add_library(struct gpu *gpu, const char *source, const char *target)
{
    if (!gpu_add_mount(gpu, source, target))
        return false;
    autofree char *soname = soname_of(source), *folder = path_dir(target);
    take_version(gpu, source);
    add_folder(gpu, target);
    if (!soname || strchr(soname, '/') || !strcmp(soname, path_base(target)))
        return true;
    autofree char *second = mem_printf("%s/%s", folder, soname);
    return gpu_add_mount(gpu, source, second);
}

/* ---- found in a root ---- */

/* Each file below root that matches, shown where it is in root. */
static size_t add_matches(struct gpu *gpu, const char *root, const char *pattern, bool library)
{
    glob_t found = {0};
    autofree char *full = mem_printf("%s%s", root, pattern);
    size_t added = 0;
    if (!glob(full, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *source = found.gl_pathv[i], *target = source + strlen(root);
            added += (library ? gpu_add_library : gpu_add_mount)(gpu, source, target);
        }
    globfree(&found);
    return added;
}

/* What programs that use CUDA, NVENC, OpenGL and the management library load. */
static void find_in_root(struct gpu *gpu, const char *root)
{
    static const char *const folders[] = {"/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib",
                                          "/lib64", "/usr/lib/*-linux-gnu/nvidia/current"};
    static const char *const names[] = {
        "libcuda.so.*",    "libcudadebugger.so.*", "libnvidia-*.so.*",   "libnvcuvid.so.*",
        "libnvoptix.so.*", "libGLX_nvidia.so.*",   "libEGL_nvidia.so.*", "libvdpau_nvidia.so.*",
    };
    static const char *const further[] = {"/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/nvidia-uvm*",
                                          "/dev/nvidia-modeset", "/usr/bin/nvidia-smi"};
    bool devices = false;
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            autofree char *pattern = mem_printf("%s/%s", folders[i], names[k]);
            add_matches(gpu, root, pattern, true);
        }
    for (size_t i = 0; i < COUNT_OF(further); i++)
        devices |= add_matches(gpu, root, further[i], false) && str_starts(further[i], "/dev/");
    for (size_t i = 0; *root && !devices && i < COUNT_OF(further); i++)
        if (str_starts(further[i], "/dev/")) /* a driver's root may have none of its own */
            add_matches(gpu, "", further[i], false);
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  …" */
static void ask_kernel(struct gpu *gpu)
{
    autostr text = STR_INIT;
    autoerror ignored = ERROR_INIT;
    autostrv words = STRV_INIT;
    if (io_read_file(AT_FDCWD, "/proc/driver/nvidia/version", 4096, &text, &ignored)) {
        error_ignore(&ignored, "then no driver is loaded");
        return;
    }
    strv_split(&words, str_text(&text), ' ');
    for (size_t i = 0; !gpu->driver && i < words.count; i++)
        if (isdigit((unsigned char)words.items[i][0]) && strchr(words.items[i], '.'))
            gpu->driver = mem_strdup(words.items[i]);
}

/* ---- by wish ---- */

/* The first CDI file of the usual places that is about NVIDIA's GPUs: 1, 0, -1. */
static int find_cdi(struct gpu *out, struct error *err)
{
    static const char *const patterns[] = {"/etc/cdi/*.yaml", "/etc/cdi/*.json",
                                           "/var/run/cdi/*.yaml", "/var/run/cdi/*.json"};
    int taken = 0;
    for (size_t i = 0; !taken && i < COUNT_OF(patterns); i++) {
        glob_t found = {0};
        if (!glob(patterns[i], 0, NULL, &found))
            for (size_t k = 0; !taken && k < found.gl_pathc; k++)
                taken = cdi_read(found.gl_pathv[k], out, err);
        globfree(&found);
    }
    return taken;
}

static int find_named(const char *wish, struct gpu *out, struct error *err)
{
    struct stat st;
    if (stat(wish, &st))
        return error_errno(err, ERROR_MISSING, "--gpus %s", wish);
    if (S_ISDIR(st.st_mode)) {
        find_in_root(out, wish);
        return 0;
    }
    int taken = cdi_read(wish, out, err);
    if (taken == 0)
        return error_set(err, ERROR_INPUT, "--gpus %s is of another kind than nvidia.com/gpu",
                         wish);
    return taken < 0 ? -1 : 0;
}

int gpu_find(const char *wish, struct gpu *out, struct error *err)
{
    *out = (struct gpu){0};
    if (wish && strcmp(wish, "all") != 0) {
        if (find_named(wish, out, err))
            return -1;
    } else {
        int taken = find_cdi(out, err);
        if (taken < 0)
            return -1;
        if (!taken && !access("/dev/nvidiactl", F_OK))
            find_in_root(out, "");
    }
    if (out->mount_count && !out->driver)
        ask_kernel(out);
    if (!out->libraries)
        out->libraries = mem_strdup("");
    if (!out->mount_count)
        out->missing = mem_strdup("needs an NVIDIA GPU, and this host has none with a driver");
    return 0;
}

void gpu_release(struct gpu *gpu)
{
    for (size_t i = 0; i < gpu->mount_count; i++) {
        close(gpu->mounts[i].source_fd);
        free((char *)gpu->mounts[i].target);
    }
    free(gpu->mounts);
    strv_release(&gpu->env);
    free(gpu->libraries);
    free(gpu->driver);
    free(gpu->missing);
    *gpu = (struct gpu){0};
}
