#include "report.h"
#include "report_text.h"

#include <base/mem.h>
#include <base/progress.h>

#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 20, NAME_WIDTH_MAX = 72, ROW_DETAIL_MAX = 100 };

struct look {
    const char *mark, *colour;
};

static struct look look_of(enum check_verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASSED:
        return (struct look){"✓", "\033[32m"};
    case VERDICT_SKIPPED:
        return (struct look){"–", "\033[33m"};
    case VERDICT_FAILED:
    case VERDICT_NONE:
    default:
        return (struct look){"✗", "\033[31m"};
    }
}

/* Columns that a text takes: characters of UTF-8, which is near enough for names. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static size_t name_width(const struct image_result *r)
{
    size_t widest = 0;
    for (size_t i = 0; i < r->checks.count; i++) {
        size_t w = width(r->checks.items[i].name);
        if (w > widest && w <= NAME_WIDTH_MAX)
            widest = w;
    }
    return widest;
}

/* The first line of a detail, as a table's row has room for. */
static char *row_detail(const struct check_result *r)
{
    autostr text = STR_INIT;
    const char *detail = str_text(&r->detail);
    output_clean(detail, strcspn(detail, "\n"), &text);
    if (text.len <= ROW_DETAIL_MAX)
        return str_take(&text);
    size_t cut = ROW_DETAIL_MAX;
    while (cut && (text.data[cut] & 0xc0) == 0x80)
        cut--;
    return mem_printf("%.*s…", (int)cut, text.data);
}

/* What a check takes is mostly less than a second. */
static char *row_time(char buffer[16], double seconds)
{
    if (seconds >= 0.9995)
        return progress_time(buffer, seconds);
    snprintf(buffer, 16, "%d ms", (int)(seconds * 1000 + 0.5));
    return buffer;
}

static void print_row(const struct check *check, const struct check_result *result, size_t columns,
                      bool colour, FILE *out)
{
    struct look look = look_of(result->verdict);
    char time[16];
    autofree char *detail = row_detail(result);
    size_t w = width(check->name), pad = w < columns ? columns - w : 0;
    fprintf(out, "  %s%s%s %s%*s  %8s", colour ? look.colour : "", look.mark,
            colour ? "\033[0m" : "", check->name, (int)pad, "", row_time(time, result->seconds));
    if (*detail)
        fprintf(out, "  %s%s", result->verdict == VERDICT_SKIPPED ? "skipped: " : "", detail);
    fputc('\n', out);
}

/* The last lines of what a check wrote, indented. */
static void print_tail(const struct check_output *o, FILE *out)
{
    bool cut;
    autofree char *tail = report_tail(o, TAIL_LINES, &cut);
    if (!*tail)
        return;
    if (cut)
        fputs("      | …\n", out);
    autostrv shown = STRV_INIT;
    strv_split(&shown, tail, '\n');
    for (size_t i = 0; i < shown.count; i++)
        fprintf(out, "      | %s\n", shown.items[i]);
}

static void print_failures(const struct image_result *r, bool colour, FILE *out)
{
    for (size_t i = 0; i < r->checks.count; i++) {
        const struct check *check = &r->checks.items[i];
        const struct check_result *result = &r->results[i];
        if (!report_is_failure(result))
            continue;
        autofree char *detail = report_detail(result);
        fprintf(out, "\n  %sFailed:%s %s (%s", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "",
                check->name, check->file);
        if (check->line)
            fprintf(out, ":%u", check->line);
        fputs(")\n", out);
        fprintf(out, "    %s\n", detail);
        for (size_t k = 0; k < result->blame_count; k++) {
            autofree char *blame = report_blame(&result->blames[k]);
            fprintf(out, "    %s\n", blame);
        }
        print_tail(&result->output, out);
    }
}

static void print_head(const struct image_result *r, FILE *out)
{
    autofree char *files = strv_join(&r->files, ", ");
    fprintf(out, "%s\n  %s\n  %s%s, %zu layer%s, %s checks of %s\n\n", r->reference, r->digest.text,
            r->platform, r->emulated ? " (emulated)" : "", r->layers, r->layers == 1 ? "" : "s",
            r->variant, files);
}

static void print_totals(const struct image_result *r, FILE *out)
{
    struct result_totals t = {0};
    char time[16];
    image_result_count(r, &t);
    fprintf(out, "\n  %zu check%s: %zu passed, %zu failed, %zu skipped", t.checks,
            t.checks == 1 ? "" : "s", t.passed, t.failed, t.skipped);
    if (r->left_out)
        fprintf(out, " (%zu more left out)", r->left_out);
    fprintf(out, ", in %s\n", progress_time(time, r->seconds));
}

void report_terminal(const struct image_result *images, size_t n, bool colour, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct image_result *r = &images[i];
        size_t columns = name_width(r);
        if (i)
            fputc('\n', out);
        print_head(r, out);
        for (size_t j = 0; j < r->checks.count; j++)
            print_row(&r->checks.items[j], &r->results[j], columns, colour, out);
        print_failures(r, colour, out);
        print_totals(r, out);
    }
}
