/* Diverted rows as tables: their columns, and the labels that go with them. */
#include <string.h>

#include "quarantine/quarantine.h"

/* Far from the ids of columns, which count from 1. */
enum { ID_FIRST = 2000000000 };

static const char *const NAMES[][2] = {
    {"weft_rule", "VARCHAR"},
    {"weft_reason", "VARCHAR"},
    {"weft_run", "VARCHAR"},
    {"weft_at", "TIMESTAMP WITH TIME ZONE"},
};

enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES, WHY_COUNT = 2 };

void quarantine_columns(struct arena *mem, struct job_columns *out)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        vec_push(mem, out,
                 ((struct job_column){.name = str_of(NAMES[i][0]),
                                      .type = str_of(NAMES[i][1]),
                                      .id = (uint32_t)(ID_FIRST + i)}));
}

static void take(struct arena *mem, struct quarantine_row *row, uint32_t id, bool is_tag, str text)
{
    for (size_t i = 0; i < row->labels.len; i++) {
        const struct quarantine_label *label = &row->labels.at[i];
        if (label->column_id == id && label->is_tag == is_tag && str_eq(label->text, text))
            return;
    }
    if (text.len)
        vec_push(mem, &row->labels,
                 ((struct quarantine_label){.column_id = id, .is_tag = is_tag, .text = text}));
}

void quarantine_take_labels(struct arena *mem, const struct image_table *table,
                            struct quarantine_row *row)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];
        const struct contract_column *declared = column->contract;
        for (size_t k = 0; k < column->more.len; k++)
            take(mem, row, column->id, column->more.at[k].is_tag, column->more.at[k].text);
        if (!declared)
            continue;
        take(mem, row, column->id, false, declared->classification);
        for (size_t k = 0; k < declared->tags.len; k++)
            take(mem, row, column->id, true, declared->tags.at[k]);
    }
}

/* ---- as a table */

static bool has_label(const struct image_column *column, const struct quarantine_label *label)
{
    const struct contract_column *declared = column->contract;
    for (size_t i = 0; i < column->more.len; i++)
        if (column->more.at[i].is_tag == label->is_tag
            && str_eq(column->more.at[i].text, label->text))
            return true;
    if (!declared)
        return false;
    return label->is_tag ? str_list_has(&declared->tags, label->text)
                         : str_eq(declared->classification, label->text);
}

/* Those of then that it has no more: they hold on these rows all the same. */
static void add_labels(struct arena *mem, struct image_column *column,
                       const struct quarantine_row *row)
{
    for (size_t i = 0; i < row->labels.len; i++)
        if (row->labels.at[i].column_id == column->id && !has_label(column, &row->labels.at[i]))
            vec_push(mem, &column->more,
                     ((struct policy_label){.is_tag = row->labels.at[i].is_tag,
                                            .text = row->labels.at[i].text}));
}

static void add_file(struct arena *mem, struct image_table *table,
                     struct image_quarantine *quarantine, const struct quarantine_row *row)
{
    struct image_file *file = vec_add(mem, &table->files);
    *file = (struct image_file){.sha256 = row->sha256, .rows = row->rows, .bytes = row->bytes};
    for (size_t i = 0; i < row->columns.len; i++)
        vec_push(mem, &file->columns, row->columns.at[i]);
    for (size_t i = 0; i < NAME_COUNT; i++)
        vec_push(mem, &file->columns, (uint32_t)(ID_FIRST + i));
    for (size_t i = 0; i < row->rule_columns.len; i++)
        vec_push(mem, &quarantine->rule_columns, row->rule_columns.at[i]);
    table->rows += row->rows;
}

/* Its own columns have a contract of ours, without labels. */
static void add_columns(struct arena *mem, struct image_table *table)
{
    struct job_columns columns = {0};
    quarantine_columns(mem, &columns);
    for (size_t i = 0; i < columns.len; i++) {
        struct contract_column *contract = ARENA_NEW(mem, struct contract_column);
        contract->name = columns.at[i].name;
        contract->type = columns.at[i].type;
        vec_push(mem, &table->columns,
                 ((struct image_column){.id = columns.at[i].id,
                                        .name = columns.at[i].name,
                                        .type = columns.at[i].type,
                                        .contract = contract}));
    }
}

static bool is_of(const struct quarantine_row *row, uint64_t table_id)
{
    return row->table_id == table_id;
}

/* What both kinds of tables have beside the columns of their own. */
static void fill_table(struct arena *mem, struct image_table *table,
                       struct image_quarantine *quarantine, const struct quarantine_list *rows)
{
    for (size_t i = 0; i < table->columns.len; i++)
        for (size_t k = 0; k < rows->len; k++)
            if (is_of(&rows->at[k], table->id))
                add_labels(mem, &table->columns.at[i], &rows->at[k]);
    add_columns(mem, table);
    table->quarantine = quarantine;
    for (size_t i = 0; i < WHY_COUNT; i++)
        quarantine->why[i] = (uint32_t)(ID_FIRST + i);
    for (size_t i = 0; i < rows->len; i++)
        if (is_of(&rows->at[i], table->id))
            add_file(mem, table, quarantine, &rows->at[i]);
}

static void add_table(struct arena *mem, struct image_product *product,
                      const struct image_table *today, const struct quarantine_list *rows)
{
    struct image_table *table = vec_add(mem, &product->tables);
    *table = *today;
    table->rows = 0;
    memset(&table->columns, 0, sizeof table->columns);
    memset(&table->files, 0, sizeof table->files);
    for (size_t i = 0; i < today->columns.len; i++) {
        struct image_column *column = vec_add(mem, &table->columns);
        *column = today->columns.at[i];
        memset(&column->more, 0, sizeof column->more);
        for (size_t k = 0; k < today->columns.at[i].more.len; k++)
            vec_push(mem, &column->more, today->columns.at[i].more.at[k]);
    }
    fill_table(mem, table, ARENA_NEW(mem, struct image_quarantine), rows);
}

/* ---- rows of sources */

static const struct contract *find_source(const struct model_product *product,
                                          const struct quarantine_row *row,
                                          const struct contract_table **out)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        const struct model_input *input = &product->inputs.at[i];
        if (input->producer || !str_eq(input->name, row->input_port))
            continue;
        *out = contract_find_table(input->contract, row->input_table);
        return *out ? input->contract : NULL;
    }
    return NULL;
}

static void add_flows(struct arena *mem, struct image_quarantine *quarantine,
                      const struct quarantine_list *rows, uint64_t table_id)
{
    quarantine->is_input = true;
    for (size_t i = 0; i < rows->len; i++)
        for (size_t k = 0; is_of(&rows->at[i], table_id) && k < rows->at[i].flows.len; k++)
            vec_push(mem, &quarantine->flows,
                     ((struct image_flow){rows->at[i].flows.at[k].column_id,
                                          rows->at[i].flows.at[k].output_table_id,
                                          rows->at[i].flows.at[k].output_column_id}));
}

/* Columns by today's contract, as far as rows of them were ever diverted. */
static bool add_source(struct task *t, struct metadb *db, struct image_product *product,
                       const struct quarantine_row *row, const struct quarantine_list *rows)
{
    const struct contract_table *definition;
    const struct contract *contract = find_source(product->definition, row, &definition);
    struct job_columns columns = {0};
    struct quarantine_input input;
    if (!contract)
        return true;
    for (size_t i = 0; i < definition->columns.len; i++)
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = definition->columns.at[i].name,
                                      .type = definition->columns.at[i].type}));
    if (!quarantine_find_input(t, db, product->id, row->input_port, row->input_table, &columns,
                               &input))
        return false;
    struct image_table *table = vec_add(t->mem, &product->tables);
    struct image_quarantine *quarantine = ARENA_NEW(t->mem, struct image_quarantine);
    *table = (struct image_table){.id = row->table_id,
                                  .name = quarantine_input_name(t->mem, row),
                                  .contract = contract,
                                  .definition = definition};
    for (size_t i = 0; i < columns.len; i++)
        if (input.columns.at[i])
            vec_push(t->mem, &table->columns,
                     ((struct image_column){.id = input.columns.at[i],
                                            .name = columns.at[i].name,
                                            .type = columns.at[i].type,
                                            .contract = &definition->columns.at[i]}));
    add_flows(t->mem, quarantine, rows, table->id);
    fill_table(t->mem, table, quarantine, rows);
    return true;
}

static bool is_first_of(const struct quarantine_list *rows, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (is_of(&rows->at[i], rows->at[at].table_id))
            return false;
    return true;
}

bool quarantine_load(struct task *t, struct metadb *db, const struct image_product *product,
                     bool is_candidate, const struct image_product **out)
{
    struct quarantine_which which = {.product_id = product->id, .is_candidate = is_candidate};
    struct quarantine_list rows;
    struct image_product *diverted = ARENA_NEW(t->mem, struct image_product);
    if (!quarantine_find(t, db, &which, &rows))
        return false;
    *diverted = *product;
    memset(&diverted->tables, 0, sizeof diverted->tables);
    for (size_t i = 0; i < product->tables.len; i++)
        add_table(t->mem, diverted, &product->tables.at[i], &rows);
    for (size_t i = 0; i < rows.len; i++)
        if (rows.at[i].input_port.len && is_first_of(&rows, i)
            && !add_source(t, db, diverted, &rows.at[i], &rows))
            return false;
    for (size_t i = 0; i < diverted->tables.len; i++)
        diverted->tables.at[i].product = diverted;
    *out = diverted;
    return true;
}
