/* imgbuild's commands: each is a table in a file of its own. */
#ifndef BUILDER_COMMAND_H
#define BUILDER_COMMAND_H

#include <base/cli.h>

extern const struct cli_command command_build;
extern const struct cli_command command_bake;
extern const struct cli_command command_push;
extern const struct cli_command command_pull;
extern const struct cli_command command_copy;
extern const struct cli_command command_doctor;
extern const struct cli_command command_index;
extern const struct cli_command command_inspect;
extern const struct cli_command command_tags;
extern const struct cli_command command_delete;
extern const struct cli_command command_attach;
extern const struct cli_command command_login;
extern const struct cli_command command_logout;
extern const struct cli_command command_bootstrap;
extern const struct cli_command command_prune;

#endif
