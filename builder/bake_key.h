/* What a bake target may say: its keys, their shapes, and how a target joins what it inherits. */
#ifndef BUILDER_BAKE_KEY_H
#define BUILDER_BAKE_KEY_H

#include <base/error.h>
#include <base/json.h>

enum bake_shape {
    BAKE_TEXT,
    BAKE_BOOL,
    BAKE_TEXTS,
    BAKE_MAP,     /* names to texts */
    BAKE_ENTRIES, /* objects, which may be written as "key=value,…" */
};

enum bake_join {
    BAKE_REPLACE,
    BAKE_APPEND, /* of a list */
    BAKE_MERGE,  /* of a map, member by member; of entries, each once */
};

struct bake_key {
    const char *name;
    enum bake_shape shape;
    enum bake_join join;
    const char *set; /* what --set calls it, where that is another name; or NULL */
};

/* In the order in which they are printed. *count gets their number. */
const struct bake_key *bake_keys(size_t *count);
/* NULL: there is none of that name. */
const struct bake_key *bake_key_find(const char *name);

/* The value in its one form: texts for whatever can be one, entries as objects. A new reference,
 * json_null() for null; NULL with ERROR_INPUT. */
json_t *bake_key_normal(const struct bake_key *key, const json_t *value, struct error *err);
/* Lay the target `over` upon `target` (both normal, of bake_key_normal's values). */
void bake_key_join(json_t *target, const json_t *over);
/* An entry as --output, --cache-to, --secret and the like read it; the caller frees it. */
char *bake_entry_text(const json_t *entry) __attribute__((returns_nonnull));

#endif
