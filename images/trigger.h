/* Why we build: what the CI (GitHub Actions' variables and event payload) says happened. */
#ifndef IMAGES_TRIGGER_H
#define IMAGES_TRIGGER_H

#include <base/error.h>

#include <stdbool.h>
#include <stddef.h>

enum { TRIGGER_EVENT_CAP = 8 * 1024 * 1024 }; /* bytes of an event payload */

enum trigger_kind {
    TRIGGER_LOCAL,        /* no CI */
    TRIGGER_PULL_REQUEST, /* pull_request, pull_request_target */
    TRIGGER_BRANCH_TEST,  /* push to test */
    TRIGGER_MAIN,         /* push to main */
    TRIGGER_PACKAGE,      /* repository_dispatch of type package-published */
    TRIGGER_MANUAL,       /* workflow_dispatch */
    TRIGGER_RELEASE,      /* the tag NAME_vVERSION, pushed or released */
    TRIGGER_OTHER,        /* any other event or ref */
};

/* All strings owned; NULL where unknown. */
struct trigger {
    enum trigger_kind kind;
    char *event;       /* "push" */
    char *ref;         /* "refs/heads/main" */
    char *sha;         /* the commit */
    char *owner;       /* "Talmo-Lab", as the CI spells it */
    char *source;      /* "https://github.com/owner/name" */
    char *package;     /* of a dispatch or a release tag */
    char *version;     /* of a dispatch, a manual run or a release tag */
    char *environment; /* a manual run's input: "test" or "prod" */
    bool fork; /* a pull_request whose commits are of another repository: its job's token can
                  only read (GitHub, "Events that trigger workflows", pull_request) */
};

/* The value of an environment variable, or NULL; empty counts as unset. */
typedef const char *(*trigger_lookup)(void *context, const char *name);

/* Read the CI's variables through lookup, and the event's JSON (NULL and 0: none). ERROR_INPUT
 * where the JSON is broken, a dispatch lacks package or version, a version has characters that PEP
 * 440 doesn't know, or the environment input is neither test nor prod. */
int trigger_read(trigger_lookup lookup, void *context, const void *event, size_t event_size,
                 struct trigger *out, struct error *err);
/* The same from this process's environment and the file at GITHUB_EVENT_PATH. */
int trigger_from_environment(struct trigger *out, struct error *err);
/* "pull-request", "branch-test", "main", "package-published", "manual", "release", "other",
 * "local". */
const char *trigger_name(enum trigger_kind kind);
/* True for a version that can stand in a build argument and in a tag: PEP 440's characters alone.
 */
bool trigger_version_valid(const char *version);

void trigger_release(struct trigger *t);
#define autotrigger __attribute__((cleanup(trigger_release))) struct trigger

#endif
