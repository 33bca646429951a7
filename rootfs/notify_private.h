/* What the notifier's rooms share. All of it is used on the notifier's own thread, whose root is
 * the step's and whose working directory is /proc/self/fd of the /proc outside: so "/a/b" is a path
 * as the step means it, "5" is descriptor 5, and "../../PID/cwd" a process's own. */
#ifndef ROOTFS_NOTIFY_PRIVATE_H
#define ROOTFS_NOTIFY_PRIVATE_H

#include "notify.h"
#include "notify_creds.h"

#include <limits.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct notify {
    struct notify_spec spec;
    pthread_t thread;
    bool threaded;
    int watch_fd; /* see notify_serve_here; -1: none */
    bool (*watch)(void *context);
    void *context;
    int held_signal; /* of a thread that is held: to be delivered */
    int socket, stop_fd, listener, outer_proc;
    int outer_root; /* "/" outside */
    bool protected; /* fs.protected_symlinks and the like are on outside */
    struct creds_table *table;
    struct creds first; /* of the step's first process */
    struct seccomp_notif *request;
    struct seccomp_notif_resp *response;
    bool answered; /* sent already */
    bool chrooted; /* some process has had another root */
    uint16_t row_of[512];
    /* The call in hand. */
    pid_t pid;
    const struct notify_row *row;
    const uint64_t *args;
};

/* A path that is relative to the thread's working directory. */
struct notify_name {
    char text[64];
};

/* ---- answers (notify_loop.c) ---- */

void notify_fail(struct notify *n, int error);
void notify_return(struct notify *n, int64_t value);
/* Let the kernel carry it out. */
void notify_continue(struct notify *n);
/* The call gave this descriptor, which stays ours. */
void notify_give_fd(struct notify *n, int fd, bool close_on_exec);
/* Send the answer now: for what must be done after it. */
void notify_send(struct notify *n);

/* ---- a process's memory (notify_memory.c) ---- */

int notify_read(const struct notify *n, uint64_t address, void *bytes, size_t size);
/* Only while the call is still waiting: else the memory may be another's. */
int notify_write(const struct notify *n, uint64_t address, const void *bytes, size_t size);
/* Without looking whether a call waits: for a process that is held. */
int notify_poke(const struct notify *n, uint64_t address, const void *bytes, size_t size);
/* A path or another NUL-terminated text; -1 with errno (EFAULT, ENAMETOOLONG). */
int notify_read_text(const struct notify *n, uint64_t address, char text[PATH_MAX]);
/* A number from /proc/PID/status; -1 where there is none. key: "\nTgid:". */
long notify_status(const struct notify *n, pid_t pid, const char *key, int base);
/* A process's, or thread's, number as it sees itself. */
pid_t notify_innermost(pid_t pid);

/* ---- paths (notify_path.c) ---- */

struct notify_target {
    int dir; /* AT_FDCWD: the working directory */
    bool nofollow;
    bool itself; /* dir is what is meant */
    char path[PATH_MAX];
};
int notify_target(const struct notify *n, struct notify_target *out);
/* The same for another path among the arguments; dir: the number of its argument, or -1. */
int notify_target_at(const struct notify *n, int path, int dir, bool nofollow,
                     struct notify_target *out);
int notify_open(const struct notify *n, const struct notify_target *target);
/* The directory that holds it, O_PATH, and its name there ("" for a root). */
int notify_open_parent(const struct notify *n, const struct notify_target *target,
                       char name[NAME_MAX + 1]);
/* True where a process has a root of its own within the step's. */
bool notify_has_own_root(const struct notify *n, pid_t pid);
void notify_name_fd(struct notify_name *name, int fd);
/* "cwd", "fd/5", "root" of a process. */
void notify_name_of(struct notify_name *name, pid_t pid, const char *what, int number);

/* ---- credentials (notify_ids.c) ---- */

void notify_creds(const struct notify *n, pid_t pid, struct creds *out);
/* Of the call's process; -1 with errno. */
int notify_set_creds(struct notify *n, const struct creds *creds);

/* ---- owners (notify_owner.c) ---- */

/* Who owns it, as the step sees it; what fd is open on. -1 with errno. */
int notify_stat(const struct notify *n, int fd, struct stat *st);
/* Remember an owner, or give it one. -1 with errno. */
int notify_give(const struct notify *n, int fd, const struct owner *owner);
/* Who owns what a process makes in a directory. */
void notify_new_owner(const struct notify *n, const struct creds *creds, int parent_fd,
                      struct owner *out);

/* ---- what each call does ---- */

typedef void notify_call(struct notify *n);
notify_call notify_chown, notify_do_stat, notify_do_statx;
notify_call notify_open_file, notify_open_how, notify_creat, notify_mkdir, notify_symlink,
    notify_mknod;
notify_call notify_rename, notify_rename_at, notify_link, notify_link_at, notify_times_at;
notify_call notify_set_xattr, notify_get_xattr, notify_list_xattr, notify_remove_xattr;
notify_call notify_get_id, notify_get_ids, notify_set_ids, notify_get_groups, notify_set_groups,
    notify_get_capabilities, notify_set_capabilities, notify_prctl, notify_exec, notify_chroot;
notify_call notify_bind, notify_socket_option;

#endif
