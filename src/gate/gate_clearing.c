/* What a clearing worker is told to do. Pure. */
#include <string.h>

#include "buf/buf.h"
#include "gate_inside.h"
#include "limits/limits.h"

/* Of so few values each is looked for in all that was staged; of more, they are sorted first. */
enum {
    STAGED_LEAST =
        4, /* values: fewer are read from the file, each by itself, in less time than to stage them takes */
    STAGED_UNSORTED_MAX = 16,
};

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

/* The view over the file: what is shown, and what the filters read. */
static void add_source(struct arena *mem, const struct decision *restricted, str name, str file,
                       struct engine_job *out, struct job_columns *layout)
{
    struct job_view *source = vec_add(mem, &out->views);
    source->name = name;
    for (size_t i = 0; i < restricted->columns.len; i++) {
        const struct decision_column *column = &restricted->columns.at[i];
        add_once(mem, layout, column->name, column->type, column->id);
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
}

static void add_copy(struct arena *mem, struct engine_job *out, str text, bool is_file)
{
    struct job_copy *copy = vec_add(mem, &out->copies);
    copy->text = text;
    copy->layout = (uint32_t)out->layouts.len - 1;
    if (is_file)
        copy->file = arena_format(mem, "copy-%zu.parquet", out->copies.len - 1);
}

/* The rows of all values at once, each with its value and its place. Where values are many, those of one lie together. No name of a
 * column has a `#`. */
static str staged_sql(struct arena *mem, const struct decision *restricted, str source)
{
    const struct decision_filter *filter = &restricted->filters.at[0];
    struct buf *more = buf_new(mem, NAME_BYTES_MAX * 4);
    buf_add(more, STR(", "));
    buf_add_identifier(more, filter->column.name);
    buf_add(more, STR(" AS \"#value\", file_row_number AS \"#row\""));
    return policy_clearing_sql_from(
        mem, restricted, source, buf_str(more),
        filter->values.len > STAGED_UNSORTED_MAX ? " ORDER BY \"#value\", file_row_number" : "");
}

/* In the order of the file, whole vectors: nothing of the copy tells of the rows between its own. */
static str value_sql(struct arena *mem, const struct decision *restricted, str value)
{
    struct buf *b = buf_new(mem, CLEARING_SQL_BYTES_MAX);
    buf_add(
        b, STR("SELECT * EXCLUDE (\"#value\", \"#row\") FROM staged WHERE \"#value\" = TRY_CAST("));
    buf_add_literal(b, value);
    buf_format(b, " AS " STR_FMT ") ORDER BY \"#row\"",
               STR_ARG(restricted->filters.at[0].column.type));
    CHECK(!b->full); /* the decision would have been too long */
    return buf_str(b);
}

/* The same from the file itself. */
static str one_value_sql(struct arena *mem, const struct decision *restricted, str source,
                         size_t value)
{
    struct decision one = *restricted;
    struct decision_filter filter = restricted->filters.at[0];
    filter.values.at = &filter.values.at[value];
    filter.values.len = filter.values.cap = 1;
    one.filters.at = &filter;
    one.filters.len = one.filters.cap = 1;
    return policy_clearing_sql_from(mem, &one, source, STR_NONE, NULL);
}

void gate_clearing_add(struct arena *mem, const struct decision *restricted, str file,
                       str deletions, bool is_by_value, struct engine_job *job)
{
    str source = arena_format(mem, "source_%zu", job->views.len);
    job->output = JOB_FILES;
    job->keep_order = true;
    add_source(mem, restricted, source, file, job, vec_add(mem, &job->layouts));
    if (deletions.len)
        vec_push(mem, &job->views.at[job->views.len - 1].deletions, deletions);
    if (!is_by_value) {
        add_copy(mem, job, policy_clearing_sql_from(mem, restricted, source, STR_NONE, NULL), true);
        return;
    }
    if (restricted->filters.at[0].values.len < STAGED_LEAST) {
        for (size_t i = 0; i < restricted->filters.at[0].values.len; i++)
            add_copy(mem, job, one_value_sql(mem, restricted, source, i), true);
        return;
    }
    add_copy(mem, job, staged_sql(mem, restricted, source), false);
    for (size_t i = 0; i < restricted->filters.at[0].values.len; i++)
        add_copy(mem, job, value_sql(mem, restricted, restricted->filters.at[0].values.at[i]),
                 true);
}
