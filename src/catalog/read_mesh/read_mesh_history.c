#include "check_row/check_row.h"
#include "limits/limits.h"
#include "read_mesh/read_mesh_inside.h"
#include "release/release.h"
#include "run_row/run_row.h"
#include "scheduled_check/scheduled_check.h"
#include "json/json.h"

/* Rows of checks that were asked between runs. */
enum { MESH_BETWEEN_MAX = 10000 };

bool read_mesh_releases(struct mesh_view *view)
{
    struct release_list list;
    if (!release_list(view->t, view->db, 0, 0, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct release_row *row = &list.at[i];
        struct mesh_product *product = read_mesh_find(view, row->product_id);
        if (product == NULL)
            continue;
        bool is_clear = read_mesh_is_all_clear(view, product);
        read_mesh_text(view, product->product->address);
        read_mesh_int(view, row->number);
        read_mesh_time(view, row->published_us);
        read_mesh_text(view, row->run_id);
        read_mesh_bool(view, row->is_current);
        read_mesh_bool(view, row->is_kept);
        if (row->restores > 0)
            read_mesh_int(view, row->restores);
        else
            read_mesh_null(view);
        read_mesh_int(view, row->tables);
        read_mesh_guarded_int(view, is_clear, row->files);
        read_mesh_guarded_int(view, is_clear, row->rows);
        read_mesh_guarded_int(view, is_clear, row->bytes);
    }
    return true;
}

/* An error of a build may tell of values of its inputs: only who sees all of those may read it. */
static bool is_clear_on_inputs(struct mesh_view *view, struct mesh_product *product)
{
    const struct model_product *definition = product->product->definition;
    for (size_t i = 0; i < definition->inputs.len; i++) {
        const struct model_product *producer = definition->inputs.at[i].producer;
        if (producer == NULL) {
            if (!read_mesh_owns(view, product))
                return false;
            continue;
        }
        const struct image_product *input =
            image_find_product(view->image, producer->domain->name, producer->name);
        struct mesh_product *shown = input != NULL ? read_mesh_find(view, input->id) : NULL;
        if (shown == NULL || !read_mesh_is_all_clear(view, shown))
            return false;
    }
    return true;
}

static void add_error(struct mesh_view *view, const struct run_row *row, bool is_clear)
{
    static const struct json_limits LIMITS = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                              DOCUMENT_NODES_MAX};
    struct tree *error = NULL;
    if (row->error.len > 0 && !json_read(view->t, view->t->mem, row->error, &LIMITS, &error))
        task_clear_error(view->t);
    read_mesh_text(view, tree_find_text(error, STR("code")));
    if (is_clear)
        read_mesh_text(view, tree_find_text(error, STR("message")));
    else
        read_mesh_null(view);
}

bool read_mesh_runs(struct mesh_view *view)
{
    struct run_row_list list;
    if (!run_row_list(view->t, view->db, 0, MESH_RUNS_MAX, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct run_row *row = list.at[i];
        struct mesh_product *product = read_mesh_find(view, row->product_id);
        if (product == NULL)
            continue;
        bool is_clear = read_mesh_is_all_clear(view, product);
        bool is_end = run_state_is_end(row->state);
        read_mesh_text(view, row->id);
        read_mesh_text(view, product->product->address);
        read_mesh_text(view, str_of(run_state_name(row->state)));
        read_mesh_text(view, row->step);
        read_mesh_bool(view, row->is_full);
        read_mesh_text(view, row->requested_by);
        read_mesh_time(view, row->created_us);
        read_mesh_time(view, row->started_us);
        read_mesh_time(view, row->ended_us);
        if (row->release != 0)
            read_mesh_int(view, row->release);
        else
            read_mesh_null(view);
        read_mesh_guarded_int(view, is_clear && is_end, row->rows);
        add_error(view, row, is_clear && is_clear_on_inputs(view, product));
    }
    return true;
}

/* A check of a release's table is for those who are clear on it; one of a source has no table that
 * a policy could speak of. */
static bool is_clear_on_check(struct mesh_view *view, struct mesh_product *product,
                              const struct check_row *row)
{
    /* A relationship tells of the other table too. */
    if (row->is_input || str_eq(row->kind, STR("relationship")))
        return read_mesh_is_all_clear(view, product) && is_clear_on_inputs(view, product);
    for (size_t i = 0; i < product->product->tables.len; i++)
        if (product->tables[i].table->id == row->table_id)
            return read_mesh_is_clear(view, &product->tables[i]);
    return false;
}

static void add_check(struct mesh_view *view, struct mesh_product *product,
                      const struct check_row *row)
{
    /* A requirement speaks of what the mesh declares: its verdict has no values of rows. */
    bool is_require = str_eq(row->kind, STR("require"));
    bool is_clear = is_clear_on_check(view, product, row);
    bool has_rows = is_clear && row->has_rows;
    read_mesh_text(view, row->run_id);
    read_mesh_text(view, product->product->address);
    read_mesh_text(view, row->table);
    read_mesh_text(view, row->column);
    read_mesh_bool(view, row->is_input);
    read_mesh_text(view, row->rule_id);
    read_mesh_text(view, row->kind);
    read_mesh_text(view, row->name);
    read_mesh_text(view, row->dimension);
    read_mesh_text(view, row->diverts   ? STR("quarantine")
                         : row->rejects ? STR("error")
                                        : STR("warning"));
    read_mesh_text(view, str_of(verdict_name(row->verdict)));
    read_mesh_text(view, row->expected);
    read_mesh_text(view, is_clear ? row->found : STR_NONE);
    read_mesh_guarded_int(view, has_rows, row->rows_total);
    read_mesh_guarded_int(view, has_rows, row->rows_failed);
    read_mesh_guarded_int(view, has_rows && row->diverts, row->rows_quarantined);
    if (has_rows && row->rows_total > 0)
        read_mesh_text(view, arena_format(view->t->mem, "%.9g",
                                          (double)row->rows_failed / (double)row->rows_total));
    else
        read_mesh_null(view);
    read_mesh_text(view, is_clear || is_require ? row->message : STR_NONE);
    read_mesh_text(view, row->schedule);
    read_mesh_text(view, row->business_impact);
    read_mesh_text(view, row->tags);
    read_mesh_time(view, row->checked_us);
}

static const struct contract_rule *rule_of(const struct contract_table *table, str id)
{
    for (size_t i = 0; i < table->rules.len; i++)
        if (str_eq(table->rules.at[i].id, id))
            return &table->rules.at[i];
    return NULL;
}

/* `port.table` */
static const struct contract_rule *find_source_rule(const struct model_product *product,
                                                    const struct scheduled_check *row)
{
    str port, name;
    str_cut(row->table, '.', &port, &name);
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_input *input = &product->inputs.at[i];
        for (size_t k = 0; str_eq(input->name, port) && k < input->contract->tables.len; k++)
            if (str_eq(input->contract->tables.at[k].name, name))
                return rule_of(&input->contract->tables.at[k], row->rule_id);
    }
    return NULL;
}

static const struct contract_rule *find_rule(const struct mesh_product *product,
                                             const struct scheduled_check *row)
{
    if (row->table_id == 0)
        return find_source_rule(product->product->definition, row);
    for (size_t i = 0; i < product->product->tables.len; i++)
        if (product->product->tables.at[i].id == row->table_id)
            return rule_of(product->product->tables.at[i].definition, row->rule_id);
    return NULL;
}

/* What was asked between runs: of a rule that is there still, with its words of today. */
static bool add_between(struct mesh_view *view)
{
    struct scheduled_check_list list;
    if (!scheduled_check_between(view->t, view->db, MESH_BETWEEN_MAX, &list))
        return false;
    for (size_t i = 0; i < list.len; i++) {
        const struct scheduled_check *row = &list.at[i];
        struct mesh_product *product = read_mesh_find(view, row->product_id);
        const struct contract_rule *rule = product != NULL ? find_rule(product, row) : NULL;
        if (rule == NULL)
            continue;
        add_check(
            view, product,
            &(struct check_row){.table_id = row->table_id,
                                .table = row->table,
                                .rule_id = row->rule_id,
                                .kind = contract_rule_kind(rule),
                                .name = rule->name,
                                .column = str_list_join(view->t->mem, &rule->columns, STR(", ")),
                                .dimension = rule->dimension,
                                .verdict = row->verdict,
                                .is_input = row->table_id == 0,
                                .rejects = rule->effect == RULE_REJECTS,
                                .expected = row->expected,
                                .found = row->found,
                                .message = row->message,
                                .rows_total = row->rows_total,
                                .rows_failed = row->rows_failed,
                                .has_rows = row->has_rows,
                                .schedule = contract_rule_schedule(view->t->mem, rule),
                                .business_impact = rule->business_impact,
                                .tags = str_list_join(view->t->mem, &rule->tags, STR(", ")),
                                .checked_us = row->checked_us});
    }
    return true;
}

bool read_mesh_checks(struct mesh_view *view)
{
    struct run_row_list runs;
    if (!run_row_list(view->t, view->db, 0, MESH_CHECK_RUNS_MAX, &runs))
        return false;
    for (size_t i = 0; i < runs.len; i++) {
        struct mesh_product *product = read_mesh_find(view, runs.at[i]->product_id);
        struct check_row_list checks;
        if (product == NULL)
            continue;
        if (!check_row_list(view->t, view->db, runs.at[i]->id, &checks))
            return false;
        for (size_t j = 0; j < checks.len; j++) {
            if (checks.at[j]->checked_us == 0)
                checks.at[j]->checked_us = runs.at[i]->started_us;
            add_check(view, product, checks.at[j]);
        }
    }
    return add_between(view);
}
