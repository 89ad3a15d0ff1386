/* Which words a name may not be. */
#ifndef WEFT_SHAPE_NAMES_H
#define WEFT_SHAPE_NAMES_H

#include "str/str.h"

/* A keyword of DuckDB or PostgreSQL of any kind: the engine quotes it as a name of a field. Case does not matter. */
bool shape_is_keyword(str word);
/* One that DuckDB or PostgreSQL reserve: it cannot be a name without quotes. */
bool shape_is_reserved(str word);

#endif
