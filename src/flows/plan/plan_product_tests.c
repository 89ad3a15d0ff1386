/* Unit tests of products: given rows through the very texts that a run would build, compared with what the case expects. A build
 * worker holds all of it; files of one case lie in its folder until the next loan. */
#include "buf/buf.h"
#include "limits/limits.h"
#include "plan/plan_rows.h"
#include "plan_inside.h"
#include "sql/sql.h"

/* A table of the case with its rows in a file of the worker. */
struct case_file {
    str schema, table; /* as texts name it; an output has no schema */
    str name;          /* of the file */
};

struct product_testing {
    struct engine *engine;
    struct report *report;
    struct worker *worker;
    uint64_t files; /* so that no two have one name */
};

struct product_case {
    struct product_testing *testing;
    const struct plan_compiled *compiled;
    const struct model_case *of;
    struct {
        VEC_OF(struct case_file)
    } files;
    struct {
        VEC_OF(str)
    } needed; /* internal tables that must be built */
};

static struct finding *case_wrong(const struct product_case *c, struct place place,
                                  const char *what, str found)
{
    struct finding *finding = report_add(c->testing->report, FINDING_ERROR, ERR_INVALID, place,
                                         "case \"%.*s\": %s", STR_ARG(c->of->name), what);

    finding->found = found;
    return finding;
}

/* What the case itself does wrong, or its texts do with its rows, is a finding; a lost worker is nobody's. */
static bool case_failed(struct task *t, const struct product_case *c, const struct model_sql *sql,
                        struct place place)
{
    if (!plan_is_of_text(t->err.code)) {
        return false;
    }
    if (sql != NULL) {
        place = (struct place){.file = sql->path};
        plan_place_text(t, c->compiled->definition, sql, &place);
    }
    struct finding *finding =
        report_add(c->testing->report, FINDING_ERROR, t->err.code, place, "case \"%.*s\": %.*s",
                   STR_ARG(c->of->name), STR_ARG(t->err.message));
    finding->hint = arena_str(t->mem, t->err.hint);
    if (sql != NULL) {
        finding->found =
            arena_format(t->mem, "the rows of %.*s:%u", STR_ARG(c->of->file), c->of->place.line);
    }
    task_clear_error(t);
    return true;
}

/* ---- files */

static const struct case_file *case_find_file(const struct product_case *c, str schema, str table)
{
    for (size_t i = 0; i < c->files.len; i++) {
        if (str_eq_nocase(c->files.at[i].schema, schema)
            && str_eq_nocase(c->files.at[i].table, table)) {
            return &c->files.at[i];
        }
    }
    return NULL;
}

/* Runs the job with its rows going to a file of this table. */
static bool case_write(struct task *t, struct product_case *c, struct engine_job *job, str schema,
                       str table, const struct job_columns *columns)
{
    struct case_file file = {.schema = schema, .table = table};
    struct job_result result;

    file.name = arena_format(t->mem, "case.%llu.parquet", (unsigned long long)c->testing->files++);
    job->output = JOB_FILE;
    job->file = file.name;
    job->columns = *columns;
    job->keep_order = true;
    for (size_t i = 0; i < job->columns.len; i++) {
        job->columns.at[i].id = (uint32_t)i + 1;
    }
    if (!engine_run(t, c->testing->worker, job, NULL, &result)) {
        return false;
    }
    vec_push(t->mem, &c->files, file);
    return true;
}

static struct job_columns copy_columns(struct arena *mem, const struct job_columns *columns)
{
    struct job_columns copy = {0};

    for (size_t i = 0; i < columns->len; i++) {
        vec_push(mem, &copy, columns->at[i]);
    }
    return copy;
}

/* The view is over the file, where the case has one; else it has no rows. */
static void case_fill_view(struct task *t, const struct product_case *c, struct engine_job *job,
                           struct job_view *view, const struct case_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < view->columns.len; i++) {
        view->columns.at[i].id = (uint32_t)i + 1;
    }
    vec_push(t->mem, &view->files, file->name);
    for (size_t i = 0; i < job->links.len; i++) {
        if (str_eq(job->links.at[i].name, file->name)) {
            return;
        }
    }
    vec_push(t->mem, &job->links,
             ((struct job_link){.path = engine_output_path(t, c->testing->worker, file->name),
                                .name = file->name}));
}

/* ---- given rows */

static const struct gate_input *case_find_input(const struct product_case *c, str schema, str table)
{
    for (size_t i = 0; i < c->compiled->scope.inputs.len; i++) {
        const struct gate_input *input = &c->compiled->scope.inputs.at[i];

        if (str_eq_nocase(input->schema, schema) && str_eq_nocase(input->name, table)) {
            return input;
        }
    }
    return NULL;
}

static const struct job_column *find_column(const struct job_columns *columns, str name)
{
    for (size_t i = 0; i < columns->len; i++) {
        if (str_eq_nocase(columns->at[i].name, name)) {
            return &columns->at[i];
        }
    }
    return NULL;
}

/* A name is one in whatever case it is written. */
static bool case_has_twice(struct arena *mem, const struct product_case *c, const struct tree *row,
                           size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (str_eq_nocase(row->at[i]->key, row->at[at]->key)) {
            case_wrong(c, tree_place(mem, c->of->file, row->at[at]),
                       "the column stands twice in its row", row->at[at]->key);
            return true;
        }
    }
    return false;
}

/* Names that the table does not have are slips of the pen, not differences. */
static bool case_knows(struct arena *mem, const struct product_case *c,
                       const struct model_case_table *table, const struct job_columns *columns)
{
    struct str_list names = {0};
    bool ok = true;

    for (size_t i = 0; i < columns->len; i++) {
        str_list_add(mem, &names, columns->at[i].name);
    }
    for (size_t i = 0; i < table->rows->len; i++) {
        for (size_t j = 0; j < table->rows->at[i]->len; j++) {
            const struct tree *cell = table->rows->at[i]->at[j];

            if (find_column(columns, cell->key) == NULL) {
                struct finding *finding = case_wrong(c, tree_place(mem, c->of->file, cell),
                                                     "the table has no such column", cell->key);
                str nearest = str_list_nearest(&names, cell->key);

                finding->allowed = str_list_join(mem, &names, STR(", "));
                finding->hint = nearest.len
                                  ? arena_format(mem, "did you mean %.*s?", STR_ARG(nearest))
                                  : STR_NONE;
                ok = false;
            }
            ok = !case_has_twice(mem, c, table->rows->at[i], j) && ok;
        }
    }
    return ok;
}

static const struct tree *find_cell(const struct tree *row, str column)
{
    for (size_t i = 0; i < row->len; i++) {
        if (str_eq_nocase(row->at[i]->key, column)) {
            return row->at[i];
        }
    }
    return NULL;
}

/* A job whose text gives these rows, with their types; what does not fit is the engine's error. */
static void case_rows_job(struct arena *mem, const struct model_case_table *table,
                          const struct job_columns *columns, bool has_number,
                          struct engine_job *job)
{
    struct job_view *view = vec_add(mem, &job->views);
    struct buf *sql = buf_new(mem, PLAN_ROWS_SQL_BYTES_MAX);

    *view = (struct job_view){.name = STR("given"), .is_inline = true};
    buf_add(sql, STR("SELECT "));
    for (size_t i = 0; i < columns->len; i++) {
        plan_add_text_column(mem, view, sql, columns->at[i].name, columns->at[i].type, table->rows);
    }
    if (has_number) {
        plan_add_text_column(mem, view, sql, STR("weft row"), STR("BIGINT"), NULL);
    }
    for (size_t i = 0; i < table->rows->len; i++) {
        for (size_t j = 0; j < columns->len; j++) {
            plan_put_value(mem, view, find_cell(table->rows->at[i], columns->at[j].name), false);
        }
        if (has_number) {
            plan_put_number(mem, view, i + 1);
        }
    }
    buf_add(sql, STR(" FROM given"));
    job->text = buf_str(sql);
}

/* The first row whose values do not fit, with its error; else the table. */
static struct place case_place_misfit(struct task *t, const struct product_case *c,
                                      const struct model_case_table *table,
                                      const struct job_columns *columns)
{
    struct error all = t->err;

    for (size_t i = 0; plan_is_of_text(all.code) && i < table->rows->len; i++) {
        struct tree row = *table->rows;
        struct model_case_table alone = *table;
        struct engine_job job = {0};
        struct engine_rows answer = {0};

        row.at = &table->rows->at[i];
        row.len = 1;
        alone.rows = &row;
        task_clear_error(t);
        case_rows_job(t->mem, &alone, columns, false, &job);
        if (!engine_ask(t, c->testing->worker, &job, true, &answer)) {
            return tree_place(t->mem, c->of->file, table->rows->at[i]);
        }
    }
    t->err = all;
    return table->place;
}

/* False when the machine fails; `ok_out` false when the case does. */
static bool case_give(struct task *t, struct product_case *c, const struct model_case_table *table,
                      bool *ok_out)
{
    const struct gate_input *input = case_find_input(c, table->schema, table->table);
    struct engine_job job = {0};

    *ok_out = false;
    if (input == NULL) {
        struct str_list names = {0};

        for (size_t i = 0; i < c->compiled->scope.inputs.len; i++) {
            input = &c->compiled->scope.inputs.at[i];
            str_list_add(
                t->mem, &names,
                arena_format(t->mem, "%.*s.%.*s", STR_ARG(input->schema), STR_ARG(input->name)));
        }
        case_wrong(c, table->place, "the product reads no such table",
                   arena_format(t->mem, "%.*s.%.*s", STR_ARG(table->schema), STR_ARG(table->table)))
            ->allowed = str_list_join(t->mem, &names, STR(", "));
        return true;
    }
    if (!case_knows(t->mem, c, table, &input->columns)) {
        return true;
    }
    struct job_columns columns = copy_columns(t->mem, &input->columns);
    case_rows_job(t->mem, table, &columns, false, &job);
    if (!case_write(t, c, &job, input->schema, input->name, &columns)) {
        return case_failed(t, c, NULL, case_place_misfit(t, c, table, &columns));
    }
    *ok_out = true;
    return true;
}

/* ---- the product's texts */

static bool case_needs(const struct product_case *c, str table)
{
    for (size_t i = 0; i < c->needed.len; i++) {
        if (str_eq_nocase(c->needed.at[i], table)) {
            return true;
        }
    }
    return false;
}

static bool case_expects(const struct product_case *c, str schema, str table)
{
    for (size_t i = 0; i < c->of->expect.len; i++) {
        if (str_eq_nocase(c->of->expect.at[i].schema, schema)
            && str_eq_nocase(c->of->expect.at[i].table, table)) {
            return true;
        }
    }
    return false;
}

static bool case_is_wanted(const struct product_case *c, const struct plan_text *text)
{
    return text->sql->is_internal ? case_find_file(c, STR("self"), text->sql->table) == NULL
                                        && (case_needs(c, text->sql->table)
                                            || case_expects(c, STR("self"), text->sql->table))
                                  : case_expects(c, STR_NONE, text->sql->table);
}

/* What is expected, and the internal tables that it is made of, save those that are given. */
static void case_find_needed(struct arena *mem, struct product_case *c)
{
    for (size_t i = c->compiled->texts.len; i-- > 0;) {
        const struct plan_text *text = &c->compiled->texts.at[i];

        for (size_t j = 0; case_is_wanted(c, text) && j < text->tree->tables.len; j++) {
            const struct sql_table *table = &text->tree->tables.at[j];

            if (str_eq_nocase(table->schema, STR("self")) && !case_needs(c, table->name)) {
                vec_push(mem, &c->needed, table->name);
            }
        }
    }
}

static struct job_columns contract_columns(struct arena *mem, const struct contract_table *table)
{
    struct job_columns columns = {0};

    for (size_t i = 0; i < table->columns.len; i++) {
        vec_push(mem, &columns,
                 ((struct job_column){.name = table->columns.at[i].name,
                                      .type = table->columns.at[i].type}));
    }
    return columns;
}

static bool case_build(struct task *t, struct product_case *c, const struct sql_tree *tree,
                       str schema, str table, const struct job_columns *columns)
{
    struct engine_job job;

    if (!gate_sketch(t, tree, &c->compiled->scope, &job)) {
        return false;
    }
    for (size_t i = 0; i < job.views.len; i++) {
        struct job_view *view = &job.views.at[i];

        case_fill_view(t, c, &job, view, case_find_file(c, view->schema, view->name));
    }
    job.now = c->of->now;
    return case_write(t, c, &job, schema, table, columns);
}

static bool case_build_text(struct task *t, struct product_case *c, const struct plan_text *text,
                            bool *ok_out)
{
    const struct model_sql *sql = text->sql;
    struct job_columns columns;

    if (sql->is_internal) {
        const struct gate_input *input = case_find_input(c, STR("self"), sql->table);

        columns = copy_columns(t->mem, &input->columns);
    } else {
        columns =
            contract_columns(t->mem, model_find_table(c->compiled->definition, sql->table, NULL));
    }
    *ok_out = case_build(t, c, text->tree, sql->is_internal ? STR("self") : STR_NONE, sql->table,
                         &columns);
    return *ok_out || case_failed(t, c, sql, c->of->place);
}

/* An output table without SQL. */
static bool case_pass_through(struct task *t, struct product_case *c,
                              const struct contract_table *table, bool *ok_out)
{
    struct job_columns columns = contract_columns(t->mem, table);
    struct sql_tree *tree;

    for (size_t i = 0; i < c->compiled->scope.inputs.len; i++) {
        const struct gate_input *input = &c->compiled->scope.inputs.at[i];

        if (!str_eq(input->name, table->name) || str_eq(input->schema, STR("self"))) {
            continue;
        }
        *ok_out = gate_parse(t, c->testing->worker,
                             model_pass_through_sql(t->mem, table, input->schema), &tree)
               && case_build(t, c, tree, STR_NONE, table->name, &columns);
        return *ok_out || case_failed(t, c, NULL, c->of->place);
    }
    *ok_out = true;
    return true;
}

/* ---- expected rows */

/* Columns that some expected row names; all where none does. */
static struct job_columns case_compared(struct arena *mem, const struct model_case_table *table,
                                        const struct job_columns *columns)
{
    struct job_columns compared = {0};

    for (size_t i = 0; i < columns->len; i++) {
        bool is_named = table->rows->len == 0;

        for (size_t j = 0; j < table->rows->len; j++) {
            is_named = is_named || find_cell(table->rows->at[j], columns->at[i].name) != NULL;
        }
        if (is_named) {
            vec_push(mem, &compared, columns->at[i]);
        }
    }
    return compared;
}

/* Without an order of their own, both sides are put into the same one. */
static void add_order(struct buf *sql, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        buf_format(sql, "%s%zu", i ? ", " : " ORDER BY ", i + 1);
    }
}

static bool case_ask_sides(struct task *t, struct product_case *c,
                           const struct model_case_table *table, const struct case_file *file,
                           const struct job_columns *columns, struct plan_sides *sides)
{
    struct engine_job wanted = {0}, made = {0};
    struct job_view *view = vec_add(t->mem, &made.views);
    struct buf *sql = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    struct buf *order = buf_new(t->mem, DOCUMENT_BYTES_MAX);
    size_t len = sides->compared.len;

    if (c->of->is_ordered) {
        buf_format(order, " ORDER BY %zu", len + 1);
    } else {
        add_order(order, len);
    }
    case_rows_job(t->mem, table, &sides->compared, true, &wanted);
    wanted.text = arena_format(t->mem, "%.*s%.*s", STR_ARG(wanted.text), STR_ARG(buf_str(order)));

    *view = (struct job_view){.name = STR("made"), .columns = copy_columns(t->mem, columns)};
    case_fill_view(t, c, &made, view, file);
    for (size_t i = 0; i < len; i++) {
        buf_add(sql, i ? STR(", ") : STR("SELECT "));
        buf_add_identifier(sql, sides->compared.at[i].name);
    }
    buf_add(sql, STR(" FROM made"));
    if (!c->of->is_ordered) {
        add_order(sql, len);
    }
    made.text = buf_str(sql);
    wanted.keep_order = true;
    made.keep_order = true;
    return engine_ask(t, c->testing->worker, &wanted, true, &sides->expected)
        && engine_ask(t, c->testing->worker, &made, true, &sides->got);
}

static bool case_compare(struct task *t, struct product_case *c,
                         const struct model_case_table *table, const struct job_columns *columns,
                         const struct contract_table *definition)
{
    const struct case_file *file = case_find_file(c, table->schema, table->table);
    struct plan_sides sides = {.compared = case_compared(t->mem, table, columns)};

    if (!case_knows(t->mem, c, table, columns)) {
        return true;
    }
    if (!case_ask_sides(t, c, table, file, columns, &sides)) {
        return case_failed(t, c, NULL, case_place_misfit(t, c, table, &sides.compared));
    }
    plan_compare_sides(t->mem, &sides, c->of->is_ordered, definition);
    if (sides.differences.len > 0) {
        struct finding *finding =
            report_add(c->testing->report, FINDING_ERROR, ERR_CHECK_FAILED, table->place,
                       "%.*s%s%.*s is not what case \"%.*s\" expects", STR_ARG(table->schema),
                       table->schema.len ? "." : "", STR_ARG(table->table), STR_ARG(c->of->name));

        finding->found = plan_difference_table(t->mem, &sides.differences);
    }
    return true;
}

/* As a case names them. */
static str case_made_tables(struct arena *mem, const struct plan_compiled *compiled)
{
    struct str_list names = {0};

    for (size_t i = 0; i < compiled->definition->outputs.len; i++) {
        const struct contract *contract = compiled->definition->outputs.at[i].contract;

        for (size_t k = 0; k < contract->tables.len; k++) {
            str_list_add(mem, &names, contract->tables.at[k].name);
        }
    }
    for (size_t i = 0; i < compiled->scope.inputs.len; i++) {
        const struct gate_input *input = &compiled->scope.inputs.at[i];

        if (str_eq(input->schema, STR("self"))) {
            str_list_add(mem, &names, arena_format(mem, "self.%.*s", STR_ARG(input->name)));
        }
    }
    return str_list_join(mem, &names, STR(", "));
}

static bool case_expect(struct task *t, struct product_case *c,
                        const struct model_case_table *table)
{
    const struct contract_table *definition = NULL;
    const struct gate_input *input = NULL;
    struct job_columns columns = {0};

    if (table->schema.len == 0) {
        definition = model_find_table(c->compiled->definition, table->table, NULL);
    } else if (str_eq_nocase(table->schema, STR("self"))) {
        input = case_find_input(c, table->schema, table->table);
    }
    if (definition == NULL && input == NULL) {
        case_wrong(c, table->place, "the product makes no such table", table->rows->key)->allowed =
            case_made_tables(t->mem, c->compiled);
        return true;
    }
    columns = definition != NULL ? contract_columns(t->mem, definition)
                                 : copy_columns(t->mem, &input->columns);
    if (definition != NULL && model_is_passed_through(c->compiled->definition, table->table)) {
        bool ok;

        if (!case_pass_through(t, c, definition, &ok) || !ok) {
            return ok;
        }
    }
    return case_compare(t, c, table, &columns, definition);
}

static bool case_run(struct task *t, struct product_case *c)
{
    bool ok = true;

    for (size_t i = 0; i < c->of->given.len; i++) {
        bool is_given;

        if (!case_give(t, c, &c->of->given.at[i], &is_given)) {
            return false;
        }
        ok = ok && is_given;
    }
    case_find_needed(t->mem, c);
    for (size_t i = 0; ok && i < c->compiled->texts.len; i++) {
        const struct plan_text *text = &c->compiled->texts.at[i];

        if (case_is_wanted(c, text) && !case_build_text(t, c, text, &ok)) {
            return false;
        }
    }
    for (size_t i = 0; ok && i < c->of->expect.len; i++) {
        if (!case_expect(t, c, &c->of->expect.at[i])) {
            return false;
        }
    }
    return true;
}

static const struct plan_compiled *find_compiled(const struct plan_compiled_list *list,
                                                 const struct model_product *product)
{
    for (size_t i = 0; i < list->len; i++) {
        if (list->at[i].definition == product) {
            return &list->at[i];
        }
    }
    return NULL;
}

/* Is one of the sorted paths below the folder? */
static bool has_path_in(struct arena *mem, const struct str_list *paths, str folder)
{
    str prefix = arena_format(mem, "%.*s/", STR_ARG(folder));
    size_t low = 0, high = paths->len;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (str_compare(paths->at[middle], prefix) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < paths->len && str_starts(paths->at[low], prefix);
}

static bool is_touched(struct arena *mem, const struct model_product *product,
                       const struct str_list *changed)
{
    bool is = has_path_in(mem, changed, product->folder);

    for (size_t i = 0; !is && i < product->inputs.len; i++) {
        const struct model_product *producer = product->inputs.at[i].producer;

        is = producer != NULL && has_path_in(mem, changed, producer->folder);
    }
    return is;
}

static bool is_asked(struct arena *mem, const struct model_case *of, const struct plan_tests *which,
                     const struct str_list *changed)
{
    return (which->file.len == 0 || str_eq(which->file, of->file))
        && (which->product.len == 0 || str_eq(which->product, of->product->address))
        && (changed == NULL || is_touched(mem, of->product, changed));
}

bool plan_run_product_tests(struct task *t, struct engine *engine, const struct model *model,
                            const struct plan_compiled_list *compiled,
                            const struct plan_tests *which, const struct str_list *changed,
                            struct report *report, struct plan_case_results *results)
{
    struct product_testing testing = {.engine = engine, .report = report};
    /* As the texts themselves: what strangers wrote shares no worker with others. */
    str owner = t->actor != NULL
                  ? arena_format(t->mem, "plan:%.*s", STR_ARG(actor_key(t->mem, t->actor)))
                  : STR("plan");

    for (size_t i = 0; i < model->product_cases.len; i++) {
        const struct model_case *of = &model->product_cases.at[i];
        struct product_case c = {
            .testing = &testing, .of = of, .compiled = find_compiled(compiled, of->product)};
        size_t errors = report->errors;

        if (!is_asked(t->mem, of, which, changed)) {
            continue;
        }
        CHECK(c.compiled != NULL);
        if ((testing.worker == NULL
             && !engine_lend(t, engine, WORKER_BUILD, owner, (struct engine_reach){0},
                             &testing.worker))
            || !case_run(t, &c)) {
            return false;
        }
        if (results != NULL) {
            vec_push(t->mem, results,
                     ((struct plan_case_result){.name = of->name,
                                                .subject = of->product->address,
                                                .place = of->place,
                                                .has_passed = report->errors == errors}));
        }
    }
    if (testing.worker != NULL) {
        engine_return(t, testing.worker);
    }
    return true;
}
