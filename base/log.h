/* Messages for people, on stderr. The level is the one piece of global state in the project. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_QUIET, LOG_WARNING, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level); /* default LOG_INFO */
enum log_level log_get_level(void);

/* Where messages go: by default to stderr, one write a line. base/progress takes them over while it
 * draws, so that a message never lands in the middle of a live line. NULL restores the default. */
typedef void (*log_writer)(enum log_level level, const char *line, void *context);
void log_set_writer(log_writer writer, void *context);

/* One line each; the newline is added. A warning is prefixed "warning: ", a debug line "debug: ".
 */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
