/* Users and groups as an image names them: /etc/passwd and /etc/group read in the image's root,
 * capped, regular files only, symlinks kept inside (CVE-2024-9676, CVE-2026-47262). */
#ifndef ROOTFS_PASSWD_H
#define ROOTFS_PASSWD_H

#include <base/error.h>

#include <stddef.h>
#include <stdint.h>

struct user_ids {
    uint32_t uid, gid;
    uint32_t *groups; /* supplementary, gid the first; owned */
    size_t group_count;
    char *name; /* login name, or NULL where passwd has none */
    char *home; /* "/" where unknown; owned */
};

/* "", "name", "uid", "name:group", "uid:gid" as USER takes them (Docker's rules: a number that is
 * no name is taken as it is; without a group, passwd's, else 0; further supplementary
 * groups from /etc/group only where no group was given). ERROR_INPUT where a name is not there. */
int passwd_lookup(int root_fd, const char *user, struct user_ids *out, struct error *err);
/* "user[:group]" as --chown takes it: without a group, the gid equals the uid for a number, else
 * passwd's. */
int passwd_lookup_owner(int root_fd, const char *owner, uint32_t *uid, uint32_t *gid,
                        struct error *err);
/* "user[:group]" as BuildKit's file operations take it (--chown, and WORKDIR's owner): as above,
 * but that "root" is always 0, and a name that is not there means 0 (of a group: the user's). */
int passwd_chown(int root_fd, const char *owner, uint32_t *uid, uint32_t *gid, struct error *err);
void user_ids_release(struct user_ids *ids);

#endif
