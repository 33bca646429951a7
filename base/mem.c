#include "mem.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mem_give_up(void)
{
    static const char text[] = "error: out of memory\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(70);
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        mem_give_up();
    return p;
}

void *mem_zalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        mem_give_up();
    return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
    void *q = reallocarray(p, count ? count : 1, size ? size : 1);
    if (!q)
        mem_give_up();
    return q;
}

void *mem_grow(void *p, size_t *cap, size_t need, size_t size)
{
    if (p && need <= *cap)
        return p;
    size_t room = *cap < 8 ? 8 : *cap;
    while (room < need) {
        if (room > SIZE_MAX / 2)
            mem_give_up();
        room *= 2;
    }
    *cap = room;
    return mem_resize(p, room, size);
}

char *mem_strdup(const char *s)
{
    char *copy = strdup(s);
    if (!copy)
        mem_give_up();
    return copy;
}

char *mem_strdup_null(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

char *mem_strndup(const char *s, size_t max)
{
    char *copy = strndup(s, max);
    if (!copy)
        mem_give_up();
    return copy;
}

void *mem_dup(const void *p, size_t size)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *mem_vprintf(const char *format, va_list ap)
{
    char *text;
    if (vasprintf(&text, format, ap) < 0)
        mem_give_up();
    return text;
}

char *mem_printf(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *text = mem_vprintf(format, ap);
    va_end(ap);
    return text;
}

int take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Clean-up runs after the return value was computed, and must not disturb errno for the caller. */
void mem_free_at(void *p)
{
    int saved = errno;
    free(*(void **)p);
    errno = saved;
}

void mem_close_at(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

void mem_fclose_at(FILE **f)
{
    int saved = errno;
    if (*f)
        fclose(*f);
    *f = NULL;
    errno = saved;
}

void mem_closedir_at(DIR **d)
{
    int saved = errno;
    if (*d)
        closedir(*d);
    *d = NULL;
    errno = saved;
}
