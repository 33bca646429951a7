/* Build contexts from elsewhere: a git repository, a URL, standard input. Fetched into a folder of
 * the store's tmp, where they are directories like any other. */
#ifndef BUILDER_CONTEXT_SOURCE_H
#define BUILDER_CONTEXT_SOURCE_H

#include "secrets.h"
#include "ssh_forward.h"

#include <base/error.h>
#include <registry/transport.h>
#include <rootfs/store.h>

#include <stdbool.h>

enum context_kind { CONTEXT_LOCAL, CONTEXT_STDIN, CONTEXT_GIT, CONTEXT_URL };

/* What the text means: "-"; URL.git#REF:SUBDIR and git's other forms; http:// and https://; else a
 * directory of this host, which also wins where it is there. */
enum context_kind context_source_kind(const char *text);

/* Borrowed. */
struct context_source_options {
    struct store *store;
    const struct transport_options *transport;
    const struct secrets *secrets; /* GIT_AUTH_TOKEN, GIT_AUTH_HEADER */
    const struct ssh_sources *ssh; /* its “default” agent serves git over ssh */
};

struct fetched_context {
    struct store *store;
    char *folder; /* in the store's tmp */
    char *path;   /* of the directory, good while this process lives */
    int fd;       /* of it; -1: nothing was fetched */
    bool is_file; /* no archive: it holds this one file, "context" */
};
#define FETCHED_CONTEXT_NONE ((struct fetched_context){.fd = -1})

/* Fetch a context that is not local; tar archives, compressed or not, are unpacked. ERROR_INPUT,
 * ERROR_MISSING, ERROR_NETWORK, ERROR_HOST. */
int context_source_fetch(const char *text, const struct context_source_options *options,
                         struct fetched_context *out, struct error *err);
/* Removes it. */
void fetched_context_release(struct fetched_context *context);

#endif
