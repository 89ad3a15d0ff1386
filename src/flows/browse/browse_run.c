#include "browse_inside.h"
#include "check_row/check_row.h"
#include "limits/limits.h"
#include "product/product.h"
#include "run_row/run_row.h"
#include "json/json.h"

static const struct image_product *browse_product_of(const struct image *image, uint64_t id)
{
    for (size_t i = 0; i < image->products.len; i++) {
        if (image->products.at[i].id == id) {
            return &image->products.at[i];
        }
    }
    return NULL;
}

/* The words may tell values; of which kind the error is may be known to all who know of the product. */
static void browse_error_kind(struct task *t, const struct run_row *row, struct json_out *o)
{
    static const struct json_limits limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    enum error_code code = ERR_INTERNAL;
    struct tree *error;

    if (row->error.len == 0) {
        json_out_null(o, "error");
        return;
    }
    if (!json_read(t, t->mem, row->error, &limits, &error)) {
        task_clear_error(t);
    } else {
        (void)error_by_name(tree_find_text(error, STR("code")), &code);
    }
    json_out_begin(o, "error", '{');
    json_out_str(o, "code", str_of(error_name(code)));
    json_out_str(o, "message", str_of(error_meaning(code)));
    json_out_end(o, '}');
}

static void browse_run_row(struct task *t, const struct run_row *row,
                           const struct image_product *product, bool is_clear, struct json_out *o)
{
    json_out_str(o, "id", row->id);
    json_out_str(o, "product", product->address);
    json_out_str(o, "state", str_of(run_state_name(row->state)));
    json_out_str(o, "step", row->step);
    json_out_str(o, "requested_by", row->requested_by);
    json_out_time(o, "started_at", row->started_us);
    json_out_time(o, "ended_at", row->ended_us);
    if (row->release > 0) {
        json_out_uint(o, "release", row->release);
    } else {
        json_out_null(o, "release");
    }
    if (is_clear) {
        json_out_uint(o, "rows", row->rows);
        json_out_raw(o, "error", row->error);
    } else {
        json_out_null(o, "rows");
        browse_error_kind(t, row, o);
    }
}

bool browse_runs(struct task *t, struct services *s, str address, uint64_t most, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    const struct image_product *product = NULL;
    struct run_row_list rows = {0};

    if ((address.len > 0 && !services_find_product(t, image, address, &product))
        || !run_row_list(t, s->db, product ? product->id : 0, most, &rows)) {
        return false;
    }
    json_out_begin(o, "", '{');
    json_out_begin(o, "runs", '[');
    for (size_t i = 0; i < rows.len; i++) {
        product = browse_product_of(image, rows.at[i]->product_id);
        if (product != NULL && gate_may_discover(t, image, product)) {
            json_out_begin(o, "", '{');
            browse_run_row(t, rows.at[i], product, browse_is_clear_on_all(t, image, product), o);
            json_out_end(o, '}');
        }
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}

static void browse_check(const struct check_row *row, bool is_clear, struct json_out *o)
{
    json_out_begin(o, "", '{');
    json_out_str(o, "table", row->table);
    json_out_maybe(o, "column", row->column);
    json_out_str(o, "rule", row->rule_id);
    json_out_maybe(o, "name", row->name);
    json_out_str(o, "kind", row->kind);
    json_out_str(o, "verdict", str_of(verdict_name(row->verdict)));
    json_out_str(o, "effect",
                 row->diverts   ? STR("quarantines")
                 : row->rejects ? STR("rejects")
                                : STR("warns"));
    json_out_maybe(o, "dimension", row->dimension);
    json_out_maybe(o, "schedule", row->schedule);
    json_out_maybe(o, "business_impact", row->business_impact);
    json_out_maybe(o, "tags", row->tags);
    json_out_maybe(o, "expected", row->expected);
    json_out_maybe(o, "found", is_clear ? row->found : STR_NONE);
    json_out_maybe(o, "message",
                   is_clear || str_eq(row->kind, STR("require")) ? row->message : STR_NONE);
    if (is_clear && row->has_rows) {
        json_out_uint(o, "rows_total", row->rows_total);
        json_out_uint(o, "rows_failed", row->rows_failed);
        if (row->diverts) {
            json_out_uint(o, "rows_quarantined", row->rows_quarantined);
        }
    } else {
        json_out_null(o, "rows_total");
        json_out_null(o, "rows_failed");
    }
    json_out_end(o, '}');
}

bool browse_run(struct task *t, struct services *s, str id, struct json_out *o)
{
    const struct image *image = image_pin(t, s->images);
    const struct image_product *product;
    struct run_row *row;
    struct check_row_list checks = {0};

    if (!run_row_find(t, s->db, id, &row)) {
        return false;
    }
    product = row != NULL ? browse_product_of(image, row->product_id) : NULL;
    if (product == NULL || !gate_may_discover(t, image, product)) {
        return task_fail(t, ERR_NOT_FOUND, "there is no run %.*s, or you may not discover it",
                         STR_ARG(id));
    }
    if (!check_row_list(t, s->db, row->id, &checks)) {
        return false;
    }
    bool is_clear = browse_is_clear_on_all(t, image, product);
    json_out_begin(o, "", '{');
    browse_run_row(t, row, product, is_clear, o);
    json_out_begin(o, "checks", '[');
    for (size_t i = 0; i < checks.len; i++) {
        browse_check(checks.at[i], is_clear, o);
    }
    json_out_end(o, ']');
    json_out_end(o, '}');
    return true;
}
