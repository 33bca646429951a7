#include "step_add.h"

#include "step_copy.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <fcntl.h>
#include <string.h>

static bool is_url(const char *text)
{
    return str_starts(text, "http://") || str_starts(text, "https://");
}

int step_add(struct step *step, struct error *err)
{
    for (size_t i = 0; i + 1 < step->in->arg_count; i++) {
        const struct word *source = &step->in->args[i];
        if (!is_url(source->text) && !str_starts(source->text, "git@") &&
            !str_starts(source->text, "git://"))
            continue;
        error_set(err, ERROR_INPUT, "ADD of %s is not supported yet", source->text);
        return dockerfile_error_at(step->session->stages->file, source->at, err);
    }
    return step_copy(step, err);
}

/* What Docker recognises by content: tar itself, and what tars are compressed with. */
static bool looks_like_archive(const unsigned char *head, size_t n)
{
    static const struct {
        size_t offset, size;
        const char *bytes;
    } magic[] = {{257, 5, "ustar"},
                 {0, 2, "\x1f\x8b"},
                 {0, 3, "BZh"},
                 {0, 6,
                  "\xfd"
                  "7zXZ\0"},
                 {0, 4, "\x28\xb5\x2f\xfd"}};
    for (size_t i = 0; i < COUNT_OF(magic); i++)
        if (n >= magic[i].offset + magic[i].size &&
            !memcmp(head + magic[i].offset, magic[i].bytes, magic[i].size))
            return true;
    return false;
}

int step_add_refuse_archives(const struct step *step, const struct copy_list *list,
                             const struct copy_tree *tree, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        unsigned char head[512];
        if (!list->items[i].single || !S_ISREG(list->items[i].st.st_mode))
            continue;
        autoclose int fd = path_open_in_root(tree->root_fd, list->items[i].path, O_RDONLY, 0);
        ssize_t n = fd < 0 ? 0 : io_read(fd, head, sizeof head);
        if (n <= 0 || !looks_like_archive(head, (size_t)n))
            continue;
        error_set(err, ERROR_INPUT,
                  "ADD of an archive (%s), which would be unpacked, is not supported yet",
                  list->items[i].path);
        error_hint(err, "unpack it before the build, or COPY it and unpack it in a RUN");
        return step_error(step, err);
    }
    return 0;
}
