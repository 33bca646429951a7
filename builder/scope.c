#include "scope.h"

#include <base/mem.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* In the order in which a step finds them. */
static const char *const proxies[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                      "all_proxy"};

void scope_init_global(struct scope *scope, const struct strv *build_args,
                       const struct strv *platform)
{
    *scope = (struct scope){.build_args = build_args};
    if (platform)
        strv_add_all(&scope->env, platform);
    /* A platform argument can be overridden like any other. */
    for (size_t i = 0; i < scope->env.count; i++) {
        const char *item = scope->env.items[i];
        autofree char *name = mem_strndup(item, strcspn(item, "="));
        const char *given = build_args ? env_get(build_args, name) : NULL;
        if (given)
            env_set(&scope->env, name, given);
    }
}

/* What is set anew goes to the end, and so it stands in a step's environment. */
static void set(struct scope *scope, const char *name, const char *value)
{
    env_unset(&scope->env, name);
    env_set(&scope->env, name, value);
}

void scope_init_stage(struct scope *scope, const struct scope *global, const struct scope *parent,
                      const struct strv *env)
{
    *scope = (struct scope){.build_args = global->build_args, .global = global};
    if (parent) {
        strv_add_all(&scope->env, &parent->env);
        strv_add_all(&scope->declared, &parent->declared);
    }
    for (size_t i = 0; env && i < env->count; i++) {
        const char *item = env->items[i];
        size_t n = strcspn(item, "=");
        autofree char *name = mem_strndup(item, n);
        set(scope, name, item[n] ? item + n + 1 : "");
    }
}

void scope_release(struct scope *scope)
{
    strv_release(&scope->env);
    strv_release(&scope->declared);
}

bool scope_arg_wants_default(const struct scope *scope, const char *name)
{
    return !scope->build_args || !env_get(scope->build_args, name);
}

const char *scope_arg(struct scope *scope, const char *name, const char *value)
{
    const char *given = scope->build_args ? env_get(scope->build_args, name) : NULL;
    if (given)
        value = given;
    else if (!value && scope->global)
        value = scope_get(scope->global, name);
    if (!strv_contains(&scope->declared, name))
        strv_add(&scope->declared, name);
    if (!value)
        return NULL;
    set(scope, name, value);
    return scope_get(scope, name);
}

void scope_env(struct scope *scope, const char *name, const char *value)
{
    set(scope, name, value);
}

const char *scope_get(const struct scope *scope, const char *name)
{
    return env_get(&scope->env, name);
}

const char *scope_lookup(void *scope, const char *name)
{
    return scope_get(scope, name);
}

bool scope_is_proxy(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(proxies); i++) {
        if (strcasecmp(name, proxies[i]) == 0)
            return true;
    }
    return false;
}

bool scope_is_predefined(const char *name)
{
    static const char *const names[] = {
        "TARGETPLATFORM", "TARGETOS",    "TARGETOSVERSION", "TARGETARCH",
        "TARGETVARIANT",  "TARGETSTAGE", "BUILDPLATFORM",   "BUILDOS",
        "BUILDOSVERSION", "BUILDARCH",   "BUILDVARIANT",    "SOURCE_DATE_EPOCH",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return scope_is_proxy(name) || str_starts(name, "BUILDKIT_");
}

void scope_run_env(const struct scope *scope, struct strv *env)
{
    strv_add_all(env, &scope->env);
}

void scope_proxy_env(const struct scope *scope, struct strv *env)
{
    for (size_t i = 0; scope->build_args && i < COUNT_OF(proxies); i++) {
        const char *value = env_get(scope->build_args, proxies[i]);
        autofree char *upper = mem_strdup(proxies[i]);
        for (char *c = upper; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        if (!value)
            value = env_get(scope->build_args, upper);
        if (!value || !*value)
            continue;
        env_unset(env, upper);
        env_set(env, upper, value);
        env_unset(env, proxies[i]);
        env_set(env, proxies[i], value);
    }
}

void scope_run_args(const struct scope *scope, struct strv *args)
{
    for (size_t i = 0; i < scope->declared.count; i++) {
        const char *name = scope->declared.items[i];
        const char *value = scope_get(scope, name);
        strv_addf(args, "%s=%s", name, value ? value : "");
    }
}

void scope_unused_args(const struct strv *build_args, const struct strv *declared,
                       struct strv *unused)
{
    for (size_t i = 0; i < build_args->count; i++) {
        const char *item = build_args->items[i];
        autofree char *name = mem_strndup(item, strcspn(item, "="));
        if (!strv_contains(declared, name) && !scope_is_predefined(name) &&
            !strv_contains(unused, name))
            strv_add(unused, name);
    }
}

/* Set PREFIX…PLATFORM, OS, ARCH and VARIANT. */
static void platform_args(struct strv *env, const char *prefix, const char *platform)
{
    static const char *const keys[] = {"OS", "ARCH", "VARIANT"};
    autofree char *whole = mem_printf("%sPLATFORM", prefix);
    env_set(env, whole, platform);
    autostrv parts = STRV_INIT;
    strv_split(&parts, platform, '/');
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        autofree char *name = mem_printf("%s%s", prefix, keys[i]);
        env_set(env, name, i < parts.count ? parts.items[i] : "");
    }
}

void scope_platform_args(struct strv *env, const char *target, const char *build, const char *stage)
{
    platform_args(env, "BUILD", build);
    platform_args(env, "TARGET", target);
    env_set(env, "TARGETSTAGE", stage ? stage : "default");
}
