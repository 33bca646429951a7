/* What `docker save` writes, as source of images: manifest.json, a config and layer tars, under
 * whatever names (blobs/sha256/HEX since Docker 25, HEX/layer.tar and HEX.json before). Private. */
#ifndef REGISTRY_DOCKER_ARCHIVE_H
#define REGISTRY_DOCKER_ARCHIVE_H

#include "tar_file.h"
#include "transport.h"

/* Owns tar, also where it fails. ERROR_MISSING lists the names there are. */
int docker_source_new(struct tar_file *tar, const struct reference *ref,
                      const struct transport_options *options, struct image_source **out,
                      struct error *err);

#endif
