/* JSON through jansson: capped parsing, and access with errors that name the place.
 * Specification: RFC 8259; duplicate keys are refused. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "error.h"
#include "str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

void json_decref_at(json_t **json);
#define autojson __attribute__((cleanup(json_decref_at))) json_t

/* Parse n bytes; name is for messages. ERROR_INPUT with line and column, for nesting too deep as
 * well. On success *out is a new reference. */
int json_parse(const void *bytes, size_t n, const char *name, json_t **out, struct error *err);
/* The same for what is no file of the user's (a manifest, an index): the message says where, so
 * that the place shown stays free for that of whoever named the image. */
int json_parse_received(const void *bytes, size_t n, const char *name, json_t **out,
                        struct error *err);
/* Read and parse a file of at most cap bytes. Errors as io_read_file's and json_parse's. */
int json_read_file(int dir_fd, const char *path, size_t cap, json_t **out, struct error *err);

/* Members of an object. Absent or null gives the fallback; the wrong type is ERROR_INPUT and names
 * the key and `where` (such as "config of ghcr.io/o/n:t"). Strings are owned by the object. */
int json_get_string(const json_t *object, const char *key, const char *fallback, const char *where,
                    const char **out, struct error *err);
int json_get_int(const json_t *object, const char *key, int64_t fallback, const char *where,
                 int64_t *out, struct error *err);
int json_get_bool(const json_t *object, const char *key, bool fallback, const char *where,
                  bool *out, struct error *err);
/* Borrowed reference, NULL where absent or null. */
int json_get_object(const json_t *object, const char *key, const char *where, json_t **out,
                    struct error *err);
int json_get_array(const json_t *object, const char *key, const char *where, json_t **out,
                   struct error *err);
/* Append the strings of an array member to out. */
int json_get_strings(const json_t *object, const char *key, const char *where, struct strv *out,
                     struct error *err);

/* A new JSON string. Bytes that are not UTF-8 become U+FFFD, as Go's encoder writes them. */
json_t *json_from_text(const char *text);
/* A new array of strings, each as json_from_text makes it. */
json_t *json_from_strings(const struct strv *v);
/* Compact, members in the order they were set; the caller frees it. */
char *json_text(const json_t *json) __attribute__((returns_nonnull));
/* Indented by two and ended by a newline; the caller frees it. */
char *json_pretty(const json_t *json) __attribute__((returns_nonnull));

#endif
