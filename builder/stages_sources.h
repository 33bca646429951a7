/* What an instruction takes from other stages or images: --from of COPY, from= of RUN --mount. */
#ifndef BUILDER_STAGES_SOURCES_H
#define BUILDER_STAGES_SOURCES_H

#include "dockerfile.h"

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

struct stage_source {
    char *name;         /* as written */
    struct position at; /* of its flag */
    bool mount;         /* of a RUN --mount */
};

/* All of them, of the instruction or (where it is one) of what its ONBUILD holds not: those belong
 * to another build. *out: to be freed by stage_sources_free, with the count returned. */
size_t stage_sources(const struct instruction *in, struct stage_source **out);
void stage_sources_free(struct stage_source *sources, size_t count);

/* ERROR_INPUT, with its place, for a variable in the name: it is looked at before any has a value.
 */
int stage_source_check(const struct stage_source *source, const struct dockerfile *file,
                       struct error *err);

#endif
