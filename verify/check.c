#include "check.h"

#include <base/mem.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

const char *check_kind_name(enum check_kind kind)
{
    static const char *const names[] = {"command",  "start",   "file",
                                        "metadata", "license", "static"};
    return names[kind];
}

struct check *checks_add(struct checks *checks, enum check_kind kind, const char *name,
                         const char *file, unsigned line)
{
    MEM_PUSH(checks->items, checks->count, checks->cap) = (struct check){
        .name = mem_strdup(name),
        .kind = kind,
        .file = mem_strdup(file),
        .line = line,
        .look = {.mode = -1},
    };
    return &checks->items[checks->count - 1];
}

const struct check *checks_find(const struct checks *checks, const char *name)
{
    for (size_t i = 0; i < checks->count; i++)
        if (!strcmp(checks->items[i].name, name))
            return &checks->items[i];
    return NULL;
}

static bool matches_any(const struct strv *globs, const char *name)
{
    for (size_t i = 0; i < globs->count; i++)
        if (!fnmatch(globs->items[i], name, 0))
            return true;
    return false;
}

size_t checks_select(struct checks *checks, const struct strv *only, const struct strv *skip)
{
    size_t kept = 0, before = checks->count;
    for (size_t i = 0; i < before; i++) {
        const char *name = checks->items[i].name;
        bool wanted = (!only->count || matches_any(only, name)) && !matches_any(skip, name);
        if (wanted)
            checks->items[kept++] = checks->items[i];
        else
            check_release(&checks->items[i]);
    }
    checks->count = kept;
    return before - kept;
}

void check_program_release(struct check_program *program)
{
    strv_release(&program->argv);
}

static void programs_release(struct check_programs *list)
{
    for (size_t i = 0; i < list->count; i++)
        check_program_release(&list->items[i]);
    free(list->items);
}

void file_rule_release(struct file_rule *rule)
{
    free(rule->path);
    free(rule->owner);
    free(rule->permissions);
    patterns_release(&rule->has);
    patterns_release(&rule->lacks);
}

static void run_rule_release(struct check_run_rule *run)
{
    check_program_release(&run->program);
    programs_release(&run->setup);
    programs_release(&run->teardown);
    free(run->user);
    free(run->workdir);
    free(run->venv);
    strv_release(&run->env);
    strv_release(&run->expanded_env);
    for (size_t i = 0; i < run->mount_count; i++) {
        free(run->mounts[i].source);
        free(run->mounts[i].target);
    }
    free(run->mounts);
    struct patterns *const lists[] = {&run->allow_errors, &run->stdout_has,   &run->stdout_lacks,
                                      &run->stderr_has,   &run->stderr_lacks, &run->output_has,
                                      &run->output_lacks};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        patterns_release(lists[i]);
    for (size_t i = 0; i < run->writes.count; i++)
        file_rule_release(&run->writes.items[i]);
    free(run->writes.items);
}

static void metadata_rules_release(struct metadata_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->items[i].key);
        free(rules->items[i].value);
        pattern_free(rules->items[i].pattern);
        strv_release(&rules->items[i].values);
    }
    free(rules->items);
}

void check_release(struct check *check)
{
    free(check->name);
    free(check->file);
    run_rule_release(&check->run);
    file_rule_release(&check->look);
    metadata_rules_release(&check->metadata);
    strv_release(&check->license.files);
    static_rule_release(&check->fixed);
}

void checks_release(struct checks *checks)
{
    for (size_t i = 0; i < checks->count; i++)
        check_release(&checks->items[i]);
    free(checks->items);
    *checks = (struct checks){0};
}
