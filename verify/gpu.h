/* The host's NVIDIA GPUs, as checks get them: device nodes and the driver's libraries, from a CDI
 * file (Container Device Interface, cncf-tags/container-device-interface SPEC.md) or found in a
 * driver's root. No hook of a CDI file is run: what NVIDIA's do (links by soname, the loader's
 * cache) is done by binding each library under its soname too, and by LD_LIBRARY_PATH. */
#ifndef VERIFY_GPU_H
#define VERIFY_GPU_H

#include <base/error.h>
#include <base/str.h>
#include <rootfs/sandbox.h>

#include <stdbool.h>
#include <stddef.h>

struct gpu {
    struct sandbox_mount *mounts; /* their descriptors and targets are owned */
    size_t mount_count, mount_cap;
    struct strv env; /* "NAME=VALUE" */
    char *libraries; /* folders for LD_LIBRARY_PATH, joined; "" none */
    char *driver;    /* its version, "550.54.14"; NULL: no driver, and `missing` says why */
    char *missing;   /* "needs an NVIDIA GPU, and this host has no driver" */
};

/* wish: NULL or "all" (CDI files in their usual places, else the host itself), a CDI file, or the
 * root directory of a driver, as /run/nvidia/driver. That there is none is no error with NULL and
 * "all". ERROR_MISSING, ERROR_INPUT. */
int gpu_find(const char *wish, struct gpu *out, struct error *err);
void gpu_release(struct gpu *gpu);

/* Private to gpu.c and cdi.c. Bind a path of the host at target; false where it is not there. */
bool gpu_add_mount(struct gpu *gpu, const char *source, const char *target);
/* A library: also under its soname, and its folder in `libraries`. */
bool gpu_add_library(struct gpu *gpu, const char *source, const char *target);
/* Read a CDI file for nvidia.com/gpu: 1 taken, 0 it is of another kind, -1 ERROR_INPUT. */
int cdi_read(const char *path, struct gpu *out, struct error *err);

#endif
