/* Programs that are run beside ours (git, ssh-agent): never through a shell, with nothing on their
 * standard input and none of our descriptors. */
#ifndef BUILDER_PROGRAM_H
#define BUILDER_PROGRAM_H

#include <base/error.h>
#include <base/str.h>

#include <sys/types.h>

struct program {
    struct strv *argv;      /* the first is looked up in our PATH */
    const struct strv *env; /* the whole environment; NULL: ours */
    const char *package;    /* to be installed where it isn't there, for the hint */
};

/* Run to the end; what it prints on standard output is put into *output (NULL: dropped; at most
 * cap bytes). Fails with the last lines of its standard error where it can't be run, exits with
 * another code than 0 or is ended by a signal (ERROR_STEP), or prints more; ends it where we are
 * interrupted. */
int program_run(const struct program *program, struct str *output, size_t cap, struct error *err);

/* Start one that serves until program_stop; *pid gets its process. */
int program_start(const struct program *program, pid_t *pid, struct error *err);
/* End it, and wait for that. 0 is fine. */
void program_stop(pid_t pid);

#endif
