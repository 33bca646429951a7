/* Static checks of installed packages: that they are whole, and that what they require is there. */
#include "marker.h"
#include "pep440.h"
#include "static_private.h"
#include "wheel.h"

#include <base/mem.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ROUNDS_MAX = 100 };

static bool read_environment(struct static_run *run, struct wheels *out)
{
    wheels_read(run->image->tree, run->image->nodes, run->rule->venv, out);
    if (!out->site)
        static_problem(run, NULL, "%s is no virtual environment: it has no site-packages",
                       run->rule->venv);
    return out->site != NULL;
}

/* ---- RECORD ---- */

/* One field of a line of comma-separated values (RFC 4180); *p is moved behind it and its comma. */
static char *csv_field(const char **p)
{
    autostr out = STR_INIT;
    bool quoted = **p == '"';
    const char *q = *p + quoted;
    for (; *q && (quoted || *q != ','); q++) {
        if (quoted && *q == '"' && q[1] != '"') {
            q++;
            break;
        }
        q += quoted && *q == '"';
        str_add_char(&out, *q);
    }
    *p = q + (*q == ',');
    return str_take(&out);
}

/* "sha256=" and base64 for URLs without its padding. */
static void recorded_form(const unsigned char digest[32], char out[64])
{
    unsigned char text[64];
    int n = EVP_EncodeBlock(text, digest, 32);
    for (int i = 0; i < n; i++)
        out[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    while (n && out[n - 1] == '=')
        n--;
    out[n] = '\0';
}

static void check_record(struct static_run *run, const struct wheels *wheels,
                         const struct wheel *wheel, const char *line)
{
    autofree char *path = csv_field(&line), *hash = csv_field(&line), *size = csv_field(&line);
    if (!*path || !*hash) /* what is made after the installation has none */
        return;
    autofree char *absolute = mem_printf("%s/%s", wheels->site->path, path);
    const struct tree_node *node =
        image_tree_find(run->image->tree, *path == '/' ? path : absolute, true);
    run->looked++;
    if (!node || !node->entry) {
        static_problem(run, wheel->info, "records %s, which is not there", path);
        return;
    }
    const struct file_facts *facts = node->entry->facts;
    char found[64];
    if (facts && facts->has_digest && str_starts(hash, "sha256=")) {
        recorded_form(facts->digest, found);
        if (strcmp(found, hash + strlen("sha256=")) != 0)
            static_problem(run, node, "is not as %s %s installed it", wheel->shown, wheel->version);
    } else if (*size && str_number(size, INT64_MAX) != node->entry->size) {
        static_problem(run, node, "has %lld bytes, and not the %s that %s %s installed",
                       (long long)node->entry->size, size, wheel->shown, wheel->version);
    }
}

void static_records(struct static_run *run)
{
    autowheels wheels = {0};
    if (!read_environment(run, &wheels))
        return;
    for (size_t i = 0; i < wheels.count; i++) {
        const struct wheel *wheel = &wheels.items[i];
        const char *text = tree_text(image_tree_below(run->image->tree, wheel->info, "RECORD"));
        autostrv lines = STRV_INIT;
        strv_split(&lines, text ? text : "", '\n');
        for (size_t k = 0; k < lines.count; k++)
            check_record(run, &wheels, wheel, str_trim(lines.items[k]));
    }
}

/* ---- requirements ---- */

/* An environment for markers, with the extras that are asked of each package. */
struct closure {
    const struct wheels *wheels;
    struct marker_environment environment;
    struct strv *extras; /* by package */
};

static const char *machine_of(const char *architecture)
{
    static const char *const pairs[][2] = {
        {"amd64", "x86_64"}, {"arm64", "aarch64"}, {"arm", "armv7l"}, {"386", "i686"}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (!strcmp(pairs[i][0], architecture))
            return pairs[i][1];
    return architecture;
}

static bool applies(const struct closure *c, const struct wheel_requirement *r,
                    const struct strv *extras)
{
    struct marker_environment environment = c->environment;
    bool unknown = false;
    environment.extras = extras;
    return !*r->marker || marker_holds(r->marker, &environment, &unknown);
}

/* Extras that a package is asked for by those that apply, until nothing new comes. */
static void collect_extras(struct closure *c)
{
    bool changed = true;
    for (size_t round = 0; changed && round < ROUNDS_MAX; round++) {
        changed = false;
        for (size_t i = 0; i < c->wheels->count; i++) {
            const struct wheel *wheel = &c->wheels->items[i];
            for (size_t k = 0; k < wheel->requirement_count; k++) {
                const struct wheel_requirement *r = &wheel->requirements[k];
                const struct wheel *target =
                    r->extras.count ? wheels_find(c->wheels, r->name) : NULL;
                if (!target || !applies(c, r, &c->extras[i]))
                    continue;
                struct strv *asked = &c->extras[target - c->wheels->items];
                for (size_t e = 0; e < r->extras.count; e++) {
                    if (strv_contains(asked, r->extras.items[e]))
                        continue;
                    strv_add(asked, r->extras.items[e]);
                    changed = true;
                }
            }
        }
    }
}

static void closure_init(struct closure *c, const struct static_run *run,
                         const struct wheels *wheels)
{
    *c = (struct closure){
        .wheels = wheels,
        .environment = {.python_version = wheels->version,
                        .python_full_version = wheels->full_version,
                        .platform_machine = machine_of(run->image->platform->arch)},
        .extras = mem_zalloc(wheels->count + 1, sizeof *c->extras),
    };
    collect_extras(c);
}

static void closure_release(struct closure *c)
{
    for (size_t i = 0; i < c->wheels->count; i++)
        strv_release(&c->extras[i]);
    free(c->extras);
}

static void check_requirement(struct static_run *run, const struct wheels *wheels,
                              const struct wheel *wheel, const struct wheel_requirement *r)
{
    const struct wheel *found = wheels_find(wheels, r->name);
    run->looked++;
    if (static_rule_allows(run->rule, r->name))
        return;
    if (!found)
        static_problem(run, wheel->info, "requires %s%s, which is not installed", r->name,
                       r->specifiers);
    else if (!pep440_fulfils(found->version, r->specifiers))
        static_problem(run, wheel->info, "requires %s%s, and %s is installed", r->name,
                       r->specifiers, found->version);
}

void static_requirements(struct static_run *run)
{
    autowheels wheels = {0};
    struct closure c;
    if (!read_environment(run, &wheels))
        return;
    closure_init(&c, run, &wheels);
    for (size_t i = 0; i < wheels.count; i++)
        for (size_t k = 0; k < wheels.items[i].requirement_count; k++)
            if (applies(&c, &wheels.items[i].requirements[k], &c.extras[i]))
                check_requirement(run, &wheels, &wheels.items[i], &wheels.items[i].requirements[k]);
    closure_release(&c);
}

/* ---- dev dependencies ---- */

/* Is a package required by one that is installed, dev extras apart? */
static bool needed_otherwise(const struct closure *c, const char *name)
{
    for (size_t i = 0; i < c->wheels->count; i++) {
        const struct wheel *wheel = &c->wheels->items[i];
        for (size_t k = 0; k < wheel->requirement_count; k++)
            if (!strcmp(wheel->requirements[k].name, name) &&
                applies(c, &wheel->requirements[k], &c->extras[i]))
                return true;
    }
    return false;
}

static void check_dev(struct static_run *run, const struct closure *c, const struct wheel *project,
                      const struct wheel_requirement *r)
{
    const struct wheel *found = wheels_find(c->wheels, r->name);
    run->looked++;
    if (static_rule_allows(run->rule, r->name))
        return;
    if (run->image->dev && !found)
        static_problem(run, project->info, "has the dev dependency %s%s, which is not installed",
                       r->name, r->specifiers);
    else if (run->image->dev && !pep440_fulfils(found->version, r->specifiers))
        static_problem(run, found->info, "is %s, and %s wants %s%s for its development",
                       found->version, project->shown, r->name, r->specifiers);
    else if (!run->image->dev && found && !needed_otherwise(c, r->name))
        static_problem(run, found->info, "is a dev dependency of %s in a prod image",
                       project->shown);
    else if (run->image->dev && !run->problems)
        str_addf(&run->out->detail, "%s%s %s", run->looked > 1 ? ", " : "", found->shown,
                 found->version);
}

/* What a project's dev extras add to what it requires anyway. */
static void check_project(struct static_run *run, const struct closure *c,
                          const struct wheel *project)
{
    for (size_t e = 0; e < project->extras.count; e++) {
        if (!wheel_extra_is_dev(project->extras.items[e]))
            continue;
        autostrv extra = STRV_INIT, none = STRV_INIT;
        strv_add(&extra, project->extras.items[e]);
        /* without one that is called dev, the first that is there is meant */
        bool wanted = !run->image->dev || str_starts(extra.items[0], "dev") ||
                      !strv_contains(&project->extras, "dev");
        for (size_t k = 0; wanted && k < project->requirement_count; k++) {
            const struct wheel_requirement *r = &project->requirements[k];
            if (strcmp(r->name, project->name) != 0 && !applies(c, r, &none) &&
                applies(c, r, &extra))
                check_dev(run, c, project, r);
        }
    }
}

void static_dev(struct static_run *run)
{
    autowheels wheels = {0};
    struct closure c;
    if (!read_environment(run, &wheels))
        return;
    closure_init(&c, run, &wheels);
    for (size_t i = 0; i < wheels.count; i++)
        if (wheels_is_project(&wheels, &wheels.items[i]))
            check_project(run, &c, &wheels.items[i]);
    closure_release(&c);
}
