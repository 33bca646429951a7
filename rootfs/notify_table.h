/* The calls that a notifier answers in a step's stead, and where each has its arguments: the one
 * table from which the filters are generated and by which the handlers find their way. */
#ifndef ROOTFS_NOTIFY_TABLE_H
#define ROOTFS_NOTIFY_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* What a row is for; a filter has the rows of all its sets. */
enum notify_sets {
    NOTIFY_RECORDED = 1, /* owners are kept in a record: the kernel knows one id only */
    NOTIFY_KERNEL = 2,   /* owners are the kernel's, but every process is really root */
    NOTIFY_SERVED = 4,   /* no mounts: /proc, /sys and parts of /dev are handed in */
};

enum notify_handler {
    NOTIFY_NONE,
    /* owners */
    NOTIFY_CHOWN,
    NOTIFY_STAT,
    NOTIFY_STATX,
    /* new files */
    NOTIFY_OPEN,
    NOTIFY_OPEN_HOW,
    NOTIFY_CREAT,
    NOTIFY_MKDIR,
    NOTIFY_SYMLINK,
    NOTIFY_MKNOD,
    NOTIFY_RENAME,
    NOTIFY_RENAME_AT,
    NOTIFY_LINK,
    NOTIFY_LINK_AT,
    NOTIFY_TIMES_AT,
    /* attributes */
    NOTIFY_SET_XATTR,
    NOTIFY_GET_XATTR,
    NOTIFY_LIST_XATTR,
    NOTIFY_REMOVE_XATTR,
    /* ids */
    NOTIFY_GET_ID, /* value: which, enum notify_id */
    NOTIFY_GET_IDS,
    NOTIFY_SET_IDS,
    NOTIFY_GET_GROUPS,
    NOTIFY_SET_GROUPS,
    NOTIFY_GET_CAPABILITIES,
    NOTIFY_SET_CAPABILITIES,
    NOTIFY_PRCTL,
    NOTIFY_EXEC,
    NOTIFY_CHROOT,
    /* sockets */
    NOTIFY_BIND,
    NOTIFY_SOCKET_OPTION,
    /* what is served besides */
    NOTIFY_ACCESS,
    NOTIFY_READ_LINK,
    NOTIFY_STATFS,
    NOTIFY_CHDIR,
    NOTIFY_GET_CWD,
    NOTIFY_CHMOD,
    NOTIFY_TIMES,
    NOTIFY_TRUNCATE,
    NOTIFY_HANDLERS
};

/* Calls for ids, as the `value` of their rows: how many ids, and users' or groups'. */
enum notify_id {
    NOTIFY_ID_SET = 1, /* setuid: real, effective and saved as the privilege allows */
    NOTIFY_ID_RE = 2,  /* setreuid */
    NOTIFY_ID_RES = 3, /* setresuid */
    NOTIFY_ID_FS = 4,  /* setfsuid */
    NOTIFY_ID_GROUP = 16,
    NOTIFY_ID_EFFECTIVE = 32, /* of NOTIFY_GET_ID: not the real one */
};

enum notify_follow {
    NOTIFY_FOLLOW,
    NOTIFY_NOFOLLOW,
    NOTIFY_UNLESS_FLAG, /* AT_SYMLINK_NOFOLLOW in the flags */
    NOTIFY_IF_FLAG,     /* AT_SYMLINK_FOLLOW in the flags */
};

/* When a row applies, as far as a filter can see. */
enum notify_test {
    NOTIFY_ALWAYS,
    NOTIFY_IF_ANY,         /* one of the bits of test_value is set in argument test_arg */
    NOTIFY_IF_NONE,        /* none of them is */
    NOTIFY_IF_IS,          /* it equals test_value */
    NOTIFY_IF_IS_AND_NEXT, /* and the argument after it is not 0 */
    NOTIFY_IF_NOT_NULL,    /* it is not 0 */
};

enum notify_action {
    NOTIFY_ASK,     /* the notifier answers */
    NOTIFY_SUCCEED, /* 0, without asking */
    NOTIFY_LACKING, /* ENOSYS, so that the caller knows and falls back */
};

/* Arguments are counted from 0; -1: the call has none of this kind. */
struct notify_row {
    const char *call;
    uint8_t handler;
    int8_t path, dir, flags;
    uint8_t follow;
    int8_t value; /* the first argument that is none of these */
    uint8_t test, test_arg;
    uint32_t test_value;
    uint8_t action;
    uint8_t sets;
};

extern const struct notify_row notify_table[];
extern const size_t notify_table_size;

#endif
