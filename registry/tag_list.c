#include "tag_list.h"

#include "layout.h"
#include "link.h"
#include "response_error.h"
#include "session.h"

#include <base/json.h>
#include <base/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_CAP = 4 * 1024 * 1024, PAGES_CAP = 10 * 1000, PAGE_SIZE = 1000 };

static const struct transport_options no_options;

static int no_registry(const struct reference *ref, const char *what, struct error *err)
{
    return error_set(err, ERROR_USAGE, "%s: %s are for registries and OCI layouts", ref->path,
                     what);
}

static int open_layout(const struct reference *ref, struct error *err)
{
    int fd = open(ref->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "open %s",
                                ref->path)
                  : fd;
}

/* One page; *next is the path of the one behind it, or NULL. */
static int read_page(struct session *s, const char *path, struct strv *out, char **next,
                     struct error *err)
{
    struct session_request request = {.method = "GET", .path = path};
    autoexchange *x = NULL;
    autostr body = STR_INIT;
    autojson *json = NULL;
    const char *what = "the list of tags";
    if (session_send(s, &request, &x, err))
        return -1;
    if (http_status(x) != 200)
        return session_refused(s, x, what, err);
    autostrv tags = STRV_INIT;
    if (http_read_all(x, PAGE_CAP, what, &body, err) ||
        json_parse_received(str_text(&body), body.len, what, &json, err) ||
        json_get_strings(json, "tags", what, &tags, err))
        return -1;
    for (size_t i = 0; i < tags.count; i++) {
        if (!reference_tag_valid(tags.items[i]))
            return error_set(err, ERROR_INPUT, "%s has what is no tag", what);
        strv_add(out, tags.items[i]);
    }
    if (out->count > TAGS_CAP)
        return error_set(err, ERROR_INPUT, "more than %d tags", TAGS_CAP);
    *next = link_next(x);
    return 0;
}

static int registry_tags(const struct reference *ref, const struct transport_options *options,
                         struct strv *out, struct error *err)
{
    struct session *s;
    if (session_new_push(ref, options, SESSION_PULL, &s, err))
        return -1;
    char *path = mem_printf("%s/tags/list?n=%d", session_repository(s), PAGE_SIZE);
    int failed = 0;
    for (unsigned page = 0; path && !failed && page < PAGES_CAP; page++) {
        autofree char *this = take(&path);
        failed = read_page(s, this, out, &path, err);
    }
    free(path);
    session_free(s);
    return failed;
}

int image_tags(const struct reference *ref, const struct transport_options *options,
               struct strv *out, struct error *err)
{
    autofree char *name = reference_name(ref);
    if (ref->transport == REFERENCE_REGISTRY)
        return registry_tags(ref, options ? options : &no_options, out, err)
                   ? error_wrap(err, "tags of %s", name)
                   : 0;
    if (ref->transport != REFERENCE_OCI_LAYOUT)
        return no_registry(ref, "tags", err);
    autoclose int fd = open_layout(ref, err);
    return fd < 0 || layout_names(fd, out, err) ? error_wrap(err, "tags of %s", name) : 0;
}

/* The registry does not delete, or not so. */
static int refused(struct session *s, struct http_exchange *x, const struct reference *ref,
                   const char *what, struct error *err)
{
    long status = http_status(x);
    bool by_tag = !digest_is_set(&ref->digest);
    session_refused(s, x, what, err);
    if (status != 405 && status != 400 && status != 501)
        return -1;
    if (err)
        err->kind = ERROR_INPUT;
    free(err ? take(&err->hint) : NULL);
    if (str_eq(ref->host, "ghcr.io"))
        return error_hint(err, "GHCR deletes on the package's page, or by GitHub's own interface, "
                               "alone: https://docs.github.com/packages");
    if (by_tag)
        return error_hint(err,
                          "this registry may delete by digest, which takes all tags of it along: "
                          "imgbuild delete %s/%s@DIGEST",
                          ref->host, ref->repository);
    return error_hint(err, "deleting is switched off there: ask who runs it");
}

static int registry_delete(const struct reference *ref, const struct transport_options *options,
                           struct error *err)
{
    struct session *s;
    const char *which = digest_is_set(&ref->digest) ? ref->digest.text : ref->tag;
    if (session_new_push(ref, options, SESSION_DELETE, &s, err))
        return -1;
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(s), which);
    autofree char *what = mem_printf("manifest %s", which);
    struct session_request request = {.method = "DELETE", .path = path};
    autoexchange *x = NULL;
    int failed = session_send(s, &request, &x, err);
    if (!failed && http_status(x) != 202 && http_status(x) != 200 && http_status(x) != 204)
        failed = refused(s, x, ref, what, err);
    http_close(take(&x));
    session_free(s);
    return failed;
}

static int layout_delete(const struct reference *ref, struct error *err)
{
    const char *which = digest_is_set(&ref->digest) ? ref->digest.text : ref->tag;
    autoclose int fd = open_layout(ref, err);
    if (fd < 0)
        return -1;
    if (!which)
        return error_set(err, ERROR_USAGE, "say which image of %s: oci:%s:NAME", ref->path,
                         ref->path);
    int removed = layout_remove(fd, which, err);
    return removed ? (removed < 0 ? -1 : 0)
                   : error_set(err, ERROR_MISSING, "%s has no image named “%s”", ref->path, which);
}

int image_delete(const struct reference *ref, const struct transport_options *options,
                 struct error *err)
{
    autofree char *name = reference_text(ref);
    if (ref->transport != REFERENCE_REGISTRY && ref->transport != REFERENCE_OCI_LAYOUT)
        return no_registry(ref, "deletions", err);
    int failed = ref->transport == REFERENCE_REGISTRY
                     ? registry_delete(ref, options ? options : &no_options, err)
                     : layout_delete(ref, err);
    return failed ? error_wrap(err, "delete %s", name) : 0;
}
