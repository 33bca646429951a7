/* login and logout: credentials in docker's config.json. */
#include "cmd_common.h"
#include "command.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/mem.h>
#include <registry/login.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASSWORD_CAP = 64 * 1024 };

struct login_values {
    char *username, *tls_ca;
    struct strv insecure;
    bool password_stdin, unchecked;
};
#define AT(member) offsetof(struct login_values, member)

static int read_password(const struct login_values *values, struct str *out, struct error *err)
{
    if (!values->username || !values->password_stdin)
        return error_set(err, ERROR_USAGE, "login needs --username NAME and --password-stdin");
    if (io_read_fd(STDIN_FILENO, "standard input", PASSWORD_CAP, out, err))
        return -1;
    while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->data[--out->len] = '\0';
    if (!out->len)
        return error_set(err, ERROR_USAGE, "the password on standard input is empty");
    return 0;
}

static int run_login(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct login_values values = {.username = NULL};
    autostrv operands = STRV_INIT;
    autostr password = STR_INIT;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = read_password(&values, &password, err);
    struct transport_options transport = {.insecure_hosts =
                                              (const char *const *)strv_argv(&values.insecure),
                                          .tls_ca = values.tls_ca,
                                          .cancel = interrupt_flag()};
    if (!code && !values.unchecked)
        code =
            login_check(operands.items[0], values.username, str_text(&password), &transport, err);
    if (!code)
        code = login_store(operands.items[0], values.username, str_text(&password), err);
    if (password.data)
        explicit_bzero(password.data, password.len);
    cli_release(self, &values);
    return code;
}

static int run_logout(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct login_values values = {.username = NULL};
    autostrv operands = STRV_INIT;
    int code = cli_parse(self, argc, argv, &values, &operands, err);
    if (!code)
        code = login_remove(operands.items[0], err);
    cli_release(self, &values);
    return code;
}

static const struct cli_option options[] = {
    {"username", 'u', CLI_STRING, AT(username), "NAME", NULL, "Name of the account"},
    {"password-stdin", 0, CLI_SWITCH, AT(password_stdin), NULL, NULL,
     "Read the password or token from standard input"},
    {"tls-ca", 0, CLI_STRING, AT(tls_ca), "FILE", NULL,
     "Trust these CA certificates too when talking to the registry"},
    {"insecure", 0, CLI_STRINGS, AT(insecure), "HOST", NULL,
     "Allow plain HTTP or an unverified certificate for this registry"},
    {"no-check", 0, CLI_SWITCH, AT(unchecked), NULL, NULL,
     "Keep the credentials without showing them to the registry first"}};

const struct cli_command command_login = {
    .program = "imgbuild",
    .name = "login",
    .operands = "REGISTRY",
    .summary = "Keep credentials for a registry",
    .description =
        "Shows them to the registry, and where it takes them writes them to "
        "$DOCKER_CONFIG/config.json (~/.docker/config.json), where Docker and other tools find "
        "them too; or hands them to the credential helper that this file names.",
    .examples = "echo \"$TOKEN\" | imgbuild login -u me --password-stdin ghcr.io\tlog in to GHCR",
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 1,
    .operands_max = 1,
    .run = run_login};

const struct cli_command command_logout = {.program = "imgbuild",
                                           .name = "logout",
                                           .operands = "REGISTRY",
                                           .summary = "Forget the credentials for a registry",
                                           .description = "Removes them from docker's config.json.",
                                           .operands_min = 1,
                                           .operands_max = 1,
                                           .run = run_logout};
