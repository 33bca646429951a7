/* The packages of an image, from the records that their managers leave: dpkg's status, apk's
 * database, and Python's .dist-info directories. */
#ifndef VERIFY_PACKAGES_H
#define VERIFY_PACKAGES_H

#include "inventory.h"

/* Adds to inventory->packages, from its files and what root_fd shows of them, and sorts them. A
 * record that is not there, or is none, adds nothing. */
void packages_find(int root_fd, struct inventory *inventory);

#endif
