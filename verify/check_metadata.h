/* Checks of the image's config (OCI image-spec, config.md, "config"). */
#ifndef VERIFY_CHECK_METADATA_H
#define VERIFY_CHECK_METADATA_H

#include "check.h"

#include <base/json.h>
#include <base/str.h>

#include <stdbool.h>

/* True where all rules hold of an image config; else detail lists each that doesn't. */
bool metadata_rules_hold(const json_t *config, const struct metadata_rules *rules,
                         struct str *detail);

#endif
