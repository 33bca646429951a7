/* What ADD fetches: files of web servers, and git repositories, with the secrets for their hosts.
 */
#ifndef BUILDER_ADD_FETCH_H
#define BUILDER_ADD_FETCH_H

#include "build_session.h"
#include "git_reference.h"

/* The name of the file that a URL gives: the last part of its path, or "__unnamed__". The caller
 * frees it. */
char *add_fetch_name(const char *url);
/* Fetch a URL into dir_fd/name, with the mode 0600 and the time that the server says, else 1970.
 * checksum: what it must have, or NULL. Its host's secrets HTTP_AUTH_HEADER_HOST and
 * HTTP_AUTH_TOKEN_HOST are used. */
int add_fetch(struct build_session *s, const char *url, const char *checksum, int dir_fd,
              const char *name, struct error *err);
/* git_source_commit and git_source_fetch, with the secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN (of
 * the host, as GIT_AUTH_TOKEN.HOST, first) and the agent “default”. */
int add_fetch_commit(struct build_session *s, const struct git_reference *git, char **out,
                     struct error *err);
int add_fetch_repository(struct build_session *s, const struct git_reference *git,
                         const char *commit, int dir_fd, const char *name, struct error *err);

#endif
