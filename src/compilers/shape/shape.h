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
    const char
        *pattern; /* ECMA-262: the same for JSON Schema; NULL where none of our kinds uses it */
};

/* A key or word that people write and the standard does not know, with what to write. */
struct shape_slip {
    const char *wrong, *hint;
};

/* What weft does with a key: docs/standards.md says it of each. */
enum shape_use {
    SHAPE_KEPT, /* held in the contract, shown and exported; nothing depends on it */
    SHAPE_USED,
};

struct shape;

struct shape_key {
    const char *name;
    enum shape_type type;
    unsigned flags;
    const struct shape *shape;         /* of SHAPE_MAP and SHAPE_TEXT_OR_MAP */
    const char *words;                 /* the allowed ones, separated by spaces; NULL for any */
    const struct shape_format *format; /* or NULL */
    const double *least;               /* numbers: this or more; or NULL */
    const double *above;               /* numbers: more than this; or NULL */
    const struct shape_slip *slips;    /* words that are none; or NULL */
    const char *pattern; /* for JSON Schema, of a text that its reader checks; or NULL */
    unsigned versions;   /* bits of those versions of the standard that have it; 0 for all */
    enum shape_use use;
    const char *about; /* for readers of the docs and of schemas/; or NULL */
};

/* Keys that depend on what stands in the node. */
struct shape_more {
    unsigned version; /* in: the bit of the version that judges; 0 for none */
    const struct shape_key *keys[3];
    bool is_open; /* what decides is wrong itself: do not blame its neighbours */
};

/* Keys that `more` may add, and when: what it picks from, and what the docs print. */
struct shape_variant {
    const char *when;  /* "type" */
    const char *words; /* "postgres postgresql" */
    const struct shape_key *keys;
};

struct shape_standard;

struct shape_walk {
    struct arena *mem;
    str file;
    struct report *report;
    uint32_t depth;
    unsigned version;                      /* bit of the version that judges; 0 for none */
    const struct shape_standard *standard; /* or NULL */
};

struct shape {
    const char *title; /* "a server" */
    const struct shape_key *keys[3];
    bool is_open;                         /* other keys may stand there */
    unsigned open_in;                     /* bits of versions in which other keys may stand there */
    const struct shape_variant *variants; /* ends with NULL words; or NULL */
    void (*more)(const struct tree *node, struct shape_more *out);
    void (*also)(struct shape_walk *walk, const struct tree *node);
    const char
        *one_of; /* for JSON Schema: exactly one of these keys, which the reader checks; or NULL */
    const struct shape_slip *slips;
};

/* A standard in its versions: one table of keys that says of each in which it is. */
struct shape_standard {
    const char *name; /* "ODCS" */
    const struct shape *shape;
    const struct shape_version {
        const char *name;
        unsigned bit;
    } * versions;          /* oldest first; ends with a NULL name */
    unsigned main_version; /* what else may pass; weft reads all by its meaning */
    unsigned draft_bits;   /* versions that are not approved yet */
};

enum {
    ODCS_3_0_0 = 1,
    ODCS_3_0_1 = 2,
    ODCS_3_0_2 = 4,
    ODCS_3_1_0 = 8,
    ODCS_3_2_0 = 16,
    ODCS_3_0 = ODCS_3_0_0 | ODCS_3_0_1 | ODCS_3_0_2,
    ODCS_FROM_3_1 = ODCS_3_1_0 | ODCS_3_2_0,
    ODPS_0_9_0 = 1,
    ODPS_1_0_0 = 2,
};

extern const struct shape shape_odcs;   /* ODCS v3.0.0 to v3.1.0, and the draft of v3.2.0 */
extern const struct shape shape_odps;   /* ODPS v0.9.0 and v1.0.0 */
extern const struct shape shape_mesh;   /* weft/v1 */
extern const struct shape shape_domain; /* weft/v1 */
extern const struct shape_standard shape_standard_odcs, shape_standard_odps;

/* True when it found no error. */
bool shape_check(struct arena *mem, str file, const struct shape *shape, const struct tree *node,
                 struct report *report);
/* A document judged by the version that it names, or by the main one; it is good when either finds no error. What its own
 * version does not allow are warnings then, what the main one does not are notes. False when it should not be read on: no version that weft knows. */
bool shape_check_standard(struct arena *mem, str file, const struct shape_standard *standard,
                          const struct tree *document, struct report *report);
/* Is it a contract of v2, which has another shape? */
bool shape_is_odcs_v2(const struct tree *document);
/* Does the document name a version that is a draft only? */
bool shape_is_draft(const struct shape_standard *standard, const struct tree *document);
/* `v3.0.x, v3.1.0`; empty for all of them. */
str shape_versions_text(struct arena *mem, const struct shape_standard *standard, unsigned bits);
/* The key of a node that has this name; NULL for none. `is_open_out`: other keys may stand there too. */
const struct shape_key *shape_find_key(const struct shape *shape, unsigned version,
                                       const struct tree *node, str name, bool *is_open_out);
/* What a key allows: "a list of: text". */
str shape_allows(struct arena *mem, const struct shape_key *key);
/* The variant whose words have the text, or NULL. */
const struct shape_variant *shape_find_variant(const struct shape *shape, str text);

/* For `also` functions and for those who read what was checked. */
struct finding *shape_error(struct arena *mem, str file, struct report *report,
                            const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* As shape_error, at the key of the node. */
struct finding *shape_key_error(struct arena *mem, str file, struct report *report,
                                const struct tree *node, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Warns of a status of a product or contract that is none of those with a meaning. The standards only give examples. */
void shape_check_status(struct arena *mem, str file, struct report *report,
                        const struct tree *status);
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
