#include "product/product.h"

#include "environment/environment.h"

static bool mark_gone(struct task *t, struct metadb *db, const struct model *model,
                      uint64_t image_version);
static bool assign_domain(struct task *t, struct metadb *db, const struct model_domain *domain,
                          uint64_t *id_out);
static bool assign_product(struct task *t, struct metadb *db, const struct model_product *product,
                           uint64_t domain_id, uint64_t image_version);

bool product_assign_ids(struct task *t, struct metadb *db, const struct model *model,
                        const struct pointer_map *kept, uint64_t image_version)
{
    struct map domains;
    CHECK(metadb_is_writer(db));
    if (!mark_gone(t, db, model, image_version))
        return false;
    map_init(&domains, t->mem);
    for (size_t i = 0; i < model->domains.len; i++) {
        uint64_t *id = ARENA_NEW(t->mem, uint64_t);
        if (!assign_domain(t, db, model->domains.at[i], id))
            return false;
        map_put(&domains, model->domains.at[i]->name, id);
    }
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        const uint64_t *domain = map_find(&domains, product->domain->name);
        bool is_kept = kept != NULL && pointer_map_find(kept, product) != NULL;
        if (!is_kept && !assign_product(t, db, product, *domain, image_version))
            return false;
    }
    return true;
}

static bool remove_product(struct task *t, struct metadb *db, uint64_t id, uint64_t image_version)
{
    return metadb_run(t, db,
                      "UPDATE column_ SET removed = 1 WHERE table_id IN (SELECT id FROM table_ "
                      "WHERE removed = 0 AND "
                      "product_id = ?)",
                      "i", id)
        && metadb_run(t, db, "UPDATE table_ SET removed = 1 WHERE product_id = ?", "i", id)
        && metadb_run(t, db,
                      "UPDATE product SET removed = 1, release = 0, changed_version = ? WHERE id = "
                      "?",
                      "ii", image_version, id);
}

static bool mark_gone(struct task *t, struct metadb *db, const struct model *model,
                      uint64_t image_version)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, "SELECT id, address FROM product WHERE removed = 0", ""))
        return false;
    struct {
        VEC_OF(uint64_t)
    } gone = {0};
    while (metadb_next(t, st)) {
        if (model_find_product(model, metadb_str(t->mem, st, 1)) == NULL)
            vec_push(t->mem, &gone, metadb_uint(st, 0));
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < gone.len; i++)
        if (!remove_product(t, db, gone.at[i], image_version))
            return false;
    return metadb_run(t, db, "UPDATE domain SET removed = 1", "");
}

static bool assign_domain(struct task *t, struct metadb *db, const struct model_domain *domain,
                          uint64_t *id_out)
{
    return metadb_run(
               t, db,
               "INSERT INTO domain (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET removed = "
               "0",
               "s", domain->name)
        && metadb_find_uint(t, db, id_out, "SELECT id FROM domain WHERE name = ?", "s",
                            domain->name);
}

/* What stands under an id now, to be matched with what the contract says. */
struct known {
    uint64_t id;
    str odcs_id, name;
    bool is_taken;
};

struct known_list {
    VEC_OF(struct known)
};

static bool read_known(struct task *t, struct metadb *db, const char *sql, uint64_t owner,
                       struct known_list *out)
{
    struct metadb_statement *st;
    if (!metadb_query(t, db, &st, sql, "i", owner))
        return false;
    while (metadb_next(t, st))
        vec_push(t->mem, out,
                 ((struct known){.id = metadb_uint(st, 0),
                                 .odcs_id = metadb_str(t->mem, st, 1),
                                 .name = metadb_str(t->mem, st, 2)}));
    return metadb_end(t, st);
}

/* Same declared id first; a name serves only where the two do not declare different ids. */
static struct known *match_by_id(struct known_list *known, str odcs_id, str name)
{
    for (size_t i = 0; odcs_id.len > 0 && i < known->len; i++)
        /* A table of another major may have the same declared id, and is another one. */
        if (!known->at[i].is_taken && str_eq(known->at[i].odcs_id, odcs_id)
            && contract_table_major(known->at[i].name) == contract_table_major(name))
            return &known->at[i];
    return NULL;
}

static struct known *match_by_name(struct known_list *known, str odcs_id, str name)
{
    for (size_t i = 0; i < known->len; i++) {
        struct known *k = &known->at[i];
        if (!k->is_taken && str_eq(k->name, name)
            && (odcs_id.len == 0 || k->odcs_id.len == 0 || str_eq(k->odcs_id, odcs_id)))
            return k;
    }
    return NULL;
}

/* What a contract wants, and the row that it gets. */
struct wanted {
    str odcs_id, name;
    struct known *known;
};

static void match_all(struct known_list *known, struct wanted *wanted, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        wanted[i].known = match_by_id(known, wanted[i].odcs_id, wanted[i].name);
        if (wanted[i].known != NULL)
            wanted[i].known->is_taken = true;
    }
    for (size_t i = 0; i < len; i++) {
        if (wanted[i].known != NULL)
            continue;
        wanted[i].known = match_by_name(known, wanted[i].odcs_id, wanted[i].name);
        if (wanted[i].known != NULL)
            wanted[i].known->is_taken = true;
    }
}

/* Names may be swapped in one apply, and must be unique at every moment: the kept rows leave theirs
 * first. */
static bool rename_columns(struct task *t, struct metadb *db, uint64_t table_id,
                           const struct known_list *known, const struct wanted *wanted, size_t len)
{
    for (size_t i = 0; i < known->len; i++)
        if (!known->at[i].is_taken
            && !metadb_run(t, db, "UPDATE column_ SET removed = 1 WHERE table_id = ? AND id = ?",
                           "ii", table_id, known->at[i].id))
            return false;
    if (!metadb_run(t, db, "UPDATE column_ SET name = ' ' || id WHERE table_id = ? AND removed = 0",
                    "i", table_id))
        return false;
    for (size_t i = 0; i < len; i++)
        if (wanted[i].known != NULL
            && !metadb_run(
                t, db, "UPDATE column_ SET name = ?, odcs_id = ? WHERE table_id = ? AND id = ?",
                "sSii", wanted[i].name, wanted[i].odcs_id, table_id, wanted[i].known->id))
            return false;
    return true;
}

static bool assign_columns(struct task *t, struct metadb *db, uint64_t table_id,
                           const struct contract_table *table)
{
    struct known_list known = {0};
    if (!read_known(t, db,
                    "SELECT id, odcs_id, name FROM column_ WHERE table_id = ? AND removed = 0",
                    table_id, &known))
        return false;
    size_t len = table->columns.len;
    struct wanted *wanted = ARENA_ARRAY(t->mem, struct wanted, len);
    for (size_t i = 0; i < len; i++)
        wanted[i] = (struct wanted){table->columns.at[i].id, table->columns.at[i].name, NULL};
    match_all(&known, wanted, len);
    if (!rename_columns(t, db, table_id, &known, wanted, len))
        return false;
    for (size_t i = 0; i < len; i++)
        if (wanted[i].known == NULL
            && !metadb_run(t, db,
                           "INSERT INTO column_ (table_id, id, odcs_id, name) VALUES (?1, "
                           "coalesce(" ENVIRONMENT_ID(4) ", (SELECT coalesce(max(id), 0) + 1 FROM "
                                                         "column_ WHERE table_id = ?1)), ?2, ?3)",
                           "iSsi", table_id, wanted[i].odcs_id, wanted[i].name,
                           (uint64_t)environment_new_column_id()))
            return false;
    return true;
}

struct wanted_tables {
    VEC_OF(struct wanted)
};

static bool rename_tables(struct task *t, struct metadb *db, const struct known_list *known,
                          const struct wanted_tables *wanted)
{
    for (size_t i = 0; i < known->len; i++) {
        uint64_t id = known->at[i].id;
        if (!known->at[i].is_taken
            && (!metadb_run(t, db, "UPDATE column_ SET removed = 1 WHERE table_id = ?", "i", id)
                || !metadb_run(t, db, "UPDATE table_ SET removed = 1 WHERE id = ?", "i", id)))
            return false;
        if (known->at[i].is_taken
            && !metadb_run(t, db, "UPDATE table_ SET name = ' ' || id WHERE id = ?", "i", id))
            return false;
    }
    for (size_t i = 0; i < wanted->len; i++)
        if (wanted->at[i].known != NULL
            && !metadb_run(t, db, "UPDATE table_ SET name = ?, odcs_id = ? WHERE id = ?", "sSi",
                           wanted->at[i].name, wanted->at[i].odcs_id, wanted->at[i].known->id))
            return false;
    return true;
}

static bool assign_tables(struct task *t, struct metadb *db, uint64_t product_id,
                          const struct model_product *product)
{
    struct known_list known = {0};
    struct wanted_tables wanted = {0};
    struct {
        VEC_OF(const struct contract_table *)
    } tables = {0};
    if (!read_known(t, db,
                    "SELECT id, odcs_id, name FROM table_ WHERE product_id = ? AND removed = 0",
                    product_id, &known))
        return false;
    for (size_t i = 0; i < product->outputs.len; i++) {
        const struct contract *contract = product->outputs.at[i].contract;
        for (size_t j = 0; contract != NULL && j < contract->tables.len; j++) {
            const struct contract_table *table = &contract->tables.at[j];
            vec_push(t->mem, &tables, table);
            vec_push(t->mem, &wanted, ((struct wanted){table->id, table->name, NULL}));
        }
    }
    match_all(&known, wanted.at, wanted.len);
    if (!rename_tables(t, db, &known, &wanted))
        return false;
    for (size_t i = 0; i < wanted.len; i++) {
        uint64_t id = wanted.at[i].known != NULL ? wanted.at[i].known->id : 0;
        if (id == 0) {
            if (!metadb_run(
                    t, db,
                    "INSERT INTO table_ (id, product_id, odcs_id, name) SELECT " ENVIRONMENT_ID(
                        4) ", ?1, ?2, ?3",
                    "iSsi", product_id, wanted.at[i].odcs_id, wanted.at[i].name,
                    environment_new_id()))
                return false;
            id = metadb_last_id(db);
        }
        if (!assign_columns(t, db, id, tables.at[i]))
            return false;
    }
    return true;
}

static bool assign_product(struct task *t, struct metadb *db, const struct model_product *product,
                           uint64_t domain_id, uint64_t image_version)
{
    str address = product->address;
    uint64_t id;
    return metadb_run(
               t, db,
               "INSERT INTO product (id, domain_id, address, changed_version) "
               "SELECT " ENVIRONMENT_ID(
                   4) ", ?1, ?2, ?3 WHERE true ON CONFLICT (address) DO UPDATE SET removed = 0, "
                      "domain_id = excluded.domain_id, changed_version = "
                      "excluded.changed_version",
               "isii", domain_id, address, image_version, environment_new_id())
        && product_find_id(t, db, address, &id) && assign_tables(t, db, id, product);
}

bool product_find_id(struct task *t, struct metadb *db, str address, uint64_t *id_out)
{
    return metadb_find_uint(t, db, id_out, "SELECT id FROM product WHERE address = ?", "s",
                            address);
}

static bool read_columns(struct task *t, struct arena *mem, struct metadb *db,
                         struct product_table *table)
{
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT id, odcs_id, name FROM column_ WHERE table_id = ? AND removed = 0 ORDER "
            "BY id",
            "i", table->id))
        return false;
    while (metadb_next(t, st))
        vec_push(mem, &table->columns,
                 ((struct product_column){.id = (uint32_t)metadb_uint(st, 0),
                                          .odcs_id = metadb_str(mem, st, 1),
                                          .name = metadb_str(mem, st, 2)}));
    return metadb_end(t, st);
}

static bool read_tables(struct task *t, struct arena *mem, struct metadb *db,
                        struct product *product)
{
    struct metadb_statement *st;
    if (!metadb_query(
            t, db, &st,
            "SELECT id, odcs_id, name FROM table_ WHERE product_id = ? AND removed = 0 ORDER "
            "BY id",
            "i", product->id))
        return false;
    while (metadb_next(t, st))
        vec_push(mem, &product->tables,
                 ((struct product_table){.id = metadb_uint(st, 0),
                                         .odcs_id = metadb_str(mem, st, 1),
                                         .name = metadb_str(mem, st, 2)}));
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < product->tables.len; i++)
        if (!read_columns(t, mem, db, &product->tables.at[i]))
            return false;
    return true;
}

bool product_read(struct task *t, struct arena *mem, struct metadb *db, uint64_t changed_after,
                  struct product_list *out)
{
    *out = (struct product_list){0};
    struct metadb *now;
    struct metadb_statement *st;
    if (!metadb_snapshot(t, db, &now)
        || !metadb_query(
            t, now, &st,
            "SELECT id, address, release, changed_version FROM product WHERE removed = 0 "
            "AND changed_version > ? ORDER BY address",
            "i", changed_after))
        return false;
    while (metadb_next(t, st)) {
        struct product *product = ARENA_NEW(mem, struct product);
        *product = (struct product){.id = metadb_uint(st, 0),
                                    .address = metadb_str(mem, st, 1),
                                    .release = metadb_uint(st, 2),
                                    .changed_version = metadb_uint(st, 3)};
        vec_push(mem, out, product);
    }
    if (!metadb_end(t, st))
        return false;
    for (size_t i = 0; i < out->len; i++)
        if (!read_tables(t, mem, now, out->at[i]))
            return false;
    if (now != db)
        metadb_snapshot_end(t, now);
    return true;
}

bool product_release(struct task *t, struct metadb *db, str address, uint64_t *out)
{
    return metadb_find_uint(
        t, db, out, "SELECT release FROM product WHERE address = ? AND removed = 0", "s", address);
}
