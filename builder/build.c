#include "build.h"

#include "build_session.h"
#include "commit.h"
#include "expand_instruction.h"
#include "lint_rules.h"
#include "stage_schedule.h"
#include "step_copy.h"
#include "step_meta.h"
#include "step_run.h"

#include <base/interrupt.h>
#include <base/log.h>
#include <base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static bool touches_files(enum instruction_kind kind)
{
    return !step_meta_applies(kind) && kind != INSTRUCTION_FROM;
}

/* Does anything after item i look at the stage's files: a later step, or another stage? */
static bool files_needed_after(const struct stages *stages, const struct stage *stage, size_t i)
{
    for (size_t k = i + 1; k < stage->count; k++)
        if (touches_files(stage->items[k].kind))
            return true;
    for (size_t k = 0; k < stages->order_count; k++) {
        const struct stage *other = &stages->items[stages->order[k]];
        for (size_t n = 0; n < other->need_count; n++)
            if (other->needs[n] == stage->index)
                return true;
    }
    return false;
}

static struct expand expansion(struct step *step)
{
    return (struct expand){
        .lookup = scope_lookup, .context = &step->state->scope, .escape = step->file->escape};
}

static int carry_out(struct step *step, struct error *err)
{
    switch ((int)step->in->kind) {
    case INSTRUCTION_RUN:
        return step_run(step, err);
    case INSTRUCTION_COPY:
    case INSTRUCTION_ADD:
        return step_copy(step, err);
    case INSTRUCTION_WORKDIR:
        return step_workdir(step, err);
    default:
        break;
    }
    /* Not cached themselves, these take the time of what came before. */
    int64_t created = step->session->options->source_date_epoch;
    return step_meta(step->state, step->file, step->in, created, err);
}

/* "[linux/arm64 build 2/4] RUN …"; the stage is named where there are several. */
static char *step_name(const struct step *step)
{
    const struct build_session *s = step->session;
    struct stage_progress *progress = &s->progress[step->stage->index];
    autostr out = STR_INIT;
    str_add_char(&out, '[');
    if (s->options->label)
        str_addf(&out, "%s ", s->options->label);
    if (s->stages->order_count > 1 && step->stage->name)
        str_addf(&out, "%s ", step->stage->name);
    else if (s->stages->order_count > 1)
        str_addf(&out, "stage-%zu ", step->stage->index);
    str_addf(&out, "%zu/%zu] %s", ++progress->step, progress->total, step->original->text);
    return str_take(&out);
}

static int check_stop(const struct build_session *s, struct error *err)
{
    if (s->stopping)
        return error_set(err, ERROR_INTERRUPTED, "another stage failed");
    return interrupt_check(err);
}

static enum progress_end end_of(const struct step *step, int result, const struct error *err)
{
    if (!result)
        return step->cached ? PROGRESS_CACHED : PROGRESS_DONE;
    return err && err->kind == ERROR_INTERRUPTED ? PROGRESS_SKIPPED : PROGRESS_FAILED;
}

static int do_step(struct step *step, struct error *err)
{
    struct build_session *s = step->session;
    if (check_stop(s, err))
        return -1;
    struct expand how = expansion(step);
    struct instruction expanded;
    if (expand_instruction(&how, step->file, step->original, &expanded, err))
        return -1;
    step->in = &expanded;
    if (touches_files(step->original->kind)) {
        autofree char *name = step_name(step);
        step->task = progress_start(s->options->progress, name, 0);
    }
    int result = carry_out(step, err);
    session_close(step);
    if (step->task)
        progress_end(step->task, end_of(step, result, err), NULL);
    instruction_release(&expanded);
    return result;
}

static int run_trigger(struct build_session *s, const struct stage *stage,
                       struct stage_state *state, const char *text, struct error *err)
{
    autofree char *name = mem_printf("ONBUILD of %s", state->base_reference ? state->base_reference
                                                                            : "the base stage");
    autodockerfile *file = NULL;
    if (dockerfile_parse_trigger(text, name, &file, err))
        return -1;
    s->progress[stage->index].total += touches_files(file->items[0].kind);
    struct step step = {.session = s,
                        .stage = stage,
                        .state = state,
                        .file = file,
                        .original = &file->items[0],
                        .files_needed_later = true};
    return do_step(&step, err);
}

static int run_triggers(struct build_session *s, const struct stage *stage,
                        struct stage_state *state, struct error *err)
{
    struct strv triggers = state->on_build;
    state->on_build = STRV_INIT;
    int result = 0;
    for (size_t i = 0; i < triggers.count && !result; i++)
        result = run_trigger(s, stage, state, triggers.items[i], err);
    strv_release(&triggers);
    if (result) {
        error_hint(err, "FROM in line %u brings this instruction", stage->from->at.line);
        dockerfile_error_at(s->stages->file, stage->from->at, err);
    }
    return result;
}

/* The one build check that needs more than the file. */
static void check_base_platform(const struct build_session *s, const struct stage *stage,
                                const struct stage_state *state, const struct platform *wanted)
{
    struct lint_config config = {.skipped = 0};
    char have[48], want[48];
    autoerror ignored = ERROR_INIT;
    if (lint_config_of_build(s->stages->file->check, s->options->build_args, &config, &ignored) ||
        lint_config_parse(stage->from->check, &config, &ignored))
        error_ignore(&ignored, "it was said before the build");
    if ((!strcmp(state->platform.os, wanted->os) && !strcmp(state->platform.arch, wanted->arch)) ||
        !lint_config_wants(&config, LINT_INVALID_BASE_IMAGE_PLATFORM))
        return;
    log_warning("%s: Base image %s was pulled with platform \"%s\", expected \"%s\" for current "
                "build (line %u)",
                lint_rules[LINT_INVALID_BASE_IMAGE_PLATFORM].name, stage->image,
                platform_text(&state->platform, '/', have), platform_text(wanted, '/', want),
                stage->from->at.line);
}

static int begin_stage(struct build_session *s, const struct stage *stage,
                       struct stage_state *state, struct error *err)
{
    struct platform platform = s->options->platform;
    if (stage->platform && platform_parse(stage->platform, &platform, err))
        return dockerfile_error_at(s->stages->file, stage->from->at, err);
    if (stage->base >= 0)
        stage_state_init_stage(state, &s->stages->global, &s->states[stage->base]);
    else if (stage->scratch)
        stage_state_init_scratch(state, &s->stages->global, &platform);
    else if (session_image(s, stage->image, &platform, state, err))
        return dockerfile_error_at(s->stages->file, stage->from->at, err);
    if (stage->image)
        check_base_platform(s, stage, state, &platform);
    return run_triggers(s, stage, state, err);
}

static int build_stage(void *context, const struct stage *stage, struct error *err)
{
    struct build_session *s = context;
    struct stage_state *state = &s->states[stage->index];
    if (begin_stage(s, stage, state, err))
        return -1;
    for (size_t i = 0; i < stage->count; i++) {
        struct step step = {.session = s,
                            .stage = stage,
                            .state = state,
                            .file = s->stages->file,
                            .original = &stage->items[i],
                            .files_needed_later = files_needed_after(s->stages, stage, i)};
        if (do_step(&step, err))
            return -1;
    }
    return 0;
}

static void count_steps(struct build_session *s)
{
    for (size_t k = 0; k < s->stages->order_count; k++) {
        const struct stage *stage = &s->stages->items[s->stages->order[k]];
        for (size_t i = 0; i < stage->count; i++)
            s->progress[stage->index].total += touches_files(stage->items[i].kind);
    }
}

/* A stage failed: the others give up soon. */
static void stop(void *context)
{
    struct build_session *s = context;
    static const uint64_t one = 1;
    s->stopping = true;
    if (write(s->stop_fd, &one, sizeof one) < 0)
        log_debug("stages that run may do so to their end");
}

static void warn_unused_args(const struct build_session *s)
{
    autostrv declared = STRV_INIT;
    autostrv unused = STRV_INIT;
    strv_add_all(&declared, &s->stages->global.declared);
    for (size_t i = 0; i < s->stages->count; i++)
        strv_add_all(&declared, &s->states[i].scope.declared);
    scope_unused_args(s->options->build_args, &declared, &unused);
    for (size_t i = 0; i < unused.count; i++)
        log_warning("build argument %s is not used: no ARG declares it", unused.items[i]);
}

/* What was finished is kept, whether the build came to its end or not: durable first, then the
 * records. */
static int keep(struct build_session *s, struct error *err)
{
    struct store *store = s->options->store;
    for (size_t i = 0; i < s->pending_count; i++)
        if (s->pending[i].layer && build_layer_wait(s->pending[i].layer, err))
            return -1;
    if (s->pending_count && store_sync(store, err))
        return -1;
    for (size_t i = 0; i < s->pending_count; i++) {
        const struct pending_record *p = &s->pending[i];
        struct cache_record record = {.empty = !p->layer, .created = p->created};
        if (p->layer && !build_layer_is_here(p->layer)) /* of an imported cache, and not needed */
            continue;
        if (p->layer && build_layer_blob(p->layer, &record.layer, err))
            return -1;
        if (cache_write(store_cache_fd(store), &p->key, &s->options->compression, &record, err))
            return -1;
    }
    context_save(&s->context, store_cache_fd(store));
    for (size_t i = 0; s->options->contexts && i < s->options->contexts->count; i++)
        context_save(&s->named[i], store_cache_fd(store));
    return 0;
}

static int build_stages(struct build_session *s, struct build_result *out, struct error *err)
{
    const struct stages *stages = s->stages;
    count_steps(s);
    /* A shell wants the terminal for itself. */
    size_t threads = s->options->debug_shell ? 1 : pool_size(s->options->pool);
    if (stage_schedule_run(stages, threads, build_stage, stop, s, err))
        return -1;
    warn_unused_args(s);
    const struct stage_state *target = &s->states[stages->target];
    if (commit_image(s, target, &out->image, err))
        return -1;
    out->base_reference = mem_strdup_null(target->base_reference);
    out->base_layers = target->base_layers;
    if (s->options->gather_cache && session_gather(s, !s->options->gather_all, &out->cache, err)) {
        build_result_release(out);
        return -1;
    }
    out->steps = s->steps;
    out->cached = s->cached;
    return 0;
}

static int build_and_keep(struct build_session *s, struct build_result *out, struct error *err)
{
    struct build_result result = {.base_reference = NULL};
    int code = build_stages(s, &result, err);
    autoerror keeping = ERROR_INIT;
    if (keep(s, &keeping)) {
        if (!code) {
            build_result_release(&result);
            return error_move(err, &keeping);
        }
        error_ignore(&keeping, "the build failed before");
    }
    if (!code)
        *out = result;
    return code;
}

static int open_contexts(struct build_session *s, struct error *err)
{
    const struct build_options *o = s->options;
    size_t count = o->contexts ? o->contexts->count : 0;
    s->named = mem_zalloc(count + 1, sizeof *s->named);
    for (size_t i = 0; i < count; i++)
        s->named[i] = CONTEXT_NONE;
    return o->context_fetched ? context_open_fetched(o->context, &s->context, err)
                              : context_open(o->context, o->dockerfile_path,
                                             store_cache_fd(o->store), &s->context, err);
}

static int resolve(struct build_session *s, struct stages **out, struct error *err)
{
    const struct build_options *o = s->options;
    autostrv names = STRV_INIT;
    for (size_t i = 0; o->contexts && i < o->contexts->count; i++)
        strv_add(&names, o->contexts->items[i].name);
    struct stages_options options = {.build_args = o->build_args,
                                     .platform_args = &s->platform_args,
                                     .target = o->target,
                                     .contexts = &names};
    return stages_resolve(o->dockerfile, &options, out, err);
}

/* What a running step waits for beside its process: the user, and a stage that failed. */
static int open_events(struct build_session *s, struct error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->pulls, NULL);
    pthread_cond_init(&s->done, NULL);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->cancel_fd = epoll_create1(EPOLL_CLOEXEC);
    int user = s->options->cancel_fd;
    if (s->stop_fd < 0 || s->cancel_fd < 0 ||
        epoll_ctl(s->cancel_fd, EPOLL_CTL_ADD, s->stop_fd, &event) ||
        (user >= 0 && epoll_ctl(s->cancel_fd, EPOLL_CTL_ADD, user, &event)))
        return error_errno(err, ERROR_HOST, "prepare to be stopped");
    return 0;
}

static void session_release(struct build_session *s, struct stages *stages)
{
    for (size_t i = 0; s->states && stages && i < stages->count; i++)
        if (s->states[i].config)
            stage_state_release(&s->states[i]);
    build_layers_free(s->layers);
    free(s->states);
    free(s->pending);
    free(s->used);
    free(s->open);
    free(s->progress);
    mem_close_at(&s->stop_fd);
    mem_close_at(&s->cancel_fd);
    pthread_cond_destroy(&s->done);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->pulls);
    context_release(&s->context);
    for (size_t i = 0; s->named && s->options->contexts && i < s->options->contexts->count; i++)
        context_release(&s->named[i]);
    free(s->named);
    strv_release(&s->platform_args);
    stages_free(stages);
}

int build_image(const struct build_options *options, struct build_result *out, struct error *err)
{
    struct build_session s = {
        .options = options, .context = CONTEXT_NONE, .stop_fd = -1, .cancel_fd = -1};
    char target[48], build[48];
    struct platform host;
    platform_host(&host);
    scope_platform_args(&s.platform_args, platform_text(&options->platform, '/', target),
                        platform_text(&host, '/', build), options->target);
    s.now = options->source_date_epoch >= 0 ? options->source_date_epoch : (int64_t)time(NULL);
    struct stages *stages = NULL;
    int result =
        open_events(&s, err) || resolve(&s, &stages, err) || open_contexts(&s, err) ? -1 : 0;
    s.stages = stages;
    if (!result) {
        s.states = mem_zalloc(stages->count, sizeof *s.states);
        s.progress = mem_zalloc(stages->count, sizeof *s.progress);
        s.layers = build_layers_new(options->store, options->pool, &options->compression,
                                    options->source_date_epoch);
        result = build_and_keep(&s, out, err);
    }
    session_release(&s, stages);
    return result;
}

void build_result_release(struct build_result *result)
{
    image_release(&result->image);
    free(result->base_reference);
    cache_entries_release(&result->cache);
    *result = (struct build_result){.base_reference = NULL};
}
