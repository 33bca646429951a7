#include "ports.h"

#include <base/mem.h>

#include <arpa/inet.h>
#include <string.h>

struct range {
    long long first, last;
};

/* "80" or "80-90"; "+80" is a number, as for Go's ParseInt. */
static long long parse_number(const char *text)
{
    return str_number(text + (*text == '+'), 65535);
}

static bool parse_range(const char *text, struct range *range)
{
    autofree char *first = mem_strndup(text, strcspn(text, "-"));
    const char *dash = strchr(text, '-');
    range->first = parse_number(first);
    range->last = dash ? parse_number(dash + 1) : range->first;
    return range->first >= 0 && range->last >= range->first;
}

static bool is_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    size_t n = strlen(text);
    autofree char *bare = n > 1 && text[0] == '[' && text[n - 1] == ']'
                              ? mem_strndup(text + 1, n - 2)
                              : mem_strdup(text);
    return inet_pton(AF_INET, bare, address) == 1 || inet_pton(AF_INET6, bare, address) == 1;
}

/* Cut "IP:HOST" off: *word is then what follows. False where they are none. */
static bool skip_host(char **word, struct range *host, bool *has_host)
{
    char *colon = strrchr(*word, ':');
    *has_host = false;
    if (!colon)
        return true;
    *colon = '\0';
    char *before = strrchr(*word, ':');
    const char *port = before ? before + 1 : *word;
    if (before)
        *before = '\0';
    bool good = !before || !**word || is_address(*word);
    *has_host = *port != '\0';
    good = good && (!*has_host || parse_range(port, host));
    *word = colon + 1;
    return good;
}

static const char *protocol_of(char *word)
{
    static const char *const known[] = {"tcp", "udp", "sctp"};
    char *slash = strchr(word, '/');
    if (slash)
        *slash = '\0';
    if (!slash || !slash[1])
        return known[0];
    str_lower(slash + 1);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (!strcmp(slash + 1, known[i]))
            return known[i];
    return NULL;
}

int ports_parse(const char *word, struct strv *ports, struct error *err)
{
    autofree char *copy = mem_strdup(word);
    char *text = copy;
    struct range range = {0, 0}, host = {0, 0};
    bool has_host = false, good = skip_host(&text, &host, &has_host);
    const char *protocol = good ? protocol_of(text) : NULL;
    good = protocol && parse_range(text, &range);
    if (good && has_host && range.last > range.first)
        good = range.last - range.first == host.last - host.first;
    if (!good)
        return error_set(err, ERROR_INPUT, "“%s” is no port: PORT[-PORT][/tcp|udp|sctp]", word);
    for (long long port = range.first; port <= range.last; port++)
        strv_addf(ports, "%lld/%s", port, protocol);
    return 0;
}
