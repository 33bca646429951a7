/* Where a built image goes beside the store: --output and --push. */
#ifndef BUILDER_OUTPUT_H
#define BUILDER_OUTPUT_H

#include "built_image.h"
#include "cmd_common.h"

#include <base/error.h>
#include <base/str.h>
#include <registry/push.h>

#include <stdbool.h>
#include <stddef.h>

enum output_kind { OUTPUT_OCI, OUTPUT_DOCKER, OUTPUT_REGISTRY };

struct output {
    enum output_kind kind;
    char *dest;     /* of OCI and DOCKER: a file, or (tar=false) a directory */
    bool directory; /* an OCI layout instead of an archive */
    char *name;     /* name=REF: the image's name in the output, or what to push; NULL: the tags */
};

/* "type=oci,dest=FILE[,tar=false][,name=REF]", "type=docker,dest=FILE", "type=registry[,name=REF]".
 * ERROR_USAGE for anything else; what Docker knows beyond it is "not supported yet". */
int output_parse(const char *text, struct output *out, struct error *err);
void output_release(struct output *out);

/* ERROR_USAGE where the output can't hold as many platforms. */
int output_check(const struct output *output, size_t platforms, struct error *err);
/* Write the image from the store. */
int output_write(const struct output *output, const struct common *common,
                 const struct built_image *image, struct error *err);

/* Push to one repository under these tags (none: by digest alone). base (may be NULL): the
 * reference whose repository may hold the base's layers. */
int output_push(const struct common *common, const struct digest *digest, const char *repository,
                const struct strv *tags, const char *base, struct push_result *result,
                struct error *err);
/* Push under its full names ("HOST/NAME:TAG"), all tags of one repository at one upload, those of
 * single platforms before those of the index; what it did is added to *total. */
int output_push_image(const struct common *common, const struct built_image *image,
                      const char *base, struct push_result *total, struct error *err);

#endif
