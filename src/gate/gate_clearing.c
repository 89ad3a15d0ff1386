/* What a clearing worker is told to do. Pure. */
#include <string.h>

#include "gate_inside.h"

static bool is_in_file(const struct image_file *file, uint32_t id)
{
    for (size_t i = 0; i < file->columns.len; i++)
        if (file->columns.at[i] == id)
            return true;
    return false;
}

/* Its texts live as long as the making, not as long as the query that began it. */
static struct str_list copy_texts(struct arena *mem, const struct str_list *texts)
{
    struct str_list copy = {0};
    for (size_t i = 0; i < texts->len; i++)
        vec_push(mem, &copy, arena_str(mem, texts->at[i]));
    return copy;
}

static struct policy_mask copy_mask(struct arena *mem, const struct policy_mask *mask)
{
    struct policy_mask copy = *mask;
    copy.unit = arena_str(mem, mask->unit);
    copy.width = arena_str(mem, mask->width);
    copy.value = arena_str(mem, mask->value);
    copy.bounds = copy_texts(mem, &mask->bounds);
    return copy;
}

static struct filter_column copy_filter_column(struct arena *mem,
                                               const struct filter_column *column)
{
    return (struct filter_column){.id = column->id,
                                  .name = arena_str(mem, column->name),
                                  .type = arena_str(mem, column->type)};
}

static struct decision_column *add_column(struct arena *mem, struct decision *out,
                                          const struct decision_column *column)
{
    struct decision_column *copy = vec_add(mem, &out->columns);
    copy->id = column->id;
    copy->name = arena_str(mem, column->name);
    copy->type = arena_str(mem, column->type);
    copy->mask = copy_mask(mem, &column->mask);
    for (size_t i = 0; i < column->fields.len; i++)
        vec_push(mem, &copy->fields,
                 ((struct decision_field){.path = arena_str(mem, column->fields.at[i].path),
                                          .mask = copy_mask(mem, &column->fields.at[i].mask)}));
    return copy;
}

static void add_filter(struct arena *mem, struct decision *out,
                       const struct decision_filter *filter)
{
    struct decision_filter *copy = vec_add(mem, &out->filters);
    *copy = *filter;
    copy->column = copy_filter_column(mem, &filter->column);
    copy->values = copy_texts(mem, &filter->values);
    copy->low = arena_str(mem, filter->low);
    copy->high = arena_str(mem, filter->high);
    copy->sql = arena_str(mem, filter->sql);
    memset(&copy->columns, 0, sizeof copy->columns);
    for (size_t i = 0; i < filter->columns.len; i++)
        vec_push(mem, &copy->columns, copy_filter_column(mem, &filter->columns.at[i]));
}

void gate_restrict(struct arena *mem, const struct decision *decision,
                   const struct image_file *file, struct decision *out)
{
    *out =
        (struct decision){.allowed = decision->allowed, .policy_version = decision->policy_version};
    for (size_t i = 0; i < decision->columns.len; i++)
        if (is_in_file(file, decision->columns.at[i].id))
            (void)add_column(mem, out, &decision->columns.at[i]);
    /* Rows without a column of their own still count: any column stands for them, as NULL. */
    if (out->columns.len == 0 && decision->columns.len > 0)
        add_column(mem, out, &decision->columns.at[0])->mask =
            (struct policy_mask){.method = MASK_NULL};
    for (size_t i = 0; i < decision->filters.len; i++)
        add_filter(mem, out, &decision->filters.at[i]);
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
        /* Not even the clearing worker reads what it is to hide whole. */
        if (column->mask.method < MASK_CONSTANT)
            add_once(mem, &source->columns, column->name, column->type, column->id);
    }
    for (size_t i = 0; i < restricted->filters.len; i++) {
        const struct decision_filter *filter = &restricted->filters.at[i];
        if (filter->form != FILTER_SQL)
            add_once(mem, &source->columns, filter->column.name, filter->column.type,
                     filter->column.id);
        for (size_t k = 0; k < filter->columns.len; k++)
            add_once(mem, &source->columns, filter->columns.at[k].name, filter->columns.at[k].type,
                     filter->columns.at[k].id);
    }
    /* All masked: a view has a column at least, which is then read for its rows only. */
    if (source->columns.len == 0)
        add_once(mem, &source->columns, restricted->columns.at[0].name,
                 restricted->columns.at[0].type, restricted->columns.at[0].id);
    vec_push(mem, &source->files, file);
    out->text = policy_clearing_sql(mem, restricted);
}
