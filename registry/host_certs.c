#include "host_certs.h"

#include <base/mem.h>
#include <base/path.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

void host_certs_release(struct host_certs *c)
{
    strv_release(&c->authorities);
    free(c->cert);
    free(c->key);
    *c = (struct host_certs){0};
}

/* NAME.cert in names -> whether NAME.key is there too. */
static bool has_partner(const struct strv *names, const char *name, const char *ending,
                        const char *partner)
{
    autofree char *other =
        mem_printf("%.*s%s", (int)(strlen(name) - strlen(ending)), name, partner);
    return strv_contains(names, other);
}

static int take_name(const char *directory, const struct strv *names, const char *name,
                     struct host_certs *c, struct error *err)
{
    autofree char *path = path_join(directory, name);
    bool cert = str_ends(name, ".cert"), key = str_ends(name, ".key");
    if (str_ends(name, ".crt"))
        strv_add(&c->authorities, path);
    if (cert && !has_partner(names, name, ".cert", ".key")) {
        error_set(err, ERROR_INPUT, "%s has no key beside it", path);
        return error_hint(err, "its key is NAME.key; a certificate of an authority ends in .crt");
    }
    if (key && !has_partner(names, name, ".key", ".cert"))
        return error_set(err, ERROR_INPUT, "%s has no certificate beside it, NAME.cert", path);
    if (cert && !c->cert) {
        c->key = mem_printf("%.*s.key", (int)(strlen(path) - strlen(".cert")), path);
        c->cert = take(&path);
    }
    return 0;
}

int host_certs_in(const char *directory, struct host_certs *out, struct error *err)
{
    autostrv names = STRV_INIT;
    struct host_certs c = {0};
    autoclosedir DIR *dir = opendir(directory);
    if (!dir)
        return error_errno(err, ERROR_HOST, "open %s", directory);
    for (struct dirent *e; (e = readdir(dir));)
        strv_add(&names, e->d_name);
    strv_sort(&names);
    for (size_t i = 0; i < names.count; i++)
        if (take_name(directory, &names, names.items[i], &c, err)) {
            host_certs_release(&c);
            return -1;
        }
    *out = c;
    return 0;
}

static bool is_directory(const char *path)
{
    DIR *dir = opendir(path);
    if (dir)
        closedir(dir);
    return dir != NULL;
}

int host_certs_find(const char *host, struct host_certs *out, struct error *err)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    autofree char *user = config && *config ? mem_printf("%s/containers/certs.d", config)
                          : home && *home   ? mem_printf("%s/.config/containers/certs.d", home)
                                            : NULL;
    const char *places[] = {user, "/etc/containers/certs.d", "/etc/docker/certs.d"};
    *out = (struct host_certs){0};
    if (strchr(host, '/') || *host == '.')
        return 0;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        autofree char *directory = places[i] ? path_join(places[i], host) : NULL;
        if (directory && is_directory(directory))
            return host_certs_in(directory, out, err);
    }
    return 0;
}
