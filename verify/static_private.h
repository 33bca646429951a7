/* What the static checks share. */
#ifndef VERIFY_STATIC_PRIVATE_H
#define VERIFY_STATIC_PRIVATE_H

#include "static_check.h"

/* One check at work. */
struct static_run {
    const struct static_image *image;
    const struct static_rule *rule;
    struct check_result *out;
    size_t problems; /* so far; the first few are told */
    size_t looked;   /* things looked at */
};

/* Add a problem with a file (NULL: of none) to the detail and its layer to the blames, unless the
 * rule allows the path. */
void static_problem(struct static_run *run, const struct tree_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A variable of the config; NULL: not set. Owned by the config. */
const char *static_env(const struct static_image *image, const char *name);
/* The folders of the image's PATH. */
void static_path(const struct static_image *image, struct strv *out);
/* The numbers of the image's user; 0:0 where it is not known. */
void static_user(const struct static_image *image, uint32_t *uid, uint32_t *gid);
/* The program that a name means on PATH, or NULL. */
const struct tree_node *static_which(const struct static_image *image, const char *name);
/* What is wrong with a script's interpreter ("its interpreter /x is not there"); NULL: nothing. The
 * caller frees it. */
char *static_interpreter_problem(const struct static_image *image, const struct tree_node *script);
/* The folder of the virtual environment (as in /app/.venv/bin) that a path is in, or NULL. */
bool static_in_venv_bin(const struct static_image *image, const char *path);

/* The checks. */
void static_program(struct static_run *run);
void static_user_known(struct static_run *run);
void static_shebangs(struct static_run *run);
void static_writable(struct static_run *run);
void static_setuid(struct static_run *run);
void static_secrets(struct static_run *run);
void static_wasted(struct static_run *run);
void static_machine(struct static_run *run);
void static_libraries(struct static_run *run);
void static_versions(struct static_run *run);
void static_tags(struct static_run *run);
void static_cuda(struct static_run *run);
void static_venv(struct static_run *run);
void static_records(struct static_run *run);
void static_requirements(struct static_run *run);
void static_scripts(struct static_run *run);
void static_entry_points(struct static_run *run);
void static_editable(struct static_run *run);
void static_dev(struct static_run *run);

#endif
