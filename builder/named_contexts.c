#include "named_contexts.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void named_contexts_release(struct named_contexts *contexts)
{
    for (size_t i = 0; i < contexts->count; i++) {
        free(contexts->items[i].name);
        free(contexts->items[i].image);
        free(contexts->items[i].directory);
        fetched_context_release(&contexts->items[i].own);
    }
    free(contexts->items);
    *contexts = (struct named_contexts){.items = NULL};
}

/* "docker-image://REF" as reference_parse has it; NULL: it is no image. */
static char *image_of(const char *source)
{
    static const struct {
        const char *scheme, *transport;
    } known[] = {{"docker-image://", "docker://"}, {"oci-layout://", "oci:"}};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_starts(source, known[i].scheme))
            return mem_printf("%s%s", known[i].transport, source + strlen(known[i].scheme));
    return NULL;
}

static int open_directory(const char *source, const struct context_source_options *options,
                          struct named_context *out, struct error *err)
{
    struct stat st;
    enum context_kind kind = context_source_kind(source);
    if (kind == CONTEXT_STDIN)
        return error_set(err, ERROR_USAGE, "standard input is for the main context alone");
    if (kind == CONTEXT_LOCAL) {
        if (stat(source, &st))
            return error_errno(err, errno == ENOENT ? ERROR_MISSING : ERROR_INPUT, "%s", source);
        if (!S_ISDIR(st.st_mode))
            return error_set(err, ERROR_INPUT, "%s is no directory", source);
        out->directory = mem_strdup(source);
        return 0;
    }
    if (context_source_fetch(source, options, &out->own, err))
        return -1;
    out->fetched = true;
    out->directory = mem_strdup(out->own.path);
    return 0;
}

int named_contexts_open(const struct strv *values, const struct context_source_options *options,
                        struct named_contexts *out, struct error *err)
{
    struct named_contexts contexts = {.items = mem_zalloc(values->count + 1, sizeof *out->items)};
    for (size_t i = 0; i < values->count; i++) {
        struct named_context *c = &contexts.items[contexts.count++];
        size_t n = strcspn(values->items[i], "=");
        const char *source = values->items[i] + n + 1;
        c->own = FETCHED_CONTEXT_NONE;
        c->name = mem_strndup(values->items[i], n);
        c->image = image_of(source);
        if (c->image || !open_directory(source, options, c, err))
            continue;
        error_wrap(err, "--build-context %s", values->items[i]);
        named_contexts_release(&contexts);
        return -1;
    }
    *out = contexts;
    return 0;
}

/* A name as people write it. The caller frees it. */
static char *familiar(const char *name)
{
    static const char *const prefixes[] = {"docker.io/library/", "docker.io/"};
    static const char latest[] = ":latest";
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (str_starts(name, prefixes[i])) {
            name += strlen(prefixes[i]);
            break;
        }
    size_t n = strlen(name);
    if (str_ends(name, latest))
        n -= strlen(latest);
    return mem_strndup(name, n);
}

const struct named_context *named_contexts_find(const struct named_contexts *contexts,
                                                const char *name)
{
    if (!contexts || !contexts->count)
        return NULL;
    autofree char *wanted = familiar(name);
    for (size_t i = 0; i < contexts->count; i++) {
        autofree char *own = familiar(contexts->items[i].name);
        if (!strcmp(own, wanted))
            return &contexts->items[i];
    }
    return NULL;
}
