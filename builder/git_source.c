#include "git_source.h"

#include "program.h"

#include <base/mem.h>
#include <base/path.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_CAP = 64 * 1024 * 1024, DEPTH_MAX = 512 };

extern char **environ;

/* "https://host/": a token of github.com serves all of it, another its repository alone. */
static char *header_scope(const char *remote)
{
    static const char *const whole[] = {"https://github.com/", "https://www.github.com/"};
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        if (str_starts(remote, whole[i]))
            return mem_strdup(whole[i]);
    return mem_strdup(remote);
}

static char *basic_header(const char *token)
{
    autofree char *plain = mem_printf("x-access-token:%s", token);
    size_t n = strlen(plain);
    autofree char *coded = mem_alloc(4 * (n / 3 + 1) + 1);
    EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)plain, (int)n);
    return mem_printf("basic %s", coded);
}

static void add_setting(struct strv *env, size_t *count, const char *key, const char *value)
{
    strv_addf(env, "GIT_CONFIG_KEY_%zu=%s", *count, key);
    strv_addf(env, "GIT_CONFIG_VALUE_%zu=%s", *count, value);
    ++*count;
}

/* Ours without what git would take for settings; then the settings that guard us. */
static void make_environment(const struct git_reference *ref, const struct git_source_options *o,
                             struct strv *env)
{
    for (char **item = environ; *item; item++)
        if ((!str_starts(*item, "GIT_") || str_starts(*item, "GIT_SSL_")) &&
            !str_starts(*item, "SSH_AUTH_SOCK="))
            strv_add(env, *item);
    env_set(env, "GIT_TERMINAL_PROMPT", "0");
    env_set(env, "GIT_CONFIG_NOSYSTEM", "1");
    env_set(env, "GIT_CONFIG_GLOBAL", "/dev/null");
    env_set(env, "GIT_PROTOCOL_FROM_USER", "0"); /* no file:// and ext:: for submodules */
    env_set(env, "GIT_SSH_COMMAND", "ssh -F /dev/null -o BatchMode=yes");
    env_set(env, "LC_ALL", "C");
    if (o->ssh_socket)
        env_set(env, "SSH_AUTH_SOCK", o->ssh_socket);
    size_t count = 0;
    add_setting(env, &count, "core.hooksPath", "/dev/null");
    add_setting(env, &count, "init.defaultBranch", "master");
    add_setting(env, &count, "advice.detachedHead", "false");
    add_setting(env, &count, "safe.directory", "*");
    if (o->header || o->token) {
        autofree char *scope = header_scope(ref->remote);
        autofree char *key = mem_printf("http.%s.extraheader", scope);
        autofree char *value = o->header ? mem_strdup(o->header) : basic_header(o->token);
        autofree char *header = mem_printf("Authorization: %s", value);
        add_setting(env, &count, key, header);
    }
    strv_addf(env, "GIT_CONFIG_COUNT=%zu", count);
}

/* Run git with these words (NULL ends them). */
static int git(const struct strv *env, const char *const *words, struct str *output,
               struct error *err)
{
    autostrv argv = STRV_INIT;
    strv_add(&argv, "git");
    for (; *words; words++)
        strv_add(&argv, *words);
    struct program program = {.argv = &argv, .env = env, .package = "git"};
    return program_run(&program, output, LIST_CAP, err);
}

/* What git could not reach is the network's fault, not a step's. */
static int unreachable(const struct git_reference *ref, struct error *err)
{
    if (err && err->kind == ERROR_STEP)
        err->kind = ERROR_NETWORK;
    return error_wrap(err, "git repository %s", ref->remote);
}

/* The hash in a line "HASH\tNAME" of this name; NULL: there is none. The caller frees it. */
static char *find_line(const char *list, const char *name)
{
    for (const char *line = list; *line;) {
        size_t n = strcspn(line, "\n");
        const char *tab = memchr(line, '\t', n);
        size_t length = tab ? (size_t)(line + n - tab - 1) : 0;
        if (tab && length == strlen(name) && !memcmp(tab + 1, name, length))
            return mem_strndup(line, (size_t)(tab - line));
        line += n + (line[n] == '\n');
    }
    return NULL;
}

/* As git itself prefers where a name is ambiguous: the name as it is below refs/, a branch, a tag;
 * of an annotated tag *target gets the commit. */
static char *choose(const char *list, const char *ref, char **target)
{
    const char *bare = str_starts(ref, "refs/") ? ref + 5 : ref;
    autofree char *whole = mem_printf("refs/%s", bare);
    autofree char *head =
        mem_printf("refs/heads/%s", str_starts(ref, "refs/heads/") ? ref + 11 : ref);
    autofree char *tag = mem_printf("refs/tags/%s", str_starts(ref, "refs/tags/") ? ref + 10 : ref);
    autofree char *peeled = mem_printf("%s^{}", tag);
    bool is_tag = !strcmp(whole, tag);
    char *found = is_tag ? NULL : find_line(list, whole);
    if (!found)
        found = find_line(list, head);
    if (found)
        return found;
    *target = find_line(list, peeled);
    return find_line(list, tag);
}

static int check_commit(const struct git_reference *ref, const char *commit, const char *target,
                        struct error *err)
{
    const char *want = ref->checksum;
    if (!want || str_starts(commit, want) || (target && str_starts(target, want)))
        return 0;
    return error_set(err, ERROR_INTEGRITY, "git repository %s: its commit is %s, not %s",
                     ref->remote, target ? target : commit, want);
}

static int find_default_branch(const struct git_reference *ref, const struct strv *env, char **out,
                               struct error *err)
{
    const char *const words[] = {"ls-remote", "--symref", "--", ref->remote, "HEAD", NULL};
    autostr list = STR_INIT;
    if (git(env, words, &list, err))
        return unreachable(ref, err);
    const char *text = str_text(&list);
    if (!str_starts(text, "ref: ") || !strchr(text, '\t'))
        return error_set(err, ERROR_MISSING, "git repository %s has no default branch",
                         ref->remote);
    *out = mem_strndup(text + 5, strcspn(text + 5, "\t"));
    return 0;
}

static int find_commit(const struct git_reference *ref, const struct strv *env, char **out,
                       struct error *err)
{
    autofree char *name = mem_strdup_null(ref->ref);
    if (!name && find_default_branch(ref, env, &name, err))
        return -1;
    autofree char *peeled = mem_printf("%s^{}", name);
    const char *const words[] = {"ls-remote", "--", ref->remote, name, peeled, NULL};
    autostr list = STR_INIT;
    if (git(env, words, &list, err))
        return unreachable(ref, err);
    autofree char *target = NULL;
    autofree char *commit = choose(str_text(&list), name, &target);
    if (!commit)
        return error_set(err, ERROR_MISSING, "git repository %s has no branch or tag %s",
                         ref->remote, name);
    if (check_commit(ref, commit, target, err))
        return -1;
    *out = target ? take(&target) : take(&commit);
    return 0;
}

int git_source_commit(const struct git_reference *ref, const struct git_source_options *options,
                      char **out, struct error *err)
{
    const char *whole = ref->ref && git_is_commit(ref->ref) ? ref->ref
                        : ref->by_commit                    ? ref->checksum
                                                            : NULL;
    if (whole) {
        if (check_commit(ref, whole, NULL, err))
            return -1;
        *out = mem_strdup(whole);
        return 0;
    }
    autostrv env = STRV_INIT;
    make_environment(ref, options, &env);
    return find_commit(ref, &env, out, err);
}

/* A checkout being made in the directory `path`. */
struct checkout {
    const struct git_reference *ref;
    const struct strv *env;
    const char *commit;
    char *path;
    char *branch; /* the default one; NULL: another is named, or it isn't needed */
    bool keep;    /* .git stays */
};

/* The branch or tag to fetch. Where .git is kept it is known there by its name. The caller frees
 * it.
 */
static char *wanted_name(const struct checkout *c)
{
    const char *name = c->ref->ref && !git_is_commit(c->ref->ref) ? c->ref->ref : c->branch;
    if (!name)
        return mem_strdup("HEAD");
    return c->keep ? mem_printf("%s:%s", name, name) : mem_strdup(name);
}

/* Many servers give a commit by its hash; others its branch or tag, or all there is. */
static int fetch(const struct checkout *c, struct error *err)
{
    autofree char *name = wanted_name(c);
    const char *const by_name[] = {"-C",        c->path, "fetch",  "-q", "-u", "--depth=1",
                                   "--no-tags", "--",    "origin", name, NULL};
    const char *const by_hash[] = {"-C",        c->path, "fetch",  "-q",      "-u", "--depth=1",
                                   "--no-tags", "--",    "origin", c->commit, NULL};
    const char *const all[] = {"-C", c->path, "fetch", "-q", "--tags", "--", "origin", NULL};
    const char *const *const ways[] = {c->keep ? by_name : by_hash, c->keep ? by_hash : by_name,
                                       all};
    autofree char *object = mem_printf("%s^{commit}", c->commit);
    const char *const have[] = {"-C", c->path, "cat-file", "-e", object, NULL};
    for (size_t i = 0;; i++) {
        autoerror local = ERROR_INIT;
        if (!git(c->env, ways[i], NULL, &local) && !git(c->env, have, NULL, &local))
            return 0;
        if (i + 1 == COUNT_OF(ways) || local.kind != ERROR_STEP)
            return error_move(err, &local);
    }
}

static int check_out(const struct checkout *c, struct error *err)
{
    const char *const init[] = {"init", "-q", "--", c->path, NULL};
    const char *const remote[] = {"-C", c->path,  "remote",       "add",
                                  "--", "origin", c->ref->remote, NULL};
    const char *const checkout[] = {"-C", c->path, "checkout", "-q", "--detach", c->commit, NULL};
    const char *const modules[] = {"-C",     c->path,       "submodule", "update",
                                   "--init", "--recursive", "--depth=1", NULL};
    const char *const forget[] = {"-C", c->path, "reflog", "expire", "--all", "--expire=now", NULL};
    if (git(c->env, init, NULL, err) || git(c->env, remote, NULL, err) || fetch(c, err) ||
        git(c->env, checkout, NULL, err) || (c->keep && git(c->env, forget, NULL, err)))
        return -1;
    autofree char *list = mem_printf("%s/.gitmodules", c->path);
    return c->ref->no_submodules || access(list, F_OK) ? 0 : git(c->env, modules, NULL, err);
}

static int commit_time(const struct checkout *c, struct timespec *out, struct error *err)
{
    const char *const words[] = {"-C", c->path, "log", "-1", "--format=%ct", c->commit, NULL};
    autostr text = STR_INIT;
    if (git(c->env, words, &text, err))
        return -1;
    out->tv_sec = (time_t)strtoll(str_text(&text), NULL, 10);
    return 0;
}

static int settle(int dir, const char *name, const struct timespec *times, unsigned depth,
                  struct error *err);

static int bad_checkout(struct error *err)
{
    return error_errno(err, ERROR_HOST, "set the modes of a checkout");
}

static int settle_entry(int dir, const char *name, const struct timespec *times, unsigned depth,
                        struct error *err)
{
    struct stat st;
    if (!strcmp(name, ".") || !strcmp(name, "..") || (!depth && !strcmp(name, ".git")))
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
        return bad_checkout(err);
    if (S_ISDIR(st.st_mode))
        return settle(dir, name, times, depth + 1, err);
    if ((S_ISREG(st.st_mode) && fchmodat(dir, name, st.st_mode & 0100 ? 0755 : 0644, 0)) ||
        (times && utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW)))
        return bad_checkout(err);
    return 0;
}

/* Modes as git records them, whatever our umask is. times: to set too, or NULL. */
static int settle(int dir, const char *name, const struct timespec *times, unsigned depth,
                  struct error *err)
{
    autoclose int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    autoclosedir DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (!entries || depth > DEPTH_MAX)
        return bad_checkout(err);
    for (struct dirent *e; (e = readdir(entries));)
        if (settle_entry(fd, e->d_name, times, depth, err))
            return -1;
    return fchmod(fd, 0755) || (times && futimens(fd, times)) ? bad_checkout(err) : 0;
}

/* What is in the subdirectory becomes the checkout itself. */
static int narrow(int dir_fd, const char *name, const char *whole, const char *subdir,
                  struct error *err)
{
    autoclose int root = openat(dir_fd, whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    autoclose int inside = path_open_beneath(root, subdir, O_PATH | O_DIRECTORY, 0);
    if (inside < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
            return error_set(err, ERROR_INPUT, "“%s” is no directory of the repository", subdir);
        return error_errno(err, ERROR_HOST, "open “%s” of the repository", subdir);
    }
    if (renameat(root, subdir, dir_fd, name))
        return error_errno(err, ERROR_HOST, "move a checkout");
    return path_remove_tree(dir_fd, whole, err);
}

static int fetch_into(struct checkout *c, const struct git_source_options *options, int dir_fd,
                      const char *name, const char *whole, struct error *err)
{
    struct timespec times[2] = {{0}};
    c->keep = options->keep_git_dir && !c->ref->subdir;
    if (c->keep && !c->ref->ref && find_default_branch(c->ref, c->env, &c->branch, err))
        return -1;
    if (check_out(c, err))
        return unreachable(c->ref, err);
    if (c->ref->commit_times && commit_time(c, &times[0], err))
        return -1;
    times[1] = times[0];
    autoclose int made = openat(dir_fd, whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made < 0)
        return error_errno(err, ERROR_HOST, "open a checkout");
    if (c->keep)
        unlinkat(made, ".git/FETCH_HEAD", 0);
    else if (path_remove_tree(made, ".git", err))
        return -1;
    if (c->ref->subdir && narrow(dir_fd, name, whole, c->ref->subdir, err))
        return error_wrap(err, "git repository %s", c->ref->remote);
    return settle(dir_fd, name, c->ref->commit_times ? times : NULL, 0, err);
}

int git_source_fetch(const struct git_reference *ref, const struct git_source_options *options,
                     const char *commit, int dir_fd, const char *name, struct error *err)
{
    autostrv env = STRV_INIT;
    make_environment(ref, options, &env);
    autofree char *whole = ref->subdir ? mem_printf("%s.whole", name) : mem_strdup(name);
    autofree char *link = mem_printf("/proc/self/fd/%d", dir_fd);
    autofree char *parent = path_read_link(AT_FDCWD, link);
    if (!parent)
        return error_errno(err, ERROR_HOST, "find a directory of the store");
    struct checkout c = {ref, &env, commit, path_join(parent, whole), NULL, false};
    int result = fetch_into(&c, options, dir_fd, name, whole, err);
    if (result && ref->subdir) {
        autoerror ignored = ERROR_INIT;
        path_remove_tree(dir_fd, whole, &ignored);
    }
    free(c.branch);
    free(c.path);
    return result;
}
