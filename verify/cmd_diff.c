#include "command.h"
#include "diff_report.h"
#include "means.h"
#include "options.h"
#include "unpacked.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

enum { FILES_SHOWN = 40 };

#define AT(member) offsetof(struct option_values, member)

static const struct cli_option table[] = {
    {"output", 'o', CLI_STRINGS, AT(output), "FORMAT[=FILE]", NULL,
     "Report as text, json or html, to standard output or FILE (repeatable; default: text)"},
    {"all", 0, CLI_SWITCH, AT(all), NULL, NULL, "List every file, however many differ"},
    {"exit-code", 0, CLI_SWITCH, AT(exit_code), NULL, NULL, "Exit with 1 where the images differ"},
    {"platform", 0, CLI_STRING, AT(platform), "PLATFORM", NULL,
     "Compare the images for this platform (default: the host's)"},
    {"jobs", 'j', CLI_NUMBER, AT(jobs), "N", NULL, "Fetch N layers at once"},
    STORE_OPTIONS,
};

enum form { FORM_TEXT, FORM_JSON, FORM_HTML };

static int parse_output(const char *text, enum form *form, const char **path, struct error *err)
{
    static const char *const names[] = {
        [FORM_TEXT] = "text", [FORM_JSON] = "json", [FORM_HTML] = "html"};
    size_t n = strcspn(text, "=");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (n != strlen(names[i]) || strncmp(text, names[i], n) != 0)
            continue;
        *form = (enum form)i;
        *path = text[n] ? text + n + 1 : NULL;
        if (*path && !**path)
            return error_set(err, ERROR_USAGE, "--output %s names no file", text);
        return 0;
    }
    return error_set(err, ERROR_USAGE, "--output takes text, json or html, not “%s”", text);
}

static int write_diff(const struct image_diff *d, const struct option_values *values,
                      const char *text, struct error *err)
{
    enum form form;
    const char *path;
    autofree char *report = NULL;
    size_t n = 0;
    if (parse_output(text, &form, &path, err))
        return -1;
    FILE *memory = open_memstream(&report, &n);
    if (!memory)
        return error_errno(err, ERROR_HOST, "report");
    if (form == FORM_TEXT) {
        diff_report_text(d, values->all ? 0 : FILES_SHOWN, memory);
    } else if (form == FORM_HTML) {
        diff_report_html(d, memory);
    } else {
        autojson *json = diff_to_json(d);
        autofree char *pretty = json_pretty(json);
        fputs(pretty, memory);
    }
    fclose(memory);
    if (path)
        return io_write_output(path, report, n, err);
    fwrite(report, 1, n, stdout);
    return fflush(stdout) ? error_errno(err, ERROR_HOST, "standard output") : 0;
}

static int report(const struct image_diff *d, const struct option_values *values, struct error *err)
{
    if (!values->output.count)
        return write_diff(d, values, "text", err);
    for (size_t i = 0; i < values->output.count; i++)
        if (write_diff(d, values, values->output.items[i], err))
            return -1;
    return 0;
}

static int compare(struct means *means, const struct option_values *values,
                   const struct strv *operands, struct image_diff *out, struct error *err)
{
    struct unpacked sides[2] = {UNPACKED_NONE, UNPACKED_NONE};
    struct reference references[2] = {0};
    int failed = 0;
    for (size_t i = 0; !failed && i < 2; i++)
        failed = reference_parse(operands->items[i], true, &references[i], err);
    failed = failed || means_init(means, values, err);
    for (size_t i = 0; !failed && i < 2; i++)
        failed =
            interrupt_check(err) || unpacked_open(&sides[i], &references[i], means->options.store,
                                                  &means->transport, means->options.platform, err);
    if (!failed) {
        const struct inventory_form form = {.owners = store_owners(means->options.store),
                                            .whiteouts = store_form(means->options.store)};
        failed = image_diff_make(sides, (const char *const *)operands->items, &form, out, err);
    }
    for (size_t i = 0; i < 2; i++) {
        unpacked_release(&sides[i]);
        reference_release(&references[i]);
    }
    return failed ? -1 : 0;
}

static int run(const struct option_values *values, const struct strv *operands, struct error *err)
{
    struct image_diff d = {0};
    struct means means = {0};
    enum form form;
    const char *path;
    int failed = 0;
    for (size_t i = 0; !failed && i < values->output.count; i++)
        failed = parse_output(values->output.items[i], &form, &path, err);
    failed = failed || compare(&means, values, operands, &d, err);
    means_release(&means);
    failed = failed || report(&d, values, err);
    if (!failed && values->exit_code && !image_diff_is_empty(&d))
        failed = error_set(err, ERROR_STEP, "the images differ");
    image_diff_release(&d);
    return failed ? -1 : 0;
}

static int cmd_diff(const struct cli_command *self, int argc, char **argv, struct error *err)
{
    struct option_values values = {0};
    autostrv operands = STRV_INIT;
    int failed =
        cli_parse(self, argc, argv, &values, &operands, err) || run(&values, &operands, err);
    cli_release(self, &values);
    return failed ? -1 : 0;
}

const struct cli_command command_diff = {
    .program = "imgverify",
    .name = "diff",
    .operands = "BEFORE AFTER",
    .summary = "tell what differs between two images",
    .description =
        "Compares two images: their config setting by setting, the packages that dpkg, apk and "
        "Python's .dist-info directories record, and every file by type, mode, owner, link target "
        "and content. Times are not compared.\n\n"
        "BEFORE and AFTER are references as imgverify takes them.",
    .examples = "imgverify diff ghcr.io/o/n:yesterday ghcr.io/o/n:latest\twhat came in since\n"
                "imgverify diff -o html=diff.html oci:prod oci:dev\tas a page\n"
                "imgverify diff --exit-code A B\tfail a job where a rebuild isn't the same",
    .options = table,
    .option_count = COUNT_OF(table),
    .operands_min = 2,
    .operands_max = 2,
    .run = cmd_diff,
};
