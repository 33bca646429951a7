/* Definitions and checks files: parsed into a tree whose places lie in the file, or refused. */
#include <base/yaml.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static void check(const struct yaml_file *file, const struct yaml_node *node)
{
    autoerror err = ERROR_INIT;
    if (!node->line || !node->column || (node->kind == YAML_SCALAR) != (node->text != NULL))
        abort();
    if (yaml_error(file, node, &err, "here") != -1 || err.line != node->line)
        abort();
    for (size_t i = 0; i < node->count; i++) {
        if (node->keys)
            check(file, node->keys[i]);
        check(file, node->items[i]);
    }
}

static void look_up(const struct yaml_file *file)
{
    static const char *const allowed[] = {"a", "b"};
    autoerror err = ERROR_INIT;
    const char *text;
    int64_t number;
    bool truth;
    autostrv strings = STRV_INIT;
    yaml_allow_keys(file, file->root, allowed, COUNT_OF(allowed), &err);
    yaml_get_string(file, file->root, "a", "", &text, &err);
    yaml_get_int(file, file->root, "a", 0, &number, &err);
    yaml_get_bool(file, file->root, "a", false, &truth, &err);
    yaml_get_strings(file, file->root, "a", &strings, &err);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
    enum { INPUT_MAX = 64 * 1024 };
    autoerror err = ERROR_INIT;
    autoyaml *file = NULL;
    if (n > INPUT_MAX)
        return 0;
    if (yaml_parse(bytes, n, "input", &file, &err)) {
        if (err.kind != ERROR_INPUT || !err.message || !err.line)
            abort();
        return 0;
    }
    if (file->root) {
        check(file, file->root);
        look_up(file);
    }
    return 0;
}
