/* For the importers: a contract that grows. */
#ifndef WEFT_EXCHANGE_BUILD_H
#define WEFT_EXCHANGE_BUILD_H

#include "exchange/exchange_inside.h"

enum { BUILDER_LEFT_MAX = 200 };

struct builder {
    struct arena *mem;
    str file;
    struct report *report;
    struct tree *root, *schema;
    size_t parts; /* properties so far, those inside of others among them */
    struct {
        VEC_OF(struct builder_left {
            str what;
            struct place place; /* of the first */
            size_t count;
        })
    } left;
    size_t left_untold; /* texts that differ, past BUILDER_LEFT_MAX */
};

void exchange_build_begin(struct builder *b, struct arena *mem,
                          const struct exchange_import *import);
/* A table, with an empty list of properties. */
struct tree *exchange_build_table(struct builder *b, str name);
struct tree *exchange_build_properties(struct tree *table);
/* A property without a type; NULL and an error when there are too many. */
struct tree *exchange_build_property(struct builder *b, struct tree *properties, str name);
/* logicalType, and physicalType where that alone would mean another; false when weft does not know the type. */
bool exchange_build_type(struct builder *b, struct tree *property, str type);
/* An entry of logicalTypeOptions. */
void exchange_build_option(struct builder *b, struct tree *property, const char *option,
                           struct tree *value);
/* The quality rule that lets only these values through. */
void exchange_build_values(struct builder *b, struct tree *property, struct tree *values);
/* What was not taken over: equal texts are told once, with their number. */
void exchange_build_left(struct builder *b, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As builder_left, of a place that is an offset in a text. */
void exchange_build_left_at(struct builder *b, str text, size_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct finding *exchange_build_error(struct builder *b, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Says what was not taken over; exchange_build_end does it too. */
void exchange_build_tell(struct builder *b);
/* The contract, held against the standard; NULL when there were errors. */
struct tree *exchange_build_end(struct builder *b);
/* [A-Za-z0-9_-] of a text, for an id. */
str exchange_build_id(struct arena *mem, str text);

#endif
