/* Which checks belong to a reference: those of --config, else those of the image definition whose
 * repository it is, by the same plan that the builder makes. */
#ifndef VERIFY_CHOICE_H
#define VERIFY_CHOICE_H

#include <base/error.h>
#include <base/str.h>
#include <images/plan.h>
#include <registry/reference.h>

#include <stdbool.h>

struct choice {
    bool dev;
    struct strv files; /* of checks; at least one */
    char *dockerfile;  /* that the definition builds from, where it is here; else NULL */
};

/* wanted: --dev and --prod; with neither, the variant is the one whose tags the plan holds the
 * reference's tag among, or whose suffix it has; for a digest alone the one that this run builds;
 * where no definition matches, prod. ref may be NULL (with --config). ERROR_MISSING where there is
 * neither a --config nor a definition, ERROR_INPUT where the definition names no checks. */
int choice_make(const struct reference *ref, enum plan_variant wanted, const struct strv *configs,
                struct choice *out, struct error *err);
void choice_release(struct choice *choice);
#define autochoice __attribute__((cleanup(choice_release))) struct choice

#endif
