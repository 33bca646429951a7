/* A git repository as Dockerfiles and build contexts name it: URL.git#REF:SUBDIR, URL.git?query,
 * git@host:path, and the query keys ref tag branch subdir checksum commit keep-git-dir submodules
 * mtime fetch-by-commit. */
#ifndef BUILDER_GIT_REFERENCE_H
#define BUILDER_GIT_REFERENCE_H

#include <base/error.h>

#include <stdbool.h>

enum git_keep { GIT_KEEP_UNSAID, GIT_KEEP_NO, GIT_KEEP_YES };

/* Texts are owned; NULL where not given. */
struct git_reference {
    char *remote;   /* what git is given: no fragment and no query */
    char *ref;      /* branch, tag, refs/… or commit */
    char *subdir;   /* clean, without leading slash */
    char *checksum; /* the commit, or its beginning */
    enum git_keep keep;
    bool no_submodules;
    bool commit_times; /* files get the time of their commit */
    bool by_commit;    /* fetch the checksum's commit itself */
};

/* 1 and *out: the text names a repository; 0: it does not (a file, another URL); -1 ERROR_INPUT: it
 * would, but its query is wrong. context: "github.com/owner/name" is one too. */
int git_reference_parse(const char *text, bool context, struct git_reference *out,
                        struct error *err);
void git_reference_release(struct git_reference *ref);
/* Is it a commit's whole hash? */
bool git_is_commit(const char *text);

#endif
