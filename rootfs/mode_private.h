/* What mode.c (names, entering) and mode_probe.c (trying) share. */
#ifndef ROOTFS_MODE_PRIVATE_H
#define ROOTFS_MODE_PRIVATE_H

#include "mode.h"

/* mode_probe, and the user namespace that is to be entered (-1: none). */
void mode_try(enum mode_name name, struct mode_finding *out, int *fd);

#endif
