/* Two image configs, compared setting by setting. */
#ifndef VERIFY_DIFF_CONFIG_H
#define VERIFY_DIFF_CONFIG_H

#include "diff.h"

#include <base/json.h>

/* Settings are named "Env PATH", "Labels version", "ExposedPorts 80/tcp", "Cmd", "architecture". */
void diff_configs(const json_t *before, const json_t *after, struct diff_list *out);

#endif
