/* The host's CA bundle, laid over steps and checks so that TLS works behind a company's proxy.
 * Neither the bundle nor the variables are ever recorded in an image or a cache key. */
#ifndef ROOTFS_CA_CERTS_H
#define ROOTFS_CA_CERTS_H

#include <base/error.h>
#include <base/str.h>

/* Where the sandbox shows the bundle (in its private /dev, so that no image is touched). */
#define CA_CERTS_PATH "/dev/ca-certificates.crt"

/* Open the host's bundle: path where given, else $SSL_CERT_FILE, else the first of the
 * distributions' usual places. Returns a descriptor, or -1: ERROR_HOST. */
int ca_certs_open(const char *path, struct error *err);
/* Add the variables that TLS clients read (SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE,
 * PIP_CERT, NODE_EXTRA_CA_CERTS, GIT_SSL_CAINFO, UV_SYSTEM_CERTS, …), unless env sets them already.
 */
void ca_certs_environment(struct strv *env);

#endif
