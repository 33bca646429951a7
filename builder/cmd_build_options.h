/* The main job's command line: its table, and what its values come to. */
#ifndef BUILDER_CMD_BUILD_OPTIONS_H
#define BUILDER_CMD_BUILD_OPTIONS_H

#include "cache_spec.h"
#include "cmd_common.h"
#include "output_spec.h"
#include "secrets.h"
#include "ssh_forward.h"

#include <base/cli.h>
#include <base/error.h>
#include <base/str.h>
#include <images/plan.h>
#include <rootfs/compress.h>
#include <rootfs/sandbox.h>

#include <stdbool.h>

struct build_values {
    struct common_values common;
    char *file, *target, *iidfile, *metadata_file, *network, *shm_size, *memory, *cpus, *pids_limit,
        *version, *source, *registry, *compression, *provenance, *sbom;
    struct strv tags, build_args, platforms, labels, annotations, outputs, build_contexts,
        add_hosts, ulimits, secrets, ssh, allow, attests, cache_from, cache_to, no_cache_filter;
    char *check_format;
    bool check, no_cache, pull, push, verify, load, debug_shell, attach_checks, dev, prod, dry_run,
        ca_certs, reproducible;
};

/* command_build's run; see base/cli.h. */
int cmd_build_run(const struct cli_command *self, int argc, char **argv, struct error *err);

/* Values that need parsing. Owned; zero it first, release it whatever came. */
struct build_parsed {
    struct compression compression;
    enum sandbox_network network;
    int64_t shm_size;
    struct limits limits;
    struct sandbox_rlimit *rlimits;
    size_t rlimit_count, rlimit_cap;
    struct secrets secrets;
    struct ssh_sources ssh;
    bool allow_insecure, allow_host_network;
    struct cache_spec *cache_from, *cache_to;
    size_t cache_from_count, cache_from_cap, cache_to_count, cache_to_cap;
    struct output *outputs;
    size_t output_count, output_cap;
    int64_t source_date_epoch; /* -1: none */
};

/* ERROR_USAGE. epoch: $SOURCE_DATE_EPOCH or NULL. */
int build_options_parse(const struct build_values *values, const char *epoch,
                        struct build_parsed *out, struct error *err);
void build_parsed_release(struct build_parsed *parsed);
/* ERROR_USAGE where the value of --provenance, --sbom or --attest (NULL: not given) asks for an
 * attestation. */
int build_options_attest(const char *option, const char *value, struct error *err);
/* Does an output go to standard output? */
bool build_parsed_stdout(const struct build_parsed *parsed);

#endif
