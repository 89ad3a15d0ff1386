/* What goes from one catalog to another: ids of what an environment made, and its audit. */
#include "buf/buf.h"
#include "environment/environment.h"
#include "json_out/json_out.h"
#include "limits/limits.h"

enum { CARRY_PAGE_ROWS = 500 };

struct carry_row {
    uint64_t id, owner_id;
    str odcs_id, name;
};

struct carry_rows {
    VEC_OF(struct carry_row)
};

static bool read_rows(struct task *t, struct metadb *db, const char *sql, uint64_t owner,
                      struct carry_rows *out)
{
    struct metadb_statement *st;
    *out = (struct carry_rows){0};
    if (!metadb_query(t, db, &st, sql, "i", owner))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct carry_row){.id = metadb_uint(st, 0),
                                     .owner_id = metadb_uint(st, 1),
                                     .odcs_id = metadb_str(t->mem, st, 2),
                                     .name = metadb_str(t->mem, st, 3)}));
    return metadb_end(t, st);
}

static bool is_there(struct task *t, struct metadb *db, const char *sql, uint64_t a, uint64_t b,
                     str name, bool *out)
{
    return metadb_has(t, db, out, sql, "iis", a, b, name);
}

/* One that has the id, or the name, in `db` stays as it is: what was made under the other id is not this one. */
static bool take_columns(struct task *t, struct metadb *db, struct metadb *from, uint64_t table_id)
{
    struct carry_rows rows;
    if (!read_rows(t, from,
                   "SELECT id, table_id, odcs_id, name FROM column_ WHERE table_id = ? AND "
                   "removed = 0",
                   table_id, &rows))
        return false;
    for (size_t i = 0; i < rows.len; i++) {
        const struct carry_row *row = &rows.at[i];
        bool has;
        if (!is_there(t, db,
                      "SELECT 1 FROM column_ WHERE table_id = ?1 AND (id = ?2 OR (name = ?3 AND "
                      "removed = 0))",
                      table_id, row->id, row->name, &has)
            || (!has
                && !metadb_run(t, db,
                               "INSERT INTO column_ (table_id, id, odcs_id, name) VALUES (?, ?, "
                               "?, ?)",
                               "iiSs", table_id, row->id, row->odcs_id, row->name)))
            return false;
    }
    return true;
}

static bool take_tables(struct task *t, struct metadb *db, struct metadb *from, uint64_t product_id)
{
    struct carry_rows rows;
    if (!read_rows(t, from,
                   "SELECT id, product_id, odcs_id, name FROM table_ WHERE product_id = ? AND "
                   "removed = 0",
                   product_id, &rows))
        return false;
    for (size_t i = 0; i < rows.len; i++) {
        const struct carry_row *row = &rows.at[i];
        bool is_same, is_other = false;
        if (!is_there(t, db,
                      "SELECT 1 FROM table_ WHERE product_id = ?1 AND id = ?2 AND removed = 0 AND "
                      "?3 = ?3",
                      product_id, row->id, row->name, &is_same)
            || (!is_same
                && !is_there(t, db,
                             "SELECT 1 FROM table_ WHERE id = ?2 OR (product_id = ?1 AND name = "
                             "?3 AND removed = 0)",
                             product_id, row->id, row->name, &is_other)))
            return false;
        if (is_other)
            continue;
        if (!is_same
            && !metadb_run(t, db,
                           "INSERT INTO table_ (id, product_id, odcs_id, name) VALUES (?, ?, ?, ?)",
                           "iiSs", row->id, product_id, row->odcs_id, row->name))
            return false;
        if (!take_columns(t, db, from, row->id))
            return false;
    }
    return true;
}

/* A domain of an environment is one of the mesh: they are made there alone. */
static bool take_product(struct task *t, struct metadb *db, struct metadb *from,
                         const struct carry_row *row)
{
    str domain, name;
    bool is_same, is_other = false;
    (void)str_cut(row->name, '.', &domain, &name);
    if (!is_there(t, db, "SELECT 1 FROM product WHERE id = ?1 AND ?2 = ?2 AND address = ?3",
                  row->id, row->id, row->name, &is_same)
        || (!is_same
            && !is_there(t, db, "SELECT 1 FROM product WHERE id = ?1 OR ?2 <> ?2 OR address = ?3",
                         row->id, row->id, row->name, &is_other)))
        return false;
    if (is_other)
        return true;
    if (!is_same
        && !metadb_run(t, db,
                       "INSERT INTO product (id, domain_id, address, changed_version) SELECT ?1, "
                       "id, ?2, 0 FROM domain WHERE name = ?3",
                       "iss", row->id, row->name, domain))
        return false;
    return take_tables(t, db, from, row->id);
}

bool environment_take_ids(struct task *t, struct metadb *db, struct metadb *from,
                          const struct model *model)
{
    struct carry_rows rows;
    CHECK(metadb_is_writer(db));
    if (!read_rows(t, from,
                   "SELECT id, domain_id, NULL, address FROM product WHERE removed = 0 AND ? = 0",
                   0, &rows))
        return false;
    for (size_t i = 0; i < rows.len; i++) {
        struct arena_mark mark = arena_mark(t->mem);
        if (model_find_product(model, rows.at[i].name) != NULL
            && !take_product(t, db, from, &rows.at[i]))
            return false;
        arena_rewind(t->mem, mark);
    }
    return true;
}

/* ---- the audit */

bool environment_take_audit(struct task *t, struct metadb *db, struct metadb *from)
{
    uint64_t after = 0;
    bool has_more = true;
    CHECK(metadb_is_writer(db));
    while (has_more) {
        struct arena_mark mark = arena_mark(t->mem);
        struct audit_list page;
        if (!audit_after(t, from, after, CARRY_PAGE_ROWS, &page))
            return false;
        for (size_t i = 0; i < page.len; i++)
            if (!audit_put(t, db, &page.at[i]))
                return false;
        has_more = page.len == CARRY_PAGE_ROWS;
        after = page.len > 0 ? page.at[page.len - 1].sequence : after;
        arena_rewind(t->mem, mark);
    }
    return true;
}

struct keeping {
    struct metadb *from;
    str name;
};

static bool kept_until(struct task *t, struct metadb *mesh, str name, uint64_t *out)
{
    return metadb_find_uint(t, mesh, out, "SELECT sequence FROM environment_audit WHERE name = ?",
                            "s", name);
}

/* What the row was there, with its hash, so that it can be told from one that was made up since. */
static str detail_of(struct arena *mem, str name, const struct audit_row *row)
{
    struct json_out o = {.b = buf_new(mem, 2 * (size_t)DOCUMENT_BYTES_MAX)};
    json_out_begin(&o, "", '{');
    json_out_str(&o, "environment", name);
    json_out_uint(&o, "sequence", row->sequence);
    json_out_str(&o, "hash", row->hash);
    if (row->detail.len > 0)
        json_out_raw(&o, "detail", row->detail);
    json_out_end(&o, '}');
    CHECK(!o.b->full);
    return buf_str(o.b);
}

static bool keep_page(struct task *t, struct metadb *mesh, struct keeping *k, uint64_t *after_io,
                      bool *has_more_out)
{
    struct audit_list page;
    if (!audit_after(t, k->from, *after_io, CARRY_PAGE_ROWS, &page))
        return false;
    *has_more_out = page.len == CARRY_PAGE_ROWS;
    for (size_t i = 0; i < page.len; i++) {
        const struct audit_row *row = &page.at[i];
        struct audit_row kept = {
            .time_us = row->time_us,
            .actor_kind = row->actor_kind,
            .actor = row->actor,
            .on_behalf = row->on_behalf,
            .door = row->door,
            .action = arena_format(t->mem, "env." STR_FMT, STR_ARG(row->action)),
            .object = row->object,
            .outcome = row->outcome,
            .detail = detail_of(t->mem, k->name, row),
        };
        if (!audit_add(t, mesh, &kept))
            return false;
        *after_io = row->sequence;
    }
    return true;
}

static bool keep_audit(struct task *t, struct metadb *mesh, void *state)
{
    struct keeping *k = state;
    uint64_t after;
    bool has_more = true;
    if (!kept_until(t, mesh, k->name, &after))
        return false;
    while (has_more) {
        struct arena_mark mark = arena_mark(t->mem);
        if (!keep_page(t, mesh, k, &after, &has_more))
            return false;
        arena_rewind(t->mem, mark);
    }
    return metadb_run(t, mesh,
                      "INSERT INTO environment_audit VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE "
                      "SET sequence = ?2",
                      "si", k->name, after);
}

bool environment_keep_audit(struct task *t, struct metadb *mesh, struct metadb *from, str name)
{
    struct keeping k = {from, name};
    struct audit_list more;
    uint64_t after;
    if (!kept_until(t, mesh, name, &after) || !audit_after(t, from, after, 1, &more))
        return false;
    return more.len == 0 || metadb_write(t, mesh, keep_audit, &k);
}

bool environment_forget_audit(struct task *t, struct metadb *mesh, str name)
{
    CHECK(metadb_is_writer(mesh));
    return metadb_run(t, mesh, "DELETE FROM environment_audit WHERE name = ?", "s", name);
}
