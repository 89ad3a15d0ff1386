/* The purpose that a question is bound to. For the flow's own files. */
#ifndef WEFT_QUERY_PURPOSE_H
#define WEFT_QUERY_PURPOSE_H

#include "services/services.h"

/* It is one that mesh.yaml declares, or none: what it allows comes with the grants. */
MUST_CHECK bool query_has_purpose(struct task *t, const struct services *s);

#endif
