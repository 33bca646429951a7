/* SSH agents for steps: what --ssh gives, and a socket of a step's own behind which one of them
 * answers. The step sees neither the host's socket nor any key. */
#ifndef BUILDER_SSH_FORWARD_H
#define BUILDER_SSH_FORWARD_H

#include <base/error.h>
#include <base/str.h>
#include <rootfs/owner.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ssh_source {
    char *id;
    char *socket;     /* an agent's */
    struct strv keys; /* or private keys, which an agent of ours will hold */
};

struct ssh_sources {
    struct ssh_source *items;
    size_t count, cap;
};

/* "default", "ID", "ID=SOCKET" or "ID=KEY[,KEY…]"; an ID alone means the agent of $SSH_AUTH_SOCK.
 * ERROR_USAGE; ERROR_MISSING where a file isn't there. */
int ssh_sources_add(struct ssh_sources *sources, const char *spec, struct error *err);
void ssh_sources_release(struct ssh_sources *sources);
/* NULL: there is none. sources may be NULL. */
const struct ssh_source *ssh_sources_find(const struct ssh_sources *sources, const char *id);

/* Where a step's socket is made, and whose it is. */
struct ssh_place {
    int dir_fd; /* of this process's own */
    const char *name;
    mode_t mode;
    uint32_t uid, gid;
    struct owners *owners; /* how owners are kept; NULL: by the kernel */
};

struct ssh_forward;
/* Make the socket and serve it on a thread until ssh_forward_stop, which removes it. ERROR_HOST. */
int ssh_forward_start(const struct ssh_source *source, const struct ssh_place *place,
                      struct ssh_forward **out, struct error *err);
void ssh_forward_stop(struct ssh_forward *forward); /* NULL is fine */

#endif
