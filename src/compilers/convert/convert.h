/* A contract of an older ODCS as one of v3.1.0. Pure. */
#ifndef WEFT_CONVERT_H
#define WEFT_CONVERT_H

#include "error/report.h"
#include "tree/tree.h"

/* v2.2.x and v3.0.x are made anew; v3.1.0 comes out as it is. What has no place in v3.1.0 goes into customProperties and is told as a
 * note; what is left to do are findings of v3.1.0. NULL and an error when the document is no contract of these. */
struct tree *convert_contract(struct arena *mem, str file, const struct tree *document,
                              struct report *report);

#endif
