#include "platform.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* Names that machines and people use, and Go's, which images use. */
static const struct {
    const char *alias, *arch, *variant;
} aliases[] = {
    {"x86_64", "amd64", ""},      {"x86-64", "amd64", ""},
    {"aarch64", "arm64", ""},     {"i386", "386", ""},
    {"i486", "386", ""},          {"i586", "386", ""},
    {"i686", "386", ""},          {"armhf", "arm", "v7"},
    {"armv7l", "arm", "v7"},      {"armel", "arm", "v6"},
    {"armv6l", "arm", "v6"},      {"armv8l", "arm", "v7"},
    {"ppc64el", "ppc64le", ""},   {"loongarch64", "loong64", ""},
    {"mips64el", "mips64le", ""},
};

static const char *const oses[] = {"linux", "windows", "darwin", "freebsd"};

static bool is_os(const char *word)
{
    for (size_t i = 0; i < sizeof oses / sizeof oses[0]; i++)
        if (!strcmp(word, oses[i]))
            return true;
    return false;
}

/* Lower-case letters, digits, '_', '-' and '.', as the names in use have; '\0' ends it. */
static bool word_valid(const char *word)
{
    return isalnum((unsigned char)*word) &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == strlen(word);
}

static void normalise(struct platform *p)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(p->arch, aliases[i].alias) != 0)
            continue;
        snprintf(p->arch, sizeof p->arch, "%s", aliases[i].arch);
        if (!p->variant[0])
            snprintf(p->variant, sizeof p->variant, "%s", aliases[i].variant);
        break;
    }
    bool plain_arm64 =
        !strcmp(p->arch, "arm64") && (!strcmp(p->variant, "v8") || !strcmp(p->variant, "8"));
    bool plain_amd64 = !strcmp(p->arch, "amd64") && !strcmp(p->variant, "v1");
    if (plain_arm64 || plain_amd64)
        p->variant[0] = '\0';
    if (!strcmp(p->arch, "arm") && !p->variant[0])
        strcpy(p->variant, "v7");
    if (!strcmp(p->arch, "arm") && p->variant[0] != 'v' && !p->variant[1]) {
        p->variant[1] = p->variant[0];
        p->variant[0] = 'v';
        p->variant[2] = '\0';
    }
}

static int take_word(char *to, size_t room, const char *from, size_t n)
{
    if (n >= room)
        return -1;
    memcpy(to, from, n);
    to[n] = '\0';
    return word_valid(to) ? 0 : -1;
}

/* "v7", "8": no architecture is called so. */
static bool is_variant(const char *word)
{
    return isdigit((unsigned char)word[*word == 'v']);
}

/* Cut at the slashes: at most three words. -1 where one is empty, too long or has odd characters.
 */
static int split(const char *text, struct platform *p)
{
    const char *first = strchrnul(text, '/');
    size_t n = (size_t)(first - text);
    char word[16];
    if (take_word(word, sizeof word, text, n))
        return -1;
    const char *rest = text;
    if ((*first && !is_variant(first + 1)) || is_os(word)) {
        if (!*first) /* an os alone says too little */
            return -1;
        strcpy(p->os, word);
        rest = first + 1;
    } else {
        strcpy(p->os, "linux");
    }
    const char *second = strchrnul(rest, '/');
    if (take_word(p->arch, sizeof p->arch, rest, (size_t)(second - rest)))
        return -1;
    if (*second && take_word(p->variant, sizeof p->variant, second + 1, strlen(second + 1)))
        return -1;
    return 0;
}

int platform_parse(const char *text, struct platform *out, struct error *err)
{
    struct platform p = {0};
    if (split(text, &p)) {
        error_set(err, ERROR_INPUT, "“%.64s” is not a platform", text);
        return error_hint(err,
                          "write OS/ARCH or OS/ARCH/VARIANT, as in linux/amd64 or linux/arm/v7");
    }
    normalise(&p);
    *out = p;
    return 0;
}

void platform_from(const char *os, const char *arch, const char *variant, struct platform *out)
{
    struct platform p = {0};
    snprintf(p.os, sizeof p.os, "%s", os);
    snprintf(p.arch, sizeof p.arch, "%s", arch);
    snprintf(p.variant, sizeof p.variant, "%s", variant ? variant : "");
    normalise(&p);
    *out = p;
}

void platform_host(struct platform *out)
{
    struct utsname host;
    const char *machine = uname(&host) ? "amd64" : host.machine;
    platform_from("linux", machine, NULL, out);
}

bool platform_equal(const struct platform *a, const struct platform *b)
{
    return !strcmp(a->os, b->os) && !strcmp(a->arch, b->arch) && !strcmp(a->variant, b->variant);
}

/* "v7" -> 7; "" -> the least the architecture promises. */
static int variant_level(const struct platform *p)
{
    if (p->variant[0] == 'v' && p->variant[1] >= '1' && p->variant[1] <= '9' && !p->variant[2])
        return p->variant[1] - '0';
    if (p->variant[0])
        return -1;
    if (!strcmp(p->arch, "arm64"))
        return 8;
    return 1;
}

bool platform_runs_on(const struct platform *image, const struct platform *host)
{
    if (strcmp(image->os, host->os) != 0)
        return false;
    if (!strcmp(image->arch, "386") && !strcmp(host->arch, "amd64"))
        return true;
    if (strcmp(image->arch, host->arch) != 0)
        return false;
    int needs = variant_level(image);
    int has = variant_level(host);
    return needs < 0 || has < 0 ? !strcmp(image->variant, host->variant) : needs <= has;
}

char *platform_text(const struct platform *p, char separator, char buffer[48])
{
    snprintf(buffer, 48, "%s%c%s", p->os, separator, p->arch);
    if (p->variant[0]) {
        size_t n = strlen(buffer);
        snprintf(buffer + n, 48 - n, "%c%s", separator, p->variant);
    }
    return buffer;
}
