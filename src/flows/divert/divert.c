#include "divert/divert.h"

#include "audit/audit.h"
#include "buf/buf.h"
#include "fault/fault.h"
#include "image/images.h"
#include "limits/limits.h"

static const struct image_product *divert_product(const struct image *image, uint64_t id)
{
    for (size_t i = 0; i < image->products.len; i++) {
        if (image->products.at[i].id == id) {
            return &image->products.at[i];
        }
    }
    return NULL;
}

static const struct image_table *divert_table(const struct image_product *product, uint64_t id)
{
    for (size_t i = 0; i < product->tables.len; i++) {
        if (product->tables.at[i].id == id) {
            return &product->tables.at[i];
        }
    }
    return NULL;
}

static void divert_number(struct json_out *o, const char *key, bool is_clear, uint64_t number)
{
    if (is_clear) {
        json_out_uint(o, key, number);
    } else {
        json_out_null(o, key);
    }
}

/* What it is a table of: empty where that is no more. Numbers are for those who see all of the table; no policy speaks of a source, so
 * that its numbers are for those who see all that is made. */
static str divert_name(struct task *t, const struct image *image,
                       const struct image_product *product, const struct quarantine_row *row,
                       bool *is_clear_out)
{
    const struct image_table *table = divert_table(product, row->table_id);
    bool is_clear = true;

    if (table != NULL) {
        *is_clear_out = gate_is_clear(t, image, table);
        return table->name;
    }
    for (size_t i = 0; i < product->tables.len; i++) {
        is_clear = is_clear && gate_is_clear(t, image, &product->tables.at[i]);
    }
    *is_clear_out = is_clear;
    return row->input_port.len > 0 ? quarantine_input_name(t->mem, row) : STR_NONE;
}

static void divert_put(const struct quarantine_row *row, const struct image_product *product,
                       str table, bool is_candidate, bool is_clear, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "product", product->address);
    json_out_str(o, "table", table);
    json_out_bool(o, "is_input", row->input_port.len > 0);
    json_out_bool(o, "is_candidate", is_candidate);
    json_out_str(o, "run", row->run_id);
    divert_number(o, "release", row->release > 0, row->release);
    json_out_time(o, "diverted_at", row->diverted_us);
    divert_number(o, "rows", is_clear, row->rows);
    json_out_begin(o, "rules", '[');
    for (size_t i = 0; i < row->rules.len; i++) {
        json_out_begin(o, "", '{');
        json_out_str(o, "rule", row->rules.at[i].id);
        json_out_str(o, "demand", row->rules.at[i].demand);
        divert_number(o, "rows", is_clear, row->rules.at[i].rows);
        json_out_end(o, '}');
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
}

static bool divert_put_all(struct task *t, struct services *s, const struct image *image,
                           const struct quarantine_which *which, struct json_out *o)
{
    struct quarantine_list rows;

    if (!quarantine_find(t, s->db, which, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        const struct image_product *product = divert_product(image, rows.at[i].product_id);
        bool is_clear = false;
        str name = STR_NONE;

        if (product != NULL && gate_may_discover(t, image, product)) {
            name = divert_name(t, image, product, &rows.at[i], &is_clear);
        }
        if (name.len > 0) {
            divert_put(&rows.at[i], product, name, which->is_candidate, is_clear, o);
        }
    }
    return true;
}

bool divert_list(struct task *t, struct services *s, str address, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    const struct image_product *product = NULL;
    struct quarantine_which which = {0};

    if (address.len > 0 && !services_find_product(t, image, address, &product)) {
        return false;
    }
    which.product_id = product != NULL ? product->id : 0;
    json_out_begin(o, "", '{');
    json_out_begin(o, "quarantine", '[');
    if (!divert_put_all(t, s, image, &which, o)) {
        return false;
    }
    which.is_candidate = true;
    if (!divert_put_all(t, s, image, &which, o)) {
        return false;
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}

/* ---- dropping */

/* `port.table`, of a source whose rows are there. */
static bool divert_find_input(struct task *t, struct services *s,
                              const struct image_product *product, str name, uint64_t *id_out)
{
    struct quarantine_which which = {.product_id = product->id};
    struct quarantine_list rows;

    if (!quarantine_find(t, s->db, &which, &rows)) {
        return false;
    }
    for (size_t i = 0; i < rows.len; i++) {
        if (rows.at[i].input_port.len > 0
            && str_eq(quarantine_input_name(t->mem, &rows.at[i]), name)) {
            *id_out = rows.at[i].table_id;
        }
    }
    return true;
}

bool divert_which(struct task *t, struct services *s, const struct image_product *product,
                  str table, str run_id, struct quarantine_which *out)
{
    *out = (struct quarantine_which){.product_id = product->id, .run_id = run_id};
    if (table.len == 0) {
        return true;
    }
    const struct image_table *found = image_find_table(product, table);

    if (found != NULL) {
        out->table_id = found->id;
        return true;
    }
    return divert_find_input(t, s, product, table, &out->table_id)
        && (out->table_id > 0
            || task_fail(t, ERR_NOT_FOUND, "%.*s has no table %.*s", STR_ARG(product->address),
                         STR_ARG(table)));
}

/* What is dropped is nowhere else, perhaps: that is for those whose data it is. */
static bool divert_demand_owner(struct task *t, const struct divert_drop *d)
{
    const struct model_domain *domain = d->target->definition->domain;

    if (actor_is_operator(t->actor)
        || model_names_actor(&domain->owners, t->actor->name, &t->actor->groups)) {
        return true;
    }
    return task_fail(t, ERR_DENIED, "quarantined rows are for the owners of domain %.*s",
                     STR_ARG(domain->name));
}

static bool divert_commit(struct task *t, struct metadb *db, void *state)
{
    struct divert_drop *d = state;
    struct quarantine_list rows;
    struct json_out o = {.b = buf_new(t->mem, DOCUMENT_BYTES_MAX)};

    if (!quarantine_find(t, db, &d->which, &rows)) {
        return false;
    }
    if (rows.len == 0) {
        task_fail(t, ERR_NOT_FOUND, "no such rows of %.*s are in quarantine", STR_ARG(d->product));
        return task_hint(t, "weft quarantine list shows what is");
    }
    d->rows = 0;
    for (size_t i = 0; i < rows.len; i++) {
        d->rows += rows.at[i].rows;
    }
    json_out_begin(&o, "", '{');
    json_out_str(&o, "product", d->product);
    json_out_maybe(&o, "table", d->table);
    json_out_maybe(&o, "run", d->run_id);
    json_out_uint(&o, "rows", d->rows);
    json_out_maybe(&o, "reason", d->reason);
    json_out_end(&o, '}');
    metadb_pass_before_commit(db, FAULT_QUARANTINE_BEFORE_COMMIT);
    return quarantine_drop(t, db, &d->which)
        && audit_append(t, db, STR("quarantine.drop"), d->product, STR("done"), buf_str(o.b), NULL);
}

bool divert_drop(struct task *t, struct divert_drop *d)
{
    const struct image *image = image_pin(t, d->services->images);

    return services_find_product(t, image, d->product, &d->target) && divert_demand_owner(t, d)
        && divert_which(t, d->services, d->target, d->table, d->run_id, &d->which)
        && metadb_write(t, d->services->db, divert_commit, d);
}
