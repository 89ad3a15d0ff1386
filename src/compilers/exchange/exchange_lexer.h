/* Words of SQL, for files that are only read for what they say of tables. */
#ifndef WEFT_EXCHANGE_LEXER_H
#define WEFT_EXCHANGE_LEXER_H

#include "arena/arena.h"

enum lexeme_kind {
    LEXEME_END,
    LEXEME_WORD,   /* a bare name or keyword */
    LEXEME_NAME,   /* in double quotes, backticks or brackets: `text` is what it means */
    LEXEME_STRING, /* in single quotes or dollars: `text` is what it means */
    LEXEME_NUMBER,
    LEXEME_SIGN, /* one byte, or `::` */
    LEXEME_WRONG /* a quote that does not end */
};

struct lexeme {
    enum lexeme_kind kind;
    str text;
    size_t start, end; /* in the whole text */
};

struct exchange_lexer {
    struct arena *mem;
    str text;
    size_t at;
    bool has_brackets; /* `[name]` is a name, as in SQL Server; else a sign */
};

/* Comments and space are passed over. */
struct lexeme exchange_lexer_next(struct exchange_lexer *lexer);
/* Line and column of an offset, from 1, columns in characters. */
void exchange_lexer_place(str text, size_t offset, uint32_t *line_out, uint32_t *column_out);

#endif
