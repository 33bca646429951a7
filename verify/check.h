/* A check as data: what to do and what must then hold. Where it came from (a checks file, a python
 * group, later other formats) makes no difference; its kind says who evaluates it. */
#ifndef VERIFY_CHECK_H
#define VERIFY_CHECK_H

#include "pattern.h"
#include "rules.h"
#include "static_rule.h"

#include <base/json.h>
#include <base/str.h>
#include <rootfs/limits.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum check_kind {
    CHECK_COMMAND,  /* run to its end, then judge exit code and output */
    CHECK_START,    /* a started program: stopped some time after its first output */
    CHECK_FILE,     /* look at a file, or at all that match a glob */
    CHECK_METADATA, /* look at the image's config */
    CHECK_LICENSE,  /* look at license files */
    CHECK_STATIC,   /* look at all files: static_check.h */
};

enum check_network {
    CHECK_NETWORK_DEFAULT,
    CHECK_NETWORK_NONE,
    CHECK_NETWORK_HOST,
    CHECK_NETWORK_ANY, /* the host's where it has one, else none */
};

/* What to run: an argument vector, or one text for a shell. */
struct check_program {
    struct strv argv; /* shell: a single item */
    bool shell;
};

struct check_programs {
    struct check_program *items;
    size_t count, cap;
};

/* A file or directory of the host, shown read-only. */
struct check_mount {
    char *source; /* a path on the host */
    char *target; /* absolute, in the image */
};

/* How a program is run and what it must do. */
struct check_run_rule {
    struct check_program program;
    struct check_programs setup, teardown; /* in the same files, one after the other */
    char *user;                            /* NULL: the image's */
    char *workdir;                         /* NULL: the image's */
    char *venv;                            /* activated first; NULL: none */
    struct strv env;                       /* "NAME=VALUE" */
    struct strv expanded_env;              /* the same, set after it; $NAME in values is replaced */
    bool privileged;       /* all capabilities, no filter of system calls, nothing masked */
    uint64_t capabilities; /* bits, beside the usual ones */
    bool gpus;             /* it needs the host's GPUs */
    bool tty;              /* standard output and error are a terminal */
    bool tracebacks;       /* may be printed */
    enum check_network network;
    struct limits limits; /* of memory and pids; 0: the run's default */
    unsigned timeout_ms;  /* of a start: that it may stay silent; 0: the run's default */
    struct check_mount *mounts;
    size_t mount_count, mount_cap;
    int exit_code;                /* of a command */
    unsigned stop_after_ms;       /* of a start */
    struct patterns allow_errors; /* of a start: an error that one of these matches is fine */
    struct patterns stdout_has, stdout_lacks;
    struct patterns stderr_has, stderr_lacks;
    struct patterns output_has, output_lacks; /* both streams as they came */
    struct file_rules writes;                 /* files it must write, and what they must hold */
};

struct check {
    char *name;
    enum check_kind kind;
    char *file; /* of the checks file */
    unsigned line;
    struct check_run_rule run;      /* COMMAND, START */
    struct file_rule look;          /* FILE */
    struct metadata_rules metadata; /* METADATA */
    struct license_rule license;    /* LICENSE */
    struct static_rule fixed;       /* STATIC */
};

struct checks {
    struct check *items;
    size_t count, cap;
};

/* "command", "start", "file", "metadata", "license", "static". */
const char *check_kind_name(enum check_kind kind);
/* A fresh check at the end of the list; the pointer holds until the next one is added. */
struct check *checks_add(struct checks *checks, enum check_kind kind, const char *name,
                         const char *file, unsigned line);
/* The check of that name, NULL where there is none. */
const struct check *checks_find(const struct checks *checks, const char *name);
/* Keep those whose name matches one of only (where it has any) and none of skip: shell globs.
 * Returns how many were left out. */
size_t checks_select(struct checks *checks, const struct strv *only, const struct strv *skip);
void check_program_release(struct check_program *program);
void file_rule_release(struct file_rule *rule);
void check_release(struct check *check);
void checks_release(struct checks *checks);
#define autochecks __attribute__((cleanup(checks_release))) struct checks

#endif
