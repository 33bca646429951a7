/* Which static check, and what it is to overlook, as data. */
#ifndef VERIFY_STATIC_RULE_H
#define VERIFY_STATIC_RULE_H

#include <base/str.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum static_kind {
    STATIC_PROGRAM,      /* what the image starts is there and can be executed */
    STATIC_USER,         /* its user is known */
    STATIC_SHEBANGS,     /* interpreters of scripts on PATH */
    STATIC_MACHINE,      /* programs and libraries are for the image's architecture */
    STATIC_LIBRARIES,    /* libraries that they need */
    STATIC_VERSIONS,     /* versions of symbols that they need */
    STATIC_WRITABLE,     /* files that anybody can write */
    STATIC_SETUID,       /* programs with rights of their own */
    STATIC_SECRETS,      /* keys, tokens, credentials, also in hidden files */
    STATIC_WASTED,       /* files that later layers rewrite or delete */
    STATIC_TAGS,         /* what the tag says of components */
    STATIC_CUDA,         /* NVIDIA_REQUIRE_CUDA */
    STATIC_VENV,         /* from here on of one virtual environment: its Python */
    STATIC_RECORDS,      /* files are as RECORD has them */
    STATIC_REQUIREMENTS, /* what packages require is installed */
    STATIC_SCRIPTS,      /* console scripts and their interpreters */
    STATIC_ENTRY_POINTS, /* the modules that they lead to */
    STATIC_EDITABLE,     /* sources of editable installs */
    STATIC_DEV,          /* dev dependencies: there in dev, absent in prod */
    STATIC_KINDS,
};

struct static_rule {
    enum static_kind kind;
    char *venv;        /* of those about one; NULL: none */
    struct strv allow; /* globs of paths (or names) that are fine */
    int64_t limit;     /* of STATIC_WASTED, in bytes; 0: the default */
};

/* "shebangs", "symbol-versions"… as a checks file has it. */
const char *static_kind_name(enum static_kind kind);
/* What must hold, for people: "interpreters of scripts are there". */
const char *static_kind_meaning(enum static_kind kind);
/* False where there is none of that name. */
bool static_kind_find(const char *name, enum static_kind *out);
/* True for the checks of one virtual environment. */
bool static_kind_is_python(enum static_kind kind);
/* True where a glob of the rule matches. */
bool static_rule_allows(const struct static_rule *rule, const char *path);
void static_rule_release(struct static_rule *rule);

#endif
