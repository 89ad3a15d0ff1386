/* How many columns a text takes on a terminal. */
#ifndef WEFT_WIDTH_H
#define WEFT_WIDTH_H

#include "str/str.h"

/* Bytes of the character at `at`, 1 for a byte that is none, and the columns that it takes: 0, 1 or 2. */
size_t width_at(str text, size_t at, size_t *columns_out);
size_t width_of(str text);
/* The character at `at`, of so many bytes, or the byte itself where none begins there. */
uint32_t width_character(str text, size_t at);
/* Bytes of the longest head that takes at most so many columns. Marks that join its last character are part of it. */
size_t width_head(str text, size_t columns);

#endif
