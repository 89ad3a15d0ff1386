/* What went wrong, where, and what to do: made once where the reason is known, translated at the
 * doors. */
#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H

#include "arena/arena.h"

enum error_code {
#define ERROR(name, sqlstate, http, exit_code, meaning) ERR_##name,
#include "error/errors.def"
#undef ERROR
    ERR_COUNT
};

/* A place in a file. Lines and columns count from 1, columns in characters; 0 is unknown. */
struct place {
    str file;
    uint32_t line;
    uint32_t column;
    str path; /* inside the document, as `schema[0].properties[2].name` */
};

struct error {
    enum error_code code;
    str message;
    str detail;
    str hint;
    struct place place;
    uint32_t position; /* in the SQL text: bytes from 1; 0 is unknown */
};

const char *error_name(enum error_code code); /* "DENIED" */
bool error_by_name(str name, enum error_code *out);
const char *error_sqlstate(enum error_code code);
int error_http_status(enum error_code code);
int error_exit_code(enum error_code code);
const char *error_meaning(enum error_code code);
/* Of an SQL text or the values that it met, and not of the machine or the caller. */
bool error_is_of_sql(enum error_code code);

#endif
