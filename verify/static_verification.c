#include "static_verification.h"

#include "check_metadata.h"
#include "derive.h"
#include "directory.h"
#include "tree_file.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* An image that is only read. */
struct reading {
    const struct verification_options *options;
    struct image_result *result;
    struct image_source *source; /* NULL: a directory */
    struct image image;
    struct image_view view;
    struct blame_layers layers;
    struct static_image seen;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- shared with images that are unpacked ---- */

void static_image_init(struct static_image *out, const struct verification_options *options,
                       const struct image_result *r, const struct reference *ref,
                       const struct image *image, const struct image_view *view,
                       const struct blame_layers *layers)
{
    *out = (struct static_image){
        .tree = view->tree,
        .nodes = view->nodes,
        .config = image->config,
        .platform = &image->platform,
        .layers = layers,
        .tag =
            ref->transport == REFERENCE_REGISTRY && digest_is_set(&ref->digest) ? NULL : ref->tag,
        .dev = str_eq(r->variant, "dev"),
        .driver = options->driver,
    };
}

bool static_is_wanted(const struct verification_options *options, const struct image_result *r)
{
    bool wanted = options->derive != 0;
    for (size_t i = 0; !wanted && i < r->checks.count; i++)
        wanted = r->checks.items[i].kind == CHECK_STATIC;
    return wanted;
}

int static_derive(const struct verification_options *options, const struct image_view *view,
                  struct image_result *r, struct error *err)
{
    static const struct strv none = STRV_INIT;
    struct checks all = r->checks;
    if (!options->derive)
        return 0;
    size_t before = all.count;
    strv_add(&r->files, DERIVED_FILE);
    int failed = derive_checks(view, options->venvs ? options->venvs : &none,
                               str_eq(r->variant, "dev"), options->derive, &all, err);
    r->checks = all;
    struct checks derived = {0};
    for (size_t i = before; i < all.count; i++)
        MEM_PUSH(derived.items, derived.count, derived.cap) = all.items[i];
    r->checks.count = before;
    r->left_out += checks_select(&derived, options->only ? options->only : &none,
                                 options->skip ? options->skip : &none);
    for (size_t i = 0; i < derived.count; i++)
        MEM_PUSH(r->checks.items, r->checks.count, r->checks.cap) = derived.items[i];
    free(derived.items);
    if (!failed && !r->checks.count) {
        error_set(err, ERROR_USAGE, "--only and --skip leave no check");
        return error_hint(err, "--list shows the names");
    }
    return failed;
}

void static_describe(const struct image *image, const struct blame_layers *layers,
                     struct image_result *r)
{
    for (size_t i = 0; i < layers->count; i++)
        strv_add_take(&r->made_by, blame_instruction(layers->items[i].created_by));
    r->digest = image->manifest.digest;
    r->layers = image->layer_count;
    platform_text(&image->platform, '/', r->platform);
}

/* ---- reading ---- */

static int read_directory(struct reading *v, const struct reference *ref, struct error *err)
{
    int fd = -1;
    static const struct inventory_form form = {.whiteouts = WHITEOUT_TRUSTED};
    if (directory_open(ref->path, v->options->platform, &fd, &v->image, err))
        return -1;
    int failed = image_view_unpacked(&fd, 1, &form, v->options->pool, &v->view, err);
    close(fd);
    return failed;
}

static int read_image(struct reading *v, const struct reference *ref, struct error *err)
{
    const struct verification_options *o = v->options;
    if (ref->transport == REFERENCE_DIRECTORY)
        return read_directory(v, ref, err);
    if (image_source_open(ref, o->transport, &v->source, err) ||
        image_source_image(v->source, o->platform, false, &v->image, err))
        return -1;
    return image_view_streamed(v->source, &v->image, o->pool, o->progress, &v->view, err);
}

/* The contents that checks of files ask for. */
static int read_contents(struct reading *v, struct error *err)
{
    for (size_t i = 0; v->source && i < v->result->checks.count; i++) {
        const struct check *check = &v->result->checks.items[i];
        const struct file_rule *rule = &check->look;
        if (check->kind != CHECK_FILE || (!rule->has.count && !rule->lacks.count))
            continue;
        size_t n;
        autofree const struct tree_node **nodes = tree_file_nodes(&v->view, rule, &n);
        if (image_view_contents(&v->view, v->source, &v->image, nodes, n, err))
            return -1;
    }
    return 0;
}

static void evaluate(const struct reading *v, const struct check *check, struct check_result *out)
{
    const struct tree_node *node = NULL;
    bool holds = false;
    double start = now();
    switch (check->kind) {
    case CHECK_STATIC:
        static_check(&v->seen, &check->fixed, out);
        break;
    case CHECK_METADATA:
        holds = metadata_rules_hold(v->image.config, &check->metadata, &out->detail);
        out->verdict = holds ? VERDICT_PASSED : VERDICT_FAILED;
        break;
    case CHECK_FILE:
        holds = tree_file_holds(&v->view, &check->look, &out->detail, &node);
        out->verdict = holds ? VERDICT_PASSED : VERDICT_FAILED;
        if (!holds && node)
            blame_add(out, &v->layers, node->layer, node->path, false);
        break;
    case CHECK_LICENSE:
    case CHECK_COMMAND:
    case CHECK_START:
    default:
        out->verdict = VERDICT_SKIPPED;
        str_add(&out->detail, check->kind == CHECK_LICENSE
                                  ? "reads many files, and --static unpacks nothing"
                                  : "runs a program, and --static runs nothing");
    }
    out->seconds = now() - start;
}

int image_verify_static(const struct reference *ref, const struct verification_options *options,
                        struct image_result *r, struct error *err)
{
    struct reading v = {.options = options, .result = r};
    double start = now();
    int failed = read_image(&v, ref, err);
    if (!failed) {
        blame_layers_init(&v.layers, v.image.config, v.image.layers, v.image.layer_count);
        static_image_init(&v.seen, options, r, ref, &v.image, &v.view, &v.layers);
        static_describe(&v.image, &v.layers, r);
        failed = static_derive(options, &v.view, r, err);
    }
    if (!failed && !options->plan_only && !(failed = read_contents(&v, err))) {
        r->results = mem_zalloc(r->checks.count + 1, sizeof *r->results);
        for (size_t i = 0; i < r->checks.count; i++)
            evaluate(&v, &r->checks.items[i], &r->results[i]);
    }
    r->seconds = now() - start;
    image_view_release(&v.view);
    blame_layers_release(&v.layers);
    image_release(&v.image);
    image_source_close(v.source);
    return failed ? -1 : 0;
}
