/* Git repositories as sources of files: the git program fetches one commit and checks it out.
 *
 * Nothing that a Dockerfile says can become an option of git's: addresses and names stand behind
 * "--" or are refused. The host's git configuration is not read, no hook runs, and what
 * authenticates travels in the environment, never on a command line. */
#ifndef BUILDER_GIT_SOURCE_H
#define BUILDER_GIT_SOURCE_H

#include "git_reference.h"

#include <base/error.h>

#include <stdbool.h>

struct git_source_options {
    bool keep_git_dir;      /* leave .git, where the whole repository is wanted */
    const char *header;     /* of the secret GIT_AUTH_HEADER: the value of Authorization; or NULL */
    const char *token;      /* of the secret GIT_AUTH_TOKEN; or NULL */
    const char *ssh_socket; /* an agent's, for ssh; NULL: none */
};

/* The commit that the reference means now (its annotated tag's where that is what has the
 * checksum), without fetching it. *out: the caller frees. ERROR_NETWORK, ERROR_MISSING: no such
 * ref, ERROR_INTEGRITY: it is another commit than the checksum says, ERROR_HOST: no git. */
int git_source_commit(const struct git_reference *ref, const struct git_source_options *options,
                      char **out, struct error *err);
/* Check the commit of git_source_commit out into dir_fd/name (made here; the caller removes it
 * whatever comes): what is in the reference's subdir, submodules included. Files have the modes
 * 0644 and 0755, directories 0755, and the time of now or of the commit. Also ERROR_INPUT: no such
 * subdir, or a symlink in it. */
int git_source_fetch(const struct git_reference *ref, const struct git_source_options *options,
                     const char *commit, int dir_fd, const char *name, struct error *err);

#endif
