/* Closed documents held against tables of keys: one walk, all findings with their places. Pure. */
#ifndef WEFT_SHAPE_H
#define WEFT_SHAPE_H

#include "error/report.h"
#include "tree/tree.h"

enum shape_type {
    SHAPE_ANY,
    SHAPE_TEXT,
    SHAPE_BOOL,
    SHAPE_INT,
    SHAPE_NUMBER,
    SHAPE_SCALAR, /* text, number, true or false */
    SHAPE_MAP,    /* by its shape, or open when it has none */
    SHAPE_TEXT_OR_MAP,
    SHAPE_PORT, /* an integer, or `${NAME}` that is resolved later */
};

enum shape_flag {
    SHAPE_REQUIRED = 1,
    SHAPE_LIST = 2,    /* a list of the type */
    SHAPE_OR_LIST = 4, /* one of the type, or a list of it */
    SHAPE_NAMED = 8,   /* a map from free names to the type */
    SHAPE_DEPRECATED = 16,
    SHAPE_LATER = 32, /* defined, but not enforced by this version: refused rather than ignored */
    SHAPE_NULL = 64,  /* an explicit null is a value here */
    SHAPE_NOT_EMPTY = 128, /* a list or text with something in it */
    SHAPE_DISTINCT = 256,  /* a list without repetitions */
    SHAPE_OLD_LIST = 512,  /* with SHAPE_OR_LIST: the list form is deprecated */
};

/* How a text must be written. */
struct shape_format {
    const char *says; /* "a date as 2026-01-31": what is allowed */
    bool (*fits)(str text);
};

struct shape;

struct shape_key {
    const char *name;
    enum shape_type type;
    unsigned flags;
    const struct shape *shape;         /* of SHAPE_MAP */
    const char *words;                 /* the allowed ones, separated by spaces; NULL for any */
    const struct shape_format *format; /* or NULL */
    const double *least;               /* numbers: this or more; or NULL */
    const double *above;               /* numbers: more than this; or NULL */
};

/* Keys that depend on what stands in the node. */
struct shape_more {
    const struct shape_key *keys[3];
    bool is_open; /* what decides is wrong itself: do not blame its neighbours */
};

/* A key that people write and the standard does not know, with what to write. */
struct shape_slip {
    const char *wrong, *hint;
};

struct shape_walk {
    struct arena *mem;
    str file;
    struct report *report;
    uint32_t depth;
};

struct shape {
    const char *title; /* "a server" */
    const struct shape_key *keys[3];
    bool is_open; /* other keys may stand there */
    void (*more)(const struct tree *node, struct shape_more *out);
    void (*also)(struct shape_walk *walk, const struct tree *node);
    const struct shape_slip *slips;
};

extern const struct shape shape_odcs;   /* ODCS v3.1.0 */
extern const struct shape shape_odps;   /* ODPS v1.0.0, and v0.9.0 */
extern const struct shape shape_mesh;   /* weft/v1 */
extern const struct shape shape_domain; /* weft/v1 */

/* True when it found no error. */
bool shape_check(struct arena *mem, str file, const struct shape *shape, const struct tree *node,
                 struct report *report);
/* Is the apiVersion one that is read? Otherwise a finding; false when the rest should not be judged by our shape. */
bool shape_check_odcs_version(struct arena *mem, str file, const struct tree *document,
                              struct report *report);

/* For `also` functions and for those who read what was checked. */
struct finding *shape_error(struct arena *mem, str file, struct report *report,
                            const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* As shape_error, at the key of the node. */
struct finding *shape_key_error(struct arena *mem, str file, struct report *report,
                                const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* What stands there, short: `1.0 (number)`, `a list`. */
str shape_found(struct arena *mem, const struct tree *node);
/* Is the text one of the words? */
bool shape_has_word(const char *words, str text);
/* `one of a, b, c`. */
str shape_words_text(struct arena *mem, const char *words);
/* `did you mean x?`, or empty. */
str shape_nearest(struct arena *mem, const char *words, str text);
bool shape_is_principal(str text); /* `user:NAME` or `group:NAME` */
bool shape_is_secret(str text);    /* `${NAME}` and nothing else */
/* `30min`, `2h`, `1d` in seconds; 0 when it is none. */
int64_t shape_duration_s(str text);

#endif
