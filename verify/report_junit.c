#include "report.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

/* NAME="value", with a blank before it. */
static void add_attribute(struct str *out, const char *name, const char *value)
{
    autostr clean = STR_INIT;
    output_clean(value, strlen(value), &clean);
    str_addf(out, " %s=\"", name);
    /* A newline in an attribute would be read as a blank. */
    for (char *p = clean.data; p && *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    report_add_xml(out, str_text(&clean));
    str_add_char(out, '"');
}

static void add_counts(struct str *out, const struct result_totals *t, double seconds)
{
    str_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"%.3f\"",
             t->checks, t->failed, t->skipped, seconds);
}

static void add_stream(struct str *out, const char *element, const struct str *bytes)
{
    if (!bytes->len)
        return;
    autostr clean = STR_INIT;
    output_clean(bytes->data, bytes->len, &clean);
    str_addf(out, "      <%s>", element);
    report_add_xml(out, str_text(&clean));
    str_addf(out, "</%s>\n", element);
}

static void add_verdict(struct str *out, const struct check *check, const struct check_result *r)
{
    autofree char *detail = report_detail(r);
    bool failure = report_is_failure(r);
    if (!failure && r->verdict != VERDICT_SKIPPED)
        return;
    str_addf(out, "      <%s", failure ? "failure" : "skipped");
    add_attribute(out, "message", detail);
    if (failure) {
        add_attribute(out, "type", check_kind_name(check->kind));
        str_add_char(out, '>');
        autofree char *blames = report_blames(r);
        autofree char *body = mem_printf("%s\n%s%s%s:%u", detail, blames, *blames ? "\n" : "",
                                         check->file, check->line);
        report_add_xml(out, body);
        str_add(out, "</failure>\n");
    } else {
        str_add(out, "/>\n");
    }
}

static void add_case(struct str *out, const char *suite, const struct check *check,
                     const struct check_result *r)
{
    str_add(out, "    <testcase");
    add_attribute(out, "name", check->name);
    add_attribute(out, "classname", suite);
    add_attribute(out, "file", check->file);
    str_addf(out, " line=\"%u\" time=\"%.3f\">\n", check->line, r->seconds);
    add_verdict(out, check, r);
    add_stream(out, "system-out", &r->output.out);
    add_stream(out, "system-err", &r->output.err);
    str_add(out, "    </testcase>\n");
}

static void add_property(struct str *out, const char *name, const char *value)
{
    str_add(out, "      <property");
    add_attribute(out, "name", name);
    add_attribute(out, "value", value);
    str_add(out, "/>\n");
}

static void add_suite(struct str *out, const struct image_result *r)
{
    struct result_totals totals = {0};
    image_result_count(r, &totals);
    str_add(out, "  <testsuite");
    add_attribute(out, "name", r->reference);
    add_counts(out, &totals, r->seconds);
    str_add(out, ">\n    <properties>\n");
    add_property(out, "digest", r->digest.text);
    add_property(out, "platform", r->platform);
    add_property(out, "variant", r->variant);
    str_add(out, "    </properties>\n");
    for (size_t i = 0; i < r->checks.count; i++)
        add_case(out, r->reference, &r->checks.items[i], &r->results[i]);
    str_add(out, "  </testsuite>\n");
}

void report_junit(const struct image_result *images, size_t n, FILE *out)
{
    struct result_totals totals = {0};
    double seconds = 0;
    autostr text = STR_INIT;
    for (size_t i = 0; i < n; i++) {
        image_result_count(&images[i], &totals);
        seconds += images[i].seconds;
    }
    str_add(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"imgverify\"");
    add_counts(&text, &totals, seconds);
    str_add(&text, ">\n");
    for (size_t i = 0; i < n; i++)
        add_suite(&text, &images[i]);
    str_add(&text, "</testsuites>\n");
    fputs(str_text(&text), out);
}
