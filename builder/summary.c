#include "summary.h"

#include <base/io.h>
#include <base/json.h>
#include <base/mem.h>
#include <base/progress.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int64_t whole_size(const struct built_image *image)
{
    int64_t size = 0;
    for (size_t i = 0; i < image->platform_count; i++)
        size += image->platforms[i].size;
    return size;
}

static void print_platforms(const struct built_image *image, FILE *notes)
{
    for (size_t i = 0; i < image->platform_count; i++) {
        const struct built_platform *p = &image->platforms[i];
        char platform[48], size[16];
        fprintf(notes, "%-16s %s, %zu layer%s, %s\n", platform_text(&p->platform, '/', platform),
                p->digest.text, p->layers, p->layers == 1 ? "" : "s", progress_size(size, p->size));
    }
}

void summary_print(const struct summary *s, bool quiet, FILE *out, FILE *notes)
{
    char size[16], time[16], pushed[16], push_time[16];
    const struct built_image *image = &s->image;
    if (quiet) {
        fprintf(out, "%s\n", image->digest.text);
        return;
    }
    bool several = image->platform_count > 1;
    size_t count = several ? image->platform_count : image->platforms[0].layers;
    fprintf(notes, "built %zu %s%s, %s, in %s; %zu of %zu steps from the cache\n", count,
            several ? "platform" : "layer", count == 1 ? "" : "s",
            progress_size(size, whole_size(image)), progress_time(time, s->seconds), s->cached,
            s->steps);
    if (several)
        print_platforms(image, notes);
    if (s->pushed)
        fprintf(notes, "pushed %zu blob%s, %s (%zu already there), in %s\n", s->push.blobs_uploaded,
                s->push.blobs_uploaded == 1 ? "" : "s",
                progress_size(pushed, s->push.uploaded_bytes), s->push.blobs_present,
                progress_time(push_time, s->push_seconds));
    autostrv names = STRV_INIT;
    built_image_names(image, &names);
    for (size_t i = 0; i < names.count; i++)
        fprintf(out, "%s\n", names.items[i]);
    fprintf(out, "%s\n", image->digest.text);
}

static json_t *platforms_json(const struct built_image *image)
{
    json_t *array = json_array();
    for (size_t i = 0; i < image->platform_count; i++) {
        const struct built_platform *p = &image->platforms[i];
        char platform[48];
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:I, s:o}", "platform",
                                               platform_text(&p->platform, '/', platform), "digest",
                                               p->digest.text, "config", p->config_digest.text,
                                               "size", (json_int_t)p->size, "names",
                                               json_from_strings(&p->references)));
    }
    return array;
}

json_t *summary_metadata(const struct summary *s)
{
    const struct built_image *image = &s->image;
    autofree char *names = strv_join(&image->references, ",");
    json_t *json = json_object();
    if (image->platform_count == 1)
        json_object_set_new(json, "containerimage.config.digest",
                            json_string(image->platforms[0].config_digest.text));
    json_object_set_new(json, "containerimage.digest", json_string(image->digest.text));
    json_object_set_new(json, "containerimage.descriptor",
                        json_pack("{s:s, s:s, s:I}", "mediaType", image->media_type, "digest",
                                  image->digest.text, "size", (json_int_t)image->descriptor_size));
    if (*names)
        json_object_set_new(json, "image.name", json_string(names));
    if (image->platform_count > 1)
        json_object_set_new(json, "imgbuild.platforms", platforms_json(image));
    return json;
}

int summary_write_metadata(const struct summary *s, const char *path, struct error *err)
{
    autojson *json = summary_metadata(s);
    autofree char *text = json_pretty(json);
    return io_write_output(path, text, strlen(text), err);
}

int summary_write_iid(const struct summary *s, const char *path, struct error *err)
{
    return io_write_output(path, s->image.digest.text, strlen(s->image.digest.text), err);
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
    autostrv names = STRV_INIT;
    built_image_names(&s->image, &names);
    autofree char *tags = strv_join(&names, "\n");
    str_addf(out, "digest=%s\n", s->image.digest.text);
    for (size_t i = 0; s->image.platform_count > 1 && i < s->image.platform_count; i++) {
        char platform[48];
        str_addf(out, "digest-%s=%s\n",
                 platform_text(&s->image.platforms[i].platform, '-', platform),
                 s->image.platforms[i].digest.text);
    }
    if (s->plan->repository)
        str_addf(out, "image=%s\nreference=%s@%s\n", s->plan->repository, s->plan->repository,
                 s->image.digest.text);
    /* A value of several lines, as GitHub's workflow commands take it. */
    str_addf(out, "tags<<imgbuild-end\n%s%simgbuild-end\n", tags, *tags ? "\n" : "");
}

static void ci_table(const struct summary *s, struct str *out)
{
    char size[16], time[16];
    str_addf(out, "### %s\n\n| | |\n|---|---|\n",
             s->plan->repository ? s->plan->repository : "Image");
    str_addf(out, "| digest | `%s` |\n| size | %s |\n| time | %s |\n", s->image.digest.text,
             progress_size(size, whole_size(&s->image)), progress_time(time, s->seconds));
    for (size_t i = 0; s->image.platform_count > 1 && i < s->image.platform_count; i++) {
        char platform[48];
        str_addf(out, "| %s | `%s` |\n",
                 platform_text(&s->image.platforms[i].platform, '/', platform),
                 s->image.platforms[i].digest.text);
    }
    autostrv names = STRV_INIT;
    built_image_names(&s->image, &names);
    for (size_t i = 0; i < names.count; i++)
        str_addf(out, "| tag | `%s` |\n", names.items[i]);
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
