#include "compliance/compliance.h"

static bool found_one(struct task *t, struct metadb *db, const struct compliance_row *row,
                      int64_t now_us)
{
    if (!metadb_run(t, db,
                    "UPDATE compliance SET checked_us = ? WHERE policy = ? AND domain = ? AND "
                    "is_current = 1 AND is_warning = ? AND violations = ? AND objects = ?",
                    "issdii", now_us, row->policy, row->domain, (int)row->is_warning,
                    row->violations, row->objects))
        return false;
    if (metadb_changes(db) > 0)
        return true;
    return metadb_run(t, db,
                      "UPDATE compliance SET is_current = 0 WHERE policy = ? AND domain = ? AND "
                      "is_current = 1",
                      "ss", row->policy, row->domain)
        && metadb_run(t, db,
                      "INSERT INTO compliance (policy, domain, is_warning, violations, objects, "
                      "since_us, checked_us, is_current) VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
                      "ssdiiii", row->policy, row->domain, (int)row->is_warning, row->violations,
                      row->objects, now_us, now_us);
}

bool compliance_found(struct task *t, struct metadb *db, const struct compliance_list *found,
                      int64_t now_us)
{
    CHECK(metadb_is_writer(db));
    for (size_t i = 0; i < found->len; i++)
        if (!found_one(t, db, &found->at[i], now_us))
            return false;
    return true;
}

static bool is_found(const struct compliance_list *found, const struct compliance_row *row)
{
    for (size_t i = 0; i < found->len; i++)
        if (str_eq(found->at[i].policy, row->policy) && str_eq(found->at[i].domain, row->domain))
            return true;
    return false;
}

bool compliance_found_all(struct task *t, struct metadb *db, const struct compliance_list *found,
                          int64_t now_us)
{
    struct compliance_list before;
    CHECK(metadb_is_writer(db));
    if (!compliance_list(t, db, true, &before))
        return false;
    for (size_t i = 0; i < before.len; i++)
        if (!is_found(found, &before.at[i])
            && !metadb_run(t, db,
                           "UPDATE compliance SET is_current = 0 WHERE policy = ? AND domain = ? "
                           "AND is_current = 1",
                           "ss", before.at[i].policy, before.at[i].domain))
            return false;
    return compliance_found(t, db, found, now_us);
}

bool compliance_list(struct task *t, struct metadb *db, bool is_current,
                     struct compliance_list *out)
{
    struct metadb_statement *st;
    *out = (struct compliance_list){0};
    if (!metadb_query(t, db, &st,
                      "SELECT policy, domain, is_warning, violations, objects, since_us, "
                      "checked_us, is_current FROM (SELECT * FROM compliance WHERE is_current >= ? "
                      "ORDER BY sequence DESC LIMIT ?) ORDER BY policy, domain, sequence",
                      "di", (int)is_current, (int64_t)COMPLIANCE_ROWS_MAX))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct compliance_row){.policy = metadb_str(t->mem, st, 0),
                                          .domain = metadb_str(t->mem, st, 1),
                                          .is_warning = metadb_int(st, 2) != 0,
                                          .violations = metadb_uint(st, 3),
                                          .objects = metadb_uint(st, 4),
                                          .since_us = metadb_int(st, 5),
                                          .checked_us = metadb_int(st, 6),
                                          .is_current = metadb_int(st, 7) != 0}));
    return metadb_end(t, st);
}
