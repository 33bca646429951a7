/* Flags of docker buildx that mean nothing here, or nothing yet: refused with the reason. */
#ifndef BUILDER_REFUSED_FLAGS_H
#define BUILDER_REFUSED_FLAGS_H

#include <base/error.h>

/* ERROR_USAGE, naming it, where argv holds such a flag. */
int refused_flags_check(int argc, char **argv, struct error *err);

#endif
