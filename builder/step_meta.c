#include "step_meta.h"

#include "duration.h"
#include "expand_instruction.h"
#include "history.h"
#include "ports.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

/* In the order of the words as written, which is by name. */
static int expose(struct stage_state *s, const struct dockerfile *file,
                  const struct instruction *in, struct strv *ports, struct error *err)
{
    for (size_t i = 0; i < in->arg_count; i++)
        if (ports_parse(in->args[i].text, ports, err))
            return bad(file, in->args[i].at, err);
    for (size_t i = 0; i < ports->count; i++)
        json_object_set_new(member_object(s, "ExposedPorts"), ports->items[i], json_object());
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
        if (retries)
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
        if (value)
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

static void on_build(struct stage_state *s, const struct instruction *in)
{
    json_t *triggers = json_object_get(s->config, "OnBuild");
    if (!triggers) {
        triggers = json_array();
        json_object_set_new(s->config, "OnBuild", triggers);
    }
    json_array_append_new(triggers, json_from_text(in->args[0].text));
}

char *step_meta_workdir(const struct stage_state *s, const char *path)
{
    if (*path == '/')
        return mem_strdup(path);
    autofree char *joined = path_join(stage_state_cwd(s), path);
    autofree char *rooted = mem_printf("/%s", joined);
    return path_clean(rooted);
}

bool step_meta_applies(enum instruction_kind kind)
{
    return kind != INSTRUCTION_RUN && kind != INSTRUCTION_COPY && kind != INSTRUCTION_ADD &&
           kind != INSTRUCTION_WORKDIR && kind != INSTRUCTION_FROM;
}

/* A number that is not 0, or a name as the kernel's, with or without SIG, in any case. */
static bool is_signal(const char *text)
{
    static const char *const names[] = {
        "ABRT", "ALRM", "BUS",    "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
        "INT",  "IO",   "IOT",    "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
        "SEGV", "STOP", "STKFLT", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
        "URG",  "USR1", "USR2",   "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"};
    if (text[strspn(text, "0123456789")] == '\0' && *text)
        return text[strspn(text, "0")] != '\0';
    if (!strncasecmp(text, "SIG", 3))
        text += 3;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcasecmp(text, names[i]))
            return true;
    bool low = !strncasecmp(text, "RTMIN+", 6), high = !strncasecmp(text, "RTMAX-", 6);
    long long number = low || high ? str_number(text + 6, low ? 15 : 14) : -1;
    return number > 0;
}

static int stop_signal(struct stage_state *s, const struct dockerfile *file,
                       const struct instruction *in, struct error *err)
{
    const struct word *word = &in->args[0];
    if (!is_signal(word->text)) {
        error_set(err, ERROR_INPUT, "“%s” is no signal", word->text);
        return bad(file, word->at, err);
    }
    json_object_set_new(s->config, "StopSignal", json_from_text(word->text));
    return 0;
}

static int volumes(struct stage_state *s, const struct dockerfile *file,
                   const struct instruction *in, struct error *err)
{
    for (size_t i = 0; i < in->arg_count; i++) {
        if (!*in->args[i].text) {
            error_set(err, ERROR_INPUT, "a VOLUME can't be empty");
            return bad(file, in->args[i].at, err);
        }
        json_object_set_new(member_object(s, "Volumes"), in->args[i].text, json_object());
    }
    return 0;
}

/* words_out: what ARG and EXPOSE came to, for the history. */
static int apply(struct stage_state *s, const struct dockerfile *file, const struct instruction *in,
                 struct strv *words_out, struct error *err)
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
        json_object_set_new(s->config, "ArgsEscaped", json_true()); /* as BuildKit does */
        s->cmd_set = true;
        return 0;
    case INSTRUCTION_ENTRYPOINT:
        entrypoint(s, in);
        return 0;
    case INSTRUCTION_EXPOSE:
        return expose(s, file, in, words_out, err);
    case INSTRUCTION_VOLUME:
        return volumes(s, file, in, err);
    case INSTRUCTION_USER:
        json_object_set_new(s->config, "User", json_from_text(in->args[0].text));
        return 0;
    case INSTRUCTION_STOPSIGNAL:
        return stop_signal(s, file, in, err);
    case INSTRUCTION_SHELL:
        shell(s, in);
        return 0;
    case INSTRUCTION_HEALTHCHECK:
        return healthcheck(s, file, in, err);
    case INSTRUCTION_ONBUILD:
        on_build(s, in);
        return 0;
    case INSTRUCTION_MAINTAINER:
        json_object_set_new(s->config, "Author", json_from_text(in->args[0].text));
        return 0;
    case INSTRUCTION_ARG:
        return expand_arg(&s->scope, file, in, words_out, err);
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

int step_meta(struct stage_state *s, const struct dockerfile *file, const struct instruction *in,
              int64_t created, struct error *err)
{
    autostrv found = STRV_INIT;
    if (apply(s, file, in, &found, err))
        return -1;
    autofree char *by = history_of_config(s, in, &found);
    if (by)
        stage_state_add(s, NULL, by, created);
    return 0;
}
