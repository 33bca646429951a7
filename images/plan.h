/* The build plan: what one run builds, from what, and under which names. Builder and verifier make
 * it by the same function, so no tag is verified that wasn't pushed. */
#ifndef IMAGES_PLAN_H
#define IMAGES_PLAN_H

#include "definition.h"
#include "trigger.h"

#include <base/error.h>
#include <base/str.h>
#include <registry/platform.h>

#include <stdbool.h>
#include <stddef.h>

enum plan_variant { PLAN_VARIANT_AUTO, PLAN_PROD, PLAN_DEV };

/* What the command line adds. Borrowed. */
struct plan_options {
    enum plan_variant variant;    /* --dev, --prod */
    const char *version;          /* --version VERSION; NULL: the trigger's */
    const char *registry;         /* --registry HOST[/PATH]; NULL: the definition's */
    const char *target;           /* --target; NULL: the definition's */
    const struct strv *platforms; /* --platform; NULL or empty: the definition's */
    const struct strv
        *build_args;           /* --build-arg NAME=VALUE: replace the definition's; may be NULL */
    const struct strv *labels; /* --label NAME=VALUE: replace the computed ones; may be NULL */
    const struct strv *annotations; /* --annotation NAME=VALUE; may be NULL */
    const struct strv *tags;        /* -t REF: further full references; may be NULL */
};

struct plan_platform {
    struct platform platform;
    struct strv tags; /* of this platform's manifest: "linux-amd64-test"; no repository */
};

/* All owned by the plan. */
struct build_plan {
    char *name;                 /* "allocator" */
    enum plan_variant variant;  /* PLAN_PROD or PLAN_DEV */
    enum trigger_kind trigger;  /* the row of the trigger table */
    char *reason;               /* that row, for people */
    bool build;                 /* false: the trigger is not about this image; nothing to do */
    char *version;              /* NULL: the Dockerfile's default */
    char *suffix;               /* of the tags, "" for none */
    char *definition_directory; /* where image.yaml lies */
    char *dockerfile;           /* as the definition says; plan_locate finds it */
    char *context;              /* below the source tree */
    char *target;               /* NULL: the last stage */
    struct strv build_args;     /* "NAME=VALUE" */
    struct plan_platform *platforms;
    size_t platform_count;   /* at least 1 */
    char *repository;        /* "ghcr.io/owner/lablink-allocator-image" */
    bool pushable;           /* false: no owner and no --registry, so repository is a stand-in */
    struct strv tags;        /* platform-less: on the index, or on the one manifest as well */
    struct strv references;  /* -t: further full references, for all of it */
    struct strv labels;      /* "NAME=VALUE", org.opencontainers.image.source …, where known */
    struct strv annotations; /* the same for the manifests, and those of --annotation */
    char *checks;            /* path of the checks file; NULL: none */
    bool fork;               /* the trigger's: this run's token can't push */
    /* Filled by plan_locate; NULL before. */
    char *dockerfile_path;
    char *context_path;
};

/* A pure function of its arguments: reads no environment, clock or file. ERROR_USAGE where options
 * contradict each other (--dev with a version), ERROR_INPUT where the definition lacks the variant
 * or gives an invalid repository, platform or tag. */
int plan_make(const struct definition *definition, const struct trigger *trigger,
              const struct plan_options *options, struct build_plan *out, struct error *err);
/* Find the Dockerfile (source/PATH, then beside image.yaml as PATH or as its last part) and the
 * context below source (a directory). ERROR_MISSING names every place that was tried. */
int plan_locate(struct build_plan *plan, const char *source, struct error *err);
/* Fill in the platforms that were asked for: several may be in one text, with commas, "local" is
 * the host's, and each counts once. ERROR_INPUT. */
int plan_add_platforms(struct build_plan *plan, const struct strv *names, struct error *err);
/* All tags, each once: the platforms' first, then the platform-less ones, "latest" last. */
void plan_all_tags(const struct build_plan *plan, struct strv *out);

void plan_release(struct build_plan *plan);
#define autoplan __attribute__((cleanup(plan_release))) struct build_plan

#endif
