/* Values of a checks file: what stands behind one key. All fail with ERROR_INPUT at the place; an
 * absent key leaves *out as it is. */
#ifndef VERIFY_CHECKS_VALUE_H
#define VERIFY_CHECKS_VALUE_H

#include "check.h"

#include <base/error.h>
#include <base/yaml.h>

#include <stdbool.h>

/* A plain null: ~, null or nothing. */
bool value_is_null(const struct yaml_node *node);
/* One text or a list of them; an empty list or text is an error. */
int value_texts(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                struct strv *out, struct error *err);
/* The same, each compiled. */
int value_patterns(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                   struct patterns *out, struct error *err);
/* A text, copied. */
int value_text(const struct yaml_file *file, const struct yaml_node *map, const char *key,
               char **out, struct error *err);
/* An absolute path, copied. "" and null give NULL where may_be_empty. */
int value_path(const struct yaml_file *file, const struct yaml_node *map, const char *key,
               bool may_be_empty, char **out, struct error *err);
/* Seconds, with up to three decimals, more than 0 and at most a day, in milliseconds. */
int value_seconds(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                  unsigned *out, struct error *err);
/* "memory", a size such as 512m, and "pids", a number. */
int value_limits(const struct yaml_file *file, const struct yaml_node *map, struct limits *out,
                 struct error *err);
/* A mapping of names to texts, set in the environment. */
int value_environment(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                      struct strv *out, struct error *err);
int value_network(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                  enum check_network *out, struct error *err);
/* A text for a shell, or a list of arguments. */
int value_program(const struct yaml_file *file, const struct yaml_node *node, const char *key,
                  struct check_program *out, struct error *err);
/* A text, or a list whose items are programs. */
int value_programs(const struct yaml_file *file, const struct yaml_node *map, const char *key,
                   struct check_programs *out, struct error *err);
/* Octal permission bits, "0755". */
int value_mode(const struct yaml_file *file, const struct yaml_node *map, const char *key, int *out,
               struct error *err);

#endif
