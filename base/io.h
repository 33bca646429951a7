/* Reading and writing whole: short counts and EINTR are dealt with here.
 *
 * In builds with IMGBUILD_FAULTS every fallible call below is counted, so that a test can make the
 * n-th fail (IMGBUILD_FAULT=n:EIO) or die there (IMGBUILD_KILL=n). */
#ifndef BASE_IO_H
#define BASE_IO_H

#include "error.h"
#include "str.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Up to n bytes, fewer only at the end of the file; -1 with errno. */
ssize_t io_read(int fd, void *buffer, size_t n);
/* All n bytes; -1 with errno. */
int io_write(int fd, const void *bytes, size_t n);

/* Read a file whole into *out (which is cleared first). A file larger than cap is ERROR_INPUT, an
 * absent one ERROR_MISSING, one that is no regular file ERROR_INPUT. dir_fd may be AT_FDCWD. */
int io_read_file(int dir_fd, const char *path, size_t cap, struct str *out, struct error *err);
/* The rest of an open file; name is for messages. */
int io_read_fd(int fd, const char *name, size_t cap, struct str *out, struct error *err);

/* Write a file beside its final place and rename it there, so that readers see all of it or none.
 * sync: also flush it and its directory to the disk before returning. */
int io_write_file(int dir_fd, const char *path, const void *bytes, size_t n, mode_t mode, int sync,
                  struct error *err);
/* Write a file that a user named on the command line: through symlinks; whole or not at all where
 * it is a regular file or not there yet (mode 0644); and what is something else (/dev/stdout, a
 * pipe, a terminal) is written to, never replaced. ERROR_HOST. */
int io_write_output(const char *path, const void *bytes, size_t n, struct error *err);

/* rename(2) and fsync(2), counted for fault tests; -1 with errno. */
int io_rename(int from_dir, const char *from, int to_dir, const char *to);
int io_sync(int fd);

/* A random name of 16 hexadecimal digits, for files that are written beside. */
void io_random_name(char name[17]);

/* Fails (errno set) where a test asked for it; otherwise 0. For code that makes its own calls. */
#ifdef IMGBUILD_FAULTS
int io_fault(void);
#else
static inline int io_fault(void)
{
    return 0;
}
#endif

#endif
