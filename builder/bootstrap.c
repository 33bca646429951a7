#include "bootstrap.h"

#include "build_layer.h"
#include "stage_state.h"

#include <base/interrupt.h>
#include <base/mem.h>
#include <registry/image.h>
#include <registry/layout.h>
#include <rootfs/emulation.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { TAIL_LINES = 15 };
#define MERGED_USR "/usr/share/mmdebstrap/hooks/merged-usr"

/* mmdebstrap at work: its tar comes on one pipe, its messages on the other. */
struct bootstrap {
    const struct bootstrap_options *options;
    struct progress_task *task;
    pid_t pid;
    int tar, messages;
    const struct emulation *emulation; /* NULL: its programs run natively */
};

static bool valid_word(const char *text)
{
    /* Nothing that a user typed reaches the program as an option. */
    return *text && *text != '-' && !strpbrk(text, " \t\n");
}

/* As in the distributions' own images: apt keeps neither packages nor their parsed lists, so that
 * the layers of later steps hold what was installed and no more. */
static void keep_apt_small(struct strv *argv)
{
    /* Through a hook, since mmdebstrap itself needs the packages that it has fetched. */
    strv_add(argv, "--customize-hook=printf '%s;\\n' "
                   "'APT::Keep-Downloaded-Packages \"false\"' "
                   "'Dir::Cache::pkgcache \"\"' "
                   "'Dir::Cache::srcpkgcache \"\"' "
                   "'Acquire::Languages \"none\"' "
                   "> \"$1/etc/apt/apt.conf.d/90small\"");
}

/* dpkg's name of an architecture; NULL: it has none. */
static const char *debian_arch(const struct platform *p)
{
    static const struct {
        const char *arch, *variant, *debian;
    } names[] = {{"amd64", "", "amd64"},     {"386", "", "i386"},          {"arm64", "", "arm64"},
                 {"arm", "v7", "armhf"},     {"arm", "v6", "armel"},       {"arm", "v5", "armel"},
                 {"ppc64le", "", "ppc64el"}, {"mips64le", "", "mips64el"}, {"s390x", "", "s390x"},
                 {"riscv64", "", "riscv64"}, {"loong64", "", "loong64"}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(p->os, "linux") && !strcmp(p->arch, names[i].arch) &&
            (!*names[i].variant || !strcmp(p->variant, names[i].variant)))
            return names[i].debian;
    return NULL;
}

/* In the namespaces that the emulator is registered in, where mmdebstrap may mount too. */
static void add_emulation(const struct emulation *e, struct strv *argv)
{
    if (!e || e->userns_fd < 0)
        return;
    strv_add(argv, "nsenter");
    strv_addf(argv, "--user=/proc/%d/fd/%d", (int)getpid(), e->userns_fd);
    strv_add(argv, "unshare");
    strv_add(argv, "--mount");
    strv_add(argv, "--pid");
    strv_add(argv, "--fork");
    strv_add(argv, "--kill-child");
}

static int make_argv(const struct bootstrap *b, struct strv *argv, struct error *err)
{
    const struct bootstrap_options *o = b->options;
    const char *arch = debian_arch(&o->platform);
    char platform[48];
    if (!arch)
        return error_set(err, ERROR_USAGE, "--arch %s: Debian has no such architecture",
                         platform_text(&o->platform, '/', platform));
    add_emulation(b->emulation, argv);
    strv_add(argv, "mmdebstrap");
    strv_addf(argv, "--architectures=%s", arch);
    if (b->emulation) {
        strv_add(argv, "--skip=check/qemu"); /* it knows the host's registrations alone */
        /* What usrmerge would do otherwise, file by file and for minutes. */
        if (!access(MERGED_USR, F_OK))
            strv_add(argv, "--hook-dir=" MERGED_USR);
    }
    strv_add(argv, "--variant=minbase");
    strv_add(argv, "--format=tar");
    strv_add(argv, "--skip=output/dev"); /* no devices: write_dev gives the directory alone */
    keep_apt_small(argv);
    for (size_t i = 0; o->include && i < o->include->count; i++) {
        if (!valid_word(o->include->items[i]))
            return error_set(err, ERROR_USAGE, "--include %s: no package's name",
                             o->include->items[i]);
        strv_addf(argv, "--include=%s", o->include->items[i]);
    }
    if (!valid_word(o->suite) || (o->mirror && !valid_word(o->mirror)))
        return error_set(err, ERROR_USAGE, "“%s” is no release's name", o->suite);
    strv_add(argv, o->suite);
    strv_add(argv, "-");
    if (o->mirror)
        strv_add(argv, o->mirror);
    return 0;
}

static int start(struct bootstrap *b, struct error *err)
{
    autostrv argv = STRV_INIT;
    int tar[2], messages[2];
    if (make_argv(b, &argv, err))
        return -1;
    if (pipe2(tar, O_CLOEXEC))
        return error_errno(err, ERROR_HOST, "make a pipe");
    if (pipe2(messages, O_CLOEXEC)) {
        close(tar[0]);
        close(tar[1]);
        return error_errno(err, ERROR_HOST, "make a pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, tar[1], 1);
    posix_spawn_file_actions_adddup2(&actions, messages[1], 2);
    /* Its shell can name single-digit descriptors alone, so it must get low ones for its pipes. */
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP); /* a group that can be ended whole */
    char *const *words = strv_argv(&argv);
    int failed = posix_spawnp(&b->pid, words[0], &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(tar[1]);
    close(messages[1]);
    b->tar = tar[0];
    b->messages = messages[0];
    if (!failed)
        return 0;
    errno = failed;
    error_errno(err, ERROR_HOST, "run mmdebstrap");
    return error_hint(err, "apt-get install mmdebstrap");
}

/* Messages are read beside the tar, so that neither pipe fills up while the other is waited for. */
static void *read_messages(void *argument)
{
    struct bootstrap *b = argument;
    char buffer[4096];
    ssize_t n;
    while ((n = read(b->messages, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            progress_output(b->task, buffer, (size_t)n);
    return NULL;
}

/* Steps and containers mount their own /dev, and need a place for it: one ustar header
 * (POSIX.1-2001, pax) before what mmdebstrap writes. */
static int write_dev(struct sink *to, struct error *err)
{
    char block[512] = "./dev/";
    unsigned sum = 8 * ' '; /* the checksum is of the header with blanks in its place */
    snprintf(block + 100, 8, "%07o", 0755U);
    snprintf(block + 108, 8, "%07o", 0U);
    snprintf(block + 116, 8, "%07o", 0U);
    snprintf(block + 124, 12, "%011o", 0U);
    snprintf(block + 136, 12, "%011llo", (unsigned long long)time(NULL));
    block[156] = '5';
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    block[155] = ' ';
    return sink_write(to, block, sizeof block, err);
}

static int write_tar(void *context, struct sink *to, struct error *err)
{
    struct bootstrap *b = context;
    autofree char *buffer = mem_alloc(256 * 1024);
    if (write_dev(to, err))
        return -1;
    for (;;) {
        struct pollfd fds[] = {{b->tar, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return error_errno(err, ERROR_HOST, "wait for mmdebstrap");
        if (interrupt_check(err))
            return -1;
        if (!fds[0].revents)
            continue;
        ssize_t n = read(b->tar, buffer, 256 * 1024);
        if (n < 0)
            return error_errno(err, ERROR_HOST, "read from mmdebstrap");
        if (!n)
            break;
        if (sink_write(to, buffer, (size_t)n, err))
            return -1;
    }
    int status;
    while (waitpid(b->pid, &status, 0) < 0 && errno == EINTR)
        ;
    b->pid = 0;
    if (!status)
        return 0;
    autofree char *tail = progress_tail(b->task, TAIL_LINES);
    return error_set(err, ERROR_STEP, "mmdebstrap failed; the last lines of its output:\n%s", tail);
}

static void stop(struct bootstrap *b)
{
    if (b->pid <= 0)
        return;
    kill(-b->pid, SIGTERM); /* it unmounts what it mounted */
    while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static struct build_layer *make_layer(struct bootstrap *b, struct build_layers *layers,
                                      struct error *err)
{
    pthread_t thread;
    if (start(b, err))
        return NULL;
    struct build_layer *layer = NULL;
    if (pthread_create(&thread, NULL, read_messages, b)) {
        error_set(err, ERROR_HOST, "start a thread");
        stop(b);
    } else {
        layer = build_layers_add_tar(layers, true, write_tar, b, err);
        stop(b);
        pthread_join(thread, NULL);
    }
    close(b->tar);
    close(b->messages);
    return layer;
}

static char *make_config(const struct layer *layer, const struct bootstrap_options *o)
{
    char created[24];
    stage_state_time(created, (int64_t)time(NULL));
    autofree char *by = mem_printf("imgbuild bootstrap --suite %s", o->suite);
    autojson *config =
        json_pack("{s:s, s:s, s:s, s:{s:[s], s:[s]}, s:{s:s, s:[s]}, s:[{s:s, s:s}]}", "created",
                  created, "architecture", o->platform.arch, "os", o->platform.os, "config", "Env",
                  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "Cmd",
                  "/bin/bash", "rootfs", "type", "layers", "diff_ids", layer->diff_id.text,
                  "history", "created", created, "created_by", by);
    if (*o->platform.variant)
        json_object_set_new(config, "variant", json_string(o->platform.variant));
    return json_text(config);
}

static int commit(const struct bootstrap_options *o, const struct layer *layer,
                  struct digest *digest, struct error *err)
{
    int oci = store_oci_fd(o->store);
    autofree char *config = make_config(layer, o);
    struct descriptor config_descriptor = {.media_type = (char *)(uintptr_t)MEDIA_OCI_CONFIG,
                                           .size = (int64_t)strlen(config)};
    struct descriptor item = {.media_type = (char *)(uintptr_t)layer->media_type,
                              .digest = layer->digest,
                              .size = layer->size};
    if (layout_put_bytes(oci, config, strlen(config), &config_descriptor.digest, err))
        return -1;
    automanifest manifest = {.bytes = NULL};
    manifest_make(&config_descriptor, &item, 1, NULL, false, &manifest);
    if (store_sync(o->store, err) ||
        layout_put_manifest(oci, &manifest, o->name, &o->platform, err))
        return -1;
    *digest = manifest.digest;
    return 0;
}

static int make_image(struct bootstrap *b, struct digest *digest, struct error *err)
{
    const struct bootstrap_options *o = b->options;
    struct compression gzip = {.kind = COMPRESSION_GZIP};
    struct build_layers *layers = build_layers_new(o->store, o->pool, &gzip, -1);
    autofree char *name = mem_printf("bootstrap %s", o->suite);
    b->task = progress_start(o->progress, name, 0);
    struct build_layer *layer = make_layer(b, layers, err);
    struct layer blob;
    int code =
        !layer || build_layer_blob(layer, &blob, err) || commit(o, &blob, digest, err) ? -1 : 0;
    progress_end(b->task, code ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    build_layers_free(layers);
    return code;
}

int bootstrap_image(const struct bootstrap_options *o, struct digest *digest, struct error *err)
{
    struct descriptor found = {.media_type = NULL};
    autoerror missing = ERROR_INIT;
    if (!o->again && !layout_find(store_oci_fd(o->store), o->name, &found, &missing)) {
        *digest = found.digest;
        descriptor_release(&found);
        return 0;
    }
    struct bootstrap b = {.options = o, .tar = -1, .messages = -1};
    struct platform host;
    platform_host(&host);
    struct emulators *emulators = emulators_new();
    int code = platform_runs_on(&o->platform, &host)
                   ? 0
                   : emulators_find(emulators, o->platform.arch, &b.emulation, err);
    if (!code)
        code = make_image(&b, digest, err);
    emulators_free(emulators);
    return code;
}
