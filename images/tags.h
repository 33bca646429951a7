/* Tags: the computed ones of each trigger, and templates. */
#ifndef IMAGES_TAGS_H
#define IMAGES_TAGS_H

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

/* What a template may name; NULL or "": unknown. Borrowed. */
struct template_values {
    const char *owner;
    const char *version;
    const char *sha;
    const char *suffix;   /* "" is a known value here */
    const char *platform; /* "linux-amd64" */
    const char *name;     /* the definition's */
};

/* Replace ${owner} ${version} ${sha} ${suffix} ${platform} ${name} in text; "$$" stands for "$".
 * *complete (may be NULL) is false where a variable was unknown (and so empty). ERROR_INPUT for
 * another variable or a "${" without its "}". On success the caller frees *out. */
int template_expand(const char *text, const struct template_values *values, char **out,
                    bool *complete, struct error *err);
/* True where the text names ${variable}. */
bool template_names(const char *text, const char *variable);

/* As docker/metadata-action does: each run of characters that a tag can't hold becomes "-"; the
 * caller frees it. What is then still no tag (a leading '.' or '-', too long) is ERROR_INPUT. */
int tag_clean(const char *text, char **out, struct error *err);

/* Which of the computed tags an image gets. */
struct tag_choice {
    bool moving;  /* P and P-latest: tags that move with every build of this kind */
    bool latest;  /* "latest" itself */
    bool commit;  /* SHA */
    bool version; /* VERSION and P-VERSION */
};

/* The tags that name no platform (for the index where there are several platforms), "latest" last;
 * then, with values->platform, those that do. templates are the definition's, of which those are
 * taken that do or don't name ${platform}: those that name ${sha} where commit is wanted, the
 * others where moving is. One whose variables aren't all known is left out. Each tag appears once.
 * Appended to out. */
int tags_common(const struct tag_choice *choice, const struct strv *templates,
                const struct template_values *values, struct strv *out, struct error *err);
int tags_platform(const struct tag_choice *choice, const struct strv *templates,
                  const struct template_values *values, struct strv *out, struct error *err);

#endif
