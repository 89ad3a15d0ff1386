/* Which home this is, whether a server has it open, and what its servers were set to. */
#ifndef WEFT_HOME_STATE_H
#define WEFT_HOME_STATE_H

#include "metadb/metadb.h"
#include "vec/vec.h"

struct home_setting {
    str name, value;
    str fallback; /* its default: what a home's first server is compared with */
};

struct home_opening {
    str version; /* of the program */
    str key;     /* hex: by which heads of the audit are signed from now on */
    struct {
        VEC_OF(struct home_setting)
    } settings;
};

/* A server opens the home: its audit row, and one for each setting that differs from the last server's. The id is made by the
 * first. `was_open_out`: the last server did not close it. */
MUST_CHECK bool home_state_open(struct task *t, struct metadb *db,
                                const struct home_opening *opening, str *id_out,
                                bool *was_open_out);
MUST_CHECK bool home_state_close(struct task *t, struct metadb *db);
/* Empty before the first opening. */
MUST_CHECK bool home_state_id(struct task *t, struct metadb *db, str *out);

#endif
