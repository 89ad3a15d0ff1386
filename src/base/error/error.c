#include "error/error.h"

struct error_row {
    const char *name;
    const char *sqlstate;
    int http_status;
    int exit_code;
    const char *meaning;
};

static const struct error_row rows[ERR_COUNT] = {
#define ERROR(name, sqlstate, http, exit_code, meaning)                                            \
    [ERR_##name] = {#name, sqlstate, http, exit_code, meaning},
#include "error/errors.def"
#undef ERROR
};

/* A code may come out of a frame or a row, so one that is unknown counts as a bug of ours. */
static const struct error_row *row_of(enum error_code code)
{
    return &rows[(unsigned)code < ERR_COUNT ? code : ERR_INTERNAL];
}

const char *error_name(enum error_code code)
{
    return row_of(code)->name;
}

bool error_by_name(str name, enum error_code *out)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        if (str_eq(name, str_of(rows[i].name))) {
            *out = (enum error_code)i;
            return true;
        }
    }
    return false;
}

const char *error_sqlstate(enum error_code code)
{
    return row_of(code)->sqlstate;
}

int error_http_status(enum error_code code)
{
    return row_of(code)->http_status;
}

int error_exit_code(enum error_code code)
{
    return row_of(code)->exit_code;
}

const char *error_meaning(enum error_code code)
{
    return row_of(code)->meaning;
}

bool error_is_of_sql(enum error_code code)
{
    switch (code) {
    case ERR_SYNTAX:
    case ERR_UNKNOWN_NAME:
    case ERR_UNKNOWN_COLUMN:
    case ERR_TYPE:
    case ERR_REFUSED:
    case ERR_DENIED:
    case ERR_DATA:
    case ERR_LIMIT:
        return true;
    default:
        return false;
    }
}
