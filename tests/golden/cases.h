/* Text files of cases: `== title`, sections `-- name` with their lines, the last one `-- expected`.
 *
 * With WEFT_GOLDEN_UPDATE=1 in the environment a file whose answers differ is written anew: read the difference before you keep it. */
#ifndef WEFT_CASES_H
#define WEFT_CASES_H

#include "task/task.h"

enum { GOLDEN_SECTIONS_MAX = 8 };

struct golden_case {
    str title;
    const char *file; /* without folder and ending */
    struct {
        str name, text; /* text without the last line feed */
    } sections[GOLDEN_SECTIONS_MAX];
    size_t len;
};

/* The text of a section, or an empty str. */
str golden_section(const struct golden_case *c, const char *name);
/* Runs `answer` on each case of each *.txt in TESTS_FOLDER/golden/<folder>, and compares with `expected`. Gives the number of cases. */
size_t golden_run(const char *folder, str (*answer)(struct task *t, const struct golden_case *c));
/* The bytes of a file below TESTS_FOLDER/golden; a missing one is empty. */
str golden_file(struct arena *mem, const char *path);

#endif
