#include "report.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 20 };

/* A description: what TAP would read as a directive or a number is told apart by its place alone.
 */
static void add_description(struct str *out, const char *text)
{
    autostr clean = STR_INIT;
    output_clean(text, strlen(text), &clean);
    for (const char *p = str_text(&clean); *p; p++) {
        if (*p == '#' || *p == '\\')
            str_add_char(out, '\\');
        str_add_char(out, *p == '\n' || *p == '\t' ? ' ' : *p);
    }
}

/* A double-quoted YAML scalar: JSON's strings are such. */
static void add_scalar(struct str *out, const char *key, const char *value)
{
    autojson *string = json_from_text(value);
    autofree char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    if (!quoted)
        mem_give_up();
    str_addf(out, "  %s: %s\n", key, quoted);
}

static void add_block(struct str *out, const struct image_result *image, const struct check *check,
                      const struct check_result *r)
{
    bool cut;
    autofree char *detail = report_detail(r), *tail = report_tail(&r->output, TAIL_LINES, &cut);
    str_add(out, "  ---\n");
    add_scalar(out, "message", detail);
    add_scalar(out, "severity", "fail");
    add_scalar(out, "image", image->reference);
    add_scalar(out, "file", check->file);
    str_addf(out, "  line: %u\n  duration_ms: %.0f\n", check->line, r->seconds * 1000);
    autofree char *blames = report_blames(r);
    if (*blames)
        add_scalar(out, "blame", blames);
    if (*tail) {
        autostrv lines = STRV_INIT;
        strv_split(&lines, tail, '\n');
        str_add(out, "  output: |2\n");
        for (size_t i = 0; i < lines.count; i++)
            str_addf(out, "    %s\n", lines.items[i]);
    }
    str_add(out, "  ...\n");
}

static void add_test(struct str *out, size_t number, const struct image_result *image,
                     const struct check *check, const struct check_result *r)
{
    bool failure = report_is_failure(r);
    str_addf(out, "%sok %zu - ", failure ? "not " : "", number);
    add_description(out, check->name);
    if (r->verdict == VERDICT_SKIPPED) {
        autofree char *detail = report_detail(r);
        str_add(out, " # SKIP ");
        add_description(out, detail);
    }
    str_add_char(out, '\n');
    if (failure)
        add_block(out, image, check, r);
}

void report_tap(const struct image_result *images, size_t n, FILE *out)
{
    autostr text = STR_INIT;
    size_t total = 0, number = 0;
    for (size_t i = 0; i < n; i++)
        total += images[i].checks.count;
    str_addf(&text, "TAP version 13\n1..%zu\n", total);
    for (size_t i = 0; i < n; i++) {
        const struct image_result *image = &images[i];
        str_addf(&text, "# %s %s %s\n", image->reference, image->digest.text, image->platform);
        for (size_t j = 0; j < image->checks.count; j++)
            add_test(&text, ++number, image, &image->checks.items[j], &image->results[j]);
    }
    fputs(str_text(&text), out);
}
