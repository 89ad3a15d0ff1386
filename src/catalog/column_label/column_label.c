#include "column_label/column_label.h"

static bool insert_label(struct task *t, struct metadb *db, const struct label *label)
{
    str address = label->product->address;
    if (!metadb_run(t, db,
                    "INSERT INTO column_label SELECT c.table_id, c.id, ?4, ?5, ?6, ?7 FROM "
                    "product p JOIN table_ t ON t.product_id = p.id JOIN column_ c ON "
                    "c.table_id = t.id WHERE p.address = ?1 AND t.name = ?2 AND c.name = ?3 "
                    "AND p.removed = 0 AND t.removed = 0 AND c.removed = 0",
                    "sssdsss", address, label->table->name, label->column->name, (int)label->is_tag,
                    label->text, label->origin, label->domain->name))
        return false;
    return metadb_changes(db) == 1
        || task_fail(t, ERR_CORRUPT, "the catalog has no id for " STR_FMT " of " STR_FMT,
                     STR_ARG(label->column->name), STR_ARG(address));
}

/* Of all products but those that are kept; what is gone has none either. */
static bool remove_labels(struct task *t, struct metadb *db, const struct model *model,
                          const struct pointer_map *kept)
{
    if (kept == NULL || kept->len == 0)
        return metadb_run(t, db, "DELETE FROM column_label", "");
    for (size_t i = 0; i < model->products.len; i++) {
        str address = model->products.at[i]->address;
        if (pointer_map_find(kept, model->products.at[i]) == NULL
            && !metadb_run(t, db,
                           "DELETE FROM column_label WHERE table_id IN (SELECT t.id FROM product p "
                           "JOIN table_ t ON t.product_id = p.id WHERE p.address = ?)",
                           "s", address))
            return false;
    }
    return metadb_run(t, db,
                      "DELETE FROM column_label WHERE table_id IN (SELECT id FROM table_ WHERE "
                      "removed = 1)",
                      "");
}

bool column_label_replace(struct task *t, struct metadb *db, const struct model *model,
                          const struct labels *labels, const struct pointer_map *kept)
{
    CHECK(metadb_is_writer(db));
    if (!remove_labels(t, db, model, kept))
        return false;
    for (size_t i = 0; i < labels->len; i++) {
        bool is_kept = kept != NULL && pointer_map_find(kept, labels->at[i].product) != NULL;
        if (!is_kept && !insert_label(t, db, &labels->at[i]))
            return false;
    }
    return true;
}

static bool read_rows(struct task *t, struct arena *mem, struct metadb_statement *st,
                      struct column_labels *out)
{
    *out = (struct column_labels){0};
    while (metadb_next(t, st))
        vec_push(mem, out,
                 ((struct column_label){.table_id = metadb_uint(st, 0),
                                        .column_id = (uint32_t)metadb_uint(st, 1),
                                        .is_tag = metadb_int(st, 2) != 0,
                                        .text = metadb_str(mem, st, 3),
                                        .origin = metadb_str(mem, st, 4),
                                        .origin_domain = metadb_str(mem, st, 5)}));
    return metadb_end(t, st);
}

bool column_label_read(struct task *t, struct arena *mem, struct metadb *db, uint64_t product_id,
                       struct column_labels *out)
{
    struct metadb_statement *st;
    return metadb_query(
               t, db, &st,
               "SELECT table_id, column_id, is_tag, label, origin, origin_domain FROM "
               "column_label WHERE table_id IN (SELECT id FROM table_ WHERE product_id = ? "
               "AND removed = 0) ORDER BY 1, 2, 3, 4, 5",
               "i", product_id)
        && read_rows(t, mem, st, out);
}

bool column_label_keep(struct task *t, struct metadb *db, uint64_t release_id, uint64_t table_id)
{
    CHECK(metadb_is_writer(db));
    return metadb_run(t, db,
                      "INSERT INTO release_label SELECT ?1, table_id, column_id, is_tag, label, "
                      "origin, origin_domain FROM column_label WHERE table_id = ?2",
                      "ii", release_id, table_id);
}

bool column_label_of_release(struct task *t, struct arena *mem, struct metadb *db,
                             uint64_t product_id, uint64_t number, struct column_labels *out)
{
    struct metadb_statement *st;
    return metadb_query(t, db, &st,
                        "SELECT l.table_id, l.column_id, l.is_tag, l.label, l.origin, "
                        "l.origin_domain FROM release r JOIN release_label l ON l.release_id = "
                        "r.id WHERE r.product_id = ? AND r.number = ? ORDER BY 1, 2, 3, 4, 5",
                        "ii", product_id, number)
        && read_rows(t, mem, st, out);
}

struct policy_label column_label_as_seen(const struct column_label *label,
                                         const struct model_domain *domain)
{
    static const struct str_list nobody = {0};
    return (struct policy_label){.is_tag = label->is_tag,
                                 .text = label->text,
                                 .origin = label->origin,
                                 .owners = domain != NULL ? &domain->owners : &nobody};
}
