/* imgverify's command line: the table, and what its words come to. */
#ifndef VERIFY_OPTIONS_H
#define VERIFY_OPTIONS_H

#include <base/cli.h>
#include <base/error.h>
#include <base/progress.h>
#include <base/str.h>
#include <images/plan.h>
#include <rootfs/mode.h>
#include <rootfs/sandbox.h>

#include <stdbool.h>
#include <stddef.h>

/* As the table fills it. */
struct option_values {
    struct strv config, only, skip, env, volume, output, insecure;
    char *gpus, *platform, *network, *user, *root, *progress, *isolation, *tls_ca, *memory, *cpus,
        *pids_limit;
    long long timeout, jobs;
    struct strv venv;
    bool automatic, statics;
    bool dev, prod, list, require_all, quiet, ca_certs;
    bool all, exit_code; /* of diff */
};

/* Where images are kept, and how registries are spoken to: in every command's table. */
#define STORE_OPTIONS                                                                              \
    {"isolation",                                                                                  \
     0,                                                                                            \
     CLI_STRING,                                                                                   \
     offsetof(struct option_values, isolation),                                                    \
     "MODE",                                                                                       \
     MODE_CHOICES,                                                                                 \
     "How checks are kept apart from the host (default: auto, the first of root, userns, single, " \
     "chroot that works)"},                                                                        \
        {"root",                                                                                   \
         0,                                                                                        \
         CLI_STRING,                                                                               \
         offsetof(struct option_values, root),                                                     \
         "DIR",                                                                                    \
         NULL,                                                                                     \
         "Keep unpacked layers in DIR (default: $IMGBUILD_ROOT, /var/lib/imgbuild, or "            \
         "$XDG_DATA_HOME/imgbuild)"},                                                              \
        {"progress",                                                                               \
         0,                                                                                        \
         CLI_STRING,                                                                               \
         offsetof(struct option_values, progress),                                                 \
         "MODE",                                                                                   \
         "auto|plain|tty|json|quiet",                                                              \
         "How to show what is going on"},                                                          \
        {"tls-ca",                                                                                 \
         0,                                                                                        \
         CLI_STRING,                                                                               \
         offsetof(struct option_values, tls_ca),                                                   \
         "FILE",                                                                                   \
         NULL,                                                                                     \
         "Trust these CA certificates too when talking to registries"},                            \
    {                                                                                              \
        "insecure", 0, CLI_STRINGS, offsetof(struct option_values, insecure), "HOST", NULL,        \
            "Allow plain HTTP or an unverified certificate for this registry (repeatable)"         \
    }

extern const struct cli_option option_table[];
extern const size_t option_table_count;

enum output_format {
    OUTPUT_TERMINAL,
    OUTPUT_JSON,
    OUTPUT_JUNIT,
    OUTPUT_TAP,
    OUTPUT_SARIF,
    OUTPUT_GITHUB,
    OUTPUT_MARKDOWN,
    OUTPUT_HTML,
};

struct output_wish {
    enum output_format format;
    const char *path; /* NULL: standard output; points into the values */
};

/* What no table can check: contradictions, forms of values. ERROR_USAGE. */
int options_check(const struct option_values *values, struct error *err);
/* One --output. ERROR_USAGE. */
int options_output(const char *text, struct output_wish *out, struct error *err);
/* True where a report shows what the image holds. */
bool options_want_inventory(const struct option_values *values);
enum progress_mode options_progress(const struct option_values *values);
enum plan_variant options_variant(const struct option_values *values);
/* Open the sources of --volume; *out has values->volume.count mounts, whose source_fd the caller
 * closes, and targets that point into the values. ERROR_MISSING. */
int options_mounts(const struct option_values *values, struct sandbox_mount *out,
                   struct error *err);

#endif
