#include "history.h"

#include "duration.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

static void add_words(struct str *out, const struct strv *words)
{
    for (size_t i = 0; i < words->count; i++)
        str_addf(out, " %s", words->items[i]);
}

/* "[a b]", as Go prints a list. */
static void add_list(struct str *out, const struct strv *words)
{
    autofree char *joined = strv_join(words, " ");
    str_addf(out, "[%s]", joined);
}

/* The length of the UTF-8 sequence at s, and its code point; 0 where there is none. */
static size_t decode(const unsigned char *s, unsigned *code)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    *code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        *code = *code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = *code >= 0xd800 && *code < 0xe000;
    return n && *code >= least[n] && !surrogate && *code < 0x110000 ? n : 0;
}

/* Blanks, format characters and what is not assigned: Go's strconv.IsPrint says no. */
static bool is_printable(unsigned code)
{
    static const unsigned hidden[][2] = {
        {0, 0x1f},        {0x7f, 0xa0},     {0xad, 0xad},       {0x600, 0x605},
        {0x61c, 0x61c},   {0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},
        {0x205f, 0x206f}, {0x3000, 0x3000}, {0xe000, 0xf8ff},   {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe007f}, {0xf0000, 0x10ffff},
    };
    for (size_t i = 0; i < COUNT_OF(hidden); i++)
        if (code >= hidden[i][0] && code <= hidden[i][1])
            return false;
    return true;
}

/* One character, or byte that is none, as Go's %q has it. Returns how many bytes it took. */
static size_t add_quoted_character(struct str *out, const unsigned char *s)
{
    static const char escaped[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
    const char *known = strchr(escaped, *s);
    unsigned code = 0;
    size_t n = decode(s, &code);
    if (known && *known)
        str_addf(out, "\\%c", letters[known - escaped]);
    else if (!n || (code < 0x80 && !is_printable(code)))
        str_addf(out, "\\x%02x", *s);
    else if (is_printable(code))
        str_addf(out, "%.*s", (int)n, (const char *)s);
    else
        str_addf(out, code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
    return n ? n : 1;
}

/* A config's list of strings as Go's %q prints it: ["a" "b\n"]. */
static void add_quoted_list(struct str *out, const json_t *list)
{
    str_add(out, "[");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const unsigned char *s = (const unsigned char *)json_string_value(item);
        const unsigned char *end = s + json_string_length(item);
        str_add(out, i ? " \"" : "\"");
        while (s < end)
            s += add_quoted_character(out, s);
        str_add(out, "\"");
    }
    str_add(out, "]");
}

static void add_healthcheck(struct str *out, const json_t *check)
{
    static const char *const times[] = {"Interval", "Timeout", "StartPeriod", "StartInterval"};
    autostrv test = STRV_INIT;
    const json_t *words = json_object_get(check, "Test");
    for (size_t i = 0; i < json_array_size(words); i++)
        strv_add(&test, json_string_value(json_array_get(words, i)));
    str_add(out, " {Test:");
    add_list(out, &test);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        autofree char *text = duration_text(json_integer_value(json_object_get(check, times[i])));
        str_addf(out, " %s:%s", times[i], text);
    }
    str_addf(out, " Retries:%lld}",
             (long long)json_integer_value(json_object_get(check, "Retries")));
}

static void add_pairs(struct str *out, const struct instruction *in)
{
    for (size_t i = 0; i < in->pair_count; i++)
        str_addf(out, " %s=%s", in->pairs[i].key.text, in->pairs[i].value.text);
}

static void add_args_list(struct str *out, const struct instruction *in)
{
    autostrv args = STRV_INIT;
    for (size_t i = 0; i < in->arg_count; i++)
        strv_add(&args, in->args[i].text);
    str_add(out, " ");
    add_list(out, &args);
}

char *history_of_config(const struct stage_state *s, const struct instruction *in,
                        const struct strv *words)
{
    autostr out = STR_INIT;
    str_add(&out, instruction_name(in->kind));
    switch ((int)in->kind) {
    case INSTRUCTION_ONBUILD:
        return NULL;
    case INSTRUCTION_ENV:
    case INSTRUCTION_LABEL:
        add_pairs(&out, in);
        break;
    case INSTRUCTION_ARG:
        add_words(&out, words);
        break;
    case INSTRUCTION_EXPOSE:
        str_add(&out, " ");
        add_list(&out, words);
        break;
    case INSTRUCTION_CMD:
    case INSTRUCTION_ENTRYPOINT:
        str_add(&out, " ");
        add_quoted_list(
            &out, json_object_get(s->config, in->kind == INSTRUCTION_CMD ? "Cmd" : "Entrypoint"));
        break;
    case INSTRUCTION_HEALTHCHECK:
        add_healthcheck(&out, json_object_get(s->config, "Healthcheck"));
        break;
    case INSTRUCTION_VOLUME:
    case INSTRUCTION_SHELL:
        add_args_list(&out, in);
        break;
    default: /* USER, STOPSIGNAL, MAINTAINER */
        str_addf(&out, " %s", in->args[0].text);
        break;
    }
    return str_take(&out);
}

char *history_of_run(const struct stage_state *s, const struct strv *argv)
{
    autostr out = STR_INIT;
    autostrv args = STRV_INIT;
    str_add(&out, "RUN");
    scope_run_args(&s->scope, &args);
    if (args.count)
        str_addf(&out, " |%zu", args.count);
    add_words(&out, &args);
    add_words(&out, argv);
    str_add(&out, argv->count || args.count ? " # buildkit" : "  # buildkit");
    return str_take(&out);
}

char *history_of_copy(const struct instruction *in)
{
    autostr out = STR_INIT;
    str_add(&out, instruction_name(in->kind));
    static const char *const flags[] = {"chown", "chmod"};
    if (instruction_switch(in, "parents"))
        str_add(&out, " --parents");
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const struct flag *flag = instruction_flag(in, flags[i]);
        if (flag && *flag->value)
            str_addf(&out, " --%s=%s", flag->name, flag->value);
    }
    /* Files first, then what stands in the Dockerfile itself. */
    for (int documents = 0; documents < 2; documents++)
        for (size_t i = 0; i + 1 < in->arg_count; i++) {
            const struct heredoc *doc = instruction_heredoc(in, in->args[i].text);
            if (doc && documents)
                str_addf(&out, " <<%s", doc->name);
            else if (!doc && !documents)
                str_addf(&out, " %s", in->args[i].text);
        }
    str_addf(&out, " %s # buildkit", in->args[in->arg_count - 1].text);
    return str_take(&out);
}

char *history_of_workdir(const char *path)
{
    return mem_printf("WORKDIR %s", path);
}
