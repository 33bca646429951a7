#include "attached.h"

#include "checks.h"

#include <registry/artifact.h>

static int refuse_reach(const struct checks *checks, struct error *err)
{
    for (size_t i = 0; i < checks->count; i++) {
        const struct check_run_rule *run = &checks->items[i].run;
        if (!run->mount_count && run->network != CHECK_NETWORK_HOST)
            continue;
        error_set(err, ERROR_INPUT, "the attached check “%s” %s", checks->items[i].name,
                  run->mount_count ? "shows files of the host" : "uses the host's network");
        return error_hint(err, "attached checks may not; look at them, and say --config FILE");
    }
    return 0;
}

int attached_checks(const struct reference *ref, const struct transport_options *transport,
                    bool dev, const char *name, struct checks *out, struct error *err)
{
    autostr text = STR_INIT;
    struct checks found = {.items = NULL};
    int there = artifact_find(ref, ARTIFACT_CHECKS, CHECKS_CAP, transport, &text, err);
    if (there <= 0)
        return there;
    if (checks_parse(str_text(&text), text.len, name, ".", dev, &found, err) ||
        refuse_reach(&found, err)) {
        checks_release(&found);
        return -1;
    }
    *out = found;
    return 1;
}
