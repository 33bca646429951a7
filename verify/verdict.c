#include "verdict.h"

#include <base/mem.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 }; /* as a shell reports them */

void verdict_fail(struct check_result *r, const char *format, ...)
{
    if (r->verdict == VERDICT_FAILED)
        return;
    va_list ap;
    va_start(ap, format);
    autofree char *reason = mem_vprintf(format, ap);
    va_end(ap);
    r->verdict = VERDICT_FAILED;
    str_clear(&r->detail);
    str_add(&r->detail, reason);
}

void verdict_describe_end(const struct check_result *r, struct str *out)
{
    if (r->signal)
        str_addf(out, "was ended by signal %d (%s)", r->signal, strsignal(r->signal));
    else
        str_addf(out, "exited %d", r->exit_code);
    if (r->out_of_memory)
        str_add(out, ", out of the memory that it may use");
    else if (r->out_of_pids)
        str_add(out, ", out of the processes that it may have");
    autofree char *last = output_last_line(r->output.err.len ? &r->output.err : &r->output.both);
    if (last && *last)
        str_addf(out, ": %s", last);
}

bool verdict_patterns(const struct patterns *has, const struct patterns *lacks, const char *where,
                      const struct str *bytes, struct str *reason)
{
    for (size_t i = 0; i < has->count + lacks->count; i++) {
        bool wanted = i < has->count;
        const struct pattern *pattern = wanted ? has->items[i] : lacks->items[i - has->count];
        autoerror problem = ERROR_INIT;
        int found = pattern_find(pattern, bytes->data, bytes->len, &problem);
        if (found == wanted)
            continue;
        if (found < 0)
            str_addf(reason, "%s: %s", where, problem.message);
        else if (wanted)
            str_addf(reason, "%s does not match “%s”", where, pattern_text(pattern));
        else
            str_addf(reason, "%s matches “%s”, which it must not", where, pattern_text(pattern));
        return false;
    }
    return true;
}

static void decide_command(const struct check *check, unsigned timeout_ms, struct check_result *r)
{
    if (r->timed_out) {
        verdict_fail(r, "did not end within %g s", timeout_ms / 1000.0);
        return;
    }
    if (r->exit_code == check->run.exit_code)
        return;
    autostr end = STR_INIT;
    verdict_describe_end(r, &end);
    if (check->run.exit_code)
        verdict_fail(r, "should have exited %d but %s", check->run.exit_code, str_text(&end));
    else
        verdict_fail(r, "%s", str_text(&end));
}

static bool error_allowed(const struct check *check, struct check_result *r)
{
    const struct patterns *allowed = &check->run.allow_errors;
    if (r->signal || r->exit_code == NOT_EXECUTABLE || r->exit_code == NOT_FOUND)
        return false;
    for (size_t i = 0; i < allowed->count; i++) {
        autoerror problem = ERROR_INIT;
        int found =
            pattern_find(allowed->items[i], r->output.both.data, r->output.both.len, &problem);
        if (found < 0)
            verdict_fail(r, "allow_error: %s", problem.message);
        if (found)
            return true;
    }
    return false;
}

static void decide_start(const struct check *check, unsigned timeout_ms, struct check_result *r)
{
    if (output_silent(&r->output)) {
        if (r->timed_out && r->output.both.len)
            verdict_fail(r, "printed nothing but blanks");
        else if (r->timed_out)
            verdict_fail(r, "printed nothing within %g s", timeout_ms / 1000.0);
        else if (!r->exit_code)
            verdict_fail(r, "exited 0 but printed nothing");
    }
    autostr how = STR_INIT;
    if (r->timed_out) {
        str_addf(&how, "alive after %g s", check->run.stop_after_ms / 1000.0);
    } else if (!r->exit_code) {
        str_add(&how, "exited 0");
    } else if (error_allowed(check, r)) {
        str_addf(&how, "exited %d with an error that is allowed", r->exit_code);
    } else {
        autostr end = STR_INIT;
        verdict_describe_end(r, &end);
        verdict_fail(r, "%s", str_text(&end));
    }
    if (r->verdict == VERDICT_PASSED)
        str_add(&r->detail, str_text(&how));
}

/* An import error that says more than the exit code does. */
static void decide_traceback(struct check_result *r)
{
    const struct str *stream = &r->output.err;
    autofree char *line = output_traceback(stream);
    if (!line)
        line = output_traceback(stream = &r->output.out);
    if (!line)
        return;
    output_traceback_tail(stream, &r->traceback);
    verdict_fail(r, "%s%s", str_starts(line, "Traceback") ? "" : "traceback: ", line);
}

static void decide_output(const struct check *check, struct check_result *r)
{
    const struct check_run_rule *run = &check->run;
    autostr reason = STR_INIT;
    bool good =
        verdict_patterns(&run->stdout_has, &run->stdout_lacks, "stdout", &r->output.out, &reason) &&
        verdict_patterns(&run->stderr_has, &run->stderr_lacks, "stderr", &r->output.err, &reason) &&
        verdict_patterns(&run->output_has, &run->output_lacks, "output", &r->output.both, &reason);
    if (!good)
        verdict_fail(r, "%s", str_text(&reason));
}

void verdict_decide(const struct check *check, unsigned timeout_ms, struct check_result *r)
{
    r->verdict = VERDICT_PASSED;
    if (!check->run.tracebacks)
        decide_traceback(r);
    if (r->output.too_long)
        verdict_fail(r, "wrote more than %d MiB, too much to be judged", OUTPUT_MAX / 1048576);
    if (check->kind == CHECK_START)
        decide_start(check, timeout_ms, r);
    else
        decide_command(check, timeout_ms, r);
    decide_output(check, r);
}
