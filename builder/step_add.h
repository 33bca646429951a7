/* What ADD does beyond COPY: downloads. */
#ifndef BUILDER_STEP_ADD_H
#define BUILDER_STEP_ADD_H

#include "build_session.h"
#include "copy_list.h"

/* ADD: URLs are downloaded (mode 0600, Last-Modified as time), local files copied. */
int step_add(struct step *step, struct error *err);
/* ERROR_INPUT for a source that Docker would unpack: that is not supported yet. */
int step_add_refuse_archives(const struct step *step, const struct copy_list *list,
                             const struct copy_tree *tree, struct error *err);

#endif
