#include "step_add.h"

#include "step_copy.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/download.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_url(const char *text)
{
    return str_starts(text, "http://") || str_starts(text, "https://");
}

/* The name of the file that a URL gives: the last part of its path. */
static char *file_name(const char *url)
{
    const char *path = strstr(url, "://") + 3;
    autofree char *plain = mem_strndup(path, strcspn(path, "?#"));
    const char *slash = strrchr(plain, '/');
    return mem_strdup(slash ? slash + 1 : "");
}

/* ADD gives what it downloads these permissions, and the server's time. */
static int settle(int fd, const char *url, int64_t last_modified, struct error *err)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    if (last_modified >= 0)
        times[1] = (struct timespec){.tv_sec = (time_t)last_modified};
    if (fchmod(fd, 0600) || futimens(fd, times))
        return error_errno(err, ERROR_HOST, "keep %s", url);
    return 0;
}

static int check_digest(const char *path, int dir, const char *url, const char *wanted,
                        struct error *err)
{
    struct digest digest;
    autosource *file = NULL;
    if (digest_parse(wanted, &digest, err))
        return error_wrap(err, "--checksum");
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "read what was downloaded");
    file = source_verified(source_from_fd(fd, url), &digest, -1, url);
    char buffer[16384];
    ssize_t n;
    while ((n = source_read(file, buffer, sizeof buffer, err)) > 0)
        ;
    return n < 0 ? -1 : 0;
}

static int fetch(struct step *step, const char *url, const char *name, struct error *err)
{
    int64_t last_modified = -1;
    int fd = openat(step->downloads, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "keep %s", url);
    autosink *file = sink_to_fd(fd, name);
    if (download(url, step->session->options->transport, file, &last_modified, err) ||
        settle(fd, url, last_modified, err))
        return -1;
    const struct flag *checksum = instruction_flag(step->in, "checksum");
    return checksum ? check_digest(name, step->downloads, url, checksum->value, err) : 0;
}

/* Fetch every source; the instruction then names files. */
static int fetch_all(struct step *step, struct instruction *in, struct error *err)
{
    const char *destination = in->args[in->arg_count - 1].text;
    for (size_t i = 0; i + 1 < in->arg_count; i++) {
        struct word *source = &in->args[i];
        autofree char *name = file_name(source->text);
        if (!*name && str_ends(destination, "/")) {
            error_set(err, ERROR_INPUT, "%s names no file", source->text);
            error_hint(err, "give the destination a file's name");
            return dockerfile_error_at(step->file, source->at, err);
        }
        if (!*name) {
            free(name);
            name = mem_strdup("download");
        }
        if (fetch(step, source->text, name, err))
            return dockerfile_error_at(step->file, source->at, err);
        free(source->text);
        source->text = take(&name);
    }
    return 0;
}

static int add_downloads(struct step *step, struct error *err)
{
    struct store *store = step->session->options->store;
    autofree char *folder = store_tmp_name(store, "download");
    if (mkdirat(store_tmp_fd(store), folder, 0700))
        return error_errno(err, ERROR_HOST, "make a directory in the store");
    step->downloads = openat(store_tmp_fd(store), folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct instruction named;
    instruction_copy(&named, step->in);
    int result = fetch_all(step, &named, err);
    if (!result) {
        step->in = &named;
        result = step_copy(step, err);
    }
    mem_close_at(&step->downloads);
    instruction_release(&named);
    autoerror ignored = ERROR_INIT;
    if (path_remove_tree(store_tmp_fd(store), folder, &ignored))
        error_ignore(&ignored, "it goes with the store's tmp");
    return result;
}

int step_add(struct step *step, struct error *err)
{
    size_t urls = 0, sources = step->in->arg_count - 1;
    for (size_t i = 0; i < sources; i++) {
        const struct word *source = &step->in->args[i];
        if (str_starts(source->text, "git@") || str_starts(source->text, "git://") ||
            (is_url(source->text) && str_ends(source->text, ".git"))) {
            error_set(err, ERROR_INPUT, "ADD of a git repository is not supported yet");
            return dockerfile_error_at(step->file, source->at, err);
        }
        urls += is_url(source->text);
    }
    if (!urls)
        return step_copy(step, err);
    if (urls == sources)
        return add_downloads(step, err);
    error_set(err, ERROR_INPUT, "ADD of URLs and files in one instruction is not supported yet");
    error_hint(err, "write an ADD for each");
    return step_error(step, err);
}

/* What Docker recognises by content: tar itself, and what tars are compressed with. */
static bool looks_like_archive(const unsigned char *head, size_t n)
{
    static const struct {
        size_t offset, size;
        const char *bytes;
    } magic[] = {{257, 5, "ustar"},
                 {0, 2, "\x1f\x8b"},
                 {0, 3, "BZh"},
                 {0, 6,
                  "\xfd"
                  "7zXZ\0"},
                 {0, 4, "\x28\xb5\x2f\xfd"}};
    for (size_t i = 0; i < COUNT_OF(magic); i++)
        if (n >= magic[i].offset + magic[i].size &&
            !memcmp(head + magic[i].offset, magic[i].bytes, magic[i].size))
            return true;
    return false;
}

int step_add_refuse_archives(const struct step *step, const struct copy_list *list,
                             const struct copy_tree *tree, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        unsigned char head[512];
        if (!list->items[i].single || !S_ISREG(list->items[i].st.st_mode))
            continue;
        autoclose int fd = path_open_in_root(tree->root_fd, list->items[i].path, O_RDONLY, 0);
        ssize_t n = fd < 0 ? 0 : io_read(fd, head, sizeof head);
        if (n <= 0 || !looks_like_archive(head, (size_t)n))
            continue;
        error_set(err, ERROR_INPUT,
                  "ADD of an archive (%s), which would be unpacked, is not supported yet",
                  list->items[i].path);
        error_hint(err, "unpack it before the build, or COPY it and unpack it in a RUN");
        return step_error(step, err);
    }
    return 0;
}
