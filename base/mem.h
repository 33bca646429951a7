/* Memory that cannot fail, and clean-up by scope.
 *
 * Running out of memory ends the process with exit code 70, so none of these returns NULL; every
 * size that comes from outside must therefore meet its cap before it gets here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <dirent.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
/* Zeroed; overflow of count * size ends the process too. */
void *mem_zalloc(size_t count, size_t size)
    __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *mem_resize(void *p, size_t count, size_t size)
    __attribute__((alloc_size(2, 3), returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull, nonnull));
/* NULL gives NULL. */
char *mem_strdup_null(const char *s);
char *mem_strndup(const char *s, size_t max) __attribute__((malloc, returns_nonnull, nonnull));
void *mem_dup(const void *p, size_t size) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull));
char *mem_vprintf(const char *format, va_list ap)
    __attribute__((format(printf, 1, 0), malloc, returns_nonnull));

/* End the process as all of these do: for memory that a library did not get. */
void mem_give_up(void) __attribute__((noreturn));

/* Make room for one more element in a growing array: *p has *cap elements of `size` bytes. */
void *mem_grow(void *p, size_t *cap, size_t need, size_t size) __attribute__((returns_nonnull));

/* Append to an array kept as pointer, count and capacity: MEM_PUSH(v->items, v->count, v->cap) = x;
 */
#define MEM_PUSH(items, count, cap)                                                                \
    (*((items) = mem_grow((items), &(cap), (count) + 1, sizeof *(items)), &(items)[(count)++]))

/* Hand a pointer over: the variable becomes NULL, so its clean-up does nothing. */
#define take(p)                                                                                    \
    ({                                                                                             \
        __auto_type take_from = (p);                                                               \
        __auto_type taken = *take_from;                                                            \
        *take_from = NULL;                                                                         \
        taken;                                                                                     \
    })
/* Hand a descriptor over: the variable becomes -1. */
int take_fd(int *fd);

/* Clean-up by scope. */
void mem_free_at(void *p);
void mem_close_at(int *fd);
void mem_fclose_at(FILE **f);
void mem_closedir_at(DIR **d);
#define autofree __attribute__((cleanup(mem_free_at)))
#define autoclose __attribute__((cleanup(mem_close_at)))
#define autofclose __attribute__((cleanup(mem_fclose_at)))
#define autoclosedir __attribute__((cleanup(mem_closedir_at)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
