#include "yaml.h"

#include "cli.h"
#include "io.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 64, NODES_MAX = 100000, KEYS_MAX = 5000, SHOWN_LINE_MAX = 200 };

struct parse {
    yaml_parser_t parser;
    struct yaml_file *file;
    size_t nodes;
};

static void node_free(struct yaml_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++) {
        node_free(node->items[i]);
        if (node->keys)
            node_free(node->keys[i]);
    }
    free(node->items);
    free(node->keys);
    free(node->text);
    free(node);
}

void yaml_file_free(struct yaml_file *file)
{
    if (!file)
        return;
    node_free(file->root);
    free(file->name);
    free(file->text);
    free(file);
}

void yaml_file_free_at(struct yaml_file **file)
{
    yaml_file_free(*file);
    *file = NULL;
}

/* A position in the file, with its line's text unless that is too long to help anybody. */
static int error_place(const struct yaml_file *file, unsigned line, unsigned column,
                       struct error *err)
{
    const char *text = file->text;
    for (unsigned i = 1; text && i < line; i++) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    if (text && strcspn(text, "\r\n") > SHOWN_LINE_MAX)
        text = NULL;
    return error_at(err, file->name, line, column, text);
}

int yaml_error(const struct yaml_file *file, const struct yaml_node *node, struct error *err,
               const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    autofree char *message = mem_vprintf(format, ap);
    va_end(ap);
    error_set(err, ERROR_INPUT, "%s", message);
    return error_place(file, node->line, node->column, err);
}

static int parser_error(struct parse *p, struct error *err)
{
    const yaml_parser_t *parser = &p->parser;
    const yaml_mark_t *mark = &parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "this is not YAML";
    if (parser->context)
        error_set(err, ERROR_INPUT, "%s %s", problem, parser->context);
    else
        error_set(err, ERROR_INPUT, "%s", problem);
    return error_place(p->file, (unsigned)mark->line + 1, (unsigned)mark->column + 1, err);
}

static int event_error(struct parse *p, const yaml_event_t *event, struct error *err,
                       const char *message)
{
    error_set(err, ERROR_INPUT, "%s", message);
    return error_place(p->file, (unsigned)event->start_mark.line + 1,
                       (unsigned)event->start_mark.column + 1, err);
}

/* The next event, refusing what the files we read have no need of. The caller deletes it. */
static int next_event(struct parse *p, yaml_event_t *event, struct error *err)
{
    if (!yaml_parser_parse(&p->parser, event))
        return parser_error(p, err);
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    const char *refused = event->type == YAML_ALIAS_EVENT ? "aliases (*name) are not supported here"
                          : anchor                        ? "anchors (&name) are not supported here"
                          : tag                           ? "tags (!name) are not supported here"
                                                          : NULL;
    if (!refused)
        return 0;
    event_error(p, event, err, refused);
    yaml_event_delete(event);
    return -1;
}

static struct yaml_node *node_new(const yaml_event_t *event, enum yaml_kind kind)
{
    struct yaml_node *node = mem_zalloc(1, sizeof *node);
    node->kind = kind;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    return node;
}

static int parse_node(struct parse *p, const yaml_event_t *event, unsigned depth,
                      struct yaml_node **out, struct error *err);

static int parse_scalar(struct parse *p, const yaml_event_t *event, struct yaml_node **out,
                        struct error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (memchr(text, '\0', n))
        return event_error(p, event, err, "a NUL character is not supported here");
    struct yaml_node *node = node_new(event, YAML_SCALAR);
    node->text = mem_strndup(text, n);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *out = node;
    return 0;
}

/* Add the next node of a collection to items; *ended at its end, which is `end`. */
static int parse_item(struct parse *p, yaml_event_type_t end, unsigned depth, bool *ended,
                      struct yaml_node **out, struct error *err)
{
    yaml_event_t event;
    if (next_event(p, &event, err))
        return -1;
    *ended = event.type == end;
    int failed = *ended ? 0 : parse_node(p, &event, depth + 1, out, err);
    yaml_event_delete(&event);
    return failed;
}

static int parse_sequence(struct parse *p, struct yaml_node *node, unsigned depth,
                          struct error *err)
{
    size_t cap = 0;
    for (;;) {
        bool ended;
        struct yaml_node *item = NULL;
        if (parse_item(p, YAML_SEQUENCE_END_EVENT, depth, &ended, &item, err))
            return -1;
        if (ended)
            return 0;
        MEM_PUSH(node->items, node->count, cap) = item;
    }
}

static int check_key(struct parse *p, const struct yaml_node *mapping, const struct yaml_node *key,
                     struct error *err)
{
    if (key->kind != YAML_SCALAR)
        return yaml_error(p->file, key, err, "a key must be a word, not a list or a mapping");
    if (mapping->count == KEYS_MAX)
        return yaml_error(p->file, key, err, "a mapping has more than 5,000 keys");
    const struct yaml_node *before = NULL;
    for (size_t i = 0; i < mapping->count && !before; i++)
        if (!strcmp(mapping->keys[i]->text, key->text))
            before = mapping->keys[i];
    if (before)
        return yaml_error(p->file, key, err, "the key “%s” is given twice, first in line %u",
                          key->text, before->line);
    return 0;
}

static int parse_mapping(struct parse *p, struct yaml_node *node, unsigned depth, struct error *err)
{
    size_t key_cap = 0, item_cap = 0;
    for (;;) {
        bool ended;
        struct yaml_node *key = NULL, *item = NULL;
        if (parse_item(p, YAML_MAPPING_END_EVENT, depth, &ended, &key, err))
            return -1;
        if (ended)
            return 0;
        if (check_key(p, node, key, err) ||
            parse_item(p, YAML_NO_EVENT, depth, &ended, &item, err)) {
            node_free(key);
            return -1;
        }
        size_t count = node->count;
        MEM_PUSH(node->keys, count, key_cap) = key;
        MEM_PUSH(node->items, node->count, item_cap) = item;
    }
}

static int parse_node(struct parse *p, const yaml_event_t *event, unsigned depth,
                      struct yaml_node **out, struct error *err)
{
    if (++p->nodes > NODES_MAX)
        return event_error(p, event, err, "the file has more than 100,000 values");
    if (depth > DEPTH_MAX)
        return event_error(p, event, err, "values are nested more than 64 deep");
    if (event->type == YAML_SCALAR_EVENT)
        return parse_scalar(p, event, out, err);
    bool sequence = event->type == YAML_SEQUENCE_START_EVENT;
    struct yaml_node *node = node_new(event, sequence ? YAML_SEQUENCE : YAML_MAPPING);
    if (sequence ? parse_sequence(p, node, depth, err) : parse_mapping(p, node, depth, err)) {
        node_free(node);
        return -1;
    }
    *out = node;
    return 0;
}

/* The one document of a stream, or none. */
static int parse_stream(struct parse *p, struct error *err)
{
    yaml_event_t event;
    yaml_event_type_t type;
    bool in_document = false;
    do {
        if (next_event(p, &event, err))
            return -1;
        type = event.type;
        int failed = 0;
        if (type == YAML_DOCUMENT_START_EVENT && p->file->root)
            failed = event_error(p, &event, err, "only one document is supported");
        else if (type == YAML_DOCUMENT_START_EVENT || type == YAML_DOCUMENT_END_EVENT)
            in_document = type == YAML_DOCUMENT_START_EVENT;
        else if (in_document)
            failed = parse_node(p, &event, 0, &p->file->root, err);
        yaml_event_delete(&event);
        if (failed)
            return -1;
    } while (type != YAML_STREAM_END_EVENT);
    /* "--- ~", or comments alone, say nothing */
    const struct yaml_node *root = p->file->root;
    if (root && root->kind == YAML_SCALAR && root->plain && !*root->text) {
        node_free(p->file->root);
        p->file->root = NULL;
    }
    return 0;
}

int yaml_parse(const void *bytes, size_t n, const char *name, struct yaml_file **out,
               struct error *err)
{
    const char *text = n ? bytes : "";
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) { /* a byte order mark says nothing in UTF-8 */
        text += 3;
        n -= 3;
    }
    autoyaml *file = mem_zalloc(1, sizeof *file);
    file->name = mem_strdup(name);
    file->text = mem_strndup(text, n);
    struct parse p = {.file = file};
    if (!yaml_parser_initialize(&p.parser))
        abort(); /* memory alone */
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)text, n);
    int failed = parse_stream(&p, err);
    yaml_parser_delete(&p.parser);
    if (failed)
        return -1;
    *out = take(&file);
    return 0;
}

int yaml_read_file(int dir_fd, const char *path, size_t cap, struct yaml_file **out,
                   struct error *err)
{
    autostr text = STR_INIT;
    if (io_read_file(dir_fd, path, cap, &text, err))
        return -1;
    return yaml_parse(str_text(&text), text.len, path, out, err);
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
    if (!mapping || mapping->kind != YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++)
        if (!strcmp(mapping->keys[i]->text, key))
            return mapping->items[i];
    return NULL;
}

int yaml_allow_keys(const struct yaml_file *file, const struct yaml_node *mapping,
                    const char *const *allowed, size_t n, struct error *err)
{
    if (mapping->kind != YAML_MAPPING)
        return yaml_error(file, mapping, err, "this must be a mapping (key: value)");
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_node *key = mapping->keys[i];
        size_t j = 0;
        while (j < n && strcmp(allowed[j], key->text) != 0)
            j++;
        if (j < n)
            continue;
        yaml_error(file, key, err, "the key “%s” is not known here", key->text);
        const char *near = cli_nearest(key->text, allowed, n);
        return near ? error_hint(err, "did you mean “%s”?", near) : -1;
    }
    return 0;
}

/* The scalar of a key, NULL where it is absent or empty (a plain null, ~ or nothing). */
static int find_scalar(const struct yaml_file *file, const struct yaml_node *mapping,
                       const char *key, const char *wanted, const struct yaml_node **out,
                       struct error *err)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    if (node && node->kind != YAML_SCALAR) {
        yaml_error(file, node, err, "“%s” must be %s", key, wanted);
        return -1; /* said here, so that an optimiser sees that *out is always set otherwise */
    }
    bool empty = node && node->plain &&
                 (!*node->text || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
    *out = empty ? NULL : node;
    return 0;
}

int yaml_get_string(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                    const char *fallback, const char **out, struct error *err)
{
    const struct yaml_node *node;
    if (find_scalar(file, mapping, key, "a text", &node, err))
        return -1;
    *out = node ? node->text : fallback;
    return 0;
}

int yaml_get_bool(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                  bool fallback, bool *out, struct error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    const struct yaml_node *node;
    if (find_scalar(file, mapping, key, "true or false", &node, err))
        return -1;
    if (!node) {
        *out = fallback;
        return 0;
    }
    autofree char *word = str_lower(mem_strdup(node->text));
    for (size_t i = 0; node->plain && i < COUNT_OF(words); i++)
        if (!strcmp(word, words[i])) {
            *out = i % 2;
            return 0;
        }
    return yaml_error(file, node, err, "“%s” must be true or false, not “%s”", key, node->text);
}

int yaml_get_int(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                 int64_t fallback, int64_t *out, struct error *err)
{
    const struct yaml_node *node;
    if (find_scalar(file, mapping, key, "a whole number", &node, err))
        return -1;
    if (!node) {
        *out = fallback;
        return 0;
    }
    bool negative = node->text[0] == '-';
    long long n = node->plain ? str_number(node->text + negative, INT64_MAX) : -1;
    if (n < 0)
        return yaml_error(file, node, err, "“%s” must be a whole number, not “%s”", key,
                          node->text);
    *out = negative ? -n : n;
    return 0;
}

int yaml_get_strings(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                     struct strv *out, struct error *err)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    if (!node || (node->kind == YAML_SCALAR && node->plain && !*node->text))
        return 0;
    if (node->kind != YAML_SEQUENCE)
        return yaml_error(file, node, err, "“%s” must be a list", key);
    for (size_t i = 0; i < node->count; i++)
        if (node->items[i]->kind != YAML_SCALAR)
            return yaml_error(file, node->items[i], err, "“%s” must be a list of texts", key);
    for (size_t i = 0; i < node->count; i++)
        strv_add(out, node->items[i]->text);
    return 0;
}
