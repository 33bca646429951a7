/* doctor: what this host allows. */
#include "command.h"

#include <base/mem.h>
#include <base/str.h>
#include <rootfs/doctor.h>

#include <stddef.h>
#include <stdio.h>

struct doctor_values {
    char *root;
    bool json;
};
#define AT(member) offsetof(struct doctor_values, member)

static int run(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct doctor_values values = {.root = NULL};
    autostrv operands = STRV_INIT;
    autojson *found = NULL;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = doctor_examine(values.root, &found, err);
    if (!code) {
        autostr report = STR_INIT;
        doctor_text(found, &report);
        autofree char *json = json_pretty(found);
        fputs(values.json ? json : str_text(&report), stdout);
    }
    if (!code && !doctor_can_run(found))
        code = error_set(err, ERROR_HOST, "no step can run on this host");
    cli_release(self, &values);
    return code;
}

static const struct cli_option options[] = {
    {"root", 0, CLI_STRING, AT(root), "DIR", NULL, "Look at this place for the store"},
    {"json", 0, CLI_SWITCH, AT(json), NULL, NULL, "Print what was found as JSON"}};

const struct cli_command command_doctor = {
    .program = "imgbuild",
    .name = "doctor",
    .operands = "",
    .summary = "Say what this host allows, why not the rest, and what would change it",
    .description =
        "Tries each mode of isolation, the store's place, the emulation of other architectures and "
        "limits, and names the command or setting that would change what is not allowed. Nothing "
        "remains of it. Exits with 7 where no mode lets steps run.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run};
