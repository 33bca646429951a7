/* What kind of image a tar file is. Private. */
#ifndef REGISTRY_ARCHIVE_KIND_H
#define REGISTRY_ARCHIVE_KIND_H

#include "reference.h"

/* REFERENCE_OCI_ARCHIVE where it has an oci-layout, else REFERENCE_DOCKER_ARCHIVE where it has a
 * manifest.json. ERROR_INPUT where it is neither. */
int archive_kind(const char *path, enum reference_transport *out, struct error *err);

#endif
