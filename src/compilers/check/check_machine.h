/* Patterns that are anchored at both ends as tables of states, which read a text byte by byte. Pure.
 *
 * A machine speaks of texts of ASCII alone: of another, it says that it does not know, unless its first bytes are enough to say no. Then
 * the engine's own matcher is asked, as it is for patterns of which there is no machine. */
#ifndef WEFT_CHECK_MACHINE_H
#define WEFT_CHECK_MACHINE_H

#include "str/str.h"

enum { MACHINE_STATES_MAX = 128 };

enum machine_answer { MACHINE_NO, MACHINE_YES, MACHINE_UNKNOWN };

/* One piece of memory, which may be copied. */
struct check_machine {
    uint8_t answers[MACHINE_STATES_MAX];
    uint8_t next[MACHINE_STATES_MAX][256];
};

/* Of a pattern as check_pattern spells it. False where it is not anchored, or has what takes more than a small table. */
bool check_machine_make(str spelled, struct check_machine *out);
/* Two texts at once: while one waits for memory, the other goes on. */
void check_machine_ask(const struct check_machine *machine, str one, str other,
                       enum machine_answer answers[2]);

#endif
