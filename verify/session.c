#include "session.h"

#include "attached.h"
#include "checks.h"
#include "choice.h"
#include "dockerfile_line.h"
#include "means.h"
#include "report.h"
#include "session_split.h"
#include "static_verification.h"
#include "verification.h"

#include <base/interrupt.h>
#include <base/io.h>
#include <base/log.h>
#include <base/mem.h>
#include <registry/platform.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAMED_FAILURES = 5, DOCKERFILE_CAP = 1024 * 1024 };

/* ---- what to check ---- */

/* True where the image itself is asked for checks. */
static bool derives(const struct option_values *values)
{
    return values->automatic || values->statics;
}

/* Where the image itself is asked, no file is needed; --auto alone asks for none. */
static int choose(struct session_image *image, const struct option_values *values, bool named,
                  struct choice *choice, struct error *err)
{
    autoerror problem = ERROR_INIT;
    int failed = choice_make(named ? &image->reference : NULL, options_variant(values),
                             &values->config, choice, &problem);
    if (failed && problem.kind != ERROR_MISSING)
        return error_move(err, &problem);
    if (failed && !derives(values)) {
        if (!named || image->reference.transport != REFERENCE_REGISTRY)
            return error_move(err, &problem);
        error_move(&image->unknown, &problem);
    }
    if (failed) {
        error_ignore(&problem, "the image itself says what is checked");
        choice->dev = values->dev;
    }
    if (values->automatic && !values->config.count)
        strv_release(&choice->files);
    return 0;
}

static int select_checks(struct image_result *r, const struct option_values *values,
                         struct error *err)
{
    r->left_out = checks_select(&r->checks, &values->only, &values->skip);
    if (r->checks.count || derives(values))
        return 0;
    error_set(err, ERROR_USAGE, "--only and --skip leave no check");
    return error_hint(err, "--list shows the names");
}

int session_plan_image(struct session_image *image, const struct option_values *values,
                       const char *text, struct error *err)
{
    autochoice choice = {0};
    struct image_result *r = &image->result;
    if (text && reference_parse(text, true, &image->reference, err))
        return -1;
    r->reference = text ? reference_text(&image->reference) : mem_strdup("");
    if (choose(image, values, text != NULL, &choice, err))
        return -1;
    r->variant = choice.dev ? "dev" : "prod";
    for (size_t i = 0; i < choice.files.count; i++)
        if (checks_read(choice.files.items[i], choice.dev, &r->checks, err))
            return -1;
    strv_add_all(&r->files, &choice.files);
    r->dockerfile = take(&choice.dockerfile);
    return image->unknown.kind == ERROR_NONE ? select_checks(r, values, err) : 0;
}

bool session_asks_images(const struct session *s)
{
    bool asks = derives(s->values);
    for (size_t i = 0; i < s->count; i++)
        asks |= s->images[i].unknown.kind != ERROR_NONE;
    return asks;
}

int session_plan(struct session *s, const struct option_values *values,
                 const struct strv *references, struct error *err)
{
    s->values = values;
    s->count = references->count ? references->count : 1;
    s->images = mem_zalloc(s->count, sizeof *s->images);
    for (size_t i = 0; i < s->count; i++)
        if (session_plan_image(&s->images[i], values,
                               references->count ? references->items[i] : NULL, err))
            return -1;
    return 0;
}

void session_list(const struct session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct checks *checks = &s->images[i].result.checks;
        for (size_t j = 0; j < checks->count; j++) {
            const struct check *check = &checks->items[j];
            printf("%s\t%s\t%s:%u\n", check->name, check_kind_name(check->kind), check->file,
                   check->line);
        }
    }
}

/* ---- verifying ---- */

/* Find the instructions that are behind failures in the Dockerfile. */
static void locate_blames(struct image_result *r)
{
    autoerror ignored = ERROR_INIT;
    autostr text = STR_INIT;
    if (!r->dockerfile || !r->results ||
        io_read_file(AT_FDCWD, r->dockerfile, DOCKERFILE_CAP, &text, &ignored)) {
        error_ignore(&ignored, "the report then has no lines of it");
        return;
    }
    for (size_t i = 0; i < r->checks.count; i++)
        for (size_t k = 0; k < r->results[i].blame_count; k++) {
            struct check_blame *b = &r->results[i].blames[k];
            b->line = dockerfile_line_find(str_text(&text), b->instruction);
        }
}

/* One limiter for all that is limited anywhere. */
static void prepare_limits(const struct session *s, struct means *means)
{
    struct limits kinds = means->options.limits;
    autofree char *note = NULL;
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < s->images[i].result.checks.count; k++) {
            const struct limits *own = &s->images[i].result.checks.items[k].run.limits;
            kinds.memory |= own->memory;
            kinds.pids |= own->pids;
        }
    if (limits_are_set(&kinds))
        means->options.limiter = limiter_new(&kinds, &note);
    if (note)
        log_warning("%s", note);
}

/* What is attached to the image, where nothing here says how to check it. */
static int take_attached(const struct session *s, struct session_image *image,
                         const struct transport_options *transport, struct error *err)
{
    struct image_result *r = &image->result;
    autofree char *name = mem_printf("checks attached to %s", r->reference);
    int there =
        attached_checks(&image->reference, transport, s->values->dev, name, &r->checks, err);
    if (there < 0)
        return error_wrap(err, "%s", name);
    if (!there)
        return error_move(err, &image->unknown);
    error_ignore(&image->unknown, "its checks were found");
    strv_add(&r->files, name);
    return select_checks(r, s->values, err);
}

static int verify_image(const struct session *s, struct session_image *image, struct means *means,
                        struct error *err)
{
    if (image->chosen)
        means->options.platform = &image->platform;
    if (image->unknown.kind != ERROR_NONE && take_attached(s, image, &means->transport, err))
        return -1;
    int failed = s->values->statics
                     ? image_verify_static(&image->reference, &means->options, &image->result, err)
                     : image_verify(&image->reference, &means->options, &image->result, err);
    if (failed)
        return -1;
    locate_blames(&image->result);
    if (s->values->require_all && !s->values->list)
        image_result_require_all(&image->result);
    return 0;
}

/* An image that could not be verified goes, and what happened is told at the end: the others have
 * their report all the same. -1 where nothing more is to be done. */
static int put_aside(struct session *s, size_t i, struct error *problem, struct error *err)
{
    if (problem->kind == ERROR_INTERRUPTED)
        return error_move(err, problem);
    reference_release(&s->images[i].reference);
    error_release(&s->images[i].unknown);
    image_result_release(&s->images[i].result);
    for (size_t k = i + 1; k < s->count; k++)
        s->images[k - 1] = s->images[k];
    s->count--;
    if (s->problem.kind == ERROR_NONE)
        error_move(&s->problem, problem);
    return 0;
}

int session_verify(struct session *s, struct error *err)
{
    struct means means = {0};
    int failed = means_init(&means, s->values, err);
    if (!failed && str_eq(s->values->platform, "all"))
        failed = session_split(s, &means.transport, err);
    if (!failed)
        prepare_limits(s, &means);
    for (size_t i = 0; !failed && i < s->count;) {
        autoerror problem = ERROR_INIT;
        failed = interrupt_check(err);
        if (!failed && verify_image(s, &s->images[i], &means, &problem))
            failed = put_aside(s, i, &problem, err);
        else
            i++;
    }
    means_release(&means);
    if (!failed && !s->count)
        return error_move(err, &s->problem);
    return failed ? -1 : 0;
}

/* ---- reporting ---- */

static void write_report(const struct session *s, const struct output_wish *wish, bool colour,
                         FILE *out)
{
    static void (*const writers[])(const struct image_result *, size_t, FILE *) = {
        [OUTPUT_JSON] = report_json,         [OUTPUT_JUNIT] = report_junit,
        [OUTPUT_TAP] = report_tap,           [OUTPUT_SARIF] = report_sarif,
        [OUTPUT_MARKDOWN] = report_markdown, [OUTPUT_HTML] = report_html,
    };
    autofree struct image_result *results = mem_zalloc(s->count, sizeof *results);
    for (size_t i = 0; i < s->count; i++)
        results[i] = s->images[i].result; /* borrowed */
    if (wish->format == OUTPUT_TERMINAL)
        report_terminal(results, s->count, colour, out);
    else if (wish->format == OUTPUT_GITHUB)
        report_github(results, s->count, getenv("GITHUB_WORKSPACE"), out);
    else
        writers[wish->format](results, s->count, out);
}

/* The caller frees it. */
static int report_to_text(const struct session *s, const struct output_wish *wish, char **text,
                          size_t *n, struct error *err)
{
    FILE *memory = open_memstream(text, n);
    if (!memory)
        return error_errno(err, ERROR_HOST, "report");
    write_report(s, wish, false, memory);
    fclose(memory);
    return 0;
}

static int report_to_file(const struct session *s, const struct output_wish *wish,
                          struct error *err)
{
    autofree char *text = NULL;
    size_t n = 0;
    if (report_to_text(s, wish, &text, &n, err))
        return -1;
    return io_write_output(wish->path, text, n, err);
}

/* Other steps of the job may have written to the summary before. */
static int append_step_summary(const struct session *s, const char *path, struct error *err)
{
    static const struct output_wish wish = {OUTPUT_MARKDOWN, NULL};
    autofree char *text = NULL;
    size_t n = 0;
    autoclose int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (report_to_text(s, &wish, &text, &n, err))
        return -1;
    if (fd < 0 || io_write(fd, text, n))
        return error_errno(err, ERROR_HOST, "write the step summary to %s", path);
    return 0;
}

static int report_one(const struct session *s, const char *text, struct error *err)
{
    struct output_wish wish;
    const char *summary = getenv("GITHUB_STEP_SUMMARY");
    if (options_output(text, &wish, err))
        return -1;
    if (wish.format == OUTPUT_GITHUB && summary && *summary && append_step_summary(s, summary, err))
        return -1;
    if (wish.path)
        return report_to_file(s, &wish, err);
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    write_report(s, &wish, colour, stdout);
    if (fflush(stdout))
        return error_errno(err, ERROR_HOST, "standard output");
    return 0;
}

static int report_quietly(const struct session *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++)
        printf("%s\n", s->images[i].result.digest.text);
    return fflush(stdout) ? error_errno(err, ERROR_HOST, "standard output") : 0;
}

int session_report(const struct session *s, struct error *err)
{
    const struct strv *wishes = &s->values->output;
    bool on_stdout = false;
    for (size_t i = 0; i < wishes->count; i++) {
        struct output_wish wish;
        if (options_output(wishes->items[i], &wish, err) || report_one(s, wishes->items[i], err))
            return -1;
        on_stdout |= !wish.path;
    }
    if (on_stdout)
        return 0;
    return s->values->quiet ? report_quietly(s, err) : report_one(s, "terminal", err);
}

/* The first few names of what failed. */
static void add_failures(const struct image_result *r, size_t *named, struct str *out)
{
    for (size_t i = 0; i < r->checks.count; i++) {
        enum check_verdict verdict = r->results[i].verdict;
        if (verdict != VERDICT_FAILED && verdict != VERDICT_NONE)
            continue;
        if (*named < NAMED_FAILURES)
            str_addf(out, "%s%s", *named ? ", " : "", r->checks.items[i].name);
        else if (*named == NAMED_FAILURES)
            str_add(out, ", …");
        ++*named;
    }
}

int session_outcome(struct session *s, struct error *err)
{
    struct result_totals totals = {0};
    autostr names = STR_INIT;
    size_t named = 0;
    for (size_t i = 0; i < s->count; i++) {
        image_result_count(&s->images[i].result, &totals);
        add_failures(&s->images[i].result, &named, &names);
    }
    if (s->problem.kind != ERROR_NONE) {
        error_move(err, &s->problem);
        return totals.failed ? error_hint(err, "%zu of %zu checks of the other images failed",
                                          totals.failed, totals.checks)
                             : -1;
    }
    if (totals.failed)
        return error_set(err, ERROR_STEP, "%zu of %zu checks failed: %s", totals.failed,
                         totals.checks, str_text(&names));
    if (!totals.passed) {
        error_set(err, ERROR_HOST, "not one of the checks could run on this host");
        return error_hint(err, "%s", str_text(&s->images[0].result.results[0].detail));
    }
    return 0;
}

void session_release(struct session *s)
{
    for (size_t i = 0; i < s->count; i++) {
        reference_release(&s->images[i].reference);
        error_release(&s->images[i].unknown);
        image_result_release(&s->images[i].result);
    }
    free(s->images);
    error_release(&s->problem);
}
