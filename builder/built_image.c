#include "built_image.h"

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
