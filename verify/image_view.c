#include "image_view.h"

#include <base/mem.h>
#include <base/path.h>

#include <stdlib.h>
#include <string.h>

/* One layer's job. */
struct scan_job {
    int fd; /* of an unpacked layer; -1: from the source */
    const struct inventory_form *form;
    struct image_source *source;
    const struct descriptor *descriptor;
    struct progress *progress;
    struct scan_list *out;
};

static int scan_stream(const struct scan_job *job, struct error *err)
{
    autosource *blob = NULL;
    autofree char *what = mem_printf("layer %s", job->descriptor->digest.text);
    autofree char *shown = mem_printf("scan %.*s", 12 + 6, what);
    if (image_source_blob(job->source, job->descriptor, &blob, err))
        return -1;
    struct progress_task *task = progress_start(job->progress, shown, job->descriptor->size);
    int failed = layer_scan_tar(blob, what, NULL, job->out, err);
    progress_end(task, failed ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    return failed;
}

static int run_job(void *context, struct error *err)
{
    const struct scan_job *job = context;
    return job->fd >= 0 ? layer_scan_directory(job->fd, job->form, job->out, err)
                        : scan_stream(job, err);
}

/* Run the jobs, whose lists become the view's. */
static int run_jobs(struct scan_job *jobs, size_t n, struct pool *pool, struct image_view *out,
                    struct error *err)
{
    struct scan_list *lists = mem_zalloc(n + 1, sizeof *lists);
    struct pool_group *group = pool_group_new(pool);
    for (size_t i = 0; i < n; i++) {
        jobs[i].out = &lists[i];
        pool_run(group, run_job, &jobs[i]);
    }
    int failed = pool_wait(group, err);
    pool_group_free(group);
    if (failed) {
        for (size_t i = 0; i < n; i++)
            scan_list_release(&lists[i]);
        free(lists);
        return -1;
    }
    out->tree = image_tree_new(lists, n);
    out->nodes = image_tree_sorted(out->tree);
    return 0;
}

int image_view_unpacked(const int *layer_fds, size_t n, const struct inventory_form *form,
                        struct pool *pool, struct image_view *out, struct error *err)
{
    autofree struct scan_job *jobs = mem_zalloc(n + 1, sizeof *jobs);
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct scan_job){.fd = layer_fds[i], .form = form};
    return run_jobs(jobs, n, pool, out, err);
}

int image_view_streamed(struct image_source *source, const struct image *image, struct pool *pool,
                        struct progress *progress, struct image_view *out, struct error *err)
{
    size_t n = image->layer_count;
    autofree struct scan_job *jobs = mem_zalloc(n + 1, sizeof *jobs);
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct scan_job){.fd = -1,
                                    .source = source,
                                    .descriptor = &image->manifest.items[i],
                                    .progress = progress};
    return run_jobs(jobs, n, pool, out, err);
}

void image_view_release(struct image_view *view)
{
    image_tree_free(view->tree);
    free(view->nodes);
    *view = (struct image_view){0};
}

/* ---- contents ---- */

/* The texts that another scan of a layer found, for the entries of the first. */
static void take_texts(const struct image_view *view, size_t layer, struct scan_list *found,
                       const struct strv *paths)
{
    struct scan_list *list = &view->tree->layers[layer];
    for (size_t i = 0; i < list->count; i++) {
        struct scan_entry *e = &list->items[i];
        if (e->kind != SCAN_ENTRY || !strv_contains(paths, e->path))
            continue;
        for (size_t k = 0; k < found->count; k++) {
            struct file_facts *facts = found->items[k].facts;
            if (strcmp(found->items[k].path, e->path) != 0 || !facts || !facts->text)
                continue;
            if (!e->facts)
                e->facts = mem_zalloc(1, sizeof *e->facts);
            free(e->facts->text);
            e->facts->text_size = facts->text_size;
            e->facts->text = take(&facts->text);
        }
    }
}

int image_view_contents(const struct image_view *view, struct image_source *source,
                        const struct image *image, const struct tree_node *const *wanted,
                        size_t count, struct error *err)
{
    for (size_t layer = 0; layer < image->layer_count; layer++) {
        autostrv paths = STRV_INIT;
        for (size_t i = 0; i < count; i++)
            if (wanted[i]->layer == layer && wanted[i]->entry && !tree_text(wanted[i]))
                strv_add(&paths, wanted[i]->entry->path);
        if (!paths.count)
            continue;
        autosource *blob = NULL;
        struct scan_list found = {0};
        const struct descriptor *descriptor = &image->manifest.items[layer];
        int failed = image_source_blob(source, descriptor, &blob, err) ||
                     layer_scan_tar(blob, descriptor->digest.text, &paths, &found, err);
        if (!failed)
            take_texts(view, layer, &found, &paths);
        scan_list_release(&found);
        if (failed)
            return -1;
    }
    return 0;
}
