/* Why a SELECT may read what it reads: nothing is made and nothing runs. */
#ifndef WEFT_QUERY_EXPLAIN_H
#define WEFT_QUERY_EXPLAIN_H

#include "json_out/json_out.h"
#include "services/services.h"

/* One JSON object: actor, purpose, and per table the decision with its reasons, and the state of its cleared files. A denied table is
 * an answer, no failure. */
MUST_CHECK bool query_explain(struct task *t, struct services *s, str text, struct json_out *o);

#endif
