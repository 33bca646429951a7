/* What the commands of imgbuild share: the store, registries, progress. */
#ifndef BUILDER_CMD_COMMON_H
#define BUILDER_CMD_COMMON_H

#include <base/cli.h>
#include <base/error.h>
#include <base/progress.h>
#include <base/str.h>
#include <registry/transport.h>
#include <rootfs/mode.h>
#include <rootfs/store.h>

#include <stdbool.h>
#include <stddef.h>

/* Values of the options below; the first member of a command's own struct of values. */
struct common_values {
    char *root;
    char *progress;
    char *tls_ca;
    char *isolation;
    struct strv insecure;
    long long jobs;
    bool quiet;
};

/* The options every command that reaches a store or a registry takes, for its table. */
#define COMMON_OPTIONS                                                                             \
    {"root",                                                                                       \
     0,                                                                                            \
     CLI_STRING,                                                                                   \
     offsetof(struct common_values, root),                                                         \
     "DIR",                                                                                        \
     NULL,                                                                                         \
     "Keep layers, images and cache in DIR (default: $IMGBUILD_ROOT, /var/lib/imgbuild for root, " \
     "or "                                                                                         \
     "$XDG_DATA_HOME/imgbuild)"},                                                                  \
        {"progress",                                                                               \
         0,                                                                                        \
         CLI_STRING,                                                                               \
         offsetof(struct common_values, progress),                                                 \
         "MODE",                                                                                   \
         "auto|plain|tty|json|rawjson|quiet|none",                                                 \
         "How to show what is going on"},                                                          \
        {"tls-ca",                                                                                 \
         0,                                                                                        \
         CLI_STRING,                                                                               \
         offsetof(struct common_values, tls_ca),                                                   \
         "FILE",                                                                                   \
         NULL,                                                                                     \
         "Trust these CA certificates too when talking to registries"},                            \
        {"insecure",                                                                               \
         0,                                                                                        \
         CLI_STRINGS,                                                                              \
         offsetof(struct common_values, insecure),                                                 \
         "HOST",                                                                                   \
         NULL,                                                                                     \
         "Allow plain HTTP or an unverified certificate for this registry"},                       \
        {"jobs",                                                                                   \
         'j',                                                                                      \
         CLI_NUMBER,                                                                               \
         offsetof(struct common_values, jobs),                                                     \
         "N",                                                                                      \
         NULL,                                                                                     \
         "Work on N things at once (default: the processors there are)"},                          \
    {                                                                                              \
        "quiet", 'q', CLI_SWITCH, offsetof(struct common_values, quiet), NULL, NULL,               \
            "Print results alone"                                                                  \
    }

/* For the tables of commands that open the store. */
#define ISOLATION_OPTION                                                                           \
    {                                                                                              \
        "isolation", 0, CLI_STRING, offsetof(struct common_values, isolation), "MODE",             \
            MODE_CHOICES,                                                                          \
            "How steps are kept apart from the host, and who owns what is unpacked (default: "     \
            "auto, the "                                                                           \
            "first of root, userns, single, chroot that works)"                                    \
    }

/* What they come to. */
struct common {
    struct transport_options transport;
    struct progress *progress;
    struct mode mode;    /* taken by common_open_store */
    struct store *store; /* NULL until common_open_store */
    struct strv insecure;
};

/* Options to transport and progress. values must outlive *out. ERROR_USAGE. */
int common_init(struct common *c, const struct common_values *values, struct error *err);
/* Takes the mode first, so no thread may be there yet. */
int common_open_store(struct common *c, const struct common_values *values, struct error *err);
void common_release(struct common *c);
#define autocommon __attribute__((cleanup(common_release))) struct common

/* A reference into the store's own layout, to the manifest of this digest. The caller releases it.
 */
void common_store_reference(const struct common *c, const struct digest *digest,
                            struct reference *out);
/* That manifest itself. */
int common_store_manifest(const struct common *c, const struct digest *digest, struct manifest *out,
                          struct error *err);

#endif
