/* The characters of a TOML text: where the reader is, and its strings. Private to toml*.c. */
#ifndef REGISTRY_TOML_TEXT_H
#define REGISTRY_TOML_TEXT_H

#include <base/error.h>
#include <base/str.h>

struct toml_text {
    const char *name;
    const char *at, *end; /* NUL stands at end */
    const char *line_start;
    unsigned line;
};

/* ERROR_INPUT here. Returns -1. */
int toml_error(const struct toml_text *t, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Past blanks; past blanks, line ends and comments. */
void toml_skip_blanks(struct toml_text *t);
void toml_skip_lines(struct toml_text *t);
/* The character here, taken where it is c. */
bool toml_take(struct toml_text *t, char c);
/* A string of any of the four kinds, which starts here. */
int toml_string(struct toml_text *t, bool one_line, struct str *out, struct error *err);

#endif
