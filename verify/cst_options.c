/* containerRunOptions: how Docker would have started the containers of command tests. */
#include "cst_private.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <ctype.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENV_FILE_CAP = 1024 * 1024 };

/* Names by number (linux/capability.h), without their CAP_. */
static const char *const capability_names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

static bool find_capability(const char *name, uint64_t *out)
{
    autofree char *word = str_lower(mem_strdup(name));
    const char *bare = str_starts(word, "cap_") ? word + 4 : word;
    size_t n = COUNT_OF(capability_names);
    if (!strcmp(bare, "all")) {
        *out |= (UINT64_C(1) << n) - 1;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(bare, capability_names[i]) != 0)
            continue;
        *out |= UINT64_C(1) << i;
        return true;
    }
    return false;
}

static int parse_capabilities(struct cst *c, const struct yaml_node *map, struct error *err)
{
    autostrv names = STRV_INIT;
    const struct yaml_node *list = cst_member(map, "capabilities");
    if (!list || yaml_get_strings(c->p->file, map, "capabilities", &names, err))
        return list ? -1 : 0;
    for (size_t i = 0; i < names.count; i++)
        if (!find_capability(names.items[i], &c->options.capabilities))
            return yaml_error(c->p->file, list->items[i], err, "there is no capability “%s”",
                              names.items[i]);
    return 0;
}

/* SOURCE:TARGET[:ro]. Docker's default is to let the container write; a check changes no host. */
static int parse_mount(struct cst *c, const struct yaml_node *node, struct error *err)
{
    autostrv parts = STRV_INIT;
    strv_split(&parts, node->text, ':');
    bool sized = parts.count == 2 || parts.count == 3;
    if (!sized || parts.items[0][0] != '/' || parts.items[1][0] != '/')
        return yaml_error(c->p->file, node, err, "a bind mount must be /SOURCE:/TARGET, not “%s”",
                          node->text);
    if (parts.count == 3 && strcmp(parts.items[2], "ro") != 0)
        return yaml_error(c->p->file, node, err,
                          "a bind mount is always read-only here: “%s” is not supported",
                          parts.items[2]);
    MEM_PUSH(c->options.mounts, c->options.mount_count, c->options.mount_cap) =
        (struct check_mount){.source = mem_strdup(parts.items[0]),
                             .target = mem_strdup(parts.items[1])};
    return 0;
}

static int parse_mounts(struct cst *c, const struct yaml_node *map, struct error *err)
{
    const struct yaml_node *list = cst_member(map, "bindMounts");
    autostrv texts = STRV_INIT;
    if (!list || yaml_get_strings(c->p->file, map, "bindMounts", &texts, err))
        return list ? -1 : 0;
    for (size_t i = 0; i < list->count; i++)
        if (parse_mount(c, list->items[i], err))
            return -1;
    return 0;
}

/* ---- variables ---- */

/* The value of a line of an env file: quotes go, and without them a comment does too. */
static char *env_file_value(char *text)
{
    size_t n = strlen(text);
    char quote = *text;
    if (n >= 2 && (quote == '"' || quote == '\'') && text[n - 1] == quote) {
        text[n - 1] = '\0';
        return text + 1;
    }
    char *comment = strstr(text, " #");
    if (comment)
        *comment = '\0';
    return str_trim(text);
}

static void parse_env_lines(char *text, struct strv *out)
{
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        char *name = str_trim(line);
        if (str_starts(name, "export "))
            name = str_trim(name + strlen("export "));
        char *value = strchr(name, '=');
        if (*name == '#' || !value)
            continue;
        *value++ = '\0';
        name = str_trim(name);
        value = env_file_value(str_trim(value));
        if (*name && *value) /* what is empty is not passed on */
            env_set(out, name, value);
    }
}

/* A relative path is looked up in the working directory, as container-structure-test does, then
 * beside the file. */
static int parse_env_file(struct cst *c, const struct yaml_node *map, struct error *err)
{
    const char *path = NULL;
    if (yaml_get_string(c->p->file, map, "envFile", "", &path, err))
        return -1;
    if (!*path)
        return 0;
    autofree char *beside = path_join(c->p->directory, path);
    autostr text = STR_INIT;
    autoerror problem = ERROR_INIT;
    bool here = !access(path, F_OK);
    if (io_read_file(AT_FDCWD, here ? path : beside, ENV_FILE_CAP, &text, &problem))
        return yaml_error(c->p->file, yaml_get(map, "envFile"), err, "%s", problem.message);
    if (text.len)
        parse_env_lines(text.data, &c->options.env);
    return 0;
}

/* Names of this process's variables, to be passed on where they are set. */
static int parse_env_names(struct cst *c, const struct yaml_node *map, struct error *err)
{
    autostrv names = STRV_INIT;
    if (cst_member(map, "envVars") && yaml_get_strings(c->p->file, map, "envVars", &names, err))
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        const char *value = getenv(names.items[i]);
        if (value && *value)
            env_set(&c->options.env, names.items[i], value);
    }
    return 0;
}

int cst_options_parse(struct cst *c, const struct yaml_node *map, struct error *err)
{
    static const char *const keys[] = {"user",    "privileged",   "allocateTty", "envFile",
                                       "envVars", "capabilities", "bindMounts"};
    struct cst_options *o = &c->options;
    const struct yaml_file *file = c->p->file;
    const char *user = NULL;
    if (map->kind != YAML_MAPPING)
        return yaml_error(file, map, err, "“containerRunOptions” must be a mapping");
    if (yaml_allow_keys(file, map, keys, COUNT_OF(keys), err) ||
        yaml_get_string(file, map, "user", "", &user, err) ||
        yaml_get_bool(file, map, "privileged", false, &o->privileged, err) ||
        yaml_get_bool(file, map, "allocateTty", false, &o->tty, err) ||
        parse_capabilities(c, map, err) || parse_mounts(c, map, err) || parse_env_file(c, map, err))
        return -1;
    o->user = *user ? mem_strdup(user) : NULL;
    return parse_env_names(c, map, err);
}

void cst_options_release(struct cst_options *o)
{
    free(o->user);
    strv_release(&o->env);
    strv_release(&o->global);
    for (size_t i = 0; i < o->mount_count; i++) {
        free(o->mounts[i].source);
        free(o->mounts[i].target);
    }
    free(o->mounts);
}
