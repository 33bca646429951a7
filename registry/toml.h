/* TOML 1.0 as data, as far as configuration files of containers need it: tables, arrays of tables,
 * strings of all four kinds, booleans, decimal integers, arrays, inline tables, dotted keys.
 * Floats, dates and other number bases are refused by name. Debian has no TOML library for C.
 * Private. */
#ifndef REGISTRY_TOML_H
#define REGISTRY_TOML_H

#include <base/error.h>
#include <base/json.h>

enum { TOML_DEPTH_CAP = 32 };

/* Parse n bytes into a new JSON object; name is for messages. ERROR_INPUT with line and column. */
int toml_parse(const void *bytes, size_t n, const char *name, json_t **out, struct error *err);

#endif
