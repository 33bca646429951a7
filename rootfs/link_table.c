#include "link_table.h"

#include <base/mem.h>

#include <stdint.h>
#include <stdlib.h>

struct link_name {
    dev_t dev;
    ino_t ino;
    char *path; /* NULL: a free slot */
};

static size_t slot_of(const struct link_table *t, dev_t dev, ino_t ino)
{
    uint64_t hash = ((uint64_t)ino ^ (uint64_t)dev << 32) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(hash >> 32) & (t->room - 1);
    while (t->slots[i].path && (t->slots[i].dev != dev || t->slots[i].ino != ino))
        i = (i + 1) & (t->room - 1);
    return i;
}

/* Never more than half full, so that a search is short and ends. */
static void grow(struct link_table *t)
{
    struct link_table bigger = {.count = t->count, .room = t->room ? t->room * 2 : 64};
    bigger.slots = mem_zalloc(bigger.room, sizeof *bigger.slots);
    for (size_t i = 0; i < t->room; i++)
        if (t->slots[i].path)
            bigger.slots[slot_of(&bigger, t->slots[i].dev, t->slots[i].ino)] = t->slots[i];
    free(t->slots);
    *t = bigger;
}

const char *link_table_find(struct link_table *t, const struct stat *st, const char *path)
{
    if (t->count * 2 >= t->room)
        grow(t);
    struct link_name *slot = &t->slots[slot_of(t, st->st_dev, st->st_ino)];
    if (slot->path)
        return slot->path;
    *slot = (struct link_name){st->st_dev, st->st_ino, mem_strdup(path)};
    t->count++;
    return NULL;
}

void link_table_release(struct link_table *t)
{
    for (size_t i = 0; i < t->room; i++)
        free(t->slots[i].path);
    free(t->slots);
    *t = (struct link_table){0};
}
