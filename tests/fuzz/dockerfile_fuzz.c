/* A Dockerfile of any bytes: parse it, resolve its stages, expand and copy every instruction. */
#include "builder/expand_instruction.h"
#include "builder/stages.h"

#include <base/mem.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

/* A place in the file, or nowhere. */
static void check_place(const struct dockerfile *file, struct position at)
{
    autoerror err = ERROR_INIT;
    error_set(&err, ERROR_INPUT, "x");
    dockerfile_error_at(file, at, &err);
    if (at.line && !err.source_line)
        abort();
}

static void use(const struct dockerfile *file, const struct instruction *in, struct scope *scope)
{
    const struct expand how = {.lookup = scope_lookup, .context = scope, .escape = file->escape};
    struct instruction out;
    autoerror err = ERROR_INIT;
    check_place(file, in->at);
    if (in->first > in->last || !in->text)
        abort();
    if (in->kind == INSTRUCTION_ARG && expand_arg(scope, file, in, NULL, NULL) == 0)
        return;
    if (expand_instruction(&how, file, in, &out, &err)) {
        /* Whatever fails to expand says where. */
        if (!err.file || !err.line)
            abort();
        return;
    }
    for (size_t i = 0; i < out.pair_count && in->kind == INSTRUCTION_ENV; i++)
        scope_env(scope, out.pairs[i].key.text, out.pairs[i].value.text);
    for (size_t i = 0; i < out.arg_count; i++) {
        check_place(file, out.args[i].at);
        instruction_heredoc(&out, out.args[i].text);
    }
    instruction_release(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    autodockerfile *file = NULL;
    autoerror err = ERROR_INIT;
    if (dockerfile_parse((const char *)bytes, n, "Dockerfile", &file, &err)) {
        if (err.kind != ERROR_INPUT || !err.file)
            abort();
        return 0;
    }
    autostages *stages = NULL;
    const struct stages_options options = {0};
    if (stages_resolve(file, &options, &stages, NULL))
        return 0;
    for (size_t i = 0; i < stages->count; i++) {
        struct scope scope;
        scope_init_stage(&scope, &stages->global, NULL, NULL);
        for (size_t j = 0; j < stages->items[i].count; j++)
            use(file, &stages->items[i].items[j], &scope);
        scope_release(&scope);
    }
    return 0;
}
