/* Looking for programs in a layer without unpacking it. */
#ifndef ROOTFS_LAYER_PROGRAMS_H
#define ROOTFS_LAYER_PROGRAMS_H

#include "arch.h"

#include <base/error.h>
#include <base/stream.h>

#include <stdbool.h>

/* Told of each program and shared library (an ELF file for an architecture that is known here), in
 * the order of the tar; false: enough was seen. */
typedef bool (*layer_program_seen)(void *context, const char *path, const struct arch *arch);

/* Read blob (compressed as it comes) until enough was seen, or to its end. *enough says which.
 * ERROR_INPUT and ERROR_INTEGRITY where it is no layer. */
int layer_programs(struct source *blob, layer_program_seen seen, void *context, bool *enough,
                   struct error *err);

#endif
