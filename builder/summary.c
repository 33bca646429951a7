#include "summary.h"

#include <base/io.h>
#include <base/json.h>
#include <base/mem.h>
#include <base/progress.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void summary_print(const struct summary *s, bool quiet, FILE *out, FILE *notes)
{
    char size[16], time[16], pushed[16], push_time[16];
    if (quiet) {
        fprintf(out, "%s\n", s->digest.text);
        return;
    }
    fprintf(notes, "built %zu layer%s, %s, in %s; %zu of %zu steps from the cache\n", s->layers,
            s->layers == 1 ? "" : "s", progress_size(size, s->image_size),
            progress_time(time, s->seconds), s->cached, s->steps);
    if (s->pushed)
        fprintf(notes, "pushed %zu blob%s, %s (%zu already there), in %s\n", s->push.blobs_uploaded,
                s->push.blobs_uploaded == 1 ? "" : "s",
                progress_size(pushed, s->push.uploaded_bytes), s->push.blobs_present,
                progress_time(push_time, s->push_seconds));
    for (size_t i = 0; i < s->references.count; i++)
        fprintf(out, "%s\n", s->references.items[i]);
    fprintf(out, "%s\n", s->digest.text);
}

int summary_write_metadata(const struct summary *s, const char *path, struct error *err)
{
    autofree char *names = strv_join(&s->references, ",");
    autojson *json = json_pack("{s:s, s:s, s:{s:s, s:s, s:I}}", "containerimage.config.digest",
                               s->config_digest.text, "containerimage.digest", s->digest.text,
                               "containerimage.descriptor", "mediaType", s->media_type, "digest",
                               s->digest.text, "size", (json_int_t)s->descriptor_size);
    if (*names)
        json_object_set_new(json, "image.name", json_string(names));
    autofree char *text = json_pretty(json);
    return io_write_output(path, text, strlen(text), err);
}

int summary_write_iid(const struct summary *s, const char *path, struct error *err)
{
    return io_write_output(path, s->digest.text, strlen(s->digest.text), err);
}

static int append(const char *path, const char *text, struct error *err)
{
    autoclose int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || io_write(fd, text, strlen(text)))
        return error_errno(err, ERROR_HOST, "write %s", path);
    return 0;
}

static void ci_outputs(const struct summary *s, struct str *out)
{
    autofree char *tags = strv_join(&s->references, "\n");
    str_addf(out, "digest=%s\n", s->digest.text);
    if (s->plan->repository)
        str_addf(out, "image=%s\nreference=%s@%s\n", s->plan->repository, s->plan->repository,
                 s->digest.text);
    /* A value of several lines, as GitHub's workflow commands take it. */
    str_addf(out, "tags<<imgbuild-end\n%s%simgbuild-end\n", tags, *tags ? "\n" : "");
}

static void ci_table(const struct summary *s, struct str *out)
{
    char size[16], time[16];
    str_addf(out, "### %s\n\n| | |\n|---|---|\n",
             s->plan->repository ? s->plan->repository : "Image");
    str_addf(out, "| digest | `%s` |\n| size | %s |\n| time | %s |\n", s->digest.text,
             progress_size(size, s->image_size), progress_time(time, s->seconds));
    for (size_t i = 0; i < s->references.count; i++)
        str_addf(out, "| tag | `%s` |\n", s->references.items[i]);
    str_add(out, "\n");
}

int summary_write_ci(const struct summary *s, struct error *err)
{
    const char *output = getenv("GITHUB_OUTPUT"), *page = getenv("GITHUB_STEP_SUMMARY");
    autostr outputs = STR_INIT;
    autostr table = STR_INIT;
    ci_outputs(s, &outputs);
    ci_table(s, &table);
    if (output && *output && append(output, str_text(&outputs), err))
        return -1;
    if (page && *page && append(page, str_text(&table), err))
        return -1;
    return 0;
}
