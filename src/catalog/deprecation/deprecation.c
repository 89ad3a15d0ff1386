#include "deprecation/deprecation.h"

bool deprecation_put(struct task *t, struct metadb *db, const struct deprecation *row)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db,
                      "INSERT INTO deprecation (product, contract, major, since_us) VALUES (?, ?, "
                      "?, ?) ON CONFLICT DO UPDATE SET since_us = excluded.since_us",
                      "ssii", row->product, row->contract, row->major, row->since_us);
}

bool deprecation_since(struct task *t, struct metadb *db, str product, str contract, uint64_t major,
                       int64_t *since_us_out)
{
    struct metadb_statement *st;
    *since_us_out = 0;
    if (!metadb_query(t, db, &st,
                      "SELECT since_us FROM deprecation WHERE product = ? AND contract = ? AND "
                      "major = ?",
                      "ssi", product, contract, major))
        return false;
    if (metadb_next(t, st))
        *since_us_out = metadb_int(st, 0);
    return metadb_end(t, st);
}
