#include "copy_hash.h"

#include "copy_open.h"

#include <base/io.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 512, CHUNK = 256 * 1024 };

/* A run of items that one job hashes. */
struct batch {
    struct copy_list *list;
    const struct copy_tree *tree;
    const size_t *indexes;
    size_t count;
};

static int hash_file(struct copy_opener *opener, const struct copy_tree *tree,
                     struct copy_file *file, char *buffer, EVP_MD_CTX *context, struct error *err)
{
    autoclose int fd = copy_open(opener, file->path, O_RDONLY);
    if (fd < 0)
        return error_errno(err, ERROR_INPUT, "read “%s” in %s", file->path, tree->what);
    EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    int64_t total = 0;
    ssize_t got;
    while ((got = io_read(fd, buffer, CHUNK)) > 0) {
        EVP_DigestUpdate(context, buffer, (size_t)got);
        total += got;
        if (total == file->st.st_size)
            break; /* one that grew meanwhile fails where it is copied */
    }
    if (got < 0)
        return error_errno(err, ERROR_INPUT, "read “%s” in %s", file->path, tree->what);
    EVP_DigestFinal_ex(context, file->hash, NULL);
    return 0;
}

static int hash_batch(void *argument, struct error *err)
{
    struct batch *b = argument;
    autofree char *buffer = mem_alloc(CHUNK);
    struct copy_opener opener = COPY_OPENER(b->tree->root_fd);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int result = 0;
    for (size_t i = 0; i < b->count && !result; i++)
        result = hash_file(&opener, b->tree, &b->list->items[b->indexes[i]], buffer, context, err);
    EVP_MD_CTX_free(context);
    copy_opener_release(&opener);
    return result;
}

static int hash_files(struct copy_list *list, const struct copy_tree *tree, const size_t *indexes,
                      size_t count, struct pool *pool, struct error *err)
{
    size_t batches = (count + BATCH - 1) / BATCH;
    autofree struct batch *all = mem_zalloc(batches, sizeof *all);
    struct pool_group *group = pool_group_new(pool);
    for (size_t i = 0; i < batches; i++) {
        size_t first = i * BATCH;
        all[i] = (struct batch){list, tree, indexes + first,
                                count - first < BATCH ? count - first : BATCH};
        pool_run(group, hash_batch, &all[i]);
    }
    int result = pool_wait(group, err);
    pool_group_free(group);
    return result;
}

static void add_field(struct digester *h, const void *bytes, size_t n)
{
    uint64_t size = n; /* lengths first, so that no two lists run together */
    digester_add(h, &size, sizeof size);
    digester_add(h, bytes, n);
}

static void add_item(struct digester *h, const struct copy_list *list, size_t i)
{
    const struct copy_file *file = &list->items[i];
    uint64_t numbers[5] = {file->st.st_mode, file->same_as, file->single, file->parent,
                           file->st.st_rdev};
    add_field(h, file->name, strlen(file->name));
    add_field(h, numbers, sizeof numbers);
    if (file->link)
        add_field(h, file->link, strlen(file->link));
    if (S_ISREG(file->st.st_mode))
        add_field(h, file->hash, sizeof file->hash);
}

int copy_hash(struct copy_list *list, const struct copy_tree *tree, struct file_hashes *memory,
              struct pool *pool, struct digest *out, struct error *err)
{
    autofree size_t *indexes = mem_zalloc(list->count, sizeof *indexes);
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct copy_file *file = &list->items[i];
        if (S_ISREG(file->st.st_mode) && file->same_as == SIZE_MAX &&
            !(memory && file_hashes_get(memory, &file->st, file->hash)))
            indexes[count++] = i;
    }
    if (count && hash_files(list, tree, indexes, count, pool, err))
        return -1;
    for (size_t i = 0; memory && i < count; i++)
        file_hashes_put(memory, &list->items[indexes[i]].st, list->items[indexes[i]].hash);
    autodigester struct digester *h = digester_new();
    for (size_t i = 0; i < list->count; i++) {
        struct copy_file *file = &list->items[i];
        if (file->same_as != SIZE_MAX)
            memcpy(file->hash, list->items[file->same_as].hash, sizeof file->hash);
        add_item(h, list, i);
    }
    digester_finish(h, out);
    return 0;
}
