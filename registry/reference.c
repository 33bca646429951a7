#include "reference.h"

#include "archive_kind.h"

#include <base/mem.h>
#include <base/str.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ALNUM LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

enum { REFERENCE_CAP = 4096, NAME_CAP = 255 };

static const struct {
    const char *prefix;
    enum reference_transport transport;
} transports[] = {
    {"docker://", REFERENCE_REGISTRY},       {"oci:", REFERENCE_OCI_LAYOUT},
    {"oci-archive:", REFERENCE_OCI_ARCHIVE}, {"docker-archive:", REFERENCE_DOCKER_ARCHIVE},
    {"dir:", REFERENCE_DIRECTORY},
};

bool reference_tag_valid(const char *tag)
{
    size_t n = strlen(tag);
    return n >= 1 && n <= 128 && strspn(tag, ALNUM "_.-") == n && *tag != '.' && *tag != '-';
}

/* path-component := [a-z0-9]+ ((\.|_|__|-+) [a-z0-9]+)* */
static bool component_valid(const char *s, size_t n)
{
    const char *end = s + n;
    for (;;) {
        size_t word = strspn(s, LOWER DIGITS);
        if (word > (size_t)(end - s))
            word = (size_t)(end - s);
        s += word;
        if (!word || s == end)
            return word != 0;
        if (*s == '.')
            s++;
        else if (*s == '_')
            s += s[1] == '_' ? 2 : 1;
        else if (*s == '-')
            s += strspn(s, "-");
        else
            return false;
        if (s >= end)
            return false;
    }
}

static bool repository_valid(const char *name)
{
    for (const char *s = name;; s++) {
        size_t n = strcspn(s, "/");
        if (!component_valid(s, n))
            return false;
        s += n;
        if (!*s)
            return true;
    }
}

static bool port_valid(const char *port)
{
    return *port && str_number(port, 65535) > 0;
}

/* Labels of letters, digits and inner dashes, parted by dots. */
static bool host_name_valid(const char *s, size_t n)
{
    const char *end = s + n;
    while (s <= end) {
        const char *dot = memchr(s, '.', (size_t)(end - s));
        const char *stop = dot ? dot : end;
        if (stop == s || *s == '-' || stop[-1] == '-' || s + strspn(s, ALNUM "-") < stop)
            return false;
        s = stop + 1;
    }
    return true;
}

static bool host_valid(const char *host)
{
    const char *end;
    if (*host == '[') {
        end = strchr(host, ']');
        struct in6_addr address;
        autofree char *inner = end ? mem_strndup(host + 1, (size_t)(end - host - 1)) : NULL;
        if (!inner || inet_pton(AF_INET6, inner, &address) != 1)
            return false;
        end++;
    } else {
        end = strchrnul(host, ':');
        if (!host_name_valid(host, (size_t)(end - host)))
            return false;
    }
    return !*end || (*end == ':' && port_valid(end + 1));
}

/* Docker's rule: what stands before the first slash is a host where it has a dot or a colon, is
 * "localhost" or has an upper-case letter. */
static bool names_host(const char *s, size_t n)
{
    if (n == 9 && !strncmp(s, "localhost", 9))
        return true;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
            return true;
    return false;
}

static int check_repository(const char *text, const char *name, struct error *err)
{
    if (repository_valid(name))
        return 0;
    autofree char *lower = str_lower(mem_strdup(name));
    if (strcmp(lower, name) != 0 && repository_valid(lower)) {
        error_set(err, ERROR_INPUT, "“%s”: the repository name has upper-case letters", text);
        return error_hint(err, "registries take lower case only: %s", lower);
    }
    error_set(err, ERROR_INPUT, "“%s”: “%s” is not a repository name", text, name);
    return error_hint(err, "it is made of lower-case letters and digits, parted by '/', '.', '_' "
                           "or '-', as in ghcr.io/owner/name:tag");
}

/* Cut "@digest" off the end of name. */
static int take_digest(char *name, struct digest *out, struct error *err)
{
    char *at = strchr(name, '@');
    if (!at)
        return 0;
    *at = '\0';
    return digest_parse(at + 1, out, err);
}

static int take_tag(const char *text, char *name, char **tag, struct error *err)
{
    char *slash = strrchr(name, '/');
    char *colon = strchr(slash ? slash : name, ':');
    if (!colon)
        return 0;
    *colon = '\0';
    if (!reference_tag_valid(colon + 1)) {
        error_set(err, ERROR_INPUT, "“%s”: “%s” is not a tag", text, colon + 1);
        return error_hint(err, "a tag has up to 128 letters, digits, '_', '.' and '-', and starts "
                               "with none of the last two");
    }
    *tag = mem_strdup(colon + 1);
    return 0;
}

/* "host/repository" with what Docker adds to short names. */
static int split_host(const char *text, const char *name, struct reference *r, struct error *err)
{
    const char *slash = strchr(name, '/');
    if (slash && names_host(name, (size_t)(slash - name))) {
        r->host = mem_strndup(name, (size_t)(slash - name));
        name = slash + 1;
        if (str_eq(r->host, "index.docker.io")) {
            free(r->host);
            r->host = mem_strdup("docker.io");
        }
    } else {
        r->host = mem_strdup("docker.io");
        r->bare = true;
    }
    if (!host_valid(r->host))
        return error_set(err, ERROR_INPUT, "“%s”: “%s” is not a host name", text, r->host);
    if (check_repository(text, name, err))
        return -1;
    bool official = str_eq(r->host, "docker.io") && !strchr(name, '/');
    r->repository = official ? mem_printf("library/%s", name) : mem_strdup(name);
    if (strlen(r->host) + 1 + strlen(r->repository) > NAME_CAP)
        return error_set(err, ERROR_INPUT, "“%.64s…”: the name is longer than %d characters", text,
                         NAME_CAP);
    return 0;
}

static int parse_registry(const char *text, const char *rest, struct reference *r,
                          struct error *err)
{
    if (str_starts(rest, "http://") || str_starts(rest, "https://")) {
        error_set(err, ERROR_INPUT, "“%s” is a URL, not the name of an image", text);
        return error_hint(err, "leave “%.*s” out", (int)(strstr(rest, "//") + 2 - rest), rest);
    }
    autofree char *name = mem_strdup(rest);
    if (take_digest(name, &r->digest, err))
        return error_wrap(err, "“%s”", text);
    if (take_tag(text, name, &r->tag, err))
        return -1;
    if (!*name)
        return error_set(err, ERROR_INPUT, "“%s”: the name of the image is missing", text);
    if (strlen(name) == 64 && strspn(name, DIGITS "abcdef") == 64) {
        error_set(err, ERROR_INPUT, "“%s” is an image id, which no registry knows", text);
        return error_hint(err, "name the image, or its digest as NAME@sha256:…");
    }
    if (split_host(text, name, r, err))
        return -1;
    if (!r->tag && !digest_is_set(&r->digest))
        r->tag = mem_strdup("latest");
    return 0;
}

/* PATH[:NAME] or PATH@DIGEST. What follows the first colon is the name of an entry, which may hold
 * colons of its own. */
static int parse_file(const char *text, const char *rest, struct reference *r, struct error *err)
{
    autofree char *path = mem_strdup(rest);
    char *at = strstr(path, "@sha256:");
    if (!at)
        at = strstr(path, "@sha512:");
    if (at && take_digest(at, &r->digest, err))
        return error_wrap(err, "“%s”", text);
    char *colon = r->transport == REFERENCE_DIRECTORY ? NULL : strchr(path, ':');
    if (colon) {
        *colon = '\0';
        const char *name = colon + 1;
        if (!*name || strlen(name) > NAME_CAP || strspn(name, ALNUM "-._:@/+") != strlen(name))
            return error_set(err, ERROR_INPUT, "“%s”: “%s” is not the name of an image in a file",
                             text, name);
        r->tag = mem_strdup(name);
    }
    if (!*path)
        return error_set(err, ERROR_INPUT, "“%s”: the path is missing", text);
    r->path = take(&path);
    return 0;
}

/* A bare name that is a file. 1 where it was one. */
static int parse_existing(const char *text, struct reference *r, struct error *err)
{
    struct stat st;
    if (stat(text, &st))
        return 0;
    if (S_ISDIR(st.st_mode)) {
        autofree char *mark = mem_printf("%s/oci-layout", text);
        r->transport = access(mark, F_OK) ? REFERENCE_DIRECTORY : REFERENCE_OCI_LAYOUT;
    } else if (S_ISREG(st.st_mode)) {
        if (archive_kind(text, &r->transport, err))
            return -1;
    } else {
        return 0;
    }
    r->path = mem_strdup(text);
    return 1;
}

static int parse(const char *text, bool existing_file, struct reference *r, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(transports); i++) {
        if (!str_starts(text, transports[i].prefix))
            continue;
        r->transport = transports[i].transport;
        const char *rest = text + strlen(transports[i].prefix);
        return r->transport == REFERENCE_REGISTRY ? parse_registry(text, rest, r, err)
                                                  : parse_file(text, rest, r, err);
    }
    if (existing_file) {
        int found = parse_existing(text, r, err);
        if (found)
            return found < 0 ? -1 : 0;
    }
    return parse_registry(text, text, r, err);
}

int reference_parse(const char *text, bool existing_file, struct reference *out, struct error *err)
{
    if (strlen(text) > REFERENCE_CAP)
        return error_set(err, ERROR_INPUT, "“%.64s…” is too long for the name of an image", text);
    autoreference r = {0};
    if (parse(text, existing_file, &r, err))
        return -1;
    *out = r;
    r = (struct reference){0};
    return 0;
}

void reference_release(struct reference *ref)
{
    free(ref->host);
    free(ref->repository);
    free(ref->path);
    free(ref->tag);
    *ref = (struct reference){0};
}

void reference_copy(const struct reference *from, struct reference *to)
{
    *to = (struct reference){
        .transport = from->transport,
        .host = mem_strdup_null(from->host),
        .repository = mem_strdup_null(from->repository),
        .path = mem_strdup_null(from->path),
        .tag = mem_strdup_null(from->tag),
        .digest = from->digest,
        .bare = from->bare,
    };
}

char *reference_text(const struct reference *ref)
{
    autostr text = STR_INIT;
    for (size_t i = 0; i < COUNT_OF(transports); i++)
        if (transports[i].transport == ref->transport && ref->transport != REFERENCE_REGISTRY)
            str_add(&text, transports[i].prefix);
    autofree char *name = reference_name(ref);
    str_add(&text, name);
    if (ref->tag)
        str_addf(&text, ":%s", ref->tag);
    if (digest_is_set(&ref->digest))
        str_addf(&text, "@%s", ref->digest.text);
    return str_take(&text);
}

char *reference_name(const struct reference *ref)
{
    if (ref->transport == REFERENCE_REGISTRY)
        return mem_printf("%s/%s", ref->host, ref->repository);
    return mem_strdup(ref->path);
}

bool reference_host_is_loopback(const char *host)
{
    autofree char *name = mem_strdup(host);
    if (*name == '[') {
        char *end = strchr(name, ']');
        struct in6_addr six;
        if (!end || (end[1] && end[1] != ':'))
            return false;
        *end = '\0';
        return inet_pton(AF_INET6, name + 1, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
    }
    *strchrnul(name, ':') = '\0';
    struct in_addr four;
    if (inet_pton(AF_INET, name, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return str_eq(name, "localhost");
}
