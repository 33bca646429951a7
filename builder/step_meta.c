#include "step_meta.h"

#include "duration.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

static json_t *member_object(struct stage_state *s, const char *key)
{
    json_t *object = json_object_get(s->config, key);
    if (!object) {
        object = json_object();
        json_object_set_new(s->config, key, object);
    }
    return object;
}

static json_t *words(const struct instruction *in)
{
    json_t *array = json_array();
    for (size_t i = 0; i < in->arg_count; i++)
        json_array_append_new(array, json_from_text(in->args[i].text));
    return array;
}

/* The exec form as it is; the shell form behind SHELL. */
static json_t *command(const struct stage_state *s, const struct instruction *in)
{
    if (in->json)
        return words(in);
    json_t *array = json_from_strings(&s->shell);
    json_array_append_new(array, json_from_text(in->arg_count ? in->args[0].text : ""));
    return array;
}

static int bad(const struct dockerfile *file, struct position at, struct error *err)
{
    return dockerfile_error_at(file, at, err);
}

/* "80", "80/udp", "8000-8010/tcp": protocol in lower case, tcp where none is given. */
static int expose_one(struct stage_state *s, const struct dockerfile *file, const struct word *word,
                      struct error *err)
{
    autofree char *text = mem_strdup(word->text);
    const char *protocol = "tcp";
    char *slash = strchr(text, '/');
    if (slash) {
        *slash = '\0';
        protocol = str_lower(slash + 1);
    }
    char *dash = strchr(text, '-');
    if (dash)
        *dash = '\0';
    long long first = str_number(text, 65535), last = dash ? str_number(dash + 1, 65535) : first;
    bool known = !strcmp(protocol, "tcp") || !strcmp(protocol, "udp") || !strcmp(protocol, "sctp");
    if (first < 0 || last < first || !known) {
        error_set(err, ERROR_INPUT, "“%s” is no port: PORT[-PORT][/tcp|udp|sctp]", word->text);
        return bad(file, word->at, err);
    }
    json_t *ports = member_object(s, "ExposedPorts");
    for (long long port = first; port <= last; port++) {
        autofree char *key = mem_printf("%lld/%s", port, protocol);
        json_object_set_new(ports, key, json_object());
    }
    return 0;
}

static int healthcheck_flag(const struct dockerfile *file, const struct flag *flag, json_t *check,
                            struct error *err)
{
    static const char *const names[][2] = {{"interval", "Interval"},
                                           {"timeout", "Timeout"},
                                           {"start-period", "StartPeriod"},
                                           {"start-interval", "StartInterval"}};
    if (!strcmp(flag->name, "retries")) {
        long long retries = str_number(flag->value, 1000000);
        if (retries < 0) {
            error_set(err, ERROR_INPUT, "--retries takes a whole number, not “%s”", flag->value);
            return bad(file, flag->at, err);
        }
        json_object_set_new(check, "Retries", json_integer(retries));
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(flag->name, names[i][0]) != 0)
            continue;
        int64_t value;
        if (!duration_parse(flag->value, &value) || value < 0 || (value && value < 1000000)) {
            error_set(err, ERROR_INPUT,
                      "--%s takes a duration of at least 1ms such as 30s or 1m30s, not “%s”",
                      flag->name, flag->value);
            return bad(file, flag->at, err);
        }
        json_object_set_new(check, names[i][1], json_integer(value));
    }
    return 0;
}

static int healthcheck(struct stage_state *s, const struct dockerfile *file,
                       const struct instruction *in, struct error *err)
{
    json_t *check = json_object();
    json_t *test = json_array();
    json_object_set_new(s->config, "Healthcheck", check);
    json_object_set_new(check, "Test", test);
    if (in->none) {
        json_array_append_new(test, json_string("NONE"));
        return 0;
    }
    json_array_append_new(test, json_string(in->json ? "CMD" : "CMD-SHELL"));
    for (size_t i = 0; i < in->arg_count; i++)
        json_array_append_new(test, json_from_text(in->args[i].text));
    for (size_t i = 0; i < in->flag_count; i++)
        if (healthcheck_flag(file, &in->flags[i], check, err))
            return -1;
    return 0;
}

static void entrypoint(struct stage_state *s, const struct instruction *in)
{
    json_object_set_new(s->config, "Entrypoint", command(s, in));
    if (!s->cmd_set)
        json_object_del(s->config, "Cmd");
}

static void shell(struct stage_state *s, const struct instruction *in)
{
    json_object_set_new(s->config, "Shell", words(in));
    strv_release(&s->shell);
    for (size_t i = 0; i < in->arg_count; i++)
        strv_add(&s->shell, in->args[i].text);
}

static void on_build(struct stage_state *s, const struct instruction *original)
{
    json_t *triggers = json_object_get(s->config, "OnBuild");
    if (!triggers) {
        triggers = json_array();
        json_object_set_new(s->config, "OnBuild", triggers);
    }
    json_array_append_new(triggers, json_from_text(original->args[0].text));
}

char *step_meta_workdir(const struct stage_state *s, const char *path)
{
    autofree char *joined = path_join(stage_state_cwd(s), path);
    autofree char *rooted = mem_printf("/%s", joined);
    return path_clean(rooted);
}

static void add_shell_form(struct str *out, const struct stage_state *s,
                           const struct instruction *in)
{
    for (size_t i = 0; i < s->shell.count; i++)
        str_addf(out, " %s", s->shell.items[i]);
    str_addf(out, " %s", in->arg_count ? in->args[0].text : "");
}

char *step_meta_created_by(const struct stage_state *s, const struct instruction *in)
{
    bool shell_form = !in->json && (in->kind == INSTRUCTION_RUN || in->kind == INSTRUCTION_CMD ||
                                    in->kind == INSTRUCTION_ENTRYPOINT);
    if (!shell_form)
        return mem_strdup(in->text);
    autostr out = STR_INIT;
    str_add(&out, instruction_name(in->kind));
    if (in->kind == INSTRUCTION_RUN) {
        autostrv args = STRV_INIT;
        scope_run_args(&s->scope, &args);
        if (args.count)
            str_addf(&out, " |%zu", args.count);
        for (size_t i = 0; i < args.count; i++)
            str_addf(&out, " %s", args.items[i]);
    }
    add_shell_form(&out, s, in);
    return str_take(&out);
}

bool step_meta_applies(enum instruction_kind kind)
{
    return kind != INSTRUCTION_RUN && kind != INSTRUCTION_COPY && kind != INSTRUCTION_ADD &&
           kind != INSTRUCTION_WORKDIR && kind != INSTRUCTION_FROM;
}

static int apply(struct stage_state *s, const struct dockerfile *file,
                 const struct instruction *original, const struct instruction *in,
                 struct error *err)
{
    switch (in->kind) {
    case INSTRUCTION_ENV:
        for (size_t i = 0; i < in->pair_count; i++) {
            env_set(&s->env, in->pairs[i].key.text, in->pairs[i].value.text);
            scope_env(&s->scope, in->pairs[i].key.text, in->pairs[i].value.text);
        }
        return 0;
    case INSTRUCTION_LABEL:
        for (size_t i = 0; i < in->pair_count; i++)
            json_object_set_new(member_object(s, "Labels"), in->pairs[i].key.text,
                                json_from_text(in->pairs[i].value.text));
        return 0;
    case INSTRUCTION_CMD:
        json_object_set_new(s->config, "Cmd", command(s, in));
        s->cmd_set = true;
        return 0;
    case INSTRUCTION_ENTRYPOINT:
        entrypoint(s, in);
        return 0;
    case INSTRUCTION_EXPOSE:
        for (size_t i = 0; i < in->arg_count; i++)
            if (expose_one(s, file, &in->args[i], err))
                return -1;
        return 0;
    case INSTRUCTION_VOLUME:
        for (size_t i = 0; i < in->arg_count; i++)
            json_object_set_new(member_object(s, "Volumes"), in->args[i].text, json_object());
        return 0;
    case INSTRUCTION_USER:
        json_object_set_new(s->config, "User", json_from_text(in->args[0].text));
        return 0;
    case INSTRUCTION_STOPSIGNAL:
        json_object_set_new(s->config, "StopSignal", json_from_text(in->args[0].text));
        return 0;
    case INSTRUCTION_SHELL:
        shell(s, in);
        return 0;
    case INSTRUCTION_HEALTHCHECK:
        return healthcheck(s, file, in, err);
    case INSTRUCTION_ONBUILD:
        on_build(s, original);
        return 0;
    case INSTRUCTION_MAINTAINER:
        json_object_set_new(s->config, "Author", json_from_text(in->args[0].text));
        return 0;
    case INSTRUCTION_ARG: /* build.c: its pairs see one another */
    case INSTRUCTION_ADD:
    case INSTRUCTION_COPY:
    case INSTRUCTION_FROM:
    case INSTRUCTION_RUN:
    case INSTRUCTION_WORKDIR:
    case INSTRUCTION_KINDS:
        return 0;
    }
    return 0;
}

int step_meta(struct stage_state *s, const struct dockerfile *file,
              const struct instruction *original, const struct instruction *expanded,
              int64_t created, struct error *err)
{
    if (apply(s, file, original, expanded, err))
        return -1;
    autofree char *by = step_meta_created_by(s, expanded);
    stage_state_add(s, NULL, by, created);
    return 0;
}
