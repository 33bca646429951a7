#include "report.h"
#include "report_text.h"

#include <base/mem.h>

#include <stdlib.h>
#include <string.h>

#define SCHEMA                                                                                     \
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

enum { TAIL_LINES = 20 };

static json_t *message(const char *text)
{
    json_t *out = json_object();
    json_object_set_new(out, "text", json_from_text(text));
    return out;
}

/* A relative path as a URI (RFC 3986): what is not unreserved is escaped. */
static json_t *uri_of(const char *path)
{
    autostr uri = STR_INIT;
    if (*path == '/')
        str_add(&uri, "file://");
    else if (str_starts(path, "./"))
        path += 2;
    for (; *path; path++) {
        bool plain = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
                     (*path >= '0' && *path <= '9') || strchr("-._~/", *path);
        str_addf(&uri, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    return json_string(str_text(&uri));
}

static json_t *location_of(const char *file, unsigned line)
{
    json_t *artifact = json_object(), *region = json_object(), *physical = json_object();
    json_t *location = json_object();
    json_object_set_new(artifact, "uri", uri_of(file));
    json_object_set_new(region, "startLine", json_integer(line ? line : 1));
    json_object_set_new(physical, "artifactLocation", artifact);
    json_object_set_new(physical, "region", region);
    json_object_set_new(location, "physicalLocation", physical);
    return location;
}

/* The instructions of the Dockerfile that are behind it. */
static void set_related(json_t *result, const struct image_result *image,
                        const struct check_result *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->blame_count; i++) {
        if (!r->blames[i].line)
            continue;
        autofree char *text = report_blame(&r->blames[i]);
        json_t *location = location_of(image->dockerfile, r->blames[i].line);
        json_object_set_new(location, "message", message(text));
        json_array_append_new(list, location);
    }
    if (json_array_size(list))
        json_object_set(result, "relatedLocations", list);
    json_decref(list);
}

static json_t *rule_of(const struct check *check)
{
    json_t *rule = json_object();
    json_object_set_new(rule, "id", json_from_text(check->name));
    json_object_set_new(rule, "shortDescription", message(check->name));
    return rule;
}

static json_t *result_of(const struct image_result *image, size_t index)
{
    const struct check *check = &image->checks.items[index];
    const struct check_result *r = &image->results[index];
    bool failure = report_is_failure(r);
    json_t *out = json_object(), *locations = json_array(), *prints = json_object();
    autofree char *detail = report_detail(r), *more = report_more(r, TAIL_LINES);
    autofree char *text =
        mem_printf("%s%s%s", detail, failure && *more ? "\n" : "", failure ? more : "");
    autofree char *print = mem_printf("%s:%s", check->file, check->name);
    json_object_set_new(out, "ruleId", json_from_text(check->name));
    json_object_set_new(out, "ruleIndex", json_integer((json_int_t)index));
    json_object_set_new(out, "kind", json_string(failure ? "fail" : "notApplicable"));
    json_object_set_new(out, "level", json_string(failure ? "error" : "none"));
    json_object_set_new(out, "message", message(text));
    json_array_append_new(locations, location_of(check->file, check->line));
    json_object_set_new(out, "locations", locations);
    set_related(out, image, r);
    json_object_set_new(prints, "check/v1", json_from_text(print));
    json_object_set_new(out, "partialFingerprints", prints);
    return out;
}

static json_t *tool_of(const struct image_result *image)
{
    json_t *driver = json_object(), *rules = json_array(), *tool = json_object();
    json_object_set_new(driver, "name", json_string("imgverify"));
    json_object_set_new(driver, "version", json_string(IMGBUILD_VERSION));
    for (size_t i = 0; i < image->checks.count; i++)
        json_array_append_new(rules, rule_of(&image->checks.items[i]));
    json_object_set_new(driver, "rules", rules);
    json_object_set_new(tool, "driver", driver);
    return tool;
}

static json_t *run_of(const struct image_result *image)
{
    json_t *run = json_object(), *results = json_array(), *properties = json_object();
    json_t *automation = json_object();
    autofree char *id = mem_printf("imgverify/%s/%s", image->reference, image->platform);
    json_object_set_new(run, "tool", tool_of(image));
    json_object_set_new(automation, "id", json_from_text(id));
    json_object_set_new(run, "automationDetails", automation);
    json_object_set_new(run, "columnKind", json_string("utf16CodeUnits"));
    for (size_t i = 0; i < image->checks.count; i++)
        if (image->results[i].verdict != VERDICT_PASSED)
            json_array_append_new(results, result_of(image, i));
    json_object_set_new(run, "results", results);
    json_object_set_new(properties, "image", json_from_text(image->reference));
    json_object_set_new(properties, "digest", json_string(image->digest.text));
    json_object_set_new(properties, "platform", json_string(image->platform));
    json_object_set_new(run, "properties", properties);
    return run;
}

void report_sarif(const struct image_result *images, size_t n, FILE *out)
{
    autojson *log = json_object();
    json_t *runs = json_array();
    json_object_set_new(log, "$schema", json_string(SCHEMA));
    json_object_set_new(log, "version", json_string("2.1.0"));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(runs, run_of(&images[i]));
    json_object_set_new(log, "runs", runs);
    autofree char *text = json_pretty(log);
    fputs(text, out);
}
