#include "add_fetch.h"

#include "git_source.h"
#include "secrets.h"
#include "ssh_forward.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <registry/download.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            *to++ = (char)(hex(p[1]) << 4 | hex(p[2]));
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
}

char *add_fetch_name(const char *url)
{
    const char *path = strstr(url, "://") + 3;
    path += strcspn(path, "/?#");
    autofree char *plain = mem_strndup(path, strcspn(path, "?#"));
    unescape(plain);
    autofree char *clean = path_clean(plain);
    const char *base = path_base(clean);
    bool named = *base && *base != '/' && strcmp(base, ".") != 0 && strcmp(base, "..") != 0;
    return mem_strdup(named ? base : "__unnamed__");
}

/* "user@host:port/" as in "https://user@host:port/": what lies between, without the user. */
static char *host_of(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    size_t n = strcspn(start, "/?#");
    const char *at = memchr(start, '@', n);
    if (at) {
        n -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    return mem_strndup(start, n);
}

/* The first secret of these that there is. 1, 0 or -1; *which: its index. */
static int find_secret(const struct secrets *secrets, char *const names[], size_t n,
                       struct str *value, size_t *which, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        int found = secrets_read(secrets, names[i], value, err);
        if (found < 0)
            return -1;
        if (!found)
            continue;
        *which = i;
        return 1;
    }
    return 0;
}

/* What the host's secrets say for the header Authorization; NULL: nothing. The caller frees it. */
static int find_authorization(const struct secrets *secrets, const char *url, char **out,
                              struct error *err)
{
    autofree char *host = host_of(url);
    char *port = *host == '[' ? strchr(host, ']') : strchr(host, ':');
    if (port)
        *port = '\0'; /* the host's name alone counts */
    memmove(host, host + (*host == '['), strlen(host) + (*host != '['));
    autofree char *header = mem_printf("HTTP_AUTH_HEADER_%s", host);
    autofree char *token = mem_printf("HTTP_AUTH_TOKEN_%s", host);
    char *const names[] = {header, token};
    struct str value = STR_INIT;
    size_t which = 0;
    int found = find_secret(secrets, names, COUNT_OF(names), &value, &which, err);
    if (found > 0)
        *out = mem_printf("%s%s", which ? "Bearer " : "", value.data ? str_trim(value.data) : "");
    secret_wipe(&value);
    return found < 0 ? -1 : 0;
}

static int settle(int fd, const char *url, int64_t last_modified, struct error *err)
{
    time_t time = last_modified >= 0 ? (time_t)last_modified : 0;
    const struct timespec times[2] = {{.tv_sec = time}, {.tv_sec = time}};
    if (fchmod(fd, 0600) || futimens(fd, times))
        return error_errno(err, ERROR_HOST, "keep %s", url);
    return 0;
}

static int check_digest(int dir, const char *name, const char *url, const char *wanted,
                        struct error *err)
{
    struct digest digest;
    autosource *file = NULL;
    if (digest_parse(wanted, &digest, err))
        return error_wrap(err, "--checksum");
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, ERROR_HOST, "read what was downloaded");
    file = source_verified(source_from_fd(fd, url), &digest, -1, url);
    char buffer[16384];
    ssize_t n;
    while ((n = source_read(file, buffer, sizeof buffer, err)) > 0)
        ;
    return n < 0 ? -1 : 0;
}

int add_fetch(struct build_session *s, const char *url, const char *checksum, int dir_fd,
              const char *name, struct error *err)
{
    int64_t last_modified = -1;
    char *authorization = NULL;
    if (find_authorization(s->options->secrets, url, &authorization, err))
        return -1;
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    autosink *file = fd < 0 ? NULL : sink_to_fd(fd, name);
    int result =
        fd < 0 ? error_errno(err, ERROR_HOST, "keep %s", url)
               : download_as(url, authorization, s->options->transport, file, &last_modified, err);
    if (authorization)
        explicit_bzero(authorization, strlen(authorization));
    free(authorization);
    if (result || settle(fd, url, last_modified, err))
        return -1;
    return checksum ? check_digest(dir_fd, name, url, checksum, err) : 0;
}

/* The options, with the secret that authenticates in *value (to be wiped). */
static int git_options(const struct build_session *s, const struct git_reference *git,
                       struct git_source_options *out, struct str *value, struct error *err)
{
    autofree char *host = host_of(git->remote);
    autofree char *header = mem_printf("GIT_AUTH_HEADER.%s", host);
    autofree char *token = mem_printf("GIT_AUTH_TOKEN.%s", host);
    char any_header[] = "GIT_AUTH_HEADER", any_token[] = "GIT_AUTH_TOKEN";
    char *const names[] = {header, token, any_header, any_token};
    const struct ssh_source *agent = ssh_sources_find(s->options->ssh, "default");
    size_t which = 0;
    int found = find_secret(s->options->secrets, names, COUNT_OF(names), value, &which, err);
    if (found < 0)
        return -1;
    const char *text = found && value->data ? str_trim(value->data) : NULL;
    *out = (struct git_source_options){.keep_git_dir = git->keep == GIT_KEEP_YES,
                                       .header = which % 2 == 0 ? text : NULL,
                                       .token = which % 2 ? text : NULL,
                                       .ssh_socket = agent ? agent->socket : NULL};
    return 0;
}

int add_fetch_commit(struct build_session *s, const struct git_reference *git, char **out,
                     struct error *err)
{
    struct git_source_options options;
    struct str secret = STR_INIT;
    int result =
        git_options(s, git, &options, &secret, err) || git_source_commit(git, &options, out, err)
            ? -1
            : 0;
    secret_wipe(&secret);
    return result;
}

int add_fetch_repository(struct build_session *s, const struct git_reference *git,
                         const char *commit, int dir_fd, const char *name, struct error *err)
{
    struct git_source_options options;
    struct str secret = STR_INIT;
    int result = git_options(s, git, &options, &secret, err) ||
                         git_source_fetch(git, &options, commit, dir_fd, name, err)
                     ? -1
                     : 0;
    secret_wipe(&secret);
    return result;
}
