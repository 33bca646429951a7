#include "secrets.h"

#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <ctype.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A token: its prefix, and how many characters of an alphabet follow it at least. */
static const struct {
    const char *prefix;
    size_t length;
    const char *what;
} tokens[] = {
    {"ghp_", 36, "a GitHub token"},
    {"gho_", 36, "a GitHub token"},
    {"ghs_", 36, "a GitHub token"},
    {"ghu_", 36, "a GitHub token"},
    {"github_pat_", 60, "a GitHub token"},
    {"glpat-", 20, "a GitLab token"},
    {"npm_", 36, "an npm token"},
    {"pypi-AgE", 60, "a PyPI token"},
    {"dckr_pat_", 20, "a Docker Hub token"},
    {"hf_", 34, "a Hugging Face token"},
    {"xoxb-", 20, "a Slack token"},
    {"xoxp-", 20, "a Slack token"},
    {"AIza", 35, "a Google API key"},
    {"AKIA", 16, "an AWS access key"},
};

/* Files known by their name, and what must stand in them. */
static const struct {
    const char *glob, *text, *what;
} files[] = {
    {"*/.netrc", "password", "a password"},
    {"*/.git-credentials", "://", "Git's credentials"},
    {"*/.pypirc", "password", "a password"},
    {"*/.npmrc", "_authToken=", "an npm token"},
    {"*/.docker/config.json", "\"auth\"", "Docker's credentials"},
    {"*/.aws/credentials", "aws_secret_access_key", "AWS credentials"},
    {"*/.pgpass", ":", "a PostgreSQL password"},
    {"*/.config/gh/hosts.yml", "oauth_token", "a GitHub token"},
};

static bool is_base64(char c)
{
    return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

/* "-----BEGIN … PRIVATE KEY-----" and a line of the key itself: the mark alone stands in many
 * programs. */
static bool is_private_key(const char *p, const char *end)
{
    static const char tail[] = "PRIVATE KEY-----";
    enum { LINE_MIN = 40, MARK_MAX = 64 };
    size_t room = (size_t)(end - p) < MARK_MAX ? (size_t)(end - p) : MARK_MAX;
    const char *mark = memmem(p, room, tail, sizeof tail - 1);
    const char *newline = memchr(p, '\n', room);
    if (!mark || (newline && newline < mark))
        return false;
    for (const char *line = mark + sizeof tail - 1; line < end;) {
        while (line < end && (*line == '\r' || *line == '\n'))
            line++;
        const char *stop = line;
        while (stop < end && is_base64(*stop))
            stop++;
        if (stop - line >= LINE_MIN)
            return true;
        const char *next = memchr(line, '\n', (size_t)(end - line));
        bool header = next && memchr(line, ':', (size_t)(next - line)); /* "Proc-Type: …" */
        bool blank = next == line;
        if (!header && !blank)
            return false;
        line = next + 1;
    }
    return false;
}

static bool is_token_character(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static bool is_token(const char *start, const char *p, const char *end, size_t i)
{
    size_t n = strlen(tokens[i].prefix), length = 0;
    if ((size_t)(end - p) < n || memcmp(p, tokens[i].prefix, n) != 0)
        return false;
    if (p > start && is_token_character(p[-1]))
        return false;
    unsigned char kinds = 0; /* letters and digits: words and placeholders are not both */
    for (const char *q = p + n; q < end && is_token_character(*q); q++, length++)
        kinds |= isdigit((unsigned char)*q) ? 1 : isalpha((unsigned char)*q) ? 2 : 0;
    return length >= tokens[i].length && length < tokens[i].length + 200 && kinds == 3;
}

static uint16_t pair(const char *p)
{
    return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

/* Keys and tokens anywhere; most pairs of bytes begin none. */
static const char *find_in_bytes(const char *bytes, size_t n)
{
    uint8_t first[65536 / 8] = {0};
    const char *end = bytes + n;
    for (size_t i = 0; i < COUNT_OF(tokens); i++)
        first[pair(tokens[i].prefix) / 8] |= (uint8_t)(1u << (pair(tokens[i].prefix) % 8));
    first[pair("--") / 8] |= (uint8_t)(1u << (pair("--") % 8));
    for (const char *p = bytes; p + 1 < end; p++) {
        uint16_t at = pair(p);
        if (!(first[at / 8] & (1u << (at % 8))))
            continue;
        if (*p == '-') {
            bool starts = (p == bytes || p[-1] == '\n') && (size_t)(end - p) > 11;
            if (starts && !memcmp(p, "-----BEGIN ", 11) && is_private_key(p, end))
                return "a private key";
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(tokens); i++)
            if (is_token(bytes, p, end, i))
                return tokens[i].what;
    }
    return NULL;
}

/* Keys that come with packages for their own tests are nobody's. */
static bool is_test_data(const char *path)
{
    static const char *const globs[] = {"*/site-packages/*test*/*", "*/dist-packages/*test*/*",
                                        "*/node_modules/*test*/*",  "*/python3*/test/*",
                                        "*/python3*/idlelib/*",     "/usr/share/doc/*"};
    for (size_t i = 0; i < COUNT_OF(globs); i++)
        if (!fnmatch(globs[i], path, 0))
            return true;
    return false;
}

const char *secrets_find(const char *path, const char *bytes, size_t n)
{
    for (size_t i = 0; path && i < COUNT_OF(files); i++)
        if (!fnmatch(files[i].glob, path, 0) &&
            memmem(bytes, n, files[i].text, strlen(files[i].text)))
            return files[i].what;
    if (path && is_test_data(path))
        return NULL;
    return find_in_bytes(bytes, n);
}
