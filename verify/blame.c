#include "blame.h"

#include <base/mem.h>
#include <base/path.h>
#include <rootfs/whiteout.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void blame_layers_init(struct blame_layers *out, const json_t *config, const struct layer *layers,
                       size_t count)
{
    *out =
        (struct blame_layers){.items = mem_zalloc(count + 1, sizeof *out->items), .count = count};
    size_t i, made = 0;
    json_t *entry;
    const json_t *history = json_object_get(config, "history");
    json_array_foreach (history, i, entry)
        made += !json_is_true(json_object_get(entry, "empty_layer"));
    bool known = made == count;
    for (size_t k = 0; k < count; k++)
        out->items[k].digest = layers[k].digest;
    made = 0;
    json_array_foreach (history, i, entry) {
        if (!known || json_is_true(json_object_get(entry, "empty_layer")))
            continue;
        const char *text = json_string_value(json_object_get(entry, "created_by"));
        out->items[made++].created_by = mem_strdup(text ? text : "");
    }
    for (size_t k = made; k < count; k++)
        out->items[k].created_by = mem_strdup("");
}

void blame_layers_release(struct blame_layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        free(layers->items[i].created_by);
    free(layers->items);
    *layers = (struct blame_layers){0};
}

/* Behind a prefix that is there; text itself where it is not. */
static const char *skip_prefix(const char *text, const char *prefix)
{
    return str_starts(text, prefix) ? text + strlen(prefix) : text;
}

/* "|2 A=1 B=x /bin/sh -c make": the build arguments that a step saw stand before it. */
static const char *skip_arguments(const char *text)
{
    if (*text != '|' || !isdigit((unsigned char)text[1]))
        return text;
    const char *shell = strstr(text, " /bin/");
    return shell ? shell + 1 : text;
}

static bool is_instruction(const char *text)
{
    static const char *const words[] = {"RUN",   "COPY",       "ADD",    "WORKDIR", "FROM",
                                        "ENV",   "USER",       "VOLUME", "CMD",     "EXPOSE",
                                        "LABEL", "ENTRYPOINT", "ARG",    "ONBUILD", "SHELL"};
    size_t n = strcspn(text, " ");
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (n == strlen(words[i]) && !strncmp(text, words[i], n))
            return true;
    return false;
}

char *blame_instruction(const char *created_by)
{
    static const char *const shells[] = {"/bin/sh -c ", "/bin/bash -c ",
                                         "/bin/bash -o pipefail -c "};
    static const char buildkit[] = " # buildkit";
    const char *text = skip_arguments(created_by);
    bool run = str_starts(text, "RUN ");
    text = skip_arguments(skip_prefix(text, "RUN "));
    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        if (!str_starts(text, shells[i]))
            continue;
        text += strlen(shells[i]);
        run = true;
        if (str_starts(text, "#(nop)")) {
            text = skip_prefix(text, "#(nop)");
            run = false;
        }
        break;
    }
    while (*text == ' ')
        text++;
    size_t n = strlen(text);
    if (str_ends(text, buildkit))
        n -= strlen(buildkit);
    bool bare = !run || (is_instruction(text) && str_starts(text, "RUN "));
    return mem_printf("%s%.*s", bare ? "" : "RUN ", (int)n, text);
}

void blame_add(struct check_result *r, const struct blame_layers *layers, size_t index,
               const char *path, bool deleted)
{
    if (index >= layers->count || r->blame_count >= BLAMES_MAX)
        return;
    for (size_t i = 0; i < r->blame_count; i++)
        if (!strcmp(r->blames[i].path, path))
            return;
    const struct blame_layer *layer = &layers->items[index];
    MEM_PUSH(r->blames, r->blame_count, r->blame_cap) = (struct check_blame){
        .path = mem_strdup(path),
        .layer = index + 1,
        .digest = layer->digest,
        .instruction = blame_instruction(layer->created_by),
        .created_by = mem_strdup(layer->created_by),
        .deleted = deleted,
    };
}

/* The path without symlinks, as the kernel names it below the root; the path itself where it, or
 * what it leads to, is not there. */
static char *real_path(int root_fd, const char *path)
{
    autoclose int fd = path_open_in_root(root_fd, path, O_PATH, 0);
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    char *real = fd < 0 ? NULL : path_read_link(AT_FDCWD, name);
    if (real && *real == '/')
        return real;
    free(real);
    return mem_strdup(path);
}

/* 1 there, -1 taken away (by it or a folder above), 0 this layer says nothing. */
static int look_in_layer(int layer_fd, const char *path)
{
    autofree char *part = mem_strdup(path);
    struct stat st;
    for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (fstatat(layer_fd, part + (*part == '/'), &st, AT_SYMLINK_NOFOLLOW))
            return 0;
        if (whiteout_is(&st))
            return -1;
        if (!slash)
            return 1;
        *slash = '/';
    }
}

void blame_find(struct check_result *r, const struct blame_layers *layers, int root_fd,
                const int *layer_fds, const char *path)
{
    autofree char *real = real_path(root_fd, path);
    for (size_t i = layers->count; i--;) {
        int found = look_in_layer(layer_fds[i], real);
        if (!found)
            continue;
        blame_add(r, layers, i, real, found < 0);
        return;
    }
}
