#include "trigger.h"

#include <base/io.h>
#include <base/json.h>
#include <base/mem.h>
#include <base/str.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION_MAX = 100 };

static const char where[] = "the event's payload";

const char *trigger_name(enum trigger_kind kind)
{
    static const char *const names[] = {
        [TRIGGER_LOCAL] = "local",
        [TRIGGER_PULL_REQUEST] = "pull-request",
        [TRIGGER_BRANCH_TEST] = "branch-test",
        [TRIGGER_MAIN] = "main",
        [TRIGGER_PACKAGE] = "package-published",
        [TRIGGER_MANUAL] = "manual",
        [TRIGGER_RELEASE] = "release",
        [TRIGGER_OTHER] = "other",
    };
    return names[kind];
}

bool trigger_version_valid(const char *version)
{
    /* It ends up among a shell's words and in a tag, so nothing else may pass. */
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ.!+_-";
    size_t n = strlen(version);
    const char *digit = version[0] == 'v' ? version + 1 : version;
    return n <= VERSION_MAX && *digit >= '0' && *digit <= '9' && strspn(version, allowed) == n;
}

static int check_version(const char *version, const char *what, struct error *err)
{
    if (trigger_version_valid(version))
        return 0;
    error_set(err, ERROR_INPUT, "%s: \"%s\" is no version", what, version);
    return error_hint(err, "a version looks like 0.0.2a0");
}

/* NAME_vVERSION, as in "lablink-allocator-service_v0.0.2a0"; false where the tag is none such. */
static bool read_release_tag(const char *tag, struct trigger *t)
{
    const char *mark = NULL;
    for (const char *p = tag; (p = strstr(p, "_v")); p++)
        mark = p;
    if (!mark || mark == tag || !trigger_version_valid(mark + 2))
        return false;
    t->package = mem_strndup(tag, (size_t)(mark - tag));
    t->version = mem_strdup(mark + 2);
    return true;
}

/* repository_dispatch: {"action": TYPE, "client_payload": {"package": …, "version": …}}. */
static int read_dispatch(const json_t *event, struct trigger *t, struct error *err)
{
    const char *type = NULL, *package = NULL, *version = NULL;
    json_t *payload = NULL;
    if (json_get_string(event, "action", "", where, &type, err) < 0)
        return -1;
    t->kind = TRIGGER_OTHER;
    if (!str_eq(type, "package-published"))
        return 0;
    if (json_get_object(event, "client_payload", where, &payload, err) < 0)
        return -1;
    if (payload && (json_get_string(payload, "package", "", where, &package, err) < 0 ||
                    json_get_string(payload, "version", "", where, &version, err) < 0))
        return -1;
    if (!package || !*package || !version || !*version) {
        error_set(err, ERROR_INPUT,
                  "the dispatch package-published names no %s in its client_payload",
                  package && *package ? "version" : "package");
        return error_hint(err, "send {\"package\": \"NAME\", \"version\": \"VERSION\"}: without "
                               "both, it can't be told which image the version belongs to");
    }
    if (check_version(version, "client_payload.version", err) < 0)
        return -1;
    t->kind = TRIGGER_PACKAGE;
    t->package = mem_strdup(package);
    t->version = mem_strdup(version);
    return 0;
}

static char *copy_unless_empty(const char *text)
{
    return *text ? mem_strdup(text) : NULL;
}

/* workflow_dispatch: {"inputs": {"environment": …, "version": …, "package": …}}, each optional. */
static int read_manual(const json_t *event, struct trigger *t, struct error *err)
{
    const char *environment = "", *version = "", *package_version = "", *package = "";
    const struct {
        const char *name, **value;
    } known[] = {
        {"environment", &environment},
        {"version", &version},
        {"package_version", &package_version},
        {"package", &package},
    };
    json_t *inputs = NULL;
    t->kind = TRIGGER_MANUAL;
    if (json_get_object(event, "inputs", where, &inputs, err) < 0)
        return -1;
    for (size_t i = 0; inputs && i < COUNT_OF(known); i++)
        if (json_get_string(inputs, known[i].name, "", where, known[i].value, err) < 0)
            return -1;
    if (*environment && !str_eq(environment, "test") && !str_eq(environment, "prod"))
        return error_set(err, ERROR_INPUT,
                         "the input environment is \"%s\", and must be \"test\" or \"prod\"",
                         environment);
    if (!*version)
        version = package_version;
    if (*version && check_version(version, "the input version", err) < 0)
        return -1;
    t->environment = copy_unless_empty(environment);
    t->version = copy_unless_empty(version);
    /* Without a version there is nothing that could be given to the wrong image. */
    t->package = *version ? copy_unless_empty(package) : NULL;
    return 0;
}

/* The repository's full name at the end of a path of keys; NULL where it is not said. */
static const char *full_name(const json_t *event, const char *const *path)
{
    const json_t *at = event;
    for (; *path; path++)
        at = json_object_get(at, *path);
    return json_string_value(json_object_get(at, "full_name"));
}

/* A head without a repository is of a fork that was deleted since. A payload that can't be read
 * says nothing of forks, and is no reason not to build. */
static bool is_fork(const void *bytes, size_t n)
{
    static const char *const head[] = {"pull_request", "head", "repo", NULL};
    static const char *const base[] = {"pull_request", "base", "repo", NULL};
    autoerror ignored = ERROR_INIT;
    autojson *event = NULL;
    if (!n || json_parse(bytes, n, where, &event, &ignored)) {
        error_ignore(&ignored, "the push itself will tell");
        return false;
    }
    const char *theirs = full_name(event, head), *ours = full_name(event, base);
    return ours && !str_eq(theirs, ours);
}

static int read_event(const void *event, size_t event_size, struct trigger *t, struct error *err)
{
    t->fork = str_eq(t->event, "pull_request") && is_fork(event, event_size);
    bool dispatch = str_eq(t->event, "repository_dispatch");
    if (!dispatch && !str_eq(t->event, "workflow_dispatch"))
        return 0;

    autojson *json = NULL;
    if (event_size > 0 && json_parse(event, event_size, where, &json, err) < 0)
        return -1;
    if (json && !json_is_object(json))
        return error_set(err, ERROR_INPUT, "%s is no JSON object", where);
    if (json)
        return dispatch ? read_dispatch(json, t, err) : read_manual(json, t, err);
    if (!dispatch) {
        t->kind = TRIGGER_MANUAL;
        return 0;
    }
    error_set(err, ERROR_INPUT, "a repository_dispatch without its payload");
    return error_hint(err, "GITHUB_EVENT_PATH must name the event's JSON file");
}

/* The row of the table, for events that their name and ref tell. */
static enum trigger_kind classify(struct trigger *t)
{
    if (str_eq(t->event, "pull_request") || str_eq(t->event, "pull_request_target"))
        return TRIGGER_PULL_REQUEST;
    bool push = str_eq(t->event, "push");
    if ((push || str_eq(t->event, "release")) && t->ref && str_starts(t->ref, "refs/tags/"))
        return read_release_tag(t->ref + strlen("refs/tags/"), t) ? TRIGGER_RELEASE : TRIGGER_OTHER;
    if (push && str_eq(t->ref, "refs/heads/main"))
        return TRIGGER_MAIN;
    if (push && str_eq(t->ref, "refs/heads/test"))
        return TRIGGER_BRANCH_TEST;
    return TRIGGER_OTHER;
}

static char *lookup_copy(trigger_lookup lookup, void *context, const char *name)
{
    const char *value = lookup(context, name);
    return value && *value ? mem_strdup(value) : NULL;
}

int trigger_read(trigger_lookup lookup, void *context, const void *event, size_t event_size,
                 struct trigger *out, struct error *err)
{
    autotrigger t = {0};
    autofree char *repository = lookup_copy(lookup, context, "GITHUB_REPOSITORY");
    autofree char *server = lookup_copy(lookup, context, "GITHUB_SERVER_URL");
    t.event = lookup_copy(lookup, context, "GITHUB_EVENT_NAME");
    t.ref = lookup_copy(lookup, context, "GITHUB_REF");
    t.sha = lookup_copy(lookup, context, "GITHUB_SHA");
    t.owner = lookup_copy(lookup, context, "GITHUB_REPOSITORY_OWNER");
    if (!t.owner && repository && strchr(repository, '/'))
        t.owner = mem_strndup(repository, (size_t)(strchr(repository, '/') - repository));
    if (repository)
        t.source = mem_printf("%s/%s", server ? server : "https://github.com", repository);

    if (t.event) {
        t.kind = classify(&t);
        if (read_event(event, event_size, &t, err) < 0)
            return -1;
    }
    *out = t;
    t = (struct trigger){0};
    return 0;
}

static const char *environment_lookup(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

int trigger_from_environment(struct trigger *out, struct error *err)
{
    autostr event = STR_INIT;
    const char *path = getenv("GITHUB_EVENT_PATH");
    const char *name = getenv("GITHUB_EVENT_NAME");
    if (name && *name && path && *path &&
        io_read_file(AT_FDCWD, path, TRIGGER_EVENT_CAP, &event, err) < 0)
        return error_wrap(err, "GITHUB_EVENT_PATH");
    return trigger_read(environment_lookup, NULL, event.data, event.len, out, err);
}

void trigger_release(struct trigger *t)
{
    free(t->event);
    free(t->ref);
    free(t->sha);
    free(t->owner);
    free(t->source);
    free(t->package);
    free(t->version);
    free(t->environment);
    *t = (struct trigger){0};
}
