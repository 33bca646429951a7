/* A user namespace of one's own, made in a child and tried there before it is entered: a process
 * can't leave one that turns out to be of no use. user_namespaces(7). */
#ifndef ROOTFS_USER_NAMESPACE_H
#define ROOTFS_USER_NAMESPACE_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>
#include <stdint.h>

enum user_namespace_map {
    USER_NAMESPACE_RANGES, /* 0 is the user, 1 and on the subordinate ids, by newuidmap(1) */
    USER_NAMESPACE_SINGLE, /* 0 is the user and there is nobody else */
};

/* How far it came, in this order. */
enum user_namespace_stage {
    USER_NAMESPACE_IDS,    /* /etc/subuid and /etc/subgid have no ids for the user */
    USER_NAMESPACE_TOOLS,  /* newuidmap or newgidmap is not installed */
    USER_NAMESPACE_MAKE,   /* unshare(2) */
    USER_NAMESPACE_MAP,    /* the maps are refused */
    USER_NAMESPACE_BECOME, /* uid 0 in it */
    USER_NAMESPACE_MOUNTS, /* a mount namespace and a tmpfs */
    USER_NAMESPACE_PROC,   /* a /proc in a pid namespace */
    USER_NAMESPACE_USABLE,
};

struct user_namespace_trial {
    enum user_namespace_stage stage; /* what failed, else USABLE */
    int error;                       /* errno */
    struct str text;                 /* what newuidmap had to say, or which file lacks a line */
    int fd;                          /* the namespace, from MOUNTS on; else -1 */
};
#define USER_NAMESPACE_TRIAL ((struct user_namespace_trial){.fd = -1})
void user_namespace_trial_release(struct user_namespace_trial *trial);
#define autotrial __attribute__((cleanup(user_namespace_trial_release))) struct user_namespace_trial

/* Make and try one; the process itself stays where it is. */
void user_namespace_try(enum user_namespace_map map, struct user_namespace_trial *out);
/* Enter the namespace, as its uid and gid 0, with a mount namespace. Single-threaded only. */
int user_namespace_enter(int fd, bool mounts, struct error *err);

/* The user's ranges of subordinate ids as arguments for newuidmap: inner, outer and count of each.
 * text: the file's; name and id: the user's. False where it has none. For tests too. */
bool subordinate_ids(const char *text, const char *name, uint32_t id, struct strv *args);

/* True in the machine's first user namespace. */
bool user_namespace_is_first(void);
/* How many ids from 0 on this process's namespace has, by /proc/self/uid_map (file "uid_map") or
 * gid_map. */
uint64_t user_namespace_ids(const char *file);

#endif
