#include "log/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock/clock.h"

/* Not over PIPE_BUF: so a line stays whole where server and workers write to one pipe. */
enum { LINE_BYTES_MAX = 4096, MESSAGE_BYTES_MAX = 3072 };

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

static _Atomic int least_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&least_level, (int)level);
}

bool log_level_by_name(str name, enum log_level *out)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (str_eq(name, str_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A line on the stack, not a buf: what reports trouble must work when memory is short. */
struct line {
    char text[LINE_BYTES_MAX];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof line->text - line->len)
        line->len += (size_t)len;
}

/* Room is left for the mark of a cut, the closing quote and the line feed. */
static bool has_room(const struct line *line, size_t len)
{
    return line->len + len + sizeof "...\"\n" < sizeof line->text;
}

static void add_quoted(struct line *line, str text)
{
    add(line, "\"");
    for (size_t at = 0; at < text.len;) {
        size_t n = str_utf8_at(text, at);
        unsigned char c = (unsigned char)text.ptr[at];
        if (!has_room(line, 4)) {
            add(line, "...");
            break;
        }
        if (c == '"' || c == '\\')
            add(line, "\\%c", c);
        else if (c == '\n')
            add(line, "\\n");
        else if (n == 0 || c < 0x20 || c == 0x7f)
            add(line, "\\x%02x", c);
        else
            add(line, STR_FMT, (int)n, text.ptr + at);
        at += n ? n : 1;
    }
    add(line, "\"\n");
}

static void write_line(const struct line *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = write(STDERR_FILENO, line->text + done, line->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        /* Nobody is left to be told that the log cannot be written. */
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static void add_time(struct line *line)
{
    int64_t now_us = clock_now_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm date;
    if (gmtime_r(&seconds, &date))
        add(line, "time=%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", date.tm_year + 1900, date.tm_mon + 1,
            date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec, (int)(now_us % 1000000));
}

static void log_text(enum log_level level, const char *module, const struct task *t, str message)
{
    struct line line = {.len = 0};
    int kept_errno = errno;
    add_time(&line);
    add(&line, " level=%s module=%.64s", level_names[level], module);
    if (t)
        add(&line, " task=%s", t->id);
    add(&line, " msg=");
    add_quoted(&line, message);
    write_line(&line);
    errno = kept_errno;
}

static bool is_wanted(enum log_level level)
{
    return (int)level >= atomic_load(&least_level);
}

void log_event(enum log_level level, const char *module, const struct task *t, const char *format,
               ...)
{
    char message[MESSAGE_BYTES_MAX];
    va_list args;
    if (!is_wanted(level))
        return;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len < 0)
        return;
    if ((size_t)len >= sizeof message)
        len = (int)sizeof message - 1;
    log_text(level, module, t, (str){message, (size_t)len});
}

static enum log_level level_of(enum error_code code)
{
    switch (code) {
    case ERR_CONFIG:
    case ERR_IO:
    case ERR_FULL:
    case ERR_CORRUPT:
    case ERR_WORKER:
    case ERR_ENGINE:
    case ERR_INTERNAL:
        return LOG_ERROR;
    case ERR_TOO_MANY:
    case ERR_TIMEOUT:
    case ERR_SOURCE:
    case ERR_SECRET:
    case ERR_MEMORY:
    case ERR_FAULT:
        return LOG_WARN;
    default:
        return LOG_INFO;
    }
}

/* Of these the engine tells with values of rows or with parts of the text: they are for who asked, not for the log. */
static bool may_hold_values(enum error_code code)
{
    return code == ERR_DATA || code == ERR_TYPE || code == ERR_SYNTAX || code == ERR_CHECK_FAILED;
}

void log_failure(const char *module, const struct task *t)
{
    const struct error *err = &t->err;
    if (may_hold_values(err->code)) {
        log_event(level_of(err->code), module, t, "%s: %s", error_name(err->code),
                  error_meaning(err->code));
        return;
    }
    const char *split = err->detail.len ? ": " : "";
    if (err->place.file.len)
        log_event(level_of(err->code), module, t, "%s: " STR_FMT "%s" STR_FMT " (" STR_FMT ":%u)",
                  error_name(err->code), STR_ARG(err->message), split, STR_ARG(err->detail),
                  STR_ARG(err->place.file), err->place.line);
    else
        log_event(level_of(err->code), module, t, "%s: " STR_FMT "%s" STR_FMT,
                  error_name(err->code), STR_ARG(err->message), split, STR_ARG(err->detail));
}
