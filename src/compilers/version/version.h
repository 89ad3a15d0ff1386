/* Versions of contracts, and ranges of them: `>=1.2 <2`, `^1.2`, `~1.2`. Pure. */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

#include "arena/arena.h"
#include "str/str.h"
#include "task/task.h"

enum { VERSION_PARTS = 3, VERSION_NUMBER_MAX = 999999999 };

struct version {
    int64_t at[VERSION_PARTS]; /* major, minor, patch */
};

/* `1.2.0` and `v1.2.0`; numbers that are not there are 0. False for anything else, as `1.2.0-rc1`. */
bool version_read(str text, struct version *out);
int version_compare(const struct version *a, const struct version *b);
/* As semantic versioning has it, of as many numbers as there are: 1.2.0-rc.1 comes before 1.2.0, and what stands behind a `+` says
 * nothing. Negative, zero or positive; false where a text begins with no numbers. */
bool version_order(str a, str b, int *order_out);
/* Is one the other, as `v1.0.0` and `1.0.0`? Also of texts that are no numbers. */
bool version_same(str a, str b);

/* All versions from `least` on that come before `below`. */
struct version_range {
    struct version least, below;
};

/* Terms with spaces between, all of which must hold: `>=`, `>`, `<=`, `<`, `=`, `^` or `~` and a version of one to three numbers. One of
 * fewer than three stands for all that begin with it: `=1.2` is 1.2.0 to 1.2.x, `<=1.2` all of them and before, `>1.2` from 1.3.0 on.
 * `^` stays within the major (of 0 within the minor), `~` within the minor where there is one, else within the major. False with a
 * problem, for people. */
bool version_range_read(struct arena *mem, str text, struct version_range *out, str *problem_out);
bool version_range_holds(const struct version_range *range, const struct version *version);

#endif
