#include "shape/shape_names.h"

enum keyword_kind { KEYWORD_NONE, KEYWORD_QUOTED, KEYWORD_RESERVED };

static const struct {
    const char *word;
    enum keyword_kind kind;
} keywords[] = {
#define KEYWORD(word, kind) {word, KEYWORD_##kind},
#include "shape/keywords.def"
#undef KEYWORD
};

static enum keyword_kind find_kind(str word)
{
    char lower[32];
    if (word.len >= sizeof lower)
        return KEYWORD_NONE;
    for (size_t i = 0; i < word.len; i++)
        lower[i] =
            (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] + 32 : word.ptr[i]);
    size_t low = 0, high = sizeof keywords / sizeof *keywords;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare((str){lower, word.len}, str_of(keywords[middle].word));
        if (order == 0)
            return keywords[middle].kind;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return KEYWORD_NONE;
}

bool shape_is_keyword(str word)
{
    return find_kind(word) != KEYWORD_NONE;
}

bool shape_is_reserved(str word)
{
    return find_kind(word) == KEYWORD_RESERVED;
}
