/* Every policy against the tables that it speaks of: columns of filters, products of grants. */
#include "buf/buf.h"
#include "clock/clock.h"
#include "limits/limits.h"
#include "plan_inside.h"

static void plan_policy_columns(struct arena *mem, const struct contract_table *table,
                                const struct labels *labels, struct policy_table *out)
{
    struct policy_column *columns = ARENA_ARRAY(mem, struct policy_column, table->columns.len + 1);

    for (size_t i = 0; i < table->columns.len; i++) {
        const struct contract_column *column = &table->columns.at[i];

        model_policy_column(mem, column, (uint32_t)i + 1, column->type, &columns[i]);
        labels_of(mem, labels, column, &columns[i].labels);
    }
    out->columns = columns;
    out->column_count = table->columns.len;
}

void plan_policy_table(struct arena *mem, const struct model_product *product,
                       const struct contract *contract, const struct contract_table *table,
                       const struct labels *labels, struct policy_table *out)
{
    *out = (struct policy_table){.domain = product->domain->name,
                                 .product = product->name,
                                 .name = contract_table_plain(table->name),
                                 .contract = contract->id,
                                 .owners = product->domain->owners};
    for (size_t i = 0; i < table->tags.len; i++) {
        str_list_add(mem, &out->tags, table->tags.at[i]);
    }
    for (size_t i = 0; i < contract->tags.len; i++) {
        str_list_add(mem, &out->tags, contract->tags.at[i]);
    }
    plan_policy_columns(mem, table, labels, out);
}

/* A policy that the engine cannot run would refuse every query of the tables that it matches: so it is tried before. */
static bool plan_probe(struct task *t, struct worker *worker, const struct policy_probe *probe,
                       struct report *report)
{
    struct engine_job job = {.text = probe->sql, .output = JOB_ROWS, .format = ROW_FORMAT_JSON};
    struct buf *rows = buf_new(t->mem, HTTP_BODY_BYTES_MAX);
    struct row_sink sink = row_sink_to_buf(rows);
    struct job_result result;
    struct finding *finding;

    if (engine_run_uncleared(t, worker, &job, &sink, &result)) {
        return true;
    }
    if (t->err.code == ERR_CANCELLED || t->err.code == ERR_TIMEOUT || t->err.code == ERR_WORKER) {
        return false;
    }
    finding =
        report_add(report, FINDING_ERROR, t->err.code, probe->policy->place,
                   "policy %.*s does not fit %.*s.%.*s.%.*s: %.*s", STR_ARG(probe->policy->id),
                   STR_ARG(probe->table->domain), STR_ARG(probe->table->product),
                   STR_ARG(probe->table->name), STR_ARG(t->err.message));
    finding->found = probe->policy->where;
    task_clear_error(t);
    return true;
}

static bool plan_probe_policies(struct task *t, struct engine *engine, const struct model *model,
                                const struct policy_table *tables, size_t len,
                                struct report *report)
{
    struct policy_probes probes = {0};
    struct worker *worker = NULL;
    bool ok = true;

    policy_probes(t->mem, &model->policies, tables, len, &probes);
    for (size_t i = 0; ok && i < probes.len; i++) {
        /* A worker that an error took with it is replaced. */
        ok = (worker != NULL
              || engine_lend(t, engine, WORKER_CHECK, STR("plan"), (struct engine_reach){0},
                             &worker))
          && plan_probe(t, worker, &probes.at[i], report);
    }
    if (worker != NULL) {
        engine_return(t, worker);
    }
    return ok;
}

bool plan_check_policies(struct task *t, struct engine *engine, const struct model *model,
                         const struct labels *labels, struct report *report)
{
    struct {
        VEC_OF(struct policy_table)
    } tables = {0};

    if (model->policies.len == 0) {
        return true;
    }
    for (size_t i = 0; i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];

        for (size_t j = 0; j < product->outputs.len; j++) {
            const struct contract *contract = product->outputs.at[j].contract;

            for (size_t k = 0; k < contract->tables.len; k++) {
                plan_policy_table(t->mem, product, contract, &contract->tables.at[k], labels,
                                  vec_add(t->mem, &tables));
            }
        }
    }
    policy_check(&model->policies, tables.at, tables.len, clock_now_us(), report);
    return report->errors > 0
        || plan_probe_policies(t, engine, model, tables.at, tables.len, report);
}
