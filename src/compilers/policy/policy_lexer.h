/* Words, literals and signs of an expression of a policy. */
#ifndef WEFT_POLICY_LEXER_H
#define WEFT_POLICY_LEXER_H

#include "arena/arena.h"
#include "str/str.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD, /* text in lower case; `raw` as written */
    TOKEN_NAME, /* "quoted" */
    TOKEN_TEXT, /* 'quoted' */
    TOKEN_NUMBER,
    TOKEN_PARAMETER, /* text behind the `$`, dots included */
    TOKEN_SIGN,
    TOKEN_BROKEN, /* text says why */
};

struct token {
    enum token_kind kind;
    str text;
    uint32_t position; /* byte from 1 */
};

struct lexer {
    struct arena *mem;
    str text;
    size_t at;
    struct token token; /* the current one */
};

void lexer_open(struct lexer *l, struct arena *mem, str text);
void lexer_next(struct lexer *l);

#endif
