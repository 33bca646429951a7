/* An image handed to a container engine on this host: --load. */
#ifndef BUILDER_DOCKER_LOAD_H
#define BUILDER_DOCKER_LOAD_H

#include <base/error.h>

/* Give the archive (an open file, at its start; it stays the caller's) to `docker load`, or where
 * there is no docker to `podman load`. ERROR_HOST where there is neither, or it fails. */
int docker_load(int archive_fd, struct error *err);

#endif
