#include "layout.h"

#include "layout_index.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char layout_mark[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
static const char empty_index[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}";

static int check_mark(const struct str *text, struct error *err)
{
    autojson *json = NULL;
    const char *version;
    if (json_parse_received(str_text(text), text->len, "oci-layout", &json, err) ||
        json_get_string(json, "imageLayoutVersion", "", "oci-layout", &version, err))
        return -1;
    if (strcmp(version, "1.0.0") != 0)
        return error_set(err, ERROR_INPUT, "oci-layout: version “%.40s” is not 1.0.0", version);
    return 0;
}

/* A directory that is empty, or was left by an interrupted start. */
static int check_startable(int dir_fd, struct error *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        error_errno(err, ERROR_INPUT, "open the layout's directory");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        const char *name = e->d_name;
        bool ours = str_eq(name, ".") || str_eq(name, "..") || str_eq(name, "blobs") ||
                    str_starts(name, "index.json") || str_starts(name, "oci-layout");
        if (!ours)
            return error_set(err, ERROR_INPUT,
                             "the directory is no OCI image layout, and not empty: it holds “%s”",
                             name);
    }
    return 0;
}

static int make_dir(int dir_fd, const char *name, struct error *err)
{
    if (mkdirat(dir_fd, name, 0755) && errno != EEXIST)
        return error_errno(err, ERROR_HOST, "make directory %s", name);
    return 0;
}

/* Absent, or without its bytes, as a power cut can leave a file that was just renamed. */
static bool is_lost(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ? errno == ENOENT : !st.st_size;
}

static int init_index(int dir_fd, struct error *err)
{
    if (!is_lost(dir_fd, "index.json"))
        return 0;
    return io_write_file(dir_fd, "index.json", empty_index, sizeof empty_index - 1, 0644, 0, err);
}

int layout_init(int dir_fd, struct error *err)
{
    autostr mark = STR_INIT;
    autoerror absent = ERROR_INIT;
    if (!io_read_file(dir_fd, "oci-layout", 4096, &mark, &absent) && mark.len)
        return check_mark(&mark, err) || init_index(dir_fd, err) ? -1 : 0;
    if (absent.kind != ERROR_NONE && absent.kind != ERROR_MISSING)
        return error_move(err, &absent);
    /* oci-layout comes last: it says that the rest is there. */
    if (check_startable(dir_fd, err) || make_dir(dir_fd, "blobs", err) ||
        make_dir(dir_fd, "blobs/sha256", err) || init_index(dir_fd, err))
        return -1;
    return io_write_file(dir_fd, "oci-layout", layout_mark, sizeof layout_mark - 1, 0644, 0, err);
}

bool layout_has_blob(int dir_fd, const struct digest *digest, int64_t size)
{
    autofree char *path = layout_blob_name(digest);
    struct stat st;
    return !fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
           (size < 0 || st.st_size == size);
}

int layout_open_blob(int dir_fd, const struct digest *digest, struct source **out,
                     struct error *err)
{
    autofree char *path = layout_blob_name(digest);
    struct stat st;
    /* O_NONBLOCK: a layout from elsewhere may have a fifo there. */
    autoclose int fd = path_open_beneath(dir_fd, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "blob %s",
                           digest->text);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return error_set(err, ERROR_INPUT, "blob %s is not a regular file", digest->text);
    *out = source_from_fd(take_fd(&fd), digest->text);
    return 0;
}

/* A blob being written: a file without a name where the file system can do that, so that nothing
 * is left behind whatever ends us; else one that starts with a dot. */
struct blob_sink {
    struct sink sink;
    int dir_fd; /* of blobs/ALG */
    int fd;
    char name[32]; /* "": without a name */
    struct digest digest;
};

static int blob_write(struct sink *self, const void *bytes, size_t n, struct error *err)
{
    struct blob_sink *s = (struct blob_sink *)self;
    if (io_write(s->fd, bytes, n))
        return error_errno(err, ERROR_HOST, "write blob %s", s->digest.text);
    return 0;
}

static int give_name(struct blob_sink *s)
{
    char link[48];
    char name[17];
    snprintf(link, sizeof link, "/proc/self/fd/%d", s->fd);
    io_random_name(name);
    snprintf(s->name, sizeof s->name, ".new-%s", name);
    if (!linkat(AT_FDCWD, link, s->dir_fd, s->name, AT_SYMLINK_FOLLOW) ||
        !linkat(s->fd, "", s->dir_fd, s->name, AT_EMPTY_PATH))
        return 0;
    s->name[0] = '\0';
    return -1;
}

static int blob_finish(struct sink *self, struct error *err)
{
    struct blob_sink *s = (struct blob_sink *)self;
    if ((!s->name[0] && give_name(s)) ||
        io_rename(s->dir_fd, s->name, s->dir_fd, digest_hex(&s->digest)))
        return error_errno(err, ERROR_HOST, "keep blob %s", s->digest.text);
    s->name[0] = '\0';
    return 0;
}

static void blob_close(struct sink *self)
{
    struct blob_sink *s = (struct blob_sink *)self;
    if (s->name[0])
        unlinkat(s->dir_fd, s->name, 0);
    close(s->fd);
    close(s->dir_fd);
    free(s);
}

/* The directory of the digest's algorithm, made where it is absent. */
static int open_algorithm(int dir_fd, const struct digest *digest, struct error *err)
{
    autofree char *blob = layout_blob_name(digest);
    autofree char *path = path_dir(blob);
    int fd = path_open_beneath(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 && errno == ENOENT && !mkdirat(dir_fd, path, 0755))
        fd = path_open_beneath(dir_fd, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "open the layout's %s", path);
    return fd;
}

int layout_new_blob(int dir_fd, const struct digest *digest, struct sink **out, struct error *err)
{
    autoclose int at = open_algorithm(dir_fd, digest, err);
    if (at < 0)
        return -1;
    char name[32] = "";
    int fd = io_fault() ? -1 : openat(at, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        char unique[17];
        io_random_name(unique);
        snprintf(name, sizeof name, ".new-%s", unique);
        fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    }
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "write blob %s", digest->text);
    struct blob_sink *s = mem_zalloc(1, sizeof *s);
    s->sink = (struct sink){blob_write, blob_finish, blob_close};
    s->dir_fd = take_fd(&at);
    s->fd = fd;
    s->digest = *digest;
    memcpy(s->name, name, sizeof name);
    *out = &s->sink;
    return 0;
}

int layout_adopt_blob(int dir_fd, int from_dir_fd, const char *name, const struct digest *digest,
                      struct error *err)
{
    autoclose int at = open_algorithm(dir_fd, digest, err);
    if (at < 0)
        return -1;
    if (io_rename(from_dir_fd, name, at, digest_hex(digest)))
        return error_errno(err, ERROR_HOST, "keep blob %s", digest->text);
    return 0;
}

int layout_put_blob(int dir_fd, const struct digest *digest, const void *bytes, size_t n,
                    struct error *err)
{
    /* Written also where it is there: a damaged one is mended so, and it is small. */
    autosink *sink = NULL;
    return layout_new_blob(dir_fd, digest, &sink, err) || sink_write(sink, bytes, n, err) ||
                   sink_finish(sink, err)
               ? -1
               : 0;
}

int layout_put_bytes(int dir_fd, const void *bytes, size_t n, struct digest *digest,
                     struct error *err)
{
    struct digest found;
    digest_bytes(bytes, n, &found);
    if (layout_put_blob(dir_fd, &found, bytes, n, err))
        return -1;
    if (digest)
        *digest = found;
    return 0;
}
