#include "plan.h"

#include "tags.h"

#include <base/mem.h>
#include <base/path.h>
#include <registry/reference.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct plan_options no_options;

/* ---- the row of the table ---- */

/* False where the trigger names a package that isn't this image's. */
static bool concerns(const struct definition *d, const struct trigger *t)
{
    return !t->package || str_eq(t->package, d->package);
}

/* True where the trigger publishes: what it builds may take the tags without suffix. */
static bool publishes(const struct trigger *t)
{
    switch (t->kind) {
    case TRIGGER_MAIN:
    case TRIGGER_PACKAGE:
    case TRIGGER_RELEASE:
    case TRIGGER_LOCAL:
        return true;
    case TRIGGER_MANUAL:
        return !str_eq(t->environment, "test");
    case TRIGGER_PULL_REQUEST:
    case TRIGGER_BRANCH_TEST:
    case TRIGGER_OTHER:
        break;
    }
    return false;
}

/* What the trigger asks for where the command line doesn't say. */
static enum plan_variant default_variant(const struct definition *d, const struct trigger *t,
                                         const char *version)
{
    bool dev = !version && (t->kind == TRIGGER_LOCAL || t->kind == TRIGGER_PULL_REQUEST ||
                            t->kind == TRIGGER_BRANCH_TEST || t->kind == TRIGGER_OTHER);
    if (dev)
        return d->dev.present ? PLAN_DEV : PLAN_PROD;
    return d->prod.present || version ? PLAN_PROD : PLAN_DEV;
}

static int choose_variant(const struct definition *d, const struct trigger *t,
                          const struct plan_options *o, struct build_plan *plan, struct error *err)
{
    if (o->version && !trigger_version_valid(o->version))
        return error_set(err, ERROR_USAGE, "--version: \"%s\" is no version", o->version);
    if (o->version && o->variant == PLAN_DEV) {
        error_set(err, ERROR_USAGE, "--dev and --version contradict each other");
        return error_hint(err,
                          "a dev image holds local code; for a published version say --prod "
                          "--version %s",
                          o->version);
    }
    plan->variant =
        o->variant != PLAN_VARIANT_AUTO ? o->variant : default_variant(d, t, o->version);
    const char *name = plan->variant == PLAN_DEV ? "dev" : "prod";
    if (!(plan->variant == PLAN_DEV ? d->dev.present : d->prod.present)) {
        error_set(err, ERROR_INPUT, "image %s has no variant \"%s\"", d->name, name);
        error_at(err, d->file, 0, 0, NULL);
        return error_hint(err, "say --%s, or add %s under variants",
                          plan->variant == PLAN_DEV ? "prod" : "dev", name);
    }
    /* Local code has a version of its own, whatever was published. */
    if (plan->variant == PLAN_PROD)
        plan->version = mem_strdup_null(o->version ? o->version : t->version);
    return 0;
}

static const char *choose_suffix(const struct definition *d, const struct trigger *t,
                                 enum plan_variant variant)
{
    if (variant == PLAN_DEV)
        return d->dev.suffix;
    if (publishes(t))
        return d->prod.suffix;
    return d->dev.present ? d->dev.suffix : "-test";
}

static struct tag_choice choose_tags(const struct trigger *t, const struct build_plan *plan)
{
    bool manual = t->kind == TRIGGER_MANUAL;
    return (struct tag_choice){
        /* A ref that the table doesn't know must not take the place of one that it does. */
        .moving = t->kind != TRIGGER_OTHER,
        .latest = plan->variant == PLAN_PROD && (publishes(t) || manual),
        /* Without a CI nothing says that the tree is that commit's. */
        .commit = t->kind != TRIGGER_LOCAL,
        .version = plan->version != NULL,
    };
}

static char *describe(const struct definition *d, const struct trigger *t,
                      const struct build_plan *plan)
{
    static const char *const causes[] = {
        [TRIGGER_LOCAL] = "no CI",
        [TRIGGER_PULL_REQUEST] = "pull request",
        [TRIGGER_BRANCH_TEST] = "push to test",
        [TRIGGER_MAIN] = "push to main",
        [TRIGGER_PACKAGE] = "package published",
        [TRIGGER_MANUAL] = "manual run",
        [TRIGGER_RELEASE] = "release tag",
        [TRIGGER_OTHER] = "event or ref without a row of its own",
    };
    const char *cause = causes[t->kind];
    if (!plan->build)
        return mem_printf("%s: it names %s, and this image's package is %s", cause, t->package,
                          d->package ? d->package : "none");
    if (plan->variant == PLAN_DEV)
        return mem_printf("%s: dev, from local code", cause);
    if (plan->version)
        return mem_printf("%s: prod, version %s", cause, plan->version);
    return mem_printf("%s: prod, at the Dockerfile's own version", cause);
}

/* ---- names ---- */

/* HOST/…/NAME with its host, or all but NAME, replaced by --registry; components that are empty,
 * since nobody said whose image it is, are left out. */
static char *place_repository(const char *expanded, const char *registry)
{
    autostrv parts = STRV_INIT;
    autostr out = STR_INIT;
    strv_split(&parts, expanded, '/');
    size_t first = registry ? 1 : 0;
    if (registry && strchr(registry, '/'))
        first = parts.count - 1;
    if (registry)
        str_add(&out, registry);
    for (size_t i = first; i < parts.count; i++) {
        if (!*parts.items[i])
            continue;
        if (out.len > 0)
            str_add_char(&out, '/');
        str_add(&out, parts.items[i]);
    }
    return str_take(&out);
}

static int check_registry(const char *registry, struct error *err)
{
    if (!strstr(registry, "://"))
        return 0;
    error_set(err, ERROR_USAGE, "--registry: \"%s\" must be a host, without a scheme", registry);
    return error_hint(err, "a registry on loopback may speak plain HTTP by itself; for another say "
                           "--insecure HOST");
}

static int choose_repository(const struct definition *d, const struct template_values *values,
                             const struct plan_options *o, struct build_plan *plan,
                             struct error *err)
{
    autofree char *expanded = NULL, *registry = NULL, *repository = NULL;
    autoreference reference = {0};
    bool complete = false;
    if (o->registry && check_registry(o->registry, err) < 0)
        return -1;
    if (template_expand(d->repository, values, &expanded, &complete, err) < 0)
        return -1;

    registry = mem_strdup_null(o->registry);
    for (size_t n = registry ? strlen(registry) : 0; n > 0 && registry[n - 1] == '/'; n--)
        registry[n - 1] = '\0';
    if (!registry && !complete)
        registry = mem_strdup("localhost");
    repository = place_repository(expanded, registry);
    if (reference_parse(repository, false, &reference, err) < 0)
        return error_wrap(err, "repository of image %s", d->name);
    if (reference.transport != REFERENCE_REGISTRY || reference.digest.text[0] ||
        strchr(path_base(repository), ':'))
        return error_set(err, ERROR_INPUT, "repository of image %s: \"%s\" must be HOST/…/NAME",
                         d->name, repository);
    plan->pushable = complete || o->registry;
    plan->repository = take(&repository);
    return 0;
}

static int add_references(const struct strv *references, struct build_plan *plan, struct error *err)
{
    for (size_t i = 0; references && i < references->count; i++) {
        autoreference reference = {0};
        if (reference_parse(references->items[i], false, &reference, err) < 0)
            return -1;
        strv_add(&plan->references, references->items[i]);
    }
    return 0;
}

/* ---- arguments and labels ---- */

/* Settings "NAME=VALUE" over those that are there already. */
static int override(struct strv *settings, const struct strv *by, const char *option,
                    struct error *err)
{
    for (size_t i = 0; by && i < by->count; i++) {
        const char *equals = strchr(by->items[i], '=');
        if (!equals || equals == by->items[i])
            return error_set(err, ERROR_USAGE, "%s: \"%s\" is not NAME=VALUE", option,
                             by->items[i]);
        autofree char *name = mem_strndup(by->items[i], (size_t)(equals - by->items[i]));
        env_set(settings, name, equals + 1);
    }
    return 0;
}

static int choose_args(const struct definition_variant *variant,
                       const struct template_values *values, const struct strv *given,
                       struct strv *out, struct error *err)
{
    for (size_t i = 0; i < variant->args.count; i++) {
        const char *template = variant->args.items[i];
        autofree char *text = NULL;
        bool complete = false;
        if (template_expand(template, values, &text, &complete, err) < 0)
            return -1;
        /* The Dockerfile's default holds. */
        if (complete)
            strv_add_take(out, take(&text));
    }
    return override(out, given, "--build-arg", err);
}

static void add_known(struct strv *settings, const char *name, const char *value)
{
    if (value)
        env_set(settings, name, value);
}

static int choose_labels(const struct trigger *t, const struct plan_options *o,
                         struct build_plan *plan, struct error *err)
{
    struct strv *const both[] = {&plan->labels, &plan->annotations};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        add_known(both[i], "org.opencontainers.image.source", t->source);
        add_known(both[i], "org.opencontainers.image.revision", t->sha);
        add_known(both[i], "org.opencontainers.image.version", plan->version);
    }
    if (override(&plan->labels, o->labels, "--label", err) < 0)
        return -1;
    return override(&plan->annotations, o->annotations, "--annotation", err);
}

/* ---- platforms and their tags ---- */

int plan_add_platforms(struct build_plan *plan, const struct strv *names, struct error *err)
{
    autostrv words = STRV_INIT;
    for (size_t i = 0; i < names->count; i++)
        strv_split(&words, names->items[i], ',');
    plan->platforms = mem_zalloc(words.count, sizeof *plan->platforms);
    for (size_t i = 0; i < words.count; i++) {
        struct platform platform;
        bool again = false;
        const char *word = str_trim(words.items[i]);
        if (str_eq(word, "local"))
            platform_host(&platform);
        else if (platform_parse(word, &platform, err) < 0)
            return -1;
        for (size_t k = 0; k < plan->platform_count; k++)
            again |= platform_equal(&platform, &plan->platforms[k].platform);
        if (!again)
            plan->platforms[plan->platform_count++].platform = platform;
    }
    return 0;
}

static int add_tags(const struct definition *d, const struct trigger *t,
                    struct template_values *values, struct build_plan *plan, struct error *err)
{
    struct tag_choice choice = choose_tags(t, plan);
    if (tags_common(&choice, &d->tags, values, &plan->tags, err) < 0)
        return error_wrap(err, "tags of image %s", d->name);
    for (size_t i = 0; i < plan->platform_count; i++) {
        char text[48];
        values->platform = platform_text(&plan->platforms[i].platform, '-', text);
        int result = tags_platform(&choice, &d->tags, values, &plan->platforms[i].tags, err);
        values->platform = NULL;
        if (result < 0)
            return error_wrap(err, "tags of image %s", d->name);
    }
    return 0;
}

/* ---- the whole ---- */

static int make(const struct definition *d, const struct trigger *t, const struct plan_options *o,
                struct build_plan *plan, struct error *err)
{
    plan->name = mem_strdup(d->name);
    plan->definition_directory = mem_strdup(d->directory);
    plan->trigger = t->kind;
    plan->build = concerns(d, t);
    if (choose_variant(d, t, o, plan, err) < 0)
        return -1;

    const struct definition_variant *variant = plan->variant == PLAN_DEV ? &d->dev : &d->prod;
    autofree char *owner = t->owner ? str_lower(mem_strdup(t->owner)) : NULL;
    plan->suffix = mem_strdup(choose_suffix(d, t, plan->variant));
    plan->reason = describe(d, t, plan);
    plan->dockerfile = mem_strdup(variant->dockerfile);
    plan->context = mem_strdup(d->context);
    plan->target = mem_strdup_null(o->target ? o->target : variant->target);
    plan->fork = t->fork;
    plan->checks = d->checks ? path_join(d->directory, d->checks) : NULL;

    struct template_values values = {
        .owner = owner,
        .version = plan->version,
        .sha = t->sha,
        .suffix = plan->suffix,
        .name = d->name,
    };
    bool given = o->platforms && o->platforms->count > 0;
    if (choose_repository(d, &values, o, plan, err) < 0 ||
        plan_add_platforms(plan, given ? o->platforms : &d->platforms, err) < 0 ||
        choose_args(variant, &values, o->build_args, &plan->build_args, err) < 0 ||
        choose_labels(t, o, plan, err) < 0)
        return -1;
    /* What isn't built has no names, so nobody verifies or deploys it. */
    if (!plan->build)
        return 0;
    if (add_references(o->tags, plan, err) < 0)
        return -1;
    return add_tags(d, t, &values, plan, err);
}

int plan_make(const struct definition *definition, const struct trigger *trigger,
              const struct plan_options *options, struct build_plan *out, struct error *err)
{
    autoplan plan = {0};
    if (make(definition, trigger, options ? options : &no_options, &plan, err) < 0)
        return -1;
    *out = plan;
    plan = (struct build_plan){0};
    return 0;
}

void plan_all_tags(const struct build_plan *plan, struct strv *out)
{
    for (size_t i = 0; i < plan->platform_count; i++)
        strv_add_all(out, &plan->platforms[i].tags);
    strv_add_all(out, &plan->tags);
}

/* ---- finding its files ---- */

static bool is_kind(const char *path, mode_t kind)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

int plan_locate(struct build_plan *plan, const char *source, struct error *err)
{
    autofree char *context = path_join(source, plan->context);
    autofree char *clean = path_clean(context);
    if (!is_kind(clean, S_IFDIR)) {
        error_set(err, ERROR_MISSING, "image %s: the build context %s is no directory", plan->name,
                  clean);
        return error_hint(err, "--source names the source tree, by default the current directory");
    }
    char *const candidates[] = {
        path_join(source, plan->dockerfile),
        path_join(plan->definition_directory, plan->dockerfile),
        path_join(plan->definition_directory, path_base(plan->dockerfile)),
    };
    autostrv tried = STRV_INIT;
    autofree char *found = NULL;
    for (size_t i = 0; i < COUNT_OF(candidates); i++) {
        autofree char *candidate = candidates[i];
        if (!found && is_kind(candidate, S_IFREG))
            found = take(&candidate);
        else if (!found && !strv_contains(&tried, candidate))
            strv_add(&tried, candidate);
    }
    if (!found) {
        autofree char *places = strv_join(&tried, ", ");
        error_set(err, ERROR_MISSING, "image %s: no Dockerfile at %s", plan->name, places);
        return error_hint(err, "--source names the source tree, by default the current directory");
    }
    free(plan->dockerfile_path);
    free(plan->context_path);
    plan->dockerfile_path = take(&found);
    plan->context_path = take(&clean);
    return 0;
}

void plan_release(struct build_plan *plan)
{
    for (size_t i = 0; i < plan->platform_count; i++)
        strv_release(&plan->platforms[i].tags);
    free(plan->platforms);
    free(plan->name);
    free(plan->reason);
    free(plan->version);
    free(plan->suffix);
    free(plan->definition_directory);
    free(plan->dockerfile);
    free(plan->context);
    free(plan->target);
    strv_release(&plan->build_args);
    free(plan->repository);
    strv_release(&plan->tags);
    strv_release(&plan->references);
    strv_release(&plan->labels);
    strv_release(&plan->annotations);
    free(plan->checks);
    free(plan->dockerfile_path);
    free(plan->context_path);
    *plan = (struct build_plan){0};
}
