#include "command.h"
#include "options.h"
#include "session.h"

#include <base/interrupt.h>
#include <base/log.h>
#include <base/mem.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_SECONDS = 60 };

static const char MAN_SECTIONS[] =
    ".SH FILES\n"
    ".TP\n.I images/NAME/image.yaml\nAn image definition: whose repository it is, and which checks "
    "belong to it.\n"
    ".TP\n.I images/NAME/checks.yaml\nChecks; docs/checks.md describes the format.\n"
    ".TP\n.I /var/lib/imgbuild\nThe store, for root; others have "
    ".IR $XDG_DATA_HOME/imgbuild .\n"
    ".TP\n.I ~/.docker/config.json\nCredentials, as Docker keeps them; "
    "containers' auth.json is read too.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B IMGBUILD_IMAGES\nFolders of image definitions, separated by colons.\n"
    ".TP\n.B IMGBUILD_ROOT\nThe store, where --root does not name one.\n"
    ".TP\n.B GITHUB_TOKEN, GITHUB_ACTOR\nCredentials for ghcr.io where no file has any.\n"
    ".TP\n.B SSL_CERT_FILE\nThe CA bundle that checks with a network see with --ca-certs.\n"
    ".TP\n.B NO_COLOR\nNo colours.\n"
    ".SH EXIT STATUS\n"
    "0 all checks passed, or were skipped with a reason; 1 a check failed; 2 usage; 3 bad input, "
    "or no check at all; 4 network or registry; 5 credentials; 6 integrity; 7 the host lacks "
    "something, or not one check could run; 70 a fault of ours; 130 interrupted.\n"
    ".SH SEE ALSO\n.BR imgbuild (1)\n";

static int run(struct session *s, const struct option_values *values, const struct strv *references,
               struct error *err)
{
    if (options_check(values, err))
        return -1;
    if (!references->count && !(values->list && values->config.count)) {
        error_set(err, ERROR_USAGE, "no image is named");
        return error_hint(err, "usage: imgverify [OPTIONS] REF…");
    }
    if (session_plan(s, values, references, err))
        return -1;
    if (values->list && session_asks_images(s) && session_verify(s, err))
        return -1;
    if (values->list) {
        session_list(s);
        return 0;
    }
    if (session_verify(s, err) || session_report(s, err))
        return -1;
    return session_outcome(s, err);
}

static int cmd_verify(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    const char *bundle = getenv("SSL_CERT_FILE");
    struct option_values values = {.timeout = TIMEOUT_SECONDS, .ca_certs = bundle && *bundle};
    struct session session = {0};
    autostrv references = STRV_INIT;
    int failed = cli_parse(self, argc, argv, &values, &references, err);
    if (!failed && values.quiet)
        log_set_level(LOG_WARNING);
    failed = failed || run(&session, &values, &references, err);
    session_release(&session);
    cli_release(self, &values);
    return failed ? -1 : 0;
}

static const struct cli_command command_verify = {
    .program = "imgverify",
    .operands = "REF…",
    .summary = "verify container images by running checks in them",
    .description =
        "Fetches each image, unpacks it once, and runs every check by itself: in a sandbox of its "
        "own over the same unpacked layers, several at a time, as the image's user, with the "
        "image's environment, and without a network unless it asks for one.\n\n"
        "REF names an image in a registry by tag or digest, or a file: oci:DIR[:TAG], "
        "oci-archive:FILE, docker-archive:FILE, or just an existing one; dir:PATH is an unpacked "
        "root. "
        "Where one of several can't be had, the others have their report all the same.\n\n"
        "Without --config the checks are those of the image definition whose repository the "
        "reference has, else those that are attached to the image in its registry (imgbuild "
        "attach, --attach-checks); --dev and --prod say which variant it is, else its tag does. "
        "Files of "
        "container-structure-test are taken as they are. With --auto the image itself is asked: "
        "its "
        "files, and what its Python packages declare. With --static nothing is run or unpacked.\n\n"
        "A check that needs what this host cannot give is skipped, with the reason; a traceback "
        "never passes.",
    .examples =
        "imgverify ghcr.io/owner/lablink-allocator-image:linux-amd64-test\tcheck what was pushed\n"
        "imgverify --config checks.yaml oci-archive:image.tar\tcheck an archive by a file of "
        "checks\n"
        "imgverify --only 'import *' --output json REF\trun some checks and report as JSON\n"
        "imgverify --auto --venv /app/.venv REF\tcheck by what the image declares, without a file\n"
        "imgverify --static --platform linux/arm64 REF\tlook for what is broken, on any machine\n"
        "imgverify --list --dev REF\tlist what would be checked",
    .options = option_table,
    .operands_max = SIZE_MAX,
    .run = cmd_verify,
};

enum { COMMANDS = 3 };

/* The command that argv names, and its own argv; without one the main job's. */
static const struct cli_command *find(const struct cli_command *const commands[COMMANDS], int *argc,
                                      char ***argv)
{
    for (size_t i = 1; *argc > 1 && i < COMMANDS; i++) {
        if (strcmp((*argv)[1], commands[i]->name) != 0)
            continue;
        (*argc)--;
        (*argv)++;
        return commands[i];
    }
    return commands[0];
}

/* What is asked of the program itself: 1 answered, 0 nothing of the kind, -1 failed. */
static int about(const struct cli_command *const commands[COMMANDS], int argc, char **argv,
                 struct error *err)
{
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("imgverify %s\n", IMGBUILD_VERSION);
        return 1;
    }
    if (argc == 2 && !strcmp(argv[1], "--man")) {
        cli_print_man(commands, COMMANDS, IMGBUILD_VERSION, MAN_SECTIONS, stdout);
        return 1;
    }
    if (argc == 3 && !strcmp(argv[1], "--completion"))
        return cli_print_completion(argv[2], commands, COMMANDS, stdout, err) ? -1 : 1;
    return 0;
}

static int dispatch(int argc, char **argv, struct error *err)
{
    struct cli_command verify = command_verify;
    const struct cli_command *const commands[COMMANDS] = {&verify, &command_diff, &command_doctor};
    verify.option_count = option_table_count;
    int answered = about(commands, argc, argv, err);
    if (answered)
        return answered < 0 ? -1 : 0;
    const struct cli_command *command = find(commands, &argc, &argv);
    if (cli_wants_help(argc, argv)) {
        cli_print_help(command, commands, COMMANDS, stdout);
        return 0;
    }
    interrupt_install();
    return command->run(command, argc, argv, err);
}

int main(int argc, char **argv)
{
    autoerror err = ERROR_INIT;
    if (!dispatch(argc, argv, &err) && !fflush(stdout))
        return 0;
    if (err.kind == ERROR_NONE)
        error_errno(&err, ERROR_HOST, "write to standard output");
    error_print(&err, stderr, isatty(STDERR_FILENO) && !getenv("NO_COLOR"));
    return error_exit_code(&err);
}
