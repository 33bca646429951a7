/* What the parts of the parser of checks files share. */
#ifndef VERIFY_CHECKS_PARSE_H
#define VERIFY_CHECKS_PARSE_H

#include "check.h"

#include <base/error.h>
#include <base/yaml.h>

/* What `defaults` says of every check that runs something. */
struct checks_defaults {
    char *user, *workdir, *venv;
    struct strv env;
    enum check_network network;
    unsigned timeout_ms;
    struct limits limits;
};

struct checks_parser {
    const struct yaml_file *file;
    const char *directory;
    struct checks_defaults defaults;
    struct checks *out;
};

/* Each takes a mapping, whose keys it checks, and appends to the parser's checks. */
int checks_parse_entry(struct checks_parser *p, const struct yaml_node *entry, struct error *err);
/* base: the python group for everybody, whose venv and scripts hold here too; or NULL. */
int checks_parse_python(struct checks_parser *p, const struct yaml_node *group,
                        const struct yaml_node *base, struct error *err);
/* The value of an entry's `metadata`. */
int checks_parse_metadata(struct checks_parser *p, const struct yaml_node *map,
                          struct metadata_rules *rules, struct error *err);
/* The `static` of the file's top, or of a variant, where there is one: true for all checks, a list
 * of names, or a mapping of those that are not as usual, beside which all others are added. */
int checks_parse_static(struct checks_parser *p, const struct yaml_node *section,
                        struct error *err);
/* A fresh check, unless its name is taken. */
int checks_parse_name(struct checks_parser *p, const struct yaml_node *place, const char *name,
                      enum check_kind kind, struct check **out, struct error *err);

#endif
