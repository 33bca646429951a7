#include "ca_certs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Debian and Alpine, Fedora, openSUSE, older Red Hat, FreeBSD-like. */
static const char *const usual[] = {"/etc/ssl/certs/ca-certificates.crt",
                                    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                    "/etc/ssl/cert.pem"};

/* -1 with errno. */
static int open_bundle(const char *path)
{
    struct stat s;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &s))
        return -1;
    if (!S_ISREG(s.st_mode)) {
        errno = S_ISDIR(s.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    return take_fd(&fd);
}

int ca_certs_open(const char *path, struct error *err)
{
    const char *asked = path && path[0] ? path : getenv("SSL_CERT_FILE");
    if (asked && asked[0]) {
        int fd = open_bundle(asked);
        return fd >= 0 ? fd : error_errno(err, ERROR_HOST, "open the CA bundle %s", asked);
    }
    for (size_t i = 0; i < COUNT_OF(usual); i++) {
        int fd = open_bundle(usual[i]);
        if (fd >= 0)
            return fd;
    }
    error_set(err, ERROR_HOST, "no CA bundle in the usual places");
    return error_hint(err, "name one with --ca-certs, or install ca-certificates");
}

void ca_certs_environment(struct strv *env)
{
    /* OpenSSL, Go and uv; curl; requests; pip; Node; git; cargo; the AWS tools; Deno. */
    static const char *const files[] = {
        "SSL_CERT_FILE",     "CURL_CA_BUNDLE",      "REQUESTS_CA_BUNDLE",
        "PIP_CERT",          "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO",
        "CARGO_HTTP_CAINFO", "AWS_CA_BUNDLE",       "DENO_CERT"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (!env_get(env, files[i]))
            env_set(env, files[i], CA_CERTS_PATH);
    /* uv's switch to the system's certificates, beside SSL_CERT_FILE, which it honours. */
    if (!env_get(env, "UV_SYSTEM_CERTS"))
        env_set(env, "UV_SYSTEM_CERTS", "true");
}
