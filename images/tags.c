#include "tags.h"

#include <registry/reference.h>

#include <string.h>

/* The value of a template's variable; false where there is no such variable. NULL: unknown now. */
static bool variable_value(const struct template_values *values, const char *name, size_t n,
                           const char **out)
{
    const struct {
        const char *name, *value;
        bool empty_counts;
    } known[] = {
        {"owner", values->owner, false},       {"version", values->version, false},
        {"sha", values->sha, false},           {"suffix", values->suffix, true},
        {"platform", values->platform, false}, {"name", values->name, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) != n || memcmp(known[i].name, name, n) != 0)
            continue;
        const char *value = known[i].value;
        *out = value && (*value || known[i].empty_counts) ? value : NULL;
        return true;
    }
    return false;
}

int template_expand(const char *text, const struct template_values *values, char **out,
                    bool *complete, struct error *err)
{
    autostr result = STR_INIT;
    bool all_known = true;

    for (const char *p = text; *p;) {
        if (p[0] == '$' && p[1] == '$') {
            str_add_char(&result, '$');
            p += 2;
        } else if (p[0] == '$' && p[1] == '{') {
            const char *end = strchr(p, '}');
            if (!end)
                return error_set(err, ERROR_INPUT, "\"%s\": \"${\" without its \"}\"", text);
            size_t n = (size_t)(end - p) - 2;
            const char *value = NULL;
            if (!variable_value(values, p + 2, n, &value)) {
                error_set(err, ERROR_INPUT, "\"%s\": unknown variable \"%.*s\"", text, (int)n,
                          p + 2);
                return error_hint(err, "the variables are owner, version, sha, suffix, platform "
                                       "and name");
            }
            if (value)
                str_add(&result, value);
            else
                all_known = false;
            p = end + 1;
        } else {
            str_add_char(&result, *p++);
        }
    }
    *out = str_take(&result);
    if (complete)
        *complete = all_known;
    return 0;
}

bool template_names(const char *text, const char *variable)
{
    size_t n = strlen(variable);
    for (const char *p = text; (p = strchr(p, '$')); p++) {
        if (p[1] == '$')
            p++;
        else if (p[1] == '{' && strncmp(p + 2, variable, n) == 0 && p[2 + n] == '}')
            return true;
    }
    return false;
}

static bool tag_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._-", c));
}

int tag_clean(const char *text, char **out, struct error *err)
{
    autostr tag = STR_INIT;
    bool replacing = false;
    for (const char *p = text; *p; p++) {
        bool fine = tag_char(*p);
        if (fine || !replacing)
            str_add_char(&tag, fine ? *p : '-');
        replacing = !fine;
    }
    if (!reference_tag_valid(str_text(&tag))) {
        error_set(err, ERROR_INPUT, "\"%s\" makes no valid tag", text);
        return error_hint(err, "a tag starts with a letter, a digit or \"_\" and has at most 128 "
                               "characters");
    }
    *out = str_take(&tag);
    return 0;
}

/* Expand one template and append the tag, unless a variable is unknown or it is there already. */
static int add_tag(const char *template, const struct template_values *values, struct strv *out,
                   struct error *err)
{
    autofree char *text = NULL;
    autofree char *tag = NULL;
    bool complete = false;
    if (template_expand(template, values, &text, &complete, err) < 0)
        return -1;
    if (!complete)
        return 0;
    if (tag_clean(text, &tag, err) < 0)
        return -1;
    if (!strv_contains(out, tag))
        strv_add(out, tag);
    return 0;
}

/* The definition's own templates that do, or don't, name the platform. */
static int add_templates(const struct strv *templates, bool with_platform,
                         const struct tag_choice *choice, const struct template_values *values,
                         struct strv *out, struct error *err)
{
    for (size_t i = 0; i < templates->count; i++) {
        const char *template = templates->items[i];
        /* A tag that names the commit can't take another build's place. */
        bool wanted = template_names(template, "sha") ? choice->commit : choice->moving;
        if (!wanted || template_names(template, "platform") != with_platform)
            continue;
        if (add_tag(template, values, out, err) < 0)
            return -1;
    }
    return 0;
}

struct computed_tag {
    bool wanted;
    const char *template;
};

static int add_computed(const struct computed_tag *computed, size_t n,
                        const struct template_values *values, struct strv *out, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (computed[i].wanted && add_tag(computed[i].template, values, out, err) < 0)
            return -1;
    return 0;
}

int tags_common(const struct tag_choice *choice, const struct strv *templates,
                const struct template_values *values, struct strv *out, struct error *err)
{
    const struct computed_tag first[] = {
        {choice->version, "${version}${suffix}"},
        {choice->commit, "${sha}${suffix}"},
    };
    const struct computed_tag last[] = {{choice->latest, "latest${suffix}"}};

    if (add_computed(first, 2, values, out, err) < 0)
        return -1;
    if (add_templates(templates, false, choice, values, out, err) < 0)
        return -1;
    return add_computed(last, 1, values, out, err);
}

int tags_platform(const struct tag_choice *choice, const struct strv *templates,
                  const struct template_values *values, struct strv *out, struct error *err)
{
    const struct computed_tag computed[] = {
        {choice->version, "${platform}-${version}${suffix}"},
        {choice->moving, "${platform}${suffix}"},
        {choice->moving, "${platform}-latest${suffix}"},
    };

    if (add_computed(computed, 3, values, out, err) < 0)
        return -1;
    return add_templates(templates, true, choice, values, out, err);
}
