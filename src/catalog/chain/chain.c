#include "chain/chain.h"

#include <inttypes.h>

#include "crypto/crypto.h"
#include "query_row/query_row.h"

enum { CHAIN_PAGE_ROWS = 1000 };

const char *chain_fault_name(enum chain_fault fault)
{
    static const char *const NAMES[] = {
        [CHAIN_WHOLE] = "none",         [CHAIN_EDITED] = "edited",
        [CHAIN_MISSING] = "missing",    [CHAIN_OUT_OF_ORDER] = "out of order",
        [CHAIN_INSERTED] = "inserted",  [CHAIN_TRUNCATED] = "truncated",
        [CHAIN_REWRITTEN] = "rewritten"};
    return NAMES[fault];
}

/* What is known while the rows go by. */
struct walk {
    struct metadb *db; /* of the page: rows and the queries that they tell of, at one instant */
    struct chain_verdict *out;
    const struct chain_head *head;
    char hash[CRYPTO_SHA256_HEX];  /* of the row before */
    uint64_t first_query, queries; /* numbers of the first and of the last query of version 2 */
    uint64_t ends;                 /* of queries that were announced and ended, or refused */
    bool has_old;                  /* rows of version 1, which name no query */
};

static void broken(struct walk *w, enum chain_fault fault, uint64_t at, str reason)
{
    w->out->fault = fault;
    w->out->broken_at = at;
    w->out->reason = reason;
}

#define BROKEN(t, w, fault, at, ...) broken((w), (fault), (at), arena_format((t)->mem, __VA_ARGS__))

static str before(const struct walk *w)
{
    return (str){w->hash, sizeof w->hash};
}

/* Where a row with this hash stands; 0: nowhere. Reads all of the table, once, when something is broken. */
static bool find_hash(struct task *t, struct metadb *db, str hash, uint64_t *sequence_out)
{
    return metadb_find_uint(t, db, sequence_out,
                            "SELECT sequence FROM audit WHERE hash = ? LIMIT 1", "s", hash);
}

/* It is the stranger itself: the row behind it follows the one before it, or it is a copy of the row whose place it claims. */
static bool is_put_in(struct task *t, struct walk *w, const struct audit_row *row,
                      uint64_t followed, bool *out)
{
    struct audit_list next, claimed;
    if (!audit_after(t, w->db, row->sequence, 1, &next)
        || !audit_after(t, w->db, followed, 1, &claimed))
        return false;
    *out = (next.len == 1 && str_eq(next.at[0].previous_hash, before(w)))
        || (claimed.len == 1 && claimed.at[0].sequence != row->sequence
            && str_eq(claimed.at[0].hash, row->hash));
    return true;
}

/* Its link leads elsewhere than to the row before it: where to, tells what happened. */
static bool judge_link(struct task *t, struct walk *w, const struct audit_row *row)
{
    uint64_t followed;
    bool is_new;
    struct audit_row as_linked = *row;
    as_linked.previous_hash = before(w);
    if (str_eq(audit_hash(t->mem, &as_linked), row->hash)) {
        BROKEN(t, w, CHAIN_EDITED, row->sequence,
               "row %" PRIu64 " was edited: its link to the row before is not what was hashed",
               row->sequence);
        return true;
    }
    if (!find_hash(t, w->db, row->previous_hash, &followed)
        || !is_put_in(t, w, row, followed, &is_new))
        return false;
    if (followed >= row->sequence)
        BROKEN(t, w, CHAIN_OUT_OF_ORDER, row->sequence,
               "row %" PRIu64 " is out of order: the row that it follows stands at %" PRIu64,
               row->sequence, followed);
    else if (is_new)
        BROKEN(t, w, CHAIN_INSERTED, row->sequence, "row %" PRIu64 " was inserted", row->sequence);
    else if (followed + 1 < row->sequence
             && (followed > 0 || str_eq(row->previous_hash, STR(AUDIT_NOTHING))))
        BROKEN(t, w, CHAIN_INSERTED, followed + 1,
               "rows %" PRIu64 " to %" PRIu64 " were inserted: row %" PRIu64
               " follows row %" PRIu64,
               followed + 1, row->sequence - 1, row->sequence, followed);
    else
        BROKEN(t, w, CHAIN_MISSING, row->sequence,
               "rows are missing before row %" PRIu64
               ": the row that it follows is nowhere, and those behind were given new numbers",
               row->sequence);
    return true;
}

/* It stands in the right place and is not what was hashed: changed, or put there. */
static bool judge_content(struct task *t, struct walk *w, const struct audit_row *row)
{
    struct audit_list next;
    if (!audit_after(t, w->db, row->sequence, 1, &next))
        return false;
    if (next.len == 1 && str_eq(next.at[0].previous_hash, before(w)))
        BROKEN(t, w, CHAIN_INSERTED, row->sequence,
               "row %" PRIu64 " was inserted: row %" PRIu64 " follows the one before it",
               row->sequence, next.at[0].sequence);
    else
        BROKEN(t, w, CHAIN_EDITED, row->sequence,
               "row %" PRIu64 " was edited: its content is not what was hashed", row->sequence);
    return true;
}

/* The query's rows are as they were when this row was written. */
static bool judge_query(struct task *t, struct walk *w, const struct audit_row *row)
{
    bool is_end = str_eq(row->action, STR("query.end"));
    bool is_refused = !is_end && !str_eq(row->outcome, STR("allowed"));
    str record;
    bool is_next = row->query == w->queries + 1 || (w->first_query == 0 && w->has_old);
    if (!is_end && !is_next) {
        BROKEN(t, w, CHAIN_EDITED, row->sequence,
               "row %" PRIu64 " tells of query %" PRIu64 ", and the one before of %" PRIu64,
               row->sequence, row->query, w->queries);
        return true;
    }
    if (is_end ? !query_row_end_record(t, w->db, row->query, &record)
               : !query_row_record(t, w->db, row->query, is_refused, &record))
        return false;
    if (record.len == 0)
        BROKEN(t, w, CHAIN_MISSING, row->sequence,
               "the recorded query %" PRIu64 " that row %" PRIu64 " tells of is missing",
               row->query, row->sequence);
    else if (!str_eq(record, row->record))
        BROKEN(t, w, CHAIN_EDITED, row->sequence,
               "the recorded query %" PRIu64 " that row %" PRIu64 " tells of was edited",
               row->query, row->sequence);
    if (!is_end) {
        w->first_query = w->first_query == 0 ? row->query : w->first_query;
        w->queries = row->query;
    }
    w->ends += is_end || is_refused;
    w->out->lost += is_end && str_eq(row->outcome, STR("unknown"));
    return true;
}

static bool judge(struct task *t, struct walk *w, const struct audit_row *row)
{
    uint64_t wanted = w->out->rows + 1;
    if (row->sequence > wanted) {
        BROKEN(t, w, CHAIN_MISSING, wanted, "rows %" PRIu64 " to %" PRIu64 " are missing", wanted,
               row->sequence - 1);
        return true;
    }
    if (!str_eq(row->previous_hash, before(w)))
        return judge_link(t, w, row);
    if (!str_eq(row->hash, audit_hash(t->mem, row)))
        return judge_content(t, w, row);
    if (w->head != NULL && row->sequence == w->head->sequence
        && !str_eq(row->hash, w->head->hash)) {
        BROKEN(t, w, CHAIN_REWRITTEN, row->sequence,
               "the rows up to %" PRIu64
               " were written anew: they fit one another, and not the head that was exported",
               row->sequence);
        return true;
    }
    w->has_old = w->has_old || row->version == 1;
    return row->query == 0 || judge_query(t, w, row);
}

static bool walk_page(struct task *t, struct walk *w, bool *is_last_out)
{
    struct audit_list page;
    if (!audit_after(t, w->db, w->out->rows, CHAIN_PAGE_ROWS, &page))
        return false;
    *is_last_out = page.len < CHAIN_PAGE_ROWS;
    for (size_t i = 0; i < page.len && w->out->fault == CHAIN_WHOLE; i++) {
        const struct audit_row *row = &page.at[i];
        if (!judge(t, w, row))
            return false;
        if (w->out->fault != CHAIN_WHOLE)
            break;
        memcpy(w->hash, row->hash.ptr, sizeof w->hash);
        w->out->rows++;
    }
    return true;
}

static bool count(struct task *t, struct metadb *db, const char *sql, uint64_t a, uint64_t b,
                  uint64_t *out)
{
    return metadb_find_uint(t, db, out, sql, "ii", a, b);
}

/* Rows before the first, which no chain begins with. */
static bool judge_start(struct task *t, struct walk *w)
{
    uint64_t strays;
    if (!count(t, w->db, "SELECT count(*) FROM audit WHERE sequence < ?1 OR sequence < ?2", 1, 1,
               &strays))
        return false;
    if (strays > 0)
        BROKEN(t, w, CHAIN_INSERTED, 0, "%" PRIu64 " rows stand before row 1: they were inserted",
               strays);
    return true;
}

/* Queries that no row tells of, or that ended without one. */
static bool judge_queries(struct task *t, struct walk *w)
{
    struct chain_verdict *out = w->out;
    uint64_t first = w->first_query, strays, ended;
    if (!count(t, w->db,
               "SELECT min(sequence) FROM query WHERE sequence > ?1 OR (?2 <= 1 AND sequence < 1)",
               w->queries, first, &strays))
        return false;
    if (strays != 0 && !(first == 0 && w->has_old)) {
        BROKEN(t, w, CHAIN_INSERTED, out->rows,
               "the recorded query %" PRIu64 " was inserted: no row tells of it", strays);
        return true;
    }
    if (first == 0)
        return true;
    out->queries = w->queries - first + 1;
    if (!count(
            t, w->db,
            "SELECT count(*) FROM query WHERE sequence >= ?1 AND ?2 = ?2 AND outcome = 'running'",
            first, first, &out->unfinished))
        return false;
    if (w->ends + out->unfinished == out->queries)
        return true;
    if (!count(t, w->db,
               "SELECT sequence FROM query WHERE sequence >= ?1 AND ?2 = ?2 AND "
               "outcome <> 'running' AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.query = "
               "query.sequence AND (action = 'query.end' OR audit.outcome <> 'allowed')) LIMIT 1",
               first, first, &ended))
        return false;
    BROKEN(t, w, CHAIN_EDITED, out->rows,
           "the recorded query %" PRIu64 " was edited: it has an end that no row tells of", ended);
    return true;
}

static void judge_head(struct task *t, struct walk *w)
{
    if (w->head == NULL || w->out->rows >= w->head->sequence)
        return;
    BROKEN(t, w, CHAIN_TRUNCATED, w->out->rows + 1,
           "the audit was truncated after row %" PRIu64
           ": the head that was exported is row %" PRIu64,
           w->out->rows, w->head->sequence);
}

/* The page that ends the walk has the last word on what is at work at its instant. */
static bool walk_all(struct task *t, struct walk *w, struct metadb *db,
                     const struct chain_watcher *watcher, uint64_t of)
{
    bool is_last = false;
    char reason[512];
    while (!is_last && w->out->fault == CHAIN_WHOLE) {
        struct arena_mark mark = arena_mark(t->mem);
        if (!metadb_snapshot(t, db, &w->db) || (w->out->rows == 0 && !judge_start(t, w))
            || (w->out->fault == CHAIN_WHOLE && !walk_page(t, w, &is_last)))
            return false;
        if (is_last && w->out->fault == CHAIN_WHOLE)
            judge_head(t, w);
        if (is_last && w->out->fault == CHAIN_WHOLE && !judge_queries(t, w))
            return false;
        size_t len = w->out->reason.len < sizeof reason ? w->out->reason.len : sizeof reason;
        if (len > 0)
            memcpy(reason, w->out->reason.ptr, len);
        arena_rewind(t->mem, mark);
        w->out->reason = arena_str(t->mem, (str){reason, len});
        if (watcher != NULL && !watcher->progress(t, watcher->ctx, w->out->rows, of))
            return false;
    }
    return true;
}

bool chain_verify(struct task *t, struct metadb *db, const struct chain_head *head,
                  const struct chain_watcher *watcher, struct chain_verdict *out)
{
    struct walk w = {.out = out, .head = head};
    struct chain_head last;
    *out = (struct chain_verdict){0};
    memcpy(w.hash, AUDIT_NOTHING, sizeof w.hash);
    if (!chain_last(t, db, &last) || !walk_all(t, &w, db, watcher, last.sequence))
        return false;
    out->head = arena_str(t->mem, before(&w));
    return true;
}
