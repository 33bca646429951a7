/* What an image's history says of its steps ("created_by"), in BuildKit's words: after expansion,
 * and "# buildkit" behind what made a layer of files, which tools look for. */
#ifndef BUILDER_HISTORY_H
#define BUILDER_HISTORY_H

#include "instruction.h"
#include "stage_state.h"

#include <base/str.h>

#include <stdbool.h>

/* Of an instruction that set the config: an expanded one, already carried out. NULL: none, for
 * ONBUILD. words: of ARG ("NAME=VALUE") and EXPOSE ("80/tcp"). The caller frees it. */
char *history_of_config(const struct stage_state *s, const struct instruction *in,
                        const struct strv *words);
/* RUN, with the argv that it runs and the ARGs it sees. */
char *history_of_run(const struct stage_state *s, const struct strv *argv);
/* COPY or ADD, expanded. */
char *history_of_copy(const struct instruction *in);
/* WORKDIR, of the absolute path. */
char *history_of_workdir(const char *path);

#endif
