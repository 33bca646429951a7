/* Container Device Interface files. */
#include "gpu.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/yaml.h>

#include <fcntl.h>
#include <string.h>

enum { CDI_CAP = 4 * 1024 * 1024 };

static const char *text_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = map->kind == YAML_MAPPING ? yaml_get(map, key) : NULL;
    return node && node->kind == YAML_SCALAR ? node->text : NULL;
}

static const struct yaml_node *list_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = map && map->kind == YAML_MAPPING ? yaml_get(map, key) : NULL;
    return node && node->kind == YAML_SEQUENCE ? node : NULL;
}

static int refuse_absent(const struct yaml_file *file, const struct yaml_node *place,
                         const char *path, struct error *err)
{
    return yaml_error(file, place, err, "%s is not there", path);
}

static int take_devices(const struct yaml_file *file, const struct yaml_node *edits,
                        struct gpu *out, struct error *err)
{
    const struct yaml_node *list = list_of(edits, "deviceNodes");
    for (size_t i = 0; list && i < list->count; i++) {
        const char *path = text_of(list->items[i], "path");
        const char *host = text_of(list->items[i], "hostPath");
        if (!path || *path != '/')
            return yaml_error(file, list->items[i], err, "a device node needs an absolute “path”");
        if (!gpu_add_mount(out, host ? host : path, path))
            return refuse_absent(file, list->items[i], host ? host : path, err);
    }
    return 0;
}

static int take_mounts(const struct yaml_file *file, const struct yaml_node *edits, struct gpu *out,
                       struct error *err)
{
    const struct yaml_node *list = list_of(edits, "mounts");
    for (size_t i = 0; list && i < list->count; i++) {
        const char *host = text_of(list->items[i], "hostPath");
        const char *target = text_of(list->items[i], "containerPath");
        if (!host || !target || *target != '/')
            return yaml_error(file, list->items[i], err,
                              "a mount needs “hostPath” and an absolute “containerPath”");
        bool library = strstr(path_base(target), ".so") != NULL;
        if (!(library ? gpu_add_library : gpu_add_mount)(out, host, target))
            return refuse_absent(file, list->items[i], host, err);
    }
    return 0;
}

static int take_edits(const struct yaml_file *file, const struct yaml_node *holder, struct gpu *out,
                      struct error *err)
{
    const struct yaml_node *edits =
        holder->kind == YAML_MAPPING ? yaml_get(holder, "containerEdits") : NULL;
    const struct yaml_node *env = list_of(edits, "env");
    if (!edits)
        return 0;
    for (size_t i = 0; env && i < env->count; i++)
        if (env->items[i]->kind == YAML_SCALAR && strchr(env->items[i]->text, '='))
            strv_add(&out->env, env->items[i]->text);
    return take_devices(file, edits, out, err) || take_mounts(file, edits, out, err) ? -1 : 0;
}

int cdi_read(const char *path, struct gpu *out, struct error *err)
{
    autoyaml *file = NULL;
    if (yaml_read_file(AT_FDCWD, path, CDI_CAP, &file, err))
        return -1;
    const char *kind = file->root ? text_of(file->root, "kind") : NULL;
    if (!kind)
        return error_set(err, ERROR_INPUT, "%s is no CDI file: it has no “kind”", path);
    if (strcmp(kind, "nvidia.com/gpu") != 0)
        return 0;
    const struct yaml_node *devices = list_of(file->root, "devices"), *all = NULL;
    for (size_t i = 0; devices && i < devices->count; i++)
        if (str_eq(text_of(devices->items[i], "name"), "all"))
            all = devices->items[i];
    for (size_t i = 0; devices && !all && i < devices->count; i++)
        if (take_edits(file, devices->items[i], out, err))
            return -1;
    if ((all && take_edits(file, all, out, err)) || take_edits(file, file->root, out, err))
        return -1;
    return 1;
}
