/* YAML 1.1 through libyaml, as a tree whose every node knows its line, so that a wrong value or an
 * unknown key can be shown where it stands. JSON is read too, being a subset.
 * Aliases, anchors and tags are refused: the files we read need none, and they make bombs.
 * Duplicate keys are errors. Depth at most 64, nodes at most 100,000. */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include "error.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    unsigned line, column; /* 1-based */
    char *text;            /* a scalar's value */
    bool
        plain; /* a scalar that stood without quotes, so that true, 5 and null mean what they say */
    struct yaml_node **items; /* of a sequence; the values of a mapping */
    struct yaml_node **keys;  /* of a mapping, in the order of the file */
    size_t count;
};

/* A parsed file; it owns its nodes and a copy of its text. */
struct yaml_file {
    char *name;
    char *text;
    struct yaml_node *root; /* NULL where the file is empty */
};

/* Parse n bytes; name is for messages. ERROR_INPUT with position and the line's text. */
int yaml_parse(const void *bytes, size_t n, const char *name, struct yaml_file **out,
               struct error *err);
int yaml_read_file(int dir_fd, const char *path, size_t cap, struct yaml_file **out,
                   struct error *err);
/* Not yaml_free: libyaml exports that name, and would call ours. */
void yaml_file_free(struct yaml_file *file);
void yaml_file_free_at(struct yaml_file **file);
#define autoyaml __attribute__((cleanup(yaml_file_free_at))) struct yaml_file

/* ERROR_INPUT that shows the node's place in the file. Returns -1. */
int yaml_error(const struct yaml_file *file, const struct yaml_node *node, struct error *err,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The value of a key, NULL where absent. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key);
/* Fails on the first key that is not among the n allowed; names the nearest allowed one in the
 * hint. */
int yaml_allow_keys(const struct yaml_file *file, const struct yaml_node *mapping,
                    const char *const *allowed, size_t n, struct error *err);
/* Typed members; absent gives the fallback. Strings are owned by the file. */
int yaml_get_string(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                    const char *fallback, const char **out, struct error *err);
int yaml_get_bool(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                  bool fallback, bool *out, struct error *err);
int yaml_get_int(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                 int64_t fallback, int64_t *out, struct error *err);
/* A sequence of scalars, appended to out. */
int yaml_get_strings(const struct yaml_file *file, const struct yaml_node *mapping, const char *key,
                     struct strv *out, struct error *err);

#endif
