/* What --push does: the image of a build to its repositories, verified first where that is asked
 * for; and in a pull request from a fork, whose token can only read, to an archive. */
#ifndef BUILDER_BUILD_PUSH_H
#define BUILDER_BUILD_PUSH_H

#include "build_job.h"

/* Add a name's repository, in full and without a tag, unless it is there. */
void build_add_repository(const char *name, struct strv *out);
/* The repositories that are pushed to, each once, in full and without a tag; the caller releases
 * them. */
void build_push_repositories(const struct build_job *job, struct strv *out);
/* Push job->summary.image under the plan's names and -t's, tags last; with --verify it is pushed by
 * digest, its checks are run, and only then are the tags placed. Adds to job->summary.push and sets
 * job->summary.pushed. base: see struct delivery. */
int build_push(struct build_job *job, const char *base, struct error *err);

#endif
