/* Checks of files: looked at in the image's root, nothing is run. */
#ifndef VERIFY_CHECK_FILE_H
#define VERIFY_CHECK_FILE_H

#include "check.h"

#include <base/str.h>
#include <rootfs/owner.h>

#include <stdbool.h>
#include <sys/stat.h>

/* True where the rule holds below root_fd; detail then may say what was found, else what is wrong.
 * owners: see rootfs/owner.h. Paths are resolved as the image's processes would, and never leave
 * the root. */
bool file_rule_holds(int root_fd, struct owners *owners, const struct file_rule *rule,
                     struct str *detail);

/* The part of it that a file's type, mode and owner's numbers decide; path is for the reason. */
bool file_rule_fits(const struct file_rule *rule, const char *path, const struct stat *st,
                    struct str *why);

#endif
