/* Rules of a contract to SELECTs, and the answers of these to verdicts as people read them. */
#include "buf/buf.h"
#include "cases.h"
#include "check/check.h"
#include "limits/limits.h"
#include "test.h"
#include "yaml/yaml.h"
#include "json/json.h"

static const struct json_limits limits = {DOCUMENT_BYTES_MAX, DOCUMENT_DEPTH_MAX,
                                          DOCUMENT_NODES_MAX};

static const struct contract_table *read_table(struct task *t, const struct golden_case *c,
                                               struct buf *out)
{
    struct tree *document;
    struct report report;
    str file = STR("case.odcs.yaml");
    str text = arena_format(
        t->mem,
        "apiVersion: v3.1.0\nkind: DataContract\nid: case\nversion: 1.0.0\nstatus: active\n"
        "schema:\n" STR_FMT "\n",
        STR_ARG(golden_section(c, "schema")));
    report_init(&report, t->mem);
    if (!yaml_read(t, t->mem, text, file, YAML_MODE_YAML, &document)) {
        buf_add(out, t->err.message);
        return NULL;
    }
    struct contract *contract = contract_read(t->mem, file, document, &report);
    for (size_t i = 0; i < report.len; i++)
        if (report.at[i].level == FINDING_ERROR)
            buf_format(out, "finding: " STR_FMT "\n", STR_ARG(report.at[i].message));
    return contract && contract->tables.len ? &contract->tables.at[0] : NULL;
}

/* Those of the contract, save the ones that the case says are gone. */
static struct job_columns read_columns(struct task *t, const struct golden_case *c,
                                       const struct contract_table *table)
{
    struct job_columns columns = {0};
    for (size_t i = 0; i < table->columns.len; i++)
        if (!str_eq(table->columns.at[i].name, golden_section(c, "gone")))
            vec_push(t->mem, &columns,
                     ((struct job_column){.name = table->columns.at[i].name,
                                          .type = table->columns.at[i].type}));
    return columns;
}

/* A line for each select: a row as JSON, or `error: ` and why. */
static bool read_answers(struct task *t, str lines, size_t len, const struct tree **answers,
                         str *errors)
{
    str line;
    for (size_t i = 0; i < len; i++) {
        struct tree *row;
        (void)str_cut(lines, '\n', &line, &lines);
        if (str_starts(line, STR("error: ")))
            errors[i] = str_from(line, 7);
        else if (line.len && !json_read(t, t->mem, line, &limits, &row))
            return false;
        else if (line.len)
            answers[i] = row;
    }
    return true;
}

/* For cases with a section `target`: which rows each rule fails on; relationships lead to that table. */
static str print_predicates(struct task *t, const struct golden_case *c,
                            const struct contract_table *table, struct buf *out)
{
    struct job_columns columns = read_columns(t, c, table);
    for (size_t i = 0; i < table->rules.len; i++) {
        const struct contract_rule *rule = &table->rules.at[i];
        struct check_target target = {
            .rule = rule, .view = golden_section(c, "target"), .columns = rule->relation.columns};
        struct check_predicate predicate;
        if (check_predicate(t->mem, rule, &columns, &target, &predicate))
            buf_format(out, STR_FMT ":%s " STR_FMT "\n", STR_ARG(rule->id),
                       predicate.is_window ? " window:" : "", STR_ARG(predicate.test));
        else
            buf_format(out, STR_FMT ": none: " STR_FMT "\n", STR_ARG(rule->id),
                       STR_ARG(predicate.problem));
    }
    return buf_str(out);
}

static str check_one(struct task *t, const struct golden_case *c)
{
    struct buf *out = buf_new(t->mem, 1 << 20);
    const struct contract_table *table = read_table(t, c, out);
    struct check_result *results;
    struct check_plan plan;
    size_t len;
    if (!table)
        return buf_str(out);
    if (golden_section(c, "target").len)
        return print_predicates(t, c, table, out);
    struct job_columns columns = read_columns(t, c, table);
    if (!check_compile(t->mem, table, STR("self.t"), &columns, NULL, &plan))
        return STR("does not compile");
    for (size_t i = 0; i < plan.selects.len; i++)
        buf_format(out, "%s: " STR_FMT "\n", plan.selects.at[i].is_foreign ? "sql" : "own",
                   STR_ARG(plan.selects.at[i].text));
    const struct tree **answers = ARENA_ARRAY(t->mem, const struct tree *, plan.selects.len + 1);
    str *errors = ARENA_ARRAY(t->mem, str, plan.selects.len + 1);
    if (!read_answers(t, golden_section(c, "answers"), plan.selects.len, answers, errors))
        return t->err.message;
    check_judge(t->mem, &plan, answers, errors, &results, &len);
    for (size_t i = 0; i < len; i++)
        buf_format(out, "%s: " STR_FMT "\n", verdict_name(results[i].verdict),
                   STR_ARG(results[i].message));
    return buf_str(out);
}

TEST(golden_check)
{
    EXPECT(golden_run("check", check_one) > 0);
}
