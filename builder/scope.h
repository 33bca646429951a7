/* Which variables an instruction sees, and which a RUN finds in its environment.
 *
 * Global: the platform arguments (TARGETPLATFORM, BUILDARCH, …) and every ARG before the first
 * FROM; FROM sees this scope alone.
 * Stage: begins with what its base hands on: all that the parent stage saw, then the image's Env.
 * ARG NAME declares: its value is --build-arg's, else the default written there, else the global
 * ARG's of the same name, else the platform's; without any the name is declared and not set.
 * ARG and ENV of the same name: the later one counts, as in BuildKit.
 * Proxy arguments (HTTP_PROXY, http_proxy, … given with --build-arg) reach RUN without being
 * declared, and then neither history nor cache key. The image config's Env is not kept here: it is
 * the base image's and what ENV set, no ARG ever. */
#ifndef BUILDER_SCOPE_H
#define BUILDER_SCOPE_H

#include <base/str.h>

#include <stdbool.h>

struct scope {
    struct strv env; /* all that is set, "K=V", what was set last at the end */
    struct strv
        declared; /* names of all ARGs declared here or in the parent, each once, in order */
    const struct strv *build_args; /* --build-arg, "K=V"; the caller's, outlives the scope */
    const struct scope *global;    /* NULL: this is the global scope */
};

/* The global scope. build_args ("K=V") and platform (of scope_platform_args) may be NULL;
 * build_args must outlive the scope. */
void scope_init_global(struct scope *scope, const struct strv *build_args,
                       const struct strv *platform);
/* A stage's scope under the global one (which must outlive it). parent: the stage it is built FROM,
 * or NULL; env: the base's Env, or NULL. */
void scope_init_stage(struct scope *scope, const struct scope *global, const struct scope *parent,
                      const struct strv *env);
void scope_release(struct scope *scope);

/* Does ARG name need the default that is written there? (--build-arg may have replaced it, and
 * then an error in the default does not matter.) */
bool scope_arg_wants_default(const struct scope *scope, const char *name);
/* ARG name[=value]; value already expanded, NULL: no default. Returns the value it takes, or NULL
 * where it has none; owned by the scope, until it changes. */
const char *scope_arg(struct scope *scope, const char *name, const char *value);
/* ENV name=value; already expanded. */
void scope_env(struct scope *scope, const char *name, const char *value);
/* What $name gives: NULL where not set. Owned by the scope, until it changes. */
const char *scope_get(const struct scope *scope, const char *name);
/* For struct expand: the context is the scope. */
const char *scope_lookup(void *scope, const char *name);

/* Is the name one of the proxy arguments, in either case? */
bool scope_is_proxy(const char *name);
/* Is the name predefined (proxies, platform arguments, SOURCE_DATE_EPOCH, BUILDKIT_…), so that
 * giving it with --build-arg without any ARG needs no warning? */
bool scope_is_predefined(const char *name);

/* Adds to *env all that a RUN finds there: what $name would give for every name. */
void scope_run_env(const struct scope *scope, struct strv *env);
/* Sets in *env the proxies given with --build-arg, each in capitals and small letters: for a step's
 * environment alone, never for history or cache key. */
void scope_proxy_env(const struct scope *scope, struct strv *env);
/* The declared ARGs as history and cache key hold them: in order of declaration, each once,
 * "K=what RUN sees" and "K=" where it has no value. Appends. */
void scope_run_args(const struct scope *scope, struct strv *args);
/* Adds to *unused the names of --build-arg that are neither in declared nor predefined. */
void scope_unused_args(const struct strv *build_args, const struct strv *declared,
                       struct strv *unused);

/* Set in *env TARGETPLATFORM, -OS, -ARCH, -VARIANT and BUILD… for these platforms
 * ("linux/arm64/v8"), and TARGETSTAGE (NULL: "default"). */
void scope_platform_args(struct strv *env, const char *target, const char *build,
                         const char *stage);

#endif
