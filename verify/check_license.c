#include "check_license.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LICENSE_MAX = 16 * 1024 * 1024, PROBLEMS_MAX = 10 };

static void add_problem(struct str *detail, size_t *problems, const char *path, const char *what)
{
    if (*problems < PROBLEMS_MAX)
        str_addf(detail, "%s%s %s", *problems ? "; " : "", path, what);
    else if (*problems == PROBLEMS_MAX)
        str_add(detail, "; …");
    ++*problems;
}

static void check_file(int root_fd, const char *path, size_t *problems, struct str *detail)
{
    static const char *const unwanted[] = {"AGPL", "WTFPL"};
    autostr text = STR_INIT;
    autoerror problem = ERROR_INIT;
    autoclose int fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0) {
        add_problem(detail, problems, path, errno == ENOENT ? "is not there" : strerror(errno));
        return;
    }
    if (io_read_fd(fd, path, LICENSE_MAX, &text, &problem)) {
        add_problem(detail, problems, path, "cannot be read");
        return;
    }
    for (size_t i = 0; i < text.len; i++)
        text.data[i] = (char)toupper((unsigned char)text.data[i]);
    for (size_t i = 0; i < COUNT_OF(unwanted); i++) {
        if (!text.len || !memmem(text.data, text.len, unwanted[i], strlen(unwanted[i])))
            continue;
        autofree char *what = mem_printf("names %s", unwanted[i]);
        add_problem(detail, problems, path, what);
        return;
    }
}

/* The folders of /usr/share/doc, sorted. */
static bool list_packages(int root_fd, struct strv *out)
{
    int fd = path_open_in_root(root_fd, "/usr/share/doc", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    autoclosedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct stat st;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' &&
            !fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
            strv_add(out, entry->d_name);
    strv_sort(out);
    return true;
}

bool license_rule_holds(int root_fd, const struct license_rule *rule, struct str *detail)
{
    size_t problems = 0;
    autostrv packages = STRV_INIT;
    if (rule->debian && !list_packages(root_fd, &packages))
        add_problem(detail, &problems, "/usr/share/doc", "is not there");
    for (size_t i = 0; i < packages.count; i++) {
        /* its text names the licenses of what it does not hold */
        if (!strcmp(packages.items[i], "libgnutls30"))
            continue;
        autofree char *path = mem_printf("/usr/share/doc/%s/copyright", packages.items[i]);
        check_file(root_fd, path, &problems, detail);
    }
    for (size_t i = 0; i < rule->files.count; i++)
        check_file(root_fd, rule->files.items[i], &problems, detail);
    return !problems;
}
