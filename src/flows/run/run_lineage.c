/* Where the columns of a run's outputs come from: traced from the texts that run, over the columns that their inputs really have. */
#include "lineage/lineage_through.h"
#include "map/map.h"
#include "run_inside.h"

static int64_t run_find_traced(const struct run_tracing *tracing, str schema, str name)
{
    for (size_t i = 0; i < tracing->inputs->len; i++) {
        if (str_eq_nocase(tracing->inputs->at[i].schema, schema)
            && str_eq_nocase(tracing->inputs->at[i].name, name)) {
            return (int64_t)i;
        }
    }
    return -1;
}

/* A table has the same columns for every text of a run: the first that reads it says which. */
static void run_trace_input(struct task *t, struct run_tracing *tracing, str schema, str name,
                            const struct job_columns *columns)
{
    struct lineage_input *input;

    if (run_find_traced(tracing, schema, name) >= 0) {
        return;
    }
    input = vec_add(t->mem, tracing->inputs);
    input->schema = schema;
    input->name = name;
    for (size_t i = 0; i < columns->len; i++) {
        vec_push(t->mem, &input->columns,
                 ((struct lineage_column){columns->at[i].name, columns->at[i].type}));
    }
}

static void run_trace_hashed(struct task *t, struct run_tracing *tracing,
                             const struct clearance_table *table)
{
    for (size_t i = 0; table->table != NULL && i < table->decision.columns.len; i++) {
        const struct decision_column *column = &table->decision.columns.at[i];

        if (column->mask.method == MASK_HASH) {
            str_list_add(
                t->mem, &tracing->hashed,
                arena_lower(t->mem, arena_format(t->mem, "%.*s.%.*s.%.*s", STR_ARG(table->schema),
                                                 STR_ARG(table->name), STR_ARG(column->name))));
        }
    }
}

static void run_keep_trace(struct task *t, struct run *r, str table, const struct sql_tree *tree,
                           const struct lineage *lineage)
{
    vec_push(t->mem, &r->traces,
             ((struct run_trace){
                 .table = table, .tree = tree, .inputs = r->tracing.inputs, .lineage = lineage}));
}

void run_trace(struct task *t, struct run *r, const struct model_sql *sql,
               const struct sql_tree *tree, const struct clearance *clear,
               const struct job_columns *result)
{
    struct run_tracing *tracing = &r->tracing;
    struct str_list names = {0};
    const struct lineage *lineage;

    if (tracing->inputs == NULL) {
        tracing->inputs = ARENA_NEW(t->mem, struct lineage_inputs);
    }
    for (size_t i = 0; i < clear->tables.len; i++) {
        const struct clearance_table *table = &clear->tables.at[i];

        run_trace_input(t, tracing, table->schema, table->name, &table->columns);
        run_trace_hashed(t, tracing, table);
    }
    for (size_t i = 0; i < result->len; i++) {
        vec_push(t->mem, &names, result->at[i].name);
    }
    for (size_t i = 0; i < tracing->between.len; i++) {
        struct run_between *between = &tracing->between.at[i];
        int64_t input = run_find_traced(tracing, STR("self"), between->table);

        /* One that no text has read yet is no input of this one either. */
        between->between.input = input >= 0 ? (uint32_t)input : UINT32_MAX;
        between->between.is_read = false;
        for (size_t k = 0; k < clear->tables.len; k++) {
            between->between.is_read = between->between.is_read
                                    || (str_eq_nocase(clear->tables.at[k].schema, STR("self"))
                                        && str_eq_nocase(clear->tables.at[k].name, between->table));
        }
    }
    struct lineage_between *stand =
        ARENA_ARRAY(t->mem, struct lineage_between, tracing->between.len + 1);

    for (size_t i = 0; i < tracing->between.len; i++) {
        stand[i] = tracing->between.at[i].between;
    }
    lineage = lineage_through(t->mem, tracing->inputs,
                              lineage_read(t->mem, tree, tracing->inputs, &names), stand,
                              tracing->between.len);
    if (sql->is_internal) {
        vec_push(t->mem, &tracing->between,
                 ((struct run_between){.table = sql->table, .between = {.lineage = lineage}}));
        vec_push(t->mem, &tracing->texts, ((struct lineage_text){sql->table, tree}));
    } else {
        run_keep_trace(t, r, sql->table, tree, lineage);
    }
}

void run_trace_passed(struct task *t, struct run *r, const struct gate_input *input,
                      const struct image_table *target)
{
    struct run_tracing *tracing = &r->tracing;
    struct job_columns columns = {0};
    struct str_list names = {0};

    if (tracing->inputs == NULL) {
        tracing->inputs = ARENA_NEW(t->mem, struct lineage_inputs);
    }
    for (size_t i = 0; i < target->columns.len; i++) {
        vec_push(t->mem, &names, target->columns.at[i].name);
    }
    for (size_t i = 0; input->table != NULL && i < input->table->columns.len; i++) {
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = input->table->columns.at[i].name,
                                      .type = input->table->columns.at[i].type}));
    }
    run_trace_input(t, tracing, input->schema, input->name,
                    input->table != NULL ? &columns : &input->columns);
    run_keep_trace(t, r, target->name, NULL,
                   lineage_copy(t->mem, tracing->inputs,
                                (uint32_t)run_find_traced(tracing, input->schema, input->name),
                                &names));
}

/* ---- what a release keeps of it */

static void run_map_columns(struct task *t, const struct image_table *table, struct map *out)
{
    map_init_nocase(out, t->mem);
    for (size_t i = 0; i < table->columns.len; i++) {
        map_put(out, table->columns.at[i].name, (void *)(uintptr_t)&table->columns.at[i]);
    }
}

/* An input that another product makes. */
struct run_made {
    const struct image_table *table; /* NULL: of a source */
    struct map columns;
};

static struct run_made *run_find_made(struct task *t, const struct run *r,
                                      const struct lineage_inputs *inputs)
{
    struct run_made *made = ARENA_ARRAY(t->mem, struct run_made, inputs->len + 1);

    for (size_t i = 0; i < inputs->len; i++) {
        for (size_t k = 0; k < r->inputs.len && made[i].table == NULL; k++) {
            const struct image_product *producer = r->inputs.at[k].producer;
            const struct model_input *port = r->inputs.at[k].input;

            if (producer != NULL && str_eq_nocase(port->name, inputs->at[i].schema)) {
                made[i].table = image_find_output(producer, port->contract,
                                                  arena_lower(t->mem, inputs->at[i].name));
            }
        }
        if (made[i].table != NULL) {
            run_map_columns(t, made[i].table, &made[i].columns);
        }
    }
    return made;
}

static void run_edge(struct task *t, const struct run_trace *trace, const struct run_made *made,
                     const struct image_table *table, uint32_t column_id,
                     const struct lineage_edge *edge, struct release_edges *out)
{
    const struct lineage_input *input = &trace->inputs->at[edge->input];
    struct release_edge *row = vec_add(t->mem, out);

    *row = (struct release_edge){.table_id = table->id,
                                 .column_id = column_id,
                                 .input_port = input->schema,
                                 .input_table = input->name,
                                 .input_column = input->columns.at[edge->column].name,
                                 .kind = lineage_kind_name(edge->kind),
                                 .carries = edge->carries};
    if (made[edge->input].table != NULL) {
        const struct image_column *column = map_find(&made[edge->input].columns, row->input_column);

        if (column != NULL) {
            row->producer_table_id = made[edge->input].table->id;
            row->producer_column_id = column->id;
        }
    }
}

static void run_edges_of(struct task *t, const struct run *r, const struct run_trace *trace,
                         const struct image_table *table, struct release_edges *out)
{
    const struct run_made *made = run_find_made(t, r, trace->inputs);
    struct map columns;

    run_map_columns(t, table, &columns);
    for (size_t i = 0; i < trace->lineage->outputs.len; i++) {
        const struct lineage_output *output = &trace->lineage->outputs.at[i];
        const struct image_column *column = map_find(&columns, output->name);

        for (size_t m = 0; column != NULL && m < output->edges.len; m++) {
            run_edge(t, trace, made, table, column->id, &output->edges.at[m], out);
        }
    }
    for (size_t m = 0; m < trace->lineage->rows.len; m++) {
        run_edge(t, trace, made, table, 0, &trace->lineage->rows.at[m], out);
    }
}

void run_edges(struct task *t, const struct run *r, struct release_edges *out)
{
    for (size_t i = 0; i < r->traces.len; i++) {
        const struct image_table *table = image_find_table(r->target, r->traces.at[i].table);

        if (table != NULL) {
            run_edges_of(t, r, &r->traces.at[i], table, out);
        }
    }
}
