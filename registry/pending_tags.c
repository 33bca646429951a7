#include "pending_tags.h"

#include <base/mem.h>

#include <stdlib.h>

void pending_tags_add(struct pending_tags *p, const struct manifest *manifest, const char *tag)
{
    struct pending_tag entry = {.tag = mem_strdup_null(tag)};
    manifest_copy(manifest, &entry.manifest);
    MEM_PUSH(p->items, p->count, p->cap) = entry;
}

int pending_tags_each(const struct pending_tags *p,
                      int (*visit)(void *context, const struct pending_tag *entry,
                                   struct error *err),
                      void *context, struct error *err)
{
    bool named = false;
    for (size_t i = 0; i < p->count; i++) {
        if (!p->items[i].tag)
            continue;
        named = true;
        if (visit(context, &p->items[i], err))
            return -1;
    }
    return named || !p->count ? 0 : visit(context, &p->items[p->count - 1], err);
}

void pending_tags_release(struct pending_tags *p)
{
    for (size_t i = 0; i < p->count; i++) {
        manifest_release(&p->items[i].manifest);
        free(p->items[i].tag);
    }
    free(p->items);
    *p = (struct pending_tags){0};
}
