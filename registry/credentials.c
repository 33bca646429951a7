#include "credentials.h"

#include "base64.h"
#include "credential_helper.h"

#include <base/io.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define DOCKER_HUB_KEY "https://index.docker.io/v1/"

static void forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void credentials_release(struct credentials *c)
{
    forget(c->user);
    forget(c->password);
    forget(c->identity_token);
    free(c->from);
    *c = (struct credentials){0};
}

char *credentials_basic(const char *user, const char *password)
{
    autofree char *both = mem_printf("%s:%s", user, password);
    autofree char *encoded = base64_encode(both, strlen(both));
    char *header = mem_printf("Basic %s", encoded);
    explicit_bzero(both, strlen(both));
    explicit_bzero(encoded, strlen(encoded));
    return header;
}

const char *credentials_key(const char *host)
{
    return str_eq(host, "docker.io") ? DOCKER_HUB_KEY : host;
}

/* "https://ghcr.io/v1/" -> "ghcr.io"; what has no scheme stays, as "ghcr.io/owner". Docker's own
 * address becomes docker.io. The caller frees it. */
static char *plain_key(const char *key)
{
    const char *start = key;
    if (str_starts(key, "https://"))
        start += strlen("https://");
    else if (str_starts(key, "http://"))
        start += strlen("http://");
    char *plain = mem_strdup(start);
    char *version = strstr(plain, "/v1");
    if (!version)
        version = strstr(plain, "/v2");
    if (version && (!version[3] || str_eq(version + 3, "/")))
        *version = '\0';
    if (str_ends(plain, "/"))
        plain[strlen(plain) - 1] = '\0';
    if (str_eq(plain, "index.docker.io") || str_eq(plain, "registry-1.docker.io"))
        strcpy(plain, "docker.io");
    return plain;
}

/* How well the key fits: its length where it is host, or host and the start of the repository. */
static size_t fit(const char *key, const char *host, const char *repository)
{
    autofree char *plain = plain_key(key);
    autofree char *whole = mem_printf("%s/%s", host, repository ? repository : "");
    size_t n = strlen(plain);
    if (!n || strncmp(whole, plain, n) != 0 || (whole[n] != '/' && whole[n]))
        return 0;
    return n;
}

const char *credentials_helper_for(const json_t *config, const char *host)
{
    const char *key;
    json_t *value;
    json_t *helpers = json_object_get(config, "credHelpers");
    json_object_foreach (helpers, key, value) {
        autofree char *plain = plain_key(key);
        if (str_eq(plain, host) && json_is_string(value))
            return json_string_value(value);
    }
    const char *store = json_string_value(json_object_get(config, "credsStore"));
    return store && *store ? store : NULL;
}

/* "user:password" in Base64. */
static int split_auth(const char *auth, const char *path, const char *key, struct credentials *out,
                      struct error *err)
{
    autostr plain = STR_INIT;
    const char *colon = base64_decode(auth, &plain) ? NULL : strchr(str_text(&plain), ':');
    if (!colon)
        return error_set(err, ERROR_INPUT,
                         "%s: “auth” of %s is not a user and a password in Base64", path, key);
    out->user = mem_strndup(plain.data, (size_t)(colon - plain.data));
    out->password = mem_strdup(colon + 1);
    explicit_bzero(plain.data, plain.len);
    return 0;
}

static int read_entry(const json_t *entry, const char *path, const char *key,
                      struct credentials *out, struct error *err)
{
    const char *auth, *user, *password, *identity;
    autocredentials c = {0};
    if (json_get_string(entry, "auth", "", path, &auth, err) ||
        json_get_string(entry, "username", "", path, &user, err) ||
        json_get_string(entry, "password", "", path, &password, err) ||
        json_get_string(entry, "identitytoken", "", path, &identity, err))
        return -1;
    if (*auth) {
        if (split_auth(auth, path, key, &c, err))
            return -1;
    } else if (*user) {
        c.user = mem_strdup(user);
        c.password = mem_strdup(password);
    }
    if (*identity)
        c.identity_token = mem_strdup(identity);
    if (!c.user && !c.identity_token) /* docker leaves an empty entry where a helper has it */
        return 0;
    c.from = mem_strdup(path);
    *out = c;
    c = (struct credentials){0};
    return 1;
}

static int from_helper(const char *helper, const char *host, struct credentials *out,
                       struct error *err)
{
    char *user, *secret;
    int found = credential_helper_get(helper, credentials_key(host), &user, &secret, err);
    if (found <= 0)
        return found;
    out->from = mem_printf("docker-credential-%s", helper);
    if (str_eq(user, "<token>")) {
        out->identity_token = secret;
        free(user);
    } else {
        out->user = user;
        out->password = secret;
    }
    return 1;
}

int credentials_in(const json_t *config, const char *path, const char *host, const char *repository,
                   bool helpers, struct credentials *out, struct error *err)
{
    const char *helper = helpers ? credentials_helper_for(config, host) : NULL;
    if (helper) {
        int found = from_helper(helper, host, out, err);
        if (found)
            return found < 0 ? error_wrap(err, "%s", path) : found;
    }
    json_t *auths, *value;
    if (json_get_object(config, "auths", path, &auths, err))
        return -1;
    const char *key, *best = NULL;
    size_t best_fit = 0;
    json_object_foreach (auths, key, value) {
        size_t f = fit(key, host, repository);
        if (f > best_fit) {
            best_fit = f;
            best = key;
        }
    }
    return best ? read_entry(json_object_get(auths, best), path, best, out, err) : 0;
}

static int in_file(const char *path, const char *host, const char *repository,
                   struct credentials *out, struct error *err)
{
    autojson *config = NULL;
    autoerror problem = ERROR_INIT;
    autostr text = STR_INIT;
    if (io_read_file(AT_FDCWD, path, CREDENTIALS_FILE_CAP, &text, &problem)) {
        if (problem.kind != ERROR_MISSING)
            return error_move(err, &problem);
        error_ignore(&problem, "most people have few of these files");
        return 0;
    }
    autofree char *blank = mem_strdup(str_text(&text));
    if (!*str_trim(blank))
        return 0;
    if (json_parse(text.data, text.len, path, &config, err)) {
        if (err) /* the line may be one that holds a password */
            free(take(&err->source_line));
        return error_wrap(err, "credentials");
    }
    return credentials_in(config, path, host, repository, true, out, err);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static char *below(const char *name, const char *path)
{
    const char *directory = variable(name);
    return directory ? path_join(directory, path) : NULL;
}

char *credentials_docker_file(void)
{
    char *given = below("DOCKER_CONFIG", "config.json");
    return given ? given : below("HOME", ".docker/config.json");
}

static int in_files(const char *host, const char *repository, struct credentials *out,
                    struct error *err)
{
    char *config_home = below("XDG_CONFIG_HOME", "containers/auth.json");
    char *places[] = {
        mem_strdup_null(variable("REGISTRY_AUTH_FILE")),
        credentials_docker_file(),
        below("XDG_RUNTIME_DIR", "containers/auth.json"),
        config_home ? config_home : below("HOME", ".config/containers/auth.json"),
    };
    int found = 0;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (!found && places[i])
            found = in_file(places[i], host, repository, out, err);
        free(places[i]);
    }
    return found;
}

int credentials_find(const char *host, const char *repository,
                     const struct transport_options *options, struct credentials *out,
                     struct error *err)
{
    autocredentials c = {0};
    if (options->user) {
        c.user = mem_strdup(options->user);
        c.password = mem_strdup(options->password ? options->password : "");
        c.from = mem_strdup("the command line");
    } else {
        int found = in_files(host, repository, &c, err);
        if (found < 0)
            return -1;
        const char *token = variable("GITHUB_TOKEN");
        if (!found && token && str_eq(host, "ghcr.io")) {
            const char *actor = variable("GITHUB_ACTOR");
            c.user = mem_strdup(actor ? actor : "x-access-token");
            c.password = mem_strdup(token);
            c.from = mem_strdup("$GITHUB_TOKEN");
        }
    }
    *out = c;
    c = (struct credentials){0};
    return 0;
}
