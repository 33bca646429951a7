/* imgbuild tags: under which tags an image would be pushed. */
#ifndef BUILDER_CMD_TAGS_H
#define BUILDER_CMD_TAGS_H

#include <base/cli.h>

extern const struct cli_command cmd_tags;

#endif
