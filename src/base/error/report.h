/* All findings of many files in one go: what `check` and `plan` show. */
#ifndef WEFT_REPORT_H
#define WEFT_REPORT_H

#include "error/error.h"
#include "vec/vec.h"

struct buf;

enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };

struct finding {
    enum finding_level level;
    enum error_code code;
    struct place place;
    str message; /* what is wrong */
    str found;   /* what stands there, or empty */
    str allowed; /* what may stand there, or empty */
    str hint;    /* what to do, or empty */
    str excerpt; /* the line of a text with a caret under the place, or empty */
};

struct report {
    struct arena *mem;
    VEC_OF(struct finding)
    size_t errors;
};

void report_init(struct report *report, struct arena *mem);
/* Adds a finding whose texts are formatted here; fill found, allowed and hint in the result. */
struct finding *report_add(struct report *report, enum finding_level level, enum error_code code,
                           struct place place, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Adds the error of a task as a finding. */
struct finding *report_error(struct report *report, const struct error *error);
/* By file, line, column, message; equal findings become one. */
void report_sort(struct report *report);
/* As `file:line:column: error: message`, with path, found, allowed and hint on indented lines.
 * Control characters come escaped: the texts are written by others, and go to a terminal. */
void report_text(const struct report *report, struct buf *out);
/* One error as a JSON object: code, message and what else it has. */
void error_json(const struct error *error, struct buf *out);
/* As a JSON array of objects: level, code, file, line, column, path, message, found, allowed, hint,
 * excerpt; null where unknown. */
void report_json(const struct report *report, struct buf *out);

#endif
