/* Answers of a worker that lies, to questions of ours: rows, or an error; and who reads rows takes them for what was asked, or refuses. */
#include <stdint.h>

#include "check/check.h"
#include "engine/engine.h"
#include "infer/infer.h"
#include "source/source.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char contract_text[] =
    "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\n"
    "schema:\n- name: t\n  quality: [{id: n, metric: rowCount, mustBeGreaterThan: 0},\n"
    "    {id: q, type: sql, query: 'SELECT 1 FROM ${object}', mustBeBetween: [1, 3]}]\n"
    "  properties:\n  - {name: id, physicalType: BIGINT, required: true, unique: true}\n"
    "  - {name: s, physicalType: VARCHAR, quality: [{id: s, metric: nullValues, mustBeLessThan: 1, "
    "unit: percent}]}\n";

/* Each answer as that of every question of a table's checks. */
static void judge(struct task *t, const struct contract_table *table, const struct tree *row)
{
    struct job_columns columns = {0};
    struct check_targets targets = {0};
    struct check_result *verdicts;
    struct check_plan plan;
    size_t len;

    for (size_t i = 0; i < table->columns.len; i++)
        vec_push(t->mem, &columns,
                 ((struct job_column){.name = table->columns.at[i].name,
                                      .type = table->columns.at[i].type,
                                      .id = (uint32_t)i + 1}));
    CHECK(check_compile(t->mem, table, STR("v"), &columns, &targets, &plan));
    const struct tree **answers = ARENA_ARRAY(t->mem, const struct tree *, plan.selects.len + 1);
    str *errors = ARENA_ARRAY(t->mem, str, plan.selects.len + 1);
    for (size_t i = 0; i < plan.selects.len; i++)
        answers[i] = row;
    check_judge(t->mem, &plan, answers, errors, &verdicts, &len);
    CHECK(len == table->rules.len);
    for (size_t i = 0; i < len; i++)
        CHECK(verdicts[i].message.len > 0);
}

static const struct contract *contract(struct task *t)
{
    struct report report;
    struct tree *tree;

    report_init(&report, t->mem);
    CHECK(yaml_read(t, t->mem, str_of(contract_text), STR("a.odcs.yaml"), YAML_MODE_YAML, &tree));
    const struct contract *read = contract_read(t->mem, STR("a.odcs.yaml"), tree, &report);
    CHECK(read != NULL && report.errors == 0);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct task *t = task_new();
    struct engine_rows rows;

    if (engine_rows_read(t, (str){(const char *)data, len}, &rows)) {
        const struct contract_table *table = &contract(t)->tables.at[0];
        struct source_table source = {.table = table};

        for (size_t i = 0; i < rows.len && i < 16; i++) {
            struct infer_column columns[2] = {{.name = STR("a"), .type = STR("VARCHAR")},
                                              {.name = STR("b"), .type = STR("BIGINT")}};
            struct source_column column;
            uint64_t count;

            if (source_read_column(rows.at[i], &source, &column))
                CHECK(tree_is_string(rows.at[i]->at[0]) && tree_is_string(rows.at[i]->at[1]));
            if (infer_profile_read(rows.at[i], columns, 2, &count))
                infer_settle(t->mem, &columns[0]);
            judge(t, table, rows.at[i]);
        }
    } else {
        CHECK(t->err.message.len > 0);
    }
    task_free(t);
    return 0;
}
