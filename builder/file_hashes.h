/* Content digests of files, remembered between builds by device, inode, size, mtime and ctime, so
 * that an unchanged context is never read again. A file whose ctime is so young that another write
 * could share it is not remembered. */
#ifndef BUILDER_FILE_HASHES_H
#define BUILDER_FILE_HASHES_H

#include <base/error.h>

#include <stdbool.h>
#include <sys/stat.h>

enum { FILE_HASH_SIZE = 32 };

struct file_hashes;

/* Load what is remembered of the tree called `tree` (its absolute path) from the store's cache
 * folder. A missing or damaged file only means that nothing is remembered. */
struct file_hashes *file_hashes_load(int cache_fd, const char *tree);
/* 1 and the sha256 of the file with this stat, 0 where it is not known. Any thread. */
int file_hashes_get(struct file_hashes *h, const struct stat *st,
                    unsigned char hash[FILE_HASH_SIZE]);
/* Remember. Any thread. */
void file_hashes_put(struct file_hashes *h, const struct stat *st,
                     const unsigned char hash[FILE_HASH_SIZE]);
/* Write what was asked for or put in this run (others are forgotten), if anything changed. */
int file_hashes_save(struct file_hashes *h, int cache_fd, struct error *err);
void file_hashes_free(struct file_hashes *h);

#endif
