/* Names of images: "ghcr.io/owner/name:tag@sha256:…", with an optional transport before it.
 *
 * Grammar: the distribution project's reference grammar; short names get docker.io/library as
 * Docker does. Transports: docker:// (a registry; the default), oci:PATH[:TAG|@DIGEST],
 * oci-archive:PATH[:TAG], docker-archive:PATH[:REF], dir:PATH (an unpacked root directory;
 * imgverify only). */
#ifndef REGISTRY_REFERENCE_H
#define REGISTRY_REFERENCE_H

#include <base/digest.h>
#include <base/error.h>

#include <stdbool.h>

enum reference_transport {
    REFERENCE_REGISTRY,
    REFERENCE_OCI_LAYOUT,
    REFERENCE_OCI_ARCHIVE,
    REFERENCE_DOCKER_ARCHIVE,
    REFERENCE_DIRECTORY,
};

struct reference {
    enum reference_transport transport;
    char *host;       /* "ghcr.io", "127.0.0.1:5000", "docker.io"; NULL for files */
    char *repository; /* "owner/name"; NULL for files */
    char *path;       /* of a file or directory; NULL for a registry */
    char *tag;        /* NULL where none was given (for a registry without a digest: "latest") */
    struct digest digest; /* none where not given */
    bool bare;            /* no host was given: docker.io stands for it */
};

/* Parse text. existing_file: a bare name that is an existing file or directory means that file (its
 * kind found by looking), as imgverify wants. ERROR_INPUT says what is wrong: an upper-case
 * repository name gets the lower-case one as its hint. */
int reference_parse(const char *text, bool existing_file, struct reference *out, struct error *err);
void reference_release(struct reference *ref);
#define autoreference __attribute__((cleanup(reference_release))) struct reference
void reference_copy(const struct reference *from, struct reference *to);
/* The full form; the caller frees it. */
char *reference_text(const struct reference *ref) __attribute__((returns_nonnull));
/* "host/repository" for a registry, the path for a file; the caller frees it. */
char *reference_name(const struct reference *ref) __attribute__((returns_nonnull));
/* True for a valid tag: [A-Za-z0-9_][A-Za-z0-9._-]{0,127}. */
bool reference_tag_valid(const char *tag);
/* True where the host is a loopback name or address, which may speak plain HTTP. */
bool reference_host_is_loopback(const char *host);

#endif
