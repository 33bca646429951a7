#include "referrers.h"

#include "link.h"
#include "manifest_put.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>

enum { NOTE_TRIES = 4, PAGES_CAP = 100 };

/* "sha256-HEX": distribution-spec 1.1, "Referrers Tag Schema". */
static char *fallback_tag(const struct digest *subject)
{
    size_t n = (size_t)(digest_hex(subject) - subject->text) - 1;
    return mem_printf("%.*s-%.64s", (int)n, subject->text, digest_hex(subject));
}

static int add(struct artifacts *out, const json_t *item, const char *type, const char *where,
               struct error *err)
{
    const char *its_type;
    struct artifact artifact = {.type = NULL};
    if (json_get_string(item, "artifactType", "", where, &its_type, err))
        return -1;
    if (type && !str_eq(type, its_type))
        return 0;
    if (out->count >= REFERRERS_CAP)
        return error_set(err, ERROR_INPUT, "%s: more than %d referrers", where, REFERRERS_CAP);
    if (descriptor_parse(item, where, &artifact.manifest, err))
        return -1;
    artifact.type = mem_strdup(its_type);
    MEM_PUSH(out->items, out->count, out->cap) = artifact;
    return 0;
}

static int add_all(struct artifacts *out, const struct str *body, const char *type,
                   const char *where, struct error *err)
{
    automanifest index = {0};
    autojson *root = NULL;
    json_t *items;
    const json_t *item;
    size_t i;
    if (manifest_parse(str_text(body), body->len, NULL, where, &index, err) ||
        json_parse_received(index.bytes, index.size, where, &root, err) ||
        json_get_array(root, "manifests", where, &items, err))
        return -1;
    if (!index.is_index)
        return error_set(err, ERROR_INPUT, "%s is no index", where);
    json_array_foreach (items, i, item)
        if (add(out, item, type, where, err))
            return -1;
    return 0;
}

/* GET: 1 with its body, 0 where the registry has no such thing, -1 error. Where it sends us on we
 * don't go: GHCR answers the referrers API with a page for browsers. */
static int get(struct session *s, const char *path, const char *what, struct str *body, char **next,
               struct error *err)
{
    struct session_request request = {
        .method = "GET", .path = path, .accept = MEDIA_OCI_INDEX, .no_redirect = true};
    autoexchange *x = NULL;
    if (session_send(s, &request, &x, err))
        return -1;
    long status = http_status(x);
    if (status == 401 || status == 403 || status >= 500)
        return session_refused(s, x, what, err);
    if (status != 200)
        return 0;
    *next = link_next(x);
    return http_read_all(x, IMAGE_MANIFEST_CAP, what, body, err) ? -1 : 1;
}

static int get_tagged(struct session *s, const struct digest *subject, struct str *body,
                      struct error *err)
{
    autofree char *tag = fallback_tag(subject), *next = NULL;
    autofree char *path = mem_printf("%s/manifests/%s", session_repository(s), tag);
    return get(s, path, "the list of referrers", body, &next, err);
}

int referrers_get(struct session *s, const struct digest *subject, const char *type,
                  struct artifacts *out, struct error *err)
{
    autofree char *where = mem_printf("referrers of %s", subject->text);
    autofree char *path = mem_printf("%s/referrers/%s", session_repository(s), subject->text);
    for (unsigned page = 0; page < PAGES_CAP && path; page++) {
        autostr body = STR_INIT;
        autofree char *next = NULL;
        int found = get(s, path, "the list of referrers", &body, &next, err);
        if (!found && !page)
            found = get_tagged(s, subject, &body, err);
        if (found <= 0)
            return found;
        if (add_all(out, &body, type, where, err))
            return -1;
        free(path);
        path = take(&next);
    }
    return 0;
}

static json_t *entry_json(const struct artifact *a)
{
    json_t *json = descriptor_json(&a->manifest);
    json_object_set_new(json, "artifactType", json_string(a->type));
    return json;
}

/* The index under the tag with the artifact in it: 1 it was there, 0 *out is to be put. */
static int with_artifact(const struct str *old, const struct artifact *artifact, const char *where,
                         struct manifest *out, struct error *err)
{
    autojson *index = NULL;
    json_t *items;
    const json_t *item;
    size_t i;
    if (old->len && json_parse_received(old->data, old->len, where, &index, err))
        return -1;
    if (!index)
        index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX,
                          "manifests");
    if (json_get_array(index, "manifests", where, &items, err))
        return -1;
    json_array_foreach (items, i, item) {
        const char *digest = json_string_value(json_object_get(item, "digest"));
        if (str_eq(digest, artifact->manifest.digest.text))
            return 1;
    }
    json_array_append_new(items, entry_json(artifact));
    autofree char *text = json_text(index);
    return manifest_parse(text, strlen(text), MEDIA_OCI_INDEX, where, out, err);
}

int referrers_note(struct session *s, const struct digest *subject, const struct artifact *artifact,
                   struct error *err)
{
    autofree char *tag = fallback_tag(subject);
    autofree char *where = mem_printf("referrers of %s", subject->text);
    for (unsigned tries = 1;; tries++) {
        autostr old = STR_INIT;
        automanifest index = {0};
        autoerror problem = ERROR_INIT;
        if (get_tagged(s, subject, &old, err) < 0)
            return -1;
        int there = with_artifact(&old, artifact, where, &index, err);
        if (there)
            return there < 0 ? -1 : 0;
        /* Read back by manifest_put: another's index that came in between is one to add to. */
        if (!manifest_put(s, &index, tag, NULL, &problem))
            return 0;
        if (problem.kind != ERROR_INTEGRITY || tries == NOTE_TRIES)
            return error_move(err, &problem);
        error_ignore(&problem, "somebody else noted another artifact");
    }
}
