/* What a check may ask of a file and of an image's config, as data. */
#ifndef VERIFY_RULES_H
#define VERIFY_RULES_H

#include "pattern.h"

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum file_type { FILE_ANY, FILE_REGULAR, FILE_DIRECTORY, FILE_SYMLINK };

/* What must hold of a file in the image. */
struct file_rule {
    char *path; /* absolute; a glob where is_glob */
    bool is_glob;
    bool absent;           /* it must not be there */
    enum file_type type;   /* FILE_SYMLINK looks at the link itself, all else at what it leads to */
    char *owner;           /* "name", "name:group", "uid:gid"; NULL: any */
    int mode;              /* permission bits; -1: any */
    bool has_uid, has_gid; /* the numbers below are asked for */
    uint32_t uid, gid;
    mode_t executable; /* one of these permission bits must be set; 0: not asked */
    char *permissions; /* as Go prints them, "-rw-r--r--"; NULL: any */
    struct patterns has, lacks;
};

struct file_rules {
    struct file_rule *items;
    size_t count, cap;
};

/* One thing that must hold of the image's config. */
enum metadata_field {
    METADATA_USER,
    METADATA_WORKDIR,
    METADATA_ENTRYPOINT, /* values: the whole list */
    METADATA_CMD,
    METADATA_ENV,    /* key */
    METADATA_LABEL,  /* key */
    METADATA_PORT,   /* key: "5000/tcp"; with unset "5000" is any protocol */
    METADATA_VOLUME, /* key: a path */
};

struct metadata_rule {
    enum metadata_field field;
    char *key;               /* of a map's entry, else NULL */
    bool unset;              /* it must not be set */
    char *value;             /* exactly this; NULL: not asked */
    struct pattern *pattern; /* must match; NULL: not asked */
    struct strv values;      /* of a list; none: it must be empty, or not set */
};

struct metadata_rules {
    struct metadata_rule *items;
    size_t count, cap;
};

/* Texts that license files must, and must not, be. */
struct license_rule {
    bool debian;       /* every package has a copyright file below /usr/share/doc */
    struct strv files; /* paths */
};

#endif
