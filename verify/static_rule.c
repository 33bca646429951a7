#include "static_rule.h"

#include <base/mem.h>

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *meaning;
} kinds[STATIC_KINDS] = {
    [STATIC_PROGRAM] = {"program", "the image's program is there"},
    [STATIC_USER] = {"user", "the image's user is there"},
    [STATIC_SHEBANGS] = {"shebangs", "interpreters of scripts are there"},
    [STATIC_MACHINE] = {"machine", "programs are for the image's architecture"},
    [STATIC_LIBRARIES] = {"libraries", "needed libraries are there"},
    [STATIC_VERSIONS] = {"symbol-versions", "needed versions of symbols are there"},
    [STATIC_WRITABLE] = {"world-writable", "no file can be written by anybody"},
    [STATIC_SETUID] = {"setuid", "no unknown program has set-id bits"},
    [STATIC_SECRETS] = {"secrets", "no secret is in a layer"},
    [STATIC_WASTED] = {"wasted", "few bytes are rewritten or deleted by later layers"},
    [STATIC_TAGS] = {"tags", "the tag is true of the image"},
    [STATIC_CUDA] = {"cuda", "what CUDA requires of the driver makes sense"},
    [STATIC_VENV] = {"venv", "the virtual environment's Python is there"},
    [STATIC_RECORDS] = {"records", "installed files are as recorded"},
    [STATIC_REQUIREMENTS] = {"requirements", "what packages require is installed"},
    [STATIC_SCRIPTS] = {"scripts", "console scripts and their interpreters are there"},
    [STATIC_ENTRY_POINTS] = {"entry-points", "modules of entry points are there"},
    [STATIC_EDITABLE] = {"editable", "sources of editable installs are there"},
    [STATIC_DEV] = {"dev", "dev dependencies are as the variant wants them"},
};

const char *static_kind_name(enum static_kind kind)
{
    return kinds[kind].name;
}

const char *static_kind_meaning(enum static_kind kind)
{
    return kinds[kind].meaning;
}

bool static_kind_find(const char *name, enum static_kind *out)
{
    for (size_t i = 0; i < STATIC_KINDS; i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        *out = (enum static_kind)i;
        return true;
    }
    return false;
}

bool static_kind_is_python(enum static_kind kind)
{
    return kind >= STATIC_VENV;
}

bool static_rule_allows(const struct static_rule *rule, const char *path)
{
    for (size_t i = 0; i < rule->allow.count; i++)
        if (!fnmatch(rule->allow.items[i], path, 0))
            return true;
    return false;
}

void static_rule_release(struct static_rule *rule)
{
    free(rule->venv);
    strv_release(&rule->allow);
}
