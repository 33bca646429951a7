#include "report_lint.h"

#include <base/json.h>
#include <base/log.h>
#include <base/mem.h>

#include <stdio.h>
#include <string.h>

#define PAGES "https://docs.docker.com/go/dockerfile/rule/"

void report_lint_log(const struct lint *lint)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_warning *w = &lint->items[i];
        log_warning("%s: %s (line %u)", lint_rules[w->rule].name, w->detail, w->line);
    }
}

/* The characters that a workflow command can't hold. */
static void add_escaped(struct str *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (strchr("%\r\n", *text) || (property && strchr(":,", *text)))
            str_addf(out, "%%%02X", (unsigned char)*text);
        else
            str_add_char(out, *text);
    }
}

static void print_github(const struct lint *lint, FILE *out)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_warning *w = &lint->items[i];
        autostr line = STR_INIT;
        str_add(&line, "::warning file=");
        add_escaped(&line, lint->file->name, true);
        str_addf(&line, ",line=%u,title=%s::", w->line, lint_rules[w->rule].name);
        add_escaped(&line, w->detail, false);
        fprintf(out, "%s\n", str_text(&line));
    }
}

static void print_text(const struct lint *lint, FILE *out)
{
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_warning *w = &lint->items[i];
        const struct lint_rule_text *rule = &lint_rules[w->rule];
        fprintf(out, "WARNING: %s - %s%s/\n%s\n%s:%u\n\n", rule->name, PAGES, rule->page, w->detail,
                lint->file->name, w->line);
    }
}

static json_t *sarif_rules(void)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < LINT_RULES; i++) {
        autofree char *page = mem_printf("%s%s/", PAGES, lint_rules[i].page);
        json_array_append_new(rules, json_pack("{s:s, s:{s:s}, s:s}", "id", lint_rules[i].name,
                                               "shortDescription", "text",
                                               lint_rules[i].description, "helpUri", page));
    }
    return rules;
}

static void print_sarif(const struct lint *lint, FILE *out)
{
    json_t *results = json_array();
    for (size_t i = 0; i < lint->count; i++) {
        const struct lint_warning *w = &lint->items[i];
        json_t *place =
            json_pack("{s:{s:{s:o}, s:{s:i}}}", "physicalLocation", "artifactLocation", "uri",
                      json_from_text(lint->file->name), "region", "startLine", (int)w->line);
        json_array_append_new(results,
                              json_pack("{s:s, s:i, s:s, s:{s:o}, s:[o]}", "ruleId",
                                        lint_rules[w->rule].name, "ruleIndex", (int)w->rule,
                                        "level", "warning", "message", "text",
                                        json_from_text(w->detail), "locations", place));
    }
    autojson *root =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:o}}, s:o}]}", "version", "2.1.0", "$schema",
                  "https://json.schemastore.org/sarif-2.1.0.json", "runs", "tool", "driver", "name",
                  "imgbuild", "rules", sarif_rules(), "results", results);
    autofree char *text = json_text(root);
    fprintf(out, "%s\n", text);
}

void report_lint_print(const struct lint *lint, const char *form)
{
    if (form && !strcmp(form, "sarif"))
        print_sarif(lint, stdout);
    else if (form && !strcmp(form, "github"))
        print_github(lint, stdout);
    else
        print_text(lint, stdout);
}

void report_lint_annotate(const struct lint *lint)
{
    print_github(lint, stderr);
}

int report_lint_verdict(const struct lint *lint, struct error *err)
{
    autostrv names = STRV_INIT;
    for (size_t i = 0; i < lint->count; i++)
        if (!strv_contains(&names, lint_rules[lint->items[i].rule].name))
            strv_add(&names, lint_rules[lint->items[i].rule].name);
    if (!names.count || !lint->config.as_errors)
        return 0;
    autofree char *all = strv_join(&names, ", ");
    return error_set(err, ERROR_INPUT, "lint violation found for rules: %s", all);
}
