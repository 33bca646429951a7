/* What the parts of the parser of container-structure-test's files share. */
#ifndef VERIFY_CST_PRIVATE_H
#define VERIFY_CST_PRIVATE_H

#include "checks_parse.h"

#include <base/error.h>
#include <base/str.h>

#include <stdbool.h>

/* `containerRunOptions` and `globalEnvVars`: what holds for every command test. */
struct cst_options {
    char *user;
    bool privileged, tty;
    uint64_t capabilities;
    struct strv env;    /* from envFile and envVars */
    struct strv global; /* from globalEnvVars, whose values hold $NAME */
    struct check_mount *mounts;
    size_t mount_count, mount_cap;
};

struct cst {
    struct checks_parser *p;
    bool old; /* schema 1.0.0 */
    struct cst_options options;
};

/* The value of a key, NULL where it is absent or null, as Go's decoder has it. */
const struct yaml_node *cst_member(const struct yaml_node *map, const char *key);
/* A fresh check about a test, called by the test's name, made unique. ERROR_INPUT without one. */
int cst_add(struct cst *c, const struct yaml_node *test, enum check_kind kind, struct check **out,
            struct error *err);
/* The texts of a list, an empty or absent one giving none, each a pattern of RE2. */
int cst_patterns(struct cst *c, const struct yaml_node *map, const char *key, struct patterns *out,
                 struct error *err);
/* [{key, value}], set in the environment. */
int cst_environment(struct cst *c, const struct yaml_node *map, const char *key, struct strv *out,
                    struct error *err);

/* The sections; each takes one test, whose fields it checks. */
int cst_existence(struct cst *c, const struct yaml_node *test, struct error *err);
int cst_content(struct cst *c, const struct yaml_node *test, struct error *err);
int cst_license(struct cst *c, const struct yaml_node *test, struct error *err);
int cst_metadata(struct cst *c, const struct yaml_node *test, struct error *err);
/* `containerRunOptions` */
int cst_options_parse(struct cst *c, const struct yaml_node *map, struct error *err);
void cst_options_release(struct cst_options *options);

#endif
