/* The shelf: one small tmpfs, filled by the parent while nobody else can see it, from which a
 * sandbox's /dev, /etc/hosts, /etc/resolv.conf and standard input are taken. No path of the host is
 * involved and nothing can be left over. */
#ifndef ROOTFS_SANDBOX_SHELF_H
#define ROOTFS_SANDBOX_SHELF_H

#include "sandbox.h"

#define SHELF_DEV "dev"
#define SHELF_HOSTS "hosts"
#define SHELF_RESOLV "resolv.conf"
#define SHELF_INPUT "input"
#define SHELF_FILE "file-%zu" /* of the mount with this index */

/* The nodes of /dev, which in a user namespace are the host's own, bound over files. */
struct sandbox_device {
    const char *name;
    unsigned major, minor;
};
enum { SANDBOX_DEVICES = 6 };
extern const struct sandbox_device sandbox_devices[SANDBOX_DEVICES];

/* A detached mount, or -1: ERROR_HOST. */
int sandbox_shelf_open(const struct sandbox_spec *spec, struct error *err);
/* The same in the directory that is to be the step's root, whose /dev, /etc/hosts and
 * /etc/resolv.conf are there and empty. nodes: make device nodes. */
int sandbox_shelf_fill(const struct sandbox_spec *spec, bool nodes, struct error *err);
/* A new detached file system; key/value pairs end with a NULL key. -1 with errno. */
int sandbox_mount_new(const char *type, const char *const *options, unsigned attributes);

#endif
