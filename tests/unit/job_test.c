#include "job/job.h"

#include "limits/limits.h"
#include "test.h"

static struct job_column column(const char *name, const char *type, uint32_t id)
{
    return (struct job_column){str_of(name), str_of(type), id};
}

static struct engine_job *make_job(struct task *t)
{
    struct engine_job *job = ARENA_NEW(t->mem, struct engine_job);
    vec_push(t->mem, &job->prepare, STR("LOAD x"));
    struct job_view *files = vec_add(t->mem, &job->views);
    files->catalog = STR("orders");
    files->schema = STR("processing");
    files->name = STR("it\"ems");
    vec_push(t->mem, &files->columns, column("id", "BIGINT", 7));
    vec_push(t->mem, &files->files, STR("a.parquet"));
    vec_push(t->mem, &files->files, STR("b.parquet"));
    vec_push(t->mem, &files->deletions, STR_NONE);
    vec_push(t->mem, &files->deletions, STR("d.parquet"));
    struct job_view *rows = vec_add(t->mem, &job->views);
    rows->schema = STR("mesh");
    rows->name = STR("domains");
    rows->is_inline = true;
    vec_push(t->mem, &rows->columns, column("name", "VARCHAR", 0));
    vec_push(t->mem, &rows->columns, column("rows", "BIGINT", 0));
    vec_push(t->mem, &rows->cells, ((struct job_cell){STR("sales"), false}));
    vec_push(t->mem, &rows->cells, ((struct job_cell){STR_NONE, true}));
    struct job_link *link = vec_add(t->mem, &job->links);
    link->path = STR("/secret/place");
    link->name = STR("a.parquet");
    job->text = STR("SELECT 1");
    job->output = JOB_FILE;
    job->format = ROW_FORMAT_CSV;
    job->file = STR("out.parquet");
    vec_push(t->mem, &job->columns, column("id", "DECIMAL(12,2)", 9));
    job->packing = PACKED_NOT;
    job->keep_order = true;
    job->rows_max = 5;
    job->rows_max_is_asked = true;
    job->bytes_max = (uint64_t)1 << 40;
    return job;
}

static bool unpack(struct task *t, str body, struct engine_job *out)
{
    struct frame_reader r = {.rest = body};
    return job_unpack(&r, t->mem, out);
}

static str pack(struct task *t, const struct engine_job *job)
{
    struct buf *b = buf_new(t->mem, FRAME_BYTES_MAX);
    EXPECT(job_pack(b, job));
    return buf_str(b);
}

TEST(job_comes_back_without_its_links)
{
    struct task *t = test_task();
    struct engine_job found;
    str body = pack(t, make_job(t));
    EXPECT(str_find(body, STR("/secret")) == body.len);
    REQUIRE(unpack(t, body, &found));
    EXPECT_INT(found.prepare.len, 1);
    EXPECT_STR(found.prepare.at[0], "LOAD x");
    EXPECT_INT(found.views.len, 2);
    EXPECT_STR(found.views.at[0].catalog, "orders");
    EXPECT_STR(found.views.at[0].schema, "processing");
    EXPECT_STR(found.views.at[0].name, "it\"ems");
    EXPECT_INT(found.views.at[0].columns.at[0].id, 7);
    EXPECT_STR(found.views.at[0].files.at[0], "a.parquet");
    REQUIRE(found.views.at[0].deletions.len == 2 && found.views.at[1].deletions.len == 0);
    EXPECT_STR(found.views.at[0].deletions.at[0], "");
    EXPECT_STR(found.views.at[0].deletions.at[1], "d.parquet");
    EXPECT(found.views.at[1].is_inline);
    EXPECT_INT(found.views.at[1].cells.len, 2);
    EXPECT_STR(found.views.at[1].cells.at[0].text, "sales");
    EXPECT(found.views.at[1].cells.at[1].is_null);
    EXPECT_INT(found.links.len, 0);
    EXPECT_STR(found.text, "SELECT 1");
    EXPECT_INT(found.output, JOB_FILE);
    EXPECT_INT(found.format, ROW_FORMAT_CSV);
    EXPECT_STR(found.file, "out.parquet");
    EXPECT_STR(found.columns.at[0].type, "DECIMAL(12,2)");
    EXPECT(found.packing == PACKED_NOT);
    EXPECT(found.keep_order);
    EXPECT_INT(found.rows_max, 5);
    EXPECT(found.rows_max_is_asked);
    EXPECT_INT(found.bytes_max, (int64_t)1 << 40);
}

TEST(job_cut_anywhere_is_refused)
{
    struct task *t = test_task();
    struct engine_job found;
    str body = pack(t, make_job(t));
    for (size_t len = 0; len < body.len; len++)
        EXPECT(!unpack(t, str_sub(body, 0, len), &found));
    struct buf *longer = buf_new(t->mem, FRAME_BYTES_MAX);
    buf_add(longer, body);
    buf_add_byte(longer, 0);
    EXPECT(!unpack(t, buf_str(longer), &found));
}

TEST(job_files_stay_in_their_folder)
{
    struct task *t = test_task();
    struct engine_job found;
    const char *const names[] = {"", ".", "..", "a/b", "/etc/passwd", "../in"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct engine_job *job = make_job(t);
        job->file = str_of(names[i]);
        EXPECT(!unpack(t, pack(t, job), &found));
        job = make_job(t);
        job->views.at[0].files.at[0] = str_of(names[i]);
        EXPECT(!unpack(t, pack(t, job), &found));
        job = make_job(t);
        job->views.at[0].deletions.at[1] = str_of(names[i]);
        EXPECT(unpack(t, pack(t, job), &found) == (names[i][0] == '\0'));
    }
    struct engine_job *job = make_job(t);
    job->views.at[0].deletions.len = 1;
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->file = STR("a\0b");
    EXPECT(!unpack(t, pack(t, job), &found));
}

TEST(job_with_values_out_of_range_is_refused)
{
    struct task *t = test_task();
    struct engine_job found;
    struct engine_job *job = make_job(t);
    job->output = JOB_OUTPUT_COUNT;
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->format = ROW_FORMAT_COUNT;
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->views.at[1].cells.len = 1; /* half a row */
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->views.at[0].columns.len = 0;
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->views.at[0].name = STR_NONE;
    EXPECT(!unpack(t, pack(t, job), &found));
    job = make_job(t);
    job->text = STR("SELECT 1\0 2");
    EXPECT(!unpack(t, pack(t, job), &found));
}

TEST(job_over_the_cap_is_not_packed)
{
    struct task *t = test_task();
    struct engine_job *job = make_job(t);
    struct buf *b = buf_new(t->mem, 100);
    EXPECT(!job_pack(b, job));
}

TEST(worker_kinds_have_names)
{
    enum worker_kind kind;
    for (int i = 0; i < WORKER_KIND_COUNT; i++) {
        EXPECT(worker_kind_by_name(str_of(worker_kind_name((enum worker_kind)i)), &kind));
        EXPECT_INT(kind, i);
    }
    EXPECT(!worker_kind_by_name(STR("root"), &kind));
}
