/* Every ceiling, by name. */
#ifndef WEFT_LIMITS_H
#define WEFT_LIMITS_H

enum limits {
#define LIMIT(name, value, unit, meaning) name = value,
#include "limits/limits.def"
#undef LIMIT
};

#endif
