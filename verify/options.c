#include "options.h"

#include <base/mem.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 256, TIMEOUT_MAX = 24 * 60 * 60 };

#define AT(member) offsetof(struct option_values, member)

const struct cli_option option_table[] = {
    {"config", 'c', CLI_STRINGS, AT(config), "FILE", NULL,
     "Take the checks from FILE instead of from the image definition (repeatable)"},
    {"auto", 0, CLI_SWITCH, AT(automatic), NULL, NULL,
     "Derive checks from the image: of its files, and of what its Python packages declare (beside "
     "those of --config)"},
    {"static", 0, CLI_SWITCH, AT(statics), NULL, NULL,
     "Run and unpack nothing: read the layers, and check what can be told from them"},
    {"venv", 0, CLI_STRINGS, AT(venv), "DIR", NULL,
     "Derive the checks of this virtual environment (repeatable; default: of all that there are)"},
    {"dev", 0, CLI_SWITCH, AT(dev), NULL, NULL, "Check as the dev variant"},
    {"prod", 0, CLI_SWITCH, AT(prod), NULL, NULL, "Check as the prod variant"},
    {"only", 0, CLI_STRINGS, AT(only), "GLOB", NULL,
     "Run only the checks whose name matches (repeatable)"},
    {"skip", 0, CLI_STRINGS, AT(skip), "GLOB", NULL,
     "Leave out the checks whose name matches (repeatable)"},
    {"list", 0, CLI_SWITCH, AT(list), NULL, NULL, "List the checks and stop; no image is fetched"},
    {"platform", 0, CLI_STRING, AT(platform), "PLATFORM|all", NULL,
     "Check the image for this platform, as linux/arm64, or each that it has (default: the "
     "host's)"},
    {"user", 'u', CLI_STRING, AT(user), "USER", NULL,
     "Run checks that name no user as USER (default: the image's)"},
    {"env", 'e', CLI_STRINGS, AT(env), "NAME=VALUE", NULL,
     "Set a variable beside the image's (repeatable)"},
    {"volume", 'v', CLI_STRINGS, AT(volume), "SOURCE:TARGET", NULL,
     "Show a file or directory of the host to all checks, read-only (repeatable)"},
    {"network", 0, CLI_STRING, AT(network), "none|host", "none|host",
     "Network for checks that don't say (default: none)"},
    {"gpus", 0, CLI_STRING, AT(gpus), "all|CDI-FILE|DIR", NULL,
     "Give all checks the host's NVIDIA GPUs: those of a CDI file, of a driver's root DIR, or what "
     "is "
     "found (default: checks that ask for them get what is found)"},
    {"timeout", 0, CLI_NUMBER, AT(timeout), "SECONDS", NULL,
     "Time limit of a check that names none (default: 60)"},
    {"memory", 'm', CLI_STRING, AT(memory), "SIZE", NULL,
     "Memory that a check may use which doesn't say, as 512m (default: any)"},
    {"cpus", 0, CLI_STRING, AT(cpus), "N", NULL,
     "Processors that a check may use, as 1.5 (default: all)"},
    {"pids-limit", 0, CLI_STRING, AT(pids_limit), "N", NULL,
     "Processes and threads that a check may have which doesn't say (default: any)"},
    {"require-all", 0, CLI_SWITCH, AT(require_all), NULL, NULL,
     "Fail where a check could not run on this host"},
    {"output", 'o', CLI_STRINGS, AT(output), "FORMAT[=FILE]", NULL,
     "Report as terminal, json, junit, tap, sarif, github (annotations, and the step summary), "
     "markdown or html, to standard output or FILE (repeatable; default: terminal)"},
    {"jobs", 'j', CLI_NUMBER, AT(jobs), "N", NULL,
     "Run N checks at once (default: as many as there are processors)"},
    {"ca-certs", 0, CLI_SWITCH, AT(ca_certs), NULL, NULL,
     "Show the host's CA certificates to checks with a network (default: on where SSL_CERT_FILE is "
     "set)"},
    STORE_OPTIONS,
    {"quiet", 'q', CLI_SWITCH, AT(quiet), NULL, NULL, "Print the images' digests alone"},
};
const size_t option_table_count = COUNT_OF(option_table);

int options_output(const char *text, struct output_wish *out, struct error *err)
{
    static const char *const names[] = {
        [OUTPUT_TERMINAL] = "terminal", [OUTPUT_JSON] = "json",   [OUTPUT_JUNIT] = "junit",
        [OUTPUT_TAP] = "tap",           [OUTPUT_SARIF] = "sarif", [OUTPUT_GITHUB] = "github",
        [OUTPUT_MARKDOWN] = "markdown", [OUTPUT_HTML] = "html",
    };
    size_t n = strcspn(text, "="), i = 0;
    autofree char *format = mem_strndup(text, n);
    while (i < COUNT_OF(names) && strcmp(format, names[i]) != 0)
        i++;
    if (i == COUNT_OF(names)) {
        error_set(err, ERROR_USAGE, "--output %s: there is no such report", format);
        return error_hint(err, "terminal, json, junit, tap, sarif, github, markdown, html");
    }
    if (text[n] && !text[n + 1])
        return error_set(err, ERROR_USAGE, "--output %s= names no file", format);
    out->format = (enum output_format)i;
    out->path = text[n] ? text + n + 1 : NULL;
    return 0;
}

bool options_want_inventory(const struct option_values *values)
{
    struct output_wish wish;
    autoerror ignored = ERROR_INIT;
    for (size_t i = 0; i < values->output.count; i++)
        if (!options_output(values->output.items[i], &wish, &ignored) && wish.format == OUTPUT_HTML)
            return true;
    return false;
}

static int check_outputs(const struct option_values *values, struct error *err)
{
    size_t on_stdout = 0;
    for (size_t i = 0; i < values->output.count; i++) {
        struct output_wish wish;
        if (options_output(values->output.items[i], &wish, err))
            return -1;
        on_stdout += !wish.path;
    }
    if (on_stdout > 1)
        return error_set(err, ERROR_USAGE, "only one --output can go to standard output");
    return 0;
}

/* Ends text at its target; *target may be followed by ":ro" alone. */
static int split_volume(char *text, char **target, struct error *err)
{
    char *first = strchr(text, ':');
    char *mode = first ? strchr(first + 1, ':') : NULL;
    if (!first || first == text || first[1] != '/' ||
        (mode && strcmp(mode, ":ro") != 0 && strcmp(mode, ":rw") != 0))
        return error_set(err, ERROR_USAGE,
                         "--volume takes SOURCE:TARGET with an absolute TARGET, not “%s”", text);
    if (mode && !strcmp(mode, ":rw"))
        return error_set(err, ERROR_USAGE, "--volume %s: volumes are always read-only", text);
    if (mode)
        *mode = '\0';
    *first = '\0';
    *target = first + 1;
    return 0;
}

static int check_venvs(const struct option_values *values, struct error *err)
{
    if (values->venv.count && !values->automatic && !values->statics)
        return error_set(err, ERROR_USAGE, "--venv needs --auto or --static");
    for (size_t i = 0; i < values->venv.count; i++)
        if (values->venv.items[i][0] != '/')
            return error_set(err, ERROR_USAGE, "--venv takes an absolute path, not “%s”",
                             values->venv.items[i]);
    return 0;
}

int options_check(const struct option_values *values, struct error *err)
{
    struct limits ignored;
    if (limits_parse(values->memory, values->cpus, values->pids_limit, &ignored, err))
        return -1;
    if (values->dev && values->prod)
        return error_set(err, ERROR_USAGE, "--dev and --prod contradict each other");
    if (values->timeout < 1 || values->timeout > TIMEOUT_MAX)
        return error_set(err, ERROR_USAGE, "--timeout takes 1 to %d seconds", TIMEOUT_MAX);
    if (values->jobs > JOBS_MAX)
        return error_set(err, ERROR_USAGE, "--jobs takes at most %d", JOBS_MAX);
    for (size_t i = 0; i < values->env.count; i++) {
        const char *text = values->env.items[i];
        if (*text == '=' || !strchr(text, '='))
            return error_set(err, ERROR_USAGE, "--env takes NAME=VALUE, not “%s”", text);
    }
    for (size_t i = 0; i < values->volume.count; i++) {
        autofree char *text = mem_strdup(values->volume.items[i]);
        char *target;
        if (split_volume(text, &target, err))
            return -1;
    }
    return check_venvs(values, err) || check_outputs(values, err) ? -1 : 0;
}

enum progress_mode options_progress(const struct option_values *values)
{
    static const char *const names[] = {
        [PROGRESS_AUTO] = "auto", [PROGRESS_PLAIN] = "plain", [PROGRESS_TTY] = "tty",
        [PROGRESS_JSON] = "json", [PROGRESS_QUIET] = "quiet",
    };
    if (values->quiet)
        return PROGRESS_QUIET;
    for (size_t i = 0; values->progress && i < COUNT_OF(names); i++)
        if (!strcmp(values->progress, names[i]))
            return (enum progress_mode)i;
    return PROGRESS_AUTO;
}

enum plan_variant options_variant(const struct option_values *values)
{
    return values->dev ? PLAN_DEV : values->prod ? PLAN_PROD : PLAN_VARIANT_AUTO;
}

int options_mounts(const struct option_values *values, struct sandbox_mount *out, struct error *err)
{
    for (size_t i = 0; i < values->volume.count; i++) {
        char *source = values->volume.items[i], *target;
        if (split_volume(source, &target, err))
            return -1;
        out[i] = (struct sandbox_mount){.kind = SANDBOX_MOUNT_BIND,
                                        .source_fd = open(source, O_PATH | O_CLOEXEC),
                                        .target = target,
                                        .read_only = true};
        if (out[i].source_fd < 0)
            return error_errno(err, ERROR_MISSING, "--volume %s", source);
    }
    return 0;
}
