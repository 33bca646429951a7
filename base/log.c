#include "log.h"

#include "mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static _Atomic enum log_level current = LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static log_writer current_writer;
static void *current_context;

void log_set_level(enum log_level level)
{
    atomic_store(&current, level);
}

enum log_level log_get_level(void)
{
    return atomic_load(&current);
}

void log_set_writer(log_writer writer, void *context)
{
    pthread_mutex_lock(&lock);
    current_writer = writer;
    current_context = context;
    pthread_mutex_unlock(&lock);
}

static void __attribute__((format(printf, 3, 0)))
emit(enum log_level level, const char *prefix, const char *format, va_list ap)
{
    if (level > log_get_level())
        return;
    autofree char *text = mem_vprintf(format, ap);
    autofree char *line = mem_printf("%s%s\n", prefix, text);
    pthread_mutex_lock(&lock);
    if (current_writer) {
        current_writer(level, line, current_context);
    } else {
        ssize_t written = write(STDERR_FILENO, line, strlen(line));
        (void)written; /* nowhere left to say it */
    }
    pthread_mutex_unlock(&lock);
}

#define EMIT(level, prefix)                                                                        \
    va_list ap;                                                                                    \
    va_start(ap, format);                                                                          \
    emit(level, prefix, format, ap);                                                               \
    va_end(ap)

void log_warning(const char *format, ...)
{
    EMIT(LOG_WARNING, "warning: ");
}

void log_info(const char *format, ...)
{
    EMIT(LOG_INFO, "");
}

void log_debug(const char *format, ...)
{
    EMIT(LOG_DEBUG, "debug: ");
}
