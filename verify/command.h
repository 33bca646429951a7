/* imgverify's commands beside its main job: each is a table in a file of its own. */
#ifndef VERIFY_COMMAND_H
#define VERIFY_COMMAND_H

#include <base/cli.h>

extern const struct cli_command command_diff;
extern const struct cli_command command_doctor;

#endif
