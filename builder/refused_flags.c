#include "refused_flags.h"

#include <base/mem.h>

#include <string.h>

static const struct {
    const char *flag, *reason, *hint;
} refused[] = {
    {"--builder", "is not supported: there are no builder instances, imgbuild builds by itself",
     "leave it out"},
    {"--cgroup-parent", "is not supported: steps stay in the cgroup that imgbuild was started in",
     "start imgbuild in the cgroup that is to limit its steps, as systemd-run --scope does"},
    {"--policy", "is not supported: sources are not checked against a policy", NULL},
    {"--call", "is not supported", NULL},
};

int refused_flags_check(int argc, char **argv, struct error *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        for (size_t k = 0; k < COUNT_OF(refused); k++) {
            size_t n = strlen(refused[k].flag);
            if (strncmp(argv[i], refused[k].flag, n) != 0 || (argv[i][n] && argv[i][n] != '='))
                continue;
            error_set(err, ERROR_USAGE, "%s %s", refused[k].flag, refused[k].reason);
            return refused[k].hint ? error_hint(err, "%s", refused[k].hint) : -1;
        }
    }
    return 0;
}
