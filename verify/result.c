#include "result.h"

#include <base/mem.h>

#include <stdlib.h>

const char *verdict_name(enum check_verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_NONE] = "failed",
        [VERDICT_PASSED] = "passed",
        [VERDICT_FAILED] = "failed",
        [VERDICT_SKIPPED] = "skipped",
    };
    return names[verdict];
}

void image_result_count(const struct image_result *r, struct result_totals *totals)
{
    for (size_t i = 0; i < r->checks.count; i++) {
        enum check_verdict verdict = r->results[i].verdict;
        totals->checks++;
        totals->passed += verdict == VERDICT_PASSED;
        totals->skipped += verdict == VERDICT_SKIPPED;
        totals->failed += verdict == VERDICT_FAILED || verdict == VERDICT_NONE;
    }
}

void image_result_require_all(struct image_result *r)
{
    for (size_t i = 0; i < r->checks.count; i++) {
        struct check_result *result = &r->results[i];
        if (result->verdict != VERDICT_SKIPPED)
            continue;
        autofree char *why = str_take(&result->detail);
        str_addf(&result->detail, "could not run, and --require-all asks for it: %s", why);
        result->verdict = VERDICT_FAILED;
    }
}

void check_result_release(struct check_result *r)
{
    str_release(&r->detail);
    output_release(&r->output);
    str_release(&r->traceback);
    for (size_t i = 0; i < r->blame_count; i++) {
        free(r->blames[i].path);
        free(r->blames[i].instruction);
        free(r->blames[i].created_by);
    }
    free(r->blames);
}

void image_result_release(struct image_result *r)
{
    for (size_t i = 0; r->results && i < r->checks.count; i++)
        check_result_release(&r->results[i]);
    free(r->results);
    checks_release(&r->checks);
    free(r->reference);
    strv_release(&r->files);
    strv_release(&r->made_by);
    free(r->dockerfile);
    if (r->inventory)
        inventory_release(r->inventory);
    free(r->inventory);
    *r = (struct image_result){0};
}
