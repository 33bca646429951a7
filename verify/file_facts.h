/* What static checks want to know of a file's content, gathered while its bytes pass by. */
#ifndef VERIFY_FILE_FACTS_H
#define VERIFY_FILE_FACTS_H

#include "elf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_facts {
    char *text;         /* the whole content of files that are read as text; NULL: not kept */
    size_t text_size;   /* in bytes */
    char *script;       /* the first lines of a script, from "#!" on */
    const char *secret; /* what secret it holds; NULL: none */
    bool has_digest;
    unsigned char digest[32]; /* sha256 */
    struct elf_facts *elf;
};

void file_facts_free(struct file_facts *facts);

/* What is to be kept of a file. */
enum facts_wish {
    FACTS_TEXT = 1,
    FACTS_DIGEST = 2,
    FACTS_HEAD = 4, /* look at its first bytes, which decide */
};

struct facts_collector;

/* What of a regular file will be asked, by its path (absolute, in the image); 0: nothing. */
unsigned facts_wanted(const char *path, int64_t size);
/* Take a file's bytes in order. random (may be NULL) reads the file anywhere, which spares keeping
 * what an ELF file's tables may be in. */
struct facts_collector *facts_begin(const char *path, int64_t size, const struct elf_bytes *random);
/* The same to keep the content alone, whatever it is. */
struct facts_collector *facts_begin_text(const char *path, int64_t size);
/* More bytes; false where no more are wanted. */
bool facts_add(struct facts_collector *c, const void *bytes, size_t n);
/* Frees the collector. NULL where nothing is worth keeping; the caller frees it. */
struct file_facts *facts_end(struct facts_collector *c);

#endif
