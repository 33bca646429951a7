#include "cmd_build_options.h"

#include "command.h"

#include <base/mem.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define AT(member) offsetof(struct build_values, member)

static const struct cli_option option_table[] = {
    {"file", 'f', CLI_STRING, AT(file), "FILE", NULL,
     "Build this Dockerfile instead of an image definition (default: CONTEXT/Dockerfile)"},
    {"tag", 't', CLI_STRINGS, AT(tags), "REF", NULL, "Name the image (repeatable)"},
    {"dev", 0, CLI_SWITCH, AT(dev), NULL, NULL, "Build the definition's dev variant: local code"},
    {"prod", 0, CLI_SWITCH, AT(prod), NULL, NULL,
     "Build the definition's prod variant: published packages"},
    {"version", 0, CLI_STRING, AT(version), "VERSION", NULL,
     "Version of the package that a prod image installs"},
    {"source", 0, CLI_STRING, AT(source), "DIR", NULL,
     "Source tree that a definition's paths are below (default: the current directory)"},
    {"registry", 0, CLI_STRING, AT(registry), "HOST[/PATH]", NULL,
     "Registry, and path in it, instead of the definition's"},
    {"build-arg", 0, CLI_STRINGS, AT(build_args), "NAME=VALUE", NULL,
     "Set a build argument; NAME alone takes the value from the environment"},
    {"target", 0, CLI_STRING, AT(target), "STAGE", NULL, "Stop at this stage"},
    {"platform", 0, CLI_STRINGS, AT(platforms), "OS/ARCH[,…]", NULL,
     "Build for these platforms (default: the host's); several give an index"},
    {"label", 0, CLI_STRINGS, AT(labels), "NAME=VALUE", NULL, "Add a label to the image"},
    {"annotation", 0, CLI_STRINGS, AT(annotations), "NAME=VALUE", NULL,
     "Add an annotation to the manifest"},
    {"build-context", 0, CLI_STRINGS, AT(build_contexts), "NAME=SOURCE", NULL,
     "Take this wherever the Dockerfile names NAME: docker-image://REF, oci-layout://DIR, a "
     "directory, a git repository or a URL"},
    {"cache-from", 0, CLI_STRINGS, AT(cache_from), "SPEC", NULL,
     "Ask this cache too: REF, type=registry,ref=REF or type=local,src=DIR"},
    {"cache-to", 0, CLI_STRINGS, AT(cache_to), "SPEC", NULL,
     "Write the build's cache: type=registry,ref=REF, type=local,dest=DIR or type=inline, with "
     "mode=max for all stages and mounts=true for cache mounts"},
    {"no-cache-filter", 0, CLI_STRINGS, AT(no_cache_filter), "STAGE", NULL,
     "Run the steps of this stage anew"},
    {"check", 0, CLI_SWITCH, AT(check), NULL, NULL,
     "Only look for what BuildKit's build checks warn of; 1 is the exit code where there is "
     "anything"},
    {"check-format", 0, CLI_STRING, AT(check_format), "FORM", "text|github|sarif",
     "How --check tells it (default: text)"},
    {"no-cache", 0, CLI_SWITCH, AT(no_cache), NULL, NULL, "Run every step anew"},
    {"pull", 0, CLI_SWITCH, AT(pull), NULL, NULL, "Ask the registry for newer base images"},
    {"push", 0, CLI_SWITCH, AT(push), NULL, NULL, "Push the image under all its tags"},
    {"verify", 0, CLI_SWITCH, AT(verify), NULL, NULL,
     "With --push: push by digest, run the image's checks (imgverify), and place the tags only "
     "where they pass"},
    {"attach-checks", 0, CLI_SWITCH, AT(attach_checks), NULL, NULL,
     "With --push: attach the definition's checks to the image, where imgverify finds them"},
    {"load", 0, CLI_SWITCH, AT(load), NULL, NULL,
     "Hand the image to docker or podman on this host, as -o type=docker"},
    {"output", 'o', CLI_STRINGS, AT(outputs), "SPEC", NULL,
     "Write the image or its files: a directory, - (a tar), or type=local|tar|oci|docker|image|"
     "registry with keys such as dest=PATH"},
    {"network", 0, CLI_STRING, AT(network), "MODE", "default|host|none",
     "Network of RUN steps (default: the host's)"},
    {"add-host", 0, CLI_STRINGS, AT(add_hosts), "HOST:IP", NULL, "Add a line to steps' /etc/hosts"},
    {"secret", 0, CLI_STRINGS, AT(secrets), "SPEC", NULL,
     "Let steps that ask for it see a secret: id=ID,src=FILE or id=ID,env=VARIABLE"},
    {"ssh", 0, CLI_STRINGS, AT(ssh), "SPEC", NULL,
     "Let steps that ask for it use an SSH agent: default, ID=SOCKET or ID=KEY"},
    {"allow", 0, CLI_STRINGS, AT(allow), "WHAT", NULL,
     "Let steps that ask for it have security.insecure or network.host"},
    {"shm-size", 0, CLI_STRING, AT(shm_size), "SIZE", NULL,
     "Size of steps' /dev/shm (default: 64m)"},
    {"memory", 'm', CLI_STRING, AT(memory), "SIZE", NULL,
     "Memory that a step may use, as 512m or 2g"},
    {"cpus", 0, CLI_STRING, AT(cpus), "N", NULL, "Processors that a step may use, as 1.5"},
    {"pids-limit", 0, CLI_STRING, AT(pids_limit), "N", NULL,
     "Processes and threads that a step may have"},
    {"ulimit", 0, CLI_STRINGS, AT(ulimits), "NAME=SOFT[:HARD]", NULL, "Resource limit of steps"},
    {"ca-certs", 0, CLI_SWITCH, AT(ca_certs), NULL, NULL,
     "Show steps the host's CA certificates, without recording them (default: on where "
     "$SSL_CERT_FILE is set)"},
    {"compression", 0, CLI_STRING, AT(compression), "KIND[:LEVEL]", NULL,
     "Compress layers with gzip, zstd or not (none)"},
    {"reproducible", 0, CLI_SWITCH, AT(reproducible), NULL, NULL,
     "Same inputs, same digest: times are those of $SOURCE_DATE_EPOCH, else the context's last "
     "commit"},
    ISOLATION_OPTION,
    {"debug-shell", 0, CLI_SWITCH, AT(debug_shell), NULL, NULL,
     "Where a RUN fails, open a shell in its sandbox: the files as it left them, its environment, "
     "user and mounts"},
    {"iidfile", 0, CLI_STRING, AT(iidfile), "FILE", NULL, "Write the image's digest to FILE"},
    {"metadata-file", 0, CLI_STRING, AT(metadata_file), "FILE", NULL,
     "Write digests and names as JSON, with BuildKit's keys"},
    {"dry-run", 0, CLI_SWITCH, AT(dry_run), NULL, NULL, "Print the build plan as JSON and stop"},
    {"provenance", 0, CLI_STRING, AT(provenance), "WHAT", NULL,
     "Only false: no attestation is made"},
    {"sbom", 0, CLI_STRING, AT(sbom), "WHAT", NULL, "Only false: no attestation is made"},
    {"attest", 0, CLI_STRINGS, AT(attests), "SPEC", NULL,
     "Only type=KIND,disabled=true: no attestation is made"},
    COMMON_OPTIONS,
};

static const struct {
    const char *name;
    int resource;
} limits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK}};

static rlim_t limit_value(const char *text)
{
    if (!strcmp(text, "-1") || !strcmp(text, "unlimited"))
        return RLIM_INFINITY;
    long long value = str_number(text, INT64_MAX);
    return value < 0 ? RLIM_INFINITY - 1 : (rlim_t)value;
}

static int parse_ulimit(const char *text, struct build_parsed *out, struct error *err)
{
    autofree char *copy = mem_strdup(text);
    char *value = strchr(copy, '=');
    if (value)
        *value++ = '\0';
    char *hard = value ? strchr(value, ':') : NULL;
    if (hard)
        *hard++ = '\0';
    for (size_t i = 0; value && i < COUNT_OF(limits); i++) {
        if (strcmp(copy, limits[i].name) != 0)
            continue;
        struct rlimit limit = {.rlim_cur = limit_value(value),
                               .rlim_max = limit_value(hard ? hard : value)};
        if (limit.rlim_cur == RLIM_INFINITY - 1 || limit.rlim_max == RLIM_INFINITY - 1 ||
            limit.rlim_cur > limit.rlim_max)
            break;
        MEM_PUSH(out->rlimits, out->rlimit_count, out->rlimit_cap) =
            (struct sandbox_rlimit){limits[i].resource, limit};
        return 0;
    }
    return error_set(err, ERROR_USAGE,
                     "--ulimit %s: it reads NAME=SOFT[:HARD], as in nofile=1024:4096", text);
}

static int check_host(const char *text, struct error *err)
{
    char address[INET6_ADDRSTRLEN + 2];
    unsigned char binary[sizeof(struct in6_addr)];
    size_t n = strcspn(text, ":=");
    const char *ip = text + n + (text[n] != 0);
    size_t length = strlen(ip);
    bool bracketed = length > 2 && ip[0] == '[' && ip[length - 1] == ']';
    snprintf(address, sizeof address, "%.*s", (int)length - 2 * bracketed, ip + bracketed);
    if (n && !strpbrk(text, " \t\r\n#") && length < sizeof address &&
        (inet_pton(AF_INET, address, binary) == 1 || inet_pton(AF_INET6, address, binary) == 1))
        return 0;
    if (!strcmp(ip, "host-gateway"))
        return error_set(err, ERROR_USAGE, "--add-host %s: host-gateway is not supported yet",
                         text);
    return error_set(err, ERROR_USAGE, "--add-host %s: it reads HOST:IP, as in db:10.0.0.2", text);
}

static bool known_scheme(const char *source)
{
    static const char *const known[] = {"docker-image", "oci-layout", "http",
                                        "https",        "git",        "ssh"};
    const char *end = strstr(source, "://");
    for (size_t i = 0; end && i < COUNT_OF(known); i++)
        if (strlen(known[i]) == (size_t)(end - source) &&
            !strncmp(known[i], source, (size_t)(end - source)))
            return true;
    return !end;
}

/* "NAME=VALUE" with both; the last of a name holds. */
static int check_contexts(const struct strv *contexts, struct error *err)
{
    for (size_t i = 0; i < contexts->count; i++) {
        const char *text = contexts->items[i], *equals = strchr(text, '=');
        if (!equals || equals == text || !equals[1])
            return error_set(err, ERROR_USAGE,
                             "--build-context %s: it reads NAME=SOURCE, as in "
                             "base=docker-image://debian:12",
                             text);
        if (!known_scheme(equals + 1))
            return error_set(err, ERROR_USAGE,
                             "--build-context %s: it is none of docker-image://, oci-layout://, "
                             "git, a URL, a directory",
                             text);
    }
    return 0;
}

static int parse_allow(const char *text, struct build_parsed *out, struct error *err)
{
    bool insecure = !strcmp(text, "security.insecure"), host = !strcmp(text, "network.host");
    out->allow_insecure |= insecure;
    out->allow_host_network |= host;
    if (insecure || host)
        return 0;
    error_set(err, ERROR_USAGE, "--allow %s: there is nothing of this name to allow", text);
    return error_hint(err, "it can be security.insecure or network.host");
}

static int parse_privileges(const struct build_values *values, struct build_parsed *out,
                            struct error *err)
{
    out->allow_host_network = values->network && !strcmp(values->network, "host");
    for (size_t i = 0; i < values->allow.count; i++)
        if (parse_allow(values->allow.items[i], out, err))
            return -1;
    for (size_t i = 0; i < values->secrets.count; i++)
        if (secrets_add(&out->secrets, values->secrets.items[i], err))
            return -1;
    for (size_t i = 0; i < values->ssh.count; i++)
        if (ssh_sources_add(&out->ssh, values->ssh.items[i], err))
            return -1;
    return 0;
}

static int parse_caches(const struct build_values *values, struct build_parsed *out,
                        struct error *err)
{
    struct cache_spec spec;
    for (size_t i = 0; i < values->cache_from.count; i++) {
        if (cache_spec_parse_from(values->cache_from.items[i], &spec, err))
            return -1;
        MEM_PUSH(out->cache_from, out->cache_from_count, out->cache_from_cap) = spec;
    }
    for (size_t i = 0; i < values->cache_to.count; i++) {
        if (cache_spec_parse_to(values->cache_to.items[i], &spec, err))
            return -1;
        MEM_PUSH(out->cache_to, out->cache_to_count, out->cache_to_cap) = spec;
    }
    return 0;
}

/* A cache holds the layers as they are made. */
static int check_caches(const struct build_parsed *parsed, struct error *err)
{
    for (size_t i = 0; i < parsed->cache_to_count; i++) {
        const char *wanted = parsed->cache_to[i].compression;
        struct compression c = {.kind = COMPRESSION_GZIP};
        if (!wanted ||
            (!compression_parse(strcmp(wanted, "uncompressed") ? wanted : "none", &c, err) &&
             c.kind == parsed->compression.kind && c.level == parsed->compression.level))
            continue;
        if (err && err->kind)
            return error_wrap(err, "--cache-to");
        error_set(err, ERROR_USAGE, "--cache-to compression=%s: the layers are made otherwise",
                  wanted);
        return error_hint(err, "give the same to the build: --compression %s", wanted);
    }
    return 0;
}

static int parse_lists(const struct build_values *values, struct build_parsed *out,
                       struct error *err)
{
    for (size_t i = 0; i < values->ulimits.count; i++)
        if (parse_ulimit(values->ulimits.items[i], out, err))
            return -1;
    for (size_t i = 0; i < values->add_hosts.count; i++)
        if (check_host(values->add_hosts.items[i], err))
            return -1;
    if (check_contexts(&values->build_contexts, err) || parse_privileges(values, out, err))
        return -1;
    for (size_t i = 0; i < values->outputs.count; i++) {
        struct output output;
        if (output_parse(values->outputs.items[i], &output, err))
            return -1;
        MEM_PUSH(out->outputs, out->output_count, out->output_cap) = output;
    }
    if (parse_caches(values, out, err))
        return -1;
    if (values->load)
        MEM_PUSH(out->outputs, out->output_count, out->output_cap) =
            (struct output){.kind = OUTPUT_DOCKER};
    return 0;
}

int build_options_attest(const char *option, const char *value, struct error *err)
{
    if (!value || !strcmp(value, "false") || !strcmp(value, "0") || strstr(value, "disabled=true"))
        return 0;
    error_set(err, ERROR_USAGE, "%s=%s is not supported: no attestation is made", option, value);
    return error_hint(err, "leave it out, or say %s=false", option);
}

static int check_debug_shell(const struct build_values *values, struct error *err)
{
    if (!values->debug_shell || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return 0;
    return error_set(err, ERROR_USAGE, "--debug-shell needs a terminal");
}

static int check_verify(const struct build_values *values, struct error *err)
{
    if (!values->verify || values->push)
        return 0;
    error_set(err, ERROR_USAGE, "--verify goes with --push: it holds the tags back");
    return error_hint(err, "to check what is not pushed: imgverify oci-archive:FILE");
}

static int check_attests(const struct build_values *values, struct error *err)
{
    for (size_t i = 0; i < values->attests.count; i++)
        if (build_options_attest("--attest", values->attests.items[i], err))
            return -1;
    return build_options_attest("--provenance", values->provenance, err) ||
                   build_options_attest("--sbom", values->sbom, err)
               ? -1
               : 0;
}

/* Layers are best made at once as the first output wants them. */
static void choose_compression(const struct build_values *values, struct build_parsed *out)
{
    for (size_t i = 0; i < out->output_count && !values->compression; i++)
        if (out->outputs[i].variant.recompress) {
            out->compression = out->outputs[i].variant.compression;
            return;
        }
}

bool build_parsed_stdout(const struct build_parsed *parsed)
{
    for (size_t i = 0; i < parsed->output_count; i++)
        if (output_is_stdout(&parsed->outputs[i]))
            return true;
    return false;
}

static int check_switches(const struct build_values *values, struct error *err)
{
    return check_attests(values, err) || check_verify(values, err) || check_debug_shell(values, err)
               ? -1
               : 0;
}

static int parse_epoch(const char *epoch, int64_t *out, struct error *err)
{
    *out = -1;
    if (epoch && *epoch && (*out = str_number(epoch, INT64_MAX)) < 0)
        return error_set(err, ERROR_USAGE, "SOURCE_DATE_EPOCH=%s is not a number of seconds",
                         epoch);
    return 0;
}

/* Layers are written once, for all outputs, with their times clamped or not. */
static int check_times(const struct build_values *values, const struct build_parsed *parsed,
                       struct error *err)
{
    if (parsed->source_date_epoch < 0 && !values->reproducible)
        return 0;
    for (size_t i = 0; i < parsed->output_count; i++)
        if (parsed->outputs[i].keep_times)
            return error_set(err, ERROR_USAGE,
                             "--output rewrite-timestamp=false is not supported with %s, which "
                             "clamps the times in every layer",
                             values->reproducible ? "--reproducible" : "SOURCE_DATE_EPOCH");
    return 0;
}

int build_options_parse(const struct build_values *values, const char *epoch,
                        struct build_parsed *out, struct error *err)
{
    out->compression.kind = COMPRESSION_GZIP;
    if (values->compression && compression_parse(values->compression, &out->compression, err))
        return -1;
    if (values->network && !strcmp(values->network, "none"))
        out->network = SANDBOX_NETWORK_NONE;
    if (limits_parse(values->memory, values->cpus, values->pids_limit, &out->limits, err))
        return -1;
    if (values->shm_size && (out->shm_size = str_size(values->shm_size)) < 0)
        return error_set(err, ERROR_USAGE, "--shm-size %s: it is a size such as 64m or 1g",
                         values->shm_size);
    if (parse_epoch(epoch, &out->source_date_epoch, err))
        return -1;
    if (values->dev && values->prod)
        return error_set(err, ERROR_USAGE, "--dev and --prod contradict each other");
    if (check_switches(values, err) || parse_lists(values, out, err) ||
        check_times(values, out, err))
        return -1;
    choose_compression(values, out);
    return check_caches(out, err);
}

void build_parsed_release(struct build_parsed *parsed)
{
    for (size_t i = 0; i < parsed->output_count; i++)
        output_release(&parsed->outputs[i]);
    free(parsed->outputs);
    for (size_t i = 0; i < parsed->cache_from_count; i++)
        cache_spec_release(&parsed->cache_from[i]);
    for (size_t i = 0; i < parsed->cache_to_count; i++)
        cache_spec_release(&parsed->cache_to[i]);
    free(parsed->cache_from);
    free(parsed->cache_to);
    free(parsed->rlimits);
    secrets_release(&parsed->secrets);
    ssh_sources_release(&parsed->ssh);
    *parsed = (struct build_parsed){.outputs = NULL};
}

const struct cli_command command_build = {
    .program = "imgbuild",
    .operands = "[NAME | -f FILE CONTEXT]",
    .summary = "Build an OCI image without a daemon, and push it",
    .description =
        "Builds the image that the definition images/NAME/image.yaml describes, or the Dockerfile "
        "that -f names, runs its steps in namespaces over overlayfs, and keeps the image in the "
        "store, an OCI image layout.\n\n"
        "Definitions are looked up in ./images, then in the folders of $IMGBUILD_IMAGES, then in "
        "the installed ones. Variant, version and tags follow from what triggered the CI job, "
        "unless --dev, --prod or --version say otherwise; --dry-run shows the plan.\n\n"
        "Names and digest go to standard output, all else to standard error. Exit codes: 0 done; "
        "1 a step failed; 2 usage; 3 bad input; 4 network or registry; 5 credentials; 6 integrity; "
        "7 the host lacks something; 70 a fault of ours; 130 interrupted.",
    .examples =
        "imgbuild allocator --dev --push\tbuild the dev variant and push it under its tags\n"
        "imgbuild allocator --dry-run\tshow what would be built, as JSON\n"
        "imgbuild -f Dockerfile -t ghcr.io/o/n:1 .\tbuild a plain Dockerfile\n"
        "imgbuild -f Dockerfile -o type=oci,dest=image.tar .\twrite an OCI archive",
    .options = option_table,
    .option_count = COUNT_OF(option_table),
    .operands_min = 0,
    .operands_max = 1,
    .run = cmd_build_run,
};
