/* Unit tests of those who read a candidate, as the files of the mesh are now. */
#include "document/document.h"
#include "plan_inside.h"
#include "release/release_candidate.h"

static bool reads(const struct model_product *product, const struct model_product *producer)
{
    for (size_t i = 0; i < product->inputs.len; i++) {
        if (product->inputs.at[i].producer == producer) {
            return true;
        }
    }
    return false;
}

static bool has_cases(const struct model *model, const struct model_product *producer)
{
    for (size_t i = 0; i < model->product_cases.len; i++) {
        if (reads(model->product_cases.at[i].product, producer)) {
            return true;
        }
    }
    return false;
}

static void add_results(struct task *t, const struct plan_case_results *results,
                        struct release_verdicts *out)
{
    for (size_t i = 0; i < results->len; i++) {
        const struct plan_case_result *result = &results->at[i];

        vec_push(t->mem, out,
                 ((struct release_verdict){
                     .consumer = result->subject,
                     .kind = STR("test"),
                     .name = result->name,
                     .verdict = result->has_passed ? STR("pass") : STR("fail"),
                     .blocks = !result->has_passed,
                     .message = result->has_passed
                                  ? STR_NONE
                                  : arena_format(t->mem, "weft test %.*s shows the difference",
                                                 STR_ARG(result->subject))}));
    }
}

/* Every text is compiled, since a test runs those of its product over the contracts of what it reads. */
static bool run_tests(struct task *t, struct services *s, const struct model *model,
                      const struct model_product *producer, struct report *report,
                      struct release_verdicts *out)
{
    struct label_traces traces = {0};
    struct plan_compiled_list compiled = {0};

    if (!plan_check_sql(t, s->engine, model, NULL, report, &traces, &compiled)) {
        return false;
    }
    for (size_t i = 0; report->errors == 0 && i < model->products.len; i++) {
        const struct model_product *product = model->products.at[i];
        struct plan_tests which = {.of_products = true, .product = product->address};
        struct plan_case_results results = {0};
        struct report findings;

        if (!reads(product, producer)) {
            continue;
        }
        report_init(&findings, t->mem);
        if (!plan_run_product_tests(t, s->engine, model, &compiled, &which, NULL, &findings,
                                    &results)) {
            return false;
        }
        add_results(t, &results, out);
    }
    return report->errors == 0
        || task_fail(t, ERR_INVALID, "the files of the mesh have errors by now");
}

bool plan_test_consumers(struct task *t, struct services *s, str product, str run_id)
{
    struct release_verdicts verdicts = {0};
    const struct model_product *producer;
    struct bundle bundle = {0};
    struct report report;
    struct model *model;

    report_init(&report, t->mem);
    if (!document_load(t, t->mem, s->db, &bundle) || !document_parse(t, t->mem, &bundle, &report)) {
        return false;
    }
    model = model_compile(t->mem, &bundle, &report);
    producer = report.errors == 0 ? model_find_product(model, product) : NULL;
    if (producer == NULL) {
        return task_fail(t, ERR_CONFLICT, "%.*s was changed by an apply meanwhile",
                         STR_ARG(product));
    }
    return (!has_cases(model, producer) || run_tests(t, s, model, producer, &report, &verdicts))
        && release_candidate_judge(t, s->db, run_id, &verdicts, true);
}
