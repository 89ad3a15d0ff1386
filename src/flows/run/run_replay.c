/* Rows of the quarantine, asked once more: those that pass by now are added to the rows of the current release, whose files stay. Nothing
 * is made, so that what made them must be what would make them today. */
#include "buf/buf.h"
#include "fault/fault.h"
#include "limits/limits.h"
#include "run_inside.h"

static bool run_refuse_replay(struct task *t, const struct run *r, str why)
{
    task_fail(t, ERR_CONFLICT, "quarantined rows of %.*s cannot be brought back: %.*s",
              STR_ARG(r->product), STR_ARG(why));
    return task_hint(t, "weft run %.*s makes its rows anew", STR_ARG(r->product));
}

static bool run_has_column(const struct image_file *file, uint32_t id)
{
    for (size_t i = 0; i < file->columns.len; i++) {
        if (file->columns.at[i] == id) {
            return true;
        }
    }
    return false;
}

/* The files of a table hold what its contract of today says. */
static bool run_fits_table(struct task *t, const struct run *r, const struct image_table *table)
{
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];
        bool fits = str_eq(column->type, column->contract->type);

        for (size_t k = 0; k < table->files.len; k++) {
            fits = fits && run_has_column(&table->files.at[k], column->id);
        }
        if (!fits) {
            return run_refuse_replay(t, r,
                                     arena_format(t->mem, "column %.*s of %.*s is new, or another",
                                                  STR_ARG(column->name), STR_ARG(table->name)));
        }
        /* What it sheds is proven by how it was made. */
        if (column->contract->declassify.method != DECLASSIFY_NONE) {
            return run_refuse_replay(t, r,
                                     arena_format(t->mem,
                                                  "column %.*s of %.*s is declassified, which is "
                                                  "proven where rows are made",
                                                  STR_ARG(column->name), STR_ARG(table->name)));
        }
    }
    return true;
}

static bool run_has_label(const struct image_column *column, const struct quarantine_label *label)
{
    for (size_t i = 0; i < column->more.len; i++) {
        if (column->more.at[i].is_tag == label->is_tag
            && str_eq(column->more.at[i].text, label->text)) {
            return true;
        }
    }
    return label->is_tag ? str_list_has(&column->contract->tags, label->text)
                         : str_eq(column->contract->classification, label->text);
}

/* A row must not lose a label on its way back. */
static bool run_fits_row(struct task *t, const struct run *r, const struct image_table *table,
                         const struct quarantine_row *row)
{
    struct image_file file = {0};

    if (!str_eq(row->sql_digest, r->target->digest)) {
        return run_refuse_replay(t, r, STR("its SQL has changed since they were diverted"));
    }
    for (size_t i = 0; i < row->columns.len; i++) {
        vec_push(t->mem, &file.columns, row->columns.at[i]);
    }
    for (size_t i = 0; i < table->columns.len; i++) {
        const struct image_column *column = &table->columns.at[i];

        if (!run_has_column(&file, column->id)) {
            return run_refuse_replay(
                t, r, arena_format(t->mem, "they have no column %.*s", STR_ARG(column->name)));
        }
        for (size_t k = 0; k < row->labels.len; k++) {
            if (row->labels.at[k].column_id == column->id
                && !run_has_label(column, &row->labels.at[k])) {
                return run_refuse_replay(
                    t, r,
                    arena_format(t->mem, "column %.*s carried the label %.*s and does not today",
                                 STR_ARG(column->name), STR_ARG(row->labels.at[k].text)));
            }
        }
    }
    return true;
}

static bool run_find_replayed(struct task *t, struct run *r)
{
    str digest;

    r->replay.which = (struct quarantine_which){
        .product_id = r->target->id, .run_id = r->replayed, .is_of_releases = true};
    if (!quarantine_find(t, r->services->db, &r->replay.which, &r->replay.rows)
        || !release_sql_digest(t, r->services->db, r->target->id, r->target->release.number,
                               &digest)
        || !release_basis(t, r->services->db, r->target->id, r->target->release.number,
                          &r->basis)) {
        return false;
    }
    if (r->replay.rows.len == 0 || r->target->release.number == 0) {
        struct quarantine_which any = {.product_id = r->target->id, .run_id = r->replayed};
        struct quarantine_list rows;

        if (!quarantine_find(t, r->services->db, &any, &rows)) {
            return false;
        }
        if (rows.len > 0) {
            task_fail(t, ERR_CONFLICT,
                      "quarantined rows of a source come again with the source: nothing of %.*s is "
                      "to be brought back",
                      STR_ARG(r->product));
            return task_hint(t,
                             "mend the source and run weft run %.*s; rows behind the last key of "
                             "an incremental table come with --from and --to",
                             STR_ARG(r->product));
        }
        task_fail(t, ERR_NOT_FOUND, "no such rows of %.*s are in quarantine", STR_ARG(r->product));
        return task_hint(t, "weft quarantine list shows what is");
    }
    r->replay.which.up_to = r->replay.rows.at[r->replay.rows.len - 1].id;
    if (digest.len == 0) {
        return run_refuse_replay(t, r,
                                 STR("the current release came back by a rollback, or is of an "
                                     "earlier weft, and nobody can say which SQL made it"));
    }
    return str_eq(digest, r->target->digest)
        || run_refuse_replay(t, r, STR("the current release was made by other SQL"));
}

static bool run_add_replayed(struct task *t, const struct run *r, const struct image_table *table,
                             struct engine_job *job)
{
    struct job_view *view = vec_add(t->mem, &job->views);

    *view = (struct job_view){.name = STR("came"), .columns = job->columns};
    for (size_t i = 0; i < r->replay.rows.len; i++) {
        const struct quarantine_row *row = &r->replay.rows.at[i];

        if (row->table_id != table->id) {
            continue;
        }
        if (!run_fits_row(t, r, table, row) || !store_check(t, r->services->store, row->sha256)) {
            return false;
        }
        vec_push(t->mem, &view->files,
                 run_link(t, job, store_file_path(t, r->services->store, row->sha256), r->id));
    }
    return true;
}

void run_keep_release(struct task *t, const struct run *r, const struct image_table *of,
                      struct run_table *out)
{
    struct run_increment *inc = ARENA_NEW(t->mem, struct run_increment);

    *out = (struct run_table){.name = of->name,
                              .contract = of->contract,
                              .definition = of->definition,
                              .table = of,
                              .increment = inc};
    *inc = (struct run_increment){.table = of, .definition = of->definition};
    for (size_t i = 0; i < of->files.len; i++) {
        const struct image_file *file = &of->files.at[i];

        inc->kept_rows += file->rows - file->deleted;
        vec_push(t->mem, &inc->kept,
                 ((struct run_kept){.file = file,
                                    .deletions = file->deletions.len ? store_file_path(
                                                     t, r->services->store, file->deletions)
                                                                     : STR_NONE,
                                    .deleted = file->deleted}));
    }
    for (size_t i = 0; i < of->columns.len; i++) {
        vec_push(t->mem, &out->columns,
                 ((struct job_column){.name = of->columns.at[i].name,
                                      .type = of->columns.at[i].contract->type,
                                      .id = of->columns.at[i].id}));
    }
}

/* Beside the files of the release comes what was diverted: for a table without such rows, nothing. */
static bool run_stage_replayed(struct task *t, struct run *r, struct worker *worker,
                               const struct image_table *of)
{
    struct run_table *table = vec_add(t->mem, &r->outputs);
    struct buf *b = buf_new(t->mem, SQL_BYTES_MAX);
    struct engine_job job = {0};

    run_keep_release(t, r, of, table);
    buf_add(b, STR("SELECT "));
    for (size_t i = 0; i < of->columns.len; i++) {
        buf_add(b, i ? STR(", ") : STR(""));
        buf_add_identifier(b, of->columns.at[i].name);
    }
    buf_add(b, STR(" FROM came"));
    job.text = buf_str(b);
    job.columns = table->columns;
    if (b->full) {
        return task_fail(t, ERR_LIMIT, "the columns of %.*s are too many to read them back",
                         STR_ARG(of->name));
    }
    return run_fits_table(t, r, of) && run_add_replayed(t, r, of, &job)
        && run_stage(t, r, worker, &job, false, table);
}

bool run_replay(struct task *t, struct run *r)
{
    struct worker *worker;

    if (!run_find_replayed(t, r)
        || !engine_lend(t, r->services->engine, WORKER_CLEARING, STR("replay"),
                        (struct engine_reach){0}, &worker)) {
        return false;
    }
    for (size_t i = 0; i < r->target->tables.len; i++) {
        if (run_is_made(r, &r->target->tables.at[i])
            && !run_stage_replayed(t, r, worker, &r->target->tables.at[i])) {
            return false;
        }
    }
    engine_return(t, worker);
    return true;
}

/* They are there still: nobody dropped them meanwhile. */
bool run_end_replay(struct task *t, struct metadb *db, const struct run *r)
{
    struct quarantine_list now;

    if (!quarantine_find(t, db, &r->replay.which, &now)) {
        return false;
    }
    if (now.len != r->replay.rows.len) {
        task_fail(t, ERR_CONFLICT, "quarantined rows of %.*s were dropped meanwhile",
                  STR_ARG(r->product));
        return task_hint(t, "weft quarantine list shows what is left");
    }
    return quarantine_drop(t, db, &r->replay.which);
}
