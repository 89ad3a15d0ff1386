/* One `key=value` line an event on stderr, for operators. No row values, no secrets. */
#ifndef WEFT_LOG_H
#define WEFT_LOG_H

#include "task/task.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_set_level(enum log_level level);
bool log_level_by_name(str name, enum log_level *out);
/* `t` may be NULL; the format is the message. */
void log_event(enum log_level level, const char *module, const struct task *t, const char *format,
               ...) __attribute__((format(printf, 4, 5)));
/* The error of a task, as a door logs it. */
void log_failure(const char *module, const struct task *t);

#endif
