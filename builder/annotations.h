/* --annotation: which of the manifests and descriptors each one belongs to, as docker buildx has
 * it. */
#ifndef BUILDER_ANNOTATIONS_H
#define BUILDER_ANNOTATIONS_H

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>
#include <registry/platform.h>

enum annotation_place {
    ANNOTATION_MANIFEST,   /* of a platform's manifest */
    ANNOTATION_INDEX,      /* of the index over several */
    ANNOTATION_DESCRIPTOR, /* of a manifest's entry in that index */
    ANNOTATION_PLACES
};

/* Check "NAME=VALUE" and "PLACE[,PLACE…]:NAME=VALUE", where PLACE is index, manifest or
 * manifest-descriptor, the last two also with "[PLATFORM]". several: there will be an index.
 * ERROR_USAGE. */
int annotations_check(const struct strv *annotations, bool several, struct error *err);
/* Those that belong there, as an object, NULL where there are none; the caller has the reference.
 * Without a PLACE they belong to the manifests and to the index, which is the one that registries
 * show. platform NULL: of the index. */
json_t *annotations_for(const struct strv *annotations, enum annotation_place place,
                        const struct platform *platform);

#endif
