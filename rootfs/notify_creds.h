/* The credentials that a step believes to have: the kernel's rules for them (credentials(7),
 * capabilities(7)) as functions without side effects, and a table in which a process finds its own
 * by a number. The number is the process's soft limit RLIMIT_LOCKS, which the kernel has not
 * enforced since Linux 2.4, copies on fork, keeps over exec and drops with the process: so nobody
 * need follow forks, and a process id used again is another process's. No limit means root. */
#ifndef ROOTFS_NOTIFY_CREDS_H
#define ROOTFS_NOTIFY_CREDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CREDS_GROUPS_MAX = 64, CREDS_TABLE_MAX = 16384 };

/* One kind of ids. */
struct creds_ids {
    uint32_t real, effective, saved, files;
};

struct creds {
    struct creds_ids users, groups;
    uint64_t permitted, effective, inheritable; /* capabilities */
    uint32_t keep; /* they outlive the change to other users: PR_SET_KEEPCAPS */
    uint32_t count;
    uint32_t list[CREDS_GROUPS_MAX]; /* supplementary groups */
};

/* Those of root with these capabilities. */
void creds_init(struct creds *creds, uint64_t capabilities);

/* Each gives 0 or an errno, and changes nothing then. `id` is an id, or UINT32_MAX: as it was. */

/* setuid and setgid; setreuid and setregid; setresuid and setresgid. */
int creds_set_id(struct creds *creds, bool group, uint32_t id);
int creds_set_re(struct creds *creds, bool group, uint32_t real, uint32_t effective);
int creds_set_res(struct creds *creds, bool group, uint32_t real, uint32_t effective,
                  uint32_t saved);
/* setfsuid and setfsgid: never fails; the one before. */
uint32_t creds_set_fs(struct creds *creds, bool group, uint32_t id);
int creds_set_groups(struct creds *creds, const uint32_t *list, size_t count);
int creds_set_capabilities(struct creds *creds, uint64_t effective, uint64_t permitted,
                           uint64_t inheritable);
/* execve of a file with this mode and owner; all: the capabilities that root gets. */
void creds_exec(struct creds *creds, mode_t mode, uint32_t uid, uint32_t gid, uint64_t all);

bool creds_capable(const struct creds *creds, unsigned capability);
bool creds_in_group(const struct creds *creds, uint32_t gid);
/* chown(2) of a file that belongs to uid:gid: 0 or EPERM. */
int creds_may_chown(const struct creds *creds, uint32_t uid, uint32_t gid, uint32_t new_uid,
                    uint32_t new_gid);
/* True for what a process has that never changed its ids: new files are root's. */
bool creds_make_roots_files(const struct creds *creds);

struct creds_table;
/* root: what a process has whose limit says nothing. */
struct creds_table *creds_table_new(const struct creds *root);
void creds_table_free(struct creds_table *table);
/* The number that stands for these from now on; 0: root's, whose limit is infinite; -1: the table
 * is full. */
int creds_table_number(struct creds_table *table, const struct creds *creds);
/* What a number stands for; root's where it stands for nothing. */
const struct creds *creds_table_at(const struct creds_table *table, uint64_t number);
/* The highest number that can be given. */
uint64_t creds_table_highest(void);

#endif
