/* How steps and checks are kept apart from the host: a choice on two axes, so that a new host is a
 * new pair of answers and not a new sandbox.
 *
 * A program's main calls mode_enter once, before any thread is there. For the modes of an ordinary
 * user the process itself then enters a user namespace and a mount namespace (never a pid
 * namespace), where it is uid 0, so that everything after runs as it does for root. $HOME and the
 * rest of the environment stay the user's. */
#ifndef ROOTFS_MODE_H
#define ROOTFS_MODE_H

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

enum mode_name {
    MODE_AUTO, /* the first of ROOT, USERNS, SINGLE, CHROOT, NONE that this host allows */
    MODE_ROOT,
    MODE_USERNS,
    MODE_SINGLE,
    MODE_CHROOT,
    MODE_TAKEOVER,
    MODE_NONE, /* no step can run; layers are still made, and looked at */
    MODE_NAMES
};

/* Whom a step's calls for ids reach. */
enum mode_ids {
    MODE_IDS_REAL,   /* the kernel, as uid 0 of the host, the container or the pod */
    MODE_IDS_MAPPED, /* the kernel, in a user namespace with subordinate ids */
    MODE_IDS_FAKED,  /* a notifier that answers as root would be answered */
};

/* How a step comes to see the image's root. */
enum mode_view {
    MODE_VIEW_MOUNTS,   /* namespaces, mounts, pivot_root */
    MODE_VIEW_CHROOT,   /* chroot(2) into one directory */
    MODE_VIEW_TAKEOVER, /* the container's own root is the image's */
    MODE_VIEW_NONE,     /* no step can run */
};

struct mode {
    enum mode_name name; /* what was taken: never MODE_AUTO */
    enum mode_ids ids;
    enum mode_view view;
    /* Owners, and modes that the process itself could not read past, are not the kernel's but in a
     * record beside each file (owner.h). */
    bool records_owners;
    /* The process is in a user namespace that is not the machine's first: overlays take userxattr,
     * /sys and devices are the host's own, bound. */
    bool in_user_namespace;
    bool entered;  /* that namespace was made by mode_enter: the uid 0 in it is an ordinary user */
    char *missing; /* of MODE_NONE: why no step can run, for the error of a RUN; else NULL */
};
#define MODE_NOTHING ((struct mode){.name = MODE_ROOT})
#define automode __attribute__((cleanup(mode_release))) struct mode
void mode_release(struct mode *mode);

/* "root", "userns", …; a constant. */
const char *mode_text(enum mode_name name);
/* For progress and reports: "userns (mapped ids, mounts)". The caller frees it. */
char *mode_describe(const struct mode *mode) __attribute__((returns_nonnull));
/* The value of --isolation; NULL: auto. ERROR_USAGE. */
int mode_parse(const char *text, enum mode_name *out, struct error *err);
/* The values that --isolation takes, for option tables. */
#define MODE_CHOICES "auto|root|userns|single|chroot|takeover"

/* What this host says to a mode. Strings are owned; release it. */
struct mode_finding {
    bool allowed;
    char *why; /* what is in the way ("" where allowed) */
    char *fix; /* the command, or the setting, that would change it; NULL: nothing known */
    enum mode_view view;
};
void mode_finding_release(struct mode_finding *finding);
#define autofinding __attribute__((cleanup(mode_finding_release))) struct mode_finding

/* Find out whether this host allows a mode (not MODE_AUTO), by trying it in a child: the process
 * itself is as before. Before mode_enter only. */
void mode_probe(enum mode_name name, struct mode_finding *out);

/* Take a mode: probe it, and enter it. MODE_AUTO never fails for want of a mode: it comes to
 * MODE_NONE. ERROR_HOST with what is in the way, and its fix as the hint. Single-threaded
 * processes only. */
int mode_enter(enum mode_name wanted, struct mode *out, struct error *err);

#endif
