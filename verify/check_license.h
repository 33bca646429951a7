/* License checks, as container-structure-test has them: every package of a Debian documents its
 * license, and none of the files names one that is unwanted (AGPL, WTFPL). */
#ifndef VERIFY_CHECK_LICENSE_H
#define VERIFY_CHECK_LICENSE_H

#include "rules.h"

#include <base/str.h>

#include <stdbool.h>

/* True where the rule holds below root_fd; else detail lists what is wrong. */
bool license_rule_holds(int root_fd, const struct license_rule *rule, struct str *detail);

#endif
