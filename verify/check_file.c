#include "check_file.h"

#include "file_glob.h"
#include "verdict.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <rootfs/passwd.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { CONTENT_MAX = 16 * 1024 * 1024 }; /* bytes of a file whose content is asked for */

static bool type_holds(const struct file_rule *rule, const char *path, mode_t mode, struct str *why)
{
    const char *wanted = NULL;
    if (rule->type == FILE_REGULAR && !S_ISREG(mode))
        wanted = "regular file";
    else if (rule->type == FILE_DIRECTORY && !S_ISDIR(mode))
        wanted = "directory";
    else if (rule->type == FILE_SYMLINK && !S_ISLNK(mode))
        wanted = "symlink";
    if (wanted)
        str_addf(why, "%s is no %s", path, wanted);
    return !wanted;
}

static bool owner_holds(int root_fd, const struct file_rule *rule, const char *path,
                        const struct stat *st, struct str *why)
{
    if (!rule->owner)
        return true;
    uint32_t uid, gid;
    autoerror problem = ERROR_INIT;
    if (passwd_lookup_owner(root_fd, rule->owner, &uid, &gid, &problem)) {
        str_addf(why, "owner %s: %s", rule->owner, problem.message);
        return false;
    }
    bool with_group = strchr(rule->owner, ':') != NULL;
    if (st->st_uid == uid && (!with_group || st->st_gid == gid))
        return true;
    str_addf(why, "%s is owned by %u:%u, not by %s (%u", path, st->st_uid, st->st_gid, rule->owner,
             uid);
    if (with_group)
        str_addf(why, ":%u", gid);
    str_add(why, ")");
    return false;
}

/* As Go's os.FileMode prints itself: letters for the type and the special bits, "-" where there are
 * none, then the permissions. */
static char *go_permissions(mode_t mode)
{
    static const struct {
        mode_t mask, value;
        const char *letters;
    } kinds[] = {{S_IFMT, S_IFDIR, "d"},  {S_IFMT, S_IFLNK, "L"},  {S_IFMT, S_IFBLK, "D"},
                 {S_IFMT, S_IFCHR, "D"},  {S_IFMT, S_IFIFO, "p"},  {S_IFMT, S_IFSOCK, "S"},
                 {S_ISUID, S_ISUID, "u"}, {S_ISGID, S_ISGID, "g"}, {S_IFMT, S_IFCHR, "c"},
                 {S_ISVTX, S_ISVTX, "t"}};
    autostr out = STR_INIT;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if ((mode & kinds[i].mask) == kinds[i].value)
            str_add(&out, kinds[i].letters);
    if (!out.len)
        str_add(&out, "-");
    for (int i = 8; i >= 0; i--)
        str_add_char(&out, mode & (1u << i) ? "xwr"[i % 3] : '-');
    return str_take(&out);
}

static bool permissions_hold(const struct file_rule *rule, const char *path, const struct stat *st,
                             struct str *why)
{
    autofree char *found = go_permissions(st->st_mode);
    if (rule->mode >= 0 && (int)(st->st_mode & 07777) != rule->mode)
        str_addf(why, "%s has mode %04o, not %04o", path, st->st_mode & 07777, rule->mode);
    else if (rule->permissions && strcmp(found, rule->permissions) != 0)
        str_addf(why, "%s has permissions %s, not %s", path, found, rule->permissions);
    else if (rule->executable && !(st->st_mode & rule->executable))
        str_addf(why, "%s is not executable as asked (%s)", path, found);
    else if (rule->has_uid && st->st_uid != rule->uid)
        str_addf(why, "%s is owned by user %u, not %u", path, st->st_uid, rule->uid);
    else if (rule->has_gid && st->st_gid != rule->gid)
        str_addf(why, "%s is owned by group %u, not %u", path, st->st_gid, rule->gid);
    else
        return true;
    return false;
}

bool file_rule_fits(const struct file_rule *rule, const char *path, const struct stat *st,
                    struct str *why)
{
    return type_holds(rule, path, st->st_mode, why) && permissions_hold(rule, path, st, why);
}

static bool content_holds(int root_fd, const struct file_rule *rule, const char *path, mode_t mode,
                          struct str *why)
{
    if (!rule->has.count && !rule->lacks.count)
        return true;
    if (!S_ISREG(mode)) {
        str_addf(why, "%s is no regular file", path);
        return false;
    }
    autoerror problem = ERROR_INIT;
    autostr content = STR_INIT;
    autoclose int fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) {
        str_addf(why, "%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (io_read_fd(fd, path, CONTENT_MAX, &content, &problem)) {
        str_add(why, problem.message);
        return false;
    }
    return verdict_patterns(&rule->has, &rule->lacks, path, &content, why);
}

static bool one_holds(int root_fd, struct owners *owners, const struct file_rule *rule,
                      const char *path, struct str *why)
{
    bool link_itself = rule->absent || rule->type == FILE_SYMLINK;
    autoclose int fd = path_open_in_root(root_fd, path, O_PATH | (link_itself ? O_NOFOLLOW : 0), 0);
    struct stat st;
    if (fd < 0 || owners_stat(owners, fd, "", &st)) {
        bool nothing = errno == ENOENT || errno == ENOTDIR;
        if (rule->absent && nothing)
            return true;
        if (nothing)
            str_addf(why, "%s is not there", path);
        else
            str_addf(why, "%s: %s", path, strerror(errno));
        return false;
    }
    if (rule->absent) {
        str_addf(why, "%s is there", path);
        return false;
    }
    if (!type_holds(rule, path, st.st_mode, why) || !owner_holds(root_fd, rule, path, &st, why) ||
        !permissions_hold(rule, path, &st, why))
        return false;
    return content_holds(root_fd, rule, path, st.st_mode, why);
}

static bool glob_holds(int root_fd, struct owners *owners, const struct file_rule *rule,
                       struct str *detail)
{
    autostrv found = STRV_INIT;
    autoerror problem = ERROR_INIT;
    if (file_glob(root_fd, rule->path, &found, &problem)) {
        str_addf(detail, "%s: %s", rule->path, problem.message);
        return false;
    }
    if (!found.count) {
        if (!rule->absent)
            str_addf(detail, "no file matches %s", rule->path);
        return rule->absent;
    }
    for (size_t i = 0; i < found.count; i++)
        if (!one_holds(root_fd, owners, rule, found.items[i], detail))
            return false;
    str_add(detail, found.items[0]);
    if (found.count > 1)
        str_addf(detail, " and %zu more", found.count - 1);
    return true;
}

bool file_rule_holds(int root_fd, struct owners *owners, const struct file_rule *rule,
                     struct str *detail)
{
    return rule->is_glob ? glob_holds(root_fd, owners, rule, detail)
                         : one_holds(root_fd, owners, rule, rule->path, detail);
}
