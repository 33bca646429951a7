/* The kernel's binfmt_misc: which interpreter runs programs of another architecture.
 * Kernel documentation: admin-guide/binfmt-misc.rst. */
#ifndef ROOTFS_BINFMT_H
#define ROOTFS_BINFMT_H

#include "arch.h"

#include <base/error.h>

/* A user namespace with a binfmt_misc of its own: what is registered there holds for the processes
 * in it alone. Both descriptors keep it alive. */
struct binfmt {
    int userns_fd; /* every id is itself there */
    int mount_fd;  /* detached: nobody sees it */
};
#define BINFMT_NONE ((struct binfmt){.userns_fd = -1, .mount_fd = -1})

/* Make one in which `interpreter` (a path on this host) runs the programs of `arch`, wherever their
 * root is: it is opened now (flag F). argv[0] is kept (P), and set-id bits count (C). ERROR_HOST
 * where the kernel refuses; older ones than 6.7 do. */
int binfmt_private(const struct arch *arch, const char *interpreter, struct binfmt *out,
                   struct error *err);
void binfmt_release(struct binfmt *b);

/* The interpreter that the host itself has registered for arch, to be found in any root (flag F)
 * and enabled. The caller frees it; NULL: none, or it can't be seen. */
char *binfmt_of_host(const struct arch *arch);

#endif
