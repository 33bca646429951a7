#include "login.h"

#include "base64.h"
#include "credential_helper.h"
#include "credentials.h"
#include "session.h"

#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <base/path.h>
#include <base/str.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Docker keeps its own registry under an address of old. */
static int host_of(const char *registry, char **out, struct error *err)
{
    const char *start = registry;
    if (str_starts(start, "https://"))
        start += strlen("https://");
    else if (str_starts(start, "http://"))
        start += strlen("http://");
    autofree char *host = str_lower(mem_strndup(start, strcspn(start, "/")));
    if (!*host || strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != strlen(host)) {
        error_set(err, ERROR_USAGE, "“%s” is not a registry", registry);
        return error_hint(err, "give its host alone, as in ghcr.io or 127.0.0.1:5000");
    }
    if (str_eq(host, "index.docker.io") || str_eq(host, "registry-1.docker.io"))
        strcpy(host, "docker.io");
    *out = take(&host);
    return 0;
}

int login_check(const char *registry, const char *user, const char *password,
                const struct transport_options *options, struct error *err)
{
    autofree char *host = NULL;
    if (host_of(registry, &host, err))
        return -1;
    struct transport_options with_user = *options;
    with_user.user = user;
    with_user.password = password;
    struct reference ref = {.host = host, .repository = (char *)""};
    struct session_request request = {.method = "GET", .path = ""};
    struct session *session;
    autoexchange *x = NULL;
    if (session_new_push(&ref, &with_user, SESSION_LOGIN, &session, err))
        return -1;
    int failed = session_send(session, &request, &x, err);
    /* 404: there is no such page, but whoever answers has taken what it asked for. */
    if (!failed && http_status(x) != 200 && http_status(x) != 404)
        failed = session_refused(session, x, "the login", err);
    if (!failed && !session_credentials(session))
        log_warning("%s asks for no credentials: these are not checked", host);
    http_close(take(&x));
    session_free(session);
    return failed;
}

struct config {
    char *path;
    json_t *json;
};

static void config_release(struct config *c)
{
    free(c->path);
    json_decref(c->json);
}
#define autoconfig __attribute__((cleanup(config_release))) struct config

static int config_read(struct config *c, struct error *err)
{
    autoerror absent = ERROR_INIT;
    autostr text = STR_INIT;
    c->path = credentials_docker_file();
    if (!c->path)
        return error_set(err, ERROR_HOST, "neither DOCKER_CONFIG nor HOME is set");
    if (io_read_file(AT_FDCWD, c->path, CREDENTIALS_FILE_CAP, &text, &absent)) {
        if (absent.kind != ERROR_MISSING)
            return error_move(err, &absent);
        error_ignore(&absent, "it is made");
    }
    autofree char *blank = mem_strdup(str_text(&text));
    if (!*str_trim(blank)) {
        c->json = json_object();
        return 0;
    }
    if (json_parse(text.data, text.len, c->path, &c->json, err)) {
        if (err) /* the line may be one that holds a password */
            free(take(&err->source_line));
        return -1;
    }
    json_t *auths;
    if (!json_is_object(c->json))
        return error_set(err, ERROR_INPUT, "%s is not a JSON object", c->path);
    return json_get_object(c->json, "auths", c->path, &auths, err);
}

/* Through a symbolic link, as people have who keep such files elsewhere. */
static int config_write(const struct config *c, struct error *err)
{
    autofree char *real = realpath(c->path, NULL);
    const char *path = real ? real : c->path;
    autofree char *directory = path_dir(path);
    mode_t before = umask(077);
    int failed = path_make_dirs(directory, err);
    umask(before);
    if (failed)
        return -1;
    char *text = json_pretty(c->json);
    failed = io_write_file(AT_FDCWD, path, text, strlen(text), 0600, 1, err);
    explicit_bzero(text, strlen(text));
    free(text);
    return failed;
}

static json_t *auths_of(struct config *c)
{
    json_t *auths = json_object_get(c->json, "auths");
    if (json_is_object(auths))
        return auths;
    auths = json_object();
    json_object_set_new(c->json, "auths", auths);
    return auths;
}

int login_store(const char *registry, const char *user, const char *password, struct error *err)
{
    autofree char *host = NULL;
    autoconfig c = {0};
    if (host_of(registry, &host, err))
        return -1;
    if (strchr(user, ':') || !*user)
        return error_set(err, ERROR_USAGE, "a user's name has no colon and is not empty");
    if (config_read(&c, err))
        return -1;
    const char *key = credentials_key(host);
    const char *helper = credentials_helper_for(c.json, host);
    if (helper)
        return credential_helper_store(helper, key, user, password, err);
    autofree char *both = mem_printf("%s:%s", user, password);
    autofree char *encoded = base64_encode(both, strlen(both));
    json_t *entry = json_object();
    json_object_set_new(entry, "auth", json_string(encoded));
    json_object_set_new(auths_of(&c), key, entry);
    explicit_bzero(both, strlen(both));
    explicit_bzero(encoded, strlen(encoded));
    return config_write(&c, err);
}

int login_remove(const char *registry, struct error *err)
{
    autofree char *host = NULL;
    autoconfig c = {0};
    if (host_of(registry, &host, err) || config_read(&c, err))
        return -1;
    const char *key = credentials_key(host);
    const char *helper = credentials_helper_for(c.json, host);
    bool kept = json_object_del(auths_of(&c), key) == 0;
    if (helper && credential_helper_erase(helper, key, err))
        return -1;
    if (kept)
        return config_write(&c, err);
    if (!helper)
        return error_set(err, ERROR_MISSING, "%s has no credentials for %s", c.path, host);
    return 0;
}
