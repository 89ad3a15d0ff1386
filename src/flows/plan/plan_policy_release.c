/* The rows of a release, for tests of policies. Whether a case passes tells of these rows as much as a query would: so only those have it
 * run who may see all of it, rows and values, by the policies in force; the audit records that they had; and no finding shows what
 * stands in a row. */
#include "audit/audit.h"
#include "json_out/json_out.h"
#include "limits/limits.h"
#include "plan_inside.h"
#include "release/release.h"

static struct finding *plan_leave_out(const struct policy_case *of, struct report *report,
                                      enum finding_level level, const char *why)
{
    return report_add(report, level, ERR_DENIED, of->release_place,
                      "case \"%.*s\" was left out: %s", STR_ARG(of->name), why);
}

static const struct image_column *plan_column_of(const struct image_table *table, str name)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        if (str_eq(table->columns.at[i].name, name)) {
            return &table->columns.at[i];
        }
    }
    return NULL;
}

/* Every row, and every value of the columns that the case can be about. */
static bool plan_sees_all(struct task *t, const struct image *image,
                          const struct image_table *table, const struct policy_table *subject)
{
    const struct decision *decision = gate_decide(t, image, table);
    bool sees = decision->allowed && decision->filters.len == 0;

    for (size_t i = 0; sees && i < subject->column_count; i++) {
        const struct image_column *column = plan_column_of(table, subject->columns[i].name);
        const struct decision_column *shown = NULL;

        for (size_t j = 0; column != NULL && j < decision->columns.len; j++) {
            if (decision->columns.at[j].id == column->id) {
                shown = &decision->columns.at[j];
            }
        }
        sees = column == NULL || (shown != NULL && !policy_is_masked(shown));
    }
    return sees;
}

static bool plan_load_past(struct task *t, const struct plan_releases *releases,
                           const struct image_table *today, uint64_t number,
                           const struct image_table **out)
{
    const struct image_product *past;

    *out = NULL;
    if (!release_load(t, releases->services->db, today->product, number, &past)) {
        return false;
    }
    for (size_t i = 0; past != NULL && i < past->tables.len; i++) {
        if (past->tables.at[i].id == today->id) {
            *out = &past->tables.at[i];
        }
    }
    return true;
}

/* That somebody had rows of a release tested: before it is done. */
static bool plan_record_test(struct task *t, const struct plan_releases *releases,
                             const struct policy_case *of, uint64_t number)
{
    struct json_out o = {.b = buf_new(t->mem, PLAN_DETAIL_BYTES_MAX)};

    json_out_begin(&o, "", '{');
    json_out_uint(&o, "release", number);
    json_out_str(&o, "file", of->file);
    json_out_str(&o, "case", str_sub(of->name, 0, NAME_BYTES_MAX));
    json_out_end(&o, '}');
    return audit_append(t, releases->services->db, STR("policy.test"), of->table, STR("allowed"),
                        buf_str(o.b), NULL);
}

/* A past release is read under the labels of then too. */
static void plan_add_labels(struct arena *mem, const struct image_table *past,
                            const struct policy_table *subject, struct policy_column *columns)
{
    for (size_t i = 0; i < subject->column_count; i++) {
        const struct image_column *column = plan_column_of(past, subject->columns[i].name);

        columns[i] = subject->columns[i];
        columns[i].labels.at = NULL;
        columns[i].labels.len = columns[i].labels.cap = 0;
        for (size_t j = 0; j < subject->columns[i].labels.len; j++) {
            vec_push(mem, &columns[i].labels, subject->columns[i].labels.at[j]);
        }
        for (size_t j = 0; column != NULL && j < column->more.len; j++) {
            vec_push(mem, &columns[i].labels, column->more.at[j]);
        }
    }
}

bool plan_find_release(struct task *t, const struct plan_releases *releases,
                       const struct policy_case *of, struct report *report,
                       struct policy_table *subject_io, const struct image_table **out)
{
    const struct image_product *product;
    const struct image_table *today;

    *out = NULL;
    if (releases == NULL) {
        plan_leave_out(of, report, FINDING_NOTE, "it is over a release, which the server has")
            ->hint = STR("plan and apply run it");
        return true;
    }
    product = image_find_product(releases->image, subject_io->domain, subject_io->product);
    today = product != NULL ? image_find_table(product, subject_io->name) : NULL;
    if (today != NULL && !plan_sees_all(t, releases->image, today, subject_io)) {
        today = NULL;
    }
    /* The same words for a table that is not there as for one that he may not know of. */
    if (today == NULL) {
        plan_leave_out(of, report, FINDING_WARNING,
                       "it is over a release, and you may not see all rows and values of the table")
            ->hint = STR("one who may runs it when he plans: an owner, as a rule");
        return true;
    }
    if (of->release == 0) {
        *out = today->is_released ? today : NULL;
    } else if (!plan_load_past(t, releases, today, of->release, out)) {
        return false;
    }
    if (*out == NULL) {
        plan_leave_out(of, report, FINDING_WARNING,
                       of->release == 0 ? "there is no release yet"
                                        : "there is no such release, or it is no longer kept");
        return true;
    }
    if (of->release > 0) {
        struct policy_column *columns =
            ARENA_ARRAY(t->mem, struct policy_column, subject_io->column_count + 1);

        /* What was hidden then is hidden from whoever runs the case, too. */
        if (!plan_sees_all(t, releases->image, *out, subject_io)) {
            plan_leave_out(of, report, FINDING_WARNING,
                           "you may not see all rows and values of that release");
            *out = NULL;
            return true;
        }
        plan_add_labels(t->mem, *out, subject_io, columns);
        subject_io->columns = columns;
    }
    return plan_record_test(t, releases, of, (*out)->product->release.number);
}

/* Files with equal deletions share them. */
static void plan_link_once(struct task *t, struct engine_job *job, str path, str name)
{
    for (size_t i = 0; i < job->links.len; i++) {
        if (str_eq(job->links.at[i].name, name)) {
            return;
        }
    }
    if (path.len > 0) {
        vec_push(t->mem, &job->links, ((struct job_link){.path = path, .name = name}));
    }
}

bool plan_give_release(struct task *t, const struct plan_releases *releases,
                       const struct image_table *table, const struct policy_table *subject,
                       struct engine_job *job)
{
    struct job_view *view = vec_add(t->mem, &job->views);
    struct str_list deletions = {0};
    const struct image_column *any = table->columns.len > 0 ? &table->columns.at[0] : NULL;

    *view = (struct job_view){.name = STR("given")};
    for (size_t i = 0; i < subject->column_count; i++) {
        const struct image_column *column = plan_column_of(table, subject->columns[i].name);

        if (column != NULL) {
            vec_push(t->mem, &view->columns,
                     ((struct job_column){
                         .name = column->name, .type = column->type, .id = column->id}));
        }
    }
    /* Rows without a column that the plan knows still count. */
    if (view->columns.len == 0 && any != NULL) {
        vec_push(t->mem, &view->columns,
                 ((struct job_column){.name = STR("weft any"), .type = any->type, .id = any->id}));
    }
    for (size_t i = 0; i < table->files.len; i++) {
        str sha256 = table->files.at[i].sha256;
        /* The content's name: the worker is used again, and its caches know files by name. */
        str name = arena_format(t->mem, "%.*s.parquet", STR_ARG(sha256));

        if (!store_check(t, releases->services->store, sha256)) {
            return false;
        }
        vec_push(t->mem, &view->files, name);
        vec_push(t->mem, &job->links,
                 ((struct job_link){.path = store_file_path(t, releases->services->store, sha256),
                                    .name = name}));
        if (!plan_add_deletions(t, releases->services->store, &table->files.at[i], &deletions)) {
            return false;
        }
    }
    for (size_t i = 0; i < deletions.len; i++) {
        str path = deletions.at[i], folder, base;
        str name = STR_NONE;

        if (path.len > 0 && str_cut_last(path, '/', &folder, &base)) {
            name = arena_format(t->mem, "%.*s.parquet", STR_ARG(base));
        }
        vec_push(t->mem, &view->deletions, name);
        plan_link_once(t, job, path, name);
    }
    return true;
}

bool plan_release_has(const struct image_table *table, str column)
{
    return plan_column_of(table, column) != NULL;
}
