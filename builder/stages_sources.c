#include "stages_sources.h"

#include "csv.h"

#include <base/mem.h>
#include <base/str.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void add(struct stage_source **sources, size_t *count, size_t *cap, const char *name,
                struct position at, bool mount)
{
    if (*name)
        MEM_PUSH(*sources, *count, *cap) =
            (struct stage_source){.name = mem_strdup(name), .at = at, .mount = mount};
}

size_t stage_sources(const struct instruction *in, struct stage_source **out)
{
    size_t count = 0, cap = 0;
    *out = NULL;
    for (size_t i = 0; i < in->flag_count; i++) {
        const struct flag *flag = &in->flags[i];
        if (in->kind == INSTRUCTION_COPY && strcmp(flag->name, "from") == 0)
            add(out, &count, &cap, flag->value, flag->at, false);
        if (in->kind != INSTRUCTION_RUN || strcmp(flag->name, "mount") != 0)
            continue;
        autostrv fields = STRV_INIT;
        if (csv_fields(flag->value, &fields, NULL))
            continue; /* the step says what is wrong */
        for (size_t k = 0; k < fields.count; k++)
            if (strncasecmp(fields.items[k], "from=", 5) == 0)
                add(out, &count, &cap, fields.items[k] + 5, flag->at, true);
    }
    return count;
}

void stage_sources_free(struct stage_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(sources[i].name);
    free(sources);
}

int stage_source_check(const struct stage_source *source, const struct dockerfile *file,
                       struct error *err)
{
    const char *dollar = strchr(source->name, '$');
    if (!dollar || !dollar[1])
        return 0;
    error_set(err, ERROR_INPUT, "variables don't work in %s", source->mount ? "from=" : "--from");
    error_hint(err,
               "declare a stage with FROM %s AS NAME (and its ARG before the first FROM), "
               "and name that stage here",
               source->name);
    return dockerfile_error_at(file, source->at, err);
}
