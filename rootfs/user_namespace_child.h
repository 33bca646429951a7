/* The processes that user_namespace_try makes: the one that is the first in a new namespace, and
 * the tools that map its ids. */
#ifndef ROOTFS_USER_NAMESPACE_CHILD_H
#define ROOTFS_USER_NAMESPACE_CHILD_H

#include "user_namespace.h"

#include <sys/types.h>

/* What the child says after each stage, by one write. */
struct word {
    enum user_namespace_stage stage;
    int error;
};

struct trial {
    enum user_namespace_map map;
    uid_t uid;
    gid_t gid;
    struct strv uid_args, gid_args; /* of newuidmap and newgidmap, without the process id */
    int words[2];                   /* from the child */
    int go[2];                      /* to the child; its end ends the child */
    struct user_namespace_trial *out;
};

/* The child's life, between fork(2) and its end. */
_Noreturn void user_namespace_child(const struct trial *trial);
/* The same for a tool whose words go to error_fd; 127 where it is not installed. */
_Noreturn void user_namespace_tool(const char *tool, char *const *argv, int error_fd);

#endif
