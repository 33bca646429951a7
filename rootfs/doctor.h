/* What this host allows, why not what it doesn't, and what would change it. Both programs show it.
 */
#ifndef ROOTFS_DOCTOR_H
#define ROOTFS_DOCTOR_H

#include <base/error.h>
#include <base/json.h>
#include <base/str.h>

/* Look at everything: modes of isolation by trying each, the store's place (root; NULL: the default
 * one) in a folder beside it that goes again, emulators, limits, and the kernel. The process is in
 * the mode that "auto" comes to afterwards, so it is the last that it does. The form of *out is
 * docs/doctor.schema.json; the caller has the reference. Single-threaded processes only. */
int doctor_examine(const char *root, json_t **out, struct error *err);
/* True where some mode runs steps. */
bool doctor_can_run(const json_t *found);
/* The same for people. */
void doctor_text(const json_t *found, struct str *out);

/* The store's part. mode: what was entered. */
struct mode;
json_t *doctor_store(const char *root, const struct mode *mode);

#endif
