#include "command.h"

#include <base/error.h>
#include <base/interrupt.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cli_command *const commands[] = {
    &command_build, &command_bake,    &command_push,      &command_pull,   &command_copy,
    &command_index, &command_inspect, &command_tags,      &command_delete, &command_attach,
    &command_login, &command_logout,  &command_bootstrap, &command_prune,  &command_doctor};
enum { COMMANDS = COUNT_OF(commands) };

static const char MAN_SECTIONS[] =
    ".SH FILES\n"
    ".TP\n.I images/NAME/image.yaml\nAn image definition.\n"
    ".TP\n.I /var/lib/imgbuild\nThe store, for root; others have "
    ".IR $XDG_DATA_HOME/imgbuild .\n"
    ".TP\n.I ~/.docker/config.json\nCredentials, as Docker keeps them; "
    "containers' auth.json is read too.\n"
    ".TP\n.I ~/.config/containers/registries.conf, /etc/containers/registries.conf\n"
    "Mirrors, aliases of short names, and what is blocked or insecure, with the files of "
    "registries.conf.d beside them: see containers-registries.conf(5), version 2. A short name "
    "without an alias is docker.io's.\n"
    ".TP\n.I certs.d/HOST:PORT\nBelow ~/.config/containers, /etc/containers and /etc/docker: "
    "authorities (*.crt) and a client's certificate and key (*.cert, *.key) for a registry.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B IMGBUILD_IMAGES\nFolders of image definitions, separated by colons.\n"
    ".TP\n.B GITHUB_TOKEN, GITHUB_ACTOR\nCredentials for ghcr.io where no file has any.\n"
    ".TP\n.B SOURCE_DATE_EPOCH\nClamps the times in the image.\n"
    ".TP\n.B SSL_CERT_FILE\nThe CA bundle that steps see with --ca-certs.\n"
    ".TP\n.B http_proxy, https_proxy, all_proxy, no_proxy\nProxies to registries, as curl knows "
    "them.\n"
    ".TP\n.B CONTAINERS_REGISTRIES_CONF\nA registries.conf instead of the usual ones.\n"
    ".TP\n.B IMGBUILD_RETRY_MS\nThe first wait before a registry is asked again; each further one "
    "is "
    "twice as long (default: 200).\n"
    ".TP\n.B NO_COLOR\nNo colours.\n"
    ".SH EXIT STATUS\n"
    "0 done; 1 a step failed; 2 usage; 3 bad input; 4 network or registry; 5 credentials; 6 "
    "integrity; "
    "7 the host lacks something; 70 a fault of ours; 130 interrupted.\n"
    ".SH SEE ALSO\n.BR imgverify (1)\n";

/* The command that argv names, and its own argv; without one the main job's. */
static const struct cli_command *find(int *argc, char ***argv)
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
static int about(int argc, char **argv, struct error *err)
{
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("imgbuild %s\n", IMGBUILD_VERSION);
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
    int answered = about(argc, argv, err);
    if (answered)
        return answered < 0 ? -1 : 0;
    const struct cli_command *command = find(&argc, &argv);
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
    int colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    error_print(&err, stderr, colour);
    return error_exit_code(&err);
}
