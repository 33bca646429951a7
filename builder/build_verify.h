/* Build, verify, then promote: an image gets its tags only once its checks have passed. */
#ifndef BUILDER_BUILD_VERIFY_H
#define BUILDER_BUILD_VERIFY_H

#include "build_job.h"

/* Run imgverify, the program beside this one or in PATH, on what was pushed to each repository by
 * digest, with the definition's checks, or those derived from the image (--auto) where there are
 * none. It is a program of its own because builder and verifier know nothing of each other. Its
 * report goes to standard error. ERROR_STEP where a check fails; the kind of imgverify's exit code
 * otherwise. */
int build_verify(const struct build_job *job, const struct strv *repositories, struct error *err);

#endif
