/* Which variables an instruction sees.
 *
 * Global: the platform arguments (TARGETPLATFORM, BUILDARCH, …) and every ARG before the first
 * FROM; FROM sees this scope alone.
 * Stage: begins with the ENV of its base; where the base is a stage, with that stage's ARGs too.
 * ARG NAME declares: its value is --build-arg's, else the default written there, else the global
 * ARG's of the same name, else the platform's; without any the name is declared and not set.
 * ENV beats ARG of the same name, whichever came first.
 * Proxy arguments (HTTP_PROXY, http_proxy, … given with --build-arg) reach RUN without being
 * declared, and then neither history nor cache key. */
#ifndef BUILDER_SCOPE_H
#define BUILDER_SCOPE_H

#include "expand.h"

#include <base/str.h>

#include <stdbool.h>

struct scope {
    struct strv env;               /* ENV, "K=V" */
    struct strv args;              /* declared ARGs that have a value, "K=V" */
    struct strv declared;          /* names of all declared ARGs, in order */
    const struct strv *build_args; /* --build-arg, "K=V"; the caller's, outlives the scope */
    const struct strv *platform;   /* TARGETPLATFORM=… etc.; the caller's, outlives the scope */
    const struct scope *global;    /* NULL: this is the global scope */
};

/* The global scope. build_args and platform may be NULL. */
void scope_init_global(struct scope *scope, const struct strv *build_args,
                       const struct strv *platform);
/* A stage's scope under the global one (which must outlive it). parent: the stage it is built FROM
 * (whose ARGs and ENV it inherits), or NULL; env: the base image's Env where there is no parent, or
 * NULL. */
void scope_init_stage(struct scope *scope, const struct scope *global, const struct scope *parent,
                      const struct strv *env);
void scope_release(struct scope *scope);

/* ARG name[=value]; value already expanded, NULL: no default. */
void scope_arg(struct scope *scope, const char *name, const char *value);
/* ENV name=value; already expanded. */
void scope_env(struct scope *scope, const char *name, const char *value);
/* What $name gives: NULL where not set. Owned by the scope. */
const char *scope_get(const struct scope *scope, const char *name);
/* For struct expand: the context is the scope. */
const char *scope_lookup(void *scope, const char *name);

/* Is the name one of the proxy arguments, in either case? */
bool scope_is_proxy(const char *name);
/* Is the name predefined (proxies, platform arguments, SOURCE_DATE_EPOCH, BUILDKIT_…), so that
 * giving it with --build-arg without any ARG needs no warning? */
bool scope_is_predefined(const char *name);

/* The environment of a RUN: ENV, and the ARGs that no ENV hides. Appends. */
void scope_run_env(const struct scope *scope, struct strv *env);
/* The proxies given with --build-arg and not declared: for the step's environment alone, never for
 * history or cache key. Appends. */
void scope_proxy_env(const struct scope *scope, struct strv *env);
/* The ARGs a RUN sees, in order of declaration, as history and cache key hold them
 * ("K=V", only those with a value). Appends. */
void scope_run_args(const struct scope *scope, struct strv *args);
/* Adds to *unused the names of --build-arg that no scope ever declared; declared: all names that
 * were. */
void scope_unused_args(const struct strv *build_args, const struct strv *declared,
                       struct strv *unused);

/* Fill *env with TARGET* and BUILD* for these platforms ("linux/arm64/v8" form), and
 * TARGETSTAGE=stage (NULL: "default"). */
void scope_platform_args(struct strv *env, const char *target, const char *build,
                         const char *stage);

#endif
