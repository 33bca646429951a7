#include "git_reference.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char WORD[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

void git_reference_release(struct git_reference *ref)
{
    free(ref->remote);
    free(ref->ref);
    free(ref->subdir);
    free(ref->checksum);
    *ref = (struct git_reference){0};
}

bool git_is_commit(const char *text)
{
    size_t n = strlen(text);
    return (n == 40 || n == 64) && strspn(text, "0123456789abcdef") == n;
}

/* Where the repository is, and what the text says of it. */
struct parts {
    char *remote, *query, *fragment;
};

static void parts_release(struct parts *p)
{
    free(p->remote);
    free(p->query);
    free(p->fragment);
}

static void cut(const char *text, struct parts *p)
{
    size_t remote = strcspn(text, "?#");
    const char *rest = text + remote;
    p->remote = mem_strndup(text, remote);
    if (*rest == '?') {
        size_t query = strcspn(++rest, "#");
        p->query = mem_strndup(rest, query);
        rest += query;
    }
    if (*rest == '#')
        p->fragment = mem_strdup(rest + 1);
}

/* "user@host:path" */
static bool is_scp_style(const char *text)
{
    size_t user = strspn(text, WORD);
    if (!user || text[user] != '@')
        return false;
    const char *host = text + user + 1;
    size_t n = 0;
    while (host[n] && (strchr(WORD, host[n]) || host[n] == '.'))
        n++;
    return n && host[n] == ':';
}

static bool has_scheme(const char *text, const char *scheme)
{
    size_t n = strlen(scheme);
    return strncasecmp(text, scheme, n) == 0 && str_starts(text + n, "://");
}

/* A web address is a repository's only where its path ends in .git. */
static bool is_repository(const char *text, const char *remote)
{
    if (has_scheme(text, "git") || has_scheme(text, "ssh"))
        return true;
    if (has_scheme(text, "http") || has_scheme(text, "https"))
        return str_ends(remote, ".git");
    return !strstr(text, "://") && is_scp_style(text);
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

/* %41 and + as in a query. */
static char *unescape(const char *text, bool plus)
{
    autostr out = STR_INIT;
    for (const char *p = text; *p; p++) {
        if (*p == '%' && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2])) {
            str_add_char(&out, (char)(hex(p[1]) << 4 | hex(p[2])));
            p += 2;
        } else {
            str_add_char(&out, plus && *p == '+' ? ' ' : *p);
        }
    }
    return str_take(&out);
}

static int set_once(char **to, const char *key, const char *value, struct error *err)
{
    if (*to && **to && strcmp(*to, value) != 0)
        return error_set(err, ERROR_INPUT, "%s is given twice: \"%s\" and \"%s\"", key, *to, value);
    free(*to);
    *to = mem_strdup(value);
    return 0;
}

static int take_bool(const char *key, const char *value, bool *out, struct error *err)
{
    static const char *const words[] = {"true", "1", "t", "false", "0", "f"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasecmp(value, words[i]) != 0 && *value)
            continue;
        *out = i < 3;
        return 0;
    }
    return error_set(err, ERROR_INPUT, "%s=%s is neither true nor false", key, value);
}

static int set_under(struct git_reference *ref, const char *prefix, const char *key,
                     const char *value, struct error *err)
{
    autofree char *full =
        str_starts(value, prefix) ? mem_strdup(value) : mem_printf("%s%s", prefix, value);
    return set_once(&ref->ref, key, full, err);
}

static int take_switch(struct git_reference *ref, const char *key, const char *value,
                       struct error *err)
{
    bool on = true;
    if (take_bool(key, value, &on, err))
        return -1;
    if (!strcmp(key, "keep-git-dir"))
        ref->keep = on ? GIT_KEEP_YES : GIT_KEEP_NO;
    else if (!strcmp(key, "submodules"))
        ref->no_submodules = !on;
    else
        ref->by_commit = on;
    return 0;
}

static int take_pair(struct git_reference *ref, const char *key, const char *value,
                     struct error *err)
{
    if (!strcmp(key, "keep-git-dir") || !strcmp(key, "submodules") ||
        !strcmp(key, "fetch-by-commit"))
        return take_switch(ref, key, value, err);
    if (!*value)
        return error_set(err, ERROR_INPUT, "the query's %s has no value", key);
    if (!strcmp(key, "ref"))
        return set_once(&ref->ref, key, value, err);
    if (!strcmp(key, "tag"))
        return set_under(ref, "refs/tags/", key, value, err);
    if (!strcmp(key, "branch"))
        return set_under(ref, "refs/heads/", key, value, err);
    if (!strcmp(key, "subdir"))
        return set_once(&ref->subdir, key, value, err);
    if (!strcmp(key, "checksum") || !strcmp(key, "commit"))
        return set_once(&ref->checksum, key, value, err);
    if (!strcmp(key, "mtime") && (!strcmp(value, "checkout") || !strcmp(value, "commit"))) {
        ref->commit_times = !strcmp(value, "commit");
        return 0;
    }
    if (!strcmp(key, "mtime"))
        return error_set(err, ERROR_INPUT, "mtime=%s: it is checkout or commit", value);
    error_set(err, ERROR_INPUT, "a git repository's query has no \"%s\"", key);
    return error_hint(err, "it knows ref, tag, branch, subdir, checksum, keep-git-dir, submodules, "
                           "mtime and fetch-by-commit");
}

static int take_query(struct git_reference *ref, const char *query, struct error *err)
{
    autostrv pairs = STRV_INIT;
    strv_split(&pairs, query, '&');
    for (size_t i = 0; i < pairs.count; i++) {
        size_t n = strcspn(pairs.items[i], "=");
        autofree char *raw = mem_strndup(pairs.items[i], n);
        autofree char *key = unescape(raw, true);
        autofree char *value = unescape(pairs.items[i] + n + (pairs.items[i][n] != '\0'), true);
        if (*pairs.items[i] && take_pair(ref, key, value, err))
            return -1;
    }
    return 0;
}

static void take_fragment(struct git_reference *ref, const char *fragment)
{
    autofree char *text = unescape(fragment, false);
    char *colon = strchr(text, ':');
    if (colon)
        *colon++ = '\0';
    if (*text)
        ref->ref = mem_strdup(text);
    if (colon && *colon)
        ref->subdir = mem_strdup(colon);
}

static void clean_subdir(struct git_reference *ref)
{
    if (!ref->subdir)
        return;
    autofree char *rooted = mem_printf("/%s", ref->subdir);
    autofree char *clean = path_clean(rooted);
    free(ref->subdir);
    ref->subdir = clean[1] ? mem_strdup(clean + 1) : NULL;
}

static int fill(struct git_reference *ref, const struct parts *p, struct error *err)
{
    if (p->fragment)
        take_fragment(ref, p->fragment);
    if (p->query && take_query(ref, p->query, err))
        return -1;
    clean_subdir(ref);
    if (ref->ref && *ref->ref == '-')
        return error_set(err, ERROR_INPUT, "\"%s\" is no branch, tag or commit", ref->ref);
    if (ref->checksum && (strlen(ref->checksum) < 7 || strlen(ref->checksum) > 64 ||
                          ref->checksum[strspn(ref->checksum, "0123456789abcdef")]))
        return error_set(err, ERROR_INPUT, "\"%s\" is no commit's hash", ref->checksum);
    return 0;
}

int git_reference_parse(const char *text, bool context, struct git_reference *out,
                        struct error *err)
{
    struct parts p = {0};
    struct git_reference ref = {0};
    cut(text, &p);
    bool github = context && str_starts(text, "github.com/");
    int result = github || is_repository(text, p.remote);
    if (result && fill(&ref, &p, err)) {
        error_wrap(err, "%s", p.remote);
        result = -1;
    }
    if (result == 1) {
        ref.remote = github ? mem_printf("https://%s", p.remote) : mem_strdup(p.remote);
        *out = ref;
    } else {
        git_reference_release(&ref);
    }
    parts_release(&p);
    return result;
}
