/* One run of blobs in transfer: shows each, and lets the others stop soon after one failed.
 * Private. */
#ifndef REGISTRY_TRANSFER_H
#define REGISTRY_TRANSFER_H

#include <base/progress.h>
#include <base/stream.h>

#include <stdatomic.h>

struct transfer {
    struct progress *progress; /* or NULL */
    atomic_bool failed;
};

/* A source that counts what is read from inner (owned) in the task (may be NULL), and fails with
 * ERROR_INTERRUPTED once another blob of the transfer failed or the user asked to stop. */
struct source *transfer_source(struct transfer *t, struct progress_task *task,
                               struct source *inner);
/* "layer 5f3c2e1a9b04" for people. total: bytes. */
struct progress_task *transfer_task(struct transfer *t, const char *verb,
                                    const struct digest *digest, int64_t total);

#endif
