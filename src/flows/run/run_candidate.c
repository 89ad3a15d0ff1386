#include "run/run_candidate.h"

#include "clock/clock.h"
#include "release/release_candidate.h"
#include "run_inside.h"

enum { CANDIDATE_MESSAGE_BYTES_MAX = 16 << 10 };

static str cut(str text)
{
    return str_sub(text, 0, CANDIDATE_MESSAGE_BYTES_MAX);
}

/* What ends the work itself, and says nothing of any consumer. */
static bool ends_work(enum error_code code)
{
    return code == ERR_CANCELLED || code == ERR_CONFLICT || code == ERR_FULL || code == ERR_IO
        || code == ERR_INTERNAL || code == ERR_CORRUPT || code == ERR_TOO_MANY;
}

/* It fails without any candidate too: an input that it may not read or that has no release, a source that is down or has drifted. */
static bool is_own_trouble(const struct task *t, const struct run *r)
{
    enum error_code code = t->err.code;

    return code == ERR_DENIED || code == ERR_SOURCE || code == ERR_DRIFT
        || (code == ERR_CHECK_FAILED && r->outputs.len == 0);
}

static void add_build(struct task *t, const struct run *r, bool ok, struct release_verdicts *out)
{
    struct release_verdict verdict = {.consumer = r->product,
                                      .kind = STR("build"),
                                      .name = STR("SELECTs"),
                                      .verdict = STR("pass")};

    if (!ok && is_own_trouble(t, r)) {
        verdict.verdict = str_of(verdict_name(VERDICT_NOT_EXECUTABLE));
    } else if (!ok && t->err.code != ERR_CHECK_FAILED) {
        verdict.verdict = str_of(verdict_name(VERDICT_ERROR));
        verdict.blocks = true;
    }
    if (!str_eq(verdict.verdict, STR("pass"))) {
        verdict.message = cut(arena_str(t->mem, t->err.message));
    }
    vec_push(t->mem, out, verdict);
}

/* Most names say already of which columns the rule is. */
static str check_name(struct arena *mem, const struct run_table *table,
                      const struct contract_rule *rule)
{
    str name = rule->name.len ? rule->name : rule->id.len ? rule->id : contract_rule_kind(rule);
    str columns = str_list_join(mem, &rule->columns, STR(", "));
    bool is_said = columns.len == 0 || str_find(name, columns) < name.len;

    return arena_format(mem, "%.*s: %.*s%s%.*s", STR_ARG(table->name), STR_ARG(name),
                        is_said ? "" : " of ", STR_ARG(is_said ? STR_NONE : columns));
}

static void add_check(struct task *t, const struct run *r, const struct run_table *table,
                      const struct check_result *result, struct release_verdicts *out)
{
    const struct contract_rule *rule = result->rule;
    bool has_passed = result->verdict == VERDICT_PASS;

    vec_push(t->mem, out,
             ((struct release_verdict){.consumer = r->product,
                                       .kind = STR("check"),
                                       .name = check_name(t->mem, table, rule),
                                       .verdict = str_of(verdict_name(result->verdict)),
                                       .blocks = rule->effect == RULE_REJECTS && run_fails(result),
                                       .message = has_passed ? STR_NONE : cut(result->message)}));
}

static void add_requirement(struct task *t, const struct run *r, const struct require_verdict *of,
                            struct release_verdicts *out)
{
    vec_push(t->mem, out,
             ((struct release_verdict){
                 .consumer = r->product,
                 .kind = STR("check"),
                 .name = arena_format(t->mem, "requirement %.*s", STR_ARG(of->policy->id)),
                 .verdict = str_of(verdict_name(of->verdict)),
                 .blocks = !of->policy->is_warning && of->verdict != VERDICT_PASS,
                 .message = cut(of->message)}));
}

static void add_verdicts(struct task *t, const struct run *r, bool ok, struct release_verdicts *out)
{
    add_build(t, r, ok, out);
    for (size_t i = 0; i < r->outputs.len; i++) {
        for (size_t k = 0; k < r->outputs.at[i].verdict_count; k++) {
            add_check(t, r, &r->outputs.at[i], &r->outputs.at[i].verdicts[k], out);
        }
    }
    for (size_t i = 0; i < r->required.verdicts.len; i++) {
        add_requirement(t, r, &r->required.verdicts.at[i], out);
    }
}

static bool try_consumer(struct task *t, const struct run_candidate *c,
                         const struct image_product *consumer)
{
    struct run r = {.services = c->run.services,
                    .product = consumer->address,
                    .candidate_of = c->run.target->id};
    struct release_verdicts verdicts = {0};

    t->deadline_ms =
        clock_monotonic_ms() + CONFIG_INT(c->run.services->config, run_timeout_s) * 1000;
    bool ok = run_try(t, &r);
    if (!ok) {
        (void)gate_withdrawn(t, c->run.services->gate);
    }
    if (!ok && ends_work(t->err.code)) {
        return false;
    }
    add_verdicts(t, &r, ok, &verdicts);
    task_clear_error(t);
    return release_candidate_judge(t, c->run.services->db, c->run.id, &verdicts, false);
}

static bool reads_target(const struct run_candidate *c, const struct image_product *product)
{
    const struct model_product *definition = product->definition;

    for (size_t i = 0; i < definition->inputs.len; i++) {
        if (definition->inputs.at[i].producer == c->run.target->definition) {
            return !str_eq(definition->status, STR("retired"));
        }
    }
    return false;
}

bool run_candidate(struct task *t, struct run_candidate *c)
{
    c->run.is_candidate = true;
    if (!run_product(t, &c->run)) {
        return false;
    }
    for (size_t i = 0; i < c->run.image->products.len; i++) {
        const struct image_product *product = &c->run.image->products.at[i];
        struct arena_mark mark = arena_mark(t->mem);

        if (!reads_target(c, product)) {
            continue;
        }
        /* Which one is not said: who follows the run need not know of it. */
        c->consumers++;
        run_progress(t, &c->run, "try", arena_format(t->mem, "reader %zu", c->consumers), -1);
        if (!try_consumer(t, c, product)) {
            return false;
        }
        arena_rewind(t->mem, mark);
    }
    return true;
}
