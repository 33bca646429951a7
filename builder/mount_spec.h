/* The value of RUN --mount, parsed: Dockerfile reference, "RUN --mount". */
#ifndef BUILDER_MOUNT_SPEC_H
#define BUILDER_MOUNT_SPEC_H

#include "expand.h"

#include <base/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum mount_type { MOUNT_BIND, MOUNT_CACHE, MOUNT_TMPFS, MOUNT_SECRET, MOUNT_SSH };
enum mount_sharing { MOUNT_SHARED, MOUNT_PRIVATE, MOUNT_LOCKED };

/* Texts are owned, and NULL where the key is not given. */
struct mount_spec {
    enum mount_type type;
    char *from, *source, *target, *id, *env;
    bool read_only, required;
    enum mount_sharing sharing;
    int64_t size; /* of a tmpfs, in bytes; 0: any */
    bool has_mode, has_uid, has_gid;
    mode_t mode;
    uint32_t uid, gid;
};

/* Parse "type=cache,target=/x,…". how: expands every value but from's. ERROR_INPUT, without a
 * place: an unknown key or value, or one that this type of mount does not take. *out is released
 * by mount_spec_release. */
int mount_spec_parse(const char *text, const struct expand *how, struct mount_spec *out,
                     struct error *err);
void mount_spec_release(struct mount_spec *spec);
/* "bind", "cache" … */
const char *mount_type_name(enum mount_type type);

#endif
