/* Certificates kept per registry, where Docker and containers' tools look for them: the first
 * directory HOST[:PORT] there is below ~/.config/containers/certs.d, /etc/containers/certs.d,
 * /etc/docker/certs.d. In it *.crt are authorities to trust besides the system's, NAME.cert and
 * NAME.key a client's certificate and key (containers-certs.d(5)). Private. */
#ifndef REGISTRY_HOST_CERTS_H
#define REGISTRY_HOST_CERTS_H

#include <base/error.h>
#include <base/str.h>

struct host_certs {
    struct strv authorities; /* paths of *.crt, sorted */
    char *cert, *key;        /* paths; NULL: none */
};

/* For a host as references have it ("ghcr.io", "127.0.0.1:5000"). Finding none is no error.
 * ERROR_INPUT for a certificate without its key, or a key without its certificate. */
int host_certs_find(const char *host, struct host_certs *out, struct error *err);
/* The same in one directory. */
int host_certs_in(const char *directory, struct host_certs *out, struct error *err);
void host_certs_release(struct host_certs *c);

#endif
