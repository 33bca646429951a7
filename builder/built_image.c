#include "built_image.h"

#include <base/mem.h>

#include <stdlib.h>

void built_image_release(struct built_image *image)
{
    free(image->media_type);
    strv_release(&image->references);
    for (size_t i = 0; i < image->platform_count; i++)
        strv_release(&image->platforms[i].references);
    free(image->platforms);
    *image = (struct built_image){.platforms = NULL};
}

void built_image_copy(const struct built_image *from, struct built_image *to)
{
    *to = *from;
    to->media_type = mem_strdup(from->media_type);
    to->references = STRV_INIT;
    strv_add_all(&to->references, &from->references);
    to->platforms = mem_zalloc(from->platform_count, sizeof *to->platforms);
    for (size_t i = 0; i < from->platform_count; i++) {
        to->platforms[i] = from->platforms[i];
        to->platforms[i].references = STRV_INIT;
        strv_add_all(&to->platforms[i].references, &from->platforms[i].references);
    }
}

static void add_new(struct strv *out, const struct strv *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strv_contains(out, names->items[i]))
            strv_add(out, names->items[i]);
}

void built_image_names(const struct built_image *image, struct strv *out)
{
    for (size_t i = 0; i < image->platform_count; i++)
        add_new(out, &image->platforms[i].references);
    add_new(out, &image->references);
}
