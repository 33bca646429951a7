/* What the sandbox's child does, in order, as data: the parent prepares every string, descriptor
 * and number, so that the child, which shares the parent's memory, needs system calls alone. */
#ifndef ROOTFS_SANDBOX_PLAN_H
#define ROOTFS_SANDBOX_PLAN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Operations name descriptors by their slot: the parent fills some, the child others. `slot` is
 * what an operation works on, `into` where it leaves a new descriptor. */
enum plan_op_kind {
    PLAN_JOIN,    /* join the cgroup whose cgroup.procs is in slot, and see none but it */
    PLAN_PRIVATE, /* no mount event leaves or enters the namespace */
    PLAN_OVERLAY, /* attach the mount in slot over "/" */
    PLAN_CLONE,   /* a detached copy of the mount that path beneath slot is in, into */
    PLAN_UNCOVER, /* detach what lies over "/" */
    PLAN_CHROOT,  /* make the directory in slot the root of this process */
    PLAN_PIVOT,   /* make the mount in slot the root and drop the old one */
    PLAN_NEW,     /* a new file system: type path, options, attributes; into */
    PLAN_PLACE,   /* attach slot at path in the root; the mount point is made where absent */
    PLAN_OPEN,    /* open path beneath slot; it must be the null device; into */
    PLAN_MASK,    /* cover path beneath slot: a file by what is in `into`, a directory by nothing */
    PLAN_FREEZE,  /* make path beneath slot read-only */
    PLAN_HOSTNAME,          /* path */
    PLAN_LOOPBACK,          /* bring lo up */
    PLAN_KEYRING,           /* a session keyring of its own */
    PLAN_RLIMIT,            /* number: the resource; limit */
    PLAN_STDIO,             /* slot becomes descriptor `number`, owned by the user */
    PLAN_USERNS,            /* enter the user namespace in slot, where every id is itself */
    PLAN_FILTER,            /* install the seccomp filter */
    PLAN_NO_NEW_PRIVILEGES, /* or no filter may be installed without CAP_SYS_ADMIN */
    PLAN_NOTIFY, /* install the notifier's, hand it over through slot, and wait for its word */
    PLAN_BOUND,  /* drop every capability that is not in plan.capabilities for good */
    PLAN_USER,   /* become the user */
    PLAN_GRANT,  /* capabilities of the process itself (root only) */
    PLAN_CWD,    /* go to path; made where absent */
};

enum plan_flags {
    PLAN_OPTIONAL = 1,  /* a failure is passed over: the host may lack it */
    PLAN_DIRECTORY = 2, /* of PLAN_PLACE: the mount point is a directory */
    PLAN_READ_ONLY = 4, /* of PLAN_CLONE */
    PLAN_TERMINAL = 8,  /* of PLAN_STDIO: it becomes the controlling terminal */
};

struct plan_option {
    const char *key, *value; /* value NULL: a flag */
};

struct plan_op {
    enum plan_op_kind kind;
    unsigned flags;
    int slot, into;
    const char *path;
    const struct plan_option *options; /* of PLAN_NEW, ended by a NULL key */
    unsigned attributes;               /* of PLAN_NEW: MOUNT_ATTR_… */
    int number;
    struct rlimit limit;
    const char *what; /* for messages: "mount /proc" */
};

struct sandbox_plan {
    struct plan_op *ops;
    size_t op_count;
    int *slots;
    int status_fd;      /* write end of the report pipe, close-on-exec */
    int status_read_fd; /* its read end, which the child closes first */
    const struct sock_fprog *filter;
    const struct sock_fprog *notify_filter;
    uint64_t capabilities;
    uint32_t uid, gid;
    const uint32_t *groups;
    size_t group_count;
    const char *const *candidates; /* where argv[0] may be, in the order to try */
    const char *const *argv;
    const char *const *env;
    bool init; /* stay as pid 1, reaping, and run the program as a child */
};

/* What comes through the report pipe: these, each followed by `length` bytes of path. */
enum plan_report_kind { PLAN_FAILED, PLAN_CREATED, PLAN_NO_EXEC };
struct plan_report {
    uint32_t kind;
    uint32_t op; /* index of the operation, or of the candidate */
    int32_t error;
    uint32_t length;
};

#define SANDBOX_CHILD_STACK (256 * 1024)

/* The child's life; plan is a struct sandbox_plan. Never returns. */
int sandbox_child(void *plan);

#endif
