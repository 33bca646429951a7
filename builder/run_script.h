/* What a RUN with heredocs runs, as BuildKit reads it: one that is nothing but a heredoc runs its
 * lines with the shell, or, where they begin with #!, as a program; in any other the shell reads
 * the command line with its heredocs itself. */
#ifndef BUILDER_RUN_SCRIPT_H
#define BUILDER_RUN_SCRIPT_H

#include "instruction.h"

/* Where a document that is a program is shown. */
#define RUN_SCRIPT_FOLDER "/dev/pipes"

/* Put into in (a RUN; another stays as it is) the command line that its heredocs come to. Returns
 * the heredoc that is to be shown, executable, under its name in RUN_SCRIPT_FOLDER, or NULL: owned
 * by in. */
const struct heredoc *run_script_resolve(struct instruction *in);

#endif
