#include "annotations.h"

#include <base/mem.h>

#include <string.h>

static const char *const place_names[ANNOTATION_PLACES] = {
    [ANNOTATION_MANIFEST] = "manifest",
    [ANNOTATION_INDEX] = "index",
    [ANNOTATION_DESCRIPTOR] = "manifest-descriptor",
};

/* One place as it is written: "manifest", "manifest[linux/arm64]". */
struct place {
    enum annotation_place kind;
    bool one_platform;
    struct platform platform;
};

static bool parse_place(const char *text, size_t n, struct place *out, struct error *err)
{
    autofree char *word = mem_strndup(text, n);
    char *bracket = strchr(word, '[');
    *out = (struct place){.one_platform = bracket};
    if (bracket) {
        char *end = strchr(bracket, ']');
        if (!end || end[1])
            return false;
        *bracket = *end = '\0';
        if (platform_parse(bracket + 1, &out->platform, err))
            return false;
    }
    for (int i = 0; i < ANNOTATION_PLACES; i++) {
        if (strcmp(word, place_names[i]) != 0)
            continue;
        out->kind = (enum annotation_place)i;
        return !(bracket && i == ANNOTATION_INDEX);
    }
    return false;
}

/* How long the places before NAME are, with their colon; 0: there are none. A name may have colons
 * too, so that only a word that looks like a place is one. */
static size_t places_length(const char *annotation)
{
    size_t n = strcspn(annotation, ":=");
    size_t word = strcspn(annotation, ",[:=");
    for (int i = 0; annotation[n] == ':' && i < ANNOTATION_PLACES + 1; i++) {
        const char *name = i < ANNOTATION_PLACES ? place_names[i] : "index-descriptor";
        if (strlen(name) == word && !strncmp(annotation, name, word))
            return n + 1;
    }
    return 0;
}

int annotations_check(const struct strv *annotations, bool several, struct error *err)
{
    for (size_t i = 0; i < annotations->count; i++) {
        const char *text = annotations->items[i];
        size_t length = places_length(text);
        for (size_t at = 0; at < length;) {
            struct place place;
            autoerror why = ERROR_INIT;
            size_t n = strcspn(text + at, ",:");
            if (!parse_place(text + at, n, &place, &why))
                return error_set(err, ERROR_USAGE, "--annotation %s: “%.*s” is not supported", text,
                                 (int)n, text + at);
            if (!several && place.kind != ANNOTATION_MANIFEST)
                return error_set(err, ERROR_USAGE,
                                 "--annotation %s: an image for one platform has no index", text);
            at += n + 1;
        }
    }
    return 0;
}

static bool belongs(const char *text, size_t length, enum annotation_place place,
                    const struct platform *platform)
{
    if (!length)
        return place != ANNOTATION_DESCRIPTOR;
    for (size_t at = 0; at < length;) {
        struct place own;
        size_t n = strcspn(text + at, ",:");
        if (parse_place(text + at, n, &own, NULL) && own.kind == place &&
            (!own.one_platform || (platform && platform_equal(&own.platform, platform))))
            return true;
        at += n + 1;
    }
    return false;
}

json_t *annotations_for(const struct strv *annotations, enum annotation_place place,
                        const struct platform *platform)
{
    json_t *out = NULL;
    for (size_t i = 0; annotations && i < annotations->count; i++) {
        size_t length = places_length(annotations->items[i]);
        if (!belongs(annotations->items[i], length, place, platform))
            continue;
        const char *setting = annotations->items[i] + length;
        size_t n = strcspn(setting, "=");
        autofree char *key = mem_strndup(setting, n);
        if (!out)
            out = json_object();
        json_object_set_new(out, key, json_from_text(setting[n] ? setting + n + 1 : ""));
    }
    return out;
}
