#include "passwd.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CAP (4 * 1024 * 1024)
#define GROUPS_CAP 1024 /* supplementary groups of one user; more are an error */
#define ID_MAX 4294967294LL

enum {
    PASSWD_NAME,
    PASSWD_PASSWORD,
    PASSWD_UID,
    PASSWD_GID,
    PASSWD_GECOS,
    PASSWD_HOME,
    PASSWD_FIELDS
};
enum { GROUP_NAME, GROUP_PASSWORD, GROUP_GID, GROUP_MEMBERS, GROUP_FIELDS };

/* The text of a regular file in the root; empty where it is not there. */
static int read_file(int root_fd, const char *path, struct str *out, struct error *err)
{
    struct stat s;
    /* O_NONBLOCK: a fifo must not hold us. */
    autoclose int fd =
        path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, &s))
        return error_errno(err, ERROR_INPUT, "read the image's %s", path);
    if (!S_ISREG(s.st_mode))
        return error_set(err, ERROR_INPUT, "the image's %s is no regular file", path);
    return io_read_fd(fd, path, FILE_CAP, out, err);
}

/* Cut one line off *rest and into fields, in place. False at the end. Missing fields are "". */
static bool next_line(char **rest, char **fields, size_t n)
{
    char *line = strsep(rest, "\n");
    if (!line)
        return false;
    char *end = line + strlen(line);
    for (size_t i = 0; i < n; i++) {
        char *field = i + 1 < n ? strsep(&line, ":") : line;
        fields[i] = field ? field : end;
    }
    if (line)
        line[strcspn(line, ":\r")] = 0;
    return true;
}

/* The user of this name, else of this number (-1: none). Returns 1 where found. */
static int find_user(int root_fd, const char *name, long long number, struct user_ids *out,
                     struct error *err)
{
    autostr text = STR_INIT;
    char *fields[PASSWD_FIELDS];
    bool found = false;
    if (read_file(root_fd, "/etc/passwd", &text, err))
        return -1;
    for (char *rest = text.data; rest && next_line(&rest, fields, PASSWD_FIELDS);) {
        long long uid = str_number(fields[PASSWD_UID], ID_MAX);
        long long gid = str_number(fields[PASSWD_GID], ID_MAX);
        bool by_name = str_eq(fields[PASSWD_NAME], name);
        if (uid < 0 || gid < 0 || !fields[PASSWD_NAME][0] ||
            !(by_name || (!found && uid == number)))
            continue;
        free(out->name);
        free(out->home);
        out->uid = (uint32_t)uid;
        out->gid = (uint32_t)gid;
        out->name = mem_strdup(fields[PASSWD_NAME]);
        out->home = mem_strdup(fields[PASSWD_HOME][0] ? fields[PASSWD_HOME] : "/");
        found = true;
        if (by_name)
            break;
    }
    return found;
}

static bool lists(char *members, const char *name)
{
    char *member;
    while ((member = strsep(&members, ",")))
        if (str_eq(member, name))
            return true;
    return false;
}

/* Supplementary groups, as initgroups finds them: the group itself first, so that a process which
 * changes its group can't shed what is denied to that one; then, where all are wanted, those that
 * list the user. */
static int find_groups(int root_fd, bool all, struct user_ids *ids, struct error *err)
{
    autostr text = STR_INIT;
    char *fields[GROUP_FIELDS];
    size_t cap = 0;
    MEM_PUSH(ids->groups, ids->group_count, cap) = ids->gid;
    if (!ids->name || !all)
        return 0;
    if (read_file(root_fd, "/etc/group", &text, err))
        return -1;
    for (char *rest = text.data; rest && next_line(&rest, fields, GROUP_FIELDS);) {
        long long gid = str_number(fields[GROUP_GID], ID_MAX);
        if (gid < 0 || gid == ids->gid || !lists(fields[GROUP_MEMBERS], ids->name))
            continue;
        if (ids->group_count == GROUPS_CAP)
            return error_set(err, ERROR_INPUT, "user \"%s\" is in more than %d groups", ids->name,
                             GROUPS_CAP);
        MEM_PUSH(ids->groups, ids->group_count, cap) = (uint32_t)gid;
    }
    return 0;
}

/* The group of this name: 1 where found. */
static int find_group(int root_fd, const char *name, uint32_t *gid, struct error *err)
{
    autostr text = STR_INIT;
    char *fields[GROUP_FIELDS];
    if (read_file(root_fd, "/etc/group", &text, err))
        return -1;
    for (char *rest = text.data; rest && next_line(&rest, fields, GROUP_FIELDS);) {
        long long found = str_number(fields[GROUP_GID], ID_MAX);
        if (found < 0 || !str_eq(fields[GROUP_NAME], name))
            continue;
        *gid = (uint32_t)found;
        return 1;
    }
    return 0;
}

/* The group of this name, else of this number. */
static int lookup_group(int root_fd, const char *name, uint32_t *gid, struct error *err)
{
    long long number = str_number(name, ID_MAX);
    int found = find_group(root_fd, name, gid, err);
    if (found < 0)
        return -1;
    if (!found && number < 0)
        return error_set(err, ERROR_INPUT, "group \"%s\" is not in the image's /etc/group", name);
    if (!found)
        *gid = (uint32_t)number;
    return 0;
}

/* "user[:group]". Sets *grouped where a group was given, *known where passwd has the user. */
static int lookup(int root_fd, const char *text, struct user_ids *ids, bool *grouped, bool *known,
                  struct error *err)
{
    size_t length = strcspn(text, ":");
    autofree char *user = mem_strndup(text, length);
    const char *group = text[length] ? text + length + 1 : "";
    const char *name = user[0] ? user : "0";
    long long number = str_number(name, ID_MAX);
    *grouped = group[0] != 0;
    int found = find_user(root_fd, name, number, ids, err);
    if (found < 0)
        return -1;
    *known = found;
    if (!found && number < 0)
        return error_set(err, ERROR_INPUT, "user \"%s\" is not in the image's /etc/passwd", name);
    if (!found) {
        ids->uid = (uint32_t)number;
        ids->home = mem_strdup("/");
    }
    return *grouped ? lookup_group(root_fd, group, &ids->gid, err) : 0;
}

int passwd_lookup(int root_fd, const char *user, struct user_ids *out, struct error *err)
{
    struct user_ids ids = {0};
    bool grouped, known;
    if (lookup(root_fd, user, &ids, &grouped, &known, err) ||
        find_groups(root_fd, !grouped, &ids, err)) {
        user_ids_release(&ids);
        return -1;
    }
    *out = ids;
    return 0;
}

int passwd_lookup_owner(int root_fd, const char *owner, uint32_t *uid, uint32_t *gid,
                        struct error *err)
{
    struct user_ids ids = {0};
    bool grouped, known;
    int r = lookup(root_fd, owner, &ids, &grouped, &known, err);
    if (r == 0) {
        /* A number stands for itself and its group, whatever passwd says of it. */
        long long number = str_number(owner, ID_MAX);
        *uid = ids.uid;
        *gid = !grouped && number >= 0 ? (uint32_t)number : ids.gid;
    }
    user_ids_release(&ids);
    return r;
}

/* What --chown takes for a number. */
static long long chown_number(const char *text)
{
    return str_eq(text, "root") ? 0 : str_number(text, INT32_MAX);
}

int passwd_chown(int root_fd, const char *owner, uint32_t *uid, uint32_t *gid, struct error *err)
{
    size_t length = strcspn(owner, ":");
    autofree char *user = mem_strndup(owner, length);
    const char *group = owner[length] ? owner + length + 1 : "";
    struct user_ids ids = {0};
    long long number = chown_number(user), group_number = chown_number(group);
    int found = number < 0 ? find_user(root_fd, user, -1, &ids, err) : 0;
    *uid = number < 0 ? ids.uid : (uint32_t)number;
    *gid = number < 0 ? ids.gid : (uint32_t)number;
    user_ids_release(&ids);
    if (found >= 0 && group_number >= 0)
        *gid = (uint32_t)group_number;
    else if (found >= 0 && *group)
        found = find_group(root_fd, group, gid, err);
    return found < 0 ? -1 : 0;
}

void user_ids_release(struct user_ids *ids)
{
    free(ids->groups);
    free(ids->name);
    free(ids->home);
    *ids = (struct user_ids){0};
}
