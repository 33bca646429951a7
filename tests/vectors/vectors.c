/* Answers questions about words, ignore patterns and Dockerfiles: a JSON object a line on standard
 * input, its answer a line on standard output.
 *   {"word": W, "env": {…}}          {"result": R, "unset": [NAME…]}
 *   {"words": W, "env": {…}}         {"results": [R…]}
 *   {"patterns": [P…], "path": P}    {"match": true or false}
 *   {"dockerfile": TEXT}             {"instructions": [NAME…]}
 * or {"error": TEXT}. */
#include "builder/dockerfile.h"
#include "builder/expand.h"
#include "builder/ignore.h"

#include <base/mem.h>
#include <base/path.h>

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *lookup(void *context, const char *name)
{
    return json_string_value(json_object_get(context, name));
}

static json_t *strings(const struct strv *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *answer_word(const char *word, json_t *env, struct error *err)
{
    autostrv unset = STRV_INIT;
    const struct expand how = {.lookup = lookup, .context = env, .escape = '\\', .unset = &unset};
    autofree char *out = NULL;
    if (expand_word(&how, word, &out, NULL, err))
        return NULL;
    return json_pack("{s:s, s:o}", "result", out, "unset", strings(&unset));
}

static json_t *answer_words(const char *word, json_t *env, struct error *err)
{
    autostrv words = STRV_INIT;
    const struct expand how = {.lookup = lookup, .context = env, .escape = '\\'};
    if (expand_words(&how, word, &words, NULL, err))
        return NULL;
    return json_pack("{s:o}", "results", strings(&words));
}

static json_t *answer_match(json_t *patterns, const char *path, struct error *err)
{
    autostrv list = STRV_INIT;
    for (size_t i = 0; i < json_array_size(patterns); i++)
        strv_add(&list, json_string_value(json_array_get(patterns, i)));
    autoignore *ignore = NULL;
    if (ignore_from_patterns(&list, "patterns", &ignore, err))
        return NULL;
    autofree char *clean = path_clean(path);
    return json_pack("{s:b}", "match", ignore_matches(ignore, clean));
}

static json_t *answer_dockerfile(const char *text, struct error *err)
{
    autodockerfile *file = NULL;
    if (dockerfile_parse(text, strlen(text), "Dockerfile", &file, err))
        return NULL;
    json_t *names = json_array();
    for (size_t i = 0; i < file->count; i++)
        json_array_append_new(names, json_string(instruction_name(file->items[i].kind)));
    return json_pack("{s:o}", "instructions", names);
}

static json_t *answer(json_t *question, struct error *err)
{
    json_t *env = json_object_get(question, "env");
    const char *text = json_string_value(json_object_get(question, "word"));
    if (text)
        return answer_word(text, env, err);
    text = json_string_value(json_object_get(question, "words"));
    if (text)
        return answer_words(text, env, err);
    text = json_string_value(json_object_get(question, "path"));
    if (text)
        return answer_match(json_object_get(question, "patterns"), text, err);
    text = json_string_value(json_object_get(question, "dockerfile"));
    if (text)
        return answer_dockerfile(text, err);
    return error_set(err, ERROR_USAGE, "no such question"), NULL;
}

int main(void)
{
    autofree char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        autoerror err = ERROR_INIT;
        json_t *question = json_loads(line, 0, NULL);
        json_t *reply = answer(question, &err);
        if (!reply)
            reply = json_pack("{s:s}", "error", err.message ? err.message : "");
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(reply);
        json_decref(question);
    }
    return 0;
}
