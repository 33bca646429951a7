/* Limits of memory, processors and processes, for all that a step or check starts, by cgroup v2.
 * Kernel documentation: admin-guide/cgroup-v2.rst.
 *
 * A process can limit others where a cgroup is its own to divide: as root on most hosts, else
 * where one was delegated to it. Where none is, a note says so and nothing is limited. */
#ifndef ROOTFS_LIMITS_H
#define ROOTFS_LIMITS_H

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limits {
    int64_t memory; /* bytes, swap not counted, of which there is none; 0: any */
    int64_t cpus;   /* thousandths of a processor; 0: any */
    int64_t pids;   /* processes and threads; 0: any */
};
/* The options' texts, each of which may be NULL: "512m", "1.5", "100". ERROR_USAGE. */
int limits_parse(const char *memory, const char *cpus, const char *pids, struct limits *out,
                 struct error *err);
bool limits_are_set(const struct limits *limits);

/* A cgroup of this process's own, below which each run gets one. */
struct limiter;

/* Make one for limits of these kinds. NULL where nothing can be limited. *note: which kinds can't
 * be and why, with what would change it; NULL: all can. The caller frees both; several threads may
 * use a limiter. */
struct limiter *limiter_new(const struct limits *kinds, char **note);
void limiter_free(struct limiter *limiter);

/* The cgroup of one run. */
struct limit_group {
    int dir_fd, join_fd; /* who writes "0" into the latter is in it */
    struct limiter *limiter;
    char *name;
};
#define LIMIT_GROUP_NONE ((struct limit_group){.dir_fd = -1, .join_fd = -1})
/* ERROR_HOST where the kernel refuses a value. Limits that the limiter can't set are left out. */
int limit_group_open(struct limiter *limiter, const struct limits *limits, struct limit_group *out,
                     struct error *err);
/* Whether a process in it was killed for want of memory, or could not be made. */
void limit_group_events(const struct limit_group *group, bool *memory, bool *pids);
/* When all in it are gone. */
void limit_group_release(struct limit_group *group);

#endif
