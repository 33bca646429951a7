#include "report.h"
#include "report_contents.h"
#include "report_style.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>

static void add_stream(struct str *out, const char *name, const struct str *bytes)
{
    if (!bytes->len)
        return;
    autostr clean = STR_INIT;
    output_clean(bytes->data, bytes->len, &clean);
    report_add_element(out, "div", "dim", name);
    report_add_element(out, "pre", NULL, str_text(&clean));
}

static void add_ending(struct str *out, const struct check_result *r)
{
    if (r->timed_out)
        str_add(out, "<div class=\"dim\">stopped at its limit</div>");
    else if (r->signal)
        str_addf(out, "<div class=\"dim\">ended by signal %d</div>", r->signal);
    else if (r->ran)
        str_addf(out, "<div class=\"dim\">exited with %d</div>", r->exit_code);
}

static void add_check(struct str *out, const struct check *check, const struct check_result *r)
{
    bool failure = report_is_failure(r);
    autofree char *detail = report_detail(r);
    autofree char *place =
        mem_printf("%s:%u, %s", check->file, check->line, check_kind_name(check->kind));
    str_addf(out, "<details%s><summary><span class=\"%s\">%s</span> ", failure ? " open" : "",
             failure ? "failed" : verdict_name(r->verdict),
             failure                         ? "✗"
             : r->verdict == VERDICT_SKIPPED ? "–"
                                             : "✓");
    report_add_xml(out, check->name);
    str_addf(out, " <span class=\"dim\">%.2f s</span>", r->seconds);
    if (*detail) {
        str_add_char(out, ' ');
        report_add_element(out, "span", failure ? "failed" : "dim", detail);
    }
    str_add(out, "</summary>\n");
    report_add_element(out, "div", "dim", place);
    for (size_t i = 0; i < r->blame_count; i++) {
        autofree char *blame = report_blame(&r->blames[i]);
        report_add_element(out, "div", "mono", blame);
    }
    add_ending(out, r);
    add_stream(out, "standard output", &r->output.out);
    add_stream(out, "standard error", &r->output.err);
    str_add(out, "</details>\n");
}

static void add_head(struct str *out, const struct image_result *r)
{
    struct result_totals t = {0};
    autofree char *files = strv_join(&r->files, ", ");
    image_result_count(r, &t);
    report_add_element(out, "h1", NULL, r->reference);
    report_add_element(out, "div", "mono dim", r->digest.text);
    str_add(out, "<div class=\"dim\">");
    report_add_xml(out, r->platform);
    str_addf(out, ", %zu layers, %s checks", r->layers, r->variant);
    str_add(out, *files ? " of " : "");
    report_add_xml(out, files);
    str_addf(out,
             ", %.1f s</div>\n<div class=\"totals\"><span>%zu checks</span>"
             "<span class=\"passed\">%zu passed</span><span class=\"failed\">%zu failed</span>"
             "<span class=\"skipped\">%zu skipped</span></div>\n",
             r->seconds, t.checks, t.passed, t.failed, t.skipped);
}

/* What failed first: it is what the page is opened for. */
static void add_image(struct str *out, const struct image_result *r)
{
    add_head(out, r);
    str_add(out, "<h2>Checks</h2>\n");
    for (size_t i = 0; i < r->checks.count; i++)
        if (report_is_failure(&r->results[i]))
            add_check(out, &r->checks.items[i], &r->results[i]);
    for (size_t i = 0; i < r->checks.count; i++)
        if (!report_is_failure(&r->results[i]))
            add_check(out, &r->checks.items[i], &r->results[i]);
    report_add_contents(out, r);
}

void report_html(const struct image_result *images, size_t n, FILE *out)
{
    autostr text = STR_INIT;
    autofree char *title = mem_printf("imgverify: %s", n ? images[0].reference : "");
    report_page_begin(&text, title);
    for (size_t i = 0; i < n; i++)
        add_image(&text, &images[i]);
    report_page_end(&text);
    fputs(str_text(&text), out);
}
