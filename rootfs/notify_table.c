#include "notify_table.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define R NOTIFY_RECORDED
#define K NOTIFY_KERNEL
#define P NOTIFY_SERVED

/* O_TMPFILE without O_DIRECTORY, which is in it. */
#define MAKES_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))

#define ROW(name, kind, path_at, dir_at, flags_at, links, value_at, ...)                           \
    {                                                                                              \
        .call = #name, .handler = NOTIFY_##kind, .path = path_at, .dir = dir_at,                   \
        .flags = flags_at, .follow = NOTIFY_##links, .value = value_at, __VA_ARGS__                \
    }
#define IF(kind, at, what) .test = NOTIFY_##kind, .test_arg = at, .test_value = what
#define GET(name, which, ids) ROW(name, GET_ID, -1, -1, -1, FOLLOW, which, .sets = ids)
#define SET(name, which, ids) ROW(name, SET_IDS, -1, -1, -1, FOLLOW, which, .sets = ids)
#define ANSWER(name, what, in, ...)                                                                \
    {                                                                                              \
        .call = #name, .path = -1, .dir = -1, .flags = -1, .action = what, .sets = in, __VA_ARGS__ \
    }

/* Rows of one call stand together; the first that applies decides. */
const struct notify_row notify_table[] = {
    /* call, handler, path, dir, flags, links, value */
    ROW(chown, CHOWN, 0, -1, -1, FOLLOW, 1, .sets = R | K),
    ROW(lchown, CHOWN, 0, -1, -1, NOFOLLOW, 1, .sets = R | K),
    ROW(fchown, CHOWN, -1, 0, -1, FOLLOW, 1, .sets = R | K),
    ROW(fchownat, CHOWN, 1, 0, 4, UNLESS_FLAG, 2, .sets = R | K),
    ROW(stat, STAT, 0, -1, -1, FOLLOW, 1, .sets = R | P),
    ROW(lstat, STAT, 0, -1, -1, NOFOLLOW, 1, .sets = R | P),
    ROW(fstat, STAT, -1, 0, -1, FOLLOW, 1, .sets = R),
    ROW(newfstatat, STAT, 1, 0, 3, UNLESS_FLAG, 2, .sets = R),
    ROW(newfstatat, STAT, 1, 0, 3, UNLESS_FLAG, 2, .sets = P, IF(IF_NONE, 3, AT_EMPTY_PATH)),
    ROW(statx, STATX, 1, 0, 2, UNLESS_FLAG, 3, .sets = R),
    ROW(statx, STATX, 1, 0, 2, UNLESS_FLAG, 3, .sets = P, IF(IF_NONE, 2, AT_EMPTY_PATH)),

    ROW(open, OPEN, 0, -1, -1, FOLLOW, 1, .sets = R | K, IF(IF_ANY, 1, MAKES_FILE)),
    ROW(open, OPEN, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(openat, OPEN, 1, 0, -1, FOLLOW, 2, .sets = R | K, IF(IF_ANY, 2, MAKES_FILE)),
    ROW(openat, OPEN, 1, 0, -1, FOLLOW, 2, .sets = P),
    ROW(openat2, OPEN_HOW, 1, 0, -1, FOLLOW, 2, .sets = R | K | P),
    ROW(creat, CREAT, 0, -1, -1, FOLLOW, 1, .sets = R | K | P),
    ROW(mkdir, MKDIR, 0, -1, -1, NOFOLLOW, 1, .sets = R | K),
    ROW(mkdirat, MKDIR, 1, 0, -1, NOFOLLOW, 2, .sets = R | K),
    ROW(symlink, SYMLINK, 1, -1, -1, NOFOLLOW, 0, .sets = R | K),
    ROW(symlinkat, SYMLINK, 2, 1, -1, NOFOLLOW, 0, .sets = R | K),
    ROW(mknod, MKNOD, 0, -1, -1, NOFOLLOW, 1, .sets = R | K),
    ROW(mknodat, MKNOD, 1, 0, -1, NOFOLLOW, 2, .sets = R | K),
    ROW(rename, RENAME, 0, -1, -1, NOFOLLOW, 1, .sets = R),
    ROW(renameat, RENAME_AT, 1, 0, -1, NOFOLLOW, 2, .sets = R),
    ROW(renameat2, RENAME_AT, 1, 0, 4, NOFOLLOW, 2, .sets = R),
    ROW(link, LINK, 0, -1, -1, NOFOLLOW, 1, .sets = R),
    ROW(linkat, LINK_AT, 1, 0, 4, IF_FLAG, 2, .sets = R | P),
    ROW(utimensat, TIMES_AT, 1, 0, 3, UNLESS_FLAG, 2, .sets = R,
        IF(IF_ANY, 3, AT_SYMLINK_NOFOLLOW)),
    ROW(utimensat, TIMES_AT, 1, 0, 3, UNLESS_FLAG, 2, .sets = P, IF(IF_NOT_NULL, 1, 0)),

    ROW(setxattr, SET_XATTR, 0, -1, -1, FOLLOW, 1, .sets = R | P),
    ROW(lsetxattr, SET_XATTR, 0, -1, -1, NOFOLLOW, 1, .sets = R | P),
    ROW(fsetxattr, SET_XATTR, -1, 0, -1, FOLLOW, 1, .sets = R),
    ROW(getxattr, GET_XATTR, 0, -1, -1, FOLLOW, 1, .sets = R | P),
    ROW(lgetxattr, GET_XATTR, 0, -1, -1, NOFOLLOW, 1, .sets = R | P),
    ROW(fgetxattr, GET_XATTR, -1, 0, -1, FOLLOW, 1, .sets = R),
    ROW(listxattr, LIST_XATTR, 0, -1, -1, FOLLOW, 1, .sets = R | P),
    ROW(llistxattr, LIST_XATTR, 0, -1, -1, NOFOLLOW, 1, .sets = R | P),
    ROW(flistxattr, LIST_XATTR, -1, 0, -1, FOLLOW, 1, .sets = R),
    ROW(removexattr, REMOVE_XATTR, 0, -1, -1, FOLLOW, 1, .sets = R | P),
    ROW(lremovexattr, REMOVE_XATTR, 0, -1, -1, NOFOLLOW, 1, .sets = R | P),
    ROW(fremovexattr, REMOVE_XATTR, -1, 0, -1, FOLLOW, 1, .sets = R),
    ANSWER(setxattrat, NOTIFY_LACKING, R | P),
    ANSWER(getxattrat, NOTIFY_LACKING, R | P),
    ANSWER(listxattrat, NOTIFY_LACKING, R | P),
    ANSWER(removexattrat, NOTIFY_LACKING, R | P),

    GET(getuid, 0, R | K),
    GET(geteuid, NOTIFY_ID_EFFECTIVE, R | K),
    GET(getgid, NOTIFY_ID_GROUP, R | K),
    GET(getegid, NOTIFY_ID_GROUP | NOTIFY_ID_EFFECTIVE, R | K),
    ROW(getresuid, GET_IDS, -1, -1, -1, FOLLOW, 0, .sets = R | K),
    ROW(getresgid, GET_IDS, -1, -1, -1, FOLLOW, NOTIFY_ID_GROUP, .sets = R | K),
    SET(setuid, NOTIFY_ID_SET, R | K),
    SET(setgid, NOTIFY_ID_SET | NOTIFY_ID_GROUP, R | K),
    SET(setreuid, NOTIFY_ID_RE, R | K),
    SET(setregid, NOTIFY_ID_RE | NOTIFY_ID_GROUP, R | K),
    SET(setresuid, NOTIFY_ID_RES, R | K),
    SET(setresgid, NOTIFY_ID_RES | NOTIFY_ID_GROUP, R | K),
    SET(setfsuid, NOTIFY_ID_FS, R | K),
    SET(setfsgid, NOTIFY_ID_FS | NOTIFY_ID_GROUP, R | K),
    ROW(getgroups, GET_GROUPS, -1, -1, -1, FOLLOW, 0, .sets = R | K),
    ROW(setgroups, SET_GROUPS, -1, -1, -1, FOLLOW, 0, .sets = R | K),
    ROW(capget, GET_CAPABILITIES, -1, -1, -1, FOLLOW, 0, .sets = R | K),
    ROW(capset, SET_CAPABILITIES, -1, -1, -1, FOLLOW, 0, .sets = R | K),
    ROW(prctl, PRCTL, -1, -1, -1, FOLLOW, 0, .sets = R | K, IF(IF_IS, 0, PR_SET_KEEPCAPS)),
    ROW(prctl, PRCTL, -1, -1, -1, FOLLOW, 0, .sets = R | K, IF(IF_IS, 0, PR_SET_SECUREBITS)),
    ANSWER(prctl, NOTIFY_SUCCEED, R | K, IF(IF_IS, 0, PR_CAPBSET_DROP)),
    /* A process that isn't dumpable can't be looked into without CAP_SYS_PTRACE. */
    ANSWER(prctl, NOTIFY_SUCCEED, K, IF(IF_IS, 0, PR_SET_DUMPABLE)),
    /* It is set for the filter's sake alone: set-id programs work. */
    ANSWER(prctl, NOTIFY_SUCCEED, K, IF(IF_IS, 0, PR_GET_NO_NEW_PRIVS)),
    /* The soft limit is where a process's credentials are kept. */
    ANSWER(setrlimit, NOTIFY_SUCCEED, R | K, IF(IF_IS, 0, RLIMIT_LOCKS)),
    ANSWER(prlimit64, NOTIFY_SUCCEED, R | K, IF(IF_IS_AND_NEXT, 1, RLIMIT_LOCKS)),
    /* Its files would be opened and looked at behind the notifier's back. */
    ANSWER(io_uring_setup, NOTIFY_LACKING, R | K | P),
    ROW(execve, EXEC, 0, -1, -1, FOLLOW, 1, .sets = R | K | P),
    ROW(execveat, EXEC, 1, 0, 4, UNLESS_FLAG, 2, .sets = R | K | P),
    ROW(chroot, CHROOT, 0, -1, -1, FOLLOW, 0, .sets = R | K | P),
    ROW(pivot_root, CHROOT, 0, -1, -1, FOLLOW, 0, .sets = R | K | P),
    ROW(bind, BIND, -1, 0, -1, FOLLOW, 1, .sets = R | K),
    ROW(getsockopt, SOCKET_OPTION, -1, 0, -1, FOLLOW, 1, .sets = R | K, IF(IF_IS, 2, SO_PEERCRED)),

    ROW(access, ACCESS, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(faccessat, ACCESS, 1, 0, -1, FOLLOW, 2, .sets = P),
    ROW(faccessat2, ACCESS, 1, 0, 3, UNLESS_FLAG, 2, .sets = P),
    ROW(readlink, READ_LINK, 0, -1, -1, NOFOLLOW, 1, .sets = P),
    ROW(readlinkat, READ_LINK, 1, 0, -1, NOFOLLOW, 2, .sets = P),
    ROW(statfs, STATFS, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(chdir, CHDIR, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(getcwd, GET_CWD, -1, -1, -1, FOLLOW, 0, .sets = P),
    ROW(chmod, CHMOD, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(fchmodat, CHMOD, 1, 0, -1, FOLLOW, 2, .sets = P),
    ROW(fchmodat2, CHMOD, 1, 0, 3, UNLESS_FLAG, 2, .sets = P),
    ROW(utime, TIMES, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(utimes, TIMES, 0, -1, -1, FOLLOW, 1, .sets = P),
    ROW(futimesat, TIMES, 1, 0, -1, FOLLOW, 2, .sets = P, IF(IF_NOT_NULL, 1, 0)),
    ROW(truncate, TRUNCATE, 0, -1, -1, FOLLOW, 1, .sets = P),
};
const size_t notify_table_size = sizeof notify_table / sizeof *notify_table;
