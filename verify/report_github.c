#include "report.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { ANNOTATION_LINES = 10, SUMMARY_LINES = 20 };

/* Escaping of workflow commands: GitHub's actions toolkit, "Workflow commands". */
static void add_escaped(struct str *out, const char *text, bool property)
{
    for (; *text; text++) {
        if (*text == '%' || *text == '\r' || *text == '\n' ||
            (property && (*text == ':' || *text == ',')))
            str_addf(out, "%%%02X", (unsigned)*text);
        else
            str_add_char(out, *text);
    }
}

/* Annotations take a path within the repository. */
static const char *within(const char *workspace, const char *file)
{
    size_t n = workspace ? strlen(workspace) : 0;
    while (n && workspace[n - 1] == '/')
        n--;
    if (n && !strncmp(file, workspace, n) && file[n] == '/')
        return file + n + 1;
    return str_starts(file, "./") ? file + 2 : file;
}

/* A failure is shown where it is to be mended: at the instruction that is behind it, where that is
 * known, else at the check. */
static void add_place(struct str *out, const struct image_result *image, const struct check *check,
                      const struct check_result *r, const char *workspace)
{
    const struct check_blame *b = r->blame_count && r->blames[0].line ? &r->blames[0] : NULL;
    add_escaped(out, within(workspace, b ? image->dockerfile : check->file), true);
    str_addf(out, ",line=%u", b ? b->line : check->line ? check->line : 1);
}

static void add_annotation(struct str *out, const struct image_result *image,
                           const struct check *check, const struct check_result *r,
                           const char *workspace)
{
    bool failure = report_is_failure(r);
    autofree char *detail = report_detail(r), *more = report_more(r, ANNOTATION_LINES);
    autofree char *title = mem_printf("imgverify: %s", check->name);
    str_addf(out, "::%s file=", failure ? "error" : "notice");
    add_place(out, image, check, r, workspace);
    str_add(out, ",title=");
    add_escaped(out, title, true);
    str_add(out, "::");
    add_escaped(out, failure ? "" : "skipped: ", false);
    add_escaped(out, detail, false);
    str_add(out, "%0A");
    add_escaped(out, image->reference, false);
    if (failure && *more) {
        str_add(out, "%0A");
        add_escaped(out, more, false);
    }
    str_addf(out, "%%0A%s:%u\n", within(workspace, check->file), check->line);
}

void report_github(const struct image_result *images, size_t n, const char *workspace, FILE *out)
{
    autostr text = STR_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct image_result *image = &images[i];
        struct result_totals t = {0};
        for (size_t j = 0; j < image->checks.count; j++)
            if (image->results[j].verdict != VERDICT_PASSED)
                add_annotation(&text, image, &image->checks.items[j], &image->results[j],
                               workspace);
        image_result_count(image, &t);
        str_addf(&text, "%s: %zu checks: %zu passed, %zu failed, %zu skipped\n", image->reference,
                 t.checks, t.passed, t.failed, t.skipped);
    }
    fputs(str_text(&text), out);
}

/* ---- the summary ---- */

/* Text in a cell of a Markdown table. */
static void add_cell(struct str *out, const char *text)
{
    autostr clean = STR_INIT;
    output_clean(text, strlen(text), &clean);
    for (const char *p = str_text(&clean); *p; p++) {
        if (*p == '\n' || *p == '\t')
            str_add_char(out, ' ');
        else if (*p == '<')
            str_add(out, "&lt;");
        else {
            if (strchr("\\|*_`[]", *p))
                str_add_char(out, '\\');
            str_add_char(out, *p);
        }
    }
}

static void add_row(struct str *out, const struct check *check, const struct check_result *r)
{
    static const char *const marks[] = {[VERDICT_NONE] = "❌",
                                        [VERDICT_PASSED] = "✅",
                                        [VERDICT_FAILED] = "❌",
                                        [VERDICT_SKIPPED] = "⚠️ skipped"};
    autofree char *detail = report_detail(r);
    str_addf(out, "| %s | ", marks[r->verdict]);
    add_cell(out, check->name);
    str_addf(out, " | %.2f s | ", r->seconds);
    add_cell(out, detail);
    str_add(out, " |\n");
}

/* As code, in a fence longer than any in the text. */
static void add_fenced(struct str *out, const char *text)
{
    size_t longest = 2, run = 0;
    for (const char *p = text; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    autostr fence = STR_INIT;
    for (size_t i = 0; i <= longest; i++)
        str_add_char(&fence, '`');
    str_addf(out, "%s\n%s\n%s\n", fence.data, text, fence.data);
}

static void add_failure(struct str *out, const struct check *check, const struct check_result *r)
{
    autofree char *more = report_more(r, SUMMARY_LINES);
    if (!*more)
        return;
    str_add(out, "\n<details><summary>");
    report_add_xml(out, check->name);
    str_addf(out, " (%s:%u)</summary>\n\n", check->file, check->line);
    add_fenced(out, more);
    str_add(out, "\n</details>\n");
}

void report_markdown(const struct image_result *images, size_t n, FILE *out)
{
    autostr text = STR_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct image_result *image = &images[i];
        struct result_totals t = {0};
        image_result_count(image, &t);
        str_addf(&text, "### %s ", t.failed || !t.passed ? "❌" : "✅");
        add_cell(&text, image->reference);
        str_addf(&text,
                 "\n\n`%s`, %s, %s: %zu checks, %zu passed, %zu failed, %zu skipped\n\n"
                 "| | check | time | |\n|---|---|---|---|\n",
                 image->digest.text, image->platform, image->variant, t.checks, t.passed, t.failed,
                 t.skipped);
        for (size_t j = 0; j < image->checks.count; j++)
            add_row(&text, &image->checks.items[j], &image->results[j]);
        for (size_t j = 0; j < image->checks.count; j++)
            if (report_is_failure(&image->results[j]))
                add_failure(&text, &image->checks.items[j], &image->results[j]);
        str_add_char(&text, '\n');
    }
    fputs(str_text(&text), out);
}
