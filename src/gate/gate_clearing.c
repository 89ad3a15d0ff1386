/* What a clearing worker is told to do. Pure. */
#include "gate_inside.h"

static bool is_in_file(const struct image_file *file, uint32_t id)
{
    for (size_t i = 0; i < file->columns.len; i++)
        if (file->columns.at[i] == id)
            return true;
    return false;
}

static void add_column(struct arena *mem, struct decision *out,
                       const struct decision_column *column)
{
    vec_push(mem, &out->columns,
             ((struct decision_column){.id = column->id,
                                       .name = arena_str(mem, column->name),
                                       .type = arena_str(mem, column->type),
                                       .mask = column->mask}));
}

void gate_restrict(struct arena *mem, const struct decision *decision,
                   const struct image_file *file, struct decision *out)
{
    *out =
        (struct decision){.allowed = decision->allowed, .policy_version = decision->policy_version};
    for (size_t i = 0; i < decision->columns.len; i++)
        if (is_in_file(file, decision->columns.at[i].id))
            add_column(mem, out, &decision->columns.at[i]);
    /* Rows without a column of their own still count: any column stands for them, as NULL. */
    if (out->columns.len == 0 && decision->columns.len > 0) {
        add_column(mem, out, &decision->columns.at[0]);
        out->columns.at[0].mask = MASK_NULL;
    }
    for (size_t i = 0; i < decision->filters.len; i++)
        vec_push(
            mem, &out->filters,
            ((struct decision_filter){.column_id = decision->filters.at[i].column_id,
                                      .column = arena_str(mem, decision->filters.at[i].column),
                                      .type = arena_str(mem, decision->filters.at[i].type),
                                      .literal = arena_str(mem, decision->filters.at[i].literal)}));
}

static void add_once(struct arena *mem, struct job_columns *columns, str name, str type,
                     uint32_t id)
{
    for (size_t i = 0; i < columns->len; i++)
        if (columns->at[i].id == id)
            return;
    vec_push(mem, columns, ((struct job_column){.name = name, .type = type, .id = id}));
}

void gate_clearing_job(struct arena *mem, const struct decision *restricted, str file,
                       struct engine_job *out)
{
    *out = (struct engine_job){.output = JOB_FILE, .file = STR("copy.parquet"), .keep_order = true};
    struct job_view *source = vec_add(mem, &out->views);
    source->name = STR("source");
    for (size_t i = 0; i < restricted->columns.len; i++) {
        const struct decision_column *column = &restricted->columns.at[i];
        add_once(mem, &out->columns, column->name, column->type, column->id);
        /* Not even the clearing worker reads what it is to hide. */
        if (column->mask == MASK_NONE)
            add_once(mem, &source->columns, column->name, column->type, column->id);
    }
    for (size_t i = 0; i < restricted->filters.len; i++) {
        const struct decision_filter *filter = &restricted->filters.at[i];
        add_once(mem, &source->columns, filter->column, filter->type, filter->column_id);
    }
    /* All masked: a view has a column at least, which is then read for its rows only. */
    if (source->columns.len == 0)
        add_once(mem, &source->columns, restricted->columns.at[0].name,
                 restricted->columns.at[0].type, restricted->columns.at[0].id);
    vec_push(mem, &source->files, file);
    out->text = policy_clearing_sql(mem, restricted);
}
