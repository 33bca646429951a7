/* One process tree over one root, confined as Docker confines it.
 *
 * The parent plans, the child obeys: sandbox_run compiles the wishes into a plan of plain system
 * calls (sandbox_plan.h) that sandbox_child interprets after clone with CLONE_VM|CLONE_VFORK.
 * Namespaces: mount, pid, ipc, uts, cgroup (and network for NONE); private /proc, read-only /sys,
 * minimal /dev with devpts and shm; Docker's default capabilities, masked paths and seccomp
 * profile; no no_new_privs, so that sudo works; every other descriptor closed. */
#ifndef ROOTFS_SANDBOX_H
#define ROOTFS_SANDBOX_H

#include "emulation.h"
#include "limits.h"
#include "mode.h"
#include "owner.h"
#include "passwd.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum sandbox_network { SANDBOX_NETWORK_HOST, SANDBOX_NETWORK_NONE };
enum sandbox_stream { SANDBOX_STDOUT, SANDBOX_STDERR };

enum sandbox_mount_kind {
    SANDBOX_MOUNT_BIND,
    SANDBOX_MOUNT_TMPFS,
    SANDBOX_MOUNT_TREE, /* what lies at `path` in a detached mount (snapshot.root_fd) */
    SANDBOX_MOUNT_FILE, /* a file of these bytes, which never reach a disk */
};

struct sandbox_mount {
    enum sandbox_mount_kind kind;
    int source_fd; /* what to bind: a file or directory, opened once by the caller (O_PATH will do);
                      of a tree: the detached mount, which serves one run */
    const char
        *target; /* absolute, in the root; resolved in root; made (and reported) where absent */
    const char *path; /* of a tree: without leading slash and without symlinks; "": all of it */
    bool directory;   /* of a tree: what lies there is a directory */
    bool read_only;
    int64_t size;      /* of a tmpfs, in bytes; 0: half of the memory */
    mode_t mode;       /* of a tmpfs; 0: 01777. Of a file: its permissions */
    uint32_t uid, gid; /* of a file */
    const void *bytes; /* of a file */
    size_t byte_count;
};

struct sandbox_rlimit {
    int resource; /* RLIMIT_… */
    struct rlimit limit;
};

/* Everything is borrowed for the call. Zero-initialised fields mean Docker's defaults. */
struct sandbox_spec {
    /* A detached mount (snapshot.root_fd). It is moved into the sandbox's namespace and goes with
     * it, so it serves one run; through the descriptor it can still be looked at afterwards. */
    int root_fd;
    const struct mode *mode; /* what mode_enter took (store_mode); NULL: root's */
    /* How owners are kept in the root: where they are in a record, the process has one id, and a
     * notifier (notify.h) answers what it asks about ids and owners. NULL: by the kernel. */
    struct owners *owners;
    int upper_fd;            /* with owners: snapshot.upper_fd */
    const char *const *argv; /* argv[0] is looked up in env's PATH, as Docker does */
    const struct strv *env;
    const char *cwd;             /* "" or NULL: "/"; made where absent, owned by root */
    const struct user_ids *user; /* NULL: root */
    enum sandbox_network network;
    uint64_t capabilities;        /* bits of linux/capability.h, beside Docker's default ones */
    const char *hostname;         /* NULL: "localhost" */
    const char *const *add_hosts; /* NULL-terminated "name:ip" (or "name=ip") for /etc/hosts */
    const struct sandbox_mount *mounts;
    size_t mount_count;
    const struct sandbox_rlimit *rlimits;
    size_t rlimit_count;
    struct limiter *limiter; /* sets the limits; NULL: there are none */
    struct limits limits;
    int64_t shm_size; /* bytes; 0: 64 MiB */
    int ca_bundle_fd; /* shown at CA_CERTS_PATH; -1: none (the caller adds the variables) */
    const struct emulation *emulation; /* of the root's architecture; NULL: it is the host's */
    bool insecure;       /* all capabilities, no seccomp filter, nothing masked or read-only */
    bool init;           /* an init as pid 1 that reaps and forwards signals */
    unsigned timeout_ms; /* 0: none; then SIGKILL to all of it */
    /* With it, timeout_ms counts from the first output, and this from the start until then. */
    unsigned silence_ms;
    /* Standard output and error are one terminal, and all comes as standard output's. */
    bool tty;
    int cancel_fd;     /* readable: kill all of it, ERROR_INTERRUPTED; -1: none */
    const void *input; /* standard input's bytes (then its end); NULL: /dev/null */
    size_t input_size;
    /* A terminal (the other end of a pty) that is standard input, output and error, and the
     * controlling terminal; 0: none. `output` is then not called. */
    int terminal_fd;
    /* Called on the caller's thread with what the process writes; NULL: dropped. */
    void (*output)(void *context, enum sandbox_stream stream, const char *bytes, size_t n);
    void *context;
};

struct sandbox_result {
    bool timed_out; /* killed at the time limit */
    int exit_code;  /* 128 + signal where a signal ended it; 126 and 127 as a shell gives them */
    int signal;     /* 0: it exited */
    double seconds;
    bool out_of_memory, out_of_pids; /* a process was killed, or could not be made, by the limits */
    struct strv created; /* paths (no leading slash) made in the root as mount points: not the
                            step's doing */
};

/* Run to the end. That the process failed is no error: see the result. ERROR_HOST where the sandbox
 * could not be made (which operation, why, and what would change it); ERROR_INPUT where argv[0] or
 * a mount's target cannot be had in the image. No process and no mount remains, whatever happens.
 */
int sandbox_run(const struct sandbox_spec *spec, struct sandbox_result *out, struct error *err);
void sandbox_result_release(struct sandbox_result *result);

#endif
