/* A shell where a step failed, on the user's terminal. */
#ifndef BUILDER_DEBUG_SHELL_H
#define BUILDER_DEBUG_SHELL_H

#include <base/error.h>
#include <rootfs/sandbox.h>

/* Run `shell` as spec runs the step (root, environment, user, mounts), with a terminal of its own
 * that standard input and standard error, which are one, are joined to until it ends. spec's argv,
 * output and limits are not used. ERROR_HOST; as sandbox_run. */
int debug_shell_run(const struct sandbox_spec *spec, const char *shell, struct error *err);

#endif
