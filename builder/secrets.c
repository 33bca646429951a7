#include "secrets.h"

#include "csv.h"

#include <base/io.h>
#include <base/mem.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void secret_release(struct secret *secret)
{
    free(secret->id);
    free(secret->path);
    free(secret->variable);
}

void secrets_release(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        secret_release(&secrets->items[i]);
    free(secrets->items);
    *secrets = (struct secrets){0};
}

static int take_field(const char *field, struct secret *secret, bool *variable, struct error *err)
{
    const char *equals = strchr(field, '=');
    autofree char *key = str_lower(mem_strndup(field, strcspn(field, "=")));
    const char *value = equals ? equals + 1 : "";
    char **to = !strcmp(key, "id")                              ? &secret->id
                : !strcmp(key, "src") || !strcmp(key, "source") ? &secret->path
                : !strcmp(key, "env")                           ? &secret->variable
                                                                : NULL;
    if (equals && !strcmp(key, "type") && (!strcmp(value, "file") || !strcmp(value, "env"))) {
        *variable = !strcmp(value, "env");
        return 0;
    }
    if (!to || !*value) {
        error_set(err, ERROR_USAGE, "“%s” is no part of a secret", field);
        return error_hint(err, "write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE");
    }
    free(*to);
    *to = mem_strdup(value);
    return 0;
}

static int complete(struct secret *secret, bool variable, struct error *err)
{
    if (!secret->id)
        return error_set(err, ERROR_USAGE, "a secret needs an id");
    if (variable && !secret->variable && secret->path)
        secret->variable = take(&secret->path);
    if (!secret->path && !secret->variable) {
        bool set = variable || getenv(secret->id);
        *(set ? &secret->variable : &secret->path) = mem_strdup(secret->id);
    }
    if (secret->variable || !access(secret->path, R_OK))
        return 0;
    return error_errno(err, ERROR_MISSING, "read %s", secret->path);
}

int secrets_add(struct secrets *secrets, const char *spec, struct error *err)
{
    autostrv fields = STRV_INIT;
    struct secret secret = {0};
    bool variable = false;
    int failed = csv_fields(spec, &fields, err);
    for (size_t i = 0; i < fields.count && !failed; i++)
        failed = take_field(fields.items[i], &secret, &variable, err);
    if (failed || complete(&secret, variable, err)) {
        secret_release(&secret);
        return error_wrap(err, "--secret %s", spec);
    }
    MEM_PUSH(secrets->items, secrets->count, secrets->cap) = secret;
    return 0;
}

int secrets_read(const struct secrets *secrets, const char *id, struct str *out, struct error *err)
{
    for (size_t i = secrets ? secrets->count : 0; i-- > 0;) {
        const struct secret *secret = &secrets->items[i];
        if (strcmp(secret->id, id) != 0)
            continue;
        const char *value = secret->variable ? getenv(secret->variable) : NULL;
        if (secret->path)
            return io_read_file(AT_FDCWD, secret->path, SECRET_MAX, out, err)
                       ? error_wrap(err, "secret %s", id)
                       : 1;
        if (!value)
            return 0;
        str_clear(out);
        str_add(out, value);
        return 1;
    }
    return 0;
}

void secret_wipe(struct str *value)
{
    if (value->data)
        explicit_bzero(value->data, value->cap);
    str_release(value);
}
